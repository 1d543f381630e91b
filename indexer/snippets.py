"""Snippets (摘要): the piece of an entry that best answers, with the matched characters marked."""

import re
from collections import Counter
from html import escape
from itertools import chain
from typing import NamedTuple

import numpy as np

from indexer.analysis import find_bigrams
from indexer.index import Index
from indexer.reading import Question

LENGTH = 120  # characters: about three lines of a result list
LEAD = 15  # characters kept before the first match, so that a sentence is not cut blindly

_SENTENCE_END = re.compile(r"[。！？；\n]")


class _Match(NamedTuple):
    """One place where a text has something of the question, and what it is worth."""

    begin: int
    end: int
    term: int
    worth: float


class Marker:
    """Makes the snippets that answer one question."""

    def __init__(self, index: Index, question: Question) -> None:
        self._index = index
        others = question.synonyms
        self._bigrams = frozenset(chain(question.bigrams, *(other.bigrams for other in others)))
        self._wanted = np.zeros(len(index.words), np.bool_)
        for word in chain(question.words, question.names, *(other.words for other in others)):
            if word in index.word_ids:
                self._wanted[index.word_ids[word]] = True

    def snippet(self, row: int) -> str:
        """Return escaped HTML: the window of summary or body that has most of the question."""
        best, first, text, words = 0.0, 0, "", list[_Match]()
        for name in ("summary", "body"):
            candidate = self._index.text(row, name)
            matches = self._find_words(row, name)
            worth, begin = _best_window(matches or self._find_pairs(candidate))
            if worth > best or not text:
                best, first, text, words = worth, begin, candidate, matches
        begin = _open_at(text, first)
        window = text[begin : begin + LENGTH]
        marks = [(match.begin - begin, match.end - begin) for match in words]
        marks += find_bigrams(window, self._bigrams)
        before, after = "…" if begin else "", "…" if begin + LENGTH < len(text) else ""
        return before + _mark(window, marks) + after

    def _find_words(self, row: int, name: str) -> list[_Match]:
        """Return where the words of the question stand in a field."""
        tokens, begins, ends = self._index.places(row, name)
        found = np.flatnonzero(self._wanted[tokens])
        idf = self._index.word_postings.idf[tokens[found]].tolist()
        columns = (begins[found].tolist(), ends[found].tolist(), tokens[found].tolist(), idf)
        return [_Match(*match) for match in zip(*columns, strict=True)]

    def _find_pairs(self, text: str) -> list[_Match]:
        """Return where a text has a piece of the question's words; any word is worth more."""
        places = find_bigrams(text, self._bigrams)
        return [_Match(begin, end, number, 0.01) for number, (begin, end) in enumerate(places)]


def _best_window(matches: list[_Match]) -> tuple[float, int]:
    """Return the worth of the window with the weightiest distinct terms, and its first match."""
    best, best_begin = 0.0, 0
    inside: Counter[int] = Counter()
    worth, left = 0.0, 0
    for match in matches:
        worth += 0.0 if inside[match.term] else match.worth
        inside[match.term] += 1
        while match.end - matches[left].begin > LENGTH - LEAD and matches[left] is not match:
            inside[matches[left].term] -= 1
            worth -= 0.0 if inside[matches[left].term] else matches[left].worth
            left += 1
        if worth > best + 1e-9:
            best, best_begin = worth, matches[left].begin
    return best, best_begin


def _open_at(text: str, match: int) -> int:
    """Return where a window that shows the match at this place should open."""
    if len(text) <= LENGTH:
        return 0
    begin = max(0, min(match - LEAD, len(text) - LENGTH))
    ends = [end.end() for end in _SENTENCE_END.finditer(text, begin, match)]
    return ends[-1] if ends else begin


def _mark(text: str, marks: list[tuple[int, int]]) -> str:
    """Return the text as HTML with the marks, cut to its length and joined where they touch."""
    inside = bytearray(len(text))
    for begin, end in marks:
        begin, end = max(begin, 0), min(end, len(text))
        if begin < end:
            inside[begin:end] = b"\x01" * (end - begin)
    parts = []
    for piece in re.finditer(rb"\x01+|\x00+", inside):
        content = escape(text[piece.start() : piece.end()].replace("\n", " "))
        parts.append(f"<mark>{content}</mark>" if piece[0][0] else content)
    return "".join(parts)
