"""Batches: the same results as one by one, every table people have, and no row lost."""

import csv
import json
import random
import shutil
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
import yaml
from factories import make_library, make_policy
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer import outreach, tables
from indexer.answers import AnswerError, read_answer
from indexer.batch import Judge
from indexer.cards import rule_of
from indexer.columns import Answers, Column, Reading, Reject, Use, is_known, map_columns, scaled
from indexer.loader import load_library
from indexer.matching import Outcome, Rule, match, read_rules
from indexer.policy import Audience, Kind, Policy
from indexer.profile import parse_profile
from indexer.questions import Question, QuestionType, load_questions, units_of
from indexer.results import Summary
from indexer.tables import TableError, open_table
from indexer.workbook import share, write_workbook
from indexer.writing import build_index

DAY = date(2026, 11, 24)
ROOT = Path(__file__).resolve().parent.parent
PERSONAS = sorted((ROOT / "tests" / "personas").glob("*.yml"))
HEADCOUNT = {
    "text": "不超过 300 人",
    "field": "headcount",
    "op": "lte",
    "value": "300",
    "unit": "人",
}
SMALL = {"text": "小微", "field": "enterprise_size", "op": "in", "value": ["小型", "微型"]}
LOANS = {"text": "要贷款", "field": "financing_need", "op": "is_true"}
Row = Mapping[str, str]
Said = dict[str, tuple[Outcome, tuple[str, ...]]]


def benefit(slug: str, *conditions: dict[str, Any], **fields: Any) -> Policy:
    values = {"kind": "benefit", "audience": ["enterprise"], "eligibility": conditions, **fields}
    return make_policy(slug, **values)


def rules_of(*policies: Policy) -> tuple[Rule, ...]:
    return read_rules([json.loads(rule_of(policy)) for policy in policies])


@cache
def library() -> tuple[Rule, ...]:
    policies = load_library(ROOT / "policies").policies
    return rules_of(*(policy for policy in policies if policy.kind is Kind.BENEFIT))


def write_csv(path: Path, rows: Iterable[Sequence[str]], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def write_rows(path: Path, rows: Sequence[Row]) -> Path:
    names = sorted({name for row in rows for name in row})
    return write_csv(path, [names, *([row.get(name, "") for name in names] for row in rows)])


def read(path: Path, **options: Any) -> tuple[list[Column], list[Answers], list[Reject]]:
    parts, rejects = [], []
    with open_table(path, is_known, options.pop("sheet", None)) as table:
        reading = Reading(map_columns(table, options.pop("keep", ())), options.pop("day", DAY))
        for chunk in table.chunks(options.pop("size", 1000)):
            answers, wrong = reading.read(chunk)
            parts.append(answers)
            rejects += wrong
    assert reading.rows == reading.rejected + sum(map(len, parts))
    return list(reading.columns), parts, rejects


def profiles(path: Path, **options: Any) -> list[dict[str, Any]]:
    """Return the values that were read of each row."""
    _, parts, rejects = read(path, **options)
    assert rejects == []
    return [
        {key: answer.value for key, answer in part.profile_of(row).items()}
        for part in parts
        for row in range(len(part))
    ]


def judge_all(path: Path, rules: Sequence[Rule], day: date, size: int = 1000) -> list[Said]:
    """Return what the batch says of each row of a table."""
    judge = Judge(rules, day)
    said: list[Said] = []
    _, parts, rejects = read(path, day=day, size=size)
    assert rejects == []
    for part in parts:
        judged = judge.judge(part)
        for outcomes, missing in zip(
            judged.outcomes.iter_rows(named=True), judged.missing.iter_rows(named=True), strict=True
        ):
            said.append(
                {
                    slug: (
                        Outcome(outcome),
                        () if missing[slug] is None else judge.missing_sets[missing[slug]],
                    )
                    for slug, outcome in outcomes.items()
                    if outcome is not None
                }
            )
    return said


def match_one(rules: Sequence[Rule], row: Row, day: date) -> Said:
    """Return what the one-by-one evaluator says of a row."""
    judged = match(rules, parse_profile(dict(row), day), day)
    return {
        found.slug: (found.outcome, found.missing)
        for outcome in Outcome
        for found in judged.group(outcome)
    }


# The same results as one by one


def spelled(value: Any) -> str:
    """Return an answer of a profile as a person writes it into a cell."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(value) or "都没有"
    if isinstance(value, dict):
        return f"{value['value']}{value['unit']}"
    return str(value)


@pytest.mark.parametrize("path", PERSONAS, ids=lambda path: path.stem)
def test_made_up_people_get_the_same_from_a_table(path: Path, tmp_path: Path) -> None:
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    day = date.fromisoformat(told["as_of"])
    row = {name: spelled(value) for name, value in told["profile"].items()} or {"从业人数": ""}
    # A row of its own makes sure that the table has a row at all.
    table = write_rows(tmp_path / "one.csv", [{**row, "企业名称": "甲"}])
    assert judge_all(table, library(), day) == [match_one(library(), told["profile"], day)]


def drawn_answer(question: Question, chance: random.Random) -> str:
    """Return an answer as somebody may write it, often right at a threshold."""
    match question.type:
        case QuestionType.NUMBER:
            low, high = question.minimum or 0, question.maximum or 1000
            near = (
                0,
                0.5,
                1,
                4,
                5,
                10,
                20,
                30,
                50,
                80,
                100,
                300,
                301,
                500,
                1000,
                2000,
                5000,
                40000,
            )
            number = chance.choice([n for n in near if low <= n <= high])
            edge = chance.choice((0, 0, 0, -0.01, 0.01, 0.000001))
            number = min(
                max(Decimal(str(number)) + Decimal(str(edge)), Decimal(low)), Decimal(high)
            )
            unit = chance.choice(("", "", "", question.unit or ""))
            return f"{number:f}{unit}"
        case QuestionType.CHOICE:
            return chance.choice(question.values)
        case QuestionType.CHOICES:
            chosen = chance.sample(question.values, chance.randint(0, len(question.values)))
            return "、".join(chosen) or "都没有"
        case QuestionType.FLAG:
            return chance.choice(("是", "否"))
        case QuestionType.DATE:
            year = chance.choice((1, 1, 2, 3, 10))
            exactly = DAY.replace(year=DAY.year - year) + timedelta(chance.choice((-1, 0, 1, 90)))
            return exactly.isoformat()
        case QuestionType.REGION:
            return chance.choice(("临淄区", "淄博市", "山东省", "其他地区"))


def drawn_rows(count: int, filled: float, seed: int) -> list[Row]:
    chance = random.Random(seed)
    return [
        {"企业名称": f"企业{number}"}
        | {
            question.label: drawn_answer(question, chance)
            for question in load_questions().rows
            if chance.random() < (0.9 if question.key == "audience" else filled)
        }
        for number in range(count)
    ]


def without_name(row: Row) -> dict[str, str]:
    return {name: cell for name, cell in row.items() if name != "企业名称"}


@pytest.mark.parametrize("filled", [0.1, 0.5, 0.9])
def test_rows_at_random_get_the_same_by_every_rule_of_the_library(
    filled: float, tmp_path: Path
) -> None:
    rows = drawn_rows(300, filled, seed=int(filled * 100))
    table = write_rows(tmp_path / "rows.csv", rows)
    expected = [match_one(library(), without_name(row), DAY) for row in rows]
    # Chunks learn answers and patterns from those before; the last is not full.
    assert judge_all(table, library(), DAY, size=90) == expected
    assert {outcome for said in expected for outcome, _ in said.values()} == set(Outcome)


@st.composite
def comparisons(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a comparison with any question, in any way that it allows."""
    question = draw(st.sampled_from(load_questions().rows))
    row: dict[str, Any] = {"text": "问", "field": question.key}
    ordered = st.sampled_from(["eq", "lt", "lte", "gt", "gte"])
    member = st.sampled_from(["in", "not_in"])
    match question.type:
        case QuestionType.NUMBER:
            unit = draw(st.sampled_from(sorted(units_of(question.unit or ""))))
            value = draw(st.sampled_from(["0", "0.5", "1", "1.25", "20", "300", "2000"]))
            return {**row, "op": draw(ordered), "value": value, "unit": unit}
        case QuestionType.DATE:
            value = draw(st.sampled_from(["2025-11-24", "2024-11-24", "2016-11-23"]))
            return {**row, "op": draw(ordered), "value": value}
        case QuestionType.FLAG:
            return {**row, "op": "is_true"}
        case QuestionType.REGION:
            places = st.sampled_from(["山东省", "淄博市", "淄博市临淄区"])
            chosen = draw(st.lists(places, min_size=1, unique=True))
            return {**row, "op": draw(member), "value": chosen}
        case QuestionType.CHOICE:
            chosen = draw(st.lists(st.sampled_from(question.values), min_size=1, unique=True))
            return {**row, "op": draw(member), "value": chosen}
        case QuestionType.CHOICES:
            if draw(st.booleans()):
                return {**row, "op": "exists"}
            chosen = draw(st.lists(st.sampled_from(question.values), min_size=1, unique=True))
            return {**row, "op": draw(member), "value": chosen}


def grouped(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    kinds = st.sampled_from(["all", "any", "not"])
    return st.builds(
        lambda kind, children: {"text": "一组", kind: children},
        kinds,
        st.lists(inner, min_size=1, max_size=3),
    )


TREES = st.recursive(comparisons() | st.just({"text": "由人判断"}), grouped, max_leaves=12)
WINDOWS = st.sampled_from(
    [{}, {"text": "已止", "closes": "2026-01-01"}, {"text": "未到", "opens": "2027-01-01"}]
)
DRAWN = drawn_rows(150, 0.5, seed=5)


@pytest.fixture(scope="module")
def drawn_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("drawn") / "rows.csv", DRAWN)


@settings(max_examples=60, deadline=None)
@given(st.lists(TREES, min_size=1, max_size=4), WINDOWS, st.sampled_from([[], ["淄博市"]]))
def test_rules_at_random_say_the_same_of_rows_at_random(
    drawn_table: Path, trees: list[dict[str, Any]], window: dict[str, str], region: list[str]
) -> None:
    fields: dict[str, Any] = {"region": region}
    if window:
        fields["application_window"] = window
    rules = rules_of(benefit("a", *trees, audience=["citizen", "enterprise"], **fields))
    expected = [match_one(rules, without_name(row), DAY) for row in DRAWN]
    assert judge_all(drawn_table, rules, DAY, size=60) == expected


def test_a_rule_with_more_leaves_than_fit_one_number_says_the_same(tmp_path: Path) -> None:
    flags = [row for row in load_questions().rows if row.type is QuestionType.FLAG]
    numbers = [row for row in load_questions().rows if row.type is QuestionType.NUMBER]
    leaves = [{"text": "问", "field": row.key, "op": "is_true"} for row in flags]
    leaves += [
        {"text": "问", "field": row.key, "op": "gte", "value": "1", "unit": row.unit}
        for row in numbers
    ]
    assert len(leaves) > 40
    rules = rules_of(
        benefit("a", {"text": "任选", "any": [{"text": "都要", "all": leaves}, SMALL]})
    )
    rows = drawn_rows(200, 0.97, seed=3)
    table = write_rows(tmp_path / "rows.csv", rows)
    expected = [match_one(rules, without_name(row), DAY) for row in rows]
    assert judge_all(table, rules, DAY) == expected


def test_without_a_column_that_says_so_all_are_enterprises(tmp_path: Path) -> None:
    table = write_csv(tmp_path / "a.csv", [["企业名称", "从业人数"], ["甲", "3"]])
    rules = rules_of(
        benefit("for-firms", HEADCOUNT),
        benefit("for-both", HEADCOUNT, audience=["citizen", "enterprise"]),
        make_policy("for-people", kind="benefit", audience=["citizen"]),
    )
    judge = Judge(rules, DAY, (Audience.ENTERPRISE,))
    _, (part,), _ = read(table)
    assert sorted(judge.judge(part).outcomes.columns) == ["for-both", "for-firms"]


# Plain numbers are read by polars: as read_answer reads them


NUMBERS = [row for row in load_questions().rows if row.type is QuestionType.NUMBER]
CELLS = st.one_of(
    st.integers(0, 10**13).map(str),
    st.decimals(0, 10**6, places=3, allow_nan=False).map(str),
    st.decimals(-100, 200, places=6, allow_nan=False).map(str),
    st.from_regex(r"\A[0-9]{1,3}(,[0-9]{3}){1,3}\Z"),
    st.sampled_from(
        ["5000万元", "３００", " 7 人", "1.5亿元", "5%", "007", "1.", ".5", "+3", "-1"]
    ),
    st.sampled_from(["1e3", "百", "12 34", "1.2.3", "99999999999999999999", "0.0000001"]),
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(NUMBERS), st.lists(CELLS, min_size=1, max_size=8, unique=True), st.data())
def test_a_number_in_a_cell_means_what_it_means_in_a_profile(
    tmp_path_factory: pytest.TempPathFactory,
    question: Question,
    cells: list[str],
    data: st.DataObject,
) -> None:
    unit = data.draw(st.sampled_from([None, *units_of(question.unit or "")]))
    header = f"{question.label}（{unit}）" if unit else question.label
    table = tmp_path_factory.mktemp("n") / "n.csv"
    write_csv(table, [["企业名称", header], *(["甲", cell] for cell in cells)])
    _, (part,), rejects = read(table)
    given_as = {cell: {"value": cell, "unit": unit} if unit else cell for cell in cells}
    expected: dict[int, int] = {}
    refused: dict[int, str] = {}
    for line, cell in enumerate(cells, start=2):
        try:
            number: Any = given_as[cell]
            if cell == "0.0000001":  # more decimals than a person writes: rounded like a float
                number = {"value": 1e-7, "unit": unit or question.unit}
            answer = read_answer(question, number, DAY)
            assert answer is not None
            assert isinstance(answer.value, Decimal)
            expected[line] = scaled(answer.value)
        except AnswerError as error:
            refused[line] = str(error)
    got = dict(zip(part.lines, part.numbers[question.key], strict=True))
    assert got == expected
    assert {reject.line: reject.message for reject in rejects} == refused
