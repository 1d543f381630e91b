"""Parameters of a search (检索参数): read from text, with every mistake at once."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from indexer.analysis import normalise
from indexer.policy import Audience, BenefitMode, Kind, Level, Status, topic_names
from indexer.problems import ParameterError, ParameterProblem, did_you_mean, shown

SORTS = ("relevance", "newest", "deadline", "title")
MAX_SIZE = 50
MAX_PAGE = 10_000
MAX_LENGTH = 200

# The names of a facet's values, in the order in which they are shown; None: any value goes.
ALLOWED: dict[str, Callable[[], tuple[str, ...]] | None] = {
    "kind": lambda: tuple(Kind),
    "audience": lambda: tuple(Audience),
    "topic": topic_names,
    "level": lambda: tuple(Level),
    "region": None,
    "status": lambda: tuple(Status),
    "benefit_mode": lambda: tuple(BenefitMode),
}
SINGLE = ("q", "sort", "page", "size", "as_of")


@dataclass(frozen=True)
class SearchParams:
    """What is asked: text, chosen facet values, order and page."""

    q: str = ""
    kind: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    topic: tuple[str, ...] = ()
    level: tuple[str, ...] = ()
    region: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    benefit_mode: tuple[str, ...] = ()
    sort: str = "relevance"
    page: int = 1
    size: int = 10


def parse_params(pairs: Iterable[tuple[str, str]]) -> tuple[SearchParams, date | None]:
    """Read the parameters of a request and its day; raise ParameterError with every mistake."""
    known = (*ALLOWED, *SINGLE)
    given: dict[str, list[str]] = {}
    problems: list[ParameterProblem] = []
    for name, value in pairs:
        if name in known:
            given.setdefault(name, []).append(value.strip())
        else:
            hint = did_you_mean(name, known) or f"可以用的是 {'、'.join(known)}。"
            problems.append(ParameterProblem(shown(name)[1:-1], f"没有这个参数。{hint}"))
    values: dict[str, Any] = {}
    for name, texts in given.items():
        filled = list(dict.fromkeys(filter(None, texts)))
        try:
            if name in ALLOWED:
                values[name] = _read_facet(name, filled)
            elif len(texts) > 1:
                raise ValueError(f"只能写一次，收到了 {len(texts)} 个。")
            elif filled:
                values[name] = _READERS[name](filled[0])
        except ValueError as error:
            problems.append(ParameterProblem(name, str(error)))
    if problems:
        raise ParameterError(dict.fromkeys(problems))
    day = values.pop("as_of", None)
    return SearchParams(**values), day


def _read_facet(name: str, texts: list[str]) -> tuple[str, ...]:
    allowed = ALLOWED[name]
    if allowed is not None:
        for text in texts:
            if text not in allowed():
                raise ValueError(f"只能是 {_either(allowed())}，收到的是{shown(text)}。")
    return tuple(texts)


def _read_q(text: str) -> str:
    length = len(" ".join(normalise(text).split()))
    if length > MAX_LENGTH:
        raise ValueError(
            f"最多 {MAX_LENGTH} 个字，收到的有 {length} 个字。请只留下最要紧的几个词。"
        )
    return text


def _read_sort(text: str) -> str:
    if text not in SORTS:
        raise ValueError(f"只能是 {_either(SORTS)}，收到的是{shown(text)}。")
    return text


def _read_count(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
            raise ValueError(f"只能是 1 到 {most} 的整数，收到的是{shown(text)}。")
        return int(text)

    return read


def _read_day(text: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(f"{shown(text)}不是日期，请写成 2024-03-01。")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"日历上没有{shown(text)}这一天，请核对。") from None


_READERS: dict[str, Callable[[str], Any]] = {
    "q": _read_q,
    "sort": _read_sort,
    "page": _read_count(MAX_PAGE),
    "size": _read_count(MAX_SIZE),
    "as_of": _read_day,
}


def _either(names: Iterable[str]) -> str:
    *first, last = names
    return f"{'、'.join(first)} 或 {last}"
