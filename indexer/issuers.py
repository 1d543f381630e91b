"""Issuers (发文机关): which are registered, under which names, and which of them a text names."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from indexer.library import Library
from indexer.policy import LEXICON, Level, region_names
from indexer.problems import LexiconError, Problem, did_you_mean, read_lexicon, shown

ISSUERS_FILE = LEXICON / "issuers.yml"
_KEYS = ("name", "level", "region", "others")
_MANY = r"(?:等(?:[0-9一二三四五六七八九十]*个?(?:部门|单位))?)?(?:（[^（）]*）)?$"


@dataclass(frozen=True)
class Issuer:
    """One body that issues policies: its usual name, and how else it is written."""

    name: str
    level: Level
    region: str
    others: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of it."""
        return (self.name, *self.others)


@cache
def load_issuers(path: Path = ISSUERS_FILE) -> tuple[Issuer, ...]:
    """Read the issuers; raise LexiconError with everything that cannot be understood."""
    rows = read_lexicon(path) or []
    if not isinstance(rows, list):
        raise LexiconError(f"{path.name}：要写成一条一条的，每条以“- ”开头。")
    taken: dict[str, int] = {}
    mistakes = [
        f"{path.name} 第 {number} 条：{message}"
        for number, row in enumerate(rows, start=1)
        for message in _mistakes_in(row, number, taken)
    ]
    if mistakes:
        raise LexiconError("\n".join(mistakes))
    return tuple(_read(row) for row in rows)


def _mistakes_in(row: Any, number: int, taken: dict[str, int]) -> Iterator[str]:
    if not isinstance(row, dict):
        yield f"要分项写（{'、'.join(_KEYS)}）。"
        return
    for key in (key for key in row if key not in _KEYS):
        yield f"没有{shown(key)}这一项。{did_you_mean(str(key), _KEYS)}"
    others = row.get("others", [])
    if not isinstance(others, list):
        yield "others 要写成列表。"
        others = []
    for name in (row.get("name"), *others):
        if not isinstance(name, str) or not name.strip() or "、" in name:
            yield f"名称{shown(name)}不对：一条只写一个机关，不能空着，也不能有“、”。"
        elif name in taken:
            yield f"{shown(name)}在第 {taken[name]} 条已经有了。"
        else:
            taken[name] = number
    if row.get("level") not in list(Level):
        yield f"level 只能是 {'、'.join(Level)}，看到的是{shown(row.get('level'))}。"
    region = row.get("region")
    if region is not None and region not in region_names():
        yield f"regions.yml 里没有{shown(region)}。{did_you_mean(str(region), region_names())}"


def _read(row: Mapping[str, Any]) -> Issuer:
    others = tuple(row.get("others", ()))
    return Issuer(row["name"], Level(row["level"]), row.get("region", ""), others)


def issuers_in(text: str) -> list[str]:
    """Return the names in an entry's `issuer`: 财政部、税务总局等5部门 has two."""
    return [name for part in text.split("、") if (name := re.sub(_MANY, "", part.strip()))]


def rename_issuer(text: str, old: str, new: str) -> str:
    """Return an `issuer` with another name for one of those it names, the rest as it stands."""
    parts = text.split("、")
    whole = re.compile(rf"^(\s*){re.escape(old)}(?={_MANY})")
    return "、".join(whole.sub(rf"\g<1>{new}", part) for part in parts)


def with_usual_names(text: str) -> str:
    """Return an `issuer` with the usual name for each that is written another way."""
    usual = {other: issuer.name for issuer in load_issuers() for other in issuer.others}
    for name in issuers_in(text):
        text = rename_issuer(text, name, usual.get(name, name))
    return text


def check_issuers(library: Library) -> list[Problem]:
    """Return a reminder for each issuer that is not registered, at the first entry that has it.

    It is no mistake: an office's first entry may well be from a body that nobody has listed yet.
    """
    known = {name for issuer in load_issuers() for name in issuer.names}
    found: dict[str, Problem] = {}
    counts: dict[str, int] = {}
    prefix = f"{library.root.name}/" if library.root.name else ""
    for entry in library.entries:
        for name in issuers_in(entry.policy.issuer):
            if name not in known:
                counts[name] = counts.get(name, 0) + 1
                line = entry.line_of("issuer")
                found.setdefault(name, Problem(prefix + entry.path, line, "issuer", name))
    return [
        Problem(place.path, place.line, place.field, _unregistered(name, counts[name], known))
        for name, place in found.items()
    ]


def _unregistered(name: str, count: int, known: Iterable[str]) -> str:
    others = f"（{count} 个条目）" if count > 1 else ""
    hint = did_you_mean(name[:80], known)
    return (
        f"没有登记的发文机关{shown(name)}{others}。"
        f"{hint or '名称没有错的，请在 indexer/lexicon/issuers.yml 里加一条。'}"
    )
