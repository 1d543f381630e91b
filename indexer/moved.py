"""Addresses that once were (曾用的条目名): what was renamed, what was withdrawn, and why.

They stand in `policies/moved.yml`, so that an old link, bookmark or printed code leads on.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from indexer.entryfile import revise_entry, split_entry
from indexer.frontmatter import FrontMatter, line_of, place_name, read_front_matter
from indexer.policy import SLUG_PATTERN
from indexer.privacy import find_personal_data
from indexer.problems import Problem, did_you_mean, shown

MOVED_FILE = "moved.yml"
MAX_BYTES = 1_000_000
MAX_REASON = 300
RENAMED, WITHDRAWN = "renamed", "withdrawn"
_KEYS = {
    RENAMED: ("from", "to", "date"),
    WITHDRAWN: ("from", "title", "reason", "instead", "date"),
}
_HEADER = """# 曾用的条目名：改了名的（renamed）和撤下的（withdrawn），旧网址靠它说明现在去哪里看。
# 由 policykb rename 和 policykb withdraw 写；手改以后请运行 policykb check。
"""


@dataclass(frozen=True)
class Move:
    """One name that is no more: the entry went on as `to`, or was withdrawn for a `reason`."""

    slug: str
    day: date
    to: str = ""
    title: str = ""
    reason: str = ""
    instead: str = ""

    @property
    def is_withdrawn(self) -> bool:
        """Whether there is no such entry any more."""
        return not self.to

    @property
    def successor(self) -> str:
        """The entry to look at now; empty where there is none."""
        return self.to or self.instead

    def __str__(self) -> str:
        if not self.is_withdrawn:
            return f"{shown(self.slug)}已经改名为 {self.to}，请用新的条目名。"
        instead = f"现在请看 {self.instead}。" if self.instead else ""
        title = f"（{self.title}）" if self.title else ""
        return (
            f"{shown(self.slug)}{title}已经在 {self.day} 撤下，原因：{self.reason.rstrip('。')}。"
            f"{instead}不清楚的请打 12345 问。"
        )

    def to_row(self) -> dict[str, str]:
        """Return the move as the file has it."""
        values = (self.slug, self.to, self.title, self.reason, self.instead, self.day.isoformat())
        names = ("from", "to", "title", "reason", "instead", "date")
        return {name: value for name, value in zip(names, values, strict=True) if value}


def unknown_entry(slug: str, slugs: Iterable[str], former: Mapping[str, Move]) -> str:
    """Return what to tell whoever asks for an entry that there is not."""
    if slug in former:
        return str(former[slug])
    return f"没有条目{shown(slug)}。{did_you_mean(slug[:80], slugs)}"


def read_moves(root: Path) -> tuple[tuple[Move, ...], FrontMatter, list[Problem]]:
    """Return what the file of a library says, with the places, and what cannot be understood."""
    path = root / MOVED_FILE
    name = f"{root.name}/{MOVED_FILE}" if root.name else MOVED_FILE
    if not path.exists():
        return (), FrontMatter(), []
    try:
        if path.stat().st_size > MAX_BYTES or not path.is_file():
            raise OSError
        front = read_front_matter(path.read_text(encoding="utf-8-sig"), first_line=1)
    except (OSError, UnicodeDecodeError):
        message = f"读不出来：要是普通文件，存成 UTF-8，不超过 {MAX_BYTES:,} 字节。"
        return (), FrontMatter(), [Problem(name, 1, "", message)]
    problems = [Problem(name, m.line, m.field, m.message) for m in front.mistakes]
    moves = []
    for loc, row in _rows(front, problems, name):
        found = list(_mistakes_in(loc[0], row))
        for field, message in found:
            place = (*loc, field) if field else loc
            problems.append(Problem(name, line_of(front.lines, place), place_name(place), message))
        if not found:
            moves.append(make_move(row))
    return tuple(moves), front, problems


def _rows(
    front: FrontMatter, problems: list[Problem], name: str
) -> Iterator[tuple[tuple[str, int], dict[str, Any]]]:
    """Yield each row with its place; note what is no row."""
    for key, rows in front.values.items():
        line = line_of(front.lines, (key,))
        if key not in _KEYS:
            hint = did_you_mean(key, _KEYS) or f"只能写 {RENAMED}（改名）、{WITHDRAWN}（撤下）。"
            problems.append(Problem(name, line, place_name((key,)), f"没有这一项。{hint}"))
        elif not isinstance(rows, list):
            problems.append(Problem(name, line, key, "要写成一条一条的，每条以“- ”开头。"))
        else:
            for number, row in enumerate(rows):
                if isinstance(row, dict):
                    yield (key, number), row
                else:
                    line = line_of(front.lines, (key, number))
                    message = f"要分项写（{'、'.join(_KEYS[key])}），看到的是{shown(row)}。"
                    problems.append(Problem(name, line, place_name((key, number)), message))


def _mistakes_in(kind: str, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield field and message of everything that is wrong with one row by itself."""
    for field in sorted(row.keys() - set(_KEYS[kind])):
        hint = did_you_mean(field, _KEYS[kind]) or f"可以写的有：{'、'.join(_KEYS[kind])}。"
        yield field, f"没有这个字段。{hint}"
    for field in _KEYS[kind]:
        value = row.get(field)
        if value is None:
            if field not in ("instead", "title"):
                yield "", f"缺少 {field}。"
        elif not isinstance(value, str) or not value.strip():
            yield field, "这里只写一个值，不能空着。"
        elif field in ("from", "to", "instead"):
            if not re.fullmatch(SLUG_PATTERN, value) or len(value) > 80:
                yield field, f"{shown(value)}不能作条目名：只用小写英文字母、数字和连字符。"
        elif field == "date":
            if _read_day(value) is None:
                yield field, f"{shown(value)}不是日期，请写成 2024-03-01。"
        else:
            yield from ((field, message) for message in mistakes_in_text(value))


def mistakes_in_text(text: str) -> Iterator[str]:
    """Yield what is wrong with words that everybody will read: too many, or about a person."""
    if len(text) > MAX_REASON:
        yield f"太长了，最多 {MAX_REASON} 个字，现在有 {len(text)} 个。"
    for found in find_personal_data(text):
        yield f"这里有{found.kind}（{found.masked}），网页上谁都看得到，请删去。"


def make_move(row: Mapping[str, str]) -> Move:
    """Return a row of the file, which has no mistake, as a move."""
    others = {name: row[name] for name in ("to", "title", "reason", "instead") if name in row}
    day = _read_day(row["date"])
    assert day is not None  # noqa: S101 - no row with another date comes here
    return Move(row["from"], day, **others)


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
    except ValueError:
        return None


def check_moves(
    moves: Sequence[Move], front: FrontMatter, slugs: set[str], prefix: str
) -> Iterator[Problem]:
    """Yield what of the moves does not fit the entries, or one another."""
    former: dict[str, Move] = {}
    for move in moves:
        for field, message in _misfits(move, former, {m.slug: m for m in moves}, slugs):
            loc = _place_of(move, field, front)
            line = line_of(front.lines, loc)
            yield Problem(prefix + MOVED_FILE, line, place_name(loc), message)
        former.setdefault(move.slug, move)


def _misfits(
    move: Move, before: Mapping[str, Move], former: Mapping[str, Move], slugs: set[str]
) -> Iterator[tuple[str, str]]:
    if move.slug in before:
        yield "from", f"{shown(move.slug)}写了两次，请只留一条。"
    if move.slug in slugs:
        yield (
            "from",
            f"政策库里有条目{shown(move.slug)}，它就不是曾用的名字。"
            "请给新条目换一个文件名；确实要用这个名字的，删掉这一条。",
        )
    field = "instead" if move.is_withdrawn else "to"
    target = move.successor
    if target == move.slug:
        yield field, "不能指向自己。"
    elif target in former and target not in slugs:
        yield field, _chain(move, former)
    elif target and target not in slugs:
        yield field, f"政策库里没有{shown(target)}。{did_you_mean(target, slugs)}"


def _chain(move: Move, former: Mapping[str, Move]) -> str:
    """Say where a chain of names ends."""
    way, last = [move.slug], move
    while last.successor in former and last.successor not in way:
        last = former[last.successor]
        way.append(last.slug)
    if last.successor in way:
        return f"绕成了一圈：{' → '.join([*way, last.successor])}，请核对。"
    if last.successor:
        return f"{shown(move.successor)}自己也改名或撤下了，请直接写 {last.successor}。"
    return f"{shown(move.successor)}已经撤下，请改写成 {WITHDRAWN} 里的一条。"


def _place_of(move: Move, field: str, front: FrontMatter) -> tuple[str | int, ...]:
    """Return the place of a move in its file: of two alike, that of the last."""
    kind = WITHDRAWN if move.is_withdrawn else RENAMED
    rows = front.values.get(kind, [])
    numbers = [n for n, row in enumerate(rows) if isinstance(row, dict) and same_row(row, move)]
    return (kind, numbers[-1], field) if numbers else (kind,)


def same_row(row: Mapping[str, Any], move: Move) -> bool:
    """Tell whether a row of the file is this move."""
    return {name: value for name, value in row.items() if value} == move.to_row()


def rename_in(moves: Iterable[Move], old: str, new: str, day: date) -> tuple[Move, ...]:
    """Return the moves after a rename: all lead to the new name in one step."""
    turned = (
        replace(
            move,
            to=new if move.to == old else move.to,
            instead=new if move.instead == old else move.instead,
        )
        for move in moves
    )
    return (*(move for move in turned if move.slug != new), Move(old, day, to=new))


def withdraw_in(moves: Iterable[Move], gone: Move) -> tuple[Move, ...]:
    """Return the moves after a withdrawal: what led to the entry tells of it as well."""
    kept = []
    for move in moves:
        if move.to == gone.slug:
            move = replace(gone, slug=move.slug)
        elif move.instead == gone.slug:
            move = replace(move, instead=gone.instead)
        kept.append(move)
    return (*kept, gone)


def write_moves(text: str, moves: Iterable[Move]) -> str:
    """Return the file with these moves; its opening remarks stay, and lists that are the same."""
    rows: dict[str, list[dict[str, str]]] = {RENAMED: [], WITHDRAWN: []}
    for move in moves:
        rows[WITHDRAWN if move.is_withdrawn else RENAMED].append(move.to_row())
    text = text.removeprefix("\ufeff").replace("\r\n", "\n") or _HEADER
    remarks = re.match(r"(?:(?:---|#.*)?\n)*", text)
    start = remarks.end() if remarks else 0
    head, _ = split_entry(revise_entry(f"---\n{text[start:].rstrip()}\n---\n", rows))
    return text[:start] + head.lstrip("\n")
