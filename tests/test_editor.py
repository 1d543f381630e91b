"""Form editing without a browser: what a form shows, what is written, what is refused."""

import base64
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import pytest
from browser import run, serve

from indexer.editor import FILES, make_editor
from indexer.editorform import FIRST, FOLDERS, flatten, form_config, nest, place_in_form, sections
from indexer.entrydesk import Desk, Draft, Refused
from indexer.entryfile import split_entry
from indexer.formfields import Shape, fields_of, place_in_words
from indexer.formvalues import from_form, to_form
from indexer.frontmatter import read_front_matter
from indexer.loader import inspect_library
from indexer.policy import Condition, Policy
from indexer.preview import Preview

ROOT = Path(__file__).resolve().parent.parent
REAL = sorted((ROOT / "policies").glob("*/*.md"))
TODAY = date(2026, 11, 30)
TOKEN = "t" * 24
API = f"/edit/api/v1?token={TOKEN}"
TRY = f"/edit/preview?token={TOKEN}"
HERE = {
    "Host": "127.0.0.1:8010",
    "Origin": "http://127.0.0.1:8010",
    "Content-Type": "application/json",
}
EVIL = {"Host": "evil.example", "Origin": "http://evil.example"}

ROAD = """---
# 名称以文件为准
title: 挖掘城市道路审批  # 正式名称
kind: service
audience: [citizen, enterprise]
topic: 市政道路
level: national
issuer: 国务院
summary: 沿街开挖、埋管子，要先经过批准。
aliases: ['挖马路', 破路]
materials:
- name: 挖掘道路申请表
  copies: 2
  # 复印件也行
  note: 窗口领取
- name: 施工图
sources:
- {title: 城市道路管理条例, doc_number: 国务院令第198号}
reviewed: 2026-11-23
internal: "等窗口确认"
---

## 一句话说清

要先批。
"""
OTHER = ROAD.replace("挖掘城市道路审批", "占用城市道路审批").replace("挖马路", "占道")
NEW: dict[str, Any] = {
    "slug": "tree-felling",
    "title": "砍伐城市树木审批",
    "kind": "service",
    "audience": ["citizen"],
    "topic": ["园林绿化"],
    "level": "national",
    "issuer": "国务院",
    "summary": "砍城里的树，要先经过批准。",
    "sources": [{"title": "城市绿化条例", "doc_number": "国务院令第100号"}],
    "reviewed": "2026-11-30",
    "body": "## 一句话说清\n\n要先批。",
}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A library of two entries, and a draft that lacks something."""
    for name, text in (("road", ROAD), ("occupation", OTHER)):
        path = tmp_path / "policies/approvals" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    drafts = tmp_path / "drafts"
    drafts.mkdir()
    draft = (
        "---\n# 原文指纹：abc（请留着）\n# 导入的草稿\ntitle: 砍伐城市树木审批\n"
        "# 请核对（把握 60%）\nlevel: national\n# 请填写一句话说明\nsummary:\n---\n\n要先批。\n"
    )
    (drafts / "tree-felling.md").write_text(draft, encoding="utf-8")
    return Desk(tmp_path / "policies", drafts)


@pytest.fixture(scope="module")
def preview() -> Preview:
    return Preview(ROOT)


@pytest.fixture
def client(desk: Desk, preview: Preview) -> Iterator[httpx.Client]:
    app = make_editor(desk, preview, lambda: TODAY, TOKEN)
    with serve(app) as address, httpx.Client(base_url=address, timeout=30) as opened:
        yield opened


def texts(desk: Desk) -> dict[str, str]:
    files = desk.policies.rglob("*")
    return {p.name: p.read_text("utf-8") for p in files if p.is_file()}


def change(desk: Desk, name: str, **values: Any) -> str:
    """Open an entry, fill in these values, save it, and return the file."""
    path = f"policies/approvals/{name}.md"
    desk.save(Draft(path, desk.open(path) | values))
    return (desk.policies / "approvals" / f"{name}.md").read_text("utf-8")


def new(desk: Desk, folder: str = "approvals", **values: Any) -> Draft:
    given = NEW | values
    return Draft(f"policies/{folder}/{given['slug'] or 'new'}.md", given, new=True)


# The form


def test_every_field_of_the_record_has_its_place_in_the_form() -> None:
    placed = [*FIRST, *(name for section in sections() for name in section.fields)]
    assert sorted(placed) == sorted(Policy.model_fields)
    assert sections()[-1].name != "part_rest"


def test_what_an_entry_must_have_stands_open_at_the_top() -> None:
    required = {name for name, field in Policy.model_fields.items() if field.is_required()}
    assert set(FIRST) == required


def widgets(fields: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for field in fields:
        yield field
        yield from widgets(field.get("fields", []))


def test_the_form_speaks_chinese_everywhere() -> None:
    config = form_config(ROOT / "policies", API)
    for collection in config["collections"][:-1]:
        for field in widgets(collection["fields"]):
            assert re.search("[一-鿿]", field["label"]), field
            told = field.get("hint", "").partition("例如")[0]
            assert not re.search(r"[a-z]{3,}_[a-z]|front matter|YAML", told), field


def test_each_folder_of_the_library_is_a_list_of_its_own() -> None:
    config = form_config(ROOT / "policies", API)
    names = {c["name"]: c["label"] for c in config["collections"]}
    assert names == {
        **{name: title for name, (title, _) in FOLDERS.items()},
        "drafts": "草稿",
        "all": "全部条目",
    }
    assert not any(c.get("delete", False) for c in config["collections"])


def test_conditions_are_shown_two_levels_deep() -> None:
    (approvals, *_) = form_config(ROOT / "policies", API)["collections"]
    found = {f["name"]: f for f in widgets(approvals["fields"])}
    names = {part["name"] for part in found["eligibility"]["fields"]}
    assert {"all", "any", "not"} <= names
    (inner,) = [f for f in found["eligibility"]["fields"] if f["name"] == "any"]
    assert not {"all", "any", "not"} & {part["name"] for part in inner["fields"]}


def test_fields_are_filled_in_as_their_kind_asks() -> None:
    shapes = {field.name: field.shape for field in fields_of(Policy)}
    assert shapes["kind"] is Shape.CHOICE
    assert shapes["audience"] is Shape.CHOICES
    assert shapes["reviewed"] is Shape.DAY
    assert shapes["based_on"] is Shape.ENTRIES
    assert shapes["superseded_by"] is Shape.ENTRY
    assert shapes["queries"] is Shape.LINES
    assert shapes["body"] is Shape.TEXT
    assert shapes["application_window"] is Shape.PART
    conditions = {field.name: field for field in fields_of(Condition)}
    assert conditions["any"].model is Condition
    assert ("headcount", "从业人数") in conditions["field"].options


def test_a_place_is_told_in_the_words_of_the_form_and_found_in_it() -> None:
    assert place_in_words("sources.1.title") == "出处 第 1 项 出处名称"
    assert place_in_form("sources.1.title") == "sources.0.title"
    assert place_in_form("eligibility.2.any.1.value") == "part_who.eligibility.1.any.0.value"
    assert place_in_form("queries.3") == "part_words.queries"
    assert place_in_form("nonsense") == ""


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_a_real_entry_goes_through_the_form_without_a_change(path: Path) -> None:
    head, body = split_entry(path.read_text("utf-8"))
    values = {**read_front_matter(head, first_line=2).values, "body": body}
    form = json.loads(json.dumps(nest(to_form(values))))
    assert from_form(flatten(form), values) == values


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_a_real_entry_filled_in_anew_says_the_same(path: Path) -> None:
    head, body = split_entry(path.read_text("utf-8"))
    front = read_front_matter(head, first_line=2).values
    values = {**front, "body": body.strip(), "slug": path.stem}
    again = from_form(to_form(values), {})
    assert Policy.model_validate(again) == Policy.model_validate(values)


# Saving


def test_a_new_entry_is_written_and_passes_the_check(desk: Desk) -> None:
    before = texts(desk)
    desk.save(new(desk))
    after = texts(desk)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"tree-felling.md"}
    assert "reviewed: '2026-11-30'\n" in after["tree-felling.md"]
    assert inspect_library(desk.policies)[1] == ()


def test_only_the_lines_of_what_was_changed_change(desk: Desk) -> None:
    assert change(desk, "road", issuer="国务院令") == ROAD.replace(
        "issuer: 国务院\n", "issuer: 国务院令\n"
    )


def test_a_changed_text_inside_a_list_leaves_the_comments_beside_it(desk: Desk) -> None:
    path = "policies/approvals/road.md"
    given = desk.open(path)
    given["materials"][0]["note"] = "窗口免费领取"
    desk.save(Draft(path, given))
    text = (desk.policies / "approvals/road.md").read_text("utf-8")
    assert text == ROAD.replace("note: 窗口领取", "note: 窗口免费领取")


def test_a_number_and_a_list_are_filled_in_as_the_files_have_them(desk: Desk) -> None:
    path = "policies/approvals/road.md"
    given = desk.open(path)
    given["materials"] = [*given["materials"], {"name": "身份证明", "copies": "1", "note": ""}]
    given["aliases"] += "\n挖沟\n"
    desk.save(Draft(path, given))
    text = (desk.policies / "approvals/road.md").read_text("utf-8")
    assert "- name: 身份证明\n  copies: 1\n" in text
    assert "aliases:\n- 挖马路\n- 破路\n- 挖沟\n" in text
    assert "issuer: 国务院\n" in text


def test_an_entry_may_be_saved_again_and_again(desk: Desk) -> None:
    path = "policies/approvals/road.md"
    given = desk.open(path)
    for issuer in ("住建部", "国务院"):
        desk.save(Draft(path, given | {"issuer": issuer, "page": "mine"}))
    assert (desk.policies / "approvals/road.md").read_text("utf-8") == ROAD


def test_an_entry_that_was_put_back_may_be_opened_again(desk: Desk) -> None:
    path = "policies/approvals/road.md"
    desk.save(Draft(path, desk.open(path) | {"issuer": "住建部", "page": "one"}))
    (desk.policies / "approvals/road.md").write_text(ROAD, encoding="utf-8")
    desk.save(Draft(path, desk.open(path) | {"title": "挖路", "page": "one"}))
    assert "title: 挖路" in (desk.policies / "approvals/road.md").read_text("utf-8")


def test_two_pages_with_the_same_entry_do_not_overwrite_each_other(desk: Desk) -> None:
    path = "policies/approvals/road.md"
    given = desk.open(path)
    desk.save(Draft(path, given | {"issuer": "住建部", "page": "one"}))
    with pytest.raises(Refused, match="别人改过了，没有保存"):
        desk.save(Draft(path, given | {"title": "挖路", "page": "two"}))


def test_conditions_deeper_than_the_form_are_kept(desk: Desk) -> None:
    deep = [{"text": "丙", "all": [{"text": "丁", "not": [{"text": "戊"}]}]}]
    condition = {"text": "甲", "any": [{"text": "乙", "any": deep}, {"text": "己"}]}
    old = {"eligibility": [condition]}
    given = json.loads(json.dumps(to_form(old)))
    given["eligibility"][0]["text"] = "改过的甲"
    values = from_form(given, old)
    assert values == {"eligibility": [condition | {"text": "改过的甲"}]}


def test_what_the_form_does_not_know_stays_in_the_file() -> None:
    old = {"title": "甲", "later": {"a": ["b"]}, "materials": "写错了形状"}
    assert from_form(to_form(old) | {"title": "乙"}, old) == old | {"title": "乙"}


def test_a_moved_item_keeps_what_the_file_has_of_it() -> None:
    rows = [{"name": "甲", "odd": "1"}, {"name": "乙"}]
    old = {"materials": rows}
    given = {"materials": list(reversed(to_form(old)["materials"]))}
    assert from_form(given, old) == {"materials": list(reversed(rows))}


def test_every_mistake_is_told_at_once_and_nothing_is_written(desk: Desk) -> None:
    before = texts(desk)
    draft = new(desk, sources=[], effective="2027-01-01", expires="2026-01-01", level="天下")
    with pytest.raises(Refused) as refused:
        desk.save(draft)
    assert {p.field for p in refused.value.problems} == {"sources", "level"}
    with pytest.raises(Refused) as refused:
        desk.save(new(desk, effective="2027-01-01", expires="2026-01-01"))
    (problem,) = refused.value.problems
    assert "早于" in problem.message
    assert texts(desk) == before


def test_an_entry_is_checked_among_the_others(desk: Desk) -> None:
    with pytest.raises(Refused) as refused:
        desk.save(new(desk, related=["raod"], body="看[这里](nowhere.md)。"))
    told = " ".join(p.message for p in refused.value.problems)
    assert "政策库里没有“raod”。您是不是想写 road？" in told
    assert "没有条目“nowhere”，链接是断的" in told


def test_a_document_number_of_another_entry_is_told_here_whatever_the_names(desk: Desk) -> None:
    change(desk, "road", doc_number="国发〔2024〕3号")
    with pytest.raises(Refused, match="还有 1 处要改"):
        change(desk, "occupation", doc_number="国发〔2024〕3号")
    with pytest.raises(Refused) as refused:
        desk.save(new(desk, slug="zebra", doc_number="国发〔2024〕3号"))
    assert [p.field for p in refused.value.problems] == ["doc_number"]


def test_mistakes_of_other_entries_do_not_stand_in_the_way(desk: Desk) -> None:
    (desk.policies / "approvals/broken.md").write_text("---\n: :\n", encoding="utf-8")
    assert "issuer: 住建部\n" in change(desk, "road", issuer="住建部")


def test_the_two_sides_of_a_relation_are_written_one_after_the_other(desk: Desk) -> None:
    trial = desk.save(new(desk, supersedes=["road"]))
    assert [p.field for p in trial.left] == ["supersedes.1"]
    change(desk, "road", superseded_by="tree-felling", expires="2026-11-29")
    assert inspect_library(desk.policies)[1] == ()


def test_personal_data_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused) as refused:
        desk.save(new(desk, internal="联系张三 13800138000"))
    assert any("手机" in p.message for p in refused.value.problems)


def test_an_entry_that_was_changed_meanwhile_is_not_overwritten(desk: Desk) -> None:
    path = "policies/approvals/road.md"
    given = desk.open(path)
    changed = ROAD.replace("国务院\n", "住建部\n")
    (desk.policies / "approvals/road.md").write_text(changed, encoding="utf-8")
    with pytest.raises(Refused, match="别人改过了，没有保存"):
        desk.save(Draft(path, given | {"issuer": "省政府"}))
    assert (desk.policies / "approvals/road.md").read_text("utf-8") == changed


def test_a_new_entry_never_takes_the_place_of_another(desk: Desk) -> None:
    with pytest.raises(Refused, match="条目名“road”已经有了"):
        desk.save(new(desk, slug="road"))
    # Decap itself gives another name to what is there already.
    with pytest.raises(Refused, match="条目名“road”已经有了"):
        desk.save(Draft("policies/approvals/road-1.md", NEW | {"slug": "road"}, new=True))
    with pytest.raises(Refused) as refused:
        desk.save(new(desk, folder="rules", slug="road"))
    assert "已被" in refused.value.problems[0].message


def test_an_entry_is_not_renamed_here(desk: Desk) -> None:
    with pytest.raises(Refused, match="条目名保存以后不能在这里改"):
        change(desk, "road", slug="street")


@pytest.mark.parametrize("slug", ["", "道路", "Road Works", "a" * 81])
def test_a_name_that_is_none_is_told_where_it_is_filled_in(desk: Desk, slug: str) -> None:
    with pytest.raises(Refused) as refused:
        desk.save(new(desk, slug=slug))
    (problem,) = refused.value.problems
    assert problem.field == "slug"
    assert "只用小写英文字母" in problem.message


@pytest.mark.parametrize(
    "path",
    [
        "policies/../secret.md",
        "policies/approvals/../../secret.md",
        "policies//etc/passwd.md",
        "policies/.git/config.md",
        "policies/approvals/road.txt",
        "elsewhere/road.md",
        "/etc/passwd",
        "policies/approvals\\..\\road.md",
        "policies/out/secret.md",
        "policies/linked.md",
        "policies/a\0b.md",
        "drafts/../policies/approvals/road.md",
    ],
)
def test_no_path_leads_out_of_the_library(desk: Desk, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.md").write_text(ROAD, encoding="utf-8")
    (desk.policies / "out").symlink_to(tmp_path)
    (desk.policies / "linked.md").symlink_to(tmp_path / "secret.md")
    with pytest.raises(Refused):
        desk.open(path)
    with pytest.raises(Refused):
        desk.save(Draft(path, NEW, new=True))
    assert (tmp_path / "secret.md").read_text("utf-8") == ROAD


# Drafts


def test_a_draft_may_stay_unfinished(desk: Desk) -> None:
    given = desk.open("drafts/tree-felling.md") | {"issuer": "国务院"}
    trial = desk.save(Draft("drafts/tree-felling.md", given))
    assert trial.problems
    kept = (desk.drafts / "tree-felling.md").read_text("utf-8")
    assert "issuer: 国务院\n" in kept
    assert "# 请核对（把握 60%）\n" in kept
    assert set(texts(desk)) == {"road.md", "occupation.md"}


def test_a_finished_draft_becomes_an_entry_where_it_is_put(desk: Desk) -> None:
    given = desk.open("drafts/tree-felling.md") | NEW | {"folder": "approvals"}
    desk.save(Draft("drafts/tree-felling.md", given))
    assert not (desk.drafts / "tree-felling.md").exists()
    assert inspect_library(desk.policies)[1] == ()
    assert "folder" not in texts(desk)["tree-felling.md"]
    desk.save(Draft("drafts/tree-felling.md", given | {"issuer": "住建部"}))
    assert "issuer: 住建部\n" in texts(desk)["tree-felling.md"]


def test_what_an_import_doubts_is_told_beside_the_form_and_gone_from_the_entry(
    desk: Desk, client: httpx.Client
) -> None:
    path = "drafts/tree-felling.md"
    body = json.dumps({"path": path, "values": nest(desk.open(path)), "new": False})
    told = client.post(TRY, content=body, headers=HERE).json()
    assert [(r["where"], r["message"], r["form"]) for r in told["remarks"]] == [
        ("标题", "导入的草稿", "title"),
        ("层级", "请核对（把握 60%）", "level"),
        ("一句话说明", "请填写一句话说明", "summary"),
    ]
    desk.save(Draft(path, desk.open(path) | NEW | {"folder": "approvals"}))
    text = texts(desk)["tree-felling.md"]
    assert "# 原文指纹：abc（请留着）\n" in text
    assert text.count("#") == 1 + text.count("##") * 2


def test_an_unfinished_draft_cannot_be_put_into_the_library(desk: Desk) -> None:
    given = desk.open("drafts/tree-felling.md") | {"folder": "approvals"}
    with pytest.raises(Refused, match="处要改"):
        desk.save(Draft("drafts/tree-felling.md", given))
    assert (desk.drafts / "tree-felling.md").exists()


# The service


def ask(client: httpx.Client, action: str, headers: Any = HERE, **params: Any) -> httpx.Response:
    body = json.dumps({"branch": "main", "action": action, "params": params})
    return client.post(API, content=body, headers=headers)


def persist(client: httpx.Client, path: str, values: dict[str, Any], new: bool) -> httpx.Response:
    raw = json.dumps(nest(values))
    files = [{"path": path, "slug": Path(path).stem, "raw": raw}]
    return ask(client, "persistEntry", dataFiles=files, assets=[], options={"newEntry": new})


def test_entries_are_listed_by_folder_with_their_status(client: httpx.Client, desk: Desk) -> None:
    change(desk, "road", expires="2026-01-01")
    rows = ask(client, "entriesByFolder", folder="policies/approvals").json()
    told = {row["file"]["path"]: json.loads(row["data"])["told"] for row in rows}
    assert told == {
        "policies/approvals/occupation.md": "现行有效",
        "policies/approvals/road.md": "已失效",
    }
    (draft,) = ask(client, "entriesByFolder", folder="drafts").json()
    assert json.loads(draft["data"])["title"] == "砍伐城市树木审批"


def test_an_entry_is_opened_changed_and_saved_over_the_protocol(
    client: httpx.Client, desk: Desk
) -> None:
    path = "policies/approvals/road.md"
    values = json.loads(ask(client, "getEntry", path=path).json()["data"])
    values["issuer"] = "住建部"
    assert persist(client, path, values, new=False).status_code == 200
    assert texts(desk)["road.md"] == ROAD.replace("issuer: 国务院", "issuer: 住建部")


def test_a_refused_entry_is_answered_with_every_problem_in_the_words_of_the_form(
    client: httpx.Client,
) -> None:
    answer = persist(client, "policies/approvals/x.md", {"slug": "x", "title": "甲"}, new=True)
    assert answer.status_code == 422
    told = answer.json()
    assert {"kind", "sources", "summary", "reviewed", "body"} <= {
        error["field"] for error in told["errors"]
    }
    assert "出处：还没有填。每个事实从哪里来" in told["error"]
    assert "核对日期：还没有填" in told["error"]
    assert told["error"].index("类别：") < told["error"].index(
        "出处："
    )  # as they stand in the form


def test_a_problem_names_other_fields_as_the_form_does(client: httpx.Client, desk: Desk) -> None:
    values = desk.open("policies/approvals/road.md") | {"superseded_by": "occupation"}
    told = persist(client, "policies/approvals/road.md", values, new=False).json()["error"]
    assert "写了“被哪个条目替代”（被替代），就要写“失效日期”（有效的最后一天）" in told


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("deleteFiles", "条目不在这里删"),
        ("deleteFile", "条目不在这里删"),
        ("persistMedia", "不收图片和附件"),
        ("getMediaFile", "不收图片和附件"),
        ("publishUnpublishedEntry", "没有这个功能"),
        ("", "没有这个功能"),
    ],
)
def test_what_the_editor_does_not_do_is_refused_in_words(
    client: httpx.Client, action: str, message: str
) -> None:
    answer = ask(client, action, path="policies/approvals/road.md")
    assert answer.status_code == 422
    assert message in answer.json()["errors"][0]["message"]


def test_an_entry_is_not_moved_and_takes_no_files(client: httpx.Client, desk: Desk) -> None:
    before = texts(desk)
    path = "policies/approvals/road.md"
    wrong: list[dict[str, Any]] = [
        {"dataFiles": [{"path": path, "raw": "{}", "newPath": "policies/x.md"}]},
        {"dataFiles": [{"path": path, "raw": "{}"}], "assets": [{"path": "a.png"}]},
        {"dataFiles": []},
        {"dataFiles": "x"},
        {"dataFiles": [{"path": path, "raw": "no json"}]},
        {"dataFiles": [{"path": path, "raw": "[" * 100_000}]},
        {},
    ]
    for extra in wrong:
        assert ask(client, "persistEntry", **extra).status_code == 422
    assert texts(desk) == before


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        (HERE | {"Origin": "http://evil.example"}, API),
        (HERE | {"Origin": "null"}, API),
        (HERE | {"Origin": "https://127.0.0.1:8010"}, API),
        (HERE | {"Origin": ""}, API),
        (HERE | {"Content-Type": "text/plain"}, API),
        (HERE, "/edit/api/v1"),
        (HERE, "/edit/api/v1?token=wrong"),
        (HERE, "/edit/preview?token="),
        (HERE | EVIL, API),
        (HERE | {"Host": "127.0.0.1.evil.example"}, API),
    ],
)
def test_only_the_editors_own_page_may_ask_for_anything(
    client: httpx.Client, headers: dict[str, str], address: str
) -> None:
    body = json.dumps({"action": "getEntry", "params": {"path": "policies/approvals/road.md"}})
    answer = client.post(address, content=body, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["message"]
    assert "access-control-allow-origin" not in answer.headers


def test_a_name_that_leads_to_this_computer_gets_no_page_and_no_token(
    client: httpx.Client,
) -> None:
    assert TOKEN in client.get("/edit/config.json").text
    for address in ("/edit/", "/edit/config.json", "/edit/site/assets/images/mark.svg"):
        answer = client.get(address, headers=EVIL)
        assert answer.status_code == 403
        assert TOKEN not in answer.text


def test_too_much_is_refused(client: httpx.Client) -> None:
    answer = client.post(API, content=b" " * 3_000_001, headers=HERE)
    assert answer.status_code == 413
    long = persist(client, "policies/approvals/y.md", NEW | {"body": "长" * 400_000}, new=True)
    assert long.status_code == 422
    assert "太长" in long.json()["error"]


@pytest.mark.parametrize(
    "name",
    ["../editor.py", "..%2Feditor.py", "%2e%2e/entrydesk.py", "LICENSE-decap-cms.txt", "x.js"],
)
def test_only_the_editors_files_are_given_out(client: httpx.Client, name: str) -> None:
    assert client.get(f"/edit/{name}").status_code == 404
    assert client.get(f"/edit/site/assets/{name}").status_code == 404


def test_what_is_filled_in_is_shown_as_its_page(client: httpx.Client) -> None:
    path = "policies/approvals/road.md"
    values = json.loads(ask(client, "getEntry", path=path).json()["data"])
    values["title"] = "<b>挖路</b>"
    values["expires"] = "2026-01-01"
    body = {"path": path, "values": values, "new": False}
    told = client.post(TRY, content=json.dumps(body), headers=HERE).json()
    assert told["problems"] == []
    page = client.get(told["page"])
    assert "本条已失效" in page.text
    assert "&lt;b&gt;挖路&lt;/b&gt;" in page.text
    assert "<b>挖路" not in page.text
    assert "等窗口确认" not in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for asset in re.findall(r'(?:href|src)="\.\./(assets/[^"]+)"', page.text):
        assert client.get(f"/edit/site/{asset}").status_code == 200, asset


def test_a_preview_of_the_real_library_takes_less_than_a_second(preview: Preview) -> None:
    desk = Desk(ROOT / "policies", ROOT / "build/none")
    path = "policies/approvals/road-excavation.md"
    draft = Draft(path, desk.open(path))
    preview.render(*shown(desk, draft))
    start = perf_counter()
    page = preview.render(*shown(desk, draft))
    assert perf_counter() - start < 1
    assert "一次告知单" in page


def shown(desk: Desk, draft: Draft) -> tuple[Any, Any]:
    trial = desk.try_out(draft)
    assert trial.entry is not None
    return trial.entry, trial.library


# The command


def test_the_command_opens_the_editor_on_this_computer_alone(desk: Desk) -> None:
    command = [sys.executable, "-m", "indexer", "edit", "--policies", str(desk.policies)]
    with subprocess.Popen(
        [*command, "--port", "0", "--no-open"],
        cwd=ROOT,
        env=os.environ | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as running:
        assert running.stdout is not None
        said = running.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+/edit/", said)
        assert address is not None, said
        answer = httpx.get(address[0])
        running.terminate()
    assert "政策库：表单编辑" in answer.text
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    done = run(ROOT, "indexer", "edit", "--no-open", "--policies", str(tmp_path / "none"))
    assert done.returncode == 2
    assert "没有文件夹" in done.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(ROOT, "indexer", "edit", "--no-open", "--port", port)
    assert done.returncode == 2
    assert "端口被别的程序占用" in done.stderr


# What is taken over from Decap CMS


def test_the_editor_is_the_one_that_was_published() -> None:
    about = (FILES / "README.md").read_text("utf-8")
    digest = re.search(r"`sha512-([A-Za-z0-9+/]+=*)`（decap-cms.js", about)
    assert digest is not None
    script = (FILES / "decap-cms.js").read_bytes()
    assert base64.b64encode(hashlib.sha512(script).digest()).decode() == digest[1]
    assert b'"3.16.3"' in script or b"decap-cms 3.16.3" in script
    assert "MIT License" in (FILES / "LICENSE-decap-cms.txt").read_text("utf-8")


def test_the_diff_of_a_real_entry_is_exactly_the_field_that_was_changed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    desk = Desk(tmp_path / "policies", tmp_path / "drafts")
    path = "policies/approvals/road-excavation.md"
    summary = desk.open(path)["summary"]
    desk.save(Draft(path, desk.open(path) | {"summary": f"{summary}（改过）"}))
    done = subprocess.run(
        ["git", "diff", "--no-index", "-U0", str(ROOT / "policies"), str(tmp_path / "policies")],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    changed = [line for line in done.stdout.splitlines() if re.match(r"[+-](?!\+\+ |-- )", line)]
    assert changed == [f"-summary: {summary}", f"+summary: {summary}（改过）"]
