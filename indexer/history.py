"""Commands for looking before one leaps (改动的命令): what changed since, and what that touches."""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from indexer.changereport import (
    Comparison,
    Part,
    render_markdown,
    render_text,
    tell_comparison,
    tell_standing,
)
from indexer.clock import today
from indexer.commandline import (
    JUDGED,
    PERSONAS,
    POLICIES,
    AsJson,
    AsOf,
    Policies,
    WrongUse,
    load_entries,
    no_entry,
)
from indexer.evaluate import Case, cases_of, read_judgements
from indexer.impact import assess, describe_standing, moved_ties
from indexer.library import Library
from indexer.params import parse_params
from indexer.personas import Persona, read_personas
from indexer.pins import load_pins
from indexer.revisions import NoHistory, head_of
from indexer.searchmoves import QueryMove, find_moves
from indexer.snapshots import (
    EntryChange,
    Snapshot,
    compare_snapshots,
    take_past,
    take_present,
)
from indexer.terminal import as_json_bytes, bar, err, print_json

Personas = Annotated[Path, typer.Option("--personas", help="虚构人物所在的文件夹。")]
Judged = Annotated[Path, typer.Option("--judgements", help="判定好的查询（CSV 或 JSONL）。")]
NoSearch = Annotated[
    bool, typer.Option("--no-search", help="不比检索结果（要建两份索引，最花时间）。")
]
Markdown = Annotated[bool, typer.Option("--markdown", help="按 Markdown 输出，可以贴进合并请求。")]
OutFile = Annotated[
    Path | None, typer.Option("--out", help="写进这个文件（Markdown；加 --json 写 JSON）。")
]


Measures = tuple[tuple[Persona, ...], tuple[Case, ...], tuple[str, ...]]


@dataclass(frozen=True)
class _Wanted:
    """How to compare: as of which day, by which people and queries, and whether to search."""

    day: date
    personas: Path
    judgements: Path
    search: bool

    def read(self, *libraries: Library) -> Measures:
        """Return the made-up people, the judged queries, and what of both is not there."""
        own = (case for library in libraries for case in cases_of(library))
        cases, left_out = list(dict.fromkeys(own)), []
        people: tuple[Persona, ...] = ()
        if _is_there(self.personas, PERSONAS, "--personas"):
            people = read_personas(self.personas)
        else:
            told = f"没有文件夹 {self.personas}，虚构人物的匹配结果没有比；用 --personas 指明。"
            left_out.append(told)
        if _is_there(self.judgements, JUDGED, "--judgements"):
            cases += read_judgements(self.judgements)
        else:
            told = f"没有文件 {self.judgements}，只比了条目自己的常见问法；用 --judgements 指明。"
            left_out.append(told)
        return people, tuple(cases), tuple(left_out)


def diff(
    revision: Annotated[
        str, typer.Argument(metavar="旧版本", help="和哪个版本比：分支、标签、提交号、HEAD~1。")
    ],
    other: Annotated[
        str | None, typer.Argument(metavar="[新版本]", help="不写就是现在的文件，没有提交的也算。")
    ] = None,
    no_search: NoSearch = False,
    personas: Personas = PERSONAS,
    judgements: Judged = JUDGED,
    markdown: Markdown = False,
    out_file: OutFile = None,
    policies: Policies = POLICIES,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """比较两个版本：哪些条目怎样变了，牵涉到哪些告知单、匹配结果、查询和条目。"""
    wanted = _Wanted(_day(as_of), personas, judgements, not no_search)
    with tempfile.TemporaryDirectory(prefix="policykb-") as name:
        folder = Path(name)
        before = take_past(policies, revision, folder / "old")
        after = take_past(policies, other, folder / "new") if other else _present(policies)
        told = _compare(before, after, wanted, folder)
    _tell(told.to_dict(), [tell_comparison(told)], as_json, markdown, out_file)
    raise typer.Exit(1 if told.problems[1] else 0)


def impact(
    slug: Annotated[str, typer.Argument(help="条目名，例如 permit-procedure。")],
    against: Annotated[str, typer.Option(help="和哪个版本比，看这次改动会怎样。")] = "HEAD",
    no_search: NoSearch = False,
    personas: Personas = PERSONAS,
    judgements: Judged = JUDGED,
    markdown: Markdown = False,
    out_file: OutFile = None,
    policies: Policies = POLICIES,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """一个条目牵涉到什么；条目改了还没有提交的，再看这次改动会带来什么。"""
    wanted = _Wanted(_day(as_of), personas, judgements, not no_search)
    library = load_entries(policies)
    if slug not in library.by_slug:
        raise no_entry(slug, library.by_slug, library.former)
    people, cases, left_out = wanted.read(library)
    judged = (case.slug for case in cases)
    standing = describe_standing(library, slug, people, judged, load_pins(), wanted.day)
    told, reason = _compare_one(slug, against, policies, wanted)
    parts = [tell_standing(standing), *([tell_comparison(told)] if told else [])]
    if reason:
        parts.append(Part("这次改动", (reason,)))
    elif left_out and not told:
        parts.append(Part("没有看的", left_out))
    content = {"standing": standing.to_dict(), "change": told.to_dict() if told else None}
    _tell(content | {"left_out": list(left_out)}, parts, as_json, markdown, out_file)


def _day(as_of: str | None) -> date:
    _, given = parse_params([("as_of", as_of)] if as_of is not None else [])
    return given or today()


def _present(policies: Path) -> Snapshot:
    if not policies.is_dir():
        raise WrongUse(f"没有文件夹 {policies}；用 --policies 指明政策库的位置。")
    return take_present(policies)


def _compare_one(
    slug: str, against: str, policies: Path, wanted: _Wanted
) -> tuple[Comparison | None, str]:
    """Return what the change to one entry does, the others left as they were; or why not."""
    try:
        head_of(policies)
    except NoHistory as error:
        return None, f"比不了：{error}"
    with tempfile.TemporaryDirectory(prefix="policykb-") as name:
        folder = Path(name)
        before, after = take_past(policies, against, folder / "old"), take_present(policies)
        found = [entry for entry in compare_snapshots(before, after) if entry.slug == slug]
        if not found:
            return None, f"和 {before.name} 一样，没有改动。"
        alone = _only(found[0], before, after)
        told = _compare(before, alone, wanted, folder)
    return told, ""


def _only(entry: EntryChange, before: Snapshot, after: Snapshot) -> Snapshot:
    """Return the old library with just one entry as it is now."""
    others = [one for one in before.library.entries if one.policy.slug != entry.old_slug]
    fresh = after.library.by_slug[entry.slug]
    entries = tuple(sorted([*others, fresh], key=lambda one: one.policy.slug))
    files = {path: data for path, data in before.files.items() if path != entry.old_path}
    return replace(
        after,
        library=Library(after.library.root, entries),
        files={**files, entry.new_path: after.files[entry.new_path]},
    )


def _compare(before: Snapshot, after: Snapshot, wanted: _Wanted, folder: Path) -> Comparison:
    """Return what differs between two states of the library, and all that follows."""
    entries = compare_snapshots(before, after)
    people, cases, left_out = wanted.read(before.library, after.library)
    moves: tuple[QueryMove, ...] | None = None
    if not wanted.search:
        left_out = (*left_out, "检索结果没有比（--no-search）。")
    elif not entries:
        moves = ()
    else:
        names = {entry.old_slug: entry.slug for entry in entries if entry.old_path}
        with bar("比检索") as step:
            moves = find_moves(
                before.library, after.library, cases, names, folder, wanted.day, step
            )
    return Comparison(
        before.name,
        after.name,
        wanted.day,
        entries,
        moved_ties(before.library, after.library, entries),
        assess(before.library, after.library, entries, people, wanted.day),
        moves,
        left_out,
        (before.problems, after.problems),
    )


def _is_there(path: Path, usual: Path, option: str) -> bool:
    """Tell whether a file or folder is there; one that somebody named must be."""
    if not path.exists() and path != usual:
        raise WrongUse(f"{option}：没有 {path}，请核对位置。")
    return path.exists()


def _tell(
    content: Mapping[str, Any],
    parts: Sequence[Part],
    as_json: bool,
    markdown: bool,
    out_file: Path | None,
) -> None:
    """Print the report in the form that was asked for, or write it into a file."""
    if as_json and out_file is None:
        print_json(content)
        return
    if as_json:
        text = as_json_bytes(content).decode()
    else:
        text = render_markdown(*parts) if markdown or out_file else render_text(*parts)
    if out_file is None:
        sys.stdout.write(text)
        return
    try:
        out_file.write_text(text, encoding="utf-8")
    except OSError:
        raise WrongUse(f"写不了 {out_file}，请核对文件夹在不在、能不能写。") from None
    err.print(f"写进了 {escape(str(out_file))}。")
