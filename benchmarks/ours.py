"""Our engine (政策库) as the benchmark uses it: whatever it calls of `indexer` is named here."""

import json
import time
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar

from corpora import Query
from engines import Counts, Engine
from statutes import DAY

from indexer.index import open_index
from indexer.library import Entry, Library
from indexer.params import SearchParams
from indexer.query import find, search
from indexer.ranking import Terms, score
from indexer.reading import Question, read_question
from indexer.understanding import Asked, ask, rows_quoted, sought, understand
from indexer.writing import build_index, warm_up


class Ours(Engine):
    """The core: a question that is read already → scores, filters, the ten best rows."""

    key = "ours"
    label = "政策库，只取前十"
    index = "ours"
    library = "indexer"
    plain = False
    facets: ClassVar[bool] = False

    def build(self, documents: Sequence[Entry], folder: Path) -> None:
        """Build the whole index from entries: cutting words and storing records are part of it."""
        build_index(Library(folder, tuple(documents)), folder)

    def open(self, folder: Path) -> None:
        """Open the index."""
        self._index = open_index(folder)

    def prepare(self, query: Query) -> Any:
        """Return the query as it was read, its terms, and its filters."""
        question = read_question(query.text)
        return question, Terms.of(list(sought(question))), _params(query)

    def search(self, prepared: Any) -> Any:
        """Return the ten best rows; count what the facets would leave where wanted."""
        question, terms, params = prepared
        index = self._index
        found = find(index, self.rank(question, terms), params, DAY)
        best = found.rows[found.in_order(index, params, DAY)].tolist()
        return best, found.count_facets(index) if self.facets else None

    def rank(self, question: Question, terms: Terms) -> Asked:
        """Return how well documents answer by these terms alone."""
        index = self._index
        quoted = rows_quoted(index, question)
        scored = score(index.postings, terms, index.authority, quoted)
        return Asked(question.text, question, scored, False, scored.best, quoted)

    def rows(self, found: Any) -> list[int]:
        """Return the rows."""
        return list(found[0])

    def counts(self, found: Any) -> Counts | None:
        """Return the facets as counts."""
        counts: Counts | None = found[1]
        return counts


class OursFacets(Ours):
    """The core as the service needs it: with the counts of all facets."""

    key = "ours-facets"
    label = "政策库，前十和筛选项"
    facets = True


class OursRanked(OursFacets):
    """The core, and what our ranking does besides: names, single characters, standing of rules."""

    key = "ours-ranked"
    label = "政策库，加上名称、单字、效力"

    def rank(self, question: Question, terms: Terms) -> Asked:
        """Return how well documents answer."""
        return ask(self._index, question)


class OursText(Ours):
    """Ranking from the text that a person types: read, corrected, scored."""

    key = "ours-text"
    label = "政策库，从原文读起（含纠错）"

    def prepare(self, query: Query) -> Any:
        """Return the parameters of a search."""
        return _params(query)

    def search(self, prepared: Any) -> Any:
        """Return the ten best rows."""
        index = self._index
        found = find(index, understand(index, prepared.q), prepared, DAY)
        return found.rows[found.in_order(index, prepared, DAY)].tolist(), None


class OursAnswer(OursText):
    """The whole answer, as the service gives it: facets, snippets, JSON."""

    key = "ours-answer"
    label = "政策库，整个回答（摘要、筛选项、JSON）"

    def search(self, prepared: Any) -> Any:
        """Return the JSON of an answer."""
        return json.dumps(search(self._index, prepared, DAY).to_dict(), ensure_ascii=False).encode()

    def rows(self, found: Any) -> list[int]:
        """Return the rows of the hits."""
        return [self._index.rows[hit["slug"]] for hit in json.loads(found)["hits"]]

    def counts(self, found: Any) -> Counts | None:
        """Return the facets as counts."""
        facets = json.loads(found)["facets"]
        return {name: {row["value"]: row["count"] for row in facets[name]} for name in facets}


WAYS = (Ours, OursFacets, OursRanked, OursText, OursAnswer)


def measure_changes(entries: Sequence[Entry], folder: Path) -> dict[str, float]:
    """Return the seconds until one changed, removed or renamed entry is found as it now is.

    The entries are in memory, the index in `folder` stands and dictionaries are loaded, as where
    `serve --watch` waits for changes; building anew, opening and the first answer count.
    """
    known = {entry.policy.slug: entry for entry in entries}
    first, second, third = [entries[len(entries) * part // 4] for part in (1, 2, 3)]
    warm_up()

    def until(expected: list[str], query: str) -> float:
        library = Library(folder, tuple(known[slug] for slug in sorted(known)))
        started = time.perf_counter()
        build_index(library, folder)
        with open_index(folder) as index:
            answer = search(index, SearchParams(q=query), DAY)
        seconds = time.perf_counter() - started
        if [hit.slug for hit in answer.hits if query in hit.title] != expected:
            raise SystemExit(f"改动以后查“{query}”，没有得到 {expected}。")
        return round(seconds, 2)

    slug = first.policy.slug
    known[slug] = _edited(first, title="测量改动用的标题甲")
    changed = until([slug], "测量改动用的标题甲")
    del known[slug]
    removed = until([], "测量改动用的标题甲")
    known[second.policy.slug] = _edited(second, title="测量改名用的标题乙")
    until([second.policy.slug], "测量改名用的标题乙")
    renamed = _edited(known.pop(second.policy.slug), slug=f"{third.policy.slug}-renamed")
    known[renamed.policy.slug] = renamed
    return {
        "changed_s": changed,
        "removed_s": removed,
        "renamed_s": until([renamed.policy.slug], "测量改名用的标题乙"),
    }


def _edited(entry: Entry, **values: str) -> Entry:
    """Return an entry with other values, as if its file had been edited or renamed."""
    policy = entry.policy.model_copy(update=values)
    digest = blake2b(policy.model_dump_json().encode(), digest_size=16).hexdigest()
    return Entry(policy=policy, path=f"{policy.slug}.md", digest=digest)


def _params(query: Query) -> SearchParams:
    filters: dict[str, Any] = {name: (value,) for name, value in query.filters.items()}
    return SearchParams(q=query.text, **filters)
