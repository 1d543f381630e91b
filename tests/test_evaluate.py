import sys
from datetime import date
from pathlib import Path

import pytest
from factories import make_index, make_library, make_policy

from indexer.evaluate import (
    OWN,
    Case,
    EvaluationUnavailable,
    Measures,
    Miss,
    cases_of,
    evaluate,
    moved,
    read_judgements,
    read_result,
    save_result,
)
from indexer.problems import PolicyError

DAY = date(2026, 11, 24)
DRAIN = make_policy("drain", title="排水许可", queries=["饭店要不要办排水证"])
ROAD = make_policy("road", title="挖掘道路审批", queries=["挖马路找谁"])


def test_a_query_answered_first_counts_fully() -> None:
    report = evaluate(make_index(DRAIN, ROAD), [Case("排水许可", "drain", 3)], DAY)
    assert report.overall == Measures(1, 1.0, 1.0, 1.0, 1.0, 1.0)
    assert report.misses == ()


def test_a_miss_tells_what_was_wanted_and_what_came() -> None:
    report = evaluate(make_index(DRAIN, ROAD), [Case("排水许可", "road", 3, style="口语")], DAY)
    assert report.overall.success_at_1 == 0.0
    assert report.misses == (Miss("排水许可", "口语", ("road",), ("drain",), None),)


def test_only_the_best_judged_entry_counts_as_found_first() -> None:
    index = make_index(DRAIN, ROAD)
    cases = [Case("排水许可", "drain", 1), Case("排水许可", "road", 3)]
    report = evaluate(index, cases, DAY)
    assert report.overall.success_at_1 == 0.0
    assert 0 < report.overall.ndcg_at_10 < 1


def test_each_style_is_measured_by_itself() -> None:
    cases = [
        Case("排水许可", "drain", 3, style="口语"),
        Case("挖掘道路", "drain", 3, style="窗口"),
        Case("挖掘道路审批", "road", 3, style="窗口"),
    ]
    report = evaluate(make_index(DRAIN, ROAD), cases, DAY)
    found = {style: (m.queries, m.success_at_1) for style, m in report.styles.items()}
    assert found == {"口语": (1, 1.0), "窗口": (2, 0.5)}


def test_queries_about_other_matters_are_counted_apart() -> None:
    cases = [Case("排水许可", "drain", 3), Case("护照", "", 0), Case("排水证", "", 0)]
    report = evaluate(make_index(DRAIN, ROAD), cases, DAY)
    assert (report.overall.queries, report.outside, report.refused) == (1, 2, 0.5)
    assert report.answered_outside == ("排水证",)
    assert report.accepted == 1.0


def test_no_cases_give_a_report_of_zeros() -> None:
    assert evaluate(make_index(DRAIN), [], DAY).overall.queries == 0


def test_a_kept_result_tells_which_queries_have_moved(tmp_path: Path) -> None:
    path, index = tmp_path / "kept.json", make_index(DRAIN, ROAD)
    wrong = [Case("排水许可", "road", 3), Case("挖掘道路", "drain", 3)]
    assert read_result(path, "set") is None
    save_result(evaluate(index, wrong, DAY), path, "set")
    before = read_result(path, "set")
    assert before is not None
    assert before["overall"]["success_at_1"] == 0.0
    better = evaluate(index, [Case("排水许可", "drain", 3), wrong[1]], DAY)
    assert list(moved(better, before)) == [("排水许可", None, 1)]
    assert read_result(path, "other") is None


@pytest.mark.parametrize("content", ["{bad", "[]", '{"set": 3}', '{"set": {}}'])
def test_a_file_that_is_no_kept_result_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kept.json"
    path.write_text(content, "utf-8")
    with pytest.raises(PolicyError, match="这不是 policykb evaluate --save 存下的结果"):
        read_result(path, "set")


def test_every_query_of_every_entry_is_a_case(tmp_path: Path) -> None:
    cases = cases_of(make_library(ROAD, DRAIN, tmp_path=tmp_path))
    assert cases == (
        Case("饭店要不要办排水证", "drain", 3, style=OWN),
        Case("挖马路找谁", "road", 3, style=OWN),
    )


def test_judgements_are_read_from_a_table(tmp_path: Path) -> None:
    path = tmp_path / "judgements.csv"
    table = 'query,slug,grade,why\n"挖路，找谁",road,3,"说的就是它"\n\n排水,drain,1,\n'
    path.write_text(table, "utf-8")
    assert read_judgements(path) == (
        Case("挖路，找谁", "road", 3, "说的就是它"),
        Case("排水", "drain", 1, ""),
    )


def test_a_table_may_tell_the_style_and_what_the_library_does_not_have(tmp_path: Path) -> None:
    path = tmp_path / "judgements.csv"
    path.write_text("query,slug,grade,why,style\n护照怎么办,,0,库里没有,库外\n", "utf-8")
    assert read_judgements(path) == (Case("护照怎么办", "", 0, "库里没有", "库外"),)


def test_judgements_are_read_from_lines_of_json(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    lines = [
        '{"query": "挖路", "relevant": ["road", "drain"]}',
        '{"query": "护照", "relevant": []}',
    ]
    path.write_text("\n".join(lines), "utf-8")
    assert read_judgements(path) == (
        Case("挖路", "road", 1),
        Case("挖路", "drain", 1),
        Case("护照", "", 1),
    )


def test_bad_lines_of_json_are_told_with_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text('x\n{"query": ""}\n{"query": "挖路", "relevant": "road"}\n[]\n', "utf-8")
    with pytest.raises(PolicyError) as caught:
        read_judgements(path)
    assert [(problem.line, problem.field) for problem in caught.value.problems] == [
        (1, ""),
        (2, "query"),
        (3, "relevant"),
        (4, "query"),
    ]


def test_every_bad_line_is_told_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "judgements.csv"
    path.write_text("query,slug,grade,why\n挖路,road,5,\n,road,1,\n挖路,road,1\n", "utf-8")
    with pytest.raises(PolicyError) as caught:
        read_judgements(path)
    assert [str(problem) for problem in caught.value.problems] == [
        f"{path}:2 grade：只能是 0、1、2 或 3，现在是“5”。",
        f"{path}:3 query：没有写问的是什么。",
        f"{path}:4：要和第一行一样多格，现在有 3 格；有逗号的话要加引号。",
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
