"""Writing an entry's file: what is written reads back the same, and nothing else is touched."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from indexer.entryfile import (
    NoFrontMatter,
    replace_values,
    revise_entry,
    save_entry,
    split_entry,
    write_entry,
    write_scalar,
)
from indexer.frontmatter import read_front_matter

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(path for path in (ROOT / "policies").glob("*/*.md"))

ENTRY = """---
# 名称以文件为准
title: 挖掘城市道路审批  # 正式名称
kind: service
topic:
- 市政道路
contact:
- name: 政务服务便民热线
  phone: '12345'
# 下面的等窗口确认
reviewed: '2026-11-23'
---

## 一句话说清
"""


def values_of(text: str) -> dict[str, Any]:
    head, _ = split_entry(text)
    front = read_front_matter(head, first_line=2)
    assert not front.mistakes
    return front.values


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_entry_written_anew_reads_back_the_same(path: Path) -> None:
    text = path.read_text("utf-8")
    _, body = split_entry(text)
    again = write_entry(values_of(text), body)
    assert values_of(again) == values_of(text)
    assert split_entry(again)[1].strip() == body.strip()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_entry_revised_with_its_own_values_does_not_change_by_a_byte(path: Path) -> None:
    text = path.read_text("utf-8")
    assert revise_entry(text, values_of(text), split_entry(text)[1]) == text


def test_only_the_lines_of_a_changed_field_change() -> None:
    values = values_of(ENTRY) | {"topic": ["市政道路", "园林绿化"]}
    assert revise_entry(ENTRY, values) == ENTRY.replace("- 市政道路\n", "- 市政道路\n- 园林绿化\n")


def test_a_new_field_goes_where_the_record_has_it() -> None:
    values = values_of(ENTRY) | {"issuer": "国务院"}
    assert revise_entry(ENTRY, values) == ENTRY.replace("contact:\n", "issuer: 国务院\ncontact:\n")


def test_a_field_emptied_is_taken_out() -> None:
    values = values_of(ENTRY) | {"contact": []}
    revised = revise_entry(ENTRY, values)
    assert "contact" not in revised
    assert values_of(revised) == {k: v for k, v in values.items() if k != "contact"}


def test_a_new_body_leaves_the_front_matter_as_it_was() -> None:
    revised = revise_entry(ENTRY, values_of(ENTRY), "新的正文")
    assert revised == ENTRY.replace("## 一句话说清", "新的正文")


def test_values_are_replaced_where_they_stand() -> None:
    changes = {("topic", 0): "道路: 市政", ("contact", 0, "phone"): "12319"}
    assert replace_values(ENTRY, changes) == ENTRY.replace("- 市政道路", "- '道路: 市政'").replace(
        "'12345'", "'12319'"
    )


def test_a_value_that_is_not_there_cannot_be_replaced() -> None:
    with pytest.raises(KeyError):
        replace_values(ENTRY, {("topic", 1): "园林绿化"})


def test_numbers_and_flags_are_written_without_quotes_and_text_like_them_with() -> None:
    values = {
        "materials": [{"name": "申请表", "copies": "2", "shared": "true"}],
        "eligibility": [{"text": "不超过 300 人", "field": "headcount", "value": "300"}],
    }
    text = write_entry(values, "正文")
    assert "copies: 2\n" in text
    assert "shared: true\n" in text
    assert "value: '300'\n" in text


def test_a_file_without_front_matter_is_told() -> None:
    with pytest.raises(NoFrontMatter, match="第一行要是“---”"):
        split_entry("标题\n")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_any_text_written_as_a_value_reads_back(text: str) -> None:
    scalar = write_scalar(text)
    assert "\n" not in scalar
    assert yaml.load(f"a: {scalar}", Loader=yaml.SafeLoader) == {"a": text}


def test_a_file_is_put_in_place_whole_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "approvals" / "road.md"
    save_entry(path, ENTRY)
    path.chmod(0o640)
    save_entry(path, ENTRY + "\n完")
    assert path.read_text("utf-8") == ENTRY + "\n完"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [item.name for item in path.parent.iterdir()] == ["road.md"]
