"""A generation (代): how one corpus stands in its files, written once and mapped by all readers."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from indexer.arrays import Strings, map_array, save_arrays
from indexer.content import Content
from indexer.corpus import Averages, Corpus
from indexer.facts import Facts
from indexer.moved import Move, make_move
from indexer.phrases import Phrases, names_by_character, order_of_titles, sounding_pairs
from indexer.pinyin import readings, syllables
from indexer.ranking import Forward, Postings

Columns = TypeVar("Columns", Facts, Phrases, Postings, Forward)


# What readers need besides the corpus, as they need it.
_OTHERS = (
    *("slugs", "digests", "commits", "authority", "order-of-titles"),
    *("combinations", "combination-starts", "combination-values"),
    *("readings", "sounds", "sounding-pairs", "name-starts", "names"),
)


NO_COMMIT = "-"  # of a file that git does not know as it is


@dataclass(frozen=True)
class Generation:
    """A corpus as it was written, with what readers need besides.

    All is mapped when it is opened, and so still there when a later build has removed the files.
    """

    meta: Mapping[str, Any]
    corpus: Corpus
    arrays: Mapping[str, NDArray[Any]]

    @cached_property
    def slugs(self) -> list[str]:
        """The slug of each row."""
        return _lines_of(self.arrays["slugs"])

    @cached_property
    def digests(self) -> list[str]:
        """The digest of each row's file."""
        return _lines_of(self.arrays["digests"])

    @cached_property
    def commits(self) -> list[str]:
        """The last commit of each row's file; NO_COMMIT where there is none."""
        return _lines_of(self.arrays["commits"])

    @cached_property
    def moves(self) -> tuple[Move, ...]:
        """What became of each name that an entry once had."""
        return tuple(make_move(row) for row in self.meta["moves"])

    @cached_property
    def folded_phrases(self) -> str:
        """All phrases as they are compared, each behind a line break."""
        return self.corpus.phrases.folded


def save(
    corpus: Corpus,
    slugs: list[str],
    digests: list[str],
    commits: list[str],
    folder: Path,
    contents: list[Path],
    fingerprint: str,
    moves: Iterable[Move] = (),
) -> None:
    """Write a corpus under another name and rename it when it is whole.

    `contents` are the folders of its content, of which those that are missing are written;
    `moves` tell of names that entries once had.
    """
    for content, place in zip(corpus.contents, contents, strict=True):
        if not place.exists():
            content.save(place)
    part = folder.with_name(f"{folder.name}.part")
    part.mkdir()
    lines = {"slugs": slugs, "digests": digests, "commits": commits}
    texts = {name: np.frombuffer("\n".join(lines[name]).encode(), np.uint8) for name in lines}
    save_arrays(part, {**texts, **dict(_arrays(corpus))})
    known = {
        "fingerprint": fingerprint,
        "contents": [place.name for place in contents],
        "values": corpus.facts.values,
        "averages": vars(corpus.averages),
        "syllables": syllables(),
        "names": corpus.phrases.names,
        "moves": [move.to_row() for move in moves],
    }
    (part / "meta.json").write_text(json.dumps(known, ensure_ascii=False), encoding="utf-8")
    part.rename(folder)


def open_generation(folder: Path) -> Generation:
    """Map the files of a generation."""
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    values = {"values": tuple((name, value) for name, value in meta["values"])}
    averages = Averages(*(tuple(meta["averages"][name]) for name in ("words", "characters")))
    corpus = Corpus(
        tuple(Content.open(folder.parent / name) for name in meta["contents"]),
        map_array(folder, "parts"),
        map_array(folder, "documents"),
        _open_columns(Facts, folder, **values),
        _open_columns(Phrases, folder),
        averages,
        _open_columns(Postings, folder),
        _open_columns(Forward, folder),
    )
    return Generation(meta, corpus, {name: map_array(folder, name) for name in _OTHERS})


def _arrays(corpus: Corpus) -> Iterator[tuple[str, NDArray[Any]]]:
    yield "parts", corpus.parts
    yield "documents", corpus.documents
    for columns in (corpus.facts, corpus.phrases, corpus.postings, corpus.forward):
        for field in fields(columns):
            value, name = getattr(columns, field.name), _name(type(columns), field.name)
            if isinstance(value, Strings):
                yield name, value.data
                yield f"{name}-starts", value.starts
            elif isinstance(value, np.ndarray):
                yield name, value
    yield "authority", corpus.facts.authority()
    combinations, starts, values = corpus.facts.combinations()
    yield "combinations", combinations
    yield "combination-starts", starts
    yield "combination-values", values
    yield "order-of-titles", order_of_titles(corpus.phrases, len(corpus))
    yield "readings", readings()
    sounds, pairs = sounding_pairs(corpus.phrases.folded)
    yield "sounds", sounds
    yield "sounding-pairs", pairs
    name_starts, names = names_by_character(corpus.phrases)
    yield "name-starts", name_starts
    yield "names", names


def _open_columns(kind: type[Columns], folder: Path, **given: Any) -> Columns:
    found = dict(given)
    for name in (field.name for field in fields(kind) if field.name not in given):
        array = map_array(folder, _name(kind, name))
        if name == "originals":
            found[name] = Strings(array, map_array(folder, f"{_name(kind, name)}-starts"))
        else:
            found[name] = array
    return kind(**found)


def _name(kind: Any, field: str) -> str:
    return f"{kind.__name__.lower()}-{field}"


def _lines_of(text: NDArray[np.uint8]) -> list[str]:
    return text.tobytes().decode().split("\n") if len(text) else []
