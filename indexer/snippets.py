"""Snippets (摘要): the piece of an entry that best answers, with the matched characters marked."""

import re
from collections import Counter
from collections.abc import Iterator
from html import escape
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.analysis import find_bigrams, word_keys
from indexer.content import Content
from indexer.index import Index
from indexer.reading import Question
from indexer.texts import FIELDS

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
        pairs = dict.fromkeys(chain(question.bigrams, *(other.bigrams for other in others)))
        self._bigrams = [chr(pair >> 16) + chr(pair & 0xFFFF) for pair in pairs]
        words = (question.words, question.names, *(other.words for other in others))
        keys = np.unique(word_keys(chain.from_iterable(words)))
        places, known = index.postings.find(keys)
        self._keys, self._idf = keys[known], index.postings.idf[places[known]]
        self._worth: dict[int, NDArray[np.float32]] = {}

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
        content, document = self._index.document(row)
        field = FIELDS.index(name)
        span = content.span(document, field, field + 1)
        tokens = content.tokens[span]
        worth = self._worth_in(content)[tokens]
        found = np.flatnonzero(worth)
        begins, ends = content.begins[span][found], content.ends[span][found]
        columns = (begins.tolist(), ends.tolist(), tokens[found].tolist(), worth[found].tolist())
        return [_Match(*match) for match in zip(*columns, strict=True)]

    def _worth_in(self, content: Content) -> NDArray[np.float32]:
        """Return what each word of a content is worth: zero if it is not in the question."""
        known = self._worth.get(id(content))
        if known is None:
            known = np.zeros(len(content.keys), np.float32)
            places = np.searchsorted(content.keys, self._keys)
            found = places < len(content.keys)
            found[found] = content.keys[places[found]] == self._keys[found]
            known[places[found]] = self._idf[found]
            self._worth[id(content)] = known
        return known

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
    text = text.replace("\n", " ")
    parts, written = list[str](), 0
    for begin, end in _joined(marks):
        begin, end = max(begin, 0), min(end, len(text))
        if begin < end:
            parts.append(f"{escape(text[written:begin])}<mark>{escape(text[begin:end])}</mark>")
            written = end
    return "".join((*parts, escape(text[written:])))


def _joined(marks: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield stretches that do not touch, in order."""
    first, last = -1, -1
    for begin, end in sorted(marks):
        if begin > last:
            if last > first:
                yield first, last
            first = begin
        last = max(last, end)
    if last > first:
        yield first, last
