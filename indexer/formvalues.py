"""Form values (表单里的值): what a file says → what a form shows, and back without loss."""

from collections.abc import Mapping
from typing import Any

from indexer.formfields import FormField, Shape, fields_of
from indexer.policy import Comparison, Condition, Policy, Record

Values = dict[str, Any]
_OUT_OF_SEVERAL = (Comparison.IN, Comparison.NOT_IN)
_FLAGS = {"是": "true", "否": "false"}


def to_form(values: Mapping[str, Any], model: type[Record] = Policy) -> Values:
    """Return the values of a front matter as a form shows them; unknown ones as they are.

    A value that does not have the shape of its field is left to the file: a form cannot show it.
    """
    shown: Values = {}
    fields = {field.name: field for field in fields_of(model)}
    for name, value in values.items():
        field = fields.get(name)
        told = value if field is None else _to_form(field, value)
        if told is not None:
            shown[name] = told
    return shown


def from_form(
    given: Mapping[str, Any], old: Mapping[str, Any], model: type[Record] = Policy
) -> Values:
    """Return the values of a front matter after a form was filled in.

    What the form shows unchanged stays as the file has it, down to its spelling, and so does what
    the form does not know.
    """
    shown = to_form(old, model)
    values: Values = {}
    for field in fields_of(model):
        name = field.name
        unchanged = name in shown and given.get(name) == shown[name]
        hidden = name in old and name not in shown and _is_empty(given.get(name))
        if unchanged or hidden:
            values[name] = old[name]
        else:
            values[name] = _from_form(field, given.get(name), old.get(name))
        # What a condition compares with is one value, unless it is chosen out of several.
        if model is Condition and name == "value" and given.get("op") not in _OUT_OF_SEVERAL:
            values[name] = _alone(values[name])
    kept = {name: value for name, value in old.items() if name not in values}
    return {n: value for n, value in (values | kept).items() if not _is_empty(value)}


def _to_form(field: FormField, value: Any) -> Any:
    if field.shape is Shape.PARTS:
        rows = [value] if isinstance(value, Mapping) else value
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            return None
        return [to_form(row, field.model or Policy) for row in rows]
    if field.shape is Shape.PART:
        return to_form(value, field.model or Policy) if isinstance(value, Mapping) else None
    if field.shape in (Shape.LINES, Shape.CHOICES, Shape.ENTRIES):
        parts = [value] if isinstance(value, str) else value
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            return None
        return "\n".join(parts) if field.shape is Shape.LINES else parts
    if not isinstance(value, str):
        return None
    return _FLAGS.get(value, value) if field.shape is Shape.FLAG else value


def _from_form(field: FormField, given: Any, old: Any) -> Any:
    if field.shape is Shape.PARTS:
        return _rows_from_form(field, given, old)
    if field.shape is Shape.PART:
        known = old if isinstance(old, Mapping) else {}
        return from_form(_mapping(given), known, field.model or Policy)
    if field.shape is Shape.LINES:
        return [line.strip() for line in str(given or "").splitlines() if line.strip()]
    if field.shape in (Shape.CHOICES, Shape.ENTRIES):
        parts = [given] if isinstance(given, str) else given or []
        return [str(part) for part in parts if not _is_empty(part)]
    return "" if given is None else str(given).strip()


def _rows_from_form(field: FormField, given: Any, old: Any) -> list[Values]:
    """Return the items of a list; each keeps what the file has of it, also when it has moved."""
    model = field.model or Policy
    before = [row for row in ([old] if isinstance(old, Mapping) else old or ()) if _mapping(row)]
    left = dict(enumerate(before))
    rows = [_mapping(row) for row in (given if isinstance(given, list) else ())]
    same = {
        number: place
        for number, row in enumerate(rows)
        if (place := next((p for p, r in left.items() if to_form(r, model) == row), None))
        is not None
        and left.pop(place) is not None
    }
    made = []
    for number, row in enumerate(rows):
        base = before[same[number]] if number in same else left.pop(number, {})
        made.append(from_form(row, base, model))
    return [row for row in made if row]


def _alone(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})
