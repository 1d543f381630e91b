"""Segments (索引段): analysed documents as Whoosh keeps them, for any reader that knows Whoosh."""

# mypy: disable-error-code="no-untyped-call, no-untyped-def"
# Whoosh is typed only in part.

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from whoosh.codec.whoosh3 import W3Codec, W3FieldWriter, W3PostingsWriter, W3Segment
from whoosh.index import FileIndex
from whoosh.writing import SegmentWriter

from indexer.arrays import changes
from indexer.content import Content
from indexer.parallel import ignore
from indexer.texts import FIELDS

TERMS = 2_000  # after so many, progress is told


class BulkPostings(W3PostingsWriter):
    """Writes the postings of a term a block at a time; Whoosh's own takes them one by one."""

    def add_all(
        self,
        rows: Sequence[int],
        weights: Sequence[float],
        values: list[bytes],
        lengths: Sequence[int],
    ) -> None:
        """Take all postings of the term that was started."""
        for begin in range(0, len(rows), self._blocklimit):
            if begin:
                self._write_block()
            span = slice(begin, begin + self._blocklimit)
            self._ids, self._weights = array("I", rows[span]), array("f", weights[span])
            self._values = values[span]
            self._maxweight = max(weights[span])
            self._minlength, self._maxlength = min(lengths[span]), max(lengths[span])


class BulkFields(W3FieldWriter):
    """Writes the terms of a field with all postings of each."""

    def add_term(self, text: bytes, *postings: Sequence[Any]) -> None:
        """Write one term; terms come in the order of their bytes."""
        self.start_term(text)
        writer: Any = self._postwriter
        writer.add_all(*postings)
        self.finish_term()


class BulkCodec(W3Codec):
    """Whoosh's own format, of which only the writing is quicker."""

    def new_segment(self, storage, indexname) -> W3Segment:
        """Return a segment that says it is in Whoosh's own format."""
        return W3Segment(W3Codec(), indexname)

    def field_writer(self, storage, segment) -> BulkFields:
        """Return the writer of the inverted index."""
        return BulkFields(self, storage, segment)

    def postings_writer(self, dbfile, byteids=False) -> BulkPostings:
        """Return the writer of one field's postings."""
        return BulkPostings(dbfile, self._blocklimit, byteids, self._compression, self._inlinelimit)


class BulkWriter(SegmentWriter):
    """Whoosh's writer, which can also take documents that are analysed already, all at once."""

    def __init__(self, index: FileIndex, timeout: float) -> None:
        super().__init__(index, timeout=timeout, codec=BulkCodec())
        self._complete = False

    def add_content(
        self,
        content: Content,
        words: list[str],
        stored: Iterable[Mapping[str, Any]],
        tell: Callable[[float], None] = ignore,
    ) -> None:
        """Write all documents of a new segment: `words` are those whose keys the content has.

        Tells what share of it is written.
        """
        lengths = content.lengths()[0].tolist()
        slugs = []
        for values, document in zip(stored, lengths, strict=True):
            self.perdocwriter.start_doc(self.docnum)
            for name, value in values.items():
                self.perdocwriter.add_field(name, self.schema[name], value, 0)
            for name, length in zip(FIELDS, document, strict=True):
                self.perdocwriter.add_field(name, self.schema[name], None, length)
            self.perdocwriter.finish_doc()
            self.docnum += 1
            slugs.append(values["slug"])
        self.perdocwriter.close()
        self._write_fields(content, words, slugs, tell)
        self.fieldwriter.close()
        self._complete, self._added = True, bool(slugs)

    def _write_fields(
        self,
        content: Content,
        words: list[str],
        slugs: list[str],
        tell: Callable[[float], None],
    ) -> None:
        tokens = content.lengths()[0].sum(0)
        shares = dict(zip(FIELDS, (tokens / max(tokens.sum(), 1)).tolist(), strict=True))
        begin = 0.0
        for name in sorted([*FIELDS, "slug"]):
            end = begin + shares.get(name, 0.0)
            field = self.schema[name]
            if name == "slug":
                terms = _terms_of_slugs(slugs)
            else:
                terms = _terms_of_field(content, words, FIELDS.index(name), field.format)
            self.fieldwriter.start_field(name, field)
            for number, term in enumerate(terms):
                self.fieldwriter.add_term(*term)
                if number % TERMS == 0:
                    tell(begin + (end - begin) * min(number / len(words), 1.0))
            self.fieldwriter.finish_field()
            begin = end
            tell(end)

    def _flush_segment(self) -> None:
        if not self._complete:
            super()._flush_segment()


def documents_of(content: Content, words: Sequence[str]) -> Iterator[dict[str, list[str]]]:
    """Yield the words of each document, field by field; empty fields are left out."""
    for document in range(len(content)):
        fields = {}
        for number, name in enumerate(FIELDS):
            tokens = content.tokens[content.span(document, number, number + 1)].tolist()
            if tokens:
                fields[name] = [words[token] for token in tokens]
        yield fields


def _terms_of_slugs(slugs: Sequence[str]) -> Iterator[tuple[bytes, list[Any], Any, Any, Any]]:
    for slug, row in sorted((slug.encode(), row) for row, slug in enumerate(slugs)):
        yield slug, [row], [1.0], [b""], [0]


def _terms_of_field(
    content: Content, words: Sequence[str], number: int, format_: Any
) -> Iterator[tuple[bytes, list[int], list[float], list[bytes], list[int]]]:
    """Yield each word of a field with its documents, frequencies, positions and field lengths."""
    slots = np.arange(number, len(content) * len(FIELDS), len(FIELDS))
    lengths = content.token_starts[slots + 1] - content.token_starts[slots]
    begins = np.cumsum(lengths) - lengths
    rows = np.repeat(np.arange(len(slots)), lengths)
    positions = np.arange(len(rows)) - begins[rows]
    tokens = content.tokens[positions + content.token_starts[slots][rows]]
    texts = [word.encode() for word in words]
    ranks = np.zeros(len(texts), np.int32)
    in_order = sorted(range(len(texts)), key=texts.__getitem__)
    ranks[in_order] = np.arange(len(texts))
    order = np.argsort(ranks[tokens], kind="stable")
    tokens, rows, positions = ranks[tokens[order]], rows[order], positions[order]
    firsts = changes(tokens, rows)
    terms = changes(tokens[firsts])
    values = _encode(positions.tolist(), firsts.tolist(), format_)
    found = rows[firsts]
    columns = found.tolist(), np.diff(firsts, append=len(rows)).tolist(), lengths[found].tolist()
    for begin, end in pairwise([*terms.tolist(), len(firsts)]):
        span = slice(begin, end)
        text = texts[in_order[tokens[firsts[begin]]]]
        yield text, columns[0][span], columns[1][span], values[span], columns[2][span]


def _encode(positions: list[int], firsts: list[int], format_: Any) -> list[bytes]:
    """Return the positions of each posting as Whoosh keeps them."""
    alone: dict[int, bytes] = {}
    encoded = []
    for begin, end in pairwise([*firsts, len(positions)]):
        first = positions[begin]
        if end - begin > 1:
            encoded.append(format_.encode(positions[begin:end]))
        else:
            if first not in alone:
                alone[first] = format_.encode([first])
            encoded.append(alone[first])
    return encoded
