"""Commands that keep the library right (维护的命令): what is to be done, and whether links hold."""

import sys
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer
from filelock import FileLock, Timeout
from rich.markup import escape
from rich.table import Table

from indexer import __version__
from indexer.build import site_address
from indexer.clock import today
from indexer.commandline import (
    POLICIES,
    SITE,
    AsJson,
    AsOf,
    Policies,
    WrongUse,
    load_entries,
    no_entry,
    project_root,
)
from indexer.gaps import Call, find_gaps, group_calls
from indexer.library import Library
from indexer.links import (
    LINKS,
    Address,
    Ledger,
    LinkFinding,
    LinksUnreadable,
    Records,
    State,
    count_states,
    find_addresses,
    find_findings,
    is_due,
    read_records,
    resting_hosts,
    save_records,
)
from indexer.owners import load_owners
from indexer.params import parse_params
from indexer.pins import load_pins
from indexer.problems import did_you_mean, shown
from indexer.reads import ReadsError, read_reads
from indexer.terminal import bar, err, out, print_json
from indexer.workdays import load_calendar
from indexer.worklist import NOBODY, Surroundings, Worklist, make_worklist
from indexer.worklistfiles import FileForm, days_told, later_told, render_calls, render_worklist

if TYPE_CHECKING:  # the extra `links` need not be installed
    from indexer.visits import Manners

SAVED_EVERY = 2.0  # seconds


def worklist(
    owner: Annotated[str | None, typer.Option(help="只看这个科室的。")] = None,
    gaps: Annotated[
        bool, typer.Option("--gaps", help="改列没有核实的：问谁、问什么，留出填答复的地方。")
    ] = False,
    out_file: Annotated[
        Path | None,
        typer.Option("--out", help=f"写进文件，按结尾定种类：{'、'.join(FileForm)}。"),
    ] = None,
    policies: Policies = POLICIES,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """待办清单：哪个科室、什么时候、要核对或者处理哪些条目。"""
    _, given = parse_params([("as_of", as_of)] if as_of is not None else [])
    form = _form_of(out_file, gaps, policies)
    day, library = given or today(), load_entries(policies)
    if gaps:
        _tell_gaps(_calls(library, owner), day, form, out_file, as_json)
        return
    listed = make_worklist(library, _surroundings(library), day)
    if owner is not None:
        _check_owner(owner, [share.name for share in listed.shares])
        listed = listed.of(owner)
    if out_file is not None and form is not None:
        _write(out_file, render_worklist(listed, form))
    if as_json:
        print_json(listed.to_dict())
    elif out_file is None:
        _print_worklist(listed)
    else:
        err.print(f"{listed.tasks} 件待办写进了 {escape(str(out_file))}。")


def _surroundings(library: Library) -> Surroundings:
    """Return what besides the entries makes work."""
    findings = find_findings(find_addresses(library), _known_records())
    return Surroundings(
        owners=load_owners(),
        pins=load_pins(),
        calendar=load_calendar(),
        links=list(findings),
        gaps=find_gaps(library),
    )


def _known_records() -> Records:
    try:
        return read_records(LINKS)
    except LinksUnreadable as error:
        err.print(escape(str(error)))
        return {}


def _form_of(out_file: Path | None, gaps: bool, policies: Path) -> FileForm | None:
    """Return what kind of file it is to be; one of the public site or an entry it may not be."""
    if out_file is None:
        return None
    allowed = [FileForm.MARKDOWN, FileForm.TABLE] if gaps else list(FileForm)
    ending = out_file.suffix.removeprefix(".").lower()
    if ending not in allowed:
        names = "、".join(f".{form}" for form in allowed)
        raise WrongUse(f"--out 的文件名要以 {names} 结尾，看到的是{shown(out_file.name)}。")
    for public in (SITE, Path("site"), policies):
        if out_file.resolve().is_relative_to(public.resolve()):
            raise WrongUse(f"待办清单只给单位内部用，不能放进 {public}；请换一个文件夹。")
    return FileForm(ending)


def _check_owner(owner: str, known: Sequence[str]) -> None:
    if owner not in known:
        hint = did_you_mean(owner[:80], known) or f"有的是：{'、'.join(known)}。"
        raise WrongUse(f"没有科室{shown(owner)}。{hint}")


def _write(out_file: Path, data: bytes) -> None:
    try:
        out_file.write_bytes(data)
    except OSError:
        raise WrongUse(f"写不了 {out_file}，请核对文件夹在不在、能不能写。") from None


def _print_worklist(listed: Worklist) -> None:
    for share in listed.shares:
        out.print(f"[bold]{escape(share.name)}[/bold]（{len(share.tasks)} 件）")
        for section, tasks in share.by_section():
            table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
            for column in ("day", "left", "what"):
                table.add_column(column, no_wrap=column != "what", overflow="fold")
            for task in tasks:
                left = days_told(task, listed.as_of)
                about = (
                    f"[bold]{escape(task.title)}[/bold] [dim]{task.slug}[/dim]\n"
                    if task.slug
                    else ""
                )
                told = f"{about}{escape(task.what)}\n[dim]{escape(task.why)}[/dim]"
                style = "red" if left.startswith("过了") else ""
                table.add_row(f"  {task.day or ''}", left, told, style=style)
            out.print(f"  {section.value}（{len(tasks)}）")
            out.print(table, soft_wrap=False)
        if not share.tasks:
            out.print("  现在没有要做的。")
        if share.later:
            out.print(f"  {later_told(share)}")
        out.print()
    out.print(f"按 {listed.as_of} 列出，共 {listed.tasks} 件。")


# Gaps


def _calls(library: Library, owner: str | None) -> tuple[Call, ...]:
    """Return what is to be asked about the entries of one department, or of all."""
    owners = load_owners()
    names = {
        entry.policy.slug: owners.owner_of(entry.policy) or NOBODY for entry in library.entries
    }
    if owner is not None:
        _check_owner(owner, sorted(set(names.values())))
    found = find_gaps(library)
    return group_calls(gap for gap in found if owner in (None, names[gap.entry.policy.slug]))


def _tell_gaps(
    calls: Sequence[Call], day: date, form: FileForm | None, out_file: Path | None, as_json: bool
) -> None:
    if out_file is not None and form is not None:
        _write(out_file, render_calls(calls, form, day))
    count = sum(len(call.items) for call in calls)
    if as_json:
        rows = [
            {"ask": call.ask, "hints": call.hints, "items": [item.to_dict() for item in call.items]}
            for call in calls
        ]
        print_json({"as_of": day.isoformat(), "calls": rows})
    elif out_file is not None:
        err.print(
            f"{count} 件没有核实的，分成 {len(calls)} 处去问，写进了 {escape(str(out_file))}。"
        )
    else:
        sys.stdout.write(render_calls(calls, FileForm.MARKDOWN, day).decode())


# Links


def links(
    only: Annotated[list[str] | None, typer.Option(help="只看这个条目，可以写几次。")] = None,
    reads: Annotated[
        Path | None,
        typer.Option(help="阅读次数（CSV：slug,reads，或者服务的 /metrics）：先看读得最多的。"),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="今天看过的也再看。")] = False,
    pause: Annotated[int, typer.Option(min=0, max=60, help="同一个网站，两次之间停几秒。")] = 1,
    policies: Policies = POLICIES,
    as_json: AsJson = False,
) -> None:
    """看网址：条目里写的网址还在不在、搬没搬、内容变没变。"""
    try:
        from indexer.visits import Manners
    except ModuleNotFoundError as error:
        raise WrongUse(
            f"没有装看网址要用的 {error.name}，"
            f"请在政策库的文件夹里运行 {sys.executable} -m pip install -e '.[links]'。"
        ) from None
    try:
        counted = read_reads(reads) if reads else {}
    except ReadsError as error:
        raise WrongUse(str(error)) from None
    library = load_entries(policies)
    addresses = _chosen(find_addresses(library, counted), library, only or [])
    site = site_address(project_root())
    agent = f"policykb/{__version__}" + (f" (+{site})" if site.isascii() and site else "")
    LINKS.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(LINKS.with_name(f".{LINKS.name}.lock"), timeout=0):
            records = _known_records()
            asked, ledger = _look(
                addresses, records, Manners(agent=agent, pause=pause), again, today(), not only
            )
    except Timeout:
        raise WrongUse("另一个程序正在看网址，请等它看完。") from None
    _tell_links(addresses, ledger, asked, policies, as_json)


def _chosen(addresses: list[Address], library: Library, only: Sequence[str]) -> list[Address]:
    """Return the addresses of the entries that were named, or all."""
    for slug in only:
        if slug not in library.by_slug:
            raise no_entry(slug, library.by_slug, library.former)
    named = (
        Address(address.url, tuple(p for p in address.places if p.entry.policy.slug in only))
        for address in addresses
    )
    return [address for address in named if address.places] if only else addresses


def _look(
    addresses: Sequence[Address],
    records: Records,
    manners: "Manners",
    again: bool,
    day: date,
    whole: bool,
) -> tuple[int, Ledger]:
    """Ask what is due, and keep what was seen also when it is interrupted."""
    from indexer.visits import Question, is_inner_name, visit_all

    resting = resting_hosts(records, day)
    due = [a for a in addresses if is_due(a, records, day, again) and a.host not in resting]
    inner = frozenset(a.host for a in addresses if is_inner_name(a.host))
    ledger = Ledger(records, inner, day)
    questions = [Question(address.url, records.get(address.url)) for address in due]
    if whole:
        _forget(records, addresses)
    saved, done = monotonic(), 0
    try:
        with bar("看网址") as step:
            for visit in visit_all(questions, inner, manners, day):
                ledger.take(visit.url, visit.seen)
                done += 1
                step(done, len(due))
                if monotonic() > saved + SAVED_EVERY:
                    save_records(LINKS, records)
                    saved = monotonic()
    except KeyboardInterrupt:
        err.print(f"看过的 {done} 个已经记下，下次接着看。")
        raise
    finally:
        save_records(LINKS, records)
    return done, ledger


def _forget(records: Records, addresses: Iterable[Address]) -> None:
    """Forget the addresses that no entry names any more."""
    named = {address.url for address in addresses}
    for url in [url for url in records if url not in named]:
        del records[url]


def _tell_links(
    addresses: Sequence[Address], ledger: Ledger, asked: int, policies: Path, as_json: bool
) -> None:
    """Say what was found, and exit 1 where something is dead."""
    findings = list(find_findings(addresses, ledger.records))
    count = count_states(addresses, ledger.records)
    if as_json:
        told = {"addresses": len(addresses), "asked": asked, "unproven": len(ledger.unproven)}
        rows = [found.to_dict() for found in findings]
        print_json({**told, "states": count.states, "changed": count.changed, "findings": rows})
    else:
        _print_links(findings, policies)
        _print_count(addresses, asked, ledger)
    nothing = ledger.unproven and len(ledger.unproven) == asked
    raise typer.Exit(1 if count.states[State.DEAD] and not nothing else 0)


def _print_links(findings: Sequence[LinkFinding], policies: Path) -> None:
    for found in findings:
        place = f"{policies.name}/{found.path}:{found.line} {found.field}"
        out.print(f"{escape(place)}：{escape(found.url)} {escape(found.message)}")
        out.print(f"    {escape(found.what)}")


def _print_count(addresses: Sequence[Address], asked: int, ledger: Ledger) -> None:
    count = count_states(addresses, ledger.records)
    states = count.states
    unproven = ledger.unproven
    if unproven and len(unproven) == asked:
        answered = any(seen.status for seen in unproven)
        told = "没有一个网站好好答复" if answered else "没有连上任何一个网站"
        out.print(f"{told}，可能不能上外网；什么也没有记成打不开。")
        return
    if unproven:
        out.print(f"有 {len(unproven)} 个没有看成，它们那边的都没有看成，不算打不开。")
    out.print(
        f"条目里有 {len(addresses)} 个网址，这次看了 {asked} 个。现在：正常 {states[State.OK]}，"
        f"搬走 {states[State.MOVED]}，打不开 {states[State.DEAD]}，说不准 {states[State.UNKNOWN]}；"
        f"内容变了还没有核对的 {count.changed}。"
    )
