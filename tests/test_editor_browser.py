"""Form editing in a real browser, as somebody who has never seen the files does it."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from browser import ROOT, serve
from playwright.sync_api import Browser, Page, expect

from indexer.editor import make_editor
from indexer.entrydesk import Desk
from indexer.entryfile import split_entry
from indexer.frontmatter import read_front_matter
from indexer.loader import inspect_library
from indexer.preview import Preview

TODAY = date(2026, 11, 30)
WAIT = 30_000  # milliseconds: the editor is 5 MB of script


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """A copy of the real entries, as they were committed."""
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "as it was"]):
        git(tmp_path, *command)
    return tmp_path / "policies"


def git(folder: Path, *command: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "core.quotePath=false"]
    done = subprocess.run(["git", *who, *command], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode()


@pytest.fixture
def editor(policies: Path, tmp_path: Path) -> Iterator[str]:
    drafts = tmp_path / "drafts"
    drafts.mkdir()
    doubt = "# 请核对（依据落款，把握 60%）\n"
    draft = f"---\ntitle: 认养城市树木\n{doubt}issuer: 区园林中心\n---\n\n可以认养。\n"
    (drafts / "tree-care.md").write_text(draft, "utf-8")
    with serve(make_editor(Desk(policies, drafts), Preview(ROOT), lambda: TODAY)) as address:
        yield f"{address}edit/"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which no script may fail, and which may ask this computer alone."""
    hosts, failures = set[str](), list[str]()
    with closing(browser.new_context(locale="zh-CN")) as context:
        # Not a fixed time: Decap waits by the clock before it looks for entries.
        context.clock.install(time=f"{TODAY}T12:00:00+08:00")
        context.set_default_timeout(WAIT)
        context.on("request", lambda r: hosts.add(re.sub(r"^(\w+:(//[^/:]*)?).*", r"\1", r.url)))
        page = context.new_page()
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("console", lambda m: failures.append(m.text) if "Content Sec" in m.text else None)
        yield page
    # Decap itself leaves the promise of a save that is refused unanswered.
    assert [text for text in failures if text not in ("undefined", "Object")] == []
    assert hosts <= {"http://127.0.0.1", "blob:", "data:", "about:"}


def pane(page: Page) -> "Page":
    return page.frame_locator("#preview-pane")  # type: ignore[return-value]


def fill(page: Page, label: str, text: str) -> None:
    page.get_by_label(re.compile(rf"^{label}( \(可不填\))?$")).first.fill(text)


def choose(page: Page, label: str, *options: str) -> None:
    """Choose by keyboard, as one does who types the first words."""
    for option in options:
        page.get_by_label(re.compile(rf"^{label}$")).first.fill(option)
        page.keyboard.press("Enter")


def unfold(page: Page, title: str) -> None:
    """Open a section of the form."""
    section = page.locator("label", has_text=title).locator("xpath=../..")
    section.get_by_role("button", name="展开", exact=True).first.click()


def save(page: Page) -> None:
    page.get_by_role("button", name="保存", exact=True).click()
    page.get_by_role("menuitem", name="核查并保存").click()


def test_a_newcomer_writes_an_entry_and_mends_what_is_told(
    editor: str, policies: Path, page: Page
) -> None:
    page.goto(editor)
    page.get_by_role("link", name="新建条目").click()
    fill(page, "条目名", "tree-adoption")
    fill(page, "标题", "认养城市树木")
    choose(page, "适用对象", "群众")
    choose(page, "主题分类", "园林绿化")
    choose(page, "层级", "区县")
    fill(page, "发文机关", "区园林中心")
    fill(page, "一句话说明", "想认养路边的树，到园林中心登记。")
    fill(page, "正文", "## 一句话说清\n\n想认养路边的树，先登记。")
    page.get_by_label("核对日期").first.fill("2026-11-30")

    # No source yet, and a day that has not been thought through.
    told = pane(page)
    expect(told.get_by_role("status")).to_contain_text("还有 1 处要改")
    expect(told.get_by_role("list", name="要改的地方")).to_contain_text("出处")
    save(page)
    expect(page.get_by_text("没有保存。还有 1 处要改。出处：还没有填").first).to_be_visible()
    assert not (policies / "approvals/tree-adoption.md").exists()

    page.get_by_role("button", name="加一项：出处").click()
    fill(page, "出处名称", "认养办法")
    fill(page, "文号", "临园发〔2026〕1号")
    expect(told.get_by_role("status")).to_contain_text("没有发现问题")

    unfold(page, "地区、文号、时效")
    page.get_by_label(re.compile("^施行日期")).first.fill("2026-12-01")
    page.get_by_label(re.compile("^失效日期")).first.fill("2025-12-01")
    expect(told.get_by_role("list", name="要改的地方")).to_contain_text("早于")
    save(page)
    expect(page.get_by_text("没有保存。还有 1 处要改").first).to_be_visible()
    assert not (policies / "approvals/tree-adoption.md").exists()

    told.get_by_role("button", name="失效日期").click()
    page.get_by_label(re.compile("^失效日期")).first.fill("2027-12-01")
    expect(told.get_by_role("status")).to_contain_text("没有发现问题")
    expect(told.frame_locator("iframe").get_by_text("本条尚未施行")).to_be_visible()
    save(page)
    expect(page.get_by_text("已保存到政策库的文件里").first).to_be_visible()

    text = (policies / "approvals/tree-adoption.md").read_text("utf-8")
    values = read_front_matter(split_entry(text)[0], first_line=2).values
    assert values == {
        "title": "认养城市树木",
        "kind": "service",
        "audience": ["citizen"],
        "topic": ["园林绿化"],
        "level": "district",
        "issuer": "区园林中心",
        "summary": "想认养路边的树，到园林中心登记。",
        "effective": "2026-12-01",
        "expires": "2027-12-01",
        "sources": [{"title": "认养办法", "doc_number": "临园发〔2026〕1号"}],
        "reviewed": "2026-11-30",
    }
    assert inspect_library(policies)[1] == ()
    assert (
        git(policies, "status", "--porcelain", "--", ".")
        == "?? policies/approvals/tree-adoption.md\n"
    )


def test_one_field_of_a_real_entry_is_changed_and_nothing_else(
    editor: str, policies: Path, page: Page
) -> None:
    page.goto(editor + "#/collections/approvals/entries/road-excavation")
    field = page.get_by_label("一句话说明")
    before = field.input_value()
    field.fill("沿街开挖、埋管子以前，要先办这个审批。")
    expect(pane(page).get_by_role("status")).to_contain_text("没有发现问题")
    save(page)
    expect(page.get_by_text("已保存到政策库的文件里").first).to_be_visible()
    assert changed_lines(policies) == [
        f"-summary: {before}",
        "+summary: 沿街开挖、埋管子以前，要先办这个审批。",
    ]

    # And once more, without opening it again.
    field.fill(before)
    save(page)
    expect(page.get_by_text("没有要保存的修改")).to_be_visible()
    assert changed_lines(policies) == []


def changed_lines(policies: Path) -> list[str]:
    diff = git(policies, "diff", "-U0").splitlines()
    return [line for line in diff if re.match(r"[+-](?!\+\+ |-- )", line)]


def test_another_entry_is_chosen_by_its_title_and_deep_conditions_stay(
    editor: str, policies: Path, page: Page
) -> None:
    path = policies / "enterprises/advanced-manufacturing-vat-credit.md"
    deep = (
        "- text: 甲\n  any:\n  - text: 乙\n    all:\n    - text: 丙\n      not:\n      - text: 丁\n"
    )
    path.write_text(path.read_text("utf-8").replace("eligibility:\n", f"eligibility:\n{deep}"))
    git(policies, "commit", "-aqm", "deep")
    page.goto(editor + "#/collections/enterprises/entries/advanced-manufacturing-vat-credit")
    unfold(page, "依据文件、和别的条目的关系")
    chooser = page.get_by_label(re.compile("^相关条目"))
    chooser.fill("小型微利企业")
    page.get_by_role("option", name="小型微利企业所得税优惠").click()
    unfold(page, "谁能办、什么条件")
    expect(pane(page).get_by_role("status")).to_contain_text("没有发现问题")
    save(page)
    expect(page.get_by_text("已保存到政策库的文件里").first).to_be_visible()
    assert changed_lines(policies) == ["+- cit-small-low-profit"]


def test_a_draft_is_completed_and_put_into_the_library(
    editor: str, policies: Path, page: Page, tmp_path: Path
) -> None:
    page.goto(editor + "#/collections/drafts/entries/tree-care")
    expect(page.get_by_label("标题").first).to_have_value("认养城市树木")
    doubt = pane(page).get_by_role("listitem").filter(has_text="请核对（依据落款，把握 60%）")
    expect(doubt).to_contain_text("发文机关", timeout=WAIT)
    expect(page.get_by_text("没有要保存的修改")).to_be_visible()
    choose(page, "类别", "办事事项")
    choose(page, "适用对象", "群众")
    choose(page, "主题分类", "园林绿化")
    choose(page, "层级", "区县")
    fill(page, "一句话说明", "想认养路边的树，到园林中心登记。")
    page.get_by_role("button", name="加一项：出处").click()
    fill(page, "出处名称", "认养办法")
    fill(page, "文号", "临园发〔2026〕1号")
    page.get_by_label("核对日期").first.fill("2026-11-30")
    page.get_by_label(re.compile("^放在哪里")).first.fill("办事")
    page.keyboard.press("Enter")
    expect(pane(page).get_by_role("status")).to_contain_text("没有发现问题")
    save(page)
    expect(page.get_by_text("已保存到政策库的文件里").first).to_be_visible()
    assert "请核对" not in (policies / "approvals/tree-care.md").read_text("utf-8")
    assert not (tmp_path / "drafts/tree-care.md").exists()
    assert inspect_library(policies)[1] == ()
