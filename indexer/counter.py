"""Commands for the window (窗口的命令): notices and their proof, due dates, bundles."""

import sys
from pathlib import Path
from typing import Annotated

import typer
import typer.core
from rich.markup import escape

from indexer import notices, proof
from indexer.build import site_address
from indexer.bundles import plan_bundle
from indexer.checkcodes import read_code
from indexer.clock import today
from indexer.commandline import (
    INDEX,
    POLICIES,
    AsJson,
    AsOf,
    IndexDir,
    Policies,
    WrongUse,
    load_entries,
    no_entry,
    project_root,
)
from indexer.duedates import calculate, terms_of
from indexer.filings import parse_due
from indexer.index import open_index
from indexer.library import Library
from indexer.notices import Format
from indexer.params import parse_params
from indexer.reminders import known_dues, write_reminders
from indexer.terminal import (
    as_json_bytes,
    err,
    print_due,
    print_json,
    print_plan,
    print_proof,
)
from indexer.workdays import load_calendar


def notice(
    slug: Annotated[str | None, typer.Argument(help="哪个办事事项（条目名）。")] = None,
    situation: Annotated[
        list[str] | None, typer.Option(help="办事人是哪种情形，可以写几次；不写就都列出。")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", help=f"哪种文件：{'、'.join(Format)}。")
    ] = None,
    out_file: Annotated[Path | None, typer.Option("--out", help="写进哪个文件。")] = None,
    verify: Annotated[
        str | None, typer.Option("--verify", help="核验码：重新生成当时的告知单，列出此后的变化。")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="网站的网址，印成二维码；默认用 mkdocs.yml 的 site_url。")
    ] = None,
    policies: Policies = POLICIES,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """一次告知单：按办事人的情形列出材料、步骤、时限；或者按核验码查当时告知了什么。"""
    if (slug is None) == (verify is None):
        raise WrongUse("写一个条目名，例如 drainage-discharge-permit；或者用 --verify 写核验码。")
    if verify is not None and (situation or as_of):
        raise WrongUse("--verify 的情形和日期都在核验码里，不用再写 --situation、--as-of。")
    chosen_form = _form_of(form, out_file)
    base = site_address(project_root()) if address is None else address
    library = load_entries(policies)
    if verify is not None:
        _verify(verify, library, chosen_form, out_file, base, as_json)
        return
    _, day = parse_params([("as_of", as_of)] if as_of is not None else [])
    find = notices.sources_of_library(library)
    if slug not in library.by_slug:
        raise no_entry(slug or "", library.by_slug, library.former)
    notice = notices.make_notice(find, slug, situation or [], day or today(), base)
    told = as_json_bytes(notice.to_dict()) if as_json else notices.render(notice, chosen_form)
    _put(told, out_file)
    if chosen_form is not Format.TEXT and not notice.link:
        err.print("没有网站的网址，这份告知单不印二维码；可以用 --address 写上。")


def _form_of(name: str | None, out_file: Path | None) -> Format:
    """Return the form that was asked for: by name, or by the name of the file."""
    ending = out_file.suffix.removeprefix(".").lower() if out_file else ""
    form = notices.read_format(name or (ending if ending in list(Format) else Format.TEXT))
    if form in (Format.DOCX, Format.PDF) and out_file is None:
        raise WrongUse(f"{form} 要用 --out 写明放在哪个文件。")
    return form


def _verify(
    text: str, library: Library, form: Format, out_file: Path | None, address: str, as_json: bool
) -> None:
    """Tell what a check code stands for, make that notice again, and say what has changed."""
    code = read_code(text)
    with err.status("正在查历史……"):
        origin = proof.find_origin(code, library)
        then = proof.tell_then(origin, code, library)
        remade = proof.rebuild(origin, code, library, form, address) if out_file else b""
    find = notices.sources_of_library(library)
    now, gone = proof.present_notice(origin, find, today(), library.former)
    moved = library.former.get(origin.slug)
    changes = [str(moved)] if moved else []
    changes += [*(f"情形“{name}”现在没有了" for name in gone), *proof.changes_since(then, now)]
    late = proof.dated_before(then, library.root)
    if out_file is not None:
        _put(remade, out_file)
    if as_json:
        commit = origin.commit and {"id": origin.commit.id, "day": origin.commit.day.isoformat()}
        since = late and late.isoformat()
        print_json({"notice": then, "commit": commit, "since": since, "changes": changes})
    else:
        print_proof(then, origin.commit, late, changes, out_file)


def _put(data: bytes, out_file: Path | None) -> None:
    """Write into a file, or print."""
    if out_file is None:
        sys.stdout.write(data.decode())
        return
    try:
        out_file.write_bytes(data)
    except OSError:
        raise WrongUse(f"写不了 {out_file}，请核对文件夹在不在、能不能写。") from None


def due(
    slug: Annotated[str, typer.Argument(help="条目名，例如 road-excavation。")],
    accepted: Annotated[
        str | None, typer.Option(help="受理日，例如 2026-09-25；不写就是今天。")
    ] = None,
    pause: Annotated[
        list[str] | None,
        typer.Option(help="停算：2026-09-28..2026-10-12=补正，可以写几次。"),
    ] = None,
    excluded: Annotated[
        list[str] | None,
        typer.Option(help="不算在内的：2026-10-13..2026-10-20=检测，可以写几次。"),
    ] = None,
    extended: Annotated[bool, typer.Option("--extended", help="经批准延长了。")] = False,
    situation: Annotated[
        list[str] | None, typer.Option(help="哪种情形，条目里分情形的才写，可以写几次。")
    ] = None,
    ics: Annotated[Path | None, typer.Option(help="把到期日写进这个日历文件（.ics）。")] = None,
    index_dir: IndexDir = INDEX,
    as_json: AsJson = False,
) -> None:
    """算办理期限到哪天：从受理日起，扣掉节假日和不算的时间，法定的和承诺的并列。"""
    pairs = [("slug", slug), ("accepted", accepted or str(today()))]
    pairs += [("pause", text) for text in pause or []]
    pairs += [("excluded", text) for text in excluded or []]
    pairs += [("situation", text) for text in situation or []]
    pairs += [("extended", "true")] if extended else []
    params = parse_due(pairs)
    with open_index(index_dir) as opened:
        record = opened.record(params.slug)
        if record is None:
            raise no_entry(slug, opened.slugs, opened.former)
    found = calculate(terms_of(record), params.filing, load_calendar())
    if as_json:
        print_json({"slug": slug, "title": record["title"], **found.to_dict()})
    else:
        print_due(record["title"], found)
    if ics is not None:
        if not known_dues(found):
            raise WrongUse(f"没有算得出来的到期日，没有写 {ics}。")
        _put(write_reminders(params.slug, record["title"], found, today()), ics)
        err.print(f"到期日写进了 {escape(str(ics))}。")


def bundle(
    slug: Annotated[str, typer.Argument(help="哪一件事（条目名）。")],
    index_dir: IndexDir = INDEX,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """一件事要办哪几项：先后、时限、材料合在一起。"""
    _, given = parse_params([("as_of", as_of)] if as_of is not None else [])
    day = given or today()
    with open_index(index_dir) as opened:
        record = opened.record(slug)
        if record is None:
            raise no_entry(slug, opened.slugs, opened.former)
        if "bundle" not in record:
            raise WrongUse(f"{slug} 不是一件事：它没有写 bundle（要办的几项）。")
        plan = plan_bundle(record, opened.record)
    if as_json:
        print_json({"slug": slug, "title": record["title"], "as_of": str(day), **plan.to_dict(day)})
    else:
        print_plan(record["title"], plan, day)
