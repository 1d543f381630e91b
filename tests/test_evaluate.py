import sys
from datetime import date
from pathlib import Path

import pytest
from factories import make_index, make_library, make_policy

from indexer.evaluate import (
    Case,
    EvaluationUnavailable,
    cases_of,
    evaluate,
    read_judgements,
)
from indexer.problems import PolicyError

DAY = date(2026, 11, 24)
DRAIN = make_policy("drain", title="排水许可", queries=["饭店要不要办排水证"])
ROAD = make_policy("road", title="挖掘道路审批", queries=["挖马路找谁"])


def test_a_query_answered_first_counts_fully() -> None:
    report = evaluate(make_index(DRAIN, ROAD), [Case("排水许可", "drain", 3)], DAY)
    assert (report.success_at_1, report.ndcg_at_10, report.mrr_at_10) == (1.0, 1.0, 1.0)
    assert report.misses == ()


def test_a_miss_tells_what_was_wanted_and_what_came() -> None:
    report = evaluate(make_index(DRAIN, ROAD), [Case("排水许可", "road", 3)], DAY)
    assert report.success_at_1 == 0.0
    (miss,) = report.misses
    assert (miss.query, miss.expected, miss.got) == ("排水许可", ("road",), ("drain",))


def test_judgements_of_one_query_are_measured_together() -> None:
    cases = [Case("许可审批", "drain", 3), Case("许可审批", "road", 1), Case("排水", "road", 0)]
    report = evaluate(make_index(DRAIN, ROAD), cases, DAY)
    assert report.cases == 2
    assert report.to_dict()["cases"] == 2


def test_no_cases_give_a_report_of_zeros() -> None:
    assert evaluate(make_index(DRAIN), [], DAY).cases == 0


def test_every_query_of_every_entry_is_a_case(tmp_path: Path) -> None:
    cases = cases_of(make_library(ROAD, DRAIN, tmp_path=tmp_path))
    assert cases == (Case("饭店要不要办排水证", "drain", 3), Case("挖马路找谁", "road", 3))


def test_judgements_are_read_from_a_table(tmp_path: Path) -> None:
    path = tmp_path / "judgements.csv"
    table = 'query,slug,grade,why\n"挖路，找谁",road,3,"说的就是它"\n\n排水,drain,1,\n'
    path.write_text(table, "utf-8")
    assert read_judgements(path) == (
        Case("挖路，找谁", "road", 3, "说的就是它"),
        Case("排水", "drain", 1, ""),
    )


def test_every_bad_line_is_told_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "judgements.csv"
    path.write_text("query,slug,grade,why\n挖路,road,5,\n,road,1,\n挖路,road,1\n", "utf-8")
    with pytest.raises(PolicyError) as caught:
        read_judgements(path)
    assert [str(problem) for problem in caught.value.problems] == [
        f"{path}:2 grade：只能是 0、1、2 或 3，现在是“5”。",
        f"{path}:3 query：没有写问的是什么。",
        f"{path}:4：要有 4 格，现在有 3 格；有逗号的话要加引号。",
    ]


def test_a_wrong_head_or_a_missing_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "judgements.csv"
    with pytest.raises(PolicyError, match="读不到这个文件"):
        read_judgements(path)
    path.write_text("问题,条目\n", "utf-8")
    with pytest.raises(PolicyError) as caught:
        read_judgements(path)
    assert "第一行要写成 query,slug,grade,why" in str(caught.value)


def test_without_ir_measures_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    with pytest.raises(EvaluationUnavailable, match="ir-measures"):
        evaluate(make_index(DRAIN), [Case("排水", "drain", 3)], DAY)
