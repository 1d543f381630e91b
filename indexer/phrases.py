"""Phrases (说法): the titles, aliases and queries of entries, and how they sound."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from indexer.analysis import normalise, pairs_of
from indexer.arrays import (
    Numbers,
    Strings,
    distinct,
    join_starts,
    join_strings,
    places_of,
    starts_after,
    starts_of,
)
from indexer.pinyin import likeness, readings, sound_numbers, syllables
from indexer.policy import Policy
from indexer.ranking import CHARACTERS

TITLE, ALIAS, QUERY = range(3)


@dataclass(frozen=True)
class Phrases:
    """What may be suggested while typing: all titles, then all aliases, then all queries.

    `characters` holds each phrase as it is compared, normalised and without spaces, behind a line
    break; that of phrase `p` stands at starts[p]. `sounds` has the number of each one's syllable.
    """

    kinds: NDArray[np.uint8]
    rows: NDArray[np.int32]
    originals: Strings
    starts: Numbers
    characters: NDArray[np.uint32]
    sounds: NDArray[np.uint16]

    @property
    def names(self) -> int:
        """How many of the phrases are titles and aliases."""
        return int(np.searchsorted(self.kinds, QUERY))

    @property
    def folded(self) -> str:
        """All phrases as they are compared."""
        return self.characters.astype("<u4").tobytes().decode("utf-32-le")

    def take(self, chosen: Numbers, rows: NDArray[np.int32]) -> "Phrases":
        """Return the chosen phrases, in that order, with new rows."""
        places = places_of(self.starts, chosen)
        return Phrases(
            self.kinds[chosen],
            rows,
            self.originals.take(chosen),
            starts_after(self.starts, chosen),
            self.characters[places],
            self.sounds[places],
        )


def phrases_of(policies: Sequence[Policy]) -> Phrases:
    """Return the phrases of some entries, whose rows are their places."""
    found = [
        *((TITLE, row, policy.title) for row, policy in enumerate(policies)),
        *((ALIAS, row, alias) for row, policy in enumerate(policies) for alias in policy.aliases),
        *((QUERY, row, query) for row, policy in enumerate(policies) for query in policy.queries),
    ]
    folded = ["\n" + "".join(normalise(text).split()) for _, _, text in found]
    return Phrases(
        np.array([kind for kind, _, _ in found], np.uint8),
        np.array([row for _, row, _ in found], np.int32),
        Strings.of(text.encode() for _, _, text in found),
        starts_of([len(text) for text in folded]),
        np.frombuffer("".join(folded).encode("utf-32-le", "replace"), np.uint32),
        sound_numbers(folded),
    )


def join_phrases(first: Phrases, second: Phrases) -> Phrases:
    """Return the phrases of both in their order: by kind, then by row."""
    joined = Phrases(
        np.concatenate([first.kinds, second.kinds]),
        np.concatenate([first.rows, second.rows]),
        join_strings([first.originals, second.originals]),
        join_starts([first.starts, second.starts]),
        np.concatenate([first.characters, second.characters]),
        np.concatenate([first.sounds, second.sounds]),
    )
    order = np.lexsort((joined.rows, joined.kinds))
    return joined.take(order, joined.rows[order])


def sounding_pairs(folded: str) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return how pairs of characters sound, sorted, and the pairs; the frequent ones come first."""
    pairs, counts = np.unique(pairs_of(folded)[0], return_counts=True)
    alike = likeness(syllables())[readings()].astype(np.uint32)
    sounds = (alike[pairs >> 16] << 16) | alike[pairs & 0xFFFF]
    order = np.lexsort((-counts, sounds))
    return sounds[order], pairs[order]


def names_by_character(phrases: Phrases) -> tuple[Numbers, NDArray[np.int32]]:
    """Return, for each character, the titles and aliases that have it: by its code."""
    count = phrases.names
    end = int(phrases.starts[count])
    owners = np.repeat(np.arange(count), np.diff(phrases.starts[: count + 1]))
    codes = np.minimum(phrases.characters[:end], CHARACTERS - 1).astype(np.int64)
    inside = np.ones(end, np.bool_)
    inside[phrases.starts[:count]] = False  # the line breaks
    keys = distinct(codes[inside] * max(count, 1) + owners[inside])
    characters, owners = np.divmod(keys, max(count, 1))
    return np.searchsorted(characters, np.arange(CHARACTERS + 1)), owners.astype(np.int32)


def order_of_titles(phrases: Phrases, count: int) -> NDArray[np.int32]:
    """Return the place of each entry's title among all titles, sorted; titles stand first."""
    data, starts = phrases.originals.data.tobytes(), phrases.originals.starts[: count + 1].tolist()
    titles = [data[begin:end] for begin, end in pairwise(starts)]
    order: list[int] = sorted(range(count), key=titles.__getitem__)
    ranks = np.zeros(count, np.int32)
    ranks[order] = np.arange(count)
    return ranks
