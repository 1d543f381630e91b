"""Estimates (估算): about how much a benefit comes to, from what was answered.

`site/overrides/assets/javascripts/estimates.js` works out the same trees in the browser; both count
exactly, as fractions, and round once, at the end: to the nearest fen, half a fen up.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from indexer.answers import Value
from indexer.conditions import negate
from indexer.formulas import CAUTION, Tree, describe, keys_in, read_estimate, say_yuan
from indexer.profile import Facts
from indexer.questions import load_questions

TOO_LARGE = 10**15  # yuan; beyond it an answer must be wrong

_DIVISION_BY_ZERO = "除数是 0，算不出来，请核对填的数。"
_BEYOND_MEASURE = "算出来的数太大，请核对填的数。"
_BELOW_ZERO = "算出来不到 0 元，请核对填的数。"


# In the record of an entry


def publish(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a public record whose estimates carry their words (`words`) and their `tree`."""
    if not any("estimate" in benefit for benefit in record.get("benefits", ())):
        return dict(record)
    return {**record, "benefits": [_with_trees(benefit) for benefit in record["benefits"]]}


def _with_trees(benefit: Mapping[str, Any]) -> dict[str, Any]:
    if "estimate" not in benefit:
        return dict(benefit)
    return {**benefit, "estimate": [_with_tree(row) for row in benefit["estimate"]]}


def _with_tree(row: Mapping[str, Any]) -> dict[str, Any]:
    tree = read_estimate(row["formula"], row.get("only_if"))
    return {**row, "words": describe(tree), "tree": tree}


def rows_of(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the estimates of a published record."""
    for benefit in record.get("benefits", ()):
        yield from benefit.get("estimate", ())


# Working out


class _NoResult(Exception):
    """A formula that comes to nothing that could be said."""


@dataclass(frozen=True)
class Result:
    """What a tree comes to: an amount, or else what is missing or why there is none."""

    applies: bool = True
    amount: Decimal | None = None
    inputs: tuple[str, ...] = ()  # the questions whose answers went in
    missing: tuple[str, ...] = ()  # the questions still to answer
    reason: str | None = None


def estimate(tree: Tree, known: Mapping[str, Value]) -> Result:
    """Work out a tree from answers by their keys; never raises for any answers."""
    work = _Work(known)
    try:
        value, missing = work.number(tree)
        amount = None if value is None else _to_fen(value)
    except _NoResult as error:
        return Result(inputs=tuple(work.inputs), reason=str(error))
    inputs = tuple(work.inputs)
    if missing:
        return Result(inputs=inputs, missing=tuple(dict.fromkeys(missing)))
    return Result(applies=amount is not None, amount=amount, inputs=inputs)


def _to_fen(value: Fraction) -> Decimal:
    if value < 0:
        raise _NoResult(_BELOW_ZERO)
    if value >= TOO_LARGE:
        raise _NoResult(_BEYOND_MEASURE)
    return Decimal(_nearest(value * 100)).scaleb(-2)


def _nearest(value: Fraction) -> int:
    """Return the nearest whole number; a half goes away from zero."""
    whole = (2 * abs(value) + 1) // 2
    return whole if value >= 0 else -whole


Missing = tuple[str, ...]
_COMPARE: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
}


@dataclass
class _Work:
    """One tree being worked out; it remembers which answers it read."""

    known: Mapping[str, Value]
    inputs: dict[str, None] = field(default_factory=dict)

    def number(self, tree: Tree) -> tuple[Fraction | None, Missing]:
        """Return a number, or None and the questions it waits for; neither: it does not apply."""
        match tree["op"]:
            case "number":
                return Fraction(tree["value"]), ()
            case "answer":
                value = self._answer(tree["key"])
                if not isinstance(value, Decimal):
                    return None, (tree["key"],)
                return Fraction(value) / tree["scale"], ()
            case "when":
                return self._choose(tree["args"])
        numbers, missing = self._all(self.number, tree["args"])
        if missing:
            return None, missing
        return _calculate(tree["op"], [n for n in numbers if n is not None]), ()

    def test(self, tree: Tree) -> tuple[bool | None, Missing]:
        """Return whether something holds, or None and the questions that it waits for."""
        op = tree["op"]
        if "key" in tree:
            holds = _holds(tree, self._answer(tree["key"]))
            return holds, (tree["key"],) if holds is None else ()
        if op == "not":
            holds, missing = self.test(tree["args"][0])
            return negate(holds), missing
        if op in ("and", "or"):
            tests, missing = self._all(self.test, tree["args"])
            decisive = op == "or"
            if decisive in tests:
                return decisive, ()
            return (None, missing) if missing else (not decisive, ())
        numbers, missing = self._all(self.number, tree["args"])
        left, right = numbers
        if left is None or right is None:
            return None, missing
        return _COMPARE[op](left, right), ()

    def _answer(self, key: str) -> Value | None:
        value = self.known.get(key)
        if value is not None:
            self.inputs[key] = None
        return value

    def _choose(self, args: list[Tree]) -> tuple[Fraction | None, Missing]:
        holds, missing = self.test(args[0])
        if holds is None:
            return None, missing
        if holds:
            return self.number(args[1])
        return self.number(args[2]) if len(args) == 3 else (None, ())

    def _all(self, read: Callable[[Tree], Any], args: Iterable[Tree]) -> tuple[list[Any], Missing]:
        pairs = [read(part) for part in args]
        return [value for value, _ in pairs], tuple(key for _, keys in pairs for key in keys)


def _holds(tree: Tree, value: Value | None) -> bool | None:
    """Tell whether an answer is the one asked for; one of several it may be leaves it open."""
    if value is None:
        return None
    if tree["op"] == "flag":
        return value is True
    wanted, given = frozenset(tree["values"]), value if isinstance(value, frozenset) else None
    if given is None:
        return None
    common = given & wanted
    if tree["op"] == "one_of" and common and common != given:
        return None
    return bool(common)


def _calculate(op: str, numbers: list[Fraction]) -> Fraction:
    left, right = numbers[0], numbers[-1]
    match op:
        case "add":
            return left + right
        case "sub":
            return left - right
        case "mul":
            return left * right
        case "div":
            if right == 0:
                raise _NoResult(_DIVISION_BY_ZERO)
            return left / right
        case "min":
            return min(numbers)
        case "max":
            return max(numbers)
    return Fraction(_nearest(left))


# For one match


@dataclass(frozen=True)
class Estimated:
    """One estimate of a benefit for one applicant: the row of the entry, and what came out."""

    row: Mapping[str, Any]
    result: Result
    answers: tuple[tuple[str, str, str], ...]  # key, label, answer of each input
    missing: tuple[str, ...]  # what to ask; a size is asked by what it follows from

    @property
    def text(self) -> str | None:
        """The amount as people say it: “约 2 万元/年”."""
        amount = self.result.amount
        return None if amount is None else about(amount, self.row["unit"])

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as JSON values."""
        row, result = self.row, self.result
        about_it = {name: row[name] for name in ("basis", "source", "note") if name in row}
        return {
            "name": row["name"],
            "amount": None if result.amount is None else f"{result.amount:.2f}",
            "unit": row["unit"],
            "text": self.text,
            "words": row["words"],
            "inputs": [
                {"key": key, "label": label, "answer": answer}
                for key, label, answer in self.answers
            ],
            "missing": list(self.missing),
            "reason": result.reason,
            **about_it,
            "caution": CAUTION,
        }

    def lines(self) -> Iterator[str]:
        """Yield what to tell a person."""
        name, words = self.row["name"], self.row["words"]
        if self.missing:
            labels = load_questions().by_key
            wanted = "、".join(f"{labels[key].label}（{key}）" for key in self.missing)
            yield f"想估算{name}，还要回答：{wanted}"
            return
        yield f"{name}：{self.text or self.result.reason}（{CAUTION.rstrip('。')}）"
        inputs = "，".join(f"{label} {answer}" for _, label, answer in self.answers)
        given = f"；您答的是 {inputs}" if inputs else ""
        yield f"  算法：{words}{given}；依据：{self.row['basis']}"
        if "note" in self.row:
            yield f"  {self.row['note']}"


def about(amount: Decimal, unit: str) -> str:
    """Return an amount as people say it: “约 2 万元/年”."""
    return f"约 {say_yuan(amount)}{unit.removeprefix('元')}"


def estimates_of(record: Mapping[str, Any], facts: Facts) -> tuple[Estimated, ...]:
    """Return the estimates of an entry that apply to somebody, from its published record."""
    rows = tuple(rows_of(record))
    known = {key: answer.value for key, answer in facts.known.items()} if rows else {}
    found = (_estimate_row(row, known, facts) for row in rows if _is_known(row["tree"]))
    return tuple(one for one in found if one.result.applies)


def _is_known(tree: Tree) -> bool:
    """Tell whether all questions of a tree still exist: an index may be older than they are."""
    return all(key in load_questions().by_key for key in keys_in(tree))


def _estimate_row(row: Mapping[str, Any], known: Mapping[str, Value], facts: Facts) -> Estimated:
    result = estimate(row["tree"], known)
    by_key = load_questions().by_key
    answers = tuple((key, by_key[key].label, facts.known[key].text) for key in result.inputs)
    missing = (key for name in result.missing for key in facts.open_questions(by_key[name]))
    return Estimated(row, result, answers, tuple(dict.fromkeys(missing)))
