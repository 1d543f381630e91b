"""Putting right what is mechanical: certain things are mended, all else stays as it is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.repairs import as_doc_number, repair_library, repair_text

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "policies").glob("*/*.md"))
GOOD = """---
title: 创业担保贷款
kind: benefit
audience:
- citizen
topic:
- 融资贷款
level: city
issuer: 某市人社局
summary: 自己创业缺钱，可以申请贴息贷款。
sources:
- id: A
  title: 某市创业担保贷款办法
  doc_number: 某政发〔2024〕3号
reviewed: '2026-11-23'
---

## 一句话说清

创业的人可以申请。
"""


def mended(text: str) -> str:
    return repair_text(text)[0]


def told(text: str) -> list[str]:
    changes = repair_text(text)[1]
    return [f"{c.line} {c.field}：{c.message}" for c in changes]


def with_line(line: str) -> str:
    """Return the entry with one more field, where fields like it stand."""
    first = line.partition(":")[0].partition("：")[0]
    places = {"region": "issuer:", "internal": "---\n\n"}
    return GOOD.replace(places.get(first, "sources:"), f"{line}\n{places.get(first, 'sources:')}")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_entries_of_the_library_need_nothing(path: Path) -> None:
    text = path.read_text("utf-8")
    assert repair_text(text) == (text, ())


@pytest.mark.parametrize(
    "written",
    ["2024年3月1日", "2024 年 3 月 1 日", "2024/3/1", "2024.03.01", "2024-3-1", "20240301"],
)
def test_a_date_is_written_as_dates_are(written: str) -> None:
    text = with_line(f"issued: {written}")
    assert mended(text) == with_line("issued: '2024-03-01'")
    assert told(text) == [f"11 issued：“{written}”改成“2024-03-01”。"]


@pytest.mark.parametrize(
    "written", ["2024年13月1日", "2024-02-30", "2024年3月", "明年", "1700000000"]
)
def test_a_date_that_is_not_certain_stays(written: str) -> None:
    text = with_line(f"issued: {written}")
    assert repair_text(text) == (text, ())


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("国发[2024]3号", "国发〔2024〕3号"),
        ("国发（2024）3号", "国发〔2024〕3号"),
        ("国发【2024】 3 号", "国发〔2024〕3号"),
        ("国发〔２０２４〕３号", "国发〔2024〕3号"),
        ("国发 〔2024〕3", "国发〔2024〕3号"),
        ("国办发(2025)34号、财库[2025]30号", "国办发〔2025〕34号、财库〔2025〕30号"),
        ("国务院令第 641 号", "国务院令第641号"),
        ("财政部 税务总局公告 2026年第 10号", "财政部 税务总局公告2026年第10号"),
        ("财政部 税务总局公告2026年第10号", "财政部 税务总局公告2026年第10号"),
        ("鲁政发[2024]3、4号", "鲁政发[2024]3、4号"),
        ("鲁政发[2024]3-5号", "鲁政发[2024]3-5号"),
        ("主席令（第十号）", "主席令（第十号）"),
        ("GB/T 9704-2012", "GB/T 9704-2012"),
    ],
)
def test_a_document_number_has_its_brackets_and_no_idle_spaces(written: str, meant: str) -> None:
    assert as_doc_number(written) == meant
    text = GOOD.replace("某政发〔2024〕3号", written)
    after = mended(text)
    assert after == (text if written == meant else GOOD.replace("某政发〔2024〕3号", meant))


def test_a_wide_colon_behind_a_field_is_mended_and_one_in_a_text_is_not() -> None:
    text = GOOD.replace("kind: benefit", "kind：benefit").replace("  title: 某市", "  title：某市")
    assert mended(text) == GOOD
    assert told(text)[0] == "3 kind：字段名后面的冒号改成英文的“:”，再空一格。"
    said = with_line("internal: |\n  title：照抄的话\n  level：也是").replace("benefit", "rule")
    assert repair_text(said) == (said, ())
    quoted = with_line('internal: "第一行\n  note：第二行"')
    assert repair_text(quoted) == (quoted, ())
    folded = with_line("internal: 第一行\n  note：第二行")
    assert repair_text(folded) == (folded, ())


def test_what_stands_behind_a_wide_colon_is_quoted_where_it_must_be() -> None:
    assert mended(with_line("validity_note：延续: 以公告为准")) == with_line(
        "validity_note: '延续: 以公告为准'"
    )
    assert mended(with_line("region：[淄博市]")) == with_line("region: [淄博市]")


def test_tabs_and_wide_spaces_before_an_item_become_spaces() -> None:
    for odd in ("\t", "\u3000", "\u00a0\u00a0"):
        text = with_line(f"region:\n{odd}- 淄博市")
        assert mended(text) == with_line("region:\n  - 淄博市")
        assert told(text) == ["10 ：缩进改成空格。"]


def test_a_misspelt_field_is_mended_only_if_one_is_meant() -> None:
    assert mended(with_line("expries: '2027-12-31'")) == with_line("expires: '2027-12-31'")
    assert mended(GOOD.replace("doc_number", "doc-number")) == GOOD
    assert mended(GOOD.replace("summary", "Summary")) == GOOD
    for unclear in ("valid: 5 年", "doc_no: x", "说明: x"):
        text = with_line(unclear)
        assert repair_text(text) == (text, ())
    both = GOOD.replace("title: 创业担保贷款", "titel: 甲\ntitlee: 乙")
    assert repair_text(both) == (both, ())


def test_choices_flags_and_figures_are_written_as_they_are() -> None:
    text = GOOD.replace("kind: benefit", "kind: 惠企惠民政策").replace("- citizen", "- 群众")
    assert mended(text) == GOOD
    materials = "materials:\n- name: 申请表\n  copies: {}\n  shared: {}"
    text = with_line(materials.format("２", "yes")).replace("sources:", "sources:")
    assert "copies: '2'\n  shared: 是" in mended(text)


def test_fields_are_put_in_order_with_their_comments_and_lists() -> None:
    moved = GOOD.replace("title: 创业担保贷款\n", "").replace(
        "reviewed:", "# 以文件为准\ntitle: 创业担保贷款  # 正式名称\nreviewed:"
    )
    assert mended(moved) == GOOD.replace(
        "title: 创业担保贷款\n", "# 以文件为准\ntitle: 创业担保贷款  # 正式名称\n"
    )
    assert told(moved) == ["2 ：字段按统一的顺序排，各带各的注释。"]


def test_spaces_at_line_ends_go_unless_a_text_would_read_differently() -> None:
    assert mended(GOOD.replace("level: city", "level: city  ") + "完 \t\n") == GOOD + "完\n"
    block = with_line("internal: |\n  第一行  \n  第二行")
    assert repair_text(block) == (block, ())


def test_blank_lines_before_the_front_matter_go() -> None:
    assert mended("\n \n" + GOOD) == GOOD


def test_a_file_that_is_no_entry_stays() -> None:
    for text in ("", "坏的  \n", "---\ntitle：甲", "---\n"):
        assert repair_text(text) == (text, ())


def test_what_cannot_be_read_even_then_stays() -> None:
    text = GOOD.replace("kind: benefit", "kind：[benefit").replace("level: city", "level：city")
    assert repair_text(text) == (text, ())


SLIPS = [
    ("kind: benefit", "kind：benefit"),
    ("kind: benefit", "kind: 惠企惠民政策"),
    ("'2026-11-23'", "2026年11月23日"),
    ("〔2024〕3号", "（２０２４） 3"),
    ("summary:", "sumary:"),
    ("- citizen", "\t- citizen"),
    ("level: city\n", "level: 市  \n"),
    ("issuer: 某市人社局\n", ""),
    ("---\ntitle", "\n---\nlevle: x\ntitle"),
    ("sources:", "# 出处\nvalidity_note: a\nsources:"),
]


@given(st.lists(st.sampled_from(SLIPS)), st.text(max_size=12))
def test_mended_once_there_is_nothing_left_to_mend(
    slips: list[tuple[str, str]], noise: str
) -> None:
    text = GOOD
    for good, bad in slips:
        text = text.replace(good, bad, 1)
    for mixed in (text, with_line(noise), with_line(f"internal: {noise}")):
        after, _ = repair_text(mixed.replace("\r", ""))
        assert repair_text(after) == (after, ())


# Files


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "loan.md").write_text(GOOD, "utf-8")
    return folder


def run(library: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "indexer", "check", *words],
        cwd=library.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (GOOD.encode("gbk"), "文件编码从 GBK 改成 UTF-8。"),
        (GOOD.encode("utf-16"), "文件编码从 UTF-16 改成 UTF-8。"),
        (GOOD.encode("utf-8-sig"), "去掉文件开头看不见的标记（BOM）。"),
        (GOOD.replace("\n", "\r\n").encode(), "行尾改成统一的写法（LF）。"),
    ],
    ids=["gbk", "utf-16", "bom", "crlf"],
)
def test_a_file_is_saved_as_files_are(data: bytes, message: str, library: Path) -> None:
    (library / "loan.md").write_bytes(data)
    done = run(library, "--fix")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"policies/loan.md:1：{message}" in done.stdout
    assert (library / "loan.md").read_bytes() == GOOD.encode()


def test_an_encoding_that_is_not_certain_stays(library: Path) -> None:
    data = GOOD.replace("创业", "創業").encode("big5", "ignore")
    (library / "loan.md").write_bytes(data)
    assert run(library, "--fix").returncode == 1
    assert (library / "loan.md").read_bytes() == data


def test_the_difference_is_shown_and_what_is_left_is_told(library: Path) -> None:
    text = with_line("issued: 2024/3/1").replace("level: city", "level: 省里")
    (library / "loan.md").write_text(text, "utf-8")
    done = run(library, "--fix")
    assert done.returncode == 1
    assert "-issued: 2024/3/1\n+issued: '2024-03-01'\n" in done.stdout
    assert "policies/loan.md:11 issued：“2024/3/1”改成“2024-03-01”。" in done.stdout
    assert "改好了 1 处，在 1 个文件里。" in done.stdout
    assert "还有要由人来改的：\npolicies/loan.md:8 level：只能是" in done.stderr
    assert "没有能自动改的。" in run(library, "--fix").stdout


def test_a_dry_run_writes_nothing(library: Path) -> None:
    text = with_line("issued: 2024/3/1")
    (library / "loan.md").write_text(text, "utf-8")
    done = run(library, "--fix", "--dry-run")
    assert "没有写，去掉 --dry-run 就写。" in done.stdout
    assert (library / "loan.md").read_text("utf-8") == text


def test_only_the_files_that_are_named_are_mended(library: Path) -> None:
    other = library / "other.md"
    for path in (library / "loan.md", other):
        path.write_text(GOOD.replace("2026-11-23", "2026/11/23"), "utf-8")
    assert run(library, "--fix", "policies/loan.md").returncode == 0
    assert (library / "loan.md").read_text("utf-8") == GOOD
    assert "2026/11/23" in other.read_text("utf-8")


def test_the_library_may_be_the_folder_one_is_in(library: Path) -> None:
    text = with_line("issued: 2024/3/1").replace("level: city", "level: 省里")
    (library / "loan.md").write_text(text, "utf-8")
    words = ("check", "--fix", "loan.md", "--policies", ".")
    done = subprocess.run(
        [sys.executable, "-m", "indexer", *words],
        cwd=library,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert "改好了 1 处" in done.stdout
    assert "loan.md:8 level" in done.stderr


def test_machines_are_told_the_changes(library: Path) -> None:
    (library / "loan.md").write_text(GOOD.replace("2026-11-23", "2026/11/23"), "utf-8")
    report = json.loads(run(library, "--fix", "--json").stdout)
    assert (report["written"], report["problems"]) == (True, [])
    (row,) = report["changes"]
    assert row["path"] == "policies/loan.md"
    assert row["changes"] == [
        {"line": 15, "field": "reviewed", "message": "“2026/11/23”改成“2026-11-23”。"}
    ]
    assert "+reviewed: '2026-11-23'" in row["diff"]
    assert json.loads(run(library, "--fix", "--json").stdout)["written"] is False


def test_a_file_that_would_have_more_problems_stays(library: Path) -> None:
    # One unknown field; as `materials` it would have four problems.
    text = with_line("materialz:\n- {a: 1}\n- {b: 2}\nissued: 2024/3/1")
    (library / "loan.md").write_text(text, "utf-8")
    (library / "other.md").write_text(GOOD.replace("2026-11-23", "2026/11/23"), "utf-8")
    done = run(library, "--fix")
    assert done.returncode == 1
    assert "materialz：没有这个字段。您是不是想写 materials？" in done.stderr
    assert (library / "loan.md").read_text("utf-8") == text
    assert (library / "other.md").read_text("utf-8") == GOOD


def test_a_link_is_mended_where_it_leads_and_stays_a_link(library: Path) -> None:
    (library / "inner").mkdir()
    target = library / "inner" / "kept.txt"
    target.write_text(GOOD.replace("2026-11-23", "2026/11/23"), "utf-8")
    (library / "linked.md").symlink_to(target)
    assert run(library, "--fix").returncode == 0
    assert (library / "linked.md").is_symlink()
    assert target.read_text("utf-8") == GOOD


def test_the_trial_leaves_the_library_as_it_is(library: Path) -> None:
    (library / "loan.md").write_text(GOOD.replace("2026-11-23", "2026/11/23"), "utf-8")
    (repair,), problems = repair_library(library, ["loan.md"])
    assert (repair.after, problems) == (GOOD, ())
    assert "2026/11/23" in (library / "loan.md").read_text("utf-8")


def test_fix_goes_with_no_other_check(library: Path) -> None:
    assert run(library, "--dry-run").returncode == 2
    assert run(library, "--fix", "--built").returncode == 2
