"""Common questions: how they are gathered, shown, searched, and printed by the command."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from factories import make_index, make_library, make_policy, slugs
from mkdocs.utils.meta import get_data
from typer.testing import CliRunner

from indexer.cli import app
from indexer.entrypage import describe_answers
from indexer.faq import gather_questions
from indexer.pages import build_pages
from indexer.params import SearchParams
from indexer.policy import Policy, Status
from indexer.query import search
from indexer.terminal import print_answer
from indexer.writing import build_index

TODAY = date(2026, 11, 30)
ANSWER = {"question": "要办证吗", "short": "要办，先到窗口问清楚。"}
DRAINAGE, ROADS = "排水与污水", "市政道路"


def answered(slug: str, *questions: str, **fields: Any) -> Policy:
    """Return an entry that answers these questions."""
    rows = [{**ANSWER, "question": question} for question in questions or ("要办证吗",)]
    return make_policy(slug, **{"answers": rows, **fields})


def meta(out: Path, name: str) -> dict[str, Any]:
    _, data = get_data((out / name).read_text(encoding="utf-8"))
    return data


def build(tmp_path: Path, *policies: Policy) -> Path:
    out = tmp_path / "pages"
    build_pages(make_library(*policies, tmp_path=tmp_path / "policies"), out, TODAY)
    return out


def test_a_topic_gathers_the_questions_of_its_entries_and_of_no_others() -> None:
    policies = [
        answered("licence", "甲问一", "甲问二", topic=[DRAINAGE, ROADS]),
        answered("digging", topic=[ROADS]),
        make_policy("silent", topic=[DRAINAGE]),
    ]
    gathered = gather_questions(policies, {}, TODAY)
    assert [(of.topic.name, of.total) for of in gathered] == [(DRAINAGE, 2), (ROADS, 3)]
    assert [group["slug"] for group in gathered[1].groups] == ["digging", "licence"]
    assert [row["question"] for row in gathered[0].first(3)] == ["甲问一"]


def test_what_is_over_comes_after_what_is_in_force() -> None:
    policies = [
        answered("a-expired", effective="2024-01-01", expires="2025-12-31"),
        answered("b-rule", kind="rule"),
        answered("c-service", expires="2026-11-30"),
    ]
    (of,) = gather_questions(policies, {}, TODAY)
    assert [group["slug"] for group in of.groups] == ["c-service", "b-rule", "a-expired"]


def test_an_answer_is_shown_with_its_basis_and_the_sources_it_cites() -> None:
    policy = make_policy(
        "licence",
        answers=[{**ANSWER, "long": "长的答复", "basis": "示例条例第1条", "source": ["A", "C"]}],
        sources=[
            {"id": "A", "title": "示例条例", "doc_number": "国务院令第641号"},
            {"id": "B", "title": "没有引用", "location": "公开文本"},
            {"id": "C", "title": "财政部公告2026年第10号", "doc_number": "公告2026年第10号"},
        ],
    )
    told = describe_answers(policy, {})
    assert told["reviewed"] == "2026-11-23"
    assert told["rows"] == [
        {
            "id": "answer-1",
            **ANSWER,
            "long": "长的答复",
            "basis": "示例条例第1条",
            "sources": ["示例条例（国务院令第641号）", "财政部公告2026年第10号"],
        }
    ]


def test_the_warning_of_each_status_names_its_day_and_what_holds_instead() -> None:
    old = answered("old", effective="2024-01-01", expires="2025-12-31", superseded_by="new")
    warnings = describe_answers(old, {"new": "新的办法"})["warnings"]
    assert warnings[Status.PENDING].startswith("尚未施行：从 2024-01-01 起施行")
    assert warnings[Status.EXPIRED].startswith("已失效：有效期到 2025-12-31 为止")
    assert warnings[Status.SUPERSEDED] == "已被替代：有效到 2025-12-31，现在请看《新的办法》"


def test_each_topic_gets_a_page_and_its_list_leads_there(tmp_path: Path) -> None:
    out = build(tmp_path, answered("licence", "甲问一", "甲问二"), make_policy("plain"))
    page = meta(out, "questions/drainage.md")
    assert page["title"] == "排水与污水：常见问题"
    assert page["total"] == 2
    assert [group["slug"] for group in page["groups"]] == ["licence"]
    assert meta(out, "questions.md")["topics"][0]["first"][0]["question"] == "甲问一"
    beside = meta(out, "topics/drainage.md")["questions"]
    assert beside == {"page": "questions/drainage", "total": 2}
    assert meta(out, "topics/roads.md")["questions"] is None
    assert meta(out, "service.md")["questions"] is None
    assert not (out / "questions/roads.md").exists()


def test_many_questions_of_a_topic_are_spread_over_pages_each_on_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.pages.ASKED_ENTRIES", 2)
    entries = [answered(name, f"{name}问", topic=[ROADS]) for name in "abcde"]
    out = build(tmp_path, *entries)
    pages = [meta(out, f"questions/roads{end}.md") for end in ("", "-2", "-3")]
    assert [[card["slug"] for card in page["groups"]] for page in pages] == [
        ["a", "b"],
        ["c", "d"],
        ["e"],
    ]
    assert {page["total"] for page in pages} == {5}
    assert [page["title"] for page in pages][1:] == [
        "市政道路：常见问题（第 2 页）",
        "市政道路：常见问题（第 3 页）",
    ]
    for number, page in enumerate(pages):
        (here,) = (step["page"] for step in page["steps"] if step["current"])
        assert here == ("questions/roads", "questions/roads-2", "questions/roads-3")[number]
    assert not (out / "questions/roads-4.md").exists()


def test_the_page_of_a_topic_goes_with_its_last_answer(tmp_path: Path) -> None:
    build(tmp_path, answered("licence"))
    out = build(tmp_path, make_policy("licence"))
    assert not (out / "questions/drainage.md").exists()
    assert meta(out, "questions.md")["topics"] == []


@pytest.mark.parametrize("query", ["酿酒剩下的酒糟", "沉淀池隔夜再放", "找园区管家登记"])
def test_a_question_and_both_answers_can_be_searched(query: str) -> None:
    answer = {
        "question": "酿酒剩下的酒糟水能不能倒下水道",
        "short": "先在沉淀池隔夜再放，别直接倒。",
        "long": "园区里的找园区管家登记。",
    }
    index = make_index(make_policy("licence", answers=[answer]), make_policy("other"))
    assert slugs(search(index, SearchParams(q=query), TODAY))[:1] == ["licence"]


def test_the_sites_own_search_reads_the_answers(tmp_path: Path) -> None:
    out = build(tmp_path, answered("licence", "酒糟水能不能倒"))
    texts = "".join(path.read_text("utf-8") for path in (out / "assets/search").glob("texts*.js"))
    assert "酒糟水能不能倒 要办，先到窗口问清楚。" in texts


def test_a_question_of_the_answers_neither_pins_nor_suggests() -> None:
    index = make_index(answered("licence", "酒糟水能不能倒下水道"))
    assert "酒糟水" not in index.folded_phrases


def told_by_search(tmp_path: Path, *policies: Policy) -> str:
    """Return what the command prints for a query that finds all of these entries."""
    index = tmp_path / "index"
    build_index(make_library(*policies, tmp_path=tmp_path / "policies"), index)
    done = CliRunner().invoke(
        app, ["search", "排水管网许可", "--index", str(index), "--as-of", str(TODAY)]
    )
    assert done.exit_code == 0
    return done.stdout


def test_the_command_reads_out_the_first_answer_of_the_first_hit_only(tmp_path: Path) -> None:
    told = told_by_search(tmp_path, answered("one", "甲问一", "甲问二"), answered("two"))
    assert told.count("共 2 条") == 1
    assert told.count("    答：要办，先到窗口问清楚。\n") == 1


def test_the_command_says_first_that_an_answer_is_out_of_date(tmp_path: Path) -> None:
    old = answered("old", effective="2024-01-01", expires="2025-12-31")
    assert "    答：【已失效】要办，先到窗口问清楚。\n" in told_by_search(tmp_path, old)


def test_an_answer_with_brackets_is_printed_as_it_stands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = search(make_index(answered("one")), SearchParams(q="排水管网许可"), TODAY)
    print_answer(answer, {}, {}, "[red]要办[/red]。")
    assert "答：[red]要办[/red]。" in capsys.readouterr().out


def test_an_entry_without_answers_prints_none(tmp_path: Path) -> None:
    assert "答：" not in told_by_search(tmp_path, make_policy("silent"))
