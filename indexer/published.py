"""What stands in the files that are published (生成的文件里的文字): pages, data, index, documents.

All is read as whoever takes the files could read it: escapes undone, marks taken off, packed parts
unpacked, the index through its own readers. Of pictures, fonts and PDF there are only the bytes.
"""

# mypy: disable-error-code="no-untyped-call"
# Whoosh is typed only in part.

import gzip
import html
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import unquote
from zipfile import BadZipFile, ZipFile, is_zipfile

import numpy as np
from whoosh.filedb.filestore import FileStorage
from whoosh.index import FileIndex

from indexer.arrays import Strings, map_array
from indexer.cards import read_record
from indexer.content import Content
from indexer.index import NAME, TOC_FILE

CHUNK = 16 * 1024 * 1024  # bytes of a file without text that are looked at together
OVERLAP = 4096  # of these, again with the next
LARGEST = 256 * 1024 * 1024  # bytes of one packed part: none of ours comes near
TERMS = 50_000  # of the index, looked at together
ROUNDS = 3  # data inside an attribute of a page inside data: nothing is wrapped more often
APART = "\x1f"  # between texts that do not follow one another

_CONTENT, _ARRAYS = re.compile(r"content-\d+"), re.compile(r"arrays-\d+")
# Marks inside a sentence, those of Word included; any other mark parts what stands around it.
_INLINE = re.compile(
    r"</?(?:a|b|br|code|em|i|mark|small|span|strong|sub|sup|u|wbr|w:(?!p\b)\w+)(?:\s[^<>]*)?/?>"
)
_TAG = re.compile(r"<[^<>]*>")
_ESCAPED = re.compile(r'((?:\\u[0-9a-fA-F]{4})+)|\\(["\\/])|\\[bfnrt]')
_BINARY_WITH_NUMBERS = (".pdf",)


@dataclass(frozen=True)
class Passage:
    """A text that is published: its file, its place there, and its forms.

    `lines` is the file's text if it has lines to tell; in what `has_words` denies there are only
    bytes, among which any number may come about.
    """

    path: Path
    place: str
    forms: tuple[str, ...]
    lines: str | None = None
    has_words: bool = True


class Unreadable(Exception):
    """A file of which it cannot be told what stands in it."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path


def find_files(folder: Path) -> list[Path]:
    """Return all files below a folder, hidden ones too, in a fixed order."""
    paths = (Path(at, name) for at, _, names in os.walk(folder) for name in names)
    return sorted(path for path in paths if path.is_file())


def read_passages(path: Path) -> Iterator[Passage]:
    """Yield what stands in a file; raise Unreadable where that cannot be told."""
    try:
        yield from _read(path)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise Unreadable(path) from error


def read_index(folder: Path) -> Iterator[Passage]:
    """Yield what stands in a folder of the index; nothing for any other folder."""
    try:
        if _CONTENT.fullmatch(folder.name):
            yield from _read_content(folder)
        elif _ARRAYS.fullmatch(folder.name):
            yield from _read_phrases(folder)
        elif any(TOC_FILE.match(path.name) for path in folder.iterdir()):
            yield from _read_whoosh(folder)
    except Exception as error:  # a damaged index fails in many ways
        raise Unreadable(folder) from error


def forms_of(text: str) -> tuple[str, ...]:
    """Return a text as it is meant: with its escapes undone, and where it has marks, without."""
    whole = unescape(text)
    bare = unescape(_TAG.sub(APART, _INLINE.sub("", text))) if "<" in text else whole
    return (whole,) if bare == whole else (whole, bare)


def unescape(text: str) -> str:
    """Undo what HTML, JSON and addresses make of characters, however they were put together."""
    for _ in range(ROUNDS):
        before = text
        text = html.unescape(text) if "&" in text else text
        text = _ESCAPED.sub(_plain, text) if "\\" in text else text
        text = unquote(text) if "%" in text else text
        if text == before:
            break
    return text


def _plain(match: re.Match[str]) -> str:
    if match[1]:
        return bytes.fromhex(match[1].replace("\\u", "")).decode("utf-16-be", "replace")
    return match[2] or " "


def _read(path: Path) -> Iterator[Passage]:
    if path.suffix == ".npy":
        return  # read through the index
    if is_zipfile(path):
        with ZipFile(path) as packed:
            for part in packed.infolist():
                if part.file_size > LARGEST:
                    raise ValueError(part.filename)
                yield from _passages(path, part.filename, packed.read(part))
    elif path.suffix == ".gz":
        with gzip.open(path) as file:
            yield from _passages(path, "", file.read(LARGEST))
    elif path.stat().st_size <= CHUNK:
        yield from _passages(path, "", path.read_bytes())
    else:
        yield from _read_in_chunks(path)


def _passages(path: Path, place: str, data: bytes) -> Iterator[Passage]:
    """Yield what stands in some bytes: text in UTF-8, or whatever in them looks like it."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        numbers = path.suffix in _BINARY_WITH_NUMBERS
        yield Passage(path, place, (data.decode("utf-8", "ignore"),), has_words=numbers)
    else:
        yield Passage(path, place, forms_of(text), None if place else text)


def _read_in_chunks(path: Path) -> Iterator[Passage]:
    with path.open("rb") as file:
        data = file.read(CHUNK)
        while len(data) > OVERLAP:
            text = data.decode("utf-8", "ignore")
            yield Passage(path, "", forms_of(text), has_words="\0" not in text)
            data = data[-OVERLAP:] + file.read(CHUNK)


def _read_content(folder: Path) -> Iterator[Passage]:
    content = Content.open(folder)
    for number in range(len(content)):
        card = content.cards.raw(number).decode()
        record = json.dumps(read_record(content.records.raw(number)), ensure_ascii=False)
        texts = (content.text(number, field) for field in range(_fields(content)))
        whole = APART.join((*texts, card, content.rules.raw(number).decode(), record))
        yield Passage(folder, f"条目 {json.loads(card)['slug']}", forms_of(whole))
    highs, lows = content.pairs >> 16, content.pairs & 0xFFFF
    ends = np.flatnonzero(content.pairs == 0)
    highs[ends[ends > 0]] = lows[ends[ends > 0] - 1]  # the second character of the last pair
    yield Passage(folder, "连写", ("".join(map(chr, highs.tolist())),), has_words=False)


def _fields(content: Content) -> int:
    return len(content.texts) // max(len(content), 1)


def _read_phrases(folder: Path) -> Iterator[Passage]:
    originals = Strings(
        map_array(folder, "phrases-originals"), map_array(folder, "phrases-originals-starts")
    )
    yield Passage(folder, "说法", forms_of("\n".join(originals)))
    codes = map_array(folder, "phrases-characters").astype("<u4").tobytes()
    yield Passage(folder, "说法", (codes.decode("utf-32-le", "replace"),))
    for name in ("slugs", "digests"):
        text = map_array(folder, name).tobytes().decode("utf-8", "replace")
        yield Passage(folder, name, (text,), has_words=name == "slugs")


def _read_whoosh(folder: Path) -> Iterator[Passage]:
    with FileIndex(FileStorage(str(folder)), indexname=NAME).reader() as reader:
        stored = (json.dumps(fields, ensure_ascii=False) for fields in reader.all_stored_fields())
        terms = (term.decode("utf-8", "replace") for _, term in reader.all_terms())
        for texts in (stored, terms):
            for many in _in_parts(texts):
                yield Passage(folder, "Whoosh", (APART.join(many),))


def _in_parts(texts: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(texts)
    while part := list(islice(rest, TERMS)):
        yield part
