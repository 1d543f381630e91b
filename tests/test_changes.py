"""Changes: two states of an entry in words, and what the site tells of the history."""

import json
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from browser import build, open_context, small_library, write_project
from factories import SMALLEST
from playwright.sync_api import Browser, expect
from repository import PERMIT, PROCEDURE, Repository, write_entry

from indexer.build import shows_authors
from indexer.changes import FIELDS, Turn, compare_files, is_same_text
from indexer.leaks import find_leaks
from indexer.loader import load_library
from indexer.pages import build_pages
from indexer.policy import Policy
from indexer.recent import (
    FLIPPED_DAYS,
    HISTORY_ROWS,
    IMPORTED,
    describe_changes,
    describe_history,
    read_past,
)
from indexer.revisions import NoHistory, walk_history
from indexer.snapshots import Fate

DAY = date(2026, 11, 30)
SINCE = date(2026, 9, 1)
Told = dict[str, Any]


@pytest.fixture
def words(tmp_path: Path) -> Callable[[Told, Told], list[str]]:
    """Return what is different between two entries, given what they have beyond the smallest."""

    def compare(before: Told, after: Told) -> list[str]:
        return [change.words for change in changes(tmp_path, before, after)]

    return compare


def changes(folder: Path, before: Told, after: Told) -> Any:
    files = []
    for name, fields in (("before", before), ("after", after)):
        path = folder / f"{name}.md"
        write_entry(path, {**SMALLEST, **fields})
        files.append(path.read_bytes())
    return compare_files(*files)


# In words


def test_every_public_field_has_a_name() -> None:
    assert set(FIELDS) == set(Policy.model_fields) - {"slug", "internal"}


def test_a_time_limit_is_told_as_people_say_it(words: Callable[..., list[str]]) -> None:
    limit = {"kind": "statutory", "text": "受理之日起", "value": 15, "unit": "working_days"}
    step = {**limit, "stage": "acceptance", "text": "当场看"}
    new = {"time_limit": [{**limit, "value": 20}, {**step, "unit": "calendar_days"}]}
    assert words({"time_limit": [limit, step]}, new) == [
        "法定时限：15 个工作日 → 20 个工作日",
        "法定时限（受理）：15 个工作日 → 15 日",
    ]


def test_materials_are_added_removed_and_changed(words: Callable[..., list[str]]) -> None:
    old = {"materials": [{"name": "申请表", "copies": 1}, {"name": "租房合同"}]}
    new = {"materials": [{"name": "身份证明"}, {"name": "申请表", "copies": 2, "form": "copy"}]}
    assert words(old, new) == [
        "申请材料“申请表”的份数：1 → 2",
        "申请材料“申请表”的形式：没有 → 复印件",
        "申请材料：去掉“租房合同”",
        "申请材料：新增“身份证明”",
    ]


def test_a_reworded_statement_is_one_change(words: Callable[..., list[str]]) -> None:
    old = {"procedure": [{"text": "先到窗口交材料，再等通知"}, {"text": "领证"}]}
    new = {"procedure": [{"text": "先到窗口或者网上交材料，再等通知"}, {"text": "领证"}]}
    (told,) = words(old, new)
    assert told.endswith("：先到窗口交材料，再等通知 → 先到窗口或者网上交材料，再等通知")


def test_steps_in_another_order_are_told_and_words_in_another_order_are_not(
    words: Callable[..., list[str]],
) -> None:
    steps = [{"text": "先看图纸"}, {"text": "再去现场"}]
    assert words({"procedure": steps}, {"procedure": steps[::-1]}) == ["办理流程：次序改了"]
    assert words({"aliases": ["甲", "乙"]}, {"aliases": ["乙", "甲"]}) == []


def test_amounts_dates_and_conditions_are_told_with_both_values(
    words: Callable[..., list[str]],
) -> None:
    condition = {"text": "人数", "field": "headcount", "op": "lte", "value": "300", "unit": "人"}
    old = {
        "expires": "2026-12-31",
        "benefits": [{"type": "补贴", "text": "按人补", "amount": "2000", "unit": "元"}],
        "eligibility": [{"text": "下面有一个", "any": [condition]}],
    }
    new = {
        "expires": "2027-12-31",
        "benefits": [{"type": "补贴", "text": "按人补", "amount": "3000", "unit": "元"}],
        "eligibility": [{"text": "下面有一个", "any": [{**condition, "value": "500"}]}],
    }
    assert words(old, new) == [
        "失效日期：2026-12-31 → 2027-12-31",
        "申请条件“人数”的标准：从业人数不超过 300 人 → 从业人数不超过 500 人",
        "扶持内容“按人补”：2000 元 → 3000 元",
    ]


def test_the_body_is_told_under_its_headings(words: Callable[..., list[str]]) -> None:
    body = "## 谁要办\n\n饭店要办。\n\n## 怎么办\n\n到窗口办。"
    told = words({"body": body}, {"body": body.replace("到窗口办", "在网上办")})
    assert told == ["正文（怎么办）：到窗口办。 → 在网上办。"]


def test_internal_notes_are_never_read(words: Callable[..., list[str]]) -> None:
    assert words({"internal": "旧备注"}, {"internal": "新备注"}) == []


def test_marks_and_width_are_typography_but_a_point_between_digits_is_not() -> None:
    assert is_same_text("先看（材料），再办。", "先看(材料)，再办")
    assert is_same_text("２０ 个工作日", "20个工作日")
    assert not is_same_text("1.5 万元", "15 万元")
    assert not is_same_text("第1、2条", "第12条")
    assert not is_same_text("不到 10", "10")


def test_what_only_shows_checking_is_quiet(tmp_path: Path) -> None:
    old = {"aliases": ["甲"], "reviewed": "2026-01-01", "summary": "一句话说明，给谁看。"}
    new = {"aliases": ["乙"], "reviewed": "2026-11-01", "summary": "一句话说明,给谁看"}
    assert all(change.quiet for change in changes(tmp_path, old, new))


def test_a_file_that_is_no_entry_is_told_as_a_whole() -> None:
    for broken in (b"---\ntitle: [\n---\n\nx\n", b"../elsewhere.md", b"\xff\xfe\x00", b""):
        (told,) = compare_files(broken, b"---\ntitle: a\n---\n\nx\n")
        assert told.turn is Turn.CHANGED
        assert "读不出来" in told.words


# The history


@pytest.fixture
def office(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "office")


def past_of(office: Repository, **options: bool) -> Any:
    note = office.root / "build" / ".pages-history.json"
    return read_past(load_library(office.policies), note, SINCE, **options)


def lines_of(office: Repository, slug: str) -> list[tuple[str, str]]:
    rows = describe_history(past_of(office), slug)["rows"]
    return [(row["day"], row["text"]) for row in rows]


def longer(limit: int) -> Told:
    return {**PERMIT, "time_limit": [{**PERMIT["time_limit"][0], "value": limit}]}


def test_an_entry_tells_its_history_day_by_day(office: Repository) -> None:
    office.commit("2026-10-01", permit=PERMIT, procedure=PROCEDURE)
    office.commit("2026-11-05", permit=longer(18))
    office.commit("2026-11-05", permit=longer(20))
    office.commit("2026-11-09", permit={**longer(20), "reviewed": "2026-11-25"})
    office.write(permit=longer(99))  # not committed: no history yet
    assert lines_of(office, "permit") == [
        ("2026-11-09", "只核对、改了字句，内容没有变"),
        ("2026-11-05", "法定时限：15 个工作日 → 20 个工作日"),
        ("2026-10-01", "收进政策库"),
    ]


def test_history_follows_an_entry_through_folders_and_names(office: Repository) -> None:
    office.commit("2026-10-01", permit=PERMIT, procedure=PROCEDURE)
    (office.policies / "approvals").mkdir()
    office.git("mv", "policies/permit.md", "policies/approvals/permit.md")
    office.commit("2026-10-02")
    office.git("mv", "policies/approvals/permit.md", "policies/approvals/drainage.md")
    office.commit("2026-10-03")
    write_entry(office.policies / "approvals" / "drainage.md", longer(20))
    office.commit("2026-10-04")
    assert lines_of(office, "drainage") == [
        ("2026-10-04", "法定时限：15 个工作日 → 20 个工作日"),
        ("2026-10-03", "网址从 permit 改成了 drainage"),
        ("2026-10-01", "收进政策库"),
    ]


def test_a_merge_counts_as_what_it_brought(office: Repository) -> None:
    office.commit("2026-10-01", permit=PERMIT, procedure=PROCEDURE)
    office.git("checkout", "--quiet", "-b", "draft")
    office.commit("2026-10-05", permit=longer(18))
    office.commit("2026-10-06", permit=longer(20))
    office.git("checkout", "--quiet", "main")
    office.commit("2026-10-07", procedure={**PROCEDURE, "title": "许可的程序"})
    office.git("merge", "--quiet", "--no-ff", "draft", "--message", "m", day="2026-10-09")
    assert lines_of(office, "permit") == [
        ("2026-10-09", "法定时限：15 个工作日 → 20 个工作日"),
        ("2026-10-01", "收进政策库"),
    ]


def test_what_was_changed_and_changed_back_on_a_day_is_nothing(office: Repository) -> None:
    office.commit("2026-10-01", permit=PERMIT, procedure=PROCEDURE)
    office.commit("2026-10-05", permit=longer(18))
    office.commit("2026-10-05", permit=PERMIT)
    assert lines_of(office, "permit") == [("2026-10-01", "收进政策库")]


def test_a_clock_that_was_wrong_does_not_turn_the_order_round(office: Repository) -> None:
    office.commit("2026-10-05", permit=PERMIT, procedure=PROCEDURE)
    office.commit("2026-12-31", permit=longer(18))
    office.commit("2026-10-08", permit=longer(20))
    assert [day for day, _ in lines_of(office, "permit")] == ["2026-10-08", "2026-10-05"]


def test_a_long_history_is_cut(office: Repository) -> None:
    office.commit("2026-01-01", permit=PERMIT, procedure=PROCEDURE)
    for day in range(1, HISTORY_ROWS + 2):
        office.commit(f"2026-03-{day:02}", permit=longer(day))
    told = describe_history(past_of(office), "permit")
    assert (len(told["rows"]), told["more"]) == (HISTORY_ROWS, True)


def test_authors_and_messages_are_left_out_unless_authors_are_wanted(office: Repository) -> None:
    office.commit("2026-10-01", permit=PERMIT, procedure=PROCEDURE)
    library = load_library(office.policies)
    for authors in (False, True):
        out = office.root / "build" / f"pages-{authors}"
        build_pages(library, out, DAY, authors=authors)
        texts = [path.read_text(encoding="utf-8") for path in out.rglob("*.md")]
        assert any("王编辑" in text for text in texts) == authors
        assert not any("不外传的说明" in text for text in texts)


def test_the_option_for_authors_is_off_by_default(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parent.parent
    assert not shows_authors(root)
    text = (root / "mkdocs.yml").read_text(encoding="utf-8")
    (tmp_path / "mkdocs.yml").write_text(
        text.replace("history_authors: false", "history_authors: true"), encoding="utf-8"
    )
    assert shows_authors(tmp_path)


# What must not be published again


def test_what_became_an_internal_note_is_not_told_from_the_past(office: Repository) -> None:
    secret = "窗口说可以先收材料后补盖章不要写给办事人看"
    papers = [*PERMIT["materials"], {"name": secret}]
    office.commit("2026-10-01", permit=PERMIT, procedure=PROCEDURE)
    office.commit("2026-10-02", permit={**PERMIT, "materials": papers})
    assert lines_of(office, "permit")[0][1] == f"申请材料：新增“{secret}”"  # no secret yet
    office.commit("2026-10-03", permit={**PERMIT, "internal": secret})
    library = load_library(office.policies)
    build_pages(library, office.root / "build" / "pages", DAY)
    assert not find_leaks(library, [office.root / "build"]).problems
    told = lines_of(office, "permit")
    assert told[:2] == [("2026-10-03", "申请材料改了"), ("2026-10-02", "申请材料改了")]
    office.commit("2026-10-04", permit=PERMIT)  # no note any more: the words may be told again
    assert lines_of(office, "permit")[-2][1] == f"申请材料：新增“{secret}”"


def test_personal_data_of_the_past_is_not_told(office: Repository) -> None:
    number = "13800138000"
    office.commit("2026-10-01", permit=PERMIT, procedure=PROCEDURE)
    papers = [*PERMIT["materials"], {"name": f"打 {number} 预约"}]
    office.commit("2026-10-02", permit={**PERMIT, "materials": papers})
    office.commit("2026-10-03", permit=PERMIT)
    build_pages(load_library(office.policies), office.root / "build" / "pages", DAY)
    files = [path for path in (office.root / "build").rglob("*") if path.is_file()]
    assert not any(number in path.read_text(encoding="utf-8", errors="ignore") for path in files)
    assert lines_of(office, "permit")[0] == ("2026-10-03", "申请材料改了")


# The page


def page_of(office: Repository, day: date = DAY) -> Told:
    return describe_changes(load_library(office.policies), past_of(office), day)


def test_the_page_tells_the_days_and_what_each_brought(office: Repository) -> None:
    office.commit("2026-10-01", permit=PERMIT, procedure=PROCEDURE, old=SMALLEST)
    office.commit("2026-11-05", permit=longer(20), loan={**SMALLEST, "title": "新贷款"})
    (office.policies / "old.md").unlink()
    office.commit("2026-11-06", procedure={**PROCEDURE, "aliases": ["程序"]})
    told = page_of(office)
    assert [day["day"] for day in told["days"]] == ["2026-11-06", "2026-11-05", "2026-10-01"]
    assert told["checks"] == 1
    (gone,) = told["days"][0]["groups"]
    assert (gone["fate"], gone["links"]) == (
        Fate.WITHDRAWN,
        [{"slug": "", "title": SMALLEST["title"]}],
    )
    new, changed = told["days"][1]["groups"]
    assert new["links"] == [{"slug": "loan", "title": "新贷款"}]
    assert changed["lines"] == ["法定时限：15 个工作日 → 20 个工作日"]


def test_what_was_brought_in_at_once_is_counted(office: Repository) -> None:
    many = {f"entry_{n}": {**SMALLEST, "title": f"第 {n} 条"} for n in range(IMPORTED + 1)}
    office.commit("2026-11-01", permit=PERMIT, procedure=PROCEDURE, **many)
    (day,) = page_of(office)["days"]
    assert day["imported"] == "新收录 13 条：办事事项 1 条，惠企惠民政策 11 条，规则与依据 1 条"
    assert day["groups"] == []


def test_entries_that_changed_alike_stand_together_behind_new_figures(office: Repository) -> None:
    entries = {f"e{n}": {**SMALLEST, "title": f"第 {n} 条"} for n in range(3)}
    office.commit("2026-11-01", permit=PERMIT, procedure=PROCEDURE, **entries)
    answer = {"answers": [{"question": "要办吗", "short": "要办，不收费。"}]}
    office.commit(
        "2026-11-02", permit=longer(9), **{n: {**e, **answer} for n, e in entries.items()}
    )
    first, second = page_of(office)["days"][0]["groups"]
    assert [link["slug"] for link in first["links"]] == ["permit"]
    assert [link["slug"] for link in second["links"]] == ["e0", "e1", "e2"]
    assert second["lines"] == ["补充了统一答复"]


def test_only_the_last_three_months_are_on_the_page(office: Repository) -> None:
    office.commit("2026-08-01", permit=PERMIT, procedure=PROCEDURE)
    office.commit("2026-12-24", permit=longer(20))
    assert page_of(office)["days"] == []  # the one is too old, the other not yet


def test_what_dates_turn_is_told_around_the_day_of_the_build(office: Repository) -> None:
    office.commit(
        "2026-08-01",
        started={**SMALLEST, "effective": "2026-11-29", "supersedes": ["replaced"]},
        over={**SMALLEST, "expires": "2026-11-29"},
        replaced={**SMALLEST, "expires": "2026-11-28", "superseded_by": "started"},
        soon={**SMALLEST, "effective": "2026-12-15"},
        old={**SMALLEST, "effective": "2026-01-01", "expires": "2029-12-31"},
    )
    assert [(t["day"], t["slug"], t["text"], t["shown"]) for t in page_of(office)["turns"]] == [
        ("2026-12-15", "soon", "施行", False),
        ("2026-11-30", "over", "失效", True),
        ("2026-11-29", "started", "施行", True),
        ("2026-11-29", "replaced", "由新规定接替", True),
    ]


def test_without_history_there_is_a_page_that_says_so(tmp_path: Path) -> None:
    write_entry(tmp_path / "policies" / "loan.md", SMALLEST)
    out = tmp_path / "pages"
    build_pages(load_library(tmp_path / "policies"), out, DAY)
    head = (out / "changes.md").read_text(encoding="utf-8")
    assert '"known": false' in head
    assert '"rows": []' in (out / "policies" / "loan.md").read_text(encoding="utf-8")
    with pytest.raises(NoHistory, match="不在 git 仓库里"):
        list(walk_history(tmp_path / "policies"))


def test_a_repository_without_commits_has_no_history(office: Repository) -> None:
    office.write(loan=SMALLEST)
    assert not past_of(office).is_known
    with pytest.raises(NoHistory, match="还没有提交过"):
        list(walk_history(office.policies))


def test_a_shallow_copy_says_that_its_history_is_cut(office: Repository, tmp_path: Path) -> None:
    office.commit("2026-10-01", permit=PERMIT, procedure=PROCEDURE)
    office.commit("2026-10-02", permit=longer(20))
    copy = tmp_path / "copy"
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", office.root.as_uri(), str(copy)], check=True
    )
    library = load_library(copy / "policies")
    past = read_past(library, tmp_path / "note", SINCE)
    assert past.is_cut
    assert describe_history(past, "permit")["cut"]


def test_the_pages_are_the_same_with_and_without_what_was_kept(office: Repository) -> None:
    office.commit("2026-10-01", permit=PERMIT, procedure=PROCEDURE)
    office.commit("2026-11-05", permit=longer(20))
    out = office.root / "build" / "pages"
    texts = []
    for state in ("nothing kept", "kept", "broken"):
        if state == "broken":
            (out.parent / ".pages-history.json").write_text("[", encoding="utf-8")
        build_pages(load_library(office.policies), out, DAY)
        texts.append((out / "changes.md").read_text(encoding="utf-8"))
    assert len(set(texts)) == 1
    kept = json.loads((out.parent / ".pages-history.json").read_text(encoding="utf-8"))
    assert len(kept["words"]) == 1


def test_paths_that_look_like_marks_of_the_log_confuse_nobody(office: Repository) -> None:
    (office.policies / "notes").mkdir()
    odd = office.policies / "notes" / "\x01abc 2026-01-01 x:y.md"
    odd.write_text("---\ntitle: 怪\n---\n\nx\n", encoding="utf-8")
    office.commit("2026-10-01", permit=PERMIT, procedure=PROCEDURE)
    office.git("mv", str(odd), str(odd.with_name(": 000.md")))
    office.commit("2026-10-02")
    days = [step.commit.day.isoformat() for step in walk_history(office.policies)]
    assert days == ["2026-10-02", "2026-10-01"]


# In the browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of the small library, with a history, as built on DAY."""
    root = tmp_path_factory.mktemp("history")
    office = Repository(root / "office")
    project = tmp_path_factory.mktemp("project")
    entries = small_library()
    write_project(project, entries)
    for path in (project / "policies").iterdir():
        path.rename(office.policies / path.name)
    office.commit("2026-10-01")
    path = office.policies / "drainage-permit.md"
    text = path.read_text(encoding="utf-8").replace("value: 15", "value: 20")
    path.write_text(text, encoding="utf-8")
    office.commit("2026-11-20")
    pages = project / "build" / "pages"
    build_pages(load_library(office.policies), pages, DAY)
    return build(project, "mkdocs", "build", "--strict", POLICYKB_PAGES="build/pages")


def test_the_browser_tells_what_has_turned_by_its_own_day(browser: Browser, site: Path) -> None:
    # hiring-subsidy expires on 2026-12-31, elderly-allowance comes into force the next day.
    for day, shown in (("2026-11-30", 0), ("2027-01-01", 2), ("2027-03-02", 2), ("2027-03-03", 0)):
        with open_context(browser, date.fromisoformat(day)) as context:
            page = context.new_page()
            page.goto(f"{site.as_uri()}/changes.html")
            assert page.locator("[data-turn]:visible").count() == shown, day
            expect(page.locator("[data-none]")).to_be_visible(visible=shown == 0)
            expect(page.locator("[data-old]")).to_be_hidden()
    assert FLIPPED_DAYS == 60
    with open_context(browser, date(2027, 9, 1)) as context:
        page = context.new_page()
        page.goto(f"{site.as_uri()}/changes.html")
        expect(page.locator("[data-old]")).to_contain_text("2026-11-30 生成的，已经很久没有更新")


def test_from_home_to_what_changed_and_to_the_history_of_an_entry(
    browser: Browser, site: Path
) -> None:
    with open_context(browser, DAY) as context:
        page = context.new_page()
        page.goto(f"{site.as_uri()}/index.html")
        page.locator(".pk-columns").get_by_role("link", name="最近更新").click()
        expect(page.locator("h1")).to_have_text("最近更新")
        row = page.locator(".pk-changed__row").filter(has_text="改动")
        expect(row).to_contain_text("法定时限：15 个工作日 → 20 个工作日")
        row.get_by_role("link").click()
        history = page.locator(".pk-history")
        expect(history.locator("li").first).to_be_hidden()
        history.locator("summary").click()
        expect(history.locator("li").first).to_have_text(
            "2026-11-20法定时限：15 个工作日 → 20 个工作日"
        )
