"""Queries (查询): parameters in, ranked hits with facets out."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.confidence import answers
from indexer.index import STATUSES, Index
from indexer.params import ALLOWED, SearchParams
from indexer.pins import pinned_for
from indexer.policy import Audience, BenefitMode, Kind, Level, Status, label
from indexer.ranking import Scores, highest, sortable, unique_keys
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
# Hits below this share of the best score only have a common word of the query: of 525 wanted
# answers (grades 2 and 3 in tests/judgements.csv) it loses 4, 0.25 loses 6; half of the queries
# then have no more than 9 hits.
TAIL = 0.1
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
    found = _find(index, params, day)
    page = found.in_order(index, params, day)
    marker = Marker(index, found.asked.question)
    hits = tuple(
        _show(index, row, marker, float(found.scores[row]), STATUSES[found.statuses[row]])
        for row in page.tolist()
    )
    confident = (
        not found.asked.normalized or found.pinned is not None or answers(index, found.asked)
    )
    return Answer(
        text=params.q.encode("utf-8", "replace").decode(),
        normalized=found.asked.normalized,
        corrected=found.asked.corrected,
        pinned=found.pinned,
        total=len(found.rows),
        page=params.page,
        size=params.size,
        as_of=day,
        hits=hits,
        confident=confident,
        facets=_count_facets(index, params, found),
        suggestions=() if confident and hits else tuple(_suggest_instead(index, found)),
        took_ms=round((perf_counter() - started) * 1000, 3),
    )


def rank(index: Index, text: str, day: date, depth: int) -> list[str]:
    """Return the slugs of the best entries for a query, as `search` puts them, without showing."""
    params = SearchParams(q=text, size=depth)
    return [index.slugs[row] for row in _find(index, params, day).in_order(index, params, day)]


@dataclass(frozen=True)
class _Found:
    """What a query finds: `rows` match the text and every filter, `matched` the text alone."""

    asked: Asked
    statuses: NDArray[np.uint8]
    scores: Scores
    matched: Mask
    chosen: dict[str, Mask]
    rows: Places
    pinned: str | None

    def in_order(self, index: Index, params: SearchParams, day: date) -> Places:
        """Return the rows that the page shows, in order."""
        return self.rows[_order(index, params, self.rows, self.scores, day)]


def _find(index: Index, params: SearchParams, day: date) -> _Found:
    asked = understand(index, params.q)
    statuses = index.statuses(day)
    matched = _match(index, asked)
    scores = asked.scores.copy()
    ended = np.flatnonzero(statuses != STATUSES.index(Status.IN_FORCE))
    factors = np.array([STATUS_FACTOR[status] for status in STATUSES], np.float32)
    scores[ended] *= factors[statuses[ended]]
    pinned = pinned_for(asked.normalized, day)
    if pinned is not None:
        row = index.rows.get(pinned)
        if row is None or STATUSES[statuses[row]] is not Status.IN_FORCE:
            pinned = None
        else:
            matched[row], scores[row] = True, PINNED
    chosen = _choose(index, params, statuses)
    rows = np.flatnonzero(np.logical_and.reduce([matched, *chosen.values()]))
    return _Found(asked, statuses, scores, matched, chosen, rows, pinned)


def _match(index: Index, asked: Asked) -> Mask:
    """Return which rows answer at all: what is quoted is in them, what is excluded is not."""
    question, scores = asked.question, asked.scores
    if question.asks and not question.phrases:
        matched: Mask = scores > TAIL * asked.best
    else:
        matched = np.ones(len(index), np.bool_)
    for phrase in question.phrases:
        matched &= index.contain(phrase)
    for phrase in question.excluded:
        matched &= ~index.contain(phrase)
    return matched


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
    index: Index, params: SearchParams, found: _Found
) -> dict[str, list[dict[str, Any]]]:
    """Count each value among the hits that the other facets leave."""
    matched, chosen, statuses = found.matched, found.chosen, found.statuses
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


def _suggest_instead(index: Index, found: _Found) -> Iterator[dict[str, Any]]:
    """Yield what to look at when nothing answers.

    Another spelling comes first, without an entry of its own; where there are no hits, the best
    without the filters follow, or those with names most like the query.
    """
    if (spelling := other_spelling(index, found.asked)) is not None:
        yield {"text": spelling}
    if len(found.rows):
        return
    best = np.flatnonzero(found.scores)
    if not len(best):
        yield from nearest_titles(index, found.asked.normalized)
    best = best[highest(unique_keys(sortable(found.scores[best]), best), SUGGESTIONS)]
    for card in (index.card(row) for row in best.tolist()):
        yield {"text": card["title"], "slug": card["slug"], "url": card["url"]}
