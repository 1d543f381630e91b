"""The index (索引) under `build/index`, open for reading.

Whoosh keeps the words of all fields, for any reader that knows Whoosh, and says which generation is
the newest. The query path reads the same words from the arrays beside it, `arrays-<generation>/`,
and the documents from `content-…/`, both mapped into memory. `writing` writes all of them.
"""

# mypy: disable-error-code="no-untyped-call"
# Whoosh is typed only in part.

import json
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from whoosh.filedb.filestore import FileStorage
from whoosh.index import TOC

from indexer.analysis import CHINESE, normalise, pairs_of, word_keys
from indexer.arrays import Numbers, distinct, is_among
from indexer.cards import read_record
from indexer.content import Content
from indexer.facts import EVERYWHERE
from indexer.generation import open_generation
from indexer.matching import Rule, read_rules
from indexer.memory import Memory
from indexer.moved import Move
from indexer.pinyin import alike, likeness
from indexer.policy import Status
from indexer.reading import Phrase, documents_in, is_same_issuer, stopwords
from indexer.texts import FIELDS

STATUSES = tuple(Status)
OPEN_ATTEMPTS = 25
MOST_NAMES = 500  # titles and aliases with one text in them that are looked at
# Documents that may have a quoted text: so many are sooner read than looked up among those that
# have one pair of characters of it more, and so many than among those that have each of its pairs.
FEW, SOME = 16, 300
_STRETCH = re.compile(f"[{CHINESE}]+")
LINE_BREAK = ord("\n")
NAME = "MAIN"  # Whoosh's name for the only index of a folder
TOC_FILE = re.compile(rf"^_{NAME}_(\d+)\.toc$")


class IndexMissing(Exception):
    """There is no index to open, or none that can be read."""

    def __init__(self, path: Path, *, damaged: bool = False) -> None:
        if damaged:
            super().__init__(f"{path} 里的索引读不出来，请运行 policykb index --full 重建。")
        else:
            super().__init__(f"{path} 里没有索引，请先运行 policykb index。")


@dataclass(frozen=True)
class Sounds:
    """How titles, aliases and queries sound.

    `readings` gives each character its syllable, `phrases` each character of `folded_phrases`;
    `pairs` holds the character pairs of those phrases, sorted by `keys`, how they sound.
    """

    syllables: tuple[str, ...]
    readings: NDArray[np.uint16]
    phrases: NDArray[np.uint16]
    keys: NDArray[np.uint32]
    pairs: NDArray[np.uint32]

    @cached_property
    def alike(self) -> NDArray[np.uint16]:
        """For each syllable, the number of the first one that sounds like it."""
        return likeness(self.syllables)

    @cached_property
    def initials(self) -> bytes:
        """The first letter of each sound of the phrases; a full stop where there is none."""
        letters = [ord((alike(syllable) or ".")[0]) for syllable in self.syllables]
        return np.array(letters, np.uint8)[self.phrases].tobytes()

    @cached_property
    def questions(self) -> frozenset[str]:
        """How the words sound that only make a question of it: zenmeban, duoshaoqian."""
        words = (word for word in stopwords() if _STRETCH.fullmatch(word))
        return frozenset(
            "".join(self.syllables[int(self.readings[ord(c)])] for c in word) for word in words
        )

    def have(self, pairs: NDArray[np.uint32]) -> bool:
        """Tell whether each of these pairs of characters is in some phrase."""
        places = np.searchsorted(self._sorted, pairs)
        return bool((self._sorted[np.minimum(places, len(self._sorted) - 1)] == pairs).all())

    @cached_property
    def _sorted(self) -> NDArray[np.uint32]:
        return np.append(np.sort(self.pairs), np.uint32(0xFFFFFFFF))

    def homophones(self, pair: int) -> list[int]:
        """Return the pairs in the phrases that sound like this one, the most frequent first."""
        first, second = (
            self.alike[self.readings[pair >> 16]],
            self.alike[self.readings[pair & 0xFFFF]],
        )
        if not first or not second:
            return []
        key = np.uint32((int(first) << 16) | int(second))
        span = slice(*np.searchsorted(self.keys, [key, key + 1]))
        found: list[int] = self.pairs[span].tolist()
        return found


@dataclass(frozen=True)
class Facets:
    """The values of all facets (筛选项), by number.

    Row `r` has the combination combinations[r]; its values stand from starts[combination] on.
    """

    values: Sequence[tuple[str, str]]
    combinations: NDArray[np.int32]
    starts: Numbers
    codes: NDArray[np.int32]

    @cached_property
    def numbers(self) -> Mapping[tuple[str, str], int]:
        """The number of each pair of facet and value."""
        return {pair: number for number, pair in enumerate(self.values)}

    @cached_property
    def _of(self) -> Mapping[str, list[str]]:
        names = dict.fromkeys(name for name, _ in self.values)
        return {name: [v for other, v in self.values if other == name and v] for name in names}

    @cached_property
    def _codes(self) -> Numbers:
        return self.codes.astype(np.int64)  # as they are counted

    @cached_property
    def _owners(self) -> Numbers:
        """The combination to which each of the codes belongs."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def of(self, name: str) -> list[str]:
        """Return the values of one facet, in the order in which they are shown."""
        return self._of[name]

    def have(self, rows: Numbers, name: str, wanted: Iterable[str]) -> NDArray[np.bool_]:
        """Return which of these rows have one of the wanted values.

        An entry without a region applies in every region.
        """
        pairs = [(name, value) for value in wanted]
        if name == "region":
            pairs.append((name, EVERYWHERE))
        chosen = [self.numbers[pair] for pair in pairs if pair in self.numbers]
        having = np.zeros(len(self.starts) - 1, np.bool_)
        for number in chosen:
            having[self._owners[self.codes == number]] = True
        return having[self.combinations[rows]]

    def count(self, rows: Numbers) -> NDArray[np.float64]:
        """Return how many of these rows have each value."""
        every = len(rows) == len(self.combinations)
        found = self.combinations if every else self.combinations[rows]
        counts = np.bincount(found, minlength=len(self.starts) - 1)
        by_value: NDArray[Any] = np.bincount(self._codes, counts[self._owners], len(self.values))
        return by_value


class Index:
    """One generation of the index, open for reading; any number of threads may share it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        storage = FileStorage(str(path))
        toc = TOC.read(storage, NAME)
        self.generation: int = toc.generation
        self._files = files = open_generation(path / f"arrays-{self.generation}")
        self.fingerprint: str = files.meta["fingerprint"]
        self.corpus = corpus = files.corpus
        self.postings, self.characters = corpus.postings, corpus.forward
        self.authority = files.arrays["authority"]
        self.title_rank = files.arrays["order-of-titles"]
        facts = corpus.facts
        self.effective, self.expires, self.deadline = facts.effective, facts.expires, facts.deadline
        self.superseded = facts.superseded
        self.facets = Facets(
            facts.values,
            files.arrays["combinations"],
            files.arrays["combination-starts"],
            files.arrays["combination-values"],
        )
        self.phrases, self.phrase_rows = corpus.phrases.originals, corpus.phrases.rows
        self.phrase_breaks = corpus.phrases.starts[:-1]
        self._name_starts, self._names = files.arrays["name-starts"], files.arrays["names"]
        self._names_end: int = files.meta["names"]  # titles and aliases stand before the queries
        self.sounds = Sounds(
            tuple(files.meta["syllables"]),
            files.arrays["readings"],
            corpus.phrases.sounds,
            files.arrays["sounds"],
            files.arrays["sounding-pairs"],
        )
        self.asked, self.answers = Memory(), Memory()
        self._statuses: tuple[date, NDArray[np.uint8]] | None = None
        if sum(segment.doc_count() for segment in toc.segments) != len(self):
            raise ValueError(f"{path}: Whoosh and the arrays of {self.generation} differ")

    def __len__(self) -> int:
        return len(self.corpus)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def slugs(self) -> list[str]:
        """The slug of each row."""
        return self._files.slugs

    @property
    def digests(self) -> list[str]:
        """The digest of the file of each row."""
        return self._files.digests

    @property
    def commits(self) -> list[str]:
        """The last commit of the file of each row; NO_COMMIT where there is none."""
        return self._files.commits

    @property
    def moves(self) -> tuple[Move, ...]:
        """What became of each name that an entry once had."""
        return self._files.moves

    @cached_property
    def former(self) -> dict[str, Move]:
        """The same by the former name."""
        return {move.slug: move for move in self.moves}

    @property
    def contents(self) -> list[Path]:
        """The folders of the content."""
        return [self.path / name for name in self._files.meta["contents"]]

    @property
    def folded_phrases(self) -> str:
        """Titles, aliases and queries as one normalised string, each behind a line break."""
        return self._files.folded_phrases

    def close(self) -> None:
        """Let go of every file; the index must not be used after this."""
        for name in set(vars(self)) - {"path", "generation"}:
            delattr(self, name)

    def record(self, slug: str) -> dict[str, Any] | None:
        """Return the public record of an entry as it was stored at build time, with its `url`."""
        if slug not in self.rows:
            return None
        content, document = self.document(self.rows[slug])
        return read_record(content.records.raw(document))

    def card(self, row: int) -> dict[str, Any]:
        """Return what a list shows of an entry."""
        card: dict[str, Any] = json.loads(self.card_data(row))
        return card

    def card_data(self, row: int) -> bytes:
        """Return what a list shows of an entry, as JSON."""
        content, document = self.document(row)
        return content.cards.raw(document)

    def document(self, row: int) -> tuple[Content, int]:
        """Return the content in which an entry is, and its number there."""
        return self.corpus.contents[self.corpus.parts[row]], int(self.corpus.documents[row])

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of the benefit entries, read once."""
        ruled = np.flatnonzero(self.facets.have(np.arange(len(self)), "kind", ["benefit"]))
        documents = [self.document(row) for row in ruled.tolist()]
        return read_rules([json.loads(content.rules.raw(place)) for content, place in documents])

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each slug in the arrays."""
        return {slug: row for row, slug in enumerate(self.slugs)}

    @cached_property
    def _phrases_of(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The numbers of all phrases sorted by row, and where each row begins among them."""
        order = np.argsort(self.phrase_rows, kind="stable")
        starts = np.searchsorted(self.phrase_rows[order], np.arange(len(self) + 1))
        return order, starts

    def names(self, row: int) -> list[str]:
        """Return the title and the aliases of an entry, normalised and without spaces."""
        order, starts = self._phrases_of
        numbers = order[starts[row] : starts[row + 1]]
        return [self._folded_phrase(int(number)) for number in numbers if number < self._names_end]

    def rows_of_document(self, number: str, issuer: str) -> NDArray[np.int32]:
        """Return the rows that rest on a document, by the one name of its number and its issuer."""
        rows = self.postings.rows_of(word_keys([number])[0])
        return rows[[self._has_document(int(row), number, issuer) for row in rows]]

    def _has_document(self, row: int, number: str, issuer: str) -> bool:
        own = documents_in(normalise(self.text(row, "doc_numbers")))
        return any(number == name and is_same_issuer(issuer, other) for name, other in own)

    def rows_called(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the rows that have a normalised text for a title or alias, and within one."""
        if not self.sounds.have(pairs_of(text)[0]):
            return np.zeros(0, np.int32), np.zeros(0, np.int32)
        found = re.compile(re.escape(text)).finditer(self.folded_phrases, 0, self.end_of_names)
        places = np.array([match.start() for match in islice(found, MOST_NAMES)], np.int64)
        rows = self.phrase_rows[self.phrase_breaks.searchsorted(places, side="right") - 1]
        characters = self.corpus.phrases.characters
        ends = np.minimum(places + len(text), len(characters) - 1)
        at_end = (characters[ends] == LINE_BREAK) | (places + len(text) == len(characters))
        alone = (characters[places - 1] == LINE_BREAK) & at_end
        return distinct(rows[alone]), distinct(rows[~alone])

    def rows_sharing(self, characters: Iterable[int], count: int, least: float = 2) -> list[int]:
        """Return the rows with a title or alias that has most of some characters, likest first.

        It must have `least` of them.
        """
        wanted = [code for code in dict.fromkeys(characters) if code < 0x10000]
        spans = [slice(*self._name_starts[code : code + 2].tolist()) for code in wanted]
        having = np.concatenate([self._names[span] for span in spans] or [self._names[:0]])
        shared = np.bincount(having, minlength=self._names_end)
        likeness = shared / (self._name_lengths + len(wanted) - shared)
        found = np.flatnonzero(shared >= least)
        best = found[np.argsort(-likeness[found], kind="stable")]
        return list(dict.fromkeys(self.phrase_rows[best].tolist()))[:count]

    @cached_property
    def _name_lengths(self) -> NDArray[np.int64]:
        breaks = self.phrase_breaks[: self._names_end]
        return np.diff(breaks, append=self.end_of_names) - 1

    @cached_property
    def end_of_names(self) -> int:
        """Where the queries begin among the folded phrases, behind titles and aliases."""
        more = self._names_end < len(self.phrase_breaks)
        return int(self.phrase_breaks[self._names_end]) if more else len(self.folded_phrases)

    def _folded_phrase(self, number: int) -> str:
        begin = int(self.phrase_breaks[number]) + 1
        last = number + 1 == len(self.phrase_breaks)
        return self.folded_phrases[begin : None if last else int(self.phrase_breaks[number + 1])]

    def text(self, row: int, name: str) -> str:
        """Return the text of a field as it was analysed."""
        content, document = self.document(row)
        return content.text(document, FIELDS.index(name))

    def has_word(self, word: str) -> bool:
        """Tell whether any entry has a word."""
        return bool(self.postings.find(word_keys([word]))[1][0])

    def has_pairs(self, pairs: Sequence[int]) -> bool:
        """Tell whether each of some pairs of characters occurs in some entry."""
        return bool(self.postings.find(np.array(pairs, np.uint64))[1].all())

    def contain(self, phrase: Phrase) -> Numbers:
        """Return the rows that have a quoted text: its Chinese in one piece, its other words."""
        places, known = self.postings.find(phrase.keys)
        if False in known.tolist():
            return np.zeros(0, np.int64)
        spans = [self.postings.span(place) for place in places.tolist()]
        loose = [self._having_character(character) for character in phrase.alone]
        having = [self.postings.rows[begin:end] for begin, end in spans]
        loose += having[: phrase.loose]
        if not loose and not having:
            return np.arange(len(self))
        # The rarest comes first: every other one only has to look for what is left. Where that is
        # little, the texts tell sooner than the postings of further pairs.
        rarest, *others = sorted(loose + having[phrase.loose :], key=len)
        enough, needed = FEW, set(map(id, loose))
        for other in others:
            if len(rarest) > enough or id(other) in needed:
                rarest = rarest[is_among(rarest, other)]
            enough = SOME
        rows: Numbers = rarest.astype(np.int64)
        for run in phrase.runs:
            rows = rows[self._follow(rows, run)]
        return rows

    def _having_character(self, character: int) -> NDArray[np.int32]:
        """Return the rows that have a character, be it in a pair or as a word of its own."""
        places = np.flatnonzero(self.characters.terms == character)
        rows = np.searchsorted(self.characters.starts, places, side="right") - 1
        alone = self.postings.rows_of(word_keys([chr(character)])[0])
        return np.union1d(rows.astype(np.int32), alone)

    def _follow(self, rows: Numbers, pairs: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Return in which of these rows the pairs stand one behind the other."""
        documents, contents = self.corpus.documents[rows], self.corpus.contents
        if len(contents) == 1:
            return contents[0].have_run(documents, pairs)
        following = np.zeros(len(rows), np.bool_)
        parts = self.corpus.parts[rows]
        for part, content in enumerate(contents):
            here = np.flatnonzero(parts == part)
            following[here] = content.have_run(documents[here], pairs)
        return following

    def statuses(self, day: date) -> NDArray[np.uint8]:
        """Return the status of every row on `day`, as places in STATUSES."""
        known = self._statuses
        if known is None or known[0] != day:
            known = (day, self._statuses_on(day.toordinal()))
            self._statuses = known
        return known[1]

    def _statuses_on(self, day: int) -> NDArray[np.uint8]:
        # The rule of policy.status_on, for all rows at once; zero stands for an unknown date.
        over = (self.expires > 0) & (self.expires < day)
        conditions = [self.effective > day, ~over, self.superseded.astype(bool)]
        ended = (Status.PENDING, Status.IN_FORCE, Status.SUPERSEDED)
        codes = [STATUSES.index(status) for status in ended]
        return np.select(conditions, codes, STATUSES.index(Status.EXPIRED)).astype(np.uint8)


def open_index(path: Path) -> Index:
    """Open the newest generation; a build that swaps generations meanwhile is waited out."""
    for attempt in range(1, OPEN_ATTEMPTS + 1):
        if generation_of(path) is None:
            raise IndexMissing(path)
        try:
            return Index(path)
        except Exception as error:  # a file gone or half gone fails in many ways
            if attempt == OPEN_ATTEMPTS:
                raise IndexMissing(path, damaged=True) from error
            time.sleep(0.02)
    raise IndexMissing(path)


def generation_of(path: Path) -> int | None:
    """Return the number of the newest complete generation, or None if there is no index."""
    try:
        names = os.listdir(path)  # noqa: PTH208 - names are all that is needed
    except OSError:
        return None
    latest = newest(names, TOC_FILE)
    return latest if latest is not None and f"arrays-{latest}" in names else None


def newest(names: Iterable[str], pattern: re.Pattern[str]) -> int | None:
    """Return the highest generation among the names that fit a pattern, None if there is none."""
    return max((int(match[1]) for name in names if (match := pattern.match(name))), default=None)
