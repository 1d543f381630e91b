"""Reviews: two names on the present content, void after an edit, merged by git line by line."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from factories import make_library, make_policy
from hypothesis import given
from hypothesis import strategies as st
from repository import run_git

from indexer.library import Library
from indexer.loader import load_library
from indexer.problems import PolicyError
from indexer.reviews import (
    FILE,
    HEADER,
    LONGEST_NAME,
    NameRefused,
    Review,
    add_reviews,
    check_reviewed,
    check_reviews,
    fold_name,
    read_name,
    read_reviews,
)

ROOT = Path(__file__).resolve().parent.parent
DAY = date(2026, 11, 30)
ROAD = """---
title: 挖掘城市道路审批
kind: service
audience: [citizen, enterprise]
topic: 市政道路
level: national
issuer: 国务院
summary: 要挖开马路的，先申请批准。
sources:
  - title: 城市道路管理条例
    doc_number: 国务院令第198号
reviewed: 2026-11-23
---

挖路之前先申请，20 个工作日内答复。
"""
TREE = ROAD.replace("挖掘城市道路审批", "砍伐城市树木审批").replace("挖", "砍")


class Office:
    """A library in a repository, and the command as somebody there runs it."""

    def __init__(self, root: Path) -> None:
        self.root, self.policies = root, root / "policies"
        self.policies.mkdir()
        self.write("road", ROAD)
        self.write("tree", TREE)
        (root / ".gitattributes").write_bytes((ROOT / ".gitattributes").read_bytes())
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit()

    def write(self, slug: str, text: str) -> None:
        (self.policies / f"{slug}.md").write_text(text, encoding="utf-8")

    def git(self, *arguments: str) -> str:
        return run_git(self.root, *arguments)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "change")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "indexer", *words],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "300"},
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )

    def approve(self, *words: str) -> None:
        done = self.run("approve", *words)
        assert (done.returncode, done.stderr) == (0, "")

    def lines(self) -> list[str]:
        text = (self.policies / FILE).read_text(encoding="utf-8")
        return [line for line in text.splitlines() if not line.startswith("#")]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def lacking(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the files that a check complains of."""
    return re.findall(r"^(\S+?):\d+", done.stderr, re.M)


# The command and the check, as an office uses them


def test_an_entry_is_complete_once_two_different_people_have_read_it(office: Office) -> None:
    assert office.run("check").returncode == 0
    first = office.run("check", "--require-review")
    assert first.returncode == 1
    assert first.stderr.splitlines() == [
        f"policies/{slug}.md:1：这一版还没有人审核过，要 2 个不同的人看过。"
        f"看过没有问题，运行 policykb approve {slug} --name 姓名或岗位。"
        for slug in ("road", "tree")
    ] + ["共 2 处问题，在 2 个文件里。"]
    office.approve("road", "tree", "--name", "张三")
    assert "只有张三看过，还差 1 个人" in office.run("check", "--require-review").stderr
    office.approve("road", "--name", "审批岗")
    assert lacking(office.run("check", "--require-review")) == ["policies/tree.md"]
    office.approve("tree", "--name", "审批岗")
    assert office.run("check", "--require-review").returncode == 0


def test_how_many_names_are_needed_is_said_at_the_check(office: Office) -> None:
    office.approve("road", "tree", "--name", "张三")
    assert office.run("check", "--require-review", "--names", "1").returncode == 0
    assert office.run("check", "--require-review", "--names", "3").returncode == 1
    for words in (("--names", "1"), ("--since", "HEAD")):
        done = office.run("check", *words)
        assert done.returncode == 2
        assert "只和 --require-review 一起用" in done.stderr


def test_an_edit_makes_earlier_reviews_void_and_going_back_makes_them_count(
    office: Office,
) -> None:
    for name in ("张三", "李四"):
        office.approve("road", "tree", "--name", name)
    office.write("road", ROAD.replace("20 个", "15 个"))
    done = office.run("check", "--require-review")
    assert lacking(done) == ["policies/road.md"]
    assert "改动以前的审核不再作数" in done.stderr
    office.write("road", ROAD)
    assert office.run("check", "--require-review").returncode == 0


def test_whoever_approves_is_shown_what_changed_since_the_last_review(office: Office) -> None:
    first = office.run("approve", "road", "--name", "张三").stdout
    assert "挖掘城市道路审批（road）" in first
    assert "以前没有人审核过，请从头看" in first
    office.write("road", ROAD.replace("20 个", "15 个"))
    done = office.run("approve", "road", "--name", "张三", "--preview").stdout
    assert "- 挖路之前先申请，20 个工作日内答复。" in done
    assert "+ 挖路之前先申请，15 个工作日内答复。" in done
    assert "没有记下来。看过这一版的：还没有人。" in done
    assert len(office.lines()) == 1
    office.approve("road", "--name", "张三")
    office.write("road", ROAD.replace("20 个", "10 个"))  # what was approved was not committed
    assert "历史里查不到那一版" in office.run("approve", "road", "--name", "张三").stdout


def test_one_person_counts_once_however_the_name_is_written(office: Office) -> None:
    office.approve("road", "--name", "张 三")
    for name in ("张三", "张　三", "张\u200b三", " 张三 "):
        done = office.run("approve", "road", "--name", name)
        assert done.returncode == 2
        assert "请另一个人来看" in done.stderr
    office.approve("road", "--name", "ＡＢ岗")
    assert office.run("approve", "road", "--name", "ab 岗").returncode == 2
    assert len(office.lines()) == 2


def test_one_person_on_two_branches_is_still_one(tmp_path: Path) -> None:
    library = make_library(make_policy("road"), tmp_path=tmp_path)
    (entry,) = library.entries
    content = "a" * 40
    entry = replace(entry, digest=content)
    library = Library(tmp_path, (entry,))
    rows = [Review("road", content, name, DAY) for name in ("张三", "张 三", "张\u3000三")]
    add_reviews(tmp_path, read_reviews(tmp_path), rows)
    (problem,) = check_reviewed(library, read_reviews(tmp_path))
    assert "还差 1 个人" in problem.message


def test_of_several_entries_all_are_approved_or_none(office: Office) -> None:
    office.approve("tree", "--name", "张三")
    assert office.run("approve", "road", "tree", "--name", "张三").returncode == 2
    done = office.run("approve", "road", "tee", "--name", "李四")
    assert done.returncode == 2
    assert "您是不是想写 tree？" in done.stderr
    assert len(office.lines()) == 1


def test_an_entry_with_a_mistake_is_not_approved_but_others_are(office: Office) -> None:
    office.write("tree", TREE.replace("citizen", "x"))
    office.approve("road", "--name", "张三")
    done = office.run("approve", "tree", "--name", "张三")
    assert done.returncode == 1
    assert "policies/tree.md:4 audience.1" in done.stderr


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "长" * 41, "张三\x07", "13800138000"])
def test_a_name_that_is_none_is_refused(office: Office, name: str) -> None:
    done = office.run("approve", "road", "--name", name)
    assert done.returncode == 2
    assert done.stderr.startswith("policykb：--name：")
    assert not (office.policies / FILE).exists()


def test_machines_are_told_the_same(office: Office) -> None:
    office.approve("road", "--name", "张三")
    office.write("road", ROAD.replace("20 个", "15 个"))
    done = office.run("approve", "road", "--name", "李四", "--json")
    told: dict[str, Any] = json.loads(done.stdout)
    (row,) = told["entries"]
    assert (told["name"], told["saved"]) == ("李四", True)
    assert (row["slug"], row["names"], row["last"]["name"]) == ("road", ["李四"], "张三")
    assert len(row["changes"]) == 2
    check = json.loads(office.run("check", "--require-review", "--json").stdout)
    assert [problem["path"] for problem in check["problems"]] == [
        "policies/road.md",
        "policies/tree.md",
    ]


def test_an_office_with_a_library_begins_with_what_changes_from_now_on(office: Office) -> None:
    office.git("tag", "begin")
    check = ("check", "--require-review", "--since", "begin")
    assert office.run(*check).returncode == 0
    office.write("road", ROAD.replace("20 个", "15 个"))
    office.write("flat", ROAD.replace("挖掘城市道路审批", "申请公租房"))
    assert lacking(office.run(*check)) == ["policies/flat.md", "policies/road.md"]
    office.commit()
    assert lacking(office.run(*check)) == ["policies/flat.md", "policies/road.md"]
    (office.policies / "more").mkdir()
    (office.policies / "tree.md").rename(office.policies / "more" / "tree.md")
    assert lacking(office.run(*check)) == ["policies/flat.md", "policies/road.md"]


@pytest.mark.parametrize("name", ["nothing", "--all", "HEAD:policies"])
def test_a_beginning_that_is_no_commit_is_wrong_use(office: Office, name: str) -> None:
    done = office.run("check", "--require-review", f"--since={name}")
    assert done.returncode == 2
    assert f"历史里没有“{name}”" in done.stderr


def test_without_a_repository_reviews_work_and_since_says_why_not(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    office = Office.__new__(Office)
    office.root, office.policies = tmp_path, tmp_path / "policies"
    office.write("road", ROAD)
    for name in ("张三", "李四"):
        office.approve("road", "--name", name)
    assert office.run("check", "--require-review").returncode == 0
    done = office.run("check", "--require-review", "--since", "main")
    assert (done.returncode, "不在 git 仓库里" in done.stderr) == (2, True)


# The file


def test_reviews_made_on_two_branches_are_merged_without_a_conflict(office: Office) -> None:
    office.approve("road", "--name", "张三")
    office.commit()
    office.git("checkout", "--quiet", "-b", "other")
    office.approve("road", "tree", "--name", "李四")
    office.commit()
    office.git("checkout", "--quiet", "main")
    office.approve("tree", "--name", "王五")
    office.commit()
    office.git("merge", "--quiet", "--no-edit", "other")
    assert len(office.lines()) == 4
    assert office.run("check", "--require-review").returncode == 0
    office.approve("road", "--name", "赵六")
    assert office.lines() == sorted(office.lines())


def test_what_a_wrong_line_needs_is_told_with_its_number(office: Office) -> None:
    office.approve("road", "--name", "张三")
    good = office.lines()[0]
    wrong = [
        "<<<<<<< HEAD",
        good.replace("name", "nmae"),
        re.sub("content: .{40}", "content: 12345", good),
        good.replace(str(on_of(good)), "昨天"),
        good.replace("slug: road", "slug: raod"),
        good.replace("张三", "[张三]"),
        good.replace("slug: road", "slug: ../road"),
        "- " + "[" * 390,
        good + "，" * 500,
    ]
    text = "\n".join([HEADER.strip(), good, *wrong]) + "\n"
    (office.policies / FILE).write_text(text, encoding="utf-8")
    done = office.run("check")
    assert done.returncode == 1
    told = dict(re.findall(r"^policies/reviews\.yml:(\d+)(?: slug)?：(.*)$", done.stderr, re.M))
    assert set(told) == {str(number) for number in range(3, 12)}
    assert "您是不是想写 road？" in told["7"]
    assert "“昨天”不是日期" in told["6"]
    assert office.run("approve", "road", "--name", "李四").returncode == 1
    assert (office.policies / FILE).read_text(encoding="utf-8") == text


def on_of(line: str) -> str:
    found = re.search(r"on: (\S+)\}", line)
    assert found is not None
    return found[1]


def test_a_file_in_another_encoding_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes("# 审核".encode("gbk"))
    (problem,) = read_reviews(tmp_path).problems
    assert "UTF-8" in problem.message


names = st.text(min_size=1, max_size=LONGEST_NAME)


@given(names)
def test_whatever_name_is_written_is_read_again(tmp_path_factory: Any, name: str) -> None:
    try:
        person = read_name(name)
    except NameRefused:
        return
    folder = tmp_path_factory.mktemp("names")
    review = Review("road", "0" * 40, person, DAY)
    add_reviews(folder, read_reviews(folder), [review])
    found = read_reviews(folder)
    assert found.problems == ()
    assert [row for _, row in found.rows] == [review]


@given(st.text(max_size=200))
def test_no_line_whatever_breaks_the_reading(tmp_path_factory: Any, text: str) -> None:
    folder = tmp_path_factory.mktemp("lines")
    (folder / FILE).write_text(f"- {text}\n{{{text}}}\n", encoding="utf-8", errors="replace")
    reviews = read_reviews(folder)
    list(check_reviews(reviews, {"road"}))


def test_folding_keeps_different_people_apart() -> None:
    assert fold_name("张三 ") == fold_name("张三")
    assert fold_name("李四") != fold_name("李四光")


def test_rows_of_an_entry_that_is_gone_are_to_be_removed(tmp_path: Path) -> None:
    library = make_library(make_policy("road"), tmp_path=tmp_path)
    (entry,) = library.entries
    add_reviews(tmp_path, read_reviews(tmp_path), [Review("gone", "0" * 40, "张三", DAY)])
    (problem,) = check_reviews(read_reviews(tmp_path), library.by_slug)
    assert (problem.line, problem.field) == (2, "slug")
    assert "条目删了或者改名了" in problem.message
    settled = {(entry.policy.slug, entry.digest)}
    assert list(check_reviewed(library, read_reviews(tmp_path), settled=settled)) == []


def test_a_file_with_mistakes_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("错\n", encoding="utf-8")
    with pytest.raises(PolicyError):
        add_reviews(tmp_path, read_reviews(tmp_path), [])


def test_the_record_is_no_entry_and_reaches_no_page(tmp_path: Path) -> None:
    from indexer.pages import build_pages

    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "road.md").write_text(ROAD, encoding="utf-8")
    review = Review("road", "0" * 40, "审核人甲", DAY)
    add_reviews(tmp_path / "policies", read_reviews(tmp_path / "policies"), [review])
    library: Library = load_library(tmp_path / "policies")
    assert [entry.policy.slug for entry in library.entries] == ["road"]
    build_pages(library, tmp_path / "pages", DAY)
    written = b"".join(p.read_bytes() for p in (tmp_path / "pages").rglob("*") if p.is_file())
    assert "审核人甲".encode() not in written
