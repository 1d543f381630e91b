"""Queries (查询): parameters in, ranked hits with facets out."""

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.analysis import Question, normalise, read_question
from indexer.index import STATUSES, Index
from indexer.policy import Audience, BenefitMode, Kind, Level, Status, label, topic_names
from indexer.problems import ParameterError, ParameterProblem, did_you_mean, shown
from indexer.ranking import Scores, Sought, highest, score, sortable, unique_keys
from indexer.snippets import Marker
from indexer.suggest import nearest_titles

Mask = NDArray[np.bool_]
Places = NDArray[np.int64]

SORTS = ("relevance", "newest", "deadline", "title")
MAX_SIZE = 50
MAX_PAGE = 10_000
MAX_LENGTH = 200
SUGGESTIONS = 3

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

# An entry that is no longer or not yet in force stands below one in force that answers as well.
# The second hit has less than 0.6 of the first one's score for five in six of the library's own
# queries: so an ended entry that alone answers stays on top, and its successor goes before it.
STATUS_FACTOR = {
    Status.IN_FORCE: 1.0,
    Status.PENDING: 0.8,
    Status.EXPIRED: 0.6,
    Status.SUPERSEDED: 0.6,
}
# Hits below this share of the best score only have a common word of the query: of 124 wanted
# answers in tests/judgements.csv one is lost, and the median of hits falls from 28 to 7.
TAIL = 0.15
# The best hit answers from this score on: so it is for 90 of 100 everyday questions that the
# library answers and all of its own queries, but only for 4 of 48 questions about other matters
# (tests/judgements.csv and tests/outside.txt; tests/test_quality.py counts them).
CONFIDENT = 0.2
BIGRAM_FACTOR = 0.8
NUMBER_FACTOR = 4.0  # who writes a document number wants that document


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


@dataclass(frozen=True)
class Hit:
    """One entry of an answer (命中)."""

    slug: str
    title: str
    url: str
    summary: str
    snippet: str
    score: float
    kind: str
    audience: tuple[str, ...]
    topic: tuple[str, ...]
    level: str
    issuer: str
    doc_number: str | None
    effective: str | None
    expires: str | None
    status: str


@dataclass(frozen=True)
class Answer:
    """The answer to a search: one page of hits, and what the facets would leave."""

    text: str
    normalized: str
    total: int
    page: int
    size: int
    took_ms: float
    as_of: date
    hits: tuple[Hit, ...]
    confident: bool
    facets: dict[str, list[dict[str, Any]]]
    suggestions: tuple[dict[str, str], ...] = ()
    corrected: str | None = None
    pinned: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        return {
            "query": {
                "text": self.text,
                "normalized": self.normalized,
                "corrected": self.corrected,
                "pinned": self.pinned,
            },
            "total": self.total,
            "page": self.page,
            "size": self.size,
            "took_ms": self.took_ms,
            "as_of": self.as_of.isoformat(),
            "hits": [asdict(hit) for hit in self.hits],
            "confident": self.confident,
            "facets": self.facets,
            "suggestions": list(self.suggestions),
        }


def search(index: Index, params: SearchParams, day: date) -> Answer:
    """Answer a query as of `day`: score, filter, count facets, and show one page."""
    started = perf_counter()
    normalized = " ".join(normalise(params.q).split())
    question = read_question(params.q)
    scores = _score(index, question)
    best = float(scores.max(initial=0.0))
    matched = scores > TAIL * best if normalized else scores == 0.0
    statuses = index.statuses(day)
    scores *= np.array([STATUS_FACTOR[status] for status in STATUSES], np.float32)[statuses]
    chosen = _choose(index, params, statuses)
    rows = np.flatnonzero(np.logical_and.reduce([matched, *chosen.values()]))
    page = rows[_order(index, params, rows, scores, day)]
    marker = Marker(index, question)
    hits = tuple(
        _show(index, row, marker, float(scores[row]), STATUSES[statuses[row]])
        for row in page.tolist()
    )
    return Answer(
        text=params.q.encode("utf-8", "replace").decode(),
        normalized=normalized,
        total=len(rows),
        page=params.page,
        size=params.size,
        as_of=day,
        hits=hits,
        confident=not normalized or best >= CONFIDENT,
        facets=_count_facets(index, params, matched, chosen, statuses),
        suggestions=() if len(rows) else _suggest_instead(index, normalized, scores),
        took_ms=round((perf_counter() - started) * 1000, 3),
    )


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


def _score(index: Index, question: Question) -> Scores:
    words = tuple(index.word_ids.get(word) for word in question.words)
    numbers = tuple(index.word_ids.get(number) for number in question.numbers)
    sought = (
        Sought(index.word_postings, words),
        Sought(index.word_postings, numbers, NUMBER_FACTOR),
        Sought(index.bigram_postings, index.bigram_ids(question.bigrams), BIGRAM_FACTOR),
    )
    return score(sought, len(index))


def _choose(index: Index, params: SearchParams, statuses: NDArray[np.uint8]) -> dict[str, Mask]:
    """Return, for each facet with a choice, the rows that the choice leaves."""
    chosen: dict[str, Mask] = {}
    for name in ALLOWED:
        values: tuple[str, ...] = getattr(params, name)
        if values and name == "status":
            chosen[name] = np.isin(statuses, [STATUSES.index(Status(value)) for value in values])
        elif values:
            chosen[name] = index.facets[name].choose(values)
    if "region" in chosen:
        chosen["region"] |= index.facets["region"].lack()  # no region means every region
    return chosen


def _count_facets(
    index: Index,
    params: SearchParams,
    matched: Mask,
    chosen: dict[str, Mask],
    statuses: NDArray[np.uint8],
) -> dict[str, list[dict[str, Any]]]:
    """Count each value among the hits that the other facets leave."""
    hits = np.flatnonzero(np.logical_and.reduce([matched, *chosen.values()]))
    facets = {}
    for name in ALLOWED:
        left = hits
        if name in chosen:
            others = [mask for other, mask in chosen.items() if other != name]
            left = np.flatnonzero(np.logical_and.reduce([matched, *others]))
        if name == "status":
            values: list[str] = list(STATUSES)
            counts = np.bincount(statuses[left], minlength=len(values))
        else:
            values = index.facets[name].values
            counts = index.facets[name].count(left)
        if name == "region":
            counts = counts + np.count_nonzero(index.facets[name].lack()[left])
        selected = getattr(params, name)
        facets[name] = [
            {"value": value, "label": _label(name, value), "count": count}
            for value, count in zip(values, counts.tolist(), strict=True)
            if count or value in selected
        ]
    return facets


def _label(name: str, value: str) -> str:
    kinds: dict[str, type[StrEnum]] = {
        "kind": Kind,
        "audience": Audience,
        "level": Level,
        "status": Status,
        "benefit_mode": BenefitMode,
    }
    return label(kinds[name](value)) if name in kinds else value


def _order(index: Index, params: SearchParams, rows: Places, scores: Scores, day: date) -> Places:
    """Return the places, among the matching rows, of those that the page shows, in order."""
    keys = _SORT_KEYS[params.sort](index, rows, scores, day)
    first = (params.page - 1) * params.size
    return highest(unique_keys(keys, rows), first + params.size)[first:]


def _by_relevance(index: Index, rows: Places, scores: Scores, day: date) -> Places:
    if scores.any():
        return sortable(scores[rows])
    in_force = index.statuses(day)[rows] == STATUSES.index(Status.IN_FORCE)
    keys: Places = in_force * (date.max.toordinal() + 1) + index.effective[rows]
    return keys


def _by_newest(index: Index, rows: Places, scores: Scores, day: date) -> Places:
    newest: Places = index.effective[rows]
    return newest


def _by_deadline(index: Index, rows: Places, scores: Scores, day: date) -> Places:
    """Put what can still be applied for first, the nearest deadline on top, then what has none."""
    deadlines = index.deadline[rows]
    latest = date.max.toordinal() + 1
    return np.select(
        [deadlines == 0, deadlines >= day.toordinal()],
        [np.full_like(deadlines, latest), 2 * latest - deadlines],
        deadlines,
    )


def _by_title(index: Index, rows: Places, scores: Scores, day: date) -> Places:
    ranks: Places = len(index) - index.title_rank[rows]
    return ranks


_SORT_KEYS: dict[str, Callable[[Index, Places, Scores, date], Places]] = {
    "relevance": _by_relevance,
    "newest": _by_newest,
    "deadline": _by_deadline,
    "title": _by_title,
}


def _show(index: Index, row: int, marker: Marker, points: float, status: Status) -> Hit:
    card = index.card(row)
    return Hit(
        slug=card["slug"],
        title=card["title"],
        url=card["url"],
        summary=card["summary"],
        snippet=marker.snippet(row),
        score=round(points, 4),
        kind=card["kind"],
        audience=tuple(card["audience"]),
        topic=tuple(card["topic"]),
        level=card["level"],
        issuer=card["issuer"],
        doc_number=card["doc_number"],
        effective=card["effective"],
        expires=card["expires"],
        status=status.value,
    )


def _suggest_instead(index: Index, text: str, scores: Scores) -> tuple[dict[str, Any], ...]:
    """Return what to look at when there are no hits: the best without the filters, or by title."""
    found = np.flatnonzero(scores)
    if not len(found):
        return tuple(nearest_titles(index, text))
    best = found[highest(unique_keys(sortable(scores[found]), found), SUGGESTIONS)]
    cards = (index.card(row) for row in best.tolist())
    return tuple({"text": c["title"], "slug": c["slug"], "url": c["url"]} for c in cards)
