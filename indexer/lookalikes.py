"""Lookalikes (重复和相似): whether the library, or a draft, already has what a file brings."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from html import unescape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz

from indexer.analysis import normalise
from indexer.checks import fold_doc_number
from indexer.entryfile import NoFrontMatter, split_entry
from indexer.frontmatter import read_front_matter
from indexer.library import Library

ALIKE = 0.8  # share of the text in common from which two papers count as the same
RELATED = 0.3  # from here on likeness is told
SHINGLE = 8  # characters
KEPT = 4  # one shingle in so many is kept
_TITLES_ALIKE = 0.9
_MARK = re.compile(r"^# 原文指纹：([0-9a-f]{32})", re.M)


@dataclass(frozen=True)
class Known:
    """What is in the library, among the drafts or in this batch: by what it is recognised."""

    place: str
    title: str
    number: str | None
    text: str
    mark: str | None = None

    @cached_property
    def fingerprint(self) -> str:
        """The digest of the text alone, or the one kept from the file it came from."""
        return self.mark or fingerprint(self.text)

    @cached_property
    def own_fingerprint(self) -> str:
        """The digest of the text as it stands."""
        return fingerprint(self.text)

    @cached_property
    def sketch(self) -> NDArray[np.uint64]:
        """A fixed sample of the text's shingles."""
        return _sketch(fold(self.text))

    @cached_property
    def folded_title(self) -> str:
        """The title as titles are compared."""
        return fold(self.title)


@dataclass(frozen=True)
class Likeness:
    """How a file is like something known; `same` if by its number or its whole text."""

    place: str
    title: str
    same: bool
    share: float
    why: str

    @property
    def stops(self) -> bool:
        """Tell whether no draft is written for this, unless asked for."""
        return self.same or self.share >= ALIKE


def fold(text: str) -> str:
    """Return the characters by which texts are compared: no blanks, signs or Markdown."""
    return re.sub(r"[\W_]+", "", normalise(unescape(text)))


def fingerprint(text: str) -> str:
    """Return the digest of a text, the same however it is set out."""
    return sha256(fold(text).encode()).hexdigest()[:32]


def known_in_library(library: Library, folder: str) -> Iterator[Known]:
    """Yield the entries of a library."""
    for entry in library.entries:
        policy = entry.policy
        yield Known(f"{folder}/{entry.path}", policy.title, policy.doc_number, policy.body)


def known_in_drafts(folder: Path) -> Iterator[Known]:
    """Yield the drafts in a folder, also those that an editor has changed."""
    for path in sorted(folder.glob("*.md")) if folder.is_dir() else ():
        try:
            text = path.read_text(encoding="utf-8")
            head, body = split_entry(text)
        except (OSError, UnicodeDecodeError, NoFrontMatter):
            continue
        values = read_front_matter(head, first_line=2).values
        mark = _MARK.search(head)
        yield Known(
            str(path),
            str(values.get("title") or ""),
            str(values["doc_number"]) if values.get("doc_number") else None,
            body,
            mark[1] if mark else None,
        )


def find_alike(new: Known, known: Iterable[Known]) -> tuple[Likeness, ...]:
    """Return what a file is like, the likest first."""
    found = filter(None, (_compare(new, other) for other in known))
    return tuple(sorted(found, key=lambda one: (not one.same, -one.share)))


def _compare(new: Known, other: Known) -> Likeness | None:
    if new.fingerprint in (other.fingerprint, other.own_fingerprint):
        return Likeness(other.place, other.title, True, 1.0, "内容一样")
    numbers = (new.number, other.number)
    if all(numbers) and len({fold_doc_number(number or "") for number in numbers}) == 1:
        return Likeness(other.place, other.title, True, 1.0, f"文号一样（{other.number}）")
    share = _share(new.sketch, other.sketch)
    titles = fuzz.ratio(new.folded_title, other.folded_title) / 100 if new.title else 0.0
    if new.title and new.folded_title == other.folded_title:
        if all(numbers):  # a paper may be issued anew under its old title
            return Likeness(
                other.place, other.title, False, max(share, RELATED), "标题一样，文号不同"
            )
        return Likeness(other.place, other.title, False, max(share, ALIKE), "标题一样")
    if share >= RELATED:
        return Likeness(other.place, other.title, False, share, f"正文有 {share:.0%} 相同")
    if titles >= _TITLES_ALIKE and _figures(new.title) == _figures(other.title):
        return Likeness(other.place, other.title, False, RELATED, f"标题有 {titles:.0%} 相同")
    return None


def _figures(title: str) -> list[str]:
    """Return the figures in a title: 2024年 and 2025年 make different papers."""
    return re.findall(r"\d+", normalise(title))


def _share(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    """Return how much of two texts taken together stands in both."""
    if not len(one) or not len(other):
        return 0.0
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)


def _sketch(folded: str) -> NDArray[np.uint64]:
    """Return the digests of the shingles of a text, of which every fourth is kept by its value."""
    codes = np.frombuffer(folded.encode("utf-32-le"), np.uint32).astype(np.uint64)
    if len(codes) < SHINGLE:
        return np.zeros(0, np.uint64)
    digests = np.zeros(len(codes) - SHINGLE + 1, np.uint64)
    for place in range(SHINGLE):
        digests = (digests + codes[place : place + len(digests)]) * np.uint64(0x9E3779B97F4A7C15)
        digests ^= digests >> np.uint64(29)
    return np.unique(digests[digests % np.uint64(KEPT) == 0])


def told(alike: Sequence[Likeness]) -> str:
    """Return the likest in words."""
    return "；".join(f"{one.place}：{one.why}" for one in alike[:3])
