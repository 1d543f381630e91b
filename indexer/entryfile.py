"""Writing an entry's file (写条目文件): values → YAML, and no line touched that need not change."""

import os
import re
import tempfile
import typing
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from indexer.frontmatter import Loc, read_front_matter
from indexer.policy import Policy, Record

_FENCE = "---"
_PLAIN = (int, Decimal, bool)  # written without quotes


class NoFrontMatter(Exception):
    """A file that does not begin with front matter."""


def split_entry(text: str) -> tuple[str, str]:
    """Return the front matter of a file, without its fences, and the body as it stands."""
    lines = _lines(text.removeprefix("\ufeff"))
    ends = [n for n, line in enumerate(lines) if line.rstrip() == _FENCE]
    if len(ends) < 2 or ends[0] != 0:
        raise NoFrontMatter("没有条目信息：第一行要是“---”，写完再单独写一行“---”。")
    return "".join(lines[1 : ends[1]]), "".join(lines[ends[1] + 1 :])


def write_entry(values: Mapping[str, Any], body: str) -> str:
    """Return a whole file; the keys of the front matter in the order of the record."""
    return f"{_FENCE}\n{write_values(_in_order(values))}{_FENCE}\n\n{body.strip()}\n"


def write_values(values: Mapping[str, Any]) -> str:
    """Return values as the lines of YAML in which the entries are written.

    Text that YAML would take for a date or a number is quoted, numbers and flags are not.
    """
    return yaml.dump(
        _typed(Policy, values),
        Dumper=yaml.SafeDumper,
        allow_unicode=True,
        sort_keys=False,
        width=float("inf"),
    )


def revise_entry(text: str, values: Mapping[str, Any], body: str | None = None) -> str:
    """Return the file with these values, and this body if one is given.

    What has not changed keeps its lines, comments and quotes; a new key goes where the record has
    it. Values are strings, lists and dicts, as front matter is read.
    """
    head, old_body = split_entry(text.replace("\r\n", "\n"))
    old = read_front_matter(head, first_line=1).values
    blocks = dict(blocks_of(head))
    lead = blocks.pop("", "")
    kept = {name: blocks[name] for name in blocks if old.get(name) == values.get(name)}
    new = {
        name: kept.get(name) or write_values({name: value})
        for name, value in values.items()
        if value not in (None, "", [], {})
    }
    written = [name for name in blocks if name in new]
    for name in _in_order(new):
        if name not in written:
            written.insert(_place_of(name, written), name)
    rest = old_body if body is None or body.strip() == old_body.strip() else f"\n{body.strip()}\n"
    return f"{_FENCE}\n{lead}{''.join(new[name] for name in written)}{_FENCE}\n{rest}"


def replace_values(text: str, changes: Mapping[Loc, str]) -> str:
    """Return the file with other values at these places, each of them text already there.

    A place is what `FrontMatter.lines` has, such as `("topic", 0)`. KeyError if there is none.
    """
    head, _ = split_entry(text)
    start = text.index(head)
    return text[:start] + replace_scalars(head, changes) + text[start + len(head) :]


def replace_scalars(document: str, changes: Mapping[Loc, str]) -> str:
    """Return a document of YAML with other values at these places, each of them text."""
    places = dict(_scalars(yaml.compose(document, Loader=yaml.BaseLoader), ()))
    spans = sorted(((places[loc], value) for loc, value in changes.items()), reverse=True)
    for (first, last), value in spans:
        document = document[:first] + write_scalar(value) + document[last:]
    return document


def write_scalar(value: str) -> str:
    """Return one text as YAML on one line, quoted where it has to be."""
    dumped = yaml.dump([value], Dumper=yaml.SafeDumper, allow_unicode=True, width=float("inf"))
    return dumped.removeprefix("- ").rstrip("\n")


def save_entry(path: Path, text: str) -> None:
    """Put the text in place in one step, so that nobody ever reads half a file."""
    staged = stage_file(path, text)
    try:
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise


def stage_file(path: Path, text: str) -> Path:
    """Write the text beside its place, with what it replaces still there; return where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _lines(text: str) -> list[str]:
    """Return the lines with their ends; `splitlines` would also cut at signs that YAML keeps."""
    return re.split(r"(?<=\n)", text)


def _in_order(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values in the order of the record; unknown ones last, as they came."""
    known = [name for name in Policy.model_fields if name in values]
    return {name: values[name] for name in [*known, *(n for n in values if n not in known)]}


def _place_of(name: str, written: list[str]) -> int:
    """Return where a new key goes: behind the last key that the record has before it."""
    order = list(Policy.model_fields)
    if name not in order:
        return len(written)
    before = set(order[: order.index(name)])
    return max((at + 1 for at, other in enumerate(written) if other in before), default=0)


def blocks_of(head: str) -> Iterator[tuple[str, str]]:
    """Yield each key of the top level with its lines; comments above it belong to it."""
    name, lines, pending = "", list[str](), list[str]()
    for line in _lines(head):
        match = re.match(r"""(["']?)([^\s#"':\-\[\]{}][^"':]*)\1\s*:(?:\s|$)""", line)
        if match:
            yield name, "".join(lines)
            name, lines, pending = match[2], [*pending, line], []
        elif line.startswith("#") or not line.strip():
            pending.append(line)
        else:
            lines += [*pending, line]
            pending = []
    yield name, "".join([*lines, *pending])


def _scalars(node: yaml.Node | None, loc: Loc) -> Iterator[tuple[Loc, tuple[int, int]]]:
    """Yield where each text of a document begins and ends."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _scalars(value, (*loc, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _scalars(item, (*loc, number))
    elif node is not None:
        yield loc, (node.start_mark.index, node.end_mark.index)


def _typed(model: type[Record], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with numbers and flags as such, where the record has numbers and flags."""
    fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    return {name: _typed_value(fields.get(name), value) for name, value in values.items()}


def _typed_value(annotation: Any, value: Any) -> Any:
    kinds = set(_types_in(annotation))
    if isinstance(value, list | tuple):
        return [_typed_value(annotation, item) for item in value]
    if isinstance(value, Mapping):
        inner = [kind for kind in kinds if issubclass(kind, Record)]
        return _typed(inner[0], value) if inner else dict(value)
    if isinstance(value, str) and kinds & set(_PLAIN) and str not in kinds:
        if value in ("true", "false"):
            return value == "true"
        return int(value) if re.fullmatch(r"-?(0|[1-9][0-9]{0,14})", value) else value
    return value


def _types_in(annotation: Any) -> Iterator[type]:
    """Yield the classes that an annotation is made of."""
    if isinstance(annotation, type):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _types_in(part)
