"""Batches: the same results as one by one, every table people have, and no row lost."""

import csv
import json
import random
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from factories import (
    HEADCOUNT,
    make_benefit,
    make_library,
    make_policy,
    real_rules,
    rules_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer import outreach, results, tables
from indexer.answers import AnswerError, read_answer
from indexer.batch import Judge
from indexer.columns import Answers, Column, Reading, Reject, Use, is_known, map_columns, scaled
from indexer.matching import Outcome, Rule, match
from indexer.personas import read_persona
from indexer.policy import Audience, Policy
from indexer.profile import parse_profile
from indexer.questions import Question, QuestionType, load_questions, units_of
from indexer.results import Summary
from indexer.tables import TableError, open_table
from indexer.workbook import share, write_workbook
from indexer.writing import build_index

DAY = date(2026, 11, 24)
ROOT = Path(__file__).resolve().parent.parent
PERSONAS = sorted((ROOT / "tests" / "personas").glob("*.yml"))
SMALL = {"text": "小微", "field": "enterprise_size", "op": "in", "value": ["小型", "微型"]}
LOANS = {"text": "要贷款", "field": "financing_need", "op": "is_true"}
Row = Mapping[str, str]
Said = dict[str, tuple[Outcome, tuple[str, ...]]]


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
    told = read_persona(path)
    row = {name: spelled(value) for name, value in told.answers.items()} or {"从业人数": ""}
    # A row of its own makes sure that the table has a row at all.
    table = write_rows(tmp_path / "one.csv", [{**row, "企业名称": "甲"}])
    alone = match_one(real_rules(), told.answers, told.day)
    assert judge_all(table, real_rules(), told.day) == [alone]


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
            number = Decimal(str(chance.choice([n for n in near if low <= n <= high])))
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
    expected = [match_one(real_rules(), without_name(row), DAY) for row in rows]
    # Chunks learn answers and patterns from those before; the last is not full.
    assert judge_all(table, real_rules(), DAY, size=90) == expected
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
    rules = rules_of(make_benefit("a", *trees, audience=["citizen", "enterprise"], **fields))
    expected = [match_one(rules, without_name(row), DAY) for row in DRAWN]
    assert judge_all(drawn_table, rules, DAY, size=60) == expected


def test_a_rule_with_more_leaves_than_fit_one_number_says_the_same(tmp_path: Path) -> None:
    flags = [row for row in load_questions().rows if row.type is QuestionType.FLAG]
    numbers = [row for row in load_questions().rows if row.type is QuestionType.NUMBER]
    leaves = [{"text": "问", "field": row.key, "op": "is_true"} for row in flags]
    leaves += [
        {"text": "问", "field": row.key, "op": "gte", "value": "1", "unit": row.unit or ""}
        for row in numbers
    ]
    assert len(leaves) > 40
    rules = rules_of(
        make_benefit("a", {"text": "任选", "any": [{"text": "都要", "all": leaves}, SMALL]})
    )
    rows = drawn_rows(200, 0.97, seed=3)
    table = write_rows(tmp_path / "rows.csv", rows)
    expected = [match_one(rules, without_name(row), DAY) for row in rows]
    assert judge_all(table, rules, DAY) == expected


def test_without_a_column_that_says_so_all_are_enterprises(tmp_path: Path) -> None:
    table = write_csv(tmp_path / "a.csv", [["企业名称", "从业人数"], ["甲", "3"]])
    rules = rules_of(
        make_benefit("for-firms", HEADCOUNT),
        make_benefit("for-both", HEADCOUNT, audience=["citizen", "enterprise"]),
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


# CSV: encodings, delimiters, broken lines

SHEET = [["企业名称", "从业人数", "所在地区"], ["甲公司", "12", "临淄区"], ["乙公司", "", "淄博市"]]
READ = [{"headcount": Decimal(12), "region": "淄博市临淄区"}, {"region": "淄博市"}]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be"]
)
def test_a_csv_is_read_in_every_encoding_that_offices_write(encoding: str, tmp_path: Path) -> None:
    assert profiles(write_csv(tmp_path / "a.csv", SHEET, encoding)) == READ


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found(delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [*SHEET, ["丙", '"7"', '"临淄区"']]
    path.write_text("\n".join(delimiter.join(row) for row in rows), encoding="utf-8")
    assert profiles(path) == [*READ, {"headcount": Decimal(7), "region": "淄博市临淄区"}]


def test_a_stray_zero_byte_does_not_make_a_text_wide_nor_digits_alone_narrow(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("企业名称,从业人数\n甲\0,3\n乙,4\n".encode())
    assert [row["headcount"] for row in profiles(path)] == [3, 4]
    path.write_bytes("name,headcount\n1,3\n2,4\n".encode("utf-16-le"))
    assert [row["headcount"] for row in profiles(path)] == [3, 4]


def test_letters_that_no_encoding_has_are_told_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("企业名称,从业人数\n甲,3\n".encode() + b"\xff\xff,4\n")
    with pytest.raises(TableError, match="第 3 行附近有认不出的字"):
        read(path)


def test_titles_above_the_header_and_empty_lines_are_passed_over(tmp_path: Path) -> None:
    rows = [["临淄区企业名单"], [], ["单位：万元", "", ""], *SHEET[:2], ["", " ", ""], SHEET[2]]
    path = write_csv(tmp_path / "a.csv", rows)
    assert profiles(path) == READ
    _, (part,), _ = read(path)
    assert part.lines.to_list() == [5, 7]


def test_a_table_without_a_header_says_what_it_looked_for(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [["甲", "12"], ["乙", "13"]])
    with pytest.raises(TableError, match="前 50 行里没有找到表头（第一行是“甲、12”）"):
        read(path)


def test_an_empty_file_or_none_at_all_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"")
    with pytest.raises(TableError, match="没有找到表头"):
        read(tmp_path / "a.csv")
    with pytest.raises(TableError, match="没有这个文件，请核对文件名"):
        read(tmp_path / "none.csv")


def test_a_line_with_too_many_or_too_few_cells_is_rejected_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    text = "企业名称,从业人数\n甲,1\n乙,2,3\n丙\n丁,4,,\n戊,5\n"
    path.write_text(text, encoding="utf-8")
    _, (part,), rejects = read(path)
    assert part.names.to_list() == ["甲", "丁", "戊"]
    assert [(reject.line, reject.column) for reject in rejects] == [(3, "整行"), (4, "整行")]
    assert rejects[0].message.startswith("有 3 格，表头有 2 格")


@pytest.mark.parametrize("stray", ['"乙,2', '乙,"2', '"乙"公司,2'])
def test_a_quote_without_its_partner_takes_no_other_line_along(stray: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = ["企业名称,从业人数", "甲,1", stray, "丙,3", '"丁\n二厂",4', "戊,5"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    _, (part,), rejects = read(path)
    assert part.names.to_list() == ["甲", "丙", "丁\n二厂", "戊"]
    assert part.lines.to_list() == [2, 4, 5, 7]
    assert [reject.line for reject in rejects] == [3]
    assert "引号没有成对" in rejects[0].message


def test_a_long_table_is_read_piece_by_piece(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [SHEET[0], *([["甲" * 50, "3", "临淄区"]] * 40_000)])
    with open_table(path, is_known) as table:
        chunks = table.chunks(100)
        assert len(next(chunks).lines) == 100
        done, total = table.progress()
        assert total == path.stat().st_size
        assert done < total / 20
        assert sum(len(chunk.lines) for chunk in chunks) == 39_900


def test_a_line_without_end_is_no_list(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("企业名称,从业人数\n甲,3\n" + "长" * 1_100_000, encoding="utf-8")
    with pytest.raises(TableError, match="第 3 行有一百万字以上"):
        read(path)


# Excel


def save_xlsx(path: Path, rows: Sequence[Any], *merged: str) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "名单"
    for row in rows:
        sheet.append(list(row))
    for cells in merged:
        sheet.merge_cells(cells)
    book.save(path)
    return path


def test_a_workbook_is_read_with_its_titles_dates_numbers_and_empty_rows(tmp_path: Path) -> None:
    rows = [
        ["企业名单（2026年）"],
        [],
        ["企业名称", "成立日期", "营业收入（万元）", "从业人数", "想贷款"],
        ["甲", date(2020, 1, 2), 5000, 12.0, True],
        [None, None, None, None, None],
        ["乙", datetime(2020, 1, 2, 8, 30), "5,000.50", "３００人", "否"],
        ["丙", "2020年1月2日", "1.2亿元", "  7 ", "/"],
        ["丁", "2020-01-02 00:00:00", 0.1 + 0.2, "—", None],
    ]
    path = save_xlsx(tmp_path / "a.xlsx", rows, "A1:E1")
    day, wan = date(2020, 1, 2), 10_000
    assert profiles(path) == [
        {
            "registration_date": day,
            "annual_revenue": Decimal(5000 * wan),
            "headcount": Decimal(12),
            "financing_need": True,
        },
        {
            "registration_date": day,
            "annual_revenue": Decimal("5000.5") * wan,
            "headcount": Decimal(300),
            "financing_need": False,
        },
        {
            "registration_date": day,
            "annual_revenue": Decimal(12_000 * wan),
            "headcount": Decimal(7),
        },
        {"registration_date": day, "annual_revenue": Decimal(3000)},
    ]
    _, (part,), _ = read(path)
    assert part.lines.to_list() == [4, 6, 7, 8]


def test_what_a_file_is_shows_from_inside_whatever_its_name(tmp_path: Path) -> None:
    book = save_xlsx(tmp_path / "a.xlsx", SHEET).rename(tmp_path / "workbook.csv")
    text = write_csv(tmp_path / "text.xlsx", SHEET)
    assert profiles(book) == profiles(text) == READ


def test_cells_merged_downwards_count_for_each_row_and_are_named(tmp_path: Path) -> None:
    rows = [
        ["所在地区", "企业名称", "从业人数"],
        ["临淄区", "甲", 1],
        [None, "乙", 2],
        [None, "丙", 3],
    ]
    path = save_xlsx(tmp_path / "a.xlsx", rows, "A2:A3")
    assert [row.get("region") for row in profiles(path)] == ["淄博市临淄区", "淄博市临淄区", None]
    with open_table(path, is_known) as table:
        assert "有合并单元格：A2:A3。" in table.told[1]


def test_a_row_with_nothing_but_a_merged_cell_from_above_is_empty(tmp_path: Path) -> None:
    rows = [["企业名称", "从业人数"], ["甲", 1], [None, None], ["乙", 2]]
    _, (part,), _ = read(save_xlsx(tmp_path / "a.xlsx", rows, "A2:A3"))
    assert part.names.to_list() == ["甲", "乙"]


def test_a_number_in_a_merged_cell_may_be_a_total_and_is_rejected(tmp_path: Path) -> None:
    rows = [["企业名称", "从业人数"], ["甲", 100], ["乙", None], ["丙", 3]]
    path = save_xlsx(tmp_path / "a.xlsx", rows, "B2:B3")
    _, (part,), rejects = read(path)
    assert part.names.to_list() == ["丙"]
    assert [(reject.line, reject.column, reject.seen) for reject in rejects] == [
        (2, "B 列“从业人数”", "100"),
        (3, "B 列“从业人数”", "100"),
    ]
    assert "合并单元格 B2:B3" in rejects[0].message


def test_a_cell_merged_across_columns_belongs_to_none_of_them(tmp_path: Path) -> None:
    rows = [["企业名称", "从业人数", "资产总额"], ["甲", 5, None], ["乙", 6, 7]]
    path = save_xlsx(tmp_path / "a.xlsx", rows, "B2:C2")
    _, (part,), rejects = read(path)
    assert part.names.to_list() == ["乙"]
    assert [reject.column for reject in rejects] == ["B 列“从业人数”", "C 列“资产总额”"]
    assert "合并单元格 B2:C2 横跨几列" in rejects[0].message


def test_a_header_of_two_rows_is_read_through_its_merged_cells(tmp_path: Path) -> None:
    rows = [["企业名称", "规模指标", None], [None, "从业人数", "资产总额（万元）"], ["甲", 5, 7]]
    path = save_xlsx(tmp_path / "a.xlsx", rows, "A1:A2", "B1:C1")
    assert profiles(path) == [{"headcount": Decimal(5), "total_assets": Decimal(70_000)}]
    _, (part,), _ = read(path)
    assert part.names.to_list() == ["甲"]


def test_a_formula_counts_with_its_value_and_is_rejected_without_one(tmp_path: Path) -> None:
    path = save_xlsx(
        tmp_path / "a.xlsx", [["企业名称", "从业人数"], ["甲", "=1+2"], ["乙", "=3+4"]]
    )
    # openpyxl writes formulas without values; Excel writes both.
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    empty = rb"(?<=<f>1\+2</f>)<v(?: ?/>|></v>)"  # one way with lxml installed, another without
    parts[name] = re.sub(empty, b"<v>3</v>", parts[name])
    assert b"<v>3</v>" in parts[name]
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in parts.items():
            archive.writestr(file, content)
    _, (part,), rejects = read(path)
    assert part.profile_of(0)["headcount"].value == 3
    assert len(part) == 1
    assert [(r.line, r.column) for r in rejects] == [(3, "B 列“从业人数”")]
    assert "公式还没有算出结果" in rejects[0].message


def test_a_percentage_of_excel_is_a_percentage(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["企业名称", "裁员率"])
    sheet.append(["甲", 0.055])
    sheet["B2"].number_format = "0.00%"
    book.save(tmp_path / "a.xlsx")
    assert profiles(tmp_path / "a.xlsx") == [{"layoff_rate": Decimal("5.5")}]


def test_shares_that_look_like_percentages_are_told(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [["企业名称", "裁员率"], ["甲", "0.05"], ["乙", "0"]])
    told = outreach.preview(path, DAY, None, ()).told
    assert any("第 2 列“裁员率”的数都不超过 1" in line for line in told)
    path = write_csv(tmp_path / "b.csv", [["企业名称", "裁员率"], ["甲", "0.05"], ["乙", "2"]])
    assert not any("不超过 1" in line for line in outreach.preview(path, DAY, None, ()).told)


def test_digits_that_excel_has_lost_are_not_taken_for_a_code(tmp_path: Path) -> None:
    rows = [["统一社会信用代码", "从业人数"], [913703051234567890, 3], ["91370305MA00000001", 4]]
    _, (part,), rejects = read(save_xlsx(tmp_path / "a.xlsx", rows))
    assert part.codes.to_list() == ["91370305MA00000001"]
    assert "Excel 已经丢了" in rejects[0].message


def test_an_error_in_a_cell_is_rejected(tmp_path: Path) -> None:
    _, _, rejects = read(save_xlsx(tmp_path / "a.xlsx", [SHEET[0], ["甲", "#N/A", None]]))
    assert "看到的是“#N/A”" in rejects[0].message


def test_of_several_sheets_one_must_be_named_and_hidden_ones_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    first.title = "去年"
    hidden, empty = book.create_sheet("藏着"), book.create_sheet("空的")
    assert empty.title == "空的"
    for sheet, number in ((first, 1), (hidden, 2)):
        sheet.append(["企业名称", "从业人数"])
        sheet.append(["甲", number])
    hidden.sheet_state = "hidden"
    book.save(path)
    assert profiles(path) == [{"headcount": Decimal(1)}]
    assert profiles(path, sheet="藏着") == [{"headcount": Decimal(2)}]
    hidden.sheet_state = "visible"
    book.save(path)
    with pytest.raises(TableError, match="有几张工作表，请用 --sheet 指明一张：去年、藏着。"):
        read(path)
    with pytest.raises(TableError, match="没有工作表“前年”，有的是：去年、藏着、空的。"):
        read(path, sheet="前年")


def broken_workbooks(folder: Path) -> Iterator[tuple[Path, str]]:
    good = save_xlsx(folder / "good.xlsx", SHEET)
    data = good.read_bytes()
    for name, content, message in (
        ("locked.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4096, "加了密码"),
        ("cut.xlsx", data[: len(data) // 2], "打不开，文件可能坏了"),
        ("noise.xlsx", b"PK\x03\x04" + b"noise" * 100, "打不开，文件可能坏了"),
    ):
        path = folder / name
        path.write_bytes(content)
        yield path, message
    torn = folder / "torn.xlsx"
    other = folder / "other.xlsx"
    with (
        zipfile.ZipFile(good) as archive,
        zipfile.ZipFile(torn, "w") as copy,
        zipfile.ZipFile(other, "w") as document,
    ):
        document.writestr("word/document.xml", "<w/>")
        for name in archive.namelist():
            content = archive.read(name)
            copy.writestr(name, content[:-60] if name.endswith("sheet1.xml") else content)
    yield torn, "打不开，文件可能坏了"
    yield other, "打不开，文件可能坏了"


def test_workbooks_that_are_locked_or_broken_are_told_and_leave_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for path, message in broken_workbooks(tmp_path):
        with pytest.raises(TableError, match=message):
            outreach.tell_whom(path, real_rules(), DAY, out, None, (), lambda _done, _total: None)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".xlsx"] == []


def test_a_workbook_that_unpacks_to_more_than_a_list_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MAX_UNPACKED", 2**20)
    path = save_xlsx(tmp_path / "a.xlsx", SHEET)
    assert profiles(path) == READ
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", b" " * (3 * 2**20))
    assert path.stat().st_size < 2**15
    with pytest.raises(TableError, match="不像名单，没有读；行数很多的请另存为 CSV"):
        read(path)


# Columns


def header(*names: str) -> tuple[Column, ...]:
    table = tables.Table(
        path=Path("a.csv"),
        names=names,
        places=tuple(f"第 {number} 列" for number in range(1, len(names) + 1)),
        header_line=1,
        told=(),
        rows=iter(()),
        progress=lambda: (0, 0),
    )
    return map_columns(table)


@pytest.mark.parametrize(
    ("name", "key", "unit"),
    [
        ("headcount", "headcount", None),
        ("从业人数", "headcount", None),
        ("*员工数", "headcount", None),
        ("从业人数（2025年）", "headcount", None),
        ("营业收入（万元）", "annual_revenue", "万元"),
        ("营业收入(亿元)", "annual_revenue", "亿元"),
        ("营业收入／元", "annual_revenue", "元"),
        ("资产总额:千元", "total_assets", "千元"),
        ("资产总额（2025年末，万元）", "total_assets", "万元"),
        ("年营业收入\n（单位：万元）", "annual_revenue", "万元"),
        ("研发费用占比（%）", "rd_expense_ratio", None),
        ("每次（日）销售额（元）", "sale_amount", "元"),
        ("成立年限（年）", "years_since_registration", "年"),
        ("成立日期（年月日）", "registration_date", None),
        ("区县", "region", None),
    ],
)
def test_a_column_is_known_by_key_label_or_synonym_and_its_unit_counts(
    name: str, key: str, unit: str | None
) -> None:
    (column,) = header(name)
    assert column.question is not None
    assert (column.question.key, column.unit) == (key, unit)


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("单位名称", Use.NAME),
        ("社会信用代码", Use.CODE),
        ("联系电话", Use.PERSONAL),
        ("法定代表人", Use.PERSONAL),
        ("身份证号码", Use.PERSONAL),
        ("备注", Use.UNUSED),
        ("", Use.UNUSED),
    ],
)
def test_a_column_that_answers_nothing_is_told_as_what_it_is(name: str, use: Use) -> None:
    assert header("从业人数", name)[1].use is use


def test_a_unit_that_does_not_fit_and_two_columns_for_one_question_are_told_together() -> None:
    with pytest.raises(TableError) as caught:
        header("营业收入（美元）", "年销售收入", "企业名称", "单位名称", "从业人数")
    assert str(caught.value).splitlines() == [
        "第 1 列“营业收入（美元）”：单位只能是 元、千元、万元、百万元、亿元、万、亿，"
        "看到的是“美元”。",
        "第 1 列“营业收入（美元）”和第 2 列“年销售收入”都是问题“年营业收入”，"
        "只能留一列，请删去或者改名。",
        "第 3 列“企业名称”和第 4 列“单位名称”都是企业名称，只能留一列，请删去或者改名。",
    ]


def test_a_table_without_any_answer_is_told() -> None:
    with pytest.raises(TableError, match="没有一列对得上问题，看到的列名是：企业名称、备注。"):
        header("企业名称", "备注")


def test_the_unit_of_a_column_gives_way_to_the_unit_of_a_cell(tmp_path: Path) -> None:
    rows = [["企业名称", "营业收入（万元）"], ["甲", "5"], ["乙", "5元"], ["丙", "0.5亿"]]
    found = [row["annual_revenue"] for row in profiles(write_csv(tmp_path / "a.csv", rows))]
    assert found == [Decimal(50_000), Decimal(5), Decimal(50_000_000)]


def test_a_cell_that_cannot_be_read_rejects_its_row_with_the_words_of_the_single_evaluator(
    tmp_path: Path,
) -> None:
    names = [
        "企业名称",
        "统一社会信用代码",
        "从业人数",
        "成立日期",
        "营业收入",
        "所属行业",
        "联系电话",
    ]
    rows = [
        ["甲", "A1", "-3", "", "", "", "1390000"],
        ["乙", "A2", "", "2026-11-25", "", "", ""],
        ["丙", "A3", "", "", "5公里", "造船", ""],
        ["丁", "A4", "5", "2026-11-24", "5万", "制造业", ""],
    ]
    _, (part,), rejects = read(write_csv(tmp_path / "a.csv", [names, *rows]))
    assert part.names.to_list() == ["丁"]
    told = [(r.line, r.column, r.seen, r.name, r.code) for r in rejects]
    assert told == [
        (2, "第 3 列“从业人数”", "-3", "甲", "A1"),
        (3, "第 4 列“成立日期”", "2026-11-25", "乙", "A2"),
        (4, "第 5 列“营业收入”", "5公里", "丙", "A3"),
        (4, "第 6 列“所属行业”", "造船", "丙", "A3"),
    ]
    by_key = load_questions().by_key
    for reject, key in zip(
        rejects, ("headcount", "registration_date", "annual_revenue", "industry"), strict=True
    ):
        with pytest.raises(AnswerError) as caught:
            read_answer(by_key[key], reject.seen, DAY)
        assert reject.message == str(caught.value)


def test_a_row_of_totals_is_no_enterprise(tmp_path: Path) -> None:
    rows = [["企业名称", "从业人数"], ["甲", "3"], ["合 计", "3"]]
    _, (part,), rejects = read(write_csv(tmp_path / "a.csv", rows))
    assert part.names.to_list() == ["甲"]
    assert [(r.line, r.message) for r in rejects] == [(3, "是合计行，不是企业，没有判断。")]


# Results


LOAN = make_benefit(
    "loan", HEADCOUNT, title="小店贷款", expires="2026-12-20", benefit_mode="依申请"
)
SUBSIDY = make_benefit("subsidy", SMALL, LOANS, title="小微补贴")
POLICIES = (LOAN, SUBSIDY)
NAMES = [
    "统一社会信用代码",
    "企业名称",
    "联系电话",
    "所属行业",
    "从业人数",
    "营业收入（万元）",
    "想贷款",
]
FIRMS = [
    ["91A", "甲公司", "13900000001", "制造业", "12", "200", "是"],
    ["91B", "=乙公司", "13900000002", "制造业", "301", "90000", "是"],
    ["91C", "丙公司", "13900000003", "", "", "", ""],
    ["91D", "丁公司", "13900000004", "制造业", "-1", "", ""],
]


def run_batch(
    tmp_path: Path,
    firms: Sequence[Sequence[str]] = FIRMS,
    day: date = DAY,
    policies: Sequence[Policy] = POLICIES,
    keep: Sequence[str] = (),
) -> Summary:
    path = write_csv(tmp_path / "firms.csv", [NAMES, *firms])
    rules = rules_of(*policies)
    return outreach.tell_whom(path, rules, day, tmp_path / "out", None, keep, lambda _d, _t: None)


def rows_of(path: Path) -> list[dict[str, str]]:
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(data.decode("utf-8-sig").splitlines()))


def sheet_of(path: Path, name: str) -> list[tuple[Any, ...]]:
    book = openpyxl.load_workbook(path / "政策找人.xlsx")
    return [tuple(cell.value for cell in row) for row in book[name].iter_rows()]


def test_rows_read_are_rows_judged_and_rows_rejected(tmp_path: Path) -> None:
    summary = run_batch(tmp_path)
    assert (summary.read, summary.judged, summary.rejected) == (4, 3, 1)
    rejects = rows_of(tmp_path / "out" / "rejects.csv")
    assert [(row["行号"], row["企业名称"]) for row in rejects] == [("5", "丁公司")]
    assert {row["企业名称"] for row in rows_of(tmp_path / "out" / "按企业.csv")} == {
        "甲公司",
        "'=乙公司",
        "丙公司",
    }


def test_each_policy_has_its_enterprises_with_what_is_missing(tmp_path: Path) -> None:
    run_batch(tmp_path)
    folder = tmp_path / "out" / "按政策"
    (fits,) = rows_of(folder / "小微补贴（subsidy）-很可能符合.csv")
    assert fits == {"行号": "2", "统一社会信用代码": "91A", "企业名称": "甲公司"}
    (may,) = rows_of(folder / "小微补贴（subsidy）-还需补充信息.csv")
    missing = "所属行业、从业人数、年营业收入、资产总额、想贷款"
    assert (may["企业名称"], may["缺什么"]) == ("丙公司", missing)


def test_what_nobody_can_answer_says_why_it_stays_open(tmp_path: Path) -> None:
    window = {"text": "到八月", "closes": "2026-08-31"}
    judged = {"text": "任选", "any": [LOANS, {"text": "由窗口认定"}]}
    policies = [
        make_benefit("closed", HEADCOUNT, title="已截止", application_window=window),
        make_benefit("judged", judged, title="由人判断"),
    ]
    run_batch(tmp_path, [["91A", "甲", "", "", "3", "", "否"]], policies=policies)
    folder = tmp_path / "out" / "按政策"
    (closed,) = rows_of(folder / "已截止（closed）-还需补充信息.csv")
    assert closed["缺什么"] == "申报已于 2026-08-31 截止，以后还有没有，要等新的通知。"
    (judged_row,) = rows_of(folder / "由人判断（judged）-还需补充信息.csv")
    assert judged_row["缺什么"] == "要由窗口或者主管部门判断。"


def test_each_enterprise_has_its_policies(tmp_path: Path) -> None:
    run_batch(tmp_path)
    rows = rows_of(tmp_path / "out" / "按企业.csv")
    told = [tuple(row.values())[3:] for row in rows]
    assert told == [
        ("2", "小店贷款；小微补贴", "0", "✔", "✔"),
        ("0", "", "0", "✘", "✘"),
        ("0", "", "2", "？", "？"),
    ]


def test_the_parquet_file_has_every_outcome_of_every_enterprise(tmp_path: Path) -> None:
    run_batch(tmp_path)
    frame = pl.read_parquet(tmp_path / "out" / "结果.parquet")
    assert frame["企业名称"].to_list() == ["甲公司", "=乙公司", "丙公司"]
    assert frame["loan"].to_list() == ["很可能符合", "不符合", "还需补充信息"]
    assert frame["loan：缺什么"].to_list() == [None, None, "从业人数"]


def test_the_workbook_sums_up_and_lists(tmp_path: Path) -> None:
    run_batch(tmp_path)
    out = tmp_path / "out"
    assert sheet_of(out, "汇总") == [
        (
            *("政策", "条目名", "享受方式", "截止日期", "还剩几天"),
            *("很可能符合", "还需补充信息", "不符合", "说明"),
        ),
        ("小店贷款", "loan", "依申请", datetime(2026, 12, 20), 26, 1, 1, 1, None),
        ("小微补贴", "subsidy", None, None, None, 1, 1, 1, None),
    ]
    assert [row[:4] for row in sheet_of(out, "按政策")[1:3]] == [
        ("小店贷款", "很可能符合", "91A", "甲公司"),
        ("小店贷款", "还需补充信息", "91C", "丙公司"),
    ]
    assert sheet_of(out, "按企业")[1][:5] == (2, "91A", "甲公司", 2, "小店贷款；小微补贴")
    assert ("全部政策合计", "从业人数", 2, 1) in [row[:4] for row in sheet_of(out, "缺什么")]
    notes = [row[0] for row in sheet_of(out, "说明")]
    assert (
        "读到 4 行：判断了 3 行，1 行读不出来，在 rejects.csv 里，写明行号、哪一列、为什么。"
        in notes
    )


def test_no_cell_of_any_file_is_a_formula(tmp_path: Path) -> None:
    firms = [[f"{start}91", f"{start}cmd", "", "制造业", "9", "", ""] for start in "=+-@"]
    firms.append(["91E", "=坏", "", "制造业", "-1", "", ""])
    run_batch(tmp_path, firms)
    out = tmp_path / "out"
    files = [out / "rejects.csv", out / "按企业.csv", *(out / "按政策").iterdir()]
    assert len(files) == 4  # all fit the loan, and may fit the subsidy
    for path in files:
        cells = [cell for row in rows_of(path) for cell in row.values()]
        assert not [cell for cell in cells if cell[:1] in tuple("=+-@")]
    book = openpyxl.load_workbook(out / "政策找人.xlsx")
    inside = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in inside} <= {"s", "inlineStr", "n", "d"}
    assert "=cmd" in {cell.value for cell in inside}


def everything_written(out: Path) -> str:
    """Return all that stands in the files of a run, unpacked."""
    text = ""
    for path in out.rglob("*"):
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as archive:
                text += "".join(archive.read(name).decode() for name in archive.namelist())
        elif path.suffix == ".parquet":
            text += pl.read_parquet(path).write_csv()
        elif path.is_file():
            text += path.read_text(encoding="utf-8-sig")
    return text


def test_personal_columns_are_written_nowhere_unless_they_are_named(tmp_path: Path) -> None:
    broken = ["91E", "戊公司", "13900000005", "1", "2", "3", "4", "5"]
    assert run_batch(tmp_path, [*FIRMS, broken]).rejected == 2
    assert "1390000" not in everything_written(tmp_path / "out")
    run_batch(tmp_path, keep=["联系电话"])
    (row,) = rows_of(tmp_path / "out" / "按政策" / "小店贷款（loan）-很可能符合.csv")
    assert row["联系电话"] == "13900000001"
    assert sheet_of(tmp_path / "out", "按企业")[1][3] == "13900000001"


def test_a_column_to_keep_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="--keep：名单里没有列“联系电活”。您是不是想写 联系电话？"):
        run_batch(tmp_path, keep=["联系电活"])
    with pytest.raises(TableError, match="没有列“备注”。有的列是：统一社会信用代码、企业名称、"):
        run_batch(tmp_path, keep=["备注"])


def test_a_column_to_keep_that_is_called_like_a_result_is_told(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [["行号", "企业名称", "从业人数"], ["1", "甲", "3"]])
    with pytest.raises(TableError, match="--keep：第 1 列“行号”和结果里的列同名"):
        outreach.tell_whom(
            path, real_rules(), DAY, tmp_path / "out", None, ["行号"], lambda _d, _t: None
        )


def test_a_sheet_that_is_too_small_says_where_the_rest_is(tmp_path: Path) -> None:
    firms = [[f"91{n}", f"企业{n}", "", "", "9" if n < 4 else "", "", ""] for n in range(10)]
    summary = run_batch(tmp_path, firms)
    out = tmp_path / "out"
    write_workbook(out, summary, None, most=6)
    rows = sheet_of(out, "按政策")
    assert rows[0][0] is not None
    assert rows[0][0].startswith("一共 20 行，这里列出 6 行；全部在“按政策”文件夹里")
    # All four likely ones, and of the others an equal part of what is left.
    assert [row[1] for row in rows[2:]] == ["很可能符合"] * 4 + ["还需补充信息"] * 2
    assert len(sheet_of(out, "按企业")) == 2 + 6
    assert len(rows_of(out / "按企业.csv")) == 10


def test_a_file_that_excel_could_not_open_is_cut_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "MAX_OPEN", 3)
    monkeypatch.setattr(outreach, "CHUNK", 2)
    firms = [[f"91{n}", f"企业{n}", "", "", "9", "", ""] for n in range(5)]
    summary = run_batch(tmp_path, firms)
    folder = tmp_path / "out" / "按政策"
    assert len(rows_of(folder / "小店贷款（loan）-很可能符合.csv")) == 5
    assert len(rows_of(folder / "小微补贴（subsidy）-还需补充信息.csv")) == 3
    assert "全部在 按企业.csv 和 结果.parquet 里：小微补贴。" in summary.told[-1]


@pytest.mark.parametrize(
    ("wanted", "most", "shares"),
    [([1, 2, 3], 10, [1, 2, 3]), ([9, 1, 9], 9, [4, 1, 4]), ([], 5, []), ([5, 5], 0, [0, 0])],
)
def test_small_shares_are_whole_and_large_ones_alike(
    wanted: list[int], most: int, shares: list[int]
) -> None:
    assert share(wanted, most) == shares


# What changed


def changed(tmp_path: Path) -> list[tuple[str, ...]]:
    rows = rows_of(tmp_path / "out" / "变化.csv")
    return [tuple(row.values()) for row in rows]


def test_the_first_run_has_nothing_to_compare_with(tmp_path: Path) -> None:
    assert run_batch(tmp_path).changes is None
    assert not (tmp_path / "out" / "变化.csv").exists()


def test_a_second_run_tells_who_fits_now_who_no_more_who_came_and_who_left(tmp_path: Path) -> None:
    firms = [
        ["91A", "甲公司", "", "", "12", "", ""],
        ["91B", "乙公司", "", "", "301", "", ""],
        ["91C", "丙公司", "", "", "9", "", ""],
        ["", "戊公司", "", "", "9", "", ""],
        ["91F", "己公司", "", "", "9", "", ""],
    ]
    run_batch(tmp_path, firms, policies=[LOAN])
    later = [
        ["91a ", "甲公司（新名）", "", "", "400", "", ""],  # grew
        ["91B", "乙公司", "", "", "300", "", ""],  # shrank
        ["91D", "丁公司", "", "", "5", "", ""],  # new
        ["", " 戊公司", "", "", "", "", ""],  # known by its name; not told any more
        ["91F", "己公司", "", "", "很多", "", ""],  # cannot be read, but has not left
    ]
    summary = run_batch(tmp_path, later, policies=[LOAN])
    assert changed(tmp_path) == [
        ("新符合", "小店贷款", "91B", "乙公司", "不符合", "很可能符合"),
        ("新符合", "小店贷款", "91D", "丁公司", "不在名单里", "很可能符合"),
        ("不再符合", "小店贷款", "91a", "甲公司（新名）", "很可能符合", "不符合"),
        ("不再符合", "小店贷款", "", "戊公司", "很可能符合", "还需补充信息"),
        ("新进名单", "", "91D", "丁公司", "", ""),
        ("离开名单", "", "91C", "丙公司", "", ""),
        ("30 天内截止", "小店贷款", "", "", "", "还有 26 天，很可能符合 2 家"),
    ]
    assert summary.changes == {
        "新符合": 2,
        "不再符合": 2,
        "新进名单": 1,
        "离开名单": 1,
        "30 天内截止": 1,
        "政策已不在有效期": 0,
    }
    assert sheet_of(tmp_path / "out", "变化")[2][:2] == ("新符合", "小店贷款")


def test_a_day_later_what_has_ended_and_what_is_new_is_told(tmp_path: Path) -> None:
    firms = [["91A", "甲公司", "", "制造业", "12", "200", "是"]]
    new = make_benefit("new", HEADCOUNT, title="新政策", effective="2026-12-21")
    run_batch(tmp_path, firms, policies=[*POLICIES, new])
    summary = run_batch(tmp_path, firms, day=date(2026, 12, 21), policies=[*POLICIES, new])
    assert changed(tmp_path) == [
        ("新符合", "新政策", "91A", "甲公司", "上次没有这条政策", "很可能符合"),
        ("政策已不在有效期", "小店贷款", "", "", "", ""),
    ]
    assert summary.compared_with == "2026-11-24"


def test_the_same_again_changes_nothing_and_a_state_that_is_broken_is_none(tmp_path: Path) -> None:
    run_batch(tmp_path, policies=[SUBSIDY])
    summary = run_batch(tmp_path, policies=[SUBSIDY])
    assert summary.changes is not None
    assert sum(summary.changes.values()) == 0
    (tmp_path / "out" / "运行.json").write_text("{", encoding="utf-8")
    assert run_batch(tmp_path, policies=[SUBSIDY]).changes is None
    assert not (tmp_path / "out" / "变化.csv").exists()


def test_enterprises_that_stand_twice_are_counted(tmp_path: Path) -> None:
    summary = run_batch(tmp_path, [FIRMS[0], FIRMS[0], ["", "", "", "", "3", "", ""]])
    assert (summary.judged, summary.repeated, summary.nameless) == (3, 1, 1)


def test_what_else_is_in_the_folder_stays_and_a_failed_run_changes_nothing(tmp_path: Path) -> None:
    run_batch(tmp_path)
    out = tmp_path / "out"
    (out / "笔记.txt").write_text("别动", encoding="utf-8")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(TableError, match=r"名单里没有一行可以判断.*例如第 2 行 第 5 列"):
        run_batch(tmp_path, [FIRMS[3]])
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    run_batch(tmp_path)
    assert (out / "笔记.txt").read_text(encoding="utf-8") == "别动"
    assert {path.name for path in tmp_path.iterdir()} == {"firms.csv", "out"}


def test_files_that_cannot_be_put_in_place_leave_the_old_ones(tmp_path: Path) -> None:
    new, out = tmp_path / "new", tmp_path / "out"
    for folder, text in ((new, "新"), (out, "旧")):
        folder.mkdir()
        (folder / "a.csv").write_text(text, encoding="utf-8")
    (new / "sub").mkdir()
    (new / "sub" / "b.csv").write_text("新", encoding="utf-8")
    with pytest.raises(TableError, match="换不上新的"):
        outreach._move(new, out, ["a.csv", "sub/b.csv"])  # there is no out/sub
    assert (out / "a.csv").read_text(encoding="utf-8") == "旧"


# The command


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    start = [sys.executable, "-m", "indexer", "match", "--as-of", "2026-11-24"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    return subprocess.run(
        [*start, *words], cwd=folder, capture_output=True, encoding="utf-8", env=environment
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("command")
    build_index(make_library(*POLICIES, tmp_path=path), path / "build" / "index")
    write_csv(path / "firms.csv", [NAMES, *FIRMS])
    return path


def test_the_command_tells_the_counts_and_where_the_files_are(folder: Path) -> None:
    done = command(folder, "--batch", "firms.csv", "--out", "out")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "读到 4 行：判断了 3 行，读不出来 1 行，原因在 rejects.csv。" in lines
    assert "  小店贷款：很可能符合 1 家，还需补充 1 家，还有 26 天截止" in lines
    files = "政策找人.xlsx、按政策、按企业.csv、rejects.csv、结果.parquet、运行.json"
    assert f"结果在 out：{files}。" in lines
    for name in ("甲公司", "13900000001", "91A"):
        assert name not in done.stdout
    again = command(folder, "--batch", "firms.csv", "--out", "out", "--json")
    told = json.loads(again.stdout)
    assert told["rows"] == {"read": 4, "judged": 3, "rejected": 1}
    assert told["changes"]["30 天内截止"] == 1
    assert told["policies"][0] == {
        "slug": "loan",
        "title": "小店贷款",
        "benefit_mode": "依申请",
        "deadline": "2026-12-20",
        "days_left": 26,
        "likely": 1,
        "more_information": 1,
        "not_eligible": 1,
    }
    shutil.rmtree(folder / "out")


def test_a_preview_shows_the_mapping_and_writes_nothing(folder: Path) -> None:
    done = command(folder, "--batch", "firms.csv", "--preview")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["第", "3", "列", "联系电话", "个人信息，不用，不写进结果"] in rows
    assert [
        "第",
        "5",
        "列",
        "从业人数",
        "从业人数（headcount，单位",
        "人）",
        "3",
        "1",
        "12、301、-1",
    ] in rows
    assert "名单里没有“替谁问”一列，全部按企业判断。" in done.stdout
    assert "1390000" not in done.stdout
    assert {path.name for path in folder.iterdir()} == {"build", "firms.csv"}
    told = json.loads(command(folder, "--batch", "firms.csv", "--preview", "--json").stdout)
    assert told["columns"][5] == {
        "place": "第 6 列",
        "name": "营业收入（万元）",
        "use": "answer",
        "question": "annual_revenue",
        "unit": "万元",
        "filled": 2,
        "unreadable": 0,
    }


def test_a_list_that_cannot_be_read_exits_1_and_wrong_words_exit_2(folder: Path) -> None:
    done = command(folder, "--batch", "none.csv", "--out", "out")
    assert done.returncode == 1
    assert done.stderr == "policykb：none.csv：没有这个文件，请核对文件名。\n"
    done = command(folder, "--batch", "none.csv", "--out", "out", "--json")
    assert done.returncode == 1
    (problem,) = json.loads(done.stdout)["problems"]
    assert problem == {"message": "none.csv：没有这个文件，请核对文件名。"}
    done = command(folder, "--batch", "firms.csv")
    assert (done.returncode, "--out" in done.stderr) == (2, True)
    done = command(folder, "--batch", "firms.csv", "--profile", "me.yml")
    assert done.returncode == 2
    done = command(folder, "--profile", "me.yml", "--keep", "联系电话")
    assert (done.returncode, "只和 --batch 一起用" in done.stderr) == (2, True)
    assert {path.name for path in folder.iterdir()} == {"build", "firms.csv"}


def test_without_the_extra_the_command_tells_how_to_install_it(folder: Path) -> None:
    program = (
        "import sys; sys.modules['polars'] = None\n"
        "from indexer.cli import main; main(['match', '--batch', 'firms.csv', '--preview'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 2
    assert "没有装批量匹配要用的 polars" in done.stderr
    assert "pip install -e '.[batch]'" in done.stderr


def test_the_benchmark_runs_and_finds_the_same_results_one_by_one() -> None:
    program = [sys.executable, "benchmarks/matching.py", "--rows", "400", "--sample", "40"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert "名单：400 家，20 列" in done.stdout
    assert "逐个判断 40 家" in done.stdout
    assert "与批量的全部相同" in done.stdout
