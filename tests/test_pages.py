"""Pages: what is written for a library, and that nothing in a record becomes markup."""

import json
from base64 import b64decode
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from browser import CANARY, HOSTILE, HOSTILE_SHORT, small_library, write_project
from factories import make_library, make_policy
from mkdocs.utils.meta import get_data

from indexer.loader import load_library
from indexer.pages import LIST_CARDS, build_pages
from indexer.policy import Policy
from indexer.problems import PolicyError

TODAY = date(2026, 11, 24)
EVERY_LINE_END = "甲\u2028乙\u2029丙\x85丁\ufeff戊\x7f己😀庚 'x' \"y\" \\ # : - yes 1e5 0o10"


def build(tmp_path: Path, *policies: Policy, day: date = TODAY) -> Path:
    out = tmp_path / "pages"
    build_pages(make_library(*policies, tmp_path=tmp_path / "policies"), out, day)
    return out


def meta(out: Path, name: str) -> dict[str, Any]:
    """Read the front matter of a page the way MkDocs does."""
    _, data = get_data((out / name).read_text(encoding="utf-8"))
    return data


def entry(out: Path, slug: str) -> dict[str, Any]:
    data: dict[str, Any] = meta(out, f"policies/{slug}.md")["entry"]
    return data


def section(out: Path, slug: str, name: str) -> dict[str, Any]:
    sections: list[dict[str, Any]] = entry(out, slug)["sections"]
    return next(section for section in sections if section["id"] == name)


def facts(out: Path, slug: str) -> dict[str, str]:
    return {row["label"]: row["text"] for row in entry(out, slug)["facts"]}


def search_parts(out: Path, part: str) -> list[Any]:
    """Read what the scripts of one kind hand over: the table, the terms' places, or the texts."""
    folder = out / "assets" / "search"
    scripts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob(f"{part}*.js"))]
    bare = [script.removeprefix("policyKb.take(").removesuffix(");\n") for script in scripts]
    calls = [json.loads(f"[{arguments}]") for arguments in bare]
    assert [name for name, _, _ in calls] == [part] * len(scripts)
    return [value for _, _, value in sorted(calls, key=lambda call: call[1])]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of the small library, loaded from files."""
    project = write_project(tmp_path_factory.mktemp("pages"), small_library())
    out = project / "build" / "pages"
    build_pages(load_library(project / "policies"), out, TODAY)
    return out


def test_only_changed_pages_are_written_again(tmp_path: Path) -> None:
    first, second = make_policy("first", title="第一条"), make_policy("second", title="第二条")
    root, out = tmp_path / "policies", tmp_path / "pages"
    before = build_pages(make_library(first, second, tmp_path=root), out, TODAY)
    again = build_pages(make_library(first, second, tmp_path=root), out, TODAY)
    stamp = (out / "policies/first.md").stat().st_mtime_ns
    changed = second.model_copy(update={"body": "新的正文。"})
    after = build_pages(make_library(first, changed, tmp_path=root), out, TODAY)
    assert before.written == before.total
    assert again.written == 0
    # The entry, its notice, the search page, and the search's table, terms and texts.
    assert after.written == 6
    assert (out / "policies/first.md").stat().st_mtime_ns == stamp


def test_the_page_of_a_removed_entry_goes_too(tmp_path: Path) -> None:
    first, second = make_policy("first", title="第一条"), make_policy("second", title="第二条")
    build(tmp_path, first, second)
    root, out = tmp_path / "policies", tmp_path / "pages"
    (out / "notes.txt").write_text("不是网页", encoding="utf-8")
    report = build_pages(make_library(first, tmp_path=root), out, TODAY)
    assert report.removed == 2  # and its notice
    assert [path.name for path in (out / "policies").iterdir()] == ["first.md"]
    assert (out / "notes.txt").is_file()


def test_what_others_keep_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    build(tmp_path, make_policy("first"), make_policy("second"))
    root, out = tmp_path / "policies", tmp_path / "pages"
    others = [out / name for name in ("README.md", "notes/a.md", "assets/a.js", "assets/a.css")]
    for path in others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("---\ntitle: 别人的文件\n---\n", encoding="utf-8")
    build_pages(make_library(make_policy("first"), tmp_path=root), out, TODAY)
    assert not (out / "policies/second.md").exists()
    assert all(path.is_file() for path in others)


def test_pages_are_never_written_among_the_entries(tmp_path: Path) -> None:
    library = make_library(make_policy("first"), tmp_path=tmp_path / "policies")
    with pytest.raises(ValueError, match="请换一个文件夹"):
        build_pages(library, tmp_path, TODAY)
    assert not (tmp_path / "index.md").exists()


def test_progress_ends_at_the_number_of_pages(tmp_path: Path) -> None:
    library = make_library(make_policy("first"), tmp_path=tmp_path / "policies")
    steps: list[tuple[int, int]] = []
    report = build_pages(
        library, tmp_path / "pages", TODAY, progress=lambda done, total: steps.append((done, total))
    )
    assert steps[0] == (1, report.total)
    assert steps[-1] == (report.total, report.total)


def test_internal_notes_reach_no_page(small: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in small.rglob("*") if path.is_file()]
    assert any("城镇污水排入排水管网许可" in text for text in texts)
    assert not any(CANARY in text for text in texts)


def test_front_matter_brings_back_every_character(tmp_path: Path) -> None:
    out = build(tmp_path, make_policy("odd", key_points=[{"text": EVERY_LINE_END}]))
    text = (out / "policies/odd.md").read_text(encoding="utf-8")
    assert section(out, "odd", "key_points")["rows"][0]["text"] == EVERY_LINE_END
    assert text.splitlines() == text.removesuffix("\n").split("\n")  # no other kind of line end


def test_search_data_cannot_leave_its_script(tmp_path: Path) -> None:
    text = f"</script><!--<script>{EVERY_LINE_END}"
    out = build(tmp_path, make_policy("odd", title="甲</script>", key_points=[{"text": text}]))
    for path in (out / "assets" / "search").iterdir():
        script = path.read_text(encoding="utf-8")
        assert "<" not in script, path.name
        assert len(script.splitlines()) == 1, path.name
    assert search_parts(out, "entries")[0]["title"] == ["甲</script>"]
    assert search_parts(out, "texts")[0]["odd"]["text"].endswith(EVERY_LINE_END.split()[-1])


def test_search_data_holds_plain_words_without_markup(tmp_path: Path) -> None:
    body = "## 标题\n\n- 看[许可](permit.md)的**要点**\n\n| 甲 | 乙 |\n|---|---|\n| 丙 | 丁 |"
    out = build(tmp_path, make_policy("plain", body=body, fee=[{"text": "不收费"}]))
    assert search_parts(out, "texts")[0]["plain"]["text"] == "标题 看许可的 要点 甲 乙 丙 丁 不收费"


def test_hostile_text_stays_data_in_the_front_matter(small: Path) -> None:
    text = (small / "policies/hostile.md").read_text(encoding="utf-8")
    assert entry(small, "hostile")["title"] == HOSTILE
    assert HOSTILE_SHORT not in text.split("\n---\n", 1)[1]
    assert HOSTILE not in text.split("\n---\n", 1)[1]


def test_an_entry_is_linked_from_both_ends(small: Path) -> None:
    def links(slug: str) -> dict[str, list[str]]:
        return {
            relation["title"]: [link["slug"] for link in relation["links"]]
            for relation in entry(small, slug)["relations"]
        }

    assert links("tax-relief-2024") == {"被下列条目替代": ["tax-relief-2026"]}
    assert links("tax-relief-2026") == {"替代了": ["tax-relief-2024"]}
    assert links("permit-procedure") == {
        "以本条为依据": ["drainage-permit"],
        "也可以看": ["drainage-permit"],
    }


@pytest.mark.parametrize(
    ("field", "title"), [("amends", "被下列条目修改"), ("repeals", "被下列条目废止")]
)
def test_an_entry_says_what_changed_it(tmp_path: Path, field: str, title: str) -> None:
    old, new = make_policy("old", title="旧规定"), make_policy("new", **{field: ["old"]})
    out = build(tmp_path, old, new)
    relations = entry(out, "old")["relations"]
    assert [(row["title"], row["links"][0]["slug"]) for row in relations] == [(title, "new")]


def test_a_superseded_entry_names_its_successor(small: Path) -> None:
    assert entry(small, "tax-relief-2024")["successor"] == {
        "slug": "tax-relief-2026",
        "title": "小微企业税费减免",
    }


def test_the_facts_card_has_no_empty_rows(tmp_path: Path) -> None:
    out = build(tmp_path, make_policy("bare"))
    assert facts(out, "bare") == {"发文机关": "国务院"}


def test_the_facts_card_answers_what_people_ask_first(small: Path) -> None:
    shown = facts(small, "drainage-permit")
    assert shown["办理时限"] == "法定时限 15 个工作日"
    assert shown["收费"] == "不收费"
    assert shown["咨询电话"] == "12345"
    assert facts(small, "tax-relief-2026")["失效日期"] == "2027 年 12 月 31 日"


def test_a_clause_points_to_its_source_by_number(small: Path) -> None:
    assert section(small, "drainage-permit", "conditions")["rows"][0]["refs"] == [2]
    assert entry(small, "drainage-permit")["sources"][1]["title"] == "示例条例"


def test_a_material_says_how_many_in_which_form_and_from_whom(small: Path) -> None:
    form, report = section(small, "drainage-permit", "materials")["rows"]
    assert form["tags"] == ["2 份", "原件"]
    assert report["tags"] == ["复印件", "由检测机构出具"]
    assert report["when"] == "重点排污单位"


def test_conditions_keep_their_groups(small: Path) -> None:
    (group,) = section(small, "tax-relief-2026", "eligibility")["rows"]
    assert group["lead"] == "下面的条件符合一个就行："
    assert [child["text"] for child in group["children"]] == ["小型企业", "微型企业"]


@pytest.mark.parametrize(
    ("amount", "unit", "per", "shown"),
    [
        ("2000", "元", "每人每月", "2000 元（每人每月）"),
        ("50", "%", None, "50%"),
        ("0.50", "万元", None, "0.5 万元"),
        ("1000000", "元", None, "1000000 元"),
    ],
)
def test_amounts_read_as_people_write_them(
    tmp_path: Path, amount: str, unit: str, per: str | None, shown: str
) -> None:
    benefit = {"type": "补贴", "text": "发补贴", "amount": amount, "unit": unit, "per": per}
    out = build(tmp_path, make_policy("money", benefits=[benefit]))
    assert section(out, "money", "benefits")["rows"][0]["tags"] == ["补贴", shown]


def test_a_rule_opens_with_its_points_and_a_service_with_whom_it_is_for(small: Path) -> None:
    def titles(slug: str) -> list[str]:
        return [section["title"] for section in entry(small, slug)["sections"]]

    assert titles("permit-procedure") == ["要点", "适用于谁"]
    assert titles("drainage-permit")[0] == "谁要办"
    assert titles("tax-relief-2026") == ["扶持内容", "申请条件"]


def test_home_lists_what_closes_soon_with_the_nearest_first(small: Path) -> None:
    closing = meta(small, "index.md")["closing"]
    assert [(card["slug"], card["days"]) for card in closing] == [
        ("hiring-subsidy", 37),
        ("tax-relief-2026", 402),
    ]


def test_home_lists_the_newest_in_force_and_nothing_pending_or_over(small: Path) -> None:
    newest = [card["slug"] for card in meta(small, "index.md")["newest"]]
    assert newest == ["hiring-subsidy", "tax-relief-2026"]


def test_home_takes_its_words_and_examples_from_the_library(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "index.md").write_text(
        "---\nexamples:\n- 排水证\n---\n\n欢迎。\n", encoding="utf-8"
    )
    out = build(tmp_path, make_policy("first"))
    assert meta(out, "index.md")["examples"] == ["排水证"]
    assert (out / "index.md").read_text(encoding="utf-8").rstrip().endswith("欢迎。")


def test_home_does_without_words_of_the_library(tmp_path: Path) -> None:
    out = build(tmp_path, make_policy("first"))
    assert not (tmp_path / "policies" / "index.md").exists()
    assert meta(out, "index.md")["examples"] == []


@pytest.mark.parametrize("head", ["examples: 排水证", "examples: [[a]]", "- 排水证", "a: ["])
def test_a_mistake_in_the_words_of_home_is_named(tmp_path: Path, head: str) -> None:
    (tmp_path / "policies").mkdir()
    library = make_library(make_policy("first"), tmp_path=tmp_path / "policies")
    (tmp_path / "policies" / "index.md").write_text(f"---\n{head}\n---\n欢迎。", encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        build_pages(library, tmp_path / "pages", TODAY)
    assert str(caught.value).startswith("policies/index.md:1 examples：")


def test_every_entry_is_in_the_lists_it_belongs_to(small: Path) -> None:
    def listed(name: str) -> list[str]:
        return sorted(
            card["slug"] for group in meta(small, name)["groups"] for card in group["cards"]
        )

    assert listed("rule.md") == ["permit-procedure", "wedding"]
    assert listed("enterprise.md") == [
        "drainage-permit",
        "hiring-subsidy",
        "permit-procedure",
        "tax-relief-2024",
        "tax-relief-2026",
    ]
    assert listed("topics/tax.md") == ["tax-relief-2024", "tax-relief-2026"]
    assert listed("levels/city.md") == ["elderly-allowance"]
    assert listed("topics/veterans.md") == []


def test_what_is_over_stands_last_in_a_list(small: Path) -> None:
    (group,) = meta(small, "topics/tax.md")["groups"]
    assert [card["slug"] for card in group["cards"]] == ["tax-relief-2026", "tax-relief-2024"]


def test_topics_that_have_entries_are_listed_and_counted(small: Path) -> None:
    counts = {topic["name"]: topic["count"] for topic in meta(small, "topics.md")["topics"]}
    assert counts["税费减免"] == 2
    assert "退役军人" not in counts  # it has none


def test_a_page_shows_the_first_few_names_and_the_search_knows_all(tmp_path: Path) -> None:
    names = [f"俗称{n}" for n in "一二三四五六七八"]
    out = build(tmp_path, make_policy("named", aliases=names))
    assert facts(out, "named")["也叫"] == "、".join(names[:6])
    assert search_parts(out, "texts")[0]["named"]["names"] == names


def test_search_data_has_only_synonyms_that_stand_in_the_library(tmp_path: Path) -> None:
    out = build(tmp_path, make_policy("road", title="挖掘城市道路审批"))
    synonyms = search_parts(out, "entries")[0]["synonyms"]
    assert "道路" in synonyms["马路"]
    assert synonyms["挖沟"] == ["挖掘"]
    assert "托班" not in synonyms


def many(count: int, **fields: Any) -> list[Policy]:
    return [make_policy(f"entry-{n:04}", title=f"第{n}条", **fields) for n in range(count)]


def test_a_long_list_has_pages_that_together_hold_every_entry_once(tmp_path: Path) -> None:
    out = build(tmp_path, *many(2 * LIST_CARDS + 1))
    pages = [meta(out, f"citizen{part}.md") for part in ("", "-2", "-3")]
    assert not (out / "citizen-4.md").exists()
    listed = [
        [card["slug"] for group in page["groups"] for card in group["cards"]] for page in pages
    ]
    assert [len(slugs) for slugs in listed] == [LIST_CARDS, LIST_CARDS, 1]
    assert sorted(slug for slugs in listed for slug in slugs) == [
        f"entry-{n:04}" for n in range(2 * LIST_CARDS + 1)
    ]
    assert [page["title"] for page in pages] == [
        "惠民政策",
        "惠民政策（第 2 页）",
        "惠民政策（第 3 页）",
    ]
    assert {group["count"] for page in pages for group in page["groups"]} == {2 * LIST_CARDS + 1}
    assert [step["text"] for step in pages[1]["steps"]] == ["上一页", "1", "2", "3", "下一页"]
    assert [step["page"] for step in pages[1]["steps"] if step["current"]] == ["citizen-2"]


def test_the_filters_of_a_long_list_count_what_the_search_will_find(tmp_path: Path) -> None:
    old = {"effective": "2020-01-01", "expires": "2021-01-01"}
    others = [make_policy(f"old-{n}", level="city", audience=["citizen"], **old) for n in range(3)]
    out = build(tmp_path, *many(LIST_CARDS), *others)
    facets = {facet["name"]: facet["rows"] for facet in meta(out, "citizen.md")["facets"]}
    assert facets["level"] == [
        {"value": "national", "label": "国家", "count": LIST_CARDS},
        {"value": "city", "label": "市", "count": 3},
    ]
    assert [(row["label"], row["count"]) for row in facets["status"]] == [
        ("现行有效", LIST_CARDS),
        ("已失效", 3),
    ]
    assert "kind" not in facets  # all the same: nothing to choose
    assert meta(out, "levels/city.md")["facets"] == []


def test_a_list_that_became_short_loses_its_further_pages(tmp_path: Path) -> None:
    entries = many(LIST_CARDS + 1)
    out = build(tmp_path, *entries)
    assert (out / "service-2.md").is_file()
    build(tmp_path, *entries[1:])
    assert not (out / "service-2.md").exists()
    assert meta(out, "service.md")["steps"] == []


def test_home_has_of_each_day_no_more_than_it_can_ever_show(tmp_path: Path) -> None:
    dates = {"kind": "benefit", "effective": "2026-01-01"}
    soon = many(20, expires="2026-12-31", **dates)
    later = [make_policy(f"later-{n}", expires="2027-06-30", **dates) for n in range(3)]
    closing = meta(build(tmp_path, *soon, *later), "index.md")["closing"]
    assert [card["deadline"] for card in closing] == ["2026-12-31"] * 8 + ["2027-06-30"] * 3


def test_a_page_does_not_change_when_only_the_day_does(tmp_path: Path) -> None:
    dates = {"kind": "benefit", "effective": "2026-01-01", "expires": "2026-11-24"}
    library = make_library(make_policy("ending", **dates), tmp_path=tmp_path / "policies")
    out = tmp_path / "pages"
    build_pages(library, out, TODAY)
    # Home, where it no longer closes, and the page of recent changes, which tells its day.
    assert build_pages(library, out, date(2026, 11, 25)).written == 2
    assert meta(out, "index.md")["closing"] == []


def test_the_search_knows_where_each_term_stands(tmp_path: Path) -> None:
    out = build(tmp_path, make_policy("road", title="挖路 2024年", body="路面。", aliases=["挖路"]))
    (words,) = search_parts(out, "words")
    table = search_parts(out, "entries")[0]
    assert table["lengths"][0][:2] == [8, 3]  # of the fields, each with its end
    assert list(b64decode(words["挖路"])) == [0, 2, 0, 8]  # in the title, and 8 on, in the names
    assert list(b64decode(words["2024"])) == [0, 1, 2]
    assert list(b64decode(words["~年"])) == [0, 1, 6]
    assert "路2" not in words


def test_a_term_that_stands_far_into_a_text_is_found_there(tmp_path: Path) -> None:
    out = build(tmp_path, make_policy("long", body="甲乙" * 20_000 + "终点"))
    code = next(words["终点"] for words in search_parts(out, "words") if "终点" in words)
    entry, count, *steps = b64decode(code)
    place = 0
    for step in steps:
        place = place * 128 + (step & 127)
    lengths = search_parts(out, "entries")[0]["lengths"][0]
    assert (entry, count, place) == (0, 1, sum(lengths) + 40_000)


def test_places_are_counted_from_the_beginning_of_each_entry(tmp_path: Path) -> None:
    out = build(tmp_path, make_policy("a", title="挖路"), make_policy("b", title="再挖路"))
    (words,) = search_parts(out, "words")
    assert list(b64decode(words["挖路"])) == [0, 1, 0, 1, 1, 1]


def test_search_files_that_are_no_longer_needed_go_too(tmp_path: Path) -> None:
    out = build(tmp_path, *many(9))
    assert len(search_parts(out, "texts")) == 4
    build(tmp_path, *many(2))
    assert len(search_parts(out, "texts")) == 1


def test_an_empty_library_has_an_empty_search(tmp_path: Path) -> None:
    out = build(tmp_path)
    assert search_parts(out, "entries")[0]["slug"] == []
    assert search_parts(out, "words") == [{}]
