"""The engines of others (比较的对象), each used as those who know it well would use it.

All get the same documents and the same words of a query. What an engine can prepare of a query
ahead (parse it, look its terms up, make a mask of its filters) is not timed.
"""

# mypy: disable-error-code="no-untyped-call"
# Whoosh is typed only in part.

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from corpora import EVERYWHERE, FACETS, Document, Query

TOP = 10
FILTERS = ("level", "region")
K1, B = 1.2, 0.75  # what Whoosh, FTS5 and tantivy have built in
ROOMY = 2_000_000_000  # bytes: more than any index here needs while it is written
Counts = Mapping[str, Mapping[str, int]]


class Engine(ABC):
    """One way to answer.

    `index` names what must have been built; several ways may share it. A slow engine is asked only
    one in `every` queries. Those that are `plain` rank by BM25 of the words and nothing else.
    """

    key: ClassVar[str]
    label: ClassVar[str]
    index: ClassVar[str]
    library: ClassVar[str]
    every: ClassVar[int] = 1
    plain: ClassVar[bool] = True

    @abstractmethod
    def build(self, documents: Any, folder: Path) -> None:
        """Write the index of the documents into an empty folder."""

    @abstractmethod
    def open(self, folder: Path) -> None:
        """Open an index for asking."""

    @abstractmethod
    def prepare(self, query: Query) -> Any:
        """Return what `search` takes of a query, None for one that cannot be asked here."""

    @abstractmethod
    def search(self, prepared: Any) -> Any:
        """Return the ten best documents, and whatever else this way of asking gives."""

    def rows(self, found: Any) -> list[int]:
        """Return the places of the documents found, the best first."""
        return list(found)

    def counts(self, found: Any) -> Counts | None:
        """Return the facet counts found, None where this way of asking counts none."""
        return None


def is_installed(engine: type[Engine]) -> bool:
    """Tell whether the library that an engine needs is there."""
    return find_spec(engine.library) is not None


class Tantivy(Engine):
    """tantivy: one segment, query objects made ahead, the ten best without counting all matches."""

    key = "tantivy"
    label = "tantivy，只取前十"
    index = "tantivy"
    library = "tantivy"
    with_pairs: ClassVar[bool] = False

    def build(self, documents: Sequence[Document], folder: Path) -> None:
        """Write one segment: one thread is as fast as two, and leaves nothing to merge."""
        import tantivy

        schema = tantivy.SchemaBuilder()
        schema.add_text_field("words", tokenizer_name="spaced", index_option="position")
        if self.with_pairs:
            schema.add_text_field("pairs", tokenizer_name="spaced", index_option="freq")
        for name in FACETS:
            schema.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
        index = self._taught(tantivy.Index(schema.build(), str(folder)))
        writer = index.writer(heap_size=ROOMY, num_threads=1)
        for document in documents:
            record = tantivy.Document(words=" ".join(document.words))
            if self.with_pairs:
                record.add_text("pairs", " ".join(document.pairs))
            for name, values in document.labels.items():
                for value in values:
                    record.add_text(name, value)
            writer.add_document(record)
        writer.commit()
        writer.wait_merging_threads()

    def open(self, folder: Path) -> None:
        """Open the only segment, in which a document's number is its place."""
        import tantivy

        index = self._taught(tantivy.Index.open(str(folder)))
        self._make, self._occur, self._schema = tantivy.Query, tantivy.Occur, index.schema
        self._searcher = index.searcher()
        if self._searcher.num_segments != 1:
            raise SystemExit(f"tantivy 的索引有 {self._searcher.num_segments} 段，应当只有一段。")

    def prepare(self, query: Query) -> Any:
        """Return a query object."""
        wanted = self._phrase(query) if query.phrase else self._any(self._terms(query))
        if not query.filters:
            return wanted
        return self._all([wanted, *(self._filter(*chosen) for chosen in query.filters.items())])

    def search(self, prepared: Any) -> Any:
        """Return the ten best."""
        return [hit.doc for _, hit in self._searcher.search(prepared, TOP, count=False).hits]

    def _terms(self, query: Query) -> list[Any]:
        return [self._term("words", word) for word in query.words]

    def _phrase(self, query: Query) -> Any:
        return self._make.phrase_query(self._schema, "words", list(query.phrase))

    def _filter(self, name: str, value: str) -> Any:
        """Return a filter that leaves the scores alone.

        A union of two terms: a set of terms took four times as long.
        """
        values = [value, EVERYWHERE] if name == "region" else [value]
        allowed = self._any([self._term(name, each, "basic") for each in values])
        return self._make.const_score_query(allowed, 0.0)

    def _term(self, field: str, text: str, option: str = "freq") -> Any:
        return self._make.term_query(self._schema, field, text, option)

    def _any(self, queries: Sequence[Any]) -> Any:
        return self._make.boolean_query([(self._occur.Should, query) for query in queries])

    def _all(self, queries: Sequence[Any]) -> Any:
        return self._make.boolean_query([(self._occur.Must, query) for query in queries])

    @staticmethod
    def _taught(index: Any) -> Any:
        """Return the index once it knows that words are set apart by spaces."""
        import tantivy

        spaced = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        index.register_tokenizer("spaced", spaced)
        return index


class TantivyFacets(Tantivy):
    """tantivy with the facets that our answers have: one aggregation over fast fields."""

    key = "tantivy-facets"
    label = "tantivy，前十和筛选项"
    _wanted: ClassVar = {name: {"terms": {"field": name, "size": 1000}} for name in FACETS}

    def search(self, prepared: Any) -> Any:
        """Return the ten best, and how many documents have each value."""
        return super().search(prepared), self._searcher.aggregate(prepared, self._wanted)

    def rows(self, found: Any) -> list[int]:
        """Return the ten best."""
        return list(found[0])

    def counts(self, found: Any) -> Counts | None:
        """Return the buckets as counts."""
        return {
            name: {bucket["key"]: bucket["doc_count"] for bucket in facet["buckets"]}
            for name, facet in found[1].items()
        }


class TantivyPairs(Tantivy):
    """tantivy with every term that our engine scores: words, pairs of characters, synonyms."""

    key = "tantivy-pairs"
    label = "tantivy，词元同政策库，只取前十"
    index = "tantivy-pairs"
    plain = False
    with_pairs = True

    def _terms(self, query: Query) -> list[Any]:
        boost = self._make.boost_query
        return [
            *super()._terms(query),
            *(self._term("pairs", pair) for pair in query.pairs),
            *(boost(self._term("words", word), weight) for word, weight in query.other_words),
            *(boost(self._term("pairs", pair), weight) for pair, weight in query.other_pairs),
        ]

    def _phrase(self, query: Query) -> Any:
        """Rank what has the phrase by all terms, as our engine does."""
        having = self._make.const_score_query(super()._phrase(query), 0.0)
        return self._all([having, self._any(self._terms(query))])


class TantivyPairsFacets(TantivyPairs, TantivyFacets):
    """tantivy with the terms and the facets of our engine."""

    key = "tantivy-pairs-facets"
    label = "tantivy，词元同政策库，前十和筛选项"


class Bm25s(Engine):
    """bm25s: the numba backend, asked by token numbers; it has neither phrases nor fields.

    Filters are a mask over all documents, made ahead.
    """

    key = "bm25s"
    label = "bm25s（numba）"
    index = "bm25s"
    library = "bm25s"

    def build(self, documents: Sequence[Document], folder: Path) -> None:
        """Save its arrays, and beside them which documents have which filter value."""
        import bm25s

        engine = bm25s.BM25(k1=K1, b=B, method="lucene", backend="numba")
        engine.index([document.words for document in documents], show_progress=False)
        engine.save(str(folder))
        values = {(n, v) for d in documents for n in FILTERS for v in d.labels[n]}
        masks: dict[str, Any] = {
            f"{n} {v}": np.array([v in d.labels[n] for d in documents]) for n, v in sorted(values)
        }
        np.savez(folder / "filters.npz", **masks)

    def open(self, folder: Path) -> None:
        """Load the arrays into memory."""
        import bm25s

        self._engine = bm25s.BM25.load(str(folder))
        self._engine.backend = "numba"
        self._filters = np.load(folder / "filters.npz")

    def prepare(self, query: Query) -> Any:
        """Return token numbers and the mask of the filters."""
        if query.phrase:
            return None
        return self._engine.get_tokens_ids(list(query.words)), self._mask(query)

    def search(self, prepared: Any) -> Any:
        """Return the ten best documents that have any of the words."""
        tokens, mask = prepared
        if not tokens:  # bm25s wants at least one
            return np.zeros(0, np.int64)
        found = self._engine.retrieve([tokens], k=TOP, show_progress=False, weight_mask=mask)
        return found.documents[0][found.scores[0] > 0]

    def rows(self, found: Any) -> list[int]:
        """Return the rows as numbers of Python's own."""
        rows: list[int] = found.tolist()
        return rows

    def _mask(self, query: Query) -> Any:
        mask = None
        for name, value in query.filters.items():
            having = self._filters[f"{name} {value}"]
            if name == "region" and f"region {EVERYWHERE}" in self._filters:
                having = having | self._filters[f"region {EVERYWHERE}"]
            mask = having if mask is None else mask & having
        return mask


class Fts5(Engine):
    """SQLite FTS5: its own bm25 through `rank`, nothing stored but the index, merged and mapped.

    Filters stand in a column of their own that weighs nothing: three times faster than a join.
    """

    key = "fts5"
    label = "SQLite FTS5"
    index = "fts5"
    library = "sqlite3"
    every = 5

    def build(self, documents: Sequence[Document], folder: Path) -> None:
        """Fill one table in one transaction and merge its parts."""
        with sqlite3.connect(folder / "index.db") as base:
            base.execute(
                "create virtual table entries using fts5(words, labels, content='', tokenize="
                "\"unicode61 remove_diacritics 0 tokenchars '.&+%#〔〕_'\")"
            )
            base.execute("insert into entries (entries, rank) values ('rank', 'bm25(1.0, 0.0)')")
            base.executemany(
                "insert into entries (rowid, words, labels) values (?, ?, ?)",
                (
                    (row, " ".join(document.words), " ".join(self._labels(document)))
                    for row, document in enumerate(documents)
                ),
            )
            base.execute("insert into entries (entries) values ('optimize')")
        base.execute("vacuum")
        base.close()

    def open(self, folder: Path) -> None:
        """Open the file, mapped into memory."""
        self._base = sqlite3.connect(folder / "index.db")
        self._base.execute(f"pragma mmap_size = {ROOMY}")
        self._base.execute("select count(*) from entries_data").fetchone()

    def prepare(self, query: Query) -> str:
        """Return a MATCH expression."""
        terms = [" ".join(query.phrase)] if query.phrase else query.words
        parts = ["words : (" + " OR ".join(f'"{term}"' for term in terms) + ")"]
        for name, value in query.filters.items():
            values = [value, EVERYWHERE] if name == "region" else [value]
            allowed = " OR ".join(f'"{name}_{each}"' for each in values)
            parts.append(f"labels : ({allowed})")
        return " AND ".join(parts)

    def search(self, prepared: Any) -> Any:
        """Return the ten best."""
        found = self._base.execute(
            "select rowid from entries where entries match ? order by rank limit ?", (prepared, TOP)
        )
        return [row for (row,) in found]

    @staticmethod
    def _labels(document: Document) -> list[str]:
        return [f"{name}_{value}" for name in FILTERS for value in document.labels[name]]


class Whoosh(Engine):
    """Stock Whoosh: BM25F, any of the words, one segment, the ten best."""

    key = "whoosh"
    label = "Whoosh（自带的 BM25F）"
    index = "whoosh"
    library = "whoosh"
    every = 10

    def build(self, documents: Sequence[Document], folder: Path) -> None:
        """Write one segment, with as much memory as Whoosh can use."""
        from whoosh.analysis.tokenizers import SpaceSeparatedTokenizer
        from whoosh.fields import KEYWORD, TEXT, Schema
        from whoosh.index import create_in

        schema = Schema(
            words=TEXT(analyzer=SpaceSeparatedTokenizer(), phrase=True),
            level=KEYWORD,
            region=KEYWORD,
        )
        writer = create_in(str(folder), schema).writer(limitmb=1024)
        for document in documents:
            writer.add_document(
                words=list(document.words),
                level=list(document.labels["level"]),
                region=list(document.labels["region"]),
            )
        writer.commit(optimize=True)

    def open(self, folder: Path) -> None:
        """Open the only segment, in which a document's number is its place."""
        from whoosh import query
        from whoosh.index import open_dir

        self._make: Any = query
        self._searcher = open_dir(str(folder)).searcher()

    def prepare(self, query: Query) -> Any:
        """Return the query and its filter."""
        make = self._make
        wanted = (
            make.Phrase("words", list(query.phrase))
            if query.phrase
            else make.Or([make.Term("words", word) for word in query.words])
        )
        allowed = [self._filter(name, value) for name, value in query.filters.items()]
        return wanted, make.And(allowed) if allowed else None

    def search(self, prepared: Any) -> Any:
        """Return the ten best."""
        wanted, allowed = prepared
        found = self._searcher.search(wanted, limit=TOP, filter=allowed)
        return [found.docnum(place) for place in range(found.scored_length())]

    def _filter(self, name: str, value: str) -> Any:
        values = [value, EVERYWHERE] if name == "region" else [value]
        return self._make.Or([self._make.Term(name, each) for each in values])


PEERS: tuple[type[Engine], ...] = (
    Tantivy,
    TantivyFacets,
    TantivyPairs,
    TantivyPairsFacets,
    Bm25s,
    Fts5,
    Whoosh,
)
