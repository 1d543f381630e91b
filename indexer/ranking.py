"""Ranking (排序): how much a term is worth in a document, worked out at build time and added up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int32]
Scores = NDArray[np.float32]


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
CANDIDATES, WORTH_A_LOOK = 200, 0.1
_NO_ROWS, _NO_WORTH = np.zeros(0, np.int32), np.zeros(0, np.float64)
FINE, SHIFT = 64, 2.0**20
# What is left of a score that covers next to nothing of the query. From 0.2 to 0.7 neither set
# moves by more than 0.004; 0.2 keeps one word repeated often below two words together.
COVERAGE_FLOOR = 0.2


@dataclass(frozen=True)
class Postings:
    """Term → documents: the rows of term `t` and its impact there stand from starts[t] on."""

    starts: NDArray[np.int64]
    rows: Rows
    impacts: Scores
    idf: Scores

    def of(self, term: int) -> tuple[Rows, Scores]:
        """Return the documents of a term and its impact on each."""
        place = slice(self.starts[term], self.starts[term + 1])
        return self.rows[place], self.impacts[place]


@dataclass(frozen=True)
class Forward:
    """Document → characters: those of row `r` and their impact stand from starts[r] on."""

    starts: NDArray[np.int64]
    terms: NDArray[np.uint16]
    impacts: Scores
    idf: Scores


@dataclass(frozen=True)
class Sought:
    """Terms of a query: their numbers among the postings, None for one that no document has.

    Where `extra`, they are other words for what the query says already: they can add to a score,
    but nothing is missing where they are missing.
    """

    postings: Postings
    terms: tuple[int | None, ...]
    factor: float = 1.0
    extra: bool = False


def idf_of(frequencies: NDArray[np.int64], documents: int) -> Scores:
    """Return the weight of terms found in so many documents, as Whoosh works it out."""
    return (np.log(max(documents, 1) / (frequencies + 1.0)) + 1.0).astype(np.float32)


def score(sought: Iterable[Sought], documents: int) -> Scores:
    """Return, for each document, how well it answers a query: from 0 to 1.

    The impacts of the terms are added up and taken as a share of the most that these terms could
    bring. Coverage, the share of the query's weight (idf) that a document has at all, counts on
    top, so that a document with every word stands above one that repeats a single word.
    """
    unknown = float(idf_of(np.zeros(1, np.int64), documents)[0])
    rows, worth = [_NO_ROWS], [_NO_WORTH]
    total = 1e-9
    for part in sought:
        for term in part.terms:
            idf = unknown if term is None else float(part.postings.idf[term])
            total += 0.0 if part.extra else part.factor * idf
            if term is not None:
                found, impacts = part.postings.of(term)
                rows.append(found)
                covered = idf if part.extra else part.factor * idf
                worth.append(impacts * np.float64(part.factor) + round(covered * FINE) * SHIFT)
    # One count over all postings takes a third of the time of adding up term by term: what is
    # covered, in whole FINE parts, stands above the impacts, whose sum stays far below SHIFT.
    counted = np.bincount(np.concatenate(rows), np.concatenate(worth), documents)
    both = counted.astype(np.float64, copy=False)
    parts = both * (1 / SHIFT)
    np.floor(parts, out=parts)
    scores = (both - parts * SHIFT).astype(np.float32)
    coverage = np.minimum(parts, total * FINE, out=parts).astype(np.float32)
    coverage *= (1 - COVERAGE_FLOOR) / (total * FINE)
    coverage += COVERAGE_FLOOR
    scores *= coverage
    scores /= total * (SETTINGS.k1 + 1)
    return np.minimum(scores, 1.0, out=scores)


def look_closer(scores: Scores, forward: Forward, characters: Sequence[int]) -> Scores:
    """Return the scores with what the single characters of the query add to the best of them.

    Two words that share a character often mean the same (缴费, 交费; 工钱, 工资). The characters
    alone are too many and too common to search by, so only the CANDIDATES best are looked at.
    """
    idf = forward.idf[np.array(characters, np.int64)]
    total = float(idf.sum()) * (SETTINGS.k1 + 1) + 1e-9
    found = np.flatnonzero(scores > WORTH_A_LOOK * scores.max(initial=0.0))
    if len(found) > CANDIDATES:
        found = found[np.argpartition(scores[found], len(found) - CANDIDATES)[-CANDIDATES:]]
    wanted = np.zeros(len(forward.idf), np.float32)
    wanted[np.array(characters, np.int64)] = 1.0
    begins, ends = forward.starts[found], forward.starts[found + 1]
    lengths = ends - begins
    places = np.repeat(begins - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    worth = wanted[forward.terms[places]] * forward.impacts[places]
    sums = np.bincount(np.repeat(np.arange(len(found)), lengths), worth, len(found))
    closer = scores / (1 + CHARACTER_FACTOR)
    closer[found] += CHARACTER_FACTOR / (1 + CHARACTER_FACTOR) / total * sums
    return closer.astype(np.float32)


def build_forward(
    terms: NDArray[np.int64], spans: NDArray[np.int64], fields: tuple[str, ...], vocabulary: int
) -> Forward:
    """Turn the characters of all documents into their impacts, kept by document."""
    postings = build_postings(terms, spans, fields, vocabulary)
    numbers = np.repeat(np.arange(vocabulary), np.diff(postings.starts))
    order = np.argsort(postings.rows, kind="stable")
    documents = (len(spans) - 1) // len(fields)
    starts = np.searchsorted(postings.rows[order], np.arange(documents + 1))
    return Forward(
        starts.astype(np.int64),
        numbers[order].astype(np.uint16),
        postings.impacts[order],
        postings.idf,
    )


def build_postings(
    terms: NDArray[np.int64],
    spans: NDArray[np.int64],
    fields: tuple[str, ...],
    vocabulary: int,
    settings: Bm25f = SETTINGS,
) -> Postings:
    """Turn the terms of all documents, in reading order, into postings with BM25F impacts.

    `spans` says where each field of each document begins: spans[row * len(fields) + field]. A field
    with weight 0 is not searched.
    """
    documents = (len(spans) - 1) // len(fields)
    lengths = np.diff(spans)
    worth = _worth_of(lengths, fields, settings)
    slots = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    searched = worth[slots] > 0
    keys = terms[searched] * max(len(lengths), 1) + slots[searched]
    keys, counts = np.unique(keys, return_counts=True)
    terms, slots = np.divmod(keys, max(len(lengths), 1))
    weighted = counts * worth[slots]
    firsts = _changes(terms * max(documents, 1) + slots // len(fields))
    if len(firsts):
        weighted = np.add.reduceat(weighted, firsts)
    terms, rows = terms[firsts], (slots[firsts] // len(fields)).astype(np.int32)
    frequencies = np.bincount(terms, minlength=vocabulary)
    idf = idf_of(frequencies, documents)
    impacts = idf[terms] * weighted * (settings.k1 + 1) / (weighted + settings.k1)
    starts = np.concatenate(([0], np.cumsum(frequencies))).astype(np.int64)
    return Postings(starts, rows, impacts.astype(np.float32), idf)


def highest(keys: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the places of the `count` highest of all-different keys, highest first."""
    if 0 < count < len(keys):
        places = np.argpartition(keys, len(keys) - count)[len(keys) - count :]
    else:
        places = np.arange(len(keys))
    return places[np.argsort(keys[places])[::-1]][:count]


def unique_keys(primary: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return sort keys in which equal values are told apart by their row, the lower row first."""
    return (primary << 32) | (0x7FFFFFFF - rows)


def sortable(scores: Scores) -> NDArray[np.int64]:
    """Return scores, none below zero, as whole numbers in the same order."""
    return np.ascontiguousarray(scores).view(np.int32).astype(np.int64)


def _worth_of(
    lengths: NDArray[np.int64], fields: tuple[str, ...], settings: Bm25f
) -> NDArray[np.float64]:
    """Return what one occurrence is worth in each field of each document."""
    table = lengths.reshape(-1, len(fields)).astype(np.float64)
    average = np.maximum(table.mean(axis=0) if len(table) else np.ones(len(fields)), 1e-9)
    b = np.array([settings.b_of(name) for name in fields])
    weights = np.array([settings.weights[name] for name in fields])
    worth: NDArray[np.float64] = weights / (1 - b + b * table / average)
    return worth.ravel()


def _changes(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places at which sorted keys take a new value."""
    return np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))[: len(keys)])
