"""Gaps: what an entry does not have or says is not verified, and whom one call could ask."""

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from factories import make_library, make_policy

from indexer.gaps import HOTLINES, Gap, Question, find_gaps, group_calls
from indexer.loader import load_library
from indexer.policy import Kind
from indexer.worklistfiles import FileForm, render_calls

ROOT = Path(__file__).resolve().parent.parent
TODAY = date(2026, 11, 30)
HOTLINE = {"name": "政务服务便民热线", "phone": "12345"}
WHOLE: dict[str, Any] = {
    "counter": [{"name": "窗口", "address": "一楼", "hours": "工作日"}],
    "contact": [HOTLINE, {"name": "窗口电话", "phone": "0533-1234567"}],
    "materials": [{"name": "营业执照"}],
    "fee": [{"text": "不收费"}],
}
DECISION = {"kind": "statutory", "stage": "decision", "text": "20 个工作日内决定"}


def gaps_of(tmp_path: Path, **fields: Any) -> list[Gap]:
    return list(find_gaps(make_library(make_policy("permit", **fields), tmp_path=tmp_path)))


def questions(tmp_path: Path, **fields: Any) -> list[Question]:
    return [gap.question for gap in gaps_of(tmp_path, **{**WHOLE, **fields})]


def test_a_service_with_everything_has_no_gap(tmp_path: Path) -> None:
    assert questions(tmp_path) == []


@pytest.mark.parametrize(
    ("fields", "question"),
    [
        ({"counter": []}, Question.COUNTER),
        ({"counter": [{"name": "窗口", "address": "一楼"}]}, Question.COUNTER),
        ({"contact": [HOTLINE]}, Question.PHONE),
        ({"contact": []}, Question.PHONE),
        ({"time_limit": [DECISION]}, Question.PROMISED),
        ({"materials": []}, Question.MATERIALS),
        ({"materials": [{"name": "排水许可申请表"}]}, Question.FORM),
        ({"materials": [{"name": "执照", "note": "以窗口一次告知为准"}]}, Question.MATERIALS),
        ({"fee": []}, Question.FEE),
        ({"fee": [{"text": "收", "note": "收多少，以窗口答复为准"}]}, Question.FEE),
        ({"benefits": [{"type": "补贴", "text": "标准以最新公布为准"}]}, Question.AMOUNT),
        ({"application_window": {"text": "受理时间以 12345 答复为准"}}, Question.PERIOD),
        ({"conditions": [{"text": "甲", "note": "之后是否修改没有核实"}]}, Question.CONDITION),
        ({"handling_body": [{"text": "哪个窗口受理没有查到"}]}, Question.HANDLING),
        ({"level": "district"}, Question.REGION),
        ({"documents": [{"title": "条例", "note": "此后是否修改未核实"}]}, Question.CURRENCY),
        ({"validity_note": "是否延续没有核实"}, Question.CURRENCY),
        ({"cautions": [{"text": "现在的数没有核实"}]}, Question.OTHER),
    ],
)
def test_what_is_missing_or_not_verified_becomes_a_question(
    fields: dict[str, Any], question: Question, tmp_path: Path
) -> None:
    assert questions(tmp_path, **fields) == [question]


@pytest.mark.parametrize(
    "text",
    [
        "没核实或者不符合的，不得组织竣工验收",
        "以排水户实际排放的为准",
        "条件由经办银行审核",
        "以本办法的规定为准",
    ],
)
def test_a_rule_about_verifying_is_no_gap(text: str, tmp_path: Path) -> None:
    assert questions(tmp_path, conditions=[{"text": text}]) == []


def test_a_promised_limit_or_a_form_that_is_there_is_not_asked_for(tmp_path: Path) -> None:
    promised = {"kind": "promised", "stage": "decision", "text": "承诺 5 个工作日"}
    form = {"name": "申请表", "template": "窗口免费领取"}
    assert questions(tmp_path, time_limit=[DECISION, promised], materials=[form]) == []


def test_a_condition_inside_a_group_is_read_too(tmp_path: Path) -> None:
    inner = {"text": "乙", "note": "口径没有核实"}
    eligibility = [{"text": "甲", "any": [{"text": "丙", "not": [inner]}]}]
    assert questions(tmp_path, eligibility=eligibility) == [Question.CONDITION]


def test_internal_notes_are_not_looked_at(tmp_path: Path) -> None:
    assert questions(tmp_path, internal="承诺时限没有核实") == []


def test_a_question_of_an_entry_is_asked_once(tmp_path: Path) -> None:
    materials = [{"name": name, "note": "以窗口一次告知为准"} for name in ("甲", "乙", "丙")]
    assert questions(tmp_path, materials=materials) == [Question.MATERIALS]


def test_one_call_answers_for_all_entries_of_an_office(tmp_path: Path) -> None:
    tax = {"name": "纳税服务热线", "phone": "12366"}
    window = {"text": "受理时间以 12366 答复为准"}
    policies = [
        make_policy(f"tax-{n}", kind="benefit", contact=[HOTLINE, tax], application_window=window)
        for n in range(3)
    ]
    road = make_policy("road", **{**WHOLE, "topic": ["市政道路"], "fee": []})
    calls = group_calls(find_gaps(make_library(*policies, road, tmp_path=tmp_path)))
    assert [(call.ask, call.entries) for call in calls] == [
        (HOTLINES["12366"], 3),
        ("管“市政道路”的部门（不知道打哪个电话的，先打 12345）", 1),
    ]


def test_a_document_is_looked_up_once_for_all_entries_that_rest_on_it(tmp_path: Path) -> None:
    document = {"title": "城市绿化条例", "level": "national", "note": "是否修改未核实"}
    policies = [make_policy(f"p-{n}", **WHOLE, documents=[document]) for n in range(3)]
    (call,) = group_calls(find_gaps(make_library(*policies, tmp_path=tmp_path)))
    assert call.ask == "发文机关的网站、国家法律法规数据库（国家的文件）"
    (item,) = call.items
    assert (item.seen, len(item.gaps)) == ("城市绿化条例", 3)


def test_a_table_of_questions_has_columns_to_fill_in(tmp_path: Path) -> None:
    policy = make_policy("road", title="=1+1", **{**WHOLE, "fee": []})
    calls = group_calls(find_gaps(make_library(policy, tmp_path=tmp_path)))
    data = render_calls(calls, FileForm.TABLE, TODAY)
    (row,) = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
    assert list(row)[-4:] == ["答复", "依据的文件", "答复的部门", "哪天问的"]
    assert row["条目（文件和行）"] == "'=1+1（road.md:1）"
    assert row["答复"] == ""
    text = render_calls(calls, FileForm.MARKDOWN, TODAY).decode()
    assert "| 收不收费，收多少，依据哪份文件 | 没有写 | =1+1（road.md:1） |  |" in text


def test_the_library_says_of_every_service_what_the_office_has_to_tell() -> None:
    """No service has a counter or a phone of its own yet: nobody has told the library."""
    library = load_library(ROOT / "policies")
    found = find_gaps(library)
    services = {p.slug for p in library.policies if p.kind is Kind.SERVICE and not p.counter}
    asked = {g.entry.policy.slug for g in found if g.question is Question.COUNTER}
    assert services <= asked
    assert all(gap.seen and gap.ask for gap in found)
