"""The index (索引) under `build/index`, open for reading.

Whoosh keeps the fields and the public records; the arrays beside it, `arrays-<generation>/`, keep
the same words as NumPy files for the query path. `writing` writes both.
"""

# mypy: disable-error-code="no-untyped-call"
# Whoosh is typed only in part.

import json
import os
import re
import threading
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from whoosh.filedb.filestore import FileStorage
from whoosh.index import TOC, FileIndex

from indexer.analysis import CHINESE, normalise, pairs_of, segment
from indexer.matching import Rule, read_rules
from indexer.pinyin import alike, likeness
from indexer.policy import (
    Status,
)
from indexer.ranking import Forward, Postings
from indexer.reading import documents_in, is_same_issuer, stopwords
from indexer.texts import FIELDS

STATUSES = tuple(Status)
OPEN_ATTEMPTS = 25
MOST_NAMES = 500  # titles and aliases with one text in them that are looked at
_STRETCH = re.compile(f"[{CHINESE}]+")
_ALONE = {("\n", "\n"), ("\n", "")}
NAME = "MAIN"  # Whoosh's name for the only index of a folder
TOC_FILE = re.compile(rf"^_{NAME}_(\d+)\.toc$")


class IndexMissing(Exception):
    """There is no index to open, or none that can be read."""

    def __init__(self, path: Path, *, damaged: bool = False) -> None:
        if damaged:
            super().__init__(f"{path} 里的索引读不出来，请运行 policykb index --full 重建。")
        else:
            super().__init__(f"{path} 里没有索引，请先运行 policykb index。")


class Strings(Sequence[str]):
    """Many strings in two arrays, decoded one at a time."""

    def __init__(self, data: NDArray[np.uint8], starts: NDArray[np.int64]) -> None:
        self._data, self._starts = data, starts

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, place: Any) -> Any:
        return self.raw(place).decode()

    def raw(self, place: int) -> bytes:
        """Return one string as it is stored, in UTF-8."""
        return self._data[self._starts[place] : self._starts[place + 1]].tobytes()


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
class Facet:
    """The values of one field (筛选项): row `rows[i]` has the value `values[codes[i]]`."""

    values: list[str]
    rows: NDArray[np.int32]
    codes: NDArray[np.int32]
    starts: NDArray[np.int64]

    def choose(self, wanted: Iterable[str]) -> NDArray[np.bool_]:
        """Return which rows have one of the wanted values."""
        known = [self.values.index(value) for value in wanted if value in self.values]
        chosen = np.zeros(len(self.starts) - 1, np.bool_)
        chosen[self.rows[np.isin(self.codes, known)]] = True
        return chosen

    def lack(self) -> NDArray[np.bool_]:
        """Return which rows have no value at all."""
        lacking: NDArray[np.bool_] = self.starts[1:] == self.starts[:-1]
        return lacking

    def count(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many of these rows have each value."""
        begins = self.starts[rows]
        lengths = self.starts[rows + 1] - begins
        shifts = np.repeat(begins - np.cumsum(lengths) + lengths, lengths)
        codes = self.codes[np.arange(len(shifts)) + shifts]
        return np.bincount(codes, minlength=len(self.values))


class Index:
    """One generation of the index, open for reading; any number of threads may share it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        storage = FileStorage(str(path))
        toc = TOC.read(storage, NAME)
        self.generation: int = toc.generation
        self._arrays = path / f"arrays-{self.generation}"
        meta = json.loads((self._arrays / "meta.json").read_text(encoding="utf-8"))
        self.fingerprint: str = meta["fingerprint"]
        self.slugs = _read_lines(self._arrays / "slugs.txt")
        self.digests = _read_lines(self._arrays / "digests.txt")
        self.words = _read_lines(self._arrays / "words.txt")
        self.word_ids = {word: number for number, word in enumerate(self.words)}
        self.word_postings = self._postings("word")
        self.bigram_codes = self._load("bigram-codes")
        self.bigram_postings = self._postings("bigram")
        self.characters = Forward(
            *(self._load(f"character-{part}") for part in ("starts", "terms", "impacts", "idf"))
        )
        self.authority = self._load("authority")
        self.token_spans, self.tokens = self._load("token-spans"), self._load("tokens")
        self.token_begins, self.token_ends = self._load("begins"), self._load("ends")
        self.pair_spans, self.pairs = self._load("pair-spans"), self._load("pairs")
        self.texts = self._strings("texts")
        self.cards = self._strings("cards")
        self.phrases = self._strings("phrases")
        self.rules_json = self._load("rules")
        self.phrase_rows = self._load("phrase-rows")
        # Titles, aliases and queries as one normalised string, each behind a line break.
        self.folded_phrases = (self._arrays / "phrases-folded.txt").read_text(encoding="utf-8")
        self.phrase_breaks = self._load("phrase-breaks")
        self._name_starts, self._names = self._load("name-starts"), self._load("names")
        self._names_end: int = meta["names"]  # titles and aliases stand before the queries
        self.sounds = Sounds(
            tuple(meta["syllables"]),
            self._load("readings"),
            self._load("phrase-sounds"),
            self._load("sounds"),
            self._load("sounding-pairs"),
        )
        self.facets = {name: self._facet(name, values) for name, values in meta["facets"].items()}
        self.effective, self.expires = self._load("effective"), self._load("expires")
        self.deadline, self.superseded = self._load("deadline"), self._load("superseded")
        self.title_rank = self._load("title-rank")
        self._statuses: tuple[date, NDArray[np.uint8]] | None = None
        self._lock = threading.Lock()
        self._reader = FileIndex._reader(storage, toc.schema, toc.segments, toc.generation)
        if self._reader.doc_count() != len(self.slugs):
            self._reader.close()
            raise ValueError(f"{path}: Whoosh and the arrays of {self.generation} differ")

    def __len__(self) -> int:
        return len(self.slugs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of every file; the index must not be used after this."""
        if "_reader" in vars(self):
            self._reader.close()
        for name in set(vars(self)) - {"path", "generation"}:
            delattr(self, name)

    def record(self, slug: str) -> dict[str, Any] | None:
        """Return the public record of an entry as it was stored at build time, with its `url`."""
        if slug not in self.rows:
            return None
        with self._lock:  # Whoosh does not promise that threads may share a reader
            number = self._reader.first_id("slug", slug)
            stored: dict[str, Any] = self._reader.stored_fields(number)["record"]
        return stored

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield a short row for every entry, sorted by slug."""
        return (self.card(row) for row in range(len(self)))

    def card(self, row: int) -> dict[str, Any]:
        """Return what a list shows of an entry."""
        card: dict[str, Any] = json.loads(self.cards.raw(row))
        return card

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of the benefit entries: one JSON list, read once."""
        return read_rules(json.loads(self.rules_json.tobytes()))

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
        term = self.word_ids.get(number)
        if term is None:
            return np.zeros(0, np.int32)
        rows = self.word_postings.of(term)[0]
        return rows[[self._has_document(int(row), number, issuer) for row in rows]]

    def _has_document(self, row: int, number: str, issuer: str) -> bool:
        own = documents_in(normalise(self.text(row, "doc_numbers")))
        return any(number == name and is_same_issuer(issuer, other) for name, other in own)

    def rows_called(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the rows that have a normalised text for a title or alias, and within one."""
        whole, within = set[int](), set[int]()
        end = self.end_of_names
        if not self.sounds.have(pairs_of(text)[0]):
            return np.zeros(0, np.int32), np.zeros(0, np.int32)
        place = self.folded_phrases.find(text, 0, end)
        for _ in range(MOST_NAMES):
            if place < 0:
                break
            row = int(self.phrase_rows[bisect_right(self.phrase_breaks, place) - 1])
            around = self.folded_phrases[place - 1], self.folded_phrases[place + len(text) :][:1]
            (whole if around in _ALONE else within).add(row)
            place = self.folded_phrases.find(text, place + 1, end)
        return np.array(sorted(whole), np.int32), np.array(sorted(within), np.int32)

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
        text: str = self.texts[row * len(FIELDS) + FIELDS.index(name)]
        return text

    def places(self, row: int, name: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return the words of a field, by number, and where each begins and ends."""
        slot = row * len(FIELDS) + FIELDS.index(name)
        span = slice(self.token_spans[slot], self.token_spans[slot + 1])
        return self.tokens[span], self.token_begins[span], self.token_ends[span]

    def bigram_ids(self, bigrams: Sequence[int]) -> tuple[int | None, ...]:
        """Return the number of each pair of characters, None for one that no entry has."""
        wanted = np.array(bigrams, np.uint32)
        places = np.searchsorted(self.bigram_codes, wanted)
        found = np.searchsorted(self.bigram_codes, wanted, side="right") > places
        return tuple(
            place if known else None
            for place, known in zip(places.tolist(), found.tolist(), strict=True)
        )

    def contain(self, phrase: str) -> NDArray[np.bool_]:
        """Return which rows have a normalised phrase: its Chinese in one piece, its other words."""
        having = np.ones(len(self), np.bool_)
        for word, begin, end in segment(phrase):
            if not word.isascii() or phrase[begin:end] != word:
                continue
            having &= self._having(self.word_postings, self.word_ids.get(word))
        for stretch in _STRETCH.findall(phrase):
            having &= self._contain_stretch(stretch)
        return having

    def _contain_stretch(self, stretch: str) -> NDArray[np.bool_]:
        """Return which rows have a run of Chinese characters."""
        having = np.ones(len(self), np.bool_)
        if len(stretch) == 1:
            places = np.flatnonzero(self.characters.terms == ord(stretch))
            rows = np.searchsorted(self.characters.starts, places, side="right") - 1
            return np.isin(np.arange(len(self)), rows)
        pairs, _ = pairs_of(stretch)
        for number in self.bigram_ids(tuple(pairs.tolist())):
            having &= self._having(self.bigram_postings, number)
        rows = np.flatnonzero(having)
        if len(pairs) > 1 and len(rows):
            having[rows] = self._follow(rows, pairs)
        return having

    def _having(self, postings: Postings, term: int | None) -> NDArray[np.bool_]:
        having = np.zeros(len(self), np.bool_)
        if term is not None:
            having[postings.of(term)[0]] = True
        return having

    def _follow(self, rows: NDArray[np.int64], pairs: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Return in which of these rows the pairs stand one behind the other."""
        begins = self.pair_spans[rows * len(FIELDS)]
        lengths = self.pair_spans[(rows + 1) * len(FIELDS)] - begins
        places = np.repeat(begins - np.cumsum(lengths) + lengths, lengths)
        stream = self.pairs[places + np.arange(len(places))]
        window = len(stream) - len(pairs) + 1
        found = np.ones(window, np.bool_)
        for offset, pair in enumerate(pairs):
            found &= stream[offset : offset + window] == pair
        owners = np.searchsorted(np.cumsum(lengths), np.flatnonzero(found), side="right")
        following = np.zeros(len(rows), np.bool_)
        following[owners] = True  # a break ends each field, so no match runs into the next row
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

    def _load(self, name: str) -> NDArray[Any]:
        loaded = np.load(self._arrays / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        return np.asarray(loaded)

    def _facet(self, name: str, values: list[str]) -> Facet:
        rows = self._load(f"{name}-rows")
        starts = np.searchsorted(rows, np.arange(len(self.slugs) + 1))
        return Facet(values, rows, self._load(f"{name}-codes"), starts)

    def _strings(self, name: str) -> Strings:
        return Strings(self._load(name), self._load(f"{name}-starts"))

    def _postings(self, name: str) -> Postings:
        parts = ("starts", "rows", "impacts", "idf")
        return Postings(*(self._load(f"{name}-{part}") for part in parts))


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


def _read_lines(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return text.split("\n") if text else []


def newest(names: Iterable[str], pattern: re.Pattern[str]) -> int | None:
    """Return the highest generation among the names that fit a pattern, None if there is none."""
    return max((int(match[1]) for name in names if (match := pattern.match(name))), default=None)
