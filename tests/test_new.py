"""`policykb new`: what it asks, what it refuses, and the file that it writes."""

import json
import os
import pty
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from factories import make_policy

from indexer.clock import today
from indexer.entryfile import split_entry
from indexer.frontmatter import read_front_matter
from indexer.newentry import (
    compose_entry,
    find_similar,
    folder_of,
    read_sources,
    suggest_slug,
    try_entry,
)
from indexer.policy import Kind

ROOT = Path(__file__).resolve().parent.parent
VALUES: dict[str, Any] = {
    "kind": "service",
    "title": "城市道路挖掘审批",
    "audience": ["citizen", "enterprise"],
    "topic": ["市政道路"],
    "level": "national",
    "issuer": "国务院",
    "summary": "要挖开马路的，先申请批准。",
    "sources": [{"id": "A", "title": "城市道路管理条例", "doc_number": "国务院令第198号"}],
}
FLAGS = [
    *("--kind", "service", "--title", "城市道路挖掘审批", "--slug", "road-cut"),
    *("--audience", "citizen", "--audience", "enterprise", "--topic", "市政道路"),
    *("--level", "national", "--issuer", "国务院", "--summary", "要挖开马路的，先申请批准。"),
    *("--source", "城市道路管理条例=国务院令第 198 号"),
]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library with one entry, in the folders that libraries have."""
    folder = tmp_path / "policies"
    for name in ("approvals", "enterprises", "citizens", "rules", "templates"):
        (folder / name).mkdir(parents=True)
    values = {**VALUES, "title": "挖掘城市道路审批", "slug": "road-excavation"}
    text = compose_entry(values, date(2026, 11, 23))
    (folder / "approvals" / "road-excavation.md").write_text(text, "utf-8")
    return folder


def run(library: Path, command: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "indexer", command, *words],
        cwd=library.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def talk(library: Path, *answers: str, words: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run `new` in a terminal of its own, and type the answers."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(library.parent)
        settings = {"PYTHONPATH": str(ROOT), "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "200"}
        command = [sys.executable, "-m", "indexer", "new", *words]
        os.execve(sys.executable, command, {**os.environ, **settings})
    seen, waiting = "", list(answers)
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # the other end has hung up
            data = b""
        if not data:
            break
        seen += data.decode("utf-8", "replace")
        if waiting and seen.endswith("："):
            answer = waiting.pop(0)
            os.write(terminal, (answer if answer == "\x03" else f"{answer}\n").encode())
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status), seen.replace("\r\n", "\n")


def values_of(path: Path) -> dict[str, Any]:
    head, _ = split_entry(path.read_text("utf-8"))
    return read_front_matter(head, first_line=2).values


def files_of(library: Path) -> set[str]:
    return {path.relative_to(library).as_posix() for path in library.rglob("*.md")}


ANSWERS = [
    *("1", "城市道路挖掘审批", "road-cut", "1 2", "2", "1", "国务院"),
    *("要挖开马路的，先申请批准。", "城市道路管理条例", "国务院令第 198 号", ""),
]


def test_asked_in_a_terminal_the_entry_is_written_and_passes_the_check(library: Path) -> None:
    code, told = talk(library, *ANSWERS)
    assert code == 0, told
    path = library / "approvals" / "road-cut.md"
    assert values_of(path) == {**VALUES, "reviewed": today().isoformat()}
    assert "写好了：policies/approvals/road-cut.md" in told
    assert run(library, "check").stdout == "2 个条目，没有发现问题。\n"


def test_the_same_given_as_options_is_the_same_file(library: Path) -> None:
    talk(library, *ANSWERS)
    path = library / "approvals" / "road-cut.md"
    asked = path.read_text("utf-8")
    path.unlink()
    done = run(library, "new", *FLAGS)
    assert (done.returncode, done.stderr) == (0, "")
    assert path.read_text("utf-8") == asked


def test_entries_that_may_be_about_the_same_are_named_when_the_title_is_known(
    library: Path,
) -> None:
    _, told = talk(library, "1", "城市道路挖掘审批", "\x03")
    assert "已有类似的条目，请先看看是不是同一件事：\n  挖掘城市道路审批  road-excavation" in told


def test_ctrl_c_writes_nothing(library: Path) -> None:
    before = files_of(library)
    for number in range(1, len(ANSWERS)):
        if number in (2, 7, len(ANSWERS) - 1):
            code, told = talk(library, *ANSWERS[:number], "\x03")
            assert code == 2, told
            assert "policykb：已中止。" in told
    assert files_of(library) == before


def test_the_last_question_may_be_answered_with_no(library: Path) -> None:
    before = files_of(library)
    code, _ = talk(library, *ANSWERS[:-1], "n")
    assert code == 2
    assert files_of(library) == before


def test_an_answer_is_checked_at_once_and_asked_for_again(library: Path) -> None:
    answers = list(ANSWERS)
    answers[8:8] = []
    answers[7:7] = ["短"]  # the summary
    answers[4:4] = ["99"]  # the topic
    answers[2:2] = ["road-excavation", "Road Cut"]  # the slug
    answers[0:0] = ["4"]  # the kind
    code, told = talk(library, *answers)
    assert code == 0, told
    assert "✘ 请写编号，1 到 3，看到的是“4”。" in told
    assert "✘ 已经有条目“road-excavation”（approvals/road-excavation.md），请换一个名字。" in told
    assert "✘ “Road Cut”的写法不对。例如：drainage-discharge-permit" in told
    assert "✘ 请写编号，1 到 23，看到的是“99”。" in told
    assert "✘ 内容是空的或太短。" in told


def test_a_suggested_name_is_taken_with_return_and_words_do_for_numbers(library: Path) -> None:
    answers = list(ANSWERS)
    answers[0], answers[2], answers[3], answers[5] = "办事事项", "", "群众，企业", "national"
    code, told = talk(library, *answers)
    assert code == 0, told
    (suggested,) = re.findall(r"直接回车用 ([a-z-]+)", told)
    assert (library / "approvals" / f"{suggested}.md").is_file()


def test_only_what_is_missing_is_asked(library: Path) -> None:
    words = tuple(word for word in FLAGS if word not in ("--level", "national"))
    code, told = talk(library, "1", "", words=words)
    assert code == 0, told
    assert "标题（" not in told


def test_without_a_terminal_everything_missing_and_wrong_is_told_at_once(library: Path) -> None:
    done = run(library, "new", "--kind", "x", "--title", "挖路", "--folder", "../etc")
    assert done.returncode == 2
    told = done.stderr.splitlines()
    names = [line.removeprefix("policykb：").partition("：")[0] for line in told]
    wrong, missing = ["--kind", "--folder"], ["--slug", "--audience", "--topic", "--level"]
    assert names == [*wrong, *missing, "--issuer", "--summary", "--source"]
    assert "可以写的有：approvals、citizens、enterprises、rules。" in told[1]
    assert "可以用 walu。" in told[2]


def test_machines_are_told_the_same(library: Path) -> None:
    done = run(library, "new", "--json")
    assert done.returncode == 2
    fields = [error["field"] for error in json.loads(done.stdout)["errors"]]
    assert fields[:2] == ["--kind", "--title"]
    done = run(library, "new", *FLAGS, "--json")
    told = json.loads(done.stdout)
    assert told["path"] == "policies/approvals/road-cut.md"
    assert told["similar"] == [{"slug": "road-excavation", "title": "挖掘城市道路审批"}]
    assert told["problems"] == []


def test_an_entry_that_would_not_pass_is_not_written(library: Path) -> None:
    before = files_of(library)
    words = [word.replace("要挖开", "打 13800138000，要挖开") for word in FLAGS]
    done = run(library, "new", *words)
    assert done.returncode == 1
    assert "这里有手机号码" in done.stderr
    assert files_of(library) == before


def test_a_name_that_is_taken_or_never_read_is_refused(library: Path) -> None:
    for slug, message in (("road-excavation", "已经有条目"), ("index", "不能作条目名")):
        done = run(library, "new", *(slug if word == "road-cut" else word for word in FLAGS))
        assert done.returncode == 2
        assert message in done.stderr


def test_a_folder_may_be_named(library: Path) -> None:
    assert run(library, "new", *FLAGS, "--folder", "rules").returncode == 0
    assert (library / "rules" / "road-cut.md").is_file()


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_written_says_only_what_was_given_and_passes(kind: Kind) -> None:
    text = compose_entry({**VALUES, "kind": kind.value, "slug": "new"}, date(2026, 11, 30))
    assert try_entry("new", text) == ()
    head, body = split_entry(text)
    values = read_front_matter(head, first_line=2).values
    assert values == {**VALUES, "kind": kind.value, "reviewed": "2026-11-30"}
    assert body.strip() == "## 一句话说清\n\n要挖开马路的，先申请批准。"
    named = re.findall(r"^#   (\w+)  \S", head, re.M)
    assert "queries" in named
    assert not set(named) & set(values)


def test_a_benefit_for_citizens_alone_goes_to_the_citizens() -> None:
    assert folder_of(Kind.BENEFIT, ["citizen"]) == "citizens"
    assert folder_of(Kind.BENEFIT, ["citizen", "enterprise"]) == "enterprises"
    assert folder_of(Kind.SERVICE, ["citizen"]) == "approvals"
    assert folder_of(Kind.RULE, ["citizen"]) == "rules"


def test_a_source_is_found_by_address_number_or_in_words() -> None:
    texts = ["甲=https://www.gov.cn/a?b=1", "乙=国发[2024]3号", "丙=窗口的告知书", "丁"]
    assert read_sources(texts) == [
        {"id": "A", "title": "甲", "url": "https://www.gov.cn/a?b=1"},
        {"id": "B", "title": "乙", "doc_number": "国发〔2024〕3号"},
        {"id": "C", "title": "丙", "location": "窗口的告知书"},
        {"id": "D", "title": "丁"},
    ]


def test_a_suggested_name_is_free_and_short() -> None:
    first = suggest_slug("城镇污水排入排水管网许可", [])
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", first)
    assert len(first) <= 40
    assert suggest_slug("城镇污水排入排水管网许可", [first]) == f"{first}-2"
    assert suggest_slug("123", []) == ""


def test_similar_entries_are_found_by_other_names_too() -> None:
    policies = [
        make_policy("road", title="挖掘城市道路审批", aliases=["挖马路"]),
        make_policy("trees", title="砍伐城市树木审批", aliases=["砍树"]),
    ]
    assert [policy.slug for policy in find_similar("挖马路审批", policies)][:1] == ["road"]
    assert find_similar("高龄津贴", policies) == []
