"""Moved hits (检索的变化): judged queries that two states of a library answer differently."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from indexer.evaluate import Case
from indexer.index import open_index
from indexer.library import Library
from indexer.query import rank
from indexer.writing import build_index

DEPTH = 10  # what stands lower is not looked at by people

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class QueryMove:
    """A query that finds something else: the first hit, and where the wanted entry stands.

    A place is None where the entry is not among the first DEPTH.
    """

    query: str
    wanted: tuple[str, ...]
    first: tuple[str | None, str | None]
    place: tuple[int | None, int | None]

    @property
    def is_worse(self) -> bool:
        """Whether a wanted entry stood higher before."""
        before, after = (place or DEPTH + 1 for place in self.place)
        return after > before


def find_moves(
    before: Library,
    after: Library,
    cases: Iterable[Case],
    names: Mapping[str, str],
    folder: Path,
    day: date,
    progress: Progress | None = None,
) -> tuple[QueryMove, ...]:
    """Ask both libraries every judged query; return those that moved, the worse ones first.

    `names` are the new slugs of entries that go by another name now: such a hit is the same hit.
    The indexes are built in `folder`; the second takes over what has not changed.
    """
    wanted = {
        query: tuple(dict.fromkeys(names.get(slug, slug) for slug in slugs))
        for query, slugs in _best_of(cases).items()
    }
    build_index(before, folder / "before")
    shutil.copytree(folder / "before", folder / "after")
    build_index(after, folder / "after")
    found: list[QueryMove] = []
    with open_index(folder / "before") as old, open_index(folder / "after") as new:
        for number, (query, slugs) in enumerate(wanted.items(), start=1):
            was = [names.get(slug, slug) for slug in rank(old, query, day, DEPTH)]
            now = rank(new, query, day, DEPTH)
            found += _compare(query, slugs, was, now)
            if progress is not None:
                progress(number, len(wanted))
    return tuple(sorted(found, key=lambda move: not move.is_worse))


def _best_of(cases: Iterable[Case]) -> dict[str, tuple[str, ...]]:
    """Return the best answers to each query that has any in the library."""
    grades: dict[str, dict[str, int]] = {}
    for case in cases:
        if case.slug:
            grades.setdefault(case.query, {})[case.slug] = case.grade
    return {
        query: tuple(slug for slug, grade in judged.items() if grade == max(judged.values()))
        for query, judged in grades.items()
    }


def _compare(
    query: str, wanted: tuple[str, ...], was: list[str], now: list[str]
) -> Iterator[QueryMove]:
    places = tuple(
        next((place for place, slug in enumerate(hits, start=1) if slug in wanted), None)
        for hits in (was, now)
    )
    first = next(iter(was), None), next(iter(now), None)
    if first[0] != first[1] or places[0] != places[1]:
        yield QueryMove(query, wanted, first, (places[0], places[1]))
