"""Arrays (数组): how many values of different lengths stand in few files, mapped into memory."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


class Strings(Sequence[str]):
    """Many strings in two arrays, decoded one at a time."""

    def __init__(self, data: NDArray[np.uint8], starts: Numbers) -> None:
        self.data, self.starts = data, starts

    @classmethod
    def of(cls, values: Iterable[bytes]) -> Self:
        """Return some strings, given in UTF-8."""
        kept = list(values)
        data = np.frombuffer(b"".join(kept), np.uint8)
        return cls(data, starts_of([len(value) for value in kept]))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, place: Any) -> Any:
        return self.raw(place).decode()

    def raw(self, place: int) -> bytes:
        """Return one string as it is stored, in UTF-8."""
        return self.data[self.starts[place] : self.starts[place + 1]].tobytes()

    def take(self, chosen: Numbers) -> "Strings":
        """Return the chosen strings, in that order."""
        return Strings(self.data[places_of(self.starts, chosen)], starts_after(self.starts, chosen))


def starts_of(lengths: Sequence[int] | NDArray[Any]) -> Numbers:
    """Return where each of some stretches begins, one behind the other, and the end of the last."""
    return np.concatenate(([0], np.cumsum(np.asarray(lengths, np.int64)))).astype(np.int64)


def join_starts(starts: Iterable[Numbers]) -> Numbers:
    """Return where each stretch begins once those of several arrays stand one behind the other."""
    return starts_of(np.concatenate([np.diff(one) for one in starts]))


def join_strings(strings: Sequence[Strings]) -> Strings:
    """Return all strings, those of the first first."""
    data = np.concatenate([one.data for one in strings])
    return Strings(data, join_starts([one.starts for one in strings]))


def starts_after(starts: Numbers, chosen: Numbers) -> Numbers:
    """Return where each of the chosen stretches begins once they stand one behind the other."""
    return starts_of(starts[chosen + 1] - starts[chosen])


def places_of(starts: NDArray[Any], chosen: NDArray[Any]) -> Numbers:
    """Return the places of all values of the chosen stretches, in that order."""
    begins = starts[chosen].astype(np.int64, copy=False)
    lengths = starts[chosen + 1] - begins
    ends = np.cumsum(lengths)
    places = np.repeat(begins - ends + lengths, lengths)
    places += np.arange(len(places))
    return places


def search_stretches(
    values: NDArray[Any], starts: Numbers, stretches: Numbers, wanted: NDArray[Any]
) -> Numbers:
    """Return the place of each wanted value in its stretch, in which the values are sorted."""
    lowest, highest = starts[stretches], starts[stretches + 1]
    while (open_ := np.flatnonzero(lowest < highest)).size:
        middle = (lowest[open_] + highest[open_]) // 2
        below = values[middle] < wanted[open_]
        lowest[open_[below]] = middle[below] + 1
        highest[open_[~below]] = middle[~below]
    return lowest


def is_among(values: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which of some values are among others, which are sorted and of the same type."""
    if not len(others):
        return np.zeros(len(values), np.bool_)
    found: NDArray[np.bool_] = (
        others[np.minimum(others.searchsorted(values), len(others) - 1)] == values
    )
    return found


def changes(*keys: NDArray[Any]) -> Numbers:
    """Return the places at which sorted keys, all together, take a new value."""
    changed = np.zeros(len(keys[0]), np.bool_)
    changed[:1] = True
    for key in keys:
        changed[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(changed)


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """Return the different values, sorted: np.unique hashes numbers first, which takes longer."""
    ordered = np.sort(values)
    return ordered[changes(ordered)]


def save_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write each array to a file of its name."""
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values, allow_pickle=False)


def map_array(folder: Path, name: str) -> NDArray[Any]:
    """Return an array as it stands in its file, of which only what is used is read."""
    return np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))
