"""The content (内容) of documents: their texts, analysed once and kept unchanged from then on."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from indexer.analysis import analyse_words, normalise, pairs_in, warm_up, word_keys
from indexer.arrays import (
    Numbers,
    Strings,
    distinct,
    join_starts,
    join_strings,
    map_array,
    places_of,
    save_arrays,
    starts_after,
    starts_of,
)
from indexer.parallel import ignore, start_processes
from indexer.texts import FIELDS

PAIR = 4  # bytes of a pair of characters
CHUNK = 250  # documents that are analysed at a time: a second or less of work
# Starting a process costs about a second, which this many documents are worth.
WORTH_PROCESSES = 1_500
FEW = 64  # documents: so many are sooner read one by one than joined
MOST_GATHERED = 0.15  # of the documents: above that, it is quicker to look through all of them


@dataclass(frozen=True)
class Content:
    """Documents with their analysis, in reading order.

    Field `f` of document `d` is slot `d * len(FIELDS) + f`. `tokens` are places in `keys`, the keys
    of all words, sorted; `begins` and `ends` count characters of the text. `pairs` are those of
    neighbouring characters with breaks. `cards`, `rules` and `records` are JSON, these compressed;
    most documents have no rule.
    """

    texts: Strings
    cards: Strings
    rules: Strings
    records: Strings
    keys: NDArray[np.uint64]
    token_starts: Numbers
    tokens: NDArray[np.int32]
    begins: NDArray[np.int32]
    ends: NDArray[np.int32]
    pair_starts: Numbers
    pairs: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.cards)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Map the files of a folder."""
        return cls(**{field.name: _map(folder, field.name) for field in fields(cls)})

    def save(self, folder: Path) -> None:
        """Write the files into a new folder."""
        folder.mkdir()
        arrays: dict[str, NDArray[Any]] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Strings):
                arrays |= {field.name: value.data, f"{field.name}-starts": value.starts}
            else:
                arrays[field.name] = value
        save_arrays(folder, arrays)

    def take(self, documents: Numbers) -> "Content":
        """Return the chosen documents, in that order."""
        slots = (documents[:, None] * len(FIELDS) + np.arange(len(FIELDS))).ravel()
        places = places_of(self.token_starts, slots)
        return Content(
            self.texts.take(slots),
            self.cards.take(documents),
            self.rules.take(documents),
            self.records.take(documents),
            self.keys,
            starts_after(self.token_starts, slots),
            self.tokens[places],
            self.begins[places],
            self.ends[places],
            starts_after(self.pair_starts, slots),
            self.pairs[places_of(self.pair_starts, slots)],
        )

    def lengths(self) -> tuple[Numbers, Numbers]:
        """Return how many words and how many characters each field of each document has."""
        shape = (len(self), len(FIELDS))
        return np.diff(self.token_starts).reshape(shape), np.diff(self.pair_starts).reshape(shape)

    def text(self, document: int, field: int) -> str:
        """Return the text of a field as it was analysed."""
        text: str = self.texts[document * len(FIELDS) + field]
        return text

    def span(self, document: int, first: int, last: int) -> slice:
        """Return where the tokens of some fields stand."""
        slot = document * len(FIELDS)
        return slice(self.token_starts[slot + first], self.token_starts[slot + last])

    def have_run(
        self, documents: NDArray[np.integer], pairs: NDArray[np.uint32]
    ) -> NDArray[np.bool_]:
        """Tell which of some documents have pairs of characters one behind the other."""
        if len(documents) <= FEW:
            pieces, run = self._pairs_of(documents)[0], pairs.tobytes()
            return np.array([_has_run(piece.tobytes(), run) for piece in pieces], np.bool_)
        every = len(documents) > MOST_GATHERED * len(self)
        if every:
            stream, ends = self.pairs, self.pair_starts[len(FIELDS) :: len(FIELDS)]
        else:
            stream, ends = self.pairs_at(documents)
        starts = max(len(stream) - len(pairs) + 1, 0)
        found = (stream[:starts] == pairs[0]).nonzero()[0]
        for offset, pair in enumerate(pairs[1:], 1):
            found = found[stream[found + offset] == pair]
        having = np.zeros(len(ends), np.bool_)
        having[ends.searchsorted(found, side="right")] = True  # a break ends each field
        return having[documents] if every else having

    def pairs_at(self, documents: NDArray[np.integer]) -> tuple[NDArray[np.uint32], Numbers]:
        """Return the pairs of characters of some documents, and where those of each end."""
        # To join stretches of bytes is far quicker than to take pair by pair.
        pieces, lengths = self._pairs_of(documents)
        return np.frombuffer(b"".join(pieces), np.uint32), lengths.cumsum()

    def _pairs_of(self, documents: NDArray[np.integer]) -> tuple[Iterator[memoryview], Numbers]:
        """Return the pairs of each of some documents, and how many they are."""
        starts = self.pair_starts[:: len(FIELDS)]
        begins, ends = starts[documents], starts[documents + 1]
        spans = map(slice, begins.tolist(), ends.tolist())
        return map(self.pairs.data.__getitem__, spans), ends - begins


def _has_run(pairs: bytes, run: bytes) -> bool:
    """Tell whether some pairs stand one behind the other among others."""
    place = pairs.find(run)
    while place > 0 and place % PAIR:  # it began within a pair
        place = pairs.find(run, place + 1)
    return place >= 0


def join(contents: Sequence[Content]) -> Content:
    """Return all documents, those of the first content first."""
    keys = distinct(np.concatenate([content.keys for content in contents]))
    tokens = [np.searchsorted(keys, one.keys).astype(np.int32)[one.tokens] for one in contents]
    return Content(
        join_strings([content.texts for content in contents]),
        join_strings([content.cards for content in contents]),
        join_strings([content.rules for content in contents]),
        join_strings([content.records for content in contents]),
        keys,
        join_starts([content.token_starts for content in contents]),
        np.concatenate(tokens),
        np.concatenate([content.begins for content in contents]),
        np.concatenate([content.ends for content in contents]),
        join_starts([content.pair_starts for content in contents]),
        np.concatenate([content.pairs for content in contents]),
    )


class Analysed(NamedTuple):
    """What the analysis of some documents brings: their words by number, and their pairs."""

    words: list[str]
    tokens: NDArray[np.int32]
    begins: NDArray[np.int32]
    ends: NDArray[np.int32]
    token_lengths: NDArray[np.int32]
    pairs: NDArray[np.uint32]
    pair_lengths: NDArray[np.int64]


class Documents:
    """Documents that are being analysed, by several processes where there are many of them."""

    def __init__(self, expected: int) -> None:
        self._chunk: list[tuple[str, ...]] = []
        self._texts: list[bytes] = []
        self._cards: list[bytes] = []
        self._rules: list[bytes] = []
        self._records: list[bytes] = []
        self._pool = start_processes(warm_up) if expected >= WORTH_PROCESSES else None
        self._analysed: list[Future[Analysed] | Analysed] = []

    def add(self, texts: Sequence[str], *, card: bytes, rule: bytes, record: bytes) -> None:
        """Take in one document: the texts of its fields, and what is kept as it is."""
        self._texts.extend(text.encode("utf-8", "replace") for text in texts)
        self._cards.append(card)
        self._rules.append(rule)
        self._records.append(record)
        self._chunk.append(tuple(texts))
        if len(self._chunk) == CHUNK:
            self._send()

    def finish(self, tell: Callable[[float], None] = ignore) -> tuple[Content, list[str]]:
        """Return the content, and the words whose keys it has; tell what share is done."""
        self._send()
        analysed = []
        for number, one in enumerate(self._analysed, 1):
            analysed.append(one.result() if isinstance(one, Future) else one)
            tell(number / len(self._analysed))
        self.stop()
        words, numbers = _number_words(analysed)
        keys, places = np.unique(word_keys(words), return_inverse=True)
        empty = analyse_documents([])
        parts = [empty, *analysed]
        renumbered = [
            places.astype(np.int32)[known][one.tokens]
            for one, known in zip(analysed, numbers, strict=True)
        ]
        content = Content(
            Strings.of(self._texts),
            Strings.of(self._cards),
            Strings.of(self._rules),
            Strings.of(self._records),
            keys,
            starts_of(np.concatenate([one.token_lengths for one in parts])),
            np.concatenate([empty.tokens, *renumbered]),
            np.concatenate([one.begins for one in parts]),
            np.concatenate([one.ends for one in parts]),
            starts_of(np.concatenate([one.pair_lengths for one in parts])),
            np.concatenate([one.pairs for one in parts]),
        )
        return content, [words[place] for place in np.argsort(places).tolist()]

    def stop(self) -> None:
        """Let the processes go; what they still had to do is dropped."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _send(self) -> None:
        chunk, self._chunk = self._chunk, []
        if self._pool is None:
            self._analysed.append(analyse_documents(chunk))
        else:
            self._analysed.append(self._pool.submit(analyse_documents, chunk))


def analyse_documents(documents: Sequence[Sequence[str]]) -> Analysed:
    """Analyse the texts of some documents, field by field."""
    numbers: dict[str, int] = {}
    tokens: list[int] = []
    begins: list[int] = []
    ends: list[int] = []
    lengths: list[int] = []
    folded = []
    for text in (text for texts in documents for text in texts):
        folded.append(normalise(text))
        words, word_begins, word_ends = analyse_words(text, folded[-1])
        tokens.extend([numbers.setdefault(word, len(numbers)) for word in words])
        begins.extend(word_begins)
        ends.extend(word_ends)
        lengths.append(len(words))
    return Analysed(
        list(numbers),
        np.array(tokens, np.int32),
        np.array(begins, np.int32),
        np.array(ends, np.int32),
        np.array(lengths, np.int32),
        *pairs_in(folded),
    )


def _number_words(
    analysed: Sequence[Analysed],
) -> tuple[list[str], Iterator[NDArray[np.int32]]]:
    """Return all words, and for each analysis the place of each of its words among them."""
    places: dict[str, int] = {}
    for one in analysed:
        for word in one.words:
            places.setdefault(word, len(places))
    numbers = (np.array([places[word] for word in one.words], np.int32) for one in analysed)
    return list(places), numbers


def _map(folder: Path, name: str) -> Any:
    if name in ("texts", "cards", "rules", "records"):
        return Strings(map_array(folder, name), map_array(folder, f"{name}-starts"))
    return map_array(folder, name)
