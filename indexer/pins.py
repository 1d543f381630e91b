"""Pinned answers (置顶): what must come first for some queries, and until when."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from indexer.analysis import normalise
from indexer.problems import LexiconError, Problem, did_you_mean, read_lexicon, shown

PINS_FILE = Path(__file__).parent / "lexicon" / "pins.yml"


@dataclass(frozen=True)
class Pin:
    """An answer put first for a query until a day, that day included."""

    query: str
    slug: str
    until: date


def pinned_for(text: str, day: date) -> str | None:
    """Return the slug that is pinned on `day` for a normalised query."""
    pin = _by_query(load_pins()).get("".join(text.split()))
    return pin.slug if pin is not None and day <= pin.until else None


@cache
def load_pins(path: Path = PINS_FILE) -> tuple[Pin, ...]:
    """Read the pinned answers; raise LexiconError with the place of what cannot be read."""
    rows = read_lexicon(path) or []
    if not isinstance(rows, list):
        raise LexiconError("pins.yml：要写成一条一条的，每条以 - 开头。")
    return tuple(pin for number, row in enumerate(rows, start=1) for pin in _read(row, number))


def check_pins(pins: Iterable[Pin], slugs: Iterable[str], day: date) -> Iterator[Problem]:
    """Yield the pins that point to no entry, or whose time is over."""
    known = tuple(slugs)
    for pin in dict.fromkeys(Pin("", pin.slug, pin.until) for pin in pins):
        if pin.slug not in known:
            hint = did_you_mean(pin.slug, known)
            yield _problem("slug", f"政策库里没有{shown(pin.slug)}。{hint}")
        if pin.until < day:
            yield _problem(
                "until", f"{shown(pin.slug)}的置顶到 {pin.until} 为止，已经过期；请删掉或者改日期。"
            )


def _problem(field: str, message: str) -> Problem:
    return Problem("indexer/lexicon/pins.yml", 1, field, message)


@cache
def _by_query(pins: tuple[Pin, ...]) -> Mapping[str, Pin]:
    return {"".join(normalise(pin.query).split()): pin for pin in pins}


def _read(row: object, number: int) -> Iterator[Pin]:
    if not isinstance(row, dict) or set(row) - {"queries", "slug", "until", "why"}:
        raise LexiconError(f"pins.yml 第 {number} 条：只能写 queries、slug、until 和 why。")
    queries, slug, until = row.get("queries"), row.get("slug"), row.get("until")
    if not isinstance(queries, list) or not queries or not isinstance(slug, str):
        raise LexiconError(f"pins.yml 第 {number} 条：要写 queries（一个以上）和 slug。")
    if not isinstance(until, date):
        raise LexiconError(f"pins.yml 第 {number} 条：until 要写日期，例如 2027-06-30。")
    yield from (Pin(str(query), slug, until) for query in queries)
