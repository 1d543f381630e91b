"""Commands for those who review (审核的命令): approving entries, and what readers propose."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core
from rich.markup import escape

from indexer.clock import today
from indexer.commandline import POLICIES, AsJson, Policies, WrongUse, load_entries, no_entry
from indexer.corrections import (
    KIND_LABELS,
    LONGEST,
    SHOWN_CHANGES,
    Case,
    Closing,
    Correction,
    Decision,
    Inbox,
    compare,
    tidy,
    write_markdown,
)
from indexer.library import Entry, Library
from indexer.loader import inspect_library
from indexer.privacy import find_personal_data
from indexer.problems import PolicyError, Problem, shown
from indexer.reviews import (
    NAMES,
    NameRefused,
    Review,
    Reviews,
    add_reviews,
    check_reviewed,
    check_reviews,
    contents_at,
    fold_name,
    read_name,
    read_reviews,
)
from indexer.revisions import SHORT, changed_lines, text_of
from indexer.terminal import bar, out, print_json, print_problems, problem_rows

CORRECTIONS = Path("corrections")


def approve(
    slugs: Annotated[list[str], typer.Argument(help="看过的条目（条目名），可以写几个。")],
    name: Annotated[str, typer.Option("--name", help="谁看的：姓名或岗位，由单位定。")],
    preview: Annotated[
        bool, typer.Option("--preview", help="只看改了什么、谁看过，不记下来。")
    ] = False,
    policies: Policies = POLICIES,
    as_json: AsJson = False,
) -> None:
    """审核：看过条目现在的内容，没有问题，记下是谁看的。"""
    entries = _find_entries(list(dict.fromkeys(slugs)), policies)
    reviews = read_reviews(policies)
    if reviews.problems:
        raise PolicyError(reviews.problems)
    person = _read_person(name, [] if preview else entries, reviews)
    readings = [_compare_with_last(entry, reviews, policies) for entry in entries]
    if not preview:
        new = [Review(e.policy.slug, e.digest, person, today()) for e in entries]
        add_reviews(policies, reviews, new)
        reviews = read_reviews(policies)
    if as_json:
        rows = [reading.to_dict(reviews) for reading in readings]
        print_json({"name": person, "saved": not preview, "entries": rows})
        return
    for reading in readings:
        _print_reading(reading)
        done = "只是看看，没有记下来" if preview else f"记下了：{person}"
        names = "、".join(reading.names(reviews)) or "还没有人"
        out.print(escape(f"  {done}。看过这一版的：{names}。"))


@dataclass(frozen=True)
class Reading:
    """An entry to approve: the review of an earlier content, and what has changed since."""

    entry: Entry
    last: Review | None
    changes: tuple[str, ...] | None  # None where the history does not know that content

    def names(self, reviews: Reviews) -> list[str]:
        return reviews.names_on((self.entry.policy.slug, self.entry.digest))

    def to_dict(self, reviews: Reviews) -> dict[str, Any]:
        return {
            "slug": self.entry.policy.slug,
            "title": self.entry.policy.title,
            "content": self.entry.digest,
            "last": {"name": self.last.name, "on": str(self.last.on)} if self.last else None,
            "changes": self.changes,
            "names": self.names(reviews),
        }


def check_review(
    library: Library, names: int | None, since: str | None, required: bool
) -> list[Problem]:
    """Return what is wrong with the reviews of a library, and which entries lack some."""
    if not required and (names is not None or since is not None):
        raise WrongUse("--names、--since 只和 --require-review 一起用。")
    reviews = read_reviews(library.root)
    problems = list(check_reviews(reviews, library.by_slug))
    if required:
        settled = contents_at(library.root, since) if since is not None else ()
        problems += check_reviewed(library, reviews, names or NAMES, settled)
    return problems


def _find_entries(slugs: Sequence[str], policies: Path) -> list[Entry]:
    """Return the entries with these slugs; what is wrong in other entries does not matter."""
    with bar("读取条目") as step:
        library, problems = inspect_library(policies, step)
    broken = [problem for problem in problems if Path(problem.path).stem in slugs]
    if broken:
        raise PolicyError(broken)
    for slug in slugs:
        if slug not in library.by_slug:
            raise no_entry(slug, library.by_slug, library.former)
    return [library.by_slug[slug] for slug in slugs]


def _read_person(name: str, entries: Sequence[Entry], reviews: Reviews) -> str:
    """Return the name; one that has read the content before cannot read it a second time."""
    try:
        person = read_name(name)
    except NameRefused as error:
        raise WrongUse(f"--name：{error}") from None
    again = [
        entry.policy.slug
        for entry in entries
        if fold_name(person) in map(fold_name, reviews.names_on((entry.policy.slug, entry.digest)))
    ]
    if again:
        raise WrongUse(
            f"{person}已经审核过 {'、'.join(again)} 现在的内容，再记一次不算；请另一个人来看。"
        )
    return person


def _compare_with_last(entry: Entry, reviews: Reviews, policies: Path) -> Reading:
    last = reviews.last_before(entry)
    before = text_of(policies, last.content) if last else None
    if before is None:
        return Reading(entry, last, None)
    now = (policies / entry.path).read_text(encoding="utf-8-sig")
    return Reading(entry, last, changed_lines(before, now))


def _print_reading(reading: Reading) -> None:
    policy, last = reading.entry.policy, reading.last
    out.print(
        f"[bold]{escape(policy.title)}[/bold]（{policy.slug}）　内容 {reading.entry.digest[:SHORT]}"
    )
    if last is None:
        out.print("  以前没有人审核过，请从头看。")
    elif reading.changes is None:
        out.print(f"  {last.on} 审核过另一版，历史里查不到那一版，请从头看。")
    else:
        out.print(f"  和 {last.on} 审核过的那一版比，改了：")
        _print_lines(reading.changes, "    ")


def _print_lines(lines: Sequence[str], indent: str) -> None:
    for line in lines[:SHOWN_CHANGES]:
        out.print(escape(f"{indent}{line}"))
    if len(lines) > SHOWN_CHANGES:
        out.print(f"{indent}……另外 {len(lines) - SHOWN_CHANGES} 行")


def corrections(
    number: Annotated[
        str | None, typer.Argument(help="只看这一条（编号），例如 2026-11-30-1。")
    ] = None,
    folder: Annotated[
        Path, typer.Option("--dir", help="读者的纠错放在哪个文件夹（serve --corrections）。")
    ] = CORRECTIONS,
    every: Annotated[bool, typer.Option("--all", help="处理过的也列出来。")] = False,
    decision: Annotated[
        str | None, typer.Option(help=f"怎样处理，写了就算处理完：{'、'.join(Decision)}。")
    ] = None,
    why: Annotated[str | None, typer.Option("--why", help="为什么这样处理。")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="写成 Markdown。")] = False,
    policies: Policies = POLICIES,
    as_json: AsJson = False,
) -> None:
    """读者的纠错：列出收到的、条目后来改了没有；处理完的写上怎样处理。"""
    if not folder.is_dir():
        raise WrongUse(f"没有文件夹 {folder}；用 --dir 指明 serve --corrections 写的那个。")
    inbox = Inbox(folder)
    kept, problems = inbox.read_all()
    library = load_entries(policies)
    chosen = _choose(kept, number, every)
    if decision is not None or why is not None:
        chosen = [inbox.close(_only(chosen, number), _closing(decision, why))]
    cases = [compare(correction, library) for correction in chosen]
    if as_json:
        rows = [case.to_dict() for case in cases]
        print_json({"corrections": rows, "problems": problem_rows(problems)})
    elif markdown:
        sys.stdout.write(write_markdown(cases))
    else:
        _print_cases(cases, len(kept))
    if not as_json:
        print_problems(problems)
    raise typer.Exit(1 if problems else 0)


def _choose(kept: Sequence[Correction], number: str | None, every: bool) -> list[Correction]:
    if number is None:
        return [correction for correction in kept if every or correction.closed is None]
    found = [correction for correction in kept if correction.number == number]
    if not found:
        raise WrongUse(f"没有编号{shown(number)}；不写编号就列出全部。")
    return found


def _only(chosen: Sequence[Correction], number: str | None) -> Correction:
    if number is None:
        raise WrongUse("一次处理一条：请写编号，例如 policykb corrections 2026-11-30-1。")
    return chosen[0]


def _closing(decision: str | None, why: str | None) -> Closing:
    """Return what was decided: both parts are needed, and neither tells of a person."""
    reason = tidy(why or "")
    if decision is None or not reason:
        raise WrongUse("--decision（怎样处理）和 --why（为什么）要一起写。")
    if decision not in list(Decision):
        raise WrongUse(f"--decision 只能是 {'、'.join(Decision)}，收到的是{shown(decision)}。")
    if len(reason) > LONGEST["why"]:
        raise WrongUse(f"--why：最多 {LONGEST['why']} 个字。")
    for found in find_personal_data(reason):
        raise WrongUse(f"--why：“{found.masked}”像是{found.kind}，请删去。")
    return Closing(Decision(decision), reason, today())


def _print_cases(cases: Sequence[Case], kept: int) -> None:
    for case in cases:
        correction, proposal = case.correction, case.correction.proposal
        name = f"{case.title}（{proposal.slug}）" if proposal.slug else case.title
        kind = KIND_LABELS[proposal.kind]
        out.print(f"[bold]{correction.number}[/bold]　{kind}　{escape(name)}")
        for line in proposal.text.split("\n"):
            out.print(escape(f"    {line}"))
        if proposal.basis:
            out.print(escape(f"    依据：{' '.join(proposal.basis.split())}"))
        out.print(f"  {case.state}{'：' if case.changes else '。'}")
        _print_lines(case.changes, "    ")
        if correction.closed is not None:
            closed = correction.closed
            out.print(escape(f"  {closed.decision}（{closed.on}）：{' '.join(closed.why.split())}"))
    out.print(f"列出 {len(cases)} 条，一共收到 {kept} 条。")
