"""Hints (编辑器的提示): every field as a snippet for VS Code, with its choices and what it is for.

`make hints` writes them to `.vscode/policies.code-snippets`. VS Code has no check of front matter
in Markdown against a schema, but it completes snippets there; mistakes are told by the tasks.
Places to fill in are left empty: an example that is forgotten would be taken for a fact.
"""

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from itertools import count
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from indexer.entryfile import types_in
from indexer.policy import Policy, topic_names

# Parts that are mostly written, though they may be left out.
_ALSO = frozenset(
    [
        *("id", "entry", "url", "doc_number", "location", "articles", "phone"),
        *("value", "unit", "stage", "basis", "source"),
    ]
)


def snippets() -> dict[str, dict[str, Any]]:
    """Return the snippets, as VS Code reads them."""
    fields = ((n, f) for n, f in Policy.model_fields.items() if n not in ("slug", "body"))
    return {
        f"{name} {_title(field)}": {
            "scope": "markdown",
            "prefix": [name, _title(field)],
            "body": list(_body(name, field)),
            "description": _description(field),
        }
        for name, field in fields
    }


def _title(field: FieldInfo) -> str:
    """Return the Chinese name of a field: how its description begins."""
    description = field.description or ""
    return min((description.partition(sign)[0] for sign in "：，（；"), key=len)


def _description(field: FieldInfo) -> str:
    example = field.examples[0] if field.examples else ""
    while isinstance(example, list | dict):
        example = next(iter(example.values() if isinstance(example, dict) else example), "")
    return f"{field.description}。例如：{example}" if example else f"{field.description}。"


def _body(name: str, field: FieldInfo) -> Iterator[str]:
    stops = count(1)
    inner = next((kind for kind in types_in(field.annotation) if issubclass(kind, BaseModel)), None)
    several = "tuple" in str(field.annotation)
    if inner is not None:
        yield f"{name}:"
        rows = [
            f"{key}: {_stop(next(stops), part)}"
            for key, part in inner.model_fields.items()
            if part.is_required() or key in _ALSO
        ]
        first, *rest = rows
        yield f"  - {first}" if several else f"  {first}"
        yield from (f"    {row}" if several else f"  {row}" for row in rest)
    elif name == "topic":
        yield f"{name}: [{_choice(1, topic_names())}]"
    elif several:
        stop = _stop(1, field)
        yield from (f"{name}: [{stop}]",) if "|" in stop else (f"{name}:", f"  - {stop}")
    else:
        yield f"{name}: {_stop(1, field)}"


def _stop(number: int, field: FieldInfo) -> str:
    """Return the place to fill in: a choice where there are fixed values, or else empty."""
    kinds = set(types_in(field.annotation))
    choices = next((kind for kind in kinds if issubclass(kind, StrEnum)), None)
    if bool in kinds:
        return _choice(number, ("是", "否"))
    return _choice(number, tuple(choices)) if choices is not None else f"${number}"


def _choice(number: int, values: tuple[str, ...]) -> str:
    return f"${{{number}|{','.join(values)}|}}"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(snippets(), ensure_ascii=False, indent=2) + "\n")
