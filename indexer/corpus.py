"""The corpus (语料): all documents of one generation, and what is worked out of them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from indexer.arrays import Numbers, places_of, starts_after, starts_of
from indexer.content import Content, join
from indexer.facts import Facts, facts_of, join_facts
from indexer.phrases import Phrases, join_phrases, phrases_of
from indexer.policy import Policy
from indexer.ranking import (
    Forward,
    Postings,
    averages_of,
    build_forward,
    build_postings,
    idf_of_characters,
    join_postings,
    splice,
)
from indexer.texts import FIELDS

MOST_PARTS = 8  # of the content; each costs a little whenever something is looked up


@dataclass(frozen=True)
class Averages:
    """The average lengths of the fields, counted in words and in characters."""

    words: tuple[float, ...]
    characters: tuple[float, ...]


@dataclass(frozen=True)
class Corpus:
    """All documents, a row each. Row `r` is document `documents[r]` of contents[parts[r]]."""

    contents: tuple[Content, ...]
    parts: NDArray[np.uint8]
    documents: NDArray[np.int32]
    facts: Facts
    phrases: Phrases
    averages: Averages
    postings: Postings
    forward: Forward

    def __len__(self) -> int:
        return len(self.parts)


@dataclass(frozen=True)
class Fresh:
    """Documents that come in: the row that each will have, and what it is."""

    rows: Numbers
    policies: Sequence[Policy]
    content: Content


def begin(fresh: Fresh) -> Corpus:
    """Return the corpus of a library that is all new."""
    contents, count = (fresh.content,), len(fresh.rows)
    parts, documents = np.zeros(count, np.uint8), np.arange(count, dtype=np.int32)
    averages = _averages(contents, parts, documents)
    return Corpus(
        contents,
        parts,
        documents,
        facts_of(fresh.policies),
        phrases_of(fresh.policies),
        averages,
        *_derive(fresh.content, averages),
    )


def renew(old: Corpus, moved: NDArray[np.int32], fresh: Fresh) -> Corpus:
    """Return the corpus without the documents that are gone, and with the fresh ones.

    `moved` gives the new row of each old one, in the old order, and -1 where it is gone. Whatever
    depends on the rest of the library comes out as if all were built at once.
    """
    kept = np.flatnonzero(moved >= 0)
    order = np.argsort(np.concatenate([moved[kept], fresh.rows]))
    contents, parts, documents = _gather(old, kept, fresh.content)
    parts, documents = parts[order], documents[order]
    averages = _averages(contents, parts, documents)
    if averages == old.averages:
        derived = _splice(old, moved, fresh, order)
    else:
        derived = _derive(_in_order(contents, parts, documents), averages)
    staying = np.flatnonzero(moved[old.phrases.rows] >= 0)
    coming = phrases_of(fresh.policies)
    return Corpus(
        contents,
        parts,
        documents,
        join_facts(old.facts.take(kept), facts_of(fresh.policies)).take(order),
        join_phrases(
            old.phrases.take(staying, moved[old.phrases.rows[staying]]),
            replace(coming, rows=fresh.rows[coming.rows].astype(np.int32)),
        ),
        averages,
        *derived,
    )


def _gather(
    old: Corpus, kept: Numbers, fresh: Content
) -> tuple[tuple[Content, ...], NDArray[np.uint8], NDArray[np.int32]]:
    """Return the content, in few parts, and where in it each kept and then each fresh document is.

    Parts most of whose documents are gone, and the smaller ones where there are too many, go into
    the new one.
    """
    alive = [np.flatnonzero(old.parts[kept] == part) for part in range(len(old.contents))]
    counts = [len(rows) for rows in alive]
    many = len(old.contents) >= MOST_PARTS
    staying = [
        part
        for part, content in enumerate(old.contents)
        if 2 * counts[part] > len(content) and not (many and counts[part] < max(counts))
    ]
    parts = np.zeros(len(kept) + len(fresh), np.uint8)
    documents = np.zeros(len(parts), np.int32)
    for place, part in enumerate(staying):
        parts[alive[part]] = place
        documents[alive[part]] = old.documents[kept[alive[part]]]
    leaving = [part for part in range(len(old.contents)) if part not in staying]
    moving = [alive[part] for part in leaving]
    taken = [
        old.contents[part].take(old.documents[kept[rows]].astype(np.int64))
        for part, rows in zip(leaving, moving, strict=True)
    ]
    into = np.concatenate([*moving, np.arange(len(kept), len(parts))])
    parts[into], documents[into] = len(staying), np.arange(len(into))
    contents = [old.contents[part] for part in staying]
    if len(into) or not contents:
        contents.append(join([*taken, fresh]))
    return tuple(contents), parts, documents


def _averages(
    contents: Sequence[Content], parts: NDArray[np.uint8], documents: NDArray[np.integer]
) -> Averages:
    counted = [content.lengths() for content in contents]
    words, characters = (
        np.concatenate(
            [table[kind][documents[parts == part]] for part, table in enumerate(counted)]
        )
        for kind in (0, 1)
    )
    return Averages(averages_of(words), averages_of(characters))


def _in_order(
    contents: Sequence[Content], parts: NDArray[np.uint8], documents: NDArray[np.int32]
) -> Content:
    """Return the content of all documents in the order of their rows."""
    before = np.cumsum([0, *(len(content) for content in contents)])
    rows = before[parts] + documents
    whole = join(contents) if len(contents) > 1 else contents[0]
    in_order = np.array_equal(rows, np.arange(len(whole)))
    return whole if in_order else whole.take(rows.astype(np.int64))


def _derive(content: Content, averages: Averages) -> tuple[Postings, Forward]:
    """Return the postings and the characters of some documents by themselves."""
    ends = content.pairs == 0
    characters = (content.pairs >> 16).astype(np.int64)
    characters[ends] = content.pairs[np.flatnonzero(ends) - 1] & 0xFFFF
    with ThreadPoolExecutor() as pool:
        words = pool.submit(
            build_postings, content.tokens + 1, content.token_starts, FIELDS, averages.words
        )
        pairs = pool.submit(
            build_postings, content.pairs, content.pair_starts, FIELDS, averages.characters
        )
        forward = pool.submit(
            build_forward, characters, content.pair_starts, FIELDS, averages.characters
        )
        by_number = words.result()
        numbers = by_number.keys.astype(np.int64) - 1
        by_key = replace(by_number, keys=content.keys[numbers])
        return join_postings(pairs.result(), by_key), forward.result()


def _splice(
    old: Corpus, moved: NDArray[np.int32], fresh: Fresh, order: Numbers
) -> tuple[Postings, Forward]:
    """Return the old postings and characters with what has changed: its rows alone are new."""
    postings, forward = _derive(fresh.content, old.averages)
    postings = replace(postings, rows=fresh.rows[postings.rows].astype(np.int32))
    places = places_of(old.forward.starts, np.flatnonzero(moved >= 0))
    lengths = [np.diff(old.forward.starts)[moved >= 0], np.diff(forward.starts)]
    starts = starts_of(np.concatenate(lengths))
    values = places_of(starts, order)
    terms = np.concatenate([old.forward.terms[places], forward.terms])[values]
    saturations = np.concatenate([old.forward.saturations[places], forward.saturations])[values]
    idf = idf_of_characters(terms, len(order))
    return (
        splice(old.postings, moved, postings, len(order)),
        Forward(starts_after(starts, order), terms, saturations, idf),
    )
