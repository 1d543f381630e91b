"""Batches (批量匹配): many enterprises judged at once, exactly as `match` judges each."""

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import reduce
from typing import Any

import polars as pl

from indexer.columns import ONE, Answers, scaled
from indexer.conditions import Threshold
from indexer.matching import Match, Node, Outcome, Rule, match
from indexer.policy import Audience, Comparison
from indexer.profile import SIZES, Profile, load_sizes, months_between
from indexer.questions import load_questions, units_of

OUTCOME = pl.Enum([outcome.value for outcome in Outcome])
LEAVES_IN_A_KEY = 39  # 3**39 is the last power of three below 2**63
# What may be said of a size: all classes from the lowest to the highest, at 4 * lowest + highest.
_RUNS = tuple(frozenset(SIZES[low : high + 1]) for low in range(4) for high in range(4))
_STEPS = range(len(SIZES) - 1)


@dataclass(frozen=True)
class Judged:
    """How some rows came out: a column to each rule, in the order of the rules.

    An outcome is null where the rule is not for that row. What is missing is a place in
    `Judge.missing_sets`, null unless the outcome is “more information”.
    """

    outcomes: pl.DataFrame
    missing: pl.DataFrame


@dataclass
class _Plan:
    """How one rule is judged: its logic over leaves, and the patterns of leaves met so far."""

    rule: Rule
    holds: pl.Expr
    keys: tuple[pl.Expr, ...]
    settled: bool
    served: tuple[str, ...]
    patterns: pl.DataFrame


class Judge:
    """Judges many rows on one day against the rules in force for an audience (any, when empty).

    Every comparison is one column of True, False and null; polars joins them by Kleene's logic,
    as `matching` does. What is missing follows from the pattern of these columns: each new pattern
    is asked of `match` once, for one row that shows it.
    """

    def __init__(self, rules: Iterable[Rule], day: date, audience: Sequence[str] = ()) -> None:
        self.day = day
        self._leaves: dict[tuple[str, Comparison, Any], tuple[str, Threshold]] = {}
        self.missing_sets: list[tuple[str, ...]] = []
        self._set_places: dict[tuple[str, ...], int] = {}
        blank = match(rules, Profile(), day)
        found = [found for outcome in Outcome for found in blank.group(outcome)]
        if audience:
            found = [one for one in found if not one.rule.audience.isdisjoint(audience)]
        found.sort(key=lambda one: (one.rule.record["title"], one.slug))
        self.matches = tuple(found)
        self._plans = [self._plan(found) for found in self.matches]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that are judged."""
        return tuple(found.rule for found in self.matches)

    # The plan of a rule

    def _plan(self, blank: Match) -> _Plan:
        """Make the plan of a rule from how it comes out for somebody who answered nothing."""
        rule = blank.rule
        holds = pl.all_horizontal(pl.lit(True), *(self._holds(node) for node in rule.nodes))
        keys = tuple(self._keys(rule))
        return _Plan(
            rule,
            holds,
            keys,
            settled=not blank.reasons,
            served=tuple(sorted(rule.audience)),
            patterns=pl.DataFrame(
                schema={**{f"key{n}": pl.Int64 for n in range(len(keys))}, "set": pl.UInt32}
            ),
        )

    def _holds(self, node: Node) -> pl.Expr:
        inner = [self._holds(child) for child in node.children]
        if node.group == "all":
            return pl.all_horizontal(inner)
        if inner:
            some = pl.any_horizontal(inner)
            return some.not_() if node.group == "not" else some
        if node.threshold is None:
            return pl.lit(None, dtype=pl.Boolean)
        return pl.col(self._leaf(node.threshold))

    def _leaf(self, threshold: Threshold) -> str:
        """Return the name of the column of a comparison; equal ones share it."""
        identity = (threshold.question.key, threshold.op, threshold.value)
        name, _ = self._leaves.setdefault(identity, (f"leaf{len(self._leaves)}", threshold))
        return name

    def _keys(self, rule: Rule) -> Iterator[pl.Expr]:
        """Yield whole numbers that tell apart all rows for which different things may be missing.

        These are the outcomes of the leaves and, for an answer that is worked out from others,
        which of the others there are (and in which industry: it says what a size depends on).
        """
        thresholds = list(_thresholds(rule.nodes))
        leaves = list(dict.fromkeys(self._leaf(threshold) for threshold in thresholds))
        for start in range(0, max(len(leaves), 1), LEAVES_IN_A_KEY):
            yield reduce(
                lambda key, leaf: key * 3 + (pl.col(leaf).cast(pl.Int64) + 1).fill_null(0),
                leaves[start : start + LEAVES_IN_A_KEY],
                pl.lit(0, dtype=pl.Int64),
            )
        sources = {key for t in thresholds for key in t.question.derived_from}
        if sources:
            yield reduce(
                lambda key, source: key * 2 + pl.col(f"has:{source}").cast(pl.Int64),
                sorted(sources),
                (pl.col("industry") + 1).fill_null(0).cast(pl.Int64)
                if "industry" in sources
                else pl.lit(0, dtype=pl.Int64),
            )

    # Judging

    def judge(self, answers: Answers) -> Judged:
        """Return how the rows come out."""
        frame = self._frame(answers)
        plans = self._plans
        outcomes = frame.select(_outcome(plan).alias(plan.rule.record["slug"]) for plan in plans)
        missing = [self._missing(plan, frame, outcomes, answers) for plan in plans]
        return Judged(outcomes, pl.DataFrame(missing))

    def _frame(self, answers: Answers) -> pl.DataFrame:
        """Return the leaves, and what else the plans look at, one row for each of the answers."""
        known = _known(answers, self.day)
        columns = {name: known.compare(threshold) for name, threshold in self._leaves.values()}
        given = {**answers.numbers, **answers.coded}
        nothing = _nulls(pl.UInt32, len(answers))
        for key in {key for row in load_questions().rows for key in row.derived_from}:
            columns[f"has:{key}"] = given.get(key, nothing).is_not_null()
        columns["industry"] = answers.coded.get("industry", nothing)
        for who in Audience:
            columns[f"for:{who}"] = self._is_for(who, answers)
        return pl.DataFrame(columns)

    def _is_for(self, who: Audience, answers: Answers) -> pl.Series:
        """Tell of each row whether an entry for `who` serves it; any does while that is open."""
        given = answers.coded.get("audience")
        if given is None:  # entries for others are not judged at all
            return pl.Series([True]).new_from_index(0, len(answers))
        table = [not value or who in value for value in answers.values["audience"]]  # type: ignore[operator]
        return _gather(table, pl.Boolean, given).fill_null(True)

    def _missing(
        self, plan: _Plan, frame: pl.DataFrame, outcomes: pl.DataFrame, answers: Answers
    ) -> pl.Series:
        slug = plan.rule.record["slug"]
        names = [f"key{number}" for number in range(len(plan.keys))]
        waiting = outcomes[slug] == Outcome.MORE_INFORMATION.value
        keys = (
            frame.with_row_index("row")
            .filter(waiting)
            .select("row", *(key.alias(name) for name, key in zip(names, plan.keys, strict=True)))
        )
        found = keys.join(plan.patterns, on=names, how="left", maintain_order="left")
        new = found.filter(pl.col("set").is_null()).unique(names, maintain_order=True)
        if len(new):
            sets = [self._ask(plan.rule, answers, row) for row in new["row"]]
            learned = new.select(names).with_columns(pl.Series("set", sets, dtype=pl.UInt32))
            plan.patterns = pl.concat([plan.patterns, learned])
            found = keys.join(plan.patterns, on=names, how="left", maintain_order="left")
        places = _nulls(pl.UInt32, len(frame))
        return places.scatter(found["row"], found["set"]).alias(slug)

    def _ask(self, rule: Rule, answers: Answers, row: int) -> int:
        """Return the place of what is missing for one row."""
        matches = match([rule], Profile(answers.profile_of(row)), self.day)
        (found,) = (found for outcome in Outcome for found in matches.group(outcome))
        if found.missing not in self._set_places:
            self._set_places[found.missing] = len(self.missing_sets)
            self.missing_sets.append(found.missing)
        return self._set_places[found.missing]


def _thresholds(nodes: Iterable[Node]) -> Iterator[Threshold]:
    for node in nodes:
        if node.threshold is not None and not node.children:
            yield node.threshold
        yield from _thresholds(node.children)


def _outcome(plan: _Plan) -> pl.Expr:
    likely = Outcome.LIKELY if plan.settled else Outcome.MORE_INFORMATION
    said = (
        pl.when(plan.holds.not_())
        .then(_said(Outcome.NOT_ELIGIBLE))
        .when(plan.holds)
        .then(_said(likely))
        .otherwise(_said(Outcome.MORE_INFORMATION))
    )
    return pl.when(pl.any_horizontal(f"for:{who}" for who in plan.served)).then(said)


def _said(outcome: Outcome) -> pl.Expr:
    return pl.lit(outcome.value, dtype=OUTCOME)


# What is known of the rows: the answers, and what follows from them


@dataclass
class _Known:
    """The answers of some rows, with those that were worked out where none was given."""

    rows: int
    numbers: dict[str, pl.Series] = field(default_factory=dict)
    coded: dict[str, pl.Series] = field(default_factory=dict)
    values: dict[str, Sequence[Any]] = field(default_factory=dict)

    def compare(self, threshold: Threshold) -> pl.Series:
        """Return whether each row meets a threshold; null where that is open."""
        key = threshold.question.key
        if key in self.numbers and isinstance(threshold.value, Decimal):
            bound = pl.lit(scaled(threshold.value), dtype=pl.Int128)
            compared = _COMPARED[threshold.op](pl.col("number"), bound)
            return self.numbers[key].to_frame("number").select(compared).to_series()
        if key in self.coded:
            table = [threshold.holds(value) for value in self.values[key]]
            return _gather(table, pl.Boolean, self.coded[key])
        return _nulls(pl.Boolean, self.rows)


_COMPARED: dict[Comparison, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    Comparison.EQ: operator.eq,
    Comparison.LT: operator.lt,
    Comparison.LTE: operator.le,
    Comparison.GT: operator.gt,
    Comparison.GTE: operator.ge,
}


def _known(answers: Answers, day: date) -> _Known:
    known = _Known(len(answers), dict(answers.numbers), dict(answers.coded), dict(answers.values))
    years = "years_since_registration"
    worked_out = _months(answers, day)
    if worked_out is not None:
        given = answers.numbers.get(years)
        known.numbers[years] = worked_out if given is None else _first(given, worked_out)
    runs = _sizes(answers)
    if runs is not None:
        size = "enterprise_size"
        given = answers.coded.get(size)
        # Sizes that were told go before those that were worked out; the latter come behind.
        told = answers.values.get(size, [])
        known.values[size] = (*told, *_RUNS)
        known.coded[size] = runs + len(told) if given is None else _first(given, runs + len(told))
    return known


def _first(given: pl.Series, otherwise: pl.Series) -> pl.Series:
    return pl.select(pl.coalesce(given, otherwise)).to_series()


def _months(answers: Answers, day: date) -> pl.Series | None:
    """Return the months since registration, worked out once for each date."""
    registered = answers.coded.get("registration_date")
    if registered is None:
        return None
    dates: Sequence[Any] = answers.values["registration_date"]
    months = [scaled(months_between(moment, day)) for moment in dates]
    return _gather(months, pl.Int128, registered)


def _sizes(answers: Answers) -> pl.Series | None:
    """Return the places in `_RUNS` of the sizes that are possible, by the table of 213号."""
    industry = answers.coded.get("industry")
    if industry is None:
        return None
    bounds = [_bounds_of(value) for value in answers.values["industry"]]
    columns = {"covered": _gather([bool(row) for row in bounds], pl.Boolean, industry)}
    indicators = sorted({name for row in load_sizes().values() for name in row})
    for name in indicators:
        columns[name] = answers.numbers.get(name, _nulls(pl.Int128, len(answers)))
        for place in _STEPS:
            lower = [row[name][place] if name in row else None for row in bounds]
            columns[f"{name}{place}"] = _gather(lower, pl.Int128, industry)
    frame = pl.DataFrame(columns)
    highest = pl.min_horizontal(_class_of(name) for name in indicators)
    known = pl.all_horizontal(
        pl.col(f"{name}0").is_null() | pl.col(name).is_not_null() for name in indicators
    )
    lowest = pl.when(known).then(highest).otherwise(0)
    return frame.select(run=pl.when("covered").then(lowest * len(SIZES) + highest).cast(pl.UInt32))[
        "run"
    ]


def _class_of(name: str) -> pl.Expr:
    """Return the class that an indicator reaches, the highest while it is open; null if unused."""
    reached = (pl.col(name) >= pl.col(f"{name}{place}") for place in _STEPS)
    classes = pl.sum_horizontal(step.cast(pl.Int64) for step in reached)
    highest = pl.when(pl.col(name).is_null()).then(len(_STEPS)).otherwise(classes)
    return pl.when(pl.col(f"{name}0").is_not_null()).then(highest)


def _gather(table: Sequence[Any], dtype: Any, places: pl.Series) -> pl.Series:
    return pl.Series(table, dtype=dtype).gather(places)


def _nulls(dtype: Any, rows: int) -> pl.Series:
    return pl.Series([None], dtype=dtype).new_from_index(0, rows)


def _bounds_of(value: Any) -> dict[str, list[int]]:
    """Return the lower bounds for an industry, in the whole numbers that answers are."""
    (industry,) = value
    by_key = load_questions().by_key
    return {
        name: [bound * units_of(unit)[unit] * ONE for bound in lower]
        for name, lower in load_sizes().get(industry, {}).items()
        if (unit := by_key[name].unit)
    }
