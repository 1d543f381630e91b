"""Leaks (外泄): whether internal notes or personal data stand in what was built."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unicodedata import category, normalize

import numpy as np
from numpy.typing import NDArray

from indexer.library import Library
from indexer.policy import Policy, json_schema
from indexer.privacy import find_personal_data
from indexer.problems import Problem
from indexer.published import (
    APART,
    Passage,
    Unreadable,
    find_files,
    forms_of,
    read_index,
    read_passages,
)
from indexer.texts import texts_of

Codes = NDArray[np.uint32]
Hashes = NDArray[np.uint64]

# So many characters of a note in a row are told, and fewer of a clause that has no more. Of every
# clause 12 are too few: several notes have a title and a year as they come together on a page.
PIECE, CLAUSE = 16, 12
SHOWN = 4  # of these, in a message
_CLAUSE_END = re.compile(r"[，。；：！？,;:!?\n]")
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, with bits all over, so that sums spread well
_TABLE_BITS = 22
_PLANE = 0x10000


@cache
def _folding() -> Codes:
    """Return what each character is compared as; 0 for blanks and what is not seen, left out."""
    codes = np.zeros(_PLANE, np.uint32)
    for code in range(_PLANE):
        folded = normalize("NFKC", chr(code)).lower()
        if not folded.isspace() and category(chr(code)) not in ("Cc", "Cf", "Cn", "Cs"):
            codes[code] = ord(folded) if len(folded) == 1 else code
    codes[ord(APART)] = ord(APART)
    return codes


def fold(text: str) -> Codes:
    """Return the characters of a text without blanks, of one width and case."""
    codes = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32)
    folded = np.where(codes < _PLANE, _folding()[codes & (_PLANE - 1)], codes)
    kept: Codes = folded[folded != 0]
    return kept


def _hashes(codes: Codes, lengths: Sequence[int]) -> Iterator[Hashes]:
    """Yield the hashes of all stretches of a text, for one length after the other."""
    spread = (codes.astype(np.uint64) + np.uint64(1)) * _FACTOR
    spread ^= spread >> np.uint64(29)
    hashes, length = np.zeros(len(codes) + 1, np.uint64), 0
    for wanted in lengths:
        while length < wanted:
            hashes = hashes[:-1] * _FACTOR + spread[length:]
            length += 1
        yield hashes


def _slots(hashes: Hashes) -> NDArray[np.int64]:
    return (hashes >> np.uint64(64 - _TABLE_BITS)).view(np.int64)


@dataclass(frozen=True)
class _Stretches:
    """Stretches of one length from notes: their hashes, sorted, and whose note each is from."""

    length: int
    hashes: Hashes
    owners: NDArray[np.int32]
    likely: NDArray[np.bool_]

    @classmethod
    def of(cls, length: int, hashes: Hashes, owners: NDArray[np.int32]) -> "_Stretches":
        """Take in stretches, with what tells most others from them at a glance."""
        likely = np.zeros(1 << _TABLE_BITS, np.bool_)
        likely[_slots(hashes)] = True
        return cls(length, hashes, owners, likely)

    @classmethod
    def of_parts(cls, length: int, parts: Sequence[tuple[int, Codes]]) -> "_Stretches":
        """Take in all stretches of this length of some parts of notes."""
        hashes = [next(_hashes(part, [length])) for _, part in parts]
        owners = np.repeat([owner for owner, _ in parts], list(map(len, hashes)))
        different, first = np.unique(np.concatenate(hashes), return_index=True)
        return cls.of(length, different, owners[first].astype(np.int32))

    def find(self, hashes: Hashes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where in a text with these hashes such stretches stand, and which they are."""
        places = np.flatnonzero(self.likely[_slots(hashes)])
        found = np.minimum(self.hashes.searchsorted(hashes[places]), len(self.hashes) - 1)
        same = self.hashes[found] == hashes[places]
        return places[same], found[same]

    def without(self, known: NDArray[np.bool_]) -> "_Stretches":
        return _Stretches.of(self.length, self.hashes[~known], self.owners[~known])


class Secrets:
    """What stands in the internal notes of a library, and nowhere in what it publishes."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self.slugs = [policy.slug for policy in policies]
        self._notes = [fold(policy.internal or "") for policy in policies]
        parts: dict[int, list[tuple[int, Codes]]] = {}
        for number, policy in enumerate(policies):
            for length, part in _parts(policy.internal or ""):
                parts.setdefault(length, []).append((number, part))
        found = [_Stretches.of_parts(length, parts[length]) for length in sorted(parts)]
        public = [np.zeros(len(stretches.hashes), np.bool_) for stretches in found]
        for text in _public_texts(policies):
            looked = _look_for(found, fold(text))
            for known, (_, _, numbers) in zip(public, looked, strict=True):
                known[numbers] = True
        left = (one.without(known) for one, known in zip(found, public, strict=True))
        self._stretches = [stretches for stretches in left if len(stretches.hashes)]

    def find(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield the entries whose notes stand in a text, each with how what was found begins."""
        codes = fold(text)
        told: set[int] = set()
        for stretches, places, numbers in _look_for(self._stretches, codes):
            owners = stretches.owners[numbers].tolist()
            for place, owner in zip(places.tolist(), owners, strict=True):
                stretch = codes[place : place + stretches.length]
                if owner not in told and _contains(self._notes[owner], stretch):
                    told.add(owner)
                    yield self.slugs[owner], "".join(map(chr, stretch[:SHOWN].tolist()))


def _look_for(
    stretches: Sequence[_Stretches], codes: Codes
) -> Iterator[tuple[_Stretches, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield, for each length of stretches, where in a text some stand, and which they are."""
    lengths = [one.length for one in stretches]
    for one, hashes in zip(stretches, _hashes(codes, lengths), strict=True):
        yield one, *one.find(hashes)


def _parts(note: str) -> Iterator[tuple[int, Codes]]:
    """Yield what of a note is looked for, each with the length that of it must be found."""
    whole = fold(note)
    if len(whole) >= PIECE:
        yield PIECE, whole
    elif len(whole):
        yield len(whole), whole
    for clause in map(fold, _CLAUSE_END.split(note)):
        if CLAUSE <= len(clause) < PIECE:
            yield CLAUSE, clause


def _contains(note: Codes, stretch: Codes) -> bool:
    """Tell whether a stretch really stands in a note: of different texts hashes may be the same."""
    width = np.dtype(np.uint32).itemsize
    place = note.tobytes().find(stretch.tobytes())
    return place >= 0 and (place % width == 0 or _contains(note[place // width + 1 :], stretch))


def _public_texts(policies: Sequence[Policy]) -> Iterator[str]:
    """Yield what fields are called and what entries publish, also as it comes to stand together.

    The note is taken out before anything else sees an entry, whatever that may do with it.
    """
    yield json.dumps(json_schema(), ensure_ascii=False)
    for policy in policies:
        bare = policy.model_copy(update={"internal": None})
        record = list(_strings(bare.public_record()))
        yield APART.join((*record, "".join(record), "\n".join(texts_of(bare).values())))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        yield str(value)
        return
    for inner in value:
        yield from _strings(inner)


@dataclass(frozen=True)
class Inspection:
    """What was looked through, and what stands there that must not."""

    files: int
    problems: tuple[Problem, ...]


def find_leaks(
    library: Library, folders: Sequence[Path], progress: Callable[[int, int], None] | None = None
) -> Inspection:
    """Look through everything built below some folders for what must not leave the building."""
    secrets = Secrets(library.policies)
    files = list(dict.fromkeys(file for folder in folders for file in find_files(folder)))
    parts: dict[Path, Callable[[Path], Iterator[Passage]]] = dict.fromkeys(files, read_passages)
    parts |= dict.fromkeys(sorted({path.parent for path in files}), read_index)
    problems: list[Problem] = []
    for number, (path, read) in enumerate(parts.items(), start=1):
        try:
            problems.extend(p for passage in read(path) for p in _inspect(passage, secrets))
        except Unreadable as error:
            message = "这个文件读不出来，没有查；请删掉它重新生成，再查一次。"
            problems.append(Problem(error.path.as_posix(), 1, "", message))
        if progress is not None:
            progress(number, len(parts))
    return Inspection(len(files), tuple(sorted(set(problems))))


def _inspect(passage: Passage, secrets: Secrets) -> Iterator[Problem]:
    found = dict.fromkeys(m for form in passage.forms for m in _find(form, passage, secrets))
    if not found:
        return
    lines = (passage.lines or "").split("\n")
    first: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        for form in forms_of(line):
            for message in _find(form, passage, secrets):
                first.setdefault(message, number)
    for message in found:
        yield Problem(passage.path.as_posix(), first.get(message, 1), passage.place, message)


def _find(text: str, passage: Passage, secrets: Secrets) -> Iterator[str]:
    """Yield what must not stand in a text, in words that do not tell it."""
    for slug, begin in secrets.find(text):
        yield f"有条目 {slug} 的内部备注（“{begin}……”）；请查清从哪里来，删掉后重新生成。"
    if passage.has_words:
        for found in find_personal_data(text):
            yield f"有{found.kind}（{found.masked}）；请查清从哪里来，删掉后重新生成。"
