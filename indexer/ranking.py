"""Ranking (排序): how much a term is worth in a document, worked out at build time and added up."""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import log, sqrt
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from indexer.arrays import Numbers, changes, places_of, search_stretches, starts_of

Rows = NDArray[np.int32]
Scores = NDArray[np.float32]
Counted = NDArray[np.float64]
# A term of a query: where its postings begin and end, what a step of its saturation counts, and
# its coverage.
Weighed = tuple[int, int, float, float]


@dataclass(frozen=True)
class Bm25f:
    """The settings of BM25F: what a field's words are worth, and how its length counts."""

    weights: Mapping[str, float]
    b: Mapping[str, float] = field(default_factory=dict)
    default_b: float = 0.75
    k1: float = 1.2

    def b_of(self, name: str) -> float:
        """Return how strongly the length of a field counts, from 0 (not) to 1 (fully)."""
        return self.b.get(name, self.default_b)


# Found by trying each value on two sets at once: 565 everyday questions over 116 entries (styles
# 口语, 窗口, 问句, 情形 of tests/judgements.csv) and 1,234 everyday questions over 147,283 articles
# (benchmarks/statutes.py). k1 3, 4, 6, 10 give success@1 0.920, 0.927, 0.936, 0.935 on the first; 4
# and 6 give nDCG@10 0.440 and 0.439 on the second. Queries worth 2 or 4.5 instead of 3, aliases 3
# or 7 instead of 5, titles 3, summaries 2 move the first by no more than 0.006.
SETTINGS = Bm25f(
    weights={
        "title": 2.0,
        "aliases": 5.0,
        "queries": 3.0,
        "summary": 1.0,
        "doc_numbers": 3.0,
        "body": 1.0,
    },
    k1=6.0,
    default_b=0.65,
    b={"title": 0.75, "aliases": 0.3, "queries": 0.3, "doc_numbers": 0.3},
)

# The single characters bring success@1 of the everyday questions from 0.800 to 0.832 (before there
# were synonyms), and nDCG@10 of the statute questions from 0.395 to 0.405; from 0.2 to 0.55 the
# second moves by 0.003. Looking at 400 documents instead of 200 changes it by less than 0.001.
CHARACTER_FACTOR = 0.3
CANDIDATES = 200
CHARACTERS = 0x10000  # Chinese characters are told apart by their code
# Hits below this share of the best score only have a common word of the query: of 525 wanted
# answers (grades 2 and 3 in tests/judgements.csv) it loses 4, 0.25 loses 6; half of the queries
# then have no more than 9 hits.
TAIL = 0.1
FINE, SHIFT = 64, 2.0**20
# What is left of a score that covers next to nothing of the query. From 0.2 to 0.7 neither set
# moves by more than 0.004; 0.2 keeps one word repeated often below two words together.
COVERAGE_FLOOR = 0.2
# Postings of a term: with fewer on average, to gather all at once is quicker than term by term.
FEW = 400
# Looking one document up among the postings of a term is taken to cost as much as adding up LOOKUP
# postings, and whatever is done with arrays, however short, as much as SETTING_UP of them.
LOOKUP, SETTING_UP = 100, 3_000
SMALL = 2_000  # documents, of which all can be scored in the time that leaving some out takes
SHORT = 100  # keys: so many are sooner sorted than looked through
BLOCK = 32  # keys of which the highest stands for all
STEPS = 65_535  # into which a saturation, from 0 to k1 + 1, is divided to be kept in two bytes
_STEP = (SETTINGS.k1 + 1) / STEPS


@dataclass(frozen=True)
class Postings:
    """Term → documents: the rows of term `t` and its saturation there stand from starts[t] on.

    `keys` tell the terms apart and are sorted. The impact of a term on a document is its idf times
    the saturation, which is kept in steps of (k1 + 1) / STEPS.
    """

    keys: NDArray[np.uint64]
    starts: Numbers
    rows: Rows
    saturations: NDArray[np.uint16]
    idf: Scores

    def find(self, keys: NDArray[np.uint64]) -> tuple[Numbers, NDArray[np.bool_]]:
        """Return the number of each of these terms, and whether there is such a term at all."""
        if not len(self.keys):
            return np.zeros(len(keys), np.int64), np.zeros(len(keys), np.bool_)
        places = np.minimum(self.keys.searchsorted(keys), len(self.keys) - 1)
        return places, self.keys[places] == keys

    def span(self, number: int) -> tuple[int, int]:
        """Return where the postings of a term begin and end."""
        starts = self.views[0]
        return starts[number], starts[number + 1]

    def gather(self, spans: Iterable[tuple[int, int]]) -> tuple[Rows, NDArray[np.uint16]]:
        """Return the rows and the saturations of some spans, one behind the other."""
        _, rows, saturations = self.views
        parts = [slice(begin, end) for begin, end in spans]
        return (
            np.frombuffer(b"".join([rows[part] for part in parts]), np.int32),
            np.frombuffer(b"".join([saturations[part] for part in parts]), np.uint16),
        )

    @cached_property
    def views(self) -> tuple[memoryview, memoryview, memoryview]:
        """The starts, rows and saturations: of a view, single values are read sooner."""
        return self.starts.data, self.rows.data, self.saturations.data

    def rows_of(self, key: np.uint64) -> Rows:
        """Return the documents that have a term, none for one that no document has."""
        places, known = self.find(np.array([key], np.uint64))
        if not known[0]:
            return self.rows[:0]
        return self.rows[self.starts[places[0]] : self.starts[places[0] + 1]]


@dataclass(frozen=True)
class Forward:
    """Document → characters: those of row `r` and their saturation stand from starts[r] on."""

    starts: Numbers
    terms: NDArray[np.uint16]
    saturations: NDArray[np.uint16]
    idf: Scores


@dataclass(frozen=True)
class Sought:
    """Terms of a query by their keys, and the texts that these stand for.

    Where `extra`, they are other words for what the query says already: they can add to a score,
    but nothing is missing where they are missing.
    """

    texts: tuple[str, ...]
    keys: NDArray[np.uint64]
    factor: float = 1.0
    extra: bool = False


@dataclass(frozen=True)
class Terms:
    """All terms of a query: the key of each, what it counts, and whether it is an extra."""

    keys: NDArray[np.uint64]
    factors: tuple[float, ...]
    extra: tuple[bool, ...]

    @classmethod
    def of(cls, sought: Sequence[Sought]) -> Self:
        """Return the terms of all kinds together."""
        return cls(
            np.concatenate([part.keys for part in sought]),
            tuple(part.factor for part in sought for _ in part.keys),
            tuple(part.extra for part in sought for _ in part.keys),
        )


class Scored(NamedTuple):
    """The documents that may answer, by row, and how well each does: from 0 to 1."""

    rows: Numbers
    scores: Scores

    @property
    def best(self) -> float:
        """The highest score, 0 where there is none."""
        return float(self.scores.max(initial=0.0))

    def scores_of(self, rows: Numbers) -> Scores:
        """Return the scores of some rows, 0 for those that are not among them."""
        if rows is self.rows:
            return self.scores
        if not len(self.rows):
            return np.zeros(len(rows), np.float32)
        places = np.minimum(self.rows.searchsorted(rows), len(self.rows) - 1)
        return np.where(self.rows[places] == rows, self.scores[places], np.float32(0))

    def of(self, row: int) -> float:
        """Return the score of a row, 0 where it is not among those that may answer."""
        place = int(self.rows.searchsorted(row))
        found = place < len(self.rows) and self.rows[place] == row
        return float(self.scores[place]) if found else 0.0


NOTHING = Scored(np.zeros(0, np.int64), np.zeros(0, np.float32))


class _Room(threading.local):
    """Arrays that each thread uses again for every query: to get them anew costs more than to fill.

    `is_wanted` tells which characters the query has, and is all false between queries.
    """

    def __init__(self) -> None:
        self.is_wanted = np.zeros(CHARACTERS, np.bool_)
        self._rows, self._worth = np.zeros(0, np.int64), np.zeros(0, np.float64)

    def for_postings(self, count: int) -> tuple[Numbers, NDArray[np.float64]]:
        if count > len(self._rows):
            self._rows, self._worth = np.zeros(2 * count, np.int64), np.zeros(2 * count, np.float64)
        return self._rows[:count], self._worth[:count]


_room = _Room()


def idf_of(frequencies: NDArray[np.int64], documents: int) -> Scores:
    """Return the weight of terms found in so many documents, as Whoosh works it out."""
    return (np.log(max(documents, 1) / (frequencies + 1.0)) + 1.0).astype(np.float32)


def score(
    postings: Postings, terms: Terms, authority: Scores, among: Numbers | None = None
) -> Scored:
    """Return how well documents answer a query: at least all that score above TAIL of the best.

    Where `among` is given, these rows are scored and no others. `authority` holds a factor from 0
    to 1 for each document, by which its score will be multiplied later on.

    The impacts of the terms are added up and taken as a share of the most that these terms could
    bring. Coverage, the share of the query's weight (idf) that a document has at all, counts on
    top, so that a document with every word stands above one that repeats a single word.
    """
    documents = len(authority)
    if not len(postings.keys) or (among is not None and not len(among)):
        return NOTHING
    found, total = _weigh(postings, terms, documents)
    if not found:
        return NOTHING
    if among is not None:
        return Scored(among, _share(_add_up_among(found, postings, among, documents), total))
    counted = _add_up(found, postings, documents)
    if documents <= SMALL:
        rows = counted.nonzero()[0]
        return Scored(rows, _share(counted[rows], total))
    # The document that has most of the query shows how little a score may be to count. No document
    # scores more than c (f + (1 - f) c), with coverage c and COVERAGE_FLOOR f, so all of those have
    # some least coverage. What is covered was rounded term by term.
    likely = int(counted.argmax())
    least = TAIL * float(_share(counted[likely : likely + 1], total)[0]) * float(authority[likely])
    floor, rest = COVERAGE_FLOOR, 1 - COVERAGE_FLOOR
    coverage = (sqrt(floor * floor + 4 * rest * least) - floor) / (2 * rest)
    parts = max(coverage * total * FINE - len(terms.keys) / 2 - 1, 0.0)
    rows = (counted > parts * SHIFT).nonzero()[0]
    return Scored(rows, _share(counted[rows], total))


def _weigh(postings: Postings, terms: Terms, documents: int) -> tuple[list[Weighed], float]:
    """Return the terms that are found, and what all terms of the query together could bring.

    What a term covers is in whole FINE parts, as a multiple of SHIFT: so it stands above the
    impacts, whose sum stays far below SHIFT, and both are added up as one number.
    """
    places, known = postings.find(terms.keys)
    total, found = 1e-9, []
    for number, is_known, idf, factor, extra in zip(
        places.tolist(),
        known.tolist(),
        postings.idf[places].tolist(),
        terms.factors,
        terms.extra,
        strict=True,
    ):
        if not is_known:
            total += 0.0 if extra else (log(documents) + 1) * factor  # as idf_of has it for none
            continue
        worth = idf * factor
        if not extra:
            total += worth
        covered = round((idf if extra else worth) * FINE) * SHIFT
        found.append((*postings.span(number), worth * _STEP, covered))
    return found, total


def _add_up(found: Sequence[Weighed], postings: Postings, documents: int) -> Counted:
    """Return, for each document, what the terms bring to it.

    One count over all postings is quicker than adding up term by term.
    """
    lengths = [end - begin for begin, end, _, _ in found]
    count = sum(lengths)
    rows: NDArray[np.integer]
    if count < FEW * len(found):
        rows, saturations = postings.gather([(begin, end) for begin, end, _, _ in found])
        amounts = np.array([step for _, _, step, _ in found]).repeat(lengths)
        amounts *= saturations
        amounts += np.array([covered for _, _, _, covered in found]).repeat(lengths)
    else:
        rows, amounts = _room.for_postings(count)
        filled = 0
        for begin, end, step, covered in found:
            part = slice(filled, filled := filled + end - begin)
            rows[part] = postings.rows[begin:end]
            np.multiply(postings.saturations[begin:end], step, out=amounts[part])
            amounts[part] += covered
    counted: NDArray[Any] = np.bincount(rows, amounts, documents)
    return counted


def _add_up_among(
    found: Sequence[Weighed], postings: Postings, among: Numbers, documents: int
) -> Counted:
    """Return what the terms bring to some documents."""
    count = sum(end - begin for begin, end, _, _ in found)
    if len(among) * len(found) * LOOKUP > SETTING_UP + count:
        return _add_up(found, postings, documents)[among]
    counted = [0.0] * len(among)
    wanted = list(enumerate(among.tolist()))
    _, rows, saturations = postings.views
    for begin, end, step, covered in found:
        for number, row in wanted:
            begin = bisect_left(rows, row, begin, end)
            if begin == end:
                break
            if rows[begin] == row:
                counted[number] += saturations[begin] * step + covered
    return np.array(counted)


def _share(counted: NDArray[np.float64], total: float) -> Scores:
    """Return the scores of documents from what was counted for them."""
    parts = np.floor(counted * (1 / SHIFT))
    shares = counted - parts * SHIFT
    parts *= (1 - COVERAGE_FLOOR) / (total * FINE)
    np.minimum(parts, 1 - COVERAGE_FLOOR, out=parts)
    parts += COVERAGE_FLOOR
    shares *= parts
    shares *= 1 / (total * (SETTINGS.k1 + 1))
    return np.minimum(shares, 1.0).astype(np.float32)


def look_closer(scored: Scored, forward: Forward, characters: Sequence[int]) -> Scored:
    """Return the scores with what the single characters of the query add to the best of them.

    Two words that share a character often mean the same (缴费, 交费; 工钱, 工资). The characters
    alone are too many and too common to search by, so only the CANDIDATES best are looked at.
    """
    scores = scored.scores
    wanted = np.array(characters, np.int64)
    total = float(forward.idf[wanted].sum()) * (SETTINGS.k1 + 1) + 1e-9
    found = np.flatnonzero(scores > TAIL * scored.best)
    if len(found) > CANDIDATES:
        found = found[np.argpartition(scores[found], len(found) - CANDIDATES)[-CANDIDATES:]]
    rows = scored.rows[found]
    places = places_of(forward.starts, rows)
    table = _room.is_wanted
    table[wanted] = True
    hits = np.flatnonzero(table[forward.terms[places]])
    table[wanted] = False
    places = places[hits]
    owners = np.repeat(np.arange(len(rows)), forward.starts[rows + 1] - forward.starts[rows])[hits]
    worth = forward.idf[forward.terms[places]] * forward.saturations[places]
    sums = np.bincount(owners, worth, len(rows))
    closer = scores / (1 + CHARACTER_FACTOR)
    closer[found] += CHARACTER_FACTOR / (1 + CHARACTER_FACTOR) / total * _STEP * sums
    return Scored(scored.rows, closer.astype(np.float32))


def averages_of(lengths: Numbers) -> tuple[float, ...]:
    """Return the average length of each field, to three figures; one row for each document.

    So a change of one document among many leaves it, and with it all saturations, as they were;
    Whoosh rounds every single length more coarsely.
    """
    return tuple(float(f"{average:.3g}") for average in lengths.sum(0) / max(len(lengths), 1))


def build_postings(
    terms: NDArray[np.integer],
    starts: Numbers,
    fields: tuple[str, ...],
    averages: Sequence[float],
    settings: Bm25f = SETTINGS,
) -> Postings:
    """Turn the terms of all documents, in reading order, into postings with BM25F saturations.

    Terms are numbers below 2 ** 40 and become the keys; 0 is none. `starts` says where each field
    of each document begins: starts[row * len(fields) + field]. A field with weight 0 is not
    searched.
    """
    lengths = np.diff(starts)
    worth = _worth_of(lengths, fields, averages, settings)
    slots = np.repeat(np.arange(len(lengths), dtype=np.uint64), lengths)
    bits = np.uint64(len(lengths).bit_length())
    places = (terms.astype(np.uint64) << bits) | slots
    places, counts = _count(places[(terms > 0) & (worth[slots.astype(np.int64)] > 0)])
    found, slots = places >> bits, (places & ((np.uint64(1) << bits) - np.uint64(1))).astype(int)
    rows = slots // len(fields)
    firsts = changes(found, rows)
    saturations = _saturate(counts * worth[slots], firsts, settings)
    found = found[firsts]
    begins = changes(found)
    ends = np.append(begins, len(found))
    idf = idf_of(np.diff(ends), len(lengths) // len(fields))
    return Postings(found[begins], ends, rows[firsts].astype(np.int32), saturations, idf)


def build_forward(
    characters: NDArray[np.integer],
    starts: Numbers,
    fields: tuple[str, ...],
    averages: Sequence[float],
) -> Forward:
    """Turn the characters of all documents, in reading order, into their saturations by document.

    Its idf is that of these documents alone.
    """
    lengths = np.diff(starts)
    worth = _worth_of(lengths, fields, averages, SETTINGS)
    slots = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    rows, numbers = np.divmod(slots, len(fields))
    places, counts = _count(((rows << 16) | characters) * len(fields) + numbers)
    places, numbers = np.divmod(places, len(fields))
    firsts = changes(places)
    slots = (places >> 16) * len(fields) + numbers
    saturations = _saturate(counts * worth[slots], firsts, SETTINGS)
    documents = len(lengths) // len(fields)
    rows, terms = places[firsts] >> 16, (places[firsts] & 0xFFFF).astype(np.uint16)
    begins = np.searchsorted(rows, np.arange(documents + 1))
    return Forward(begins, terms, saturations, idf_of_characters(terms, documents))


def idf_of_characters(terms: NDArray[np.uint16], documents: int) -> Scores:
    """Return the idf of each character by its code, of which each document has every one once."""
    return idf_of(np.bincount(terms, minlength=CHARACTERS), documents)


def join_postings(first: Postings, second: Postings) -> Postings:
    """Return the postings of two kinds of terms: the keys of the first are all below the others."""
    return Postings(
        np.concatenate([first.keys, second.keys]),
        np.concatenate([first.starts[:-1], second.starts + len(first.rows)]),
        np.concatenate([first.rows, second.rows]),
        np.concatenate([first.saturations, second.saturations]),
        np.concatenate([first.idf, second.idf]),
    )


def splice(old: Postings, moved: NDArray[np.int32], fresh: Postings, documents: int) -> Postings:
    """Return postings without the documents that are gone, and with fresh ones.

    `moved` gives the new row of each old one, -1 where it is gone, in the old order; the rows of
    `fresh` are new ones. This is what building from all `documents` would give.
    """
    rows = moved[old.rows]
    kept = rows >= 0
    coming = fresh.keys[~old.find(fresh.keys)[1]]
    keys = np.insert(old.keys, np.searchsorted(old.keys, coming), coming)
    numbers = np.searchsorted(keys, old.keys), np.searchsorted(keys, fresh.keys)
    counts = np.zeros(len(keys), np.int64)
    if len(kept):
        counts[numbers[0]] = np.add.reduceat(kept, old.starts[:-1], dtype=np.int64)
    rows, saturations = rows[kept], old.saturations[kept]
    if len(fresh.rows):
        owners = np.repeat(numbers[1], np.diff(fresh.starts))
        between = search_stretches(rows, starts_of(counts), owners, fresh.rows)
        rows = np.insert(rows, between, fresh.rows)
        saturations = np.insert(saturations, between, fresh.saturations)
        counts[numbers[1]] += np.diff(fresh.starts)
    used = counts > 0
    counts = counts[used]
    return Postings(keys[used], starts_of(counts), rows, saturations, idf_of(counts, documents))


def highest(keys: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Return the places of the `count` highest keys, highest first, the first of equals first."""
    if len(keys) <= SHORT or not count:
        return _descending(keys)[:count]
    if count <= len(keys) // (4 * BLOCK):
        # The best of `count` blocks of keys are `count` keys: what is below all of them is out.
        bests = keys[: len(keys) // BLOCK * BLOCK].reshape(-1, BLOCK).max(axis=1)
        least = np.partition(bests, len(bests) - count)[len(bests) - count]
    else:
        rest = max(len(keys) - count, 0)
        least = np.partition(keys, rest)[rest]
    places: NDArray[np.int64] = (keys >= least).nonzero()[0]
    return places[_descending(keys[places])[:count]]


def _descending(keys: NDArray[Any]) -> NDArray[np.int64]:
    order: NDArray[np.int64] = np.argsort(-keys, kind="stable")
    return order


def _worth_of(
    lengths: Numbers, fields: tuple[str, ...], averages: Sequence[float], settings: Bm25f
) -> NDArray[np.float64]:
    """Return what one occurrence is worth in each field of each document."""
    table = lengths.reshape(-1, len(fields)).astype(np.float64)
    average = np.maximum(np.array(averages), 1e-9)
    b = np.array([settings.b_of(name) for name in fields])
    weights = np.array([settings.weights[name] for name in fields])
    worth: NDArray[np.float64] = weights / (1 - b + b * table / average)
    return worth.ravel()


def _count(places: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the different values, sorted, and how often each occurs; the array is used up."""
    places.sort()
    firsts = changes(places)
    return places[firsts], np.diff(firsts, append=len(places))


def _saturate(
    weighted: NDArray[np.float64], firsts: Numbers, settings: Bm25f
) -> NDArray[np.uint16]:
    """Return how far the weighted occurrences of a term in a document go, in STEPS of the most."""
    if len(firsts):
        weighted = np.add.reduceat(weighted, firsts)
    return np.rint(weighted / (weighted + settings.k1) * STEPS).astype(np.uint16)
