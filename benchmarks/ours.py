"""Our engine (政策库) as the benchmark uses it: whatever it calls of `indexer` is named here."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from corpora import DAY, Query
from engines import Counts, Peer

from indexer.index import open_index
from indexer.library import Entry, Library
from indexer.params import SearchParams
from indexer.query import _choose, _count_facets, _find, _Found, _match, search
from indexer.reading import Question, read_question
from indexer.understanding import _ask
from indexer.writing import build_index


class Ours(Peer):
    """The core: a question that is read already → scores, filters, the ten best rows."""

    key = "ours"
    label = "政策库，只取前十"
    index = "ours"
    library = "indexer"
    facets: ClassVar[bool] = False

    def build(self, documents: Sequence[Entry], folder: Path) -> None:
        """Build the whole index from entries: cutting words and storing records are part of it."""
        build_index(Library(folder, tuple(documents)), folder)

    def open(self, folder: Path) -> None:
        """Open the index."""
        self._index = open_index(folder)

    def prepare(self, query: Query) -> Any:
        """Return the query as it was read, and its filters."""
        return read_question(query.text), _params(query)

    def search(self, prepared: tuple[Question, SearchParams]) -> Any:
        """Return the ten best rows; count what the facets would leave where wanted."""
        question, params = prepared
        index = self._index
        asked = _ask(index, question, question.text)
        statuses, matched = index.statuses(DAY), _match(index, asked)
        chosen = _choose(index, params, statuses)
        rows = np.flatnonzero(np.logical_and.reduce([matched, *chosen.values()]))
        found = _Found(asked, statuses, asked.scores, matched, chosen, rows, None)
        best = found.in_order(index, params, DAY).tolist()
        return best, _count_facets(index, params, found) if self.facets else None

    def rows(self, found: Any) -> list[int]:
        """Return the rows."""
        return list(found[0])

    def counts(self, found: Any) -> Counts | None:
        """Return the facets as counts."""
        return found[1] and {
            name: {row["value"]: row["count"] for row in rows} for name, rows in found[1].items()
        }


class OursFacets(Ours):
    """The core as the service needs it: with the counts of all facets."""

    key = "ours-facets"
    label = "政策库，前十和筛选项"
    facets = True


class OursText(Ours):
    """Ranking from the text that a person types: read, corrected, scored."""

    key = "ours-text"
    label = "政策库，从原文读起（含纠错）"

    def prepare(self, query: Query) -> Any:
        """Return the parameters of a search."""
        return _params(query)

    def search(self, prepared: SearchParams) -> Any:
        """Return the ten best rows."""
        found = _find(self._index, prepared, DAY)
        return found.in_order(self._index, prepared, DAY).tolist(), None


class OursAnswer(OursText):
    """The whole answer, as the service gives it: facets, snippets, JSON."""

    key = "ours-answer"
    label = "政策库，整个回答（摘要、筛选项、JSON）"

    def search(self, prepared: SearchParams) -> Any:
        """Return the JSON of an answer."""
        return json.dumps(search(self._index, prepared, DAY).to_dict(), ensure_ascii=False).encode()

    def rows(self, found: Any) -> list[int]:
        """Return the rows of the hits."""
        return [self._index.rows[hit["slug"]] for hit in json.loads(found)["hits"]]

    def counts(self, found: Any) -> Counts | None:
        """Return the facets as counts."""
        facets = json.loads(found)["facets"]
        return {name: {row["value"]: row["count"] for row in facets[name]} for name in facets}


WAYS = (Ours, OursFacets, OursText, OursAnswer)


def _params(query: Query) -> SearchParams:
    filters: dict[str, Any] = {name: (value,) for name, value in query.filters.items()}
    return SearchParams(q=query.text, **filters)
