"""Internal notes (内部备注): read from the entries, searched, and put beside a public answer.

They stay in memory and are written nowhere. Some hundred characters an entry are looked through as
they are: an index of its own would be one more place from which they could get out.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from hashlib import blake2b
from math import log
from pathlib import Path
from typing import Any

import numpy as np

from indexer.analysis import CHINESE, find_named, normalise
from indexer.index import STATUSES, Index
from indexer.loader import load_library
from indexer.params import SearchParams
from indexer.query import Answer, choose, search
from indexer.reading import Question, read_question

LEAST = 0.5  # of what the words of a query weigh: a note with less has them by chance
_BROKEN = re.compile(rf"(?<=[{CHINESE}])\s+(?=[{CHINESE}])")


@dataclass(frozen=True)
class Notes:
    """The notes of a library, by slug."""

    texts: Mapping[str, str]

    @cached_property
    def digest(self) -> str:
        """A digest of all notes."""
        return blake2b(repr(sorted(self.texts.items())).encode(), digest_size=12).hexdigest()

    @cached_property
    def _folded(self) -> dict[str, tuple[str, frozenset[str]]]:
        """Each note as it is compared, and the document numbers and articles in it."""
        folded = {slug: _BROKEN.sub("", normalise(text)) for slug, text in self.texts.items()}
        return {
            slug: (text, frozenset(name for name, _, _ in find_named(text)))
            for slug, text in folded.items()
        }

    def find(self, text: str) -> list[str]:
        """Return the slugs of the notes that have most of the words of a query, best first."""
        question = read_question(text)
        wanted = dict.fromkeys((*question.words, *question.names))
        having = {word: self._with_word(word) for word in wanted}
        weights = {word: log(1 + len(self.texts) / max(1, len(h))) for word, h in having.items()}
        scores: dict[str, float] = {}
        for word, slugs in having.items():
            for slug in slugs:
                scores[slug] = scores.get(slug, 0.0) + weights[word]
        enough = LEAST * sum(weights.values())
        good = (s for s, score in scores.items() if score >= enough and self._fits(s, question))
        return sorted(good, key=lambda slug: (-scores[slug], slug))

    def _with_word(self, word: str) -> list[str]:
        edge = "(?![0-9a-z])" if word.isascii() else ""
        written = re.compile(f"{edge.replace('?!', '?<!')}{re.escape(word)}{edge}")
        return [
            slug
            for slug, (text, names) in self._folded.items()
            if word in names or written.search(text)
        ]

    def _fits(self, slug: str, question: Question) -> bool:
        """Tell whether a note has all that is quoted and nothing that is excluded."""
        text, _ = self._folded[slug]
        return all(phrase.text in text for phrase in question.phrases) and not any(
            phrase.text in text for phrase in question.excluded
        )


NO_NOTES = Notes({})


def read_notes(policies: Path) -> Notes:
    """Read the notes of all entries; raise PolicyError with the mistakes of those that have any."""
    found = load_library(policies).policies
    return Notes({policy.slug: policy.internal for policy in found if policy.internal})


@dataclass(frozen=True)
class NoteHit:
    """One entry in whose note the words were found."""

    slug: str
    title: str
    url: str
    kind: str
    status: str
    internal: str


@dataclass(frozen=True)
class NotedAnswer:
    """A public answer, the notes of its hits, and a page of what was found in notes."""

    answer: Answer
    notes: Mapping[str, str]
    total: int
    hits: tuple[NoteHit, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON values, with `internal` wherever there is a note."""
        told = self.answer.to_dict()
        for hit in told["hits"]:
            if hit["slug"] in self.notes:
                hit["internal"] = self.notes[hit["slug"]]
        return {**told, "internal": {"total": self.total, "hits": [asdict(h) for h in self.hits]}}


def search_noted(index: Index, notes: Notes, params: SearchParams, day: date) -> NotedAnswer:
    """Answer a query as the public search does, and from the notes; filters hold for both."""
    answer = search(index, params, day)
    slugs = [slug for slug in notes.find(params.q) if slug in index.rows]
    rows = np.array([index.rows[slug] for slug in slugs], np.int64)
    statuses = index.statuses(day)[rows]
    chosen = choose(index, params, rows, statuses).values()
    left = np.flatnonzero(np.logical_and.reduce([np.ones(len(rows), np.bool_), *chosen]))
    first = (params.page - 1) * params.size
    shown = left[first : first + params.size].tolist()
    hits = tuple(_show(index, notes, int(rows[n]), STATUSES[statuses[n]].value) for n in shown)
    on_page = (hit.slug for hit in answer.hits)
    own = {slug: notes.texts[slug] for slug in on_page if slug in notes.texts}
    return NotedAnswer(answer, own, len(left), hits)


def _show(index: Index, notes: Notes, row: int, status: str) -> NoteHit:
    card = index.card(row)
    internal = notes.texts[card["slug"]]
    return NoteHit(card["slug"], card["title"], card["url"], card["kind"], status, internal)
