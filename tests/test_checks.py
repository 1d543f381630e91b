"""How entries fit together: relations, document numbers, references, links."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from factories import SMALLEST

from indexer.loader import inspect_library

Messages = Callable[[dict[str, dict[str, object]]], list[str]]


@pytest.fixture
def messages(tmp_path: Path) -> Messages:
    """Write the entries, given by slug with the fields that differ, and return all messages."""

    def check(entries: dict[str, dict[str, object]]) -> list[str]:
        root = tmp_path / "policies"
        for slug, fields in entries.items():
            path = root / f"{slug}.md"
            path.parent.mkdir(parents=True, exist_ok=True)
            body = fields.pop("body", "正文")
            head = yaml.safe_dump({**SMALLEST, **fields}, allow_unicode=True, sort_keys=False)
            path.write_text(f"---\n{head}---\n{body}\n", encoding="utf-8")
        return [f"{p.path} {p.field}：{p.message}" for p in inspect_library(root)[1]]

    return check


def test_a_replacement_written_on_both_sides_is_accepted(messages: Messages) -> None:
    assert not messages(
        {
            "new": {"supersedes": ["old"], "effective": "2026-01-01"},
            "old": {"superseded_by": "new", "expires": "2025-12-31"},
        }
    )


def test_a_replacement_written_on_the_old_side_only_is_told(messages: Messages) -> None:
    assert messages({"new": {}, "old": {"superseded_by": "new", "expires": "2025-12-31"}}) == [
        "policies/old.md superseded_by：new 没有写它替代了本条；"
        "请在 new.md 的 supersedes 里加上 old。"
    ]


def test_a_replacement_written_on_the_new_side_only_is_told(messages: Messages) -> None:
    assert messages({"new": {"supersedes": ["old"]}, "old": {}}) == [
        "policies/new.md supersedes.1：old 的 superseded_by 没有写；"
        "请在 old.md 里写 superseded_by: new。"
    ]


def test_the_old_one_must_end_before_the_new_one_begins(messages: Messages) -> None:
    assert messages(
        {
            "new": {"supersedes": ["old"], "effective": "2026-01-01"},
            "old": {"superseded_by": "new", "expires": "2026-01-01"},
        }
    ) == [
        "policies/new.md supersedes.1：old 的失效日期 2026-01-01 应早于本条的施行日期 2026-01-01；"
        "失效日期是有效的最后一天。"
    ]


def test_the_old_one_cannot_begin_after_the_new_one(messages: Messages) -> None:
    assert messages(
        {
            "new": {"repeals": ["old"], "effective": "2020-01-01"},
            "old": {"effective": "2021-01-01", "expires": "2022-01-01"},
        }
    )[-1:] == [
        "policies/new.md repeals.1：old 的施行日期 2021-01-01 晚于本条的施行日期 2020-01-01，"
        "请核对谁替代谁。"
    ]


def test_what_is_repealed_needs_its_last_day(messages: Messages) -> None:
    assert messages({"new": {"repeals": ["old"]}, "old": {}}) == [
        "policies/new.md repeals.1：old 已被本条废止，却没有失效日期；请在 old.md 里写 expires。"
    ]


def test_nothing_in_force_rests_on_what_has_ended(messages: Messages) -> None:
    assert messages(
        {"plan": {"based_on": ["law"], "expires": "2026-06-30"}, "law": {"expires": "2025-12-31"}}
    ) == [
        "policies/plan.md based_on.1：依据的 law 到 2025-12-31 失效，本条却更晚（到 2026-06-30）；"
        "请换成现行的依据，或者写明本条的 expires。"
    ]


def test_a_circle_of_grounds_is_told_once_with_its_way(messages: Messages) -> None:
    assert messages(
        {"a": {"based_on": ["b"]}, "b": {"based_on": ["c"]}, "c": {"based_on": ["a"]}}
    ) == ["policies/a.md based_on：绕成了一圈：a → b → c → a，请核对。"]


def test_two_circles_are_both_told(messages: Messages) -> None:
    found = messages(
        {
            "a": {"amends": ["b"]},
            "b": {"amends": ["a"]},
            "c": {"amends": ["d"]},
            "d": {"amends": ["c"]},
        }
    )
    assert len([message for message in found if "绕成了一圈" in message]) == 2


def test_an_entry_cannot_point_at_itself(messages: Messages) -> None:
    assert messages({"a": {"related": ["a"]}}) == ["policies/a.md related.1：不能指向自己。"]


def test_an_unknown_entry_is_told_with_the_nearest_name(messages: Messages) -> None:
    assert messages(
        {
            "loan-2022": {"superseded_by": "loan-2025", "expires": "2024-01-01"},
            "loan-2026": {},
        }
    ) == ["policies/loan-2022.md superseded_by：政策库里没有“loan-2025”。您是不是想写 loan-2026？"]


def test_one_document_number_belongs_to_one_entry_in_any_spelling(messages: Messages) -> None:
    assert messages(
        {"a": {"doc_number": "国发〔2024〕3号"}, "b": {"doc_number": "国发 [2024] 3号"}}
    ) == [
        "policies/b.md doc_number：文号“国发 [2024] 3号”已写在 a.md；一个文号只能有一个条目，"
        "只是引用这份文件的请写在 documents 里。"
    ]


def test_two_files_of_one_name_are_told(messages: Messages) -> None:
    assert messages({"x/a": {}, "y/a": {}}) == [
        "policies/y/a.md ：条目名 a 已被 x/a.md 用了，请改文件名。"
    ]


def test_a_source_mark_inside_a_nested_condition_must_exist(messages: Messages) -> None:
    condition = {"text": "任选", "any": [{"text": "一", "source": ["B"]}]}
    assert messages({"a": {"eligibility": [condition]}}) == [
        "policies/a.md eligibility.1.any.1.source：sources 里没有代号“B”。已有的代号：A。"
    ]


def test_a_source_mark_stands_for_one_source_only(messages: Messages) -> None:
    sources = [{"id": "A", "title": title, "doc_number": "一号"} for title in "甲乙"]
    assert messages({"a": {"sources": sources}}) == [
        "policies/a.md sources.2.id：出处代号“A”用了两次，请改一个。"
    ]


@pytest.mark.parametrize(
    "link",
    ["http://a.cn", "https://a.cn/b?c=d", "mailto:a@b.cn", "tel:12345", "#top", "b.md#怎么办"],
)
def test_links_to_entries_and_to_the_web_are_accepted(link: str, messages: Messages) -> None:
    assert not messages({"a": {"body": f"见[这里]({link})。"}, "b": {}})


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "../secret.md", "/etc/passwd", "B.md", "x"]
)
def test_any_other_link_is_refused(link: str, messages: Messages) -> None:
    (message,) = messages({"a": {"body": f"见[这里]({link})。"}})
    assert "不能用：只能是" in message


@pytest.mark.parametrize("html", ["<b>粗</b>", "<!-- x -->", "<script>", "a<img src=x onerror=y>"])
def test_html_in_a_body_is_refused(html: str, messages: Messages) -> None:
    found = messages({"a": {"body": html}})
    assert found
    assert all("正文里不能写 HTML" in message for message in found)


def test_a_smaller_than_sign_before_a_number_is_no_html(messages: Messages) -> None:
    assert not messages({"a": {"body": "人数 < 300，收入<5000万元"}})


TWO_SITUATIONS: dict[str, object] = {
    "situations": [
        {"question": "办哪一种", "options": ["新办", "延续"]},
        {"question": "是不是工地", "options": ["施工排水", "不是工地"]},
    ],
    "materials": [
        {"name": "原来的证", "situation": "延续"},
        {"name": "施工图", "situation": ["新办", "施工排水"]},
    ],
}


def test_situations_that_parts_depend_on_are_accepted(messages: Messages) -> None:
    assert not messages({"permit": dict(TWO_SITUATIONS)})


def test_a_situation_that_nobody_can_tick_is_told_with_the_nearest_option(
    messages: Messages,
) -> None:
    fields = {**TWO_SITUATIONS, "procedure": [{"text": "申请", "situation": ["施工排谁"]}]}
    assert messages({"permit": fields}) == [
        "policies/permit.md procedure.1.situation.1："
        "situations 里没有“施工排谁”。您是不是想写 施工排水？"
    ]


def test_an_option_written_twice_and_a_question_that_changes_nothing_are_told(
    messages: Messages,
) -> None:
    fields = {
        "situations": [
            {"question": "办哪一种", "options": ["新办", "延续"]},
            {"question": "证在不在", "options": ["在", "延续"]},
        ],
        "materials": [{"name": "申请表", "situation": "新办"}],
    }
    assert messages({"permit": dict(fields)}) == [
        "policies/permit.md situations.2：没有一项按“证在不在”分情形；"
        "请在材料、步骤等的 situation 里写上它的选项。",
        "policies/permit.md situations.2.options.2：选项“延续”写了两次；一个条目里的选项不能重名。",
    ]
