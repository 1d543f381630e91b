"""Repairs (自动改): what is certain and mechanical in an entry's file; never what it means."""

import re
import shutil
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from pydantic import BaseModel
from rapidfuzz.distance import DamerauLevenshtein

from indexer.entryfile import (
    NoFrontMatter,
    order_keys,
    rename_keys,
    replace_values,
    split_entry,
    types_in,
    write_scalar,
)
from indexer.frontmatter import FrontMatter, Loc, line_of, place_name, read_front_matter
from indexer.loader import inspect_library
from indexer.policy import Policy, Record, label
from indexer.problems import Problem, shown

_RECORDS: tuple[type[Record], ...] = (Policy, *Record.__subclasses__())
_NAMES = {field.alias or name for model in _RECORDS for name, field in model.model_fields.items()}
_WRITTEN = _NAMES - {"slug", "body"}
_SHORTEST = 4  # letters of a name in which one may be wrong
_LONG = 8  # of one in which two may be


@dataclass(frozen=True)
class Change:
    """One thing that was put right: its line, the field if it is in one, and what was done."""

    line: int
    field: str
    message: str

    def to_dict(self) -> dict[str, str | int]:
        """Return the change as JSON values."""
        return {"line": self.line, "field": self.field, "message": self.message}


@dataclass(frozen=True)
class Repair:
    """A file that can be put right: its bytes, its text before and after, and the changes."""

    path: str  # within the library
    data: bytes
    before: str
    after: str
    changes: tuple[Change, ...]


def repair_library(
    root: Path, names: Sequence[str]
) -> tuple[tuple[Repair, ...], tuple[Problem, ...]]:
    """Return what can be put right in these files, and the problems that are left in the library.

    It is tried out on a copy: a file that would have more problems than before is left as it is.
    One that could not be read at all may show what else is wrong with it. Nothing is written.
    """
    _, before = inspect_library(root)
    found = [repair for name in names if (repair := repair_file(root, name)) is not None]
    while found:
        after = _try_out(root, found)
        worse = [r for r in found if _is_worse(r, _of(before, r, root), _of(after, r, root))]
        if not worse:
            return tuple(found), after
        found = [repair for repair in found if repair not in worse]
    return (), before


def _of(problems: Sequence[Problem], repair: Repair, root: Path) -> int:
    """Return how many of the problems are in the file of a repair."""
    return sum(problem.path == _prefix(root) + repair.path for problem in problems)


def _prefix(root: Path) -> str:
    """Return what stands before the path of a file in a problem."""
    return f"{root.name}/" if root.name else ""


def _is_worse(repair: Repair, before: int, after: int) -> bool:
    return after > before and _is_readable(repair.data)


def _is_readable(data: bytes) -> bool:
    try:
        return _read(data.decode("utf-8-sig").replace("\r\n", "\n")) is not None
    except (UnicodeDecodeError, NoFrontMatter):
        return False


def _try_out(root: Path, repairs: Sequence[Repair]) -> tuple[Problem, ...]:
    """Return the problems that the library would have with these repairs."""
    with TemporaryDirectory(prefix="policykb-") as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(root, copy, symlinks=True)
        for repair in repairs:
            target = copy / repair.path
            target.unlink()  # a link must not lead the pen to the file itself
            target.write_text(repair.after, encoding="utf-8", newline="")
        problems = inspect_library(copy)[1]
    return tuple(replace(p, path=_prefix(root) + p.path.removeprefix("copy/")) for p in problems)


def repair_file(root: Path, name: str) -> Repair | None:
    """Return what can be put right in one file, None if nothing."""
    try:
        data = (root / name).read_bytes()
    except OSError:
        return None
    decoded = _decode(data)
    if decoded is None:
        return None
    before, changes = decoded
    after, further = repair_text(before)
    if not changes and not further:
        return None
    return Repair(name, data, before, after, (*changes, *further))


def _decode(data: bytes) -> tuple[str, tuple[Change, ...]] | None:
    """Return the text with plain line ends, None where the encoding is not certain."""
    messages = []
    for encoding in _encodings(data):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding not in ("utf-8", "utf-8-sig"):
            messages.append(f"文件编码从 {_ENCODING_NAMES[encoding]} 改成 UTF-8。")
        elif encoding == "utf-8-sig":
            messages.append("去掉文件开头看不见的标记（BOM）。")
        if "\r" in text:
            messages.append("行尾改成统一的写法（LF）。")
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text, tuple(Change(1, "", message) for message in messages)
    return None


_ENCODING_NAMES = {"utf-16": "UTF-16", "gb2312": "GBK"}


def _encodings(data: bytes) -> tuple[str, ...]:
    """Return the encodings that a file may be in beyond doubt.

    GB2312 rather than all of GBK: it has the common characters alone, so that what was written in
    some other encoding seldom passes for it.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ("utf-16",)
    return ("utf-8-sig",) if data.startswith(b"\xef\xbb\xbf") else ("utf-8", "gb2312")


def repair_text(text: str) -> tuple[str, tuple[Change, ...]]:
    """Return the text of an entry put right, and what was done; what is right stays as it is."""
    changes: list[Change] = []
    for step in (
        _drop_blank_beginning,
        _mend_lines,
        _rename_keys,
        _correct_values,
        _strip_line_ends,
        _put_in_order,
    ):
        try:
            text, done = step(text)
        except NoFrontMatter:
            continue
        changes += done
    return text, tuple(changes)


Step = tuple[str, list[Change]]


def _drop_blank_beginning(text: str) -> Step:
    bare = text.lstrip()
    if bare == text or not bare.startswith("---\n"):
        return text, []
    return bare, [Change(1, "", "去掉“---”前面的空白。")]


# Lines: what keeps the front matter from being read

_SPACE = {"\t": "  ", "\u3000": "  ", "\u00a0": " "}
_KEY = "|".join(sorted(_WRITTEN, key=len, reverse=True))
_INDENT = r"[ \t\u3000\u00a0]"
_ODD_INDENT = re.compile(
    rf"(?={_INDENT}*[\t\u3000\u00a0])({_INDENT}+)(?=-[ \t]|(?:{_KEY})\s*[:：])"
)
_UNPARTED = re.compile(rf"( *(?:- +)*)({_KEY})(?:[ \t]*：{_INDENT}*|:(?=[^\s:]))(.*)")
_BLOCK = re.compile(r"[^#]*[\s:][|>][+\-0-9]*\s*(?:#.*)?")


def _mend_lines(text: str) -> Step:
    """Write spaces for tabs and wide spaces, and “: ” for the wide or bare colon behind a name.

    Every changed line must then read as the item or field that it looks like: what only looks so
    inside a longer text stays as it is, and so do all if the front matter still cannot be read.
    """
    head, _ = split_entry(text)
    lines, changes = head.split("\n"), list[Change]()
    for number in _own_lines(lines):
        lines[number], done = _mend_line(lines[number], number + 2)
        changes += done
    new = "\n".join(lines)
    front = read_front_matter(new, first_line=2)
    places = {(line, loc[-1]) for loc, line in front.lines.items()}
    begun = {line for line, _ in places}
    fine = all((c.line, c.field) in places if c.field else c.line in begun for c in changes)
    if not changes or front.mistakes or not fine:
        return text, []
    start = text.index("\n") + 1
    return text[:start] + new + text[start + len(head) :], changes


def _mend_line(line: str, number: int) -> tuple[str, list[Change]]:
    changes = []
    odd = _ODD_INDENT.match(line)
    if odd is not None:
        line = "".join(_SPACE.get(sign, sign) for sign in odd[1]) + line[odd.end() :]
        changes.append(Change(number, "", "缩进改成空格。"))
    found = _UNPARTED.fullmatch(line)
    if found is not None:
        indent, key, rest = found.groups()
        line = f"{indent}{key}: {_as_value(rest)}".rstrip()
        changes.append(Change(number, key, "字段名后面的冒号改成英文的“:”，再空一格。"))
    return line, changes


def _as_value(rest: str) -> str:
    """Return what stands behind a colon, quoted where YAML would not take it as it is."""
    rest = rest.strip()
    try:
        yaml.compose(f"a: {rest}", Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        return rest if rest[:1] in "[{\"'|>-" else write_scalar(rest)
    return rest


def _own_lines(lines: Sequence[str]) -> Iterator[int]:
    """Yield the numbers of the lines that are not inside a block of text (`key: |`)."""
    block: int | None = None  # the indentation of the line that began the block
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if block is not None and (not line.strip() or indent > block):
            continue
        block = indent if _BLOCK.fullmatch(line) else None
        yield number


# Values and names, once the front matter can be read


def _rename_keys(text: str) -> Step:
    """Write the names of fields as they are written, where it is certain which one is meant."""
    front = _read(text)
    if front is None:
        return text, []
    renamed = dict(_meant_names(front.values, Policy, ()))
    changes = [
        Change(line_of(front.lines, loc), place_name(loc), f"字段名改成 {name}。")
        for loc, name in renamed.items()
    ]
    return rename_keys(text, renamed), changes


def _meant_names(
    values: Mapping[str, Any], model: type[BaseModel], loc: Loc
) -> Iterator[tuple[Loc, str]]:
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    free = [name for name in fields if name not in values and name not in ("slug", "body")]
    meant = {key: _meant(key, free) for key in values if key not in fields}
    for key, name in meant.items():
        if name is not None and list(meant.values()).count(name) == 1:
            yield (*loc, key), name
    for key in values.keys() & fields.keys():
        inner = next(_inner(fields[key].annotation, BaseModel), None)
        if inner is not None:
            for place, item in _items((*loc, key), values[key]):
                yield from _meant_names(item, inner, place)


def _items(loc: Loc, value: Any) -> Iterator[tuple[Loc, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        yield loc, value
    elif isinstance(value, list):
        for number, item in enumerate(value):
            if isinstance(item, Mapping):
                yield (*loc, number), item


def _meant(key: str, names: Sequence[str]) -> str | None:
    """Return the one name that a key is a slip of: a letter or two, or how words are joined."""
    folded = re.sub(r"[\s\-]+", "_", unicodedata.normalize("NFKC", key).strip().lower())
    if folded in names:
        return folded
    if len(key) < _SHORTEST:
        return None
    distances = {name: DamerauLevenshtein.distance(folded, name) for name in names}
    nearest = min(distances.values(), default=len(key))
    near = [name for name, distance in distances.items() if distance == nearest]
    return near[0] if len(near) == 1 and nearest <= (1 if len(near[0]) < _LONG else 2) else None


def _correct_values(text: str) -> Step:
    """Write dates, numbers, choices and document numbers as they are written."""
    front = _read(text)
    if front is None:
        return text, []
    corrected = dict(_corrections(front.values, Policy, ()))
    changes = [
        Change(line_of(front.lines, loc), place_name(loc), f"{shown(old)}改成{shown(new)}。")
        for loc, (old, new) in corrected.items()
    ]
    return replace_values(text, {loc: new for loc, (_, new) in corrected.items()}), changes


def _corrections(
    values: Mapping[str, Any], model: type[BaseModel], loc: Loc
) -> Iterator[tuple[Loc, tuple[str, str]]]:
    for name, field in model.model_fields.items():
        value, place = values.get(field.alias or name), (*loc, field.alias or name)
        inner = next(_inner(field.annotation, BaseModel), None)
        if inner is not None:
            for deeper, item in _items(place, value):
                yield from _corrections(item, inner, deeper)
            continue
        for at, old in _texts(place, value):
            new = _corrected(old, name, field.annotation)
            if new is not None and new != old:
                yield at, (old, new)


def _texts(loc: Loc, value: Any) -> Iterator[tuple[Loc, str]]:
    if isinstance(value, str):
        yield loc, value
    elif isinstance(value, list):
        yield from (((*loc, n), item) for n, item in enumerate(value) if isinstance(item, str))


def _corrected(value: str, name: str, annotation: Any) -> str | None:
    """Return how a value of this field is written, None where it is not certain what is meant."""
    kinds = set(types_in(annotation))
    choices = next(_inner(annotation, StrEnum), None)
    if date in kinds:
        return _as_date(value)
    if bool in kinds:
        return _FLAGS.get(value.strip().lower())
    if kinds & _NUMBERS:
        return _as_number(value)
    if choices is not None:
        return next((str(c) for c in choices if label(c) == value.strip()), None)
    return as_doc_number(value) if name == "doc_number" else None


_NUMBERS = {int, Decimal}
_FLAGS = {**dict.fromkeys(("yes", "on", "y"), "是"), **dict.fromkeys(("no", "off", "n"), "否")}


def _as_date(value: str) -> str | None:
    text = unicodedata.normalize("NFKC", value)
    found = re.fullmatch(
        r"\s*(\d{4})(?:\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日?|([./-])(\d{1,2})\4(\d{1,2})"
        r"|(\d\d)(\d\d))\s*",
        text,
        re.ASCII,
    )
    if found is None:
        return None
    year, month, day = (part for n, part in enumerate(found.groups()) if part and n != 3)
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:  # not on the calendar: only the editor knows what was meant
        return None


def _as_number(value: str) -> str | None:
    text = unicodedata.normalize("NFKC", value).strip()
    grouped = re.fullmatch(r"\d{1,3}(?:,\d{3})+", text, re.ASCII)
    text = text.replace(",", "") if grouped else text
    return text if re.fullmatch(r"\d+(?:\.\d+)?", text, re.ASCII) else None


# 国发[2024]3号, 国发（2024） 3 号, 国发〔2024〕3: the year in brackets behind the issuer's word.
_YEAR_AND_NUMBER = re.compile(
    r"(?<=[\u4e00-\u9fff])\s*[\[［(（〔【〖]\s*((?:19|20)\d\d)\s*年?\s*[\]］)）〕】〗]\s*(第?)\s*"
    r"(\d{1,5})(?!\d|\s*[-－—.、，,和至到]\s*\d)(?:\s*号)?",
    re.ASCII,
)
_PARTED = re.compile(r"(?<=[年令第])[ \t]+(?=[第\d])|(?<=\d)[ \t]+(?=[年号])|(?<=公告)[ \t]+(?=\d)")
_HALF = {chr(code): chr(code - 0xFEE0) for code in range(0xFF10, 0xFF1A)} | {"\u3000": " "}


def as_doc_number(value: str) -> str:
    """Return a document number (文号) with the brackets, figures and spaces that it is to have."""
    text = "".join(_HALF.get(sign, sign) for sign in value).strip()
    return _PARTED.sub("", _YEAR_AND_NUMBER.sub(r"〔\1〕\2\3号", text))


def _inner(annotation: Any, base: type) -> Iterator[Any]:
    return (kind for kind in types_in(annotation) if issubclass(kind, base))


# How it looks


def _strip_line_ends(text: str) -> Step:
    """Leave out spaces at the ends of lines; the front matter must read the same after it."""
    stripped = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    front, new = _read(text), _read(stripped)
    if front is None or new is None or front.values != new.values:
        _, body = split_entry(text)
        rest = "\n".join(line.rstrip(" \t") for line in body.split("\n"))
        stripped = text[: len(text) - len(body)] + rest
    if stripped == text:
        return text, []
    pairs = zip(text.split("\n"), stripped.split("\n"), strict=True)
    lines = [number for number, (old, new) in enumerate(pairs, start=1) if old != new]
    return stripped, [Change(lines[0], "", f"去掉 {len(lines)} 行末尾的空格。")]


def _put_in_order(text: str) -> Step:
    """Put the fields in the order of the record."""
    front = _read(text)
    if front is None:
        return text, []
    names = [str(loc[0]) for loc in front.lines if len(loc) == 1]
    if not _WRITTEN.issuperset(names):
        return text, []  # where something unknown belongs is only known once it is mended
    ordered = order_keys(text, _order())
    again = _read(ordered)
    if ordered == text or again is None or again.values != front.values:
        return text, []
    sorted_names = [str(loc[0]) for loc in again.lines if len(loc) == 1]
    moved = next(old for old, new in zip(names, sorted_names, strict=True) if old != new)
    line = line_of(front.lines, (moved,))
    return ordered, [Change(line, "", "字段按统一的顺序排，各带各的注释。")]


def _order() -> list[str]:
    """Return the order of the record; `answers` stand below `queries`, as editors write them."""
    names = [name for name in Policy.model_fields if name != "answers"]
    place = names.index("queries") + 1
    return [*names[:place], "answers", *names[place:]]


def _read(text: str) -> FrontMatter | None:
    """Return the front matter, None if any of it cannot be read for certain."""
    head, _ = split_entry(text)
    front = read_front_matter(head, first_line=2)
    return None if front.mistakes else front
