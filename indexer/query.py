"""Queries (查询): parameters in, ranked hits with facets out."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from enum import StrEnum
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.arrays import is_among
from indexer.confidence import answers
from indexer.facts import EVERYWHERE
from indexer.index import STATUSES, Index
from indexer.params import ALLOWED, SearchParams
from indexer.pins import pinned_for
from indexer.policy import Audience, BenefitMode, Kind, Level, Status, label
from indexer.ranking import TAIL, Scores, highest
from indexer.reading import join_broken
from indexer.snippets import Marker
from indexer.suggest import nearest_titles
from indexer.understanding import Asked, other_spelling, understand

Mask = NDArray[np.bool_]
Places = NDArray[np.int64]

SUGGESTIONS = 3

# An entry that is no longer or not yet in force stands below one in force that answers as well.
# The second hit has less than 0.6 of the first one's score for five in six of the library's own
# queries: so an ended entry that alone answers stays on top, and its successor goes before it.
STATUS_FACTOR = {
    Status.IN_FORCE: 1.0,
    Status.PENDING: 0.8,
    Status.EXPIRED: 0.6,
    Status.SUPERSEDED: 0.6,
}
_STATUS_NAMES = [status.value for status in STATUSES]
_FACTORS = np.array([STATUS_FACTOR[status] for status in STATUSES], np.float32)
PINNED = 2.0  # above every score


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
    same = replace(params, q=join_broken(params.q))
    answer = index.answers.get((same, day), lambda: _answer(index, params, day))
    took_ms = round((perf_counter() - started) * 1000, 3)
    return replace(answer, text=params.q.encode("utf-8", "replace").decode(), took_ms=took_ms)


def _answer(index: Index, params: SearchParams, day: date) -> Answer:
    found = find(index, understand(index, params.q), params, day)
    page = found.in_order(index, params, day)
    marker = Marker(index, found.asked.question)
    hits = tuple(
        _show(index, int(found.rows[place]), marker, float(found.scores[place]), status)
        for place, status in zip(page.tolist(), found.statuses_of(page), strict=True)
    )
    confident = (
        not found.asked.normalized or found.pinned is not None or answers(index, found.asked)
    )
    return Answer(
        text=params.q,
        normalized=found.asked.normalized,
        corrected=found.asked.corrected,
        pinned=found.pinned,
        total=len(found.rows),
        page=params.page,
        size=params.size,
        as_of=day,
        hits=hits,
        confident=confident,
        facets=_show_facets(index, params, found.count_facets(index)),
        suggestions=() if confident and hits else tuple(_suggest_instead(index, found, day)),
        took_ms=0.0,
    )


def rank(index: Index, text: str, day: date, depth: int) -> list[str]:
    """Return the slugs of the best entries for a query, as `search` puts them, without showing."""
    params = SearchParams(q=text, size=depth)
    found = find(index, understand(index, text), params, day)
    return [index.slugs[row] for row in found.rows[found.in_order(index, params, day)].tolist()]


class Found(NamedTuple):
    """What a query finds: `rows`, sorted, answer and pass every filter.

    `matched` are those that answer whatever the filters, with their statuses; `chosen` tells, for
    each facet with a choice, which of them the choice leaves.
    """

    asked: Asked
    matched: Places
    matched_statuses: NDArray[np.uint8]
    chosen: dict[str, Mask]
    rows: Places
    scores: Scores
    statuses: NDArray[np.uint8]
    pinned: str | None

    def in_order(self, index: Index, params: SearchParams, day: date) -> Places:
        """Return the places, among the rows, of those that the page shows, in order."""
        keys = _SORT_KEYS[params.sort](index, self.rows, self.scores, day)
        first = (params.page - 1) * params.size
        return highest(keys, first + params.size)[first:]

    def statuses_of(self, places: Places) -> list[Status]:
        """Return the status of the rows at some places."""
        return [STATUSES[number] for number in self.statuses[places].tolist()]

    def count_facets(self, index: Index) -> dict[str, dict[str, int]]:
        """Count the values of each facet among the rows that the other facets leave."""
        facets: dict[str, dict[str, int]] = {}
        _count(index, self.rows, self.statuses, ALLOWED, facets)
        for name in self.chosen:
            others = [mask for other, mask in self.chosen.items() if other != name]
            rows, statuses = self.matched, self.matched_statuses
            if others:
                left = np.logical_and.reduce(others)
                rows, statuses = rows[left], statuses[left]
            _count(index, rows, statuses, (name,), facets)
        return facets


def find(index: Index, asked: Asked, params: SearchParams, day: date) -> Found:
    """Return what answers a question as of `day` and passes the filters."""
    rows, scores = _match(index, asked)
    every = index.statuses(day)
    pinned = pinned_for(asked.normalized, day)
    if pinned is not None:
        row = index.rows.get(pinned)
        if row is None or STATUSES[every[row]] is not Status.IN_FORCE:
            pinned = None
        else:
            rows, scores = _pin(rows, scores, row)
    statuses = every[rows]
    scores = scores * _FACTORS[statuses]
    chosen = choose(index, params, rows, statuses)
    if not chosen:
        return Found(asked, rows, statuses, chosen, rows, scores, statuses, pinned)
    left = np.logical_and.reduce(list(chosen.values()))
    return Found(asked, rows, statuses, chosen, rows[left], scores[left], statuses[left], pinned)


def _match(index: Index, asked: Asked) -> tuple[Places, Scores]:
    """Return the rows that answer at all: what is quoted is in them, what is excluded is not."""
    question, scored = asked.question, asked.scored
    if asked.quoted is not None:
        rows, scores = asked.quoted, scored.scores_of(asked.quoted)
    elif question.asks:
        good = scored.scores > TAIL * asked.best
        rows, scores = scored.rows[good], scored.scores[good]
    else:
        rows, scores = np.arange(len(index)), np.zeros(len(index), np.float32)
    for phrase in question.excluded:
        left = ~is_among(rows, index.contain(phrase))
        rows, scores = rows[left], scores[left]
    return rows, scores


def _pin(rows: Places, scores: Scores, row: int) -> tuple[Places, Scores]:
    """Return the rows with one that stands above all others."""
    place = int(np.searchsorted(rows, row))
    if place == len(rows) or rows[place] != row:
        rows, scores = np.insert(rows, place, row), np.insert(scores, place, 0.0)
    scores = scores.copy()
    scores[place] = PINNED
    return rows, scores


def choose(
    index: Index, params: SearchParams, rows: Places, statuses: NDArray[np.uint8]
) -> dict[str, Mask]:
    """Return, for each facet with a choice, which of the rows the choice leaves."""
    chosen: dict[str, Mask] = {}
    for name in ALLOWED:
        values: tuple[str, ...] = getattr(params, name)
        if values and name == "status":
            chosen[name] = np.isin(statuses, [STATUSES.index(Status(value)) for value in values])
        elif values:
            chosen[name] = index.facets.have(rows, name, values)
    return chosen


def _count(
    index: Index,
    rows: Places,
    statuses: NDArray[np.uint8],
    names: Collection[str],
    facets: dict[str, dict[str, int]],
) -> None:
    """Put the counts of some facets among some rows where they belong: all in one pass."""
    counted: dict[str, dict[str, int]] = {name: {} for name in ALLOWED}
    counts = index.facets.count(rows)
    having = counts.nonzero()[0]
    values = index.facets.values
    for number, count in zip(having.tolist(), counts[having].astype(int).tolist(), strict=True):
        name, value = values[number]
        counted[name][value] = count
    by_status = np.bincount(statuses).tolist()
    counted["status"] = {_STATUS_NAMES[n]: count for n, count in enumerate(by_status) if count}
    facets.update((name, counted[name]) for name in names)


def _show_facets(
    index: Index, params: SearchParams, counted: dict[str, dict[str, int]]
) -> dict[str, list[dict[str, Any]]]:
    """Return the counts as the answer shows them; what is chosen is shown even without a hit."""
    facets: dict[str, list[dict[str, Any]]] = {}
    for name in ALLOWED:
        counts, selected = counted[name], getattr(params, name)
        everywhere = counts.get(EVERYWHERE, 0)  # no region means every region
        values = STATUSES if name == "status" else index.facets.of(name)
        facets[name] = [
            {"value": str(value), "label": _label(name, value), "count": count + everywhere}
            for value in values
            if (count := counts.get(value, 0)) + everywhere or value in selected
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


def _by_relevance(index: Index, rows: Places, scores: Scores, day: date) -> NDArray[Any]:
    if scores.any():
        return scores
    in_force = index.statuses(day)[rows] == STATUSES.index(Status.IN_FORCE)
    keys: Places = in_force * (date.max.toordinal() + 1) + index.effective[rows]
    return keys


def _by_newest(index: Index, rows: Places, scores: Scores, day: date) -> Places:
    return index.effective[rows].astype(np.int64)


def _by_deadline(index: Index, rows: Places, scores: Scores, day: date) -> Places:
    """Put what can still be applied for first, the nearest deadline on top, then what has none."""
    deadlines = index.deadline[rows].astype(np.int64)
    latest = date.max.toordinal() + 1
    return np.select(
        [deadlines == 0, deadlines >= day.toordinal()],
        [np.full_like(deadlines, latest), 2 * latest - deadlines],
        deadlines,
    )


def _by_title(index: Index, rows: Places, scores: Scores, day: date) -> Places:
    return len(index) - index.title_rank[rows].astype(np.int64)


_SORT_KEYS: dict[str, Callable[[Index, Places, Scores, date], NDArray[Any]]] = {
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


def _suggest_instead(index: Index, found: Found, day: date) -> Iterator[dict[str, Any]]:
    """Yield what to look at when nothing answers.

    Another spelling comes first, without an entry of its own; where there are no hits, the best
    without the filters follow, or those with names most like the query.
    """
    if (spelling := other_spelling(index, found.asked)) is not None:
        yield {"text": spelling}
    if len(found.rows):
        return
    scored = found.asked.scored
    if not scored.best:
        yield from nearest_titles(index, found.asked.normalized)
        return
    scores = scored.scores * _FACTORS[index.statuses(day)[scored.rows]]
    best = highest(scores, SUGGESTIONS)
    for card in (index.card(row) for row in scored.rows[best].tolist()):
        yield {"text": card["title"], "slug": card["slug"], "url": card["url"]}
