"""Impact: the commands `diff` and `impact` on real repositories, and what they find touched."""

import io
import json
import re
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from factories import HEADCOUNT, SMALLEST
from repository import PERMIT, PROCEDURE, Repository

from indexer.changereport import Part, render_markdown, render_text
from indexer.cli import main
from indexer.impact import find_ties, turns_of
from indexer.loader import load_library
from indexer.matching import Outcome
from indexer.personas import read_persona, read_personas
from indexer.policy import Policy
from indexer.problems import PolicyError
from indexer.snapshots import compare_snapshots, take_past, take_present

ROOT = Path(__file__).resolve().parent.parent
DAY = "2026-11-30"
LOAN: dict[str, Any] = {
    **SMALLEST,
    "title": "稳岗贷款",
    "audience": ["enterprise"],
    "queries": ["稳岗贷款怎么申请"],
    "eligibility": [HEADCOUNT],
    "benefits": [
        {
            "type": "补贴",
            "text": "按人补",
            "amount": 100,
            "unit": "元",
            "estimate": [
                {"name": "补贴", "formula": "headcount * 100", "unit": "元", "basis": "办法第1条"}
            ],
        }
    ],
    "key_points": [{"text": "按人补", "basis": "办法第1条"}],
    "answers": [{"question": "补多少", "short": "一个人一百块钱。", "basis": "办法第1条"}],
}
OPENING: dict[str, Any] = {
    **SMALLEST,
    "title": "开饭店要办哪些手续",
    "kind": "rule",
    "topic": "办事规则",
    "bundle": [{"id": "drainage", "entry": "permit"}, {"id": "licence", "name": "营业执照"}],
    "body": "先看[排水许可](permit.md)。",
}
SHOP = (
    "who: 一家小店\nas_of: '2026-11-24'\nprofile: {audience: 企业, headcount: '200'}\nlikely: []\n"
)


@pytest.fixture
def office(tmp_path: Path) -> Repository:
    """An office with four entries, a made-up shop, and a judged query, all committed."""
    made = Repository(tmp_path / "office")
    (made.root / "tests" / "personas").mkdir(parents=True)
    (made.root / "tests" / "personas" / "shop.yml").write_text(SHOP, encoding="utf-8")
    judged = "query,slug,grade,why\n排水证,permit,3,日常说法\n"
    (made.root / "tests" / "judgements.csv").write_text(judged, encoding="utf-8")
    made.commit("2026-11-01", permit=PERMIT, procedure=PROCEDURE, loan=LOAN, opening=OPENING)
    return made


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


def run_in(folder: Path, *words: str) -> Done:
    """Run the command in a folder; in this process, which has loaded everything already."""
    streams = io.StringIO(), io.StringIO()
    with chdir(folder), redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        try:
            main(words)
        except SystemExit as error:
            return Done(int(error.code or 0), *(stream.getvalue() for stream in streams))
    raise AssertionError("the command always exits")


def run(office: Repository, *words: str) -> Done:
    return run_in(office.root, *words, "--as-of", DAY)


def diff(office: Repository, *words: str, code: int = 0) -> Any:
    done = run(office, "diff", *(words or ("HEAD",)), "--no-search", "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


# What is different


def test_without_a_change_nothing_is_told(office: Repository) -> None:
    told = diff(office)
    assert told["entries"] == []
    assert not any(told["impact"].values())
    assert "没有条目变化" in run(office, "diff", "HEAD").stdout


def test_new_changed_moved_and_withdrawn_entries_are_told_apart(office: Repository) -> None:
    office.write(fresh={**SMALLEST, "title": "新的一条"}, loan={**LOAN, "level": "province"})
    (office.policies / "rules").mkdir()
    (office.policies / "procedure.md").rename(office.policies / "rules" / "procedure.md")
    (office.policies / "opening.md").unlink()
    found = {entry["slug"]: entry for entry in diff(office)["entries"]}
    assert {slug: entry["fate"] for slug, entry in found.items()} == {
        "fresh": "new",
        "loan": "changed",
        "opening": "withdrawn",
        "procedure": "moved",
    }
    assert [change["words"] for change in found["loan"]["changes"]] == ["层级：市 → 省"]
    assert found["procedure"]["new_path"] == "rules/procedure.md"


def test_an_entry_under_another_name_is_the_same_entry(office: Repository) -> None:
    (office.policies / "loan.md").unlink()
    office.write(stable_loan={**LOAN, "reviewed": "2026-11-29"})
    (entry,) = diff(office)["entries"]
    assert (entry["fate"], entry["slug"], entry["old_path"]) == ("moved", "stable-loan", "loan.md")
    assert [change["words"] for change in entry["changes"]] == ["核对日期：2026-11-23 → 2026-11-29"]


def test_two_revisions_are_compared_whatever_the_files_say_now(office: Repository) -> None:
    office.commit("2026-11-02", loan={**LOAN, "level": "province"})
    office.write(loan={**LOAN, "level": "district"})
    (entry,) = diff(office, "HEAD~1", "main")["entries"]
    assert entry["changes"][0]["words"] == "层级：市 → 省"


def test_line_ends_alone_are_no_change(office: Repository) -> None:
    path = office.policies / "loan.md"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert diff(office)["entries"] == []


def test_not_a_word_of_internal_notes_is_told(office: Repository) -> None:
    office.commit("2026-11-02", loan={**LOAN, "internal": "旧的备注，不外传"})
    office.write(loan={**LOAN, "internal": "新的备注，也不外传"})
    for words in (("--json",), ("--markdown",), ()):
        done = run(office, "diff", "HEAD", *words)
        assert done.returncode == 0
        assert "内部备注" in done.stdout
        assert "外传" not in done.stdout


def test_mistakes_of_the_present_are_told_and_the_rest_is_compared(office: Repository) -> None:
    office.write(loan={**LOAN, "level": "street"}, permit={**PERMIT, "title": "排水的许可"})
    told = diff(office, "HEAD", code=1)
    assert [problem["path"] for problem in told["problems"]["after"]] == ["policies/loan.md"]
    assert {entry["slug"] for entry in told["entries"]} == {"loan", "permit"}
    assert "现在有问题的条目" in run(office, "diff", "HEAD", "--no-search").stdout


def test_an_entry_that_cannot_be_worked_out_keeps_nothing_else_from_being_compared(
    office: Repository,
) -> None:
    circle = [{"id": "a", "name": "甲", "after": ["b"]}, {"id": "b", "name": "乙", "after": ["a"]}]
    benefit = LOAN["benefits"][0]
    estimate = {**benefit["estimate"][0], "formula": "headcount *"}
    office.write(
        opening={**OPENING, "bundle": circle},
        loan={**LOAN, "benefits": [{**benefit, "estimate": [estimate]}]},
        permit={**PERMIT, "title": "排水的许可"},
    )
    told = diff(office, "HEAD", code=1)
    assert {problem["path"] for problem in told["problems"]["after"]} == {
        "policies/loan.md",
        "policies/opening.md",
    }
    assert {entry["slug"] for entry in told["entries"]} == {"loan", "opening", "permit"}
    assert [notice["slug"] for notice in told["impact"]["notices"]] == ["permit"]
    assert run(office, "diff", "HEAD", "--json").returncode == 1  # with the search as well


# What it touches


def test_a_status_tells_today_and_the_days_on_which_it_turns(office: Repository) -> None:
    office.write(loan={**LOAN, "effective": "2026-01-01", "expires": "2026-11-29"})
    (status,) = diff(office)["impact"]["statuses"]
    assert status["today"] == ["现行有效", "已失效"]
    assert status["before"] == []
    assert status["after"] == ["2026-01-01 起现行有效", "2026-11-30 起已失效"]


def test_an_entry_that_is_never_in_force_is_told_right() -> None:
    policy = Policy.model_validate(
        {**SMALLEST, "slug": "a", "body": "x", "effective": DAY, "expires": DAY}
    )
    assert turns_of(policy) == (f"{DAY} 起现行有效", "2026-12-01 起已失效")


def test_notices_that_print_otherwise_are_told_with_their_cause(office: Repository) -> None:
    office.write(procedure={**PROCEDURE, "remedies": [{"name": "行政复议", "text": "60 天内"}]})
    (notice,) = diff(office)["impact"]["notices"]
    assert (notice["slug"], notice["because"], notice["options"]) == ("permit", ["procedure"], [])
    assert notice["lines"] == [
        "原来　不服怎么办：行政复议：知道之日起 60 日内",
        "现在　不服怎么办：行政复议：60 天内",
    ]


def test_a_notice_that_changes_for_one_situation_says_which(office: Repository) -> None:
    papers = [PERMIT["materials"][0], {"name": "原来的证和照片", "situation": "延续"}]
    office.write(permit={**PERMIT, "materials": papers})
    (notice,) = diff(office)["impact"]["notices"]
    assert notice["options"] == ["延续"]


def test_a_date_of_review_alone_prints_no_other_notice(office: Repository) -> None:
    office.write(permit={**PERMIT, "reviewed": "2026-11-29"})
    assert diff(office)["impact"]["notices"] == []


def test_plans_of_bundles_follow_the_limits_of_their_steps(office: Repository) -> None:
    office.write(permit={**PERMIT, "time_limit": [{**PERMIT["time_limit"][0], "value": 20}]})
    (plan,) = diff(office)["impact"]["plans"]
    assert plan["slug"] == "opening"
    assert any("15 个工作日" in line for line in plan["lines"] if line.startswith("原来"))
    assert any("20 个工作日" in line for line in plan["lines"] if line.startswith("现在"))


def test_made_up_people_are_judged_on_both_states(office: Repository) -> None:
    office.write(loan={**LOAN, "eligibility": [{**HEADCOUNT, "value": "100"}]})
    (row,) = diff(office)["impact"]["matches"]
    assert (row["persona"], row["before"], row["after"]) == ("shop", "很可能符合", "不符合")


def test_an_estimate_that_comes_to_something_else_is_told(office: Repository) -> None:
    benefit = LOAN["benefits"][0]
    estimate = {**benefit["estimate"][0], "formula": "headcount * 50"}
    office.write(loan={**LOAN, "benefits": [{**benefit, "estimate": [estimate]}]})
    (row,) = diff(office)["impact"]["matches"]
    assert row["estimates"] == [["补贴约 2 万元"], ["补贴约 1 万元"]]


def test_questions_asked_and_no_longer_asked_are_told(office: Repository) -> None:
    condition = {"text": "要贷款", "field": "financing_need", "op": "is_true"}
    office.write(loan={**LOAN, "eligibility": [condition]})
    (rule,) = diff(office)["impact"]["rules"]
    assert [key.partition("（")[2] for key in rule["asked"]] == ["financing_need）"]
    assert rule["dropped"] == []  # the estimate still asks how many there are


def test_a_basis_that_is_gone_names_the_answers_that_still_cite_it(office: Repository) -> None:
    benefit = LOAN["benefits"][0]
    bare = {**benefit, "estimate": [{**benefit["estimate"][0], "basis": "办法第2条"}]}
    points = [{"text": "按人补", "basis": "办法第2条"}]
    office.write(loan={**LOAN, "benefits": [bare], "key_points": points})
    (lost,) = diff(office)["impact"]["bases"]
    assert (lost["basis"], lost["cited_by"]) == ("办法第1条", ["补多少"])


def test_ties_are_told_from_both_ends(office: Repository) -> None:
    office.write(permit={**PERMIT, "title": "排水的许可"})
    (entry,) = diff(office)["entries"]
    assert entry["ties"] == {
        "bundled_in": ["opening"],
        "based_on": ["procedure"],
        "linked_from": ["opening"],
    }
    office.write(permit={**PERMIT, "documents": [{"title": "条例"}]})
    office.write(procedure={**PROCEDURE, "documents": [{"title": "条例", "articles": "第1条"}]})
    ties = find_ties(load_library(office.policies))
    assert ties["permit"]["shares"] == ("procedure",)
    assert ties["procedure"]["basis_of"] == ("permit",)


def test_judged_queries_that_find_something_else_are_told(office: Repository) -> None:
    office.write(permit={**PERMIT, "aliases": ["排水证"]}, loan={**LOAN, "title": "排水证贷款"})
    office.commit("2026-11-02")
    office.write(permit={**PERMIT, "title": "往下水道排水的许可"})
    done = run(office, "diff", "HEAD", "--json")
    assert done.returncode == 0, done.stderr
    moves = json.loads(done.stdout)["queries"]
    (move,) = [move for move in moves if move["query"] == "排水证"]
    assert (move["first"], move["worse"]) == (["permit", "loan"], True)
    assert move["wanted"] == ["permit"]
    assert "检索结果变了的查询" in run(office, "diff", "HEAD").stdout


def test_a_new_name_alone_moves_no_query(office: Repository) -> None:
    (office.policies / "loan.md").rename(office.policies / "stable-loan.md")
    done = run(office, "diff", "HEAD", "--json")
    assert json.loads(done.stdout)["queries"] == []


def test_what_was_not_looked_at_is_said(office: Repository) -> None:
    (office.root / "tests" / "judgements.csv").unlink()
    (office.root / "tests" / "personas" / "shop.yml").unlink()
    (office.root / "tests" / "personas").rmdir()
    office.write(loan={**LOAN, "level": "province"})
    left_out = diff(office)["left_out"]
    assert [text.partition("，")[0] for text in left_out] == [
        "没有文件夹 tests/personas",
        "没有文件 tests/judgements.csv",
        "检索结果没有比（--no-search）。",
    ]


# The commands


@pytest.mark.parametrize(
    ("revision", "message"),
    [
        ("nope", "历史里没有“nope”这个版本。可以写分支名、标签、提交号或 HEAD~1"),
        ("--output=x", "历史里没有“--output=x”这个版本。"),
        ("HEAD..main", "要比两个版本，请分开写：policykb diff 旧版本 新版本。"),
        ("HEAD:policies", "历史里没有“HEAD:policies”这个版本。"),
        ("a\nb", "历史里没有“a b”这个版本。"),
        ("", "历史里没有“”这个版本。"),
    ],
)
def test_a_revision_that_is_none_is_told_with_what_there_is(
    office: Repository, revision: str, message: str
) -> None:
    done = run_in(office.root, "diff", "--as-of", DAY, "--", revision)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (office.root / "x").exists()


def test_outside_a_repository_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    done = run_in(tmp_path, "diff", "HEAD")
    assert done.returncode == 2
    assert "不在 git 仓库里" in done.stderr


def test_what_was_named_but_is_not_there_is_wrong_use(office: Repository) -> None:
    for option in ("--personas", "--judgements"):
        done = run(office, "diff", "HEAD", option, "nowhere")
        assert (done.returncode, f"{option}：没有 nowhere" in done.stderr) == (2, True)


def test_the_report_is_written_as_markdown_or_json(office: Repository) -> None:
    office.write(loan={**LOAN, "level": "province"})
    done = run(office, "diff", "HEAD", "--no-search", "--out", "change.md")
    assert (done.returncode, done.stdout) == (0, "")
    text = (office.root / "change.md").read_text(encoding="utf-8")
    assert text.startswith("# 政策库的变化：")
    assert "\n- 层级：市 → 省\n" in text
    run(office, "diff", "HEAD", "--no-search", "--json", "--out", "change.json")
    told = json.loads((office.root / "change.json").read_text(encoding="utf-8"))
    assert told["entries"][0]["slug"] == "loan"
    done = run(office, "diff", "HEAD", "--no-search", "--out", "no/such/folder.md")
    assert (done.returncode, "写不了" in done.stderr) == (2, True)


def test_what_an_entry_says_becomes_neither_markup_nor_an_order() -> None:
    hostile = "<img src=x> | `x` *x* [x](y) # @team\x1b[31m\n## x"
    part = Part("标题 <b>", (hostile,), ("甲", "乙"), ((hostile, "b"),))
    text = render_markdown(part)
    assert re.search(r"(?<!\\)[<`*\[]", text) is None
    assert "@team" not in text
    assert "\x1b" not in text
    assert len([line for line in text.splitlines() if line.startswith("#")]) == 1
    (row,) = [line for line in text.splitlines() if line.startswith("| \\<")]
    assert row.count(" | ") == 1
    assert "\x1b" not in render_text(part)


def test_long_parts_are_folded_in_markdown() -> None:
    text = render_markdown(Part("很长", tuple(f"第 {n} 行" for n in range(30))))
    assert "<details><summary>一共 30 行，点开看</summary>" in text
    assert "<details>" not in render_markdown(Part("短", ("一行",)))


def test_impact_tells_what_hangs_on_an_entry_before_it_is_changed(office: Repository) -> None:
    done = run(office, "impact", "procedure", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    standing = told["standing"]
    assert told["change"] is None
    assert standing["inherited_by"] == [["permit", "排水许可"]]
    assert standing["ties"] == [["以本条为依据", [["permit", "排水许可"]]]]
    permit = json.loads(run(office, "impact", "permit", "--json").stdout)["standing"]
    assert (permit["has_notice"], permit["situations"]) == (True, 2)
    assert (permit["queries"], permit["judged"]) == (1, 2)
    loan = json.loads(run(office, "impact", "loan", "--json").stdout)["standing"]
    assert loan["outcomes"] == [["很可能符合", 1]]
    assert (loan["estimates"], loan["answers"]) == (1, ["补多少"])
    assert "没有改动" in run(office, "impact", "loan").stdout


def test_impact_tells_what_the_change_to_one_entry_does_by_itself(office: Repository) -> None:
    office.write(
        loan={**LOAN, "eligibility": [{**HEADCOUNT, "value": "100"}]},
        permit={**PERMIT, "title": "排水的许可"},
    )
    change = json.loads(run(office, "impact", "loan", "--no-search", "--json").stdout)["change"]
    assert [entry["slug"] for entry in change["entries"]] == ["loan"]
    assert [row["after"] for row in change["impact"]["matches"]] == ["不符合"]
    assert change["impact"]["notices"] == []


def test_impact_works_without_history_and_asks_for_a_real_entry(tmp_path: Path) -> None:
    office = Repository(tmp_path / "office")
    office.write(loan=LOAN)
    done = run(office, "impact", "loan")
    assert done.returncode == 0
    assert "比不了：" in done.stdout
    wrong = run(office, "impact", "lone")
    assert (wrong.returncode, "您是不是想写 loan？" in wrong.stderr) == (2, True)


def test_a_snapshot_of_the_past_is_of_entries_only(office: Repository, tmp_path: Path) -> None:
    (office.policies / "templates").mkdir()
    (office.policies / "templates" / "loan.md").write_text("样例", encoding="utf-8")
    (office.policies / "index.md").write_text("首页", encoding="utf-8")
    office.commit("2026-11-03")
    past = take_past(office.policies, "HEAD", tmp_path / "past")
    present = take_present(office.policies)
    assert sorted(past.files) == ["loan.md", "opening.md", "permit.md", "procedure.md"]
    assert past.problems == present.problems == ()
    assert compare_snapshots(past, present) == ()
    assert past.name.endswith("（2026-11-03）")


# Made-up people


def test_made_up_people_are_read_with_what_they_should_get() -> None:
    people = read_personas(ROOT / "tests" / "personas")
    assert len(people) >= 100
    one = next(person for person in people if person.name == "bidder-above-200-wan")
    assert one.day == date(2026, 11, 24)
    assert one.expected[Outcome.MORE_INFORMATION] == ("gov-procurement-sme",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("who: [", "不是虚构人物的写法"),
        ("who: a\nas_of: x\nprofile: {}\n", "不是虚构人物的写法"),
        ("who: a\nas_of: '2026-01-01'\nprofile: {}\nhobby: 钓鱼\n", "没有这样的项：hobby"),
        ("who: a\nas_of: '2026-01-01'\nprofile: {headcount: 很多}\n", "headcount"),
        ("- a\n", "不是虚构人物的写法"),
    ],
)
def test_a_made_up_person_that_cannot_be_read_is_told(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "shop.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=message):
        read_persona(path)
    with pytest.raises(PolicyError):
        read_personas(tmp_path)
