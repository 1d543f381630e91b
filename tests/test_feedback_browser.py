"""“纠错、补充” in a real browser: a draft that says what it is about, however it is sent."""

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import HOSTILE, Fields, build, run, serve_app, serve_files, write_project
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from indexer.corrections import open_reception
from indexer.feedback import FeedbackError, check_feedback
from indexer.loader import load_library
from indexer.pages import build_pages
from indexer.quotas import MOST
from indexer.writing import build_index

TODAY = date(2026, 11, 30)
ISSUES = "https://gitlab.example.gov.cn/zhengce/-/issues/new?issuable_template=error"
FEEDBACK: dict[str, Any] = {
    "none": None,
    "issue": {
        "kind": "issue",
        "address": ISSUES,
        "title": "issue[title]",
        "body": "issue[description]",
    },
    "email": {"kind": "email", "address": "zhengce@example.gov.cn"},
    "service": {"kind": "service"},
}
TITLE = "城镇污水排入排水管网许可"
LONG = "很长很长的标题" * 20
QUESTIONS = ["哪里不对？", "", "应该是什么？", "", "依据是什么？", ""]
QUESTIONS += ["请不要写姓名、电话、身份证号码。"]
ENTRIES: dict[str, Fields] = {
    "drainage-permit": {
        "title": TITLE,
        "answers": [{"question": "要办排水证吗", "short": "要办，排水之前就办好。"}],
        "body": "## 一句话说清\n\n开饭店排水要先办证。\n",
    },
    "expired": {
        "title": "老补贴",
        "kind": "benefit",
        "effective": "2024-01-01",
        "expires": "2025-12-31",
        "body": f"## 一句话说清\n\n{'每年都发一次，各家都有。' * 60}\n",
    },
    "hostile": {"title": HOSTILE, "body": "## 一句话说清\n\n正文。\n"},
    "long": {"title": LONG, "body": "## 一句话说清\n\n正文。\n"},
}


def make(folder: Path, feedback: Any) -> Path:
    """Return a project whose readers are to write as `feedback` says, built."""
    folder.mkdir()
    project = write_project(folder, ENTRIES)
    config = project / "mkdocs.yml"
    text = config.read_text(encoding="utf-8")
    setting = "" if feedback is None else f"  feedback: {json.dumps(feedback)}\n"
    config.write_text(text.replace("extra:\n", f"extra:\n{setting}"), encoding="utf-8")
    library = load_library(project / "policies")
    build_index(library, project / "build" / "index")
    build_pages(library, project / "build" / "pages", TODAY)
    build(project, "mkdocs", "build", "--strict", POLICYKB_PAGES="build/pages")
    return project


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("feedback")
    return {name: make(folder / name, setting) for name, setting in FEEDBACK.items()}


@pytest.fixture(scope="module")
def sites(projects: dict[str, Path]) -> Iterator[dict[str, str]]:
    """The address of each site on a plain file server."""
    with (
        serve_files(projects["none"]) as none,
        serve_files(projects["issue"]) as issue,
        serve_files(projects["email"]) as email,
        serve_files(projects["service"]) as service,
    ):
        yield {"none": none, "issue": issue, "email": email, "service": service}


@pytest.fixture
def open_service(projects: dict[str, Path], tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a service that takes proposals, and where it keeps them."""
    reception = open_reception(tmp_path / "inbox", [])
    with serve_app(projects["service"], TODAY, reception=reception) as address:
        yield address, tmp_path / "inbox"


def version_of(project: Path, slug: str) -> str:
    entry = load_library(project / "policies").by_slug[slug]
    return entry.digest[:10]


def report(page: Page) -> Locator:
    return page.get_by_role("complementary", name="纠错、补充")


def link(page: Page) -> Locator:
    return report(page).get_by_role("link", name="纠错、补充")


def draft(address: str) -> tuple[str, list[str]]:
    """Return the subject and the lines of a draft that a link opens."""
    parts = urlsplit(address)
    names = {name: value for name, (value,) in parse_qs(parts.query).items()}
    subject = names.get("subject") or names["issue[title]"]
    body = names.get("body") or names["issue[description]"]
    return subject, body.replace("\r\n", "\n").split("\n")


def mark(page: Page, selector: str) -> None:
    """Mark text as a reader does, who then goes on to the link."""
    page.locator(selector).evaluate("e => getSelection().selectAllChildren(e)")
    page.evaluate("new Promise(requestAnimationFrame)")


# A draft elsewhere


@pytest.mark.parametrize("kind", ["issue", "email"])
def test_the_draft_says_which_page_and_content_it_is_about_on_which_day(
    page: Page, sites: dict[str, str], projects: dict[str, Path], kind: str
) -> None:
    page.goto(f"{sites[kind]}policies/drainage-permit.html?words=证#answers")
    mark(page, ".pk-body p")
    link(page).focus()
    address = link(page).get_attribute("href") or ""
    assert address.startswith(ISSUES if kind == "issue" else "mailto:zhengce@example.gov.cn?")
    subject, lines = draft(address)
    assert subject == f"政策库纠错：{TITLE}"
    assert lines == [
        f"条目：{TITLE}（drainage-permit）",
        f"内容版本：{version_of(projects[kind], 'drainage-permit')}",
        f"网页：{sites[kind]}policies/drainage-permit.html",
        "时效：现行有效（按 2026-11-30 判断）",
        "选中的文字：“开饭店排水要先办证。”",
        "",
        *QUESTIONS,
    ]
    if kind == "email":
        assert "%0D%0A" in address
        assert "+" not in address.split("?")[1]


def test_what_is_no_longer_marked_is_not_in_the_draft(page: Page, sites: dict[str, str]) -> None:
    page.goto(f"{sites['email']}policies/expired.html")
    mark(page, "h1")
    page.locator(".pk-lead").click()
    link(page).focus()
    _, lines = draft(link(page).get_attribute("href") or "")
    assert lines[3:5] == ["时效：已失效（按 2026-11-30 判断）", ""]
    mark(page, ".pk-footer__name")
    link(page).focus()
    link(page).dispatch_event("pointerdown")
    assert draft(link(page).get_attribute("href") or "")[1] == lines


@pytest.mark.parametrize("slug", ["expired", "long", "hostile"])
def test_an_address_stays_as_short_as_mail_programs_take(
    page: Page, sites: dict[str, str], slug: str
) -> None:
    page.goto(f"{sites['email']}policies/{slug}.html")
    mark(page, ".pk-body")
    link(page).focus()
    address = link(page).get_attribute("href") or ""
    assert len(address) <= 1900
    assert draft(address)[1][-len(QUESTIONS) :] == QUESTIONS
    mark(page, ".pk-body")
    page.goto(f"{sites['issue']}policies/{slug}.html")
    mark(page, ".pk-body")
    link(page).focus()
    assert len(link(page).get_attribute("href") or "") <= 6000


def test_a_page_from_a_disk_does_not_tell_whose_disk_it_is(
    page: Page, projects: dict[str, Path]
) -> None:
    page.goto((projects["email"] / "build/site/policies/drainage-permit.html").as_uri())
    link(page).focus()
    address = link(page).get_attribute("href") or ""
    assert draft(address)[1][2] == "网页：policies/drainage-permit.html"
    assert projects["email"].name not in draft(address)[1][2]


@pytest.mark.parametrize("kind", ["issue", "email"])
def test_without_scripts_the_draft_still_names_entry_and_version(
    context: BrowserContext, projects: dict[str, Path], sites: dict[str, str], kind: str
) -> None:
    plain = context.browser
    assert plain is not None
    with plain.new_context(java_script_enabled=False) as without:
        page = without.new_page()
        page.goto(f"{sites[kind]}policies/drainage-permit.html")
        _, lines = draft(link(page).get_attribute("href") or "")
        assert lines == [
            f"条目：{TITLE}（drainage-permit）",
            f"内容版本：{version_of(projects[kind], 'drainage-permit')}",
            "",
            *QUESTIONS,
        ]


@pytest.mark.parametrize(
    "name", ["service.html", "topics/drainage.html", "questions.html", "questions/drainage.html"]
)
def test_a_list_has_a_draft_about_what_it_lacks(
    page: Page, sites: dict[str, str], name: str
) -> None:
    page.goto(sites["email"] + name)
    expect(report(page)).to_contain_text("缺了哪一条")
    link(page).focus()
    _, lines = draft(link(page).get_attribute("href") or "")
    assert lines[0].startswith("网页标题：")
    assert lines[1] == f"网页：{sites['email']}{name}"


def test_a_notice_page_reports_its_entry(
    page: Page, sites: dict[str, str], projects: dict[str, Path]
) -> None:
    page.goto(f"{sites['email']}notices/drainage-permit.html")
    link(page).focus()
    _, lines = draft(link(page).get_attribute("href") or "")
    assert lines[0] == f"条目：一次告知单：{TITLE}（drainage-permit）"
    assert lines[1] == f"内容版本：{version_of(projects['email'], 'drainage-permit')}"


def test_with_nothing_configured_the_page_says_whom_to_ring_and_loads_nothing(
    page: Page, sites: dict[str, str]
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{sites['none']}policies/drainage-permit.html")
    expect(report(page)).to_contain_text("请打 12345，说明政策库条目“drainage-permit”哪里不对")
    expect(report(page).get_by_role("link")).to_have_count(1)
    assert not [url for url in asked if "feedback" in url]


def test_the_home_page_loads_nothing_of_it(page: Page, sites: dict[str, str]) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{sites['service']}index.html")
    assert not [url for url in asked if "feedback" in url]


def test_a_kiosk_shows_the_number_to_ring_and_no_way_out(page: Page, sites: dict[str, str]) -> None:
    page.goto(f"{sites['email']}policies/drainage-permit.html?mode=kiosk")
    expect(link(page)).to_be_hidden()
    expect(report(page)).to_contain_text("12345")


# The form of the service


def unfold(page: Page) -> None:
    report(page).get_by_text("纠错、补充", exact=True).click()


def kept(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("*.json"))]


def test_what_a_reader_writes_in_the_form_is_kept(
    page: Page, open_service: tuple[str, Path], projects: dict[str, Path]
) -> None:
    address, folder = open_service
    page.goto(f"{address}policies/drainage-permit.html")
    mark(page, ".pk-body p")
    unfold(page)
    box = page.get_by_label("哪里不对？应该是什么？")
    expect(box).to_have_value("“开饭店排水要先办证。”\n")
    box.press("ControlOrMeta+End")
    box.press_sequentially("过时了，现在不用办。")
    page.get_by_label("过时了").check()
    page.get_by_label("依据是什么？").fill("新条例第 3 条")
    page.get_by_role("button", name="提交").click()
    done = report(page).get_by_role("status").last
    expect(done).to_contain_text("收到了，编号 2026-11-30-1。")
    expect(done).to_be_focused()
    expect(box).to_be_hidden()
    assert kept(folder) == [
        {
            "day": "2026-11-30",
            "slug": "drainage-permit",
            "kind": "outdated",
            "text": "“开饭店排水要先办证。”\n过时了，现在不用办。",
            "basis": "新条例第 3 条",
            "version": version_of(projects["service"], "drainage-permit"),
        }
    ]


def test_the_form_works_by_keyboard_alone(page: Page, open_service: tuple[str, Path]) -> None:
    address, folder = open_service
    page.goto(f"{address}service.html")
    report(page).locator("summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("缺内容")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("没有公租房")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(report(page)).to_contain_text("收到了，编号 2026-11-30-1。")
    assert [(row["slug"], row["kind"]) for row in kept(folder)] == [("", "missing")]


def test_what_the_service_refuses_is_said_at_the_form(
    page: Page, open_service: tuple[str, Path]
) -> None:
    address, folder = open_service
    page.goto(f"{address}policies/drainage-permit.html")
    unfold(page)
    box = page.get_by_label("哪里不对？应该是什么？")
    page.get_by_role("button", name="提交").click()
    alert = report(page).get_by_role("alert")
    expect(alert).to_have_text("请写上哪里不对、应该是什么。")
    expect(box).to_be_focused()
    box.fill("找我 13800138000")
    page.get_by_role("button", name="提交").click()
    expect(alert).to_contain_text("像是手机号码。请删去再提交")
    expect(box).to_have_attribute("aria-invalid", "true")
    assert kept(folder) == []
    box.fill("期限不对")
    page.get_by_role("button", name="提交").click()
    expect(report(page)).to_contain_text("收到了")


def test_who_sends_too_much_is_told_to_wait(page: Page, open_service: tuple[str, Path]) -> None:
    address, folder = open_service
    for _ in range(MOST + 1):
        page.goto(f"{address}policies/drainage-permit.html")
        unfold(page)
        page.get_by_label("哪里不对？应该是什么？").fill("期限不对")
        page.get_by_role("button", name="提交").click()
        expect(report(page)).to_contain_text(re.compile("收到了|一下子发得太多了"))
    expect(report(page).get_by_role("alert")).to_contain_text("分钟再发；急事请打 12345")
    assert len(kept(folder)) == MOST


@pytest.mark.parametrize("where", ["files", "disk", "closed"])
def test_without_the_service_the_draft_can_be_copied(
    context: BrowserContext,
    page: Page,
    sites: dict[str, str],
    projects: dict[str, Path],
    where: str,
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    base = {
        "files": sites["service"],
        "disk": (projects["service"] / "build/site").as_uri() + "/",
        "closed": sites["service"],
    }[where]
    if where == "closed":
        page.route("**/api/corrections", lambda route: _fail(route))
    page.goto(f"{base}policies/drainage-permit.html")
    unfold(page)
    page.get_by_label("哪里不对？应该是什么？").fill("期限不对，应为 15 日")
    page.get_by_label("依据是什么？").fill("第 33 条")
    page.get_by_role("button", name="写好了" if where == "disk" else "提交").click()
    written = page.get_by_label("写好的话")
    expect(written).to_be_focused()
    lines = written.input_value().split("\n")
    assert lines[0] == f"条目：{TITLE}（drainage-permit）"
    assert lines[-3:] == ["情况：写错了", "期限不对，应为 15 日", "依据：第 33 条"]
    page.get_by_role("button", name="复制这段话").click()
    expect(report(page)).to_contain_text("已复制")
    if where != "disk":
        assert page.evaluate("navigator.clipboard.readText()").split("\n") == lines
    expect(report(page)).to_contain_text("打 12345 念给接线员听")


def _fail(route: Route) -> None:
    route.abort()


def test_a_service_that_takes_none_offers_the_draft(page: Page, projects: dict[str, Path]) -> None:
    with serve_app(projects["service"], TODAY) as address:
        page.goto(f"{address}policies/drainage-permit.html")
        unfold(page)
        page.get_by_label("哪里不对？应该是什么？").fill("期限不对")
        page.get_by_role("button", name="提交").click()
        expect(page.get_by_label("写好的话")).to_be_focused()


def test_without_scripts_no_form_is_shown(context: BrowserContext, sites: dict[str, str]) -> None:
    assert context.browser is not None
    with context.browser.new_context(java_script_enabled=False) as without:
        page = without.new_page()
        page.goto(f"{sites['service']}policies/drainage-permit.html")
        expect(report(page).get_by_role("textbox")).to_have_count(0)
        expect(report(page)).to_contain_text("12345")


# For everyone


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("kind", ["issue", "service"])
@pytest.mark.parametrize("mode", ["normal", "large"])
def test_it_fits_and_is_accessible(
    page: Page, sites: dict[str, str], kind: str, width: int, scheme: Any, mode: str
) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 800})
    for name in ("policies/drainage-permit.html", "service.html"):
        page.goto(f"{sites[kind]}{name}?mode={mode}")
        if kind == "service":
            unfold(page)
            page.get_by_role("button", name="提交").click()
            page.get_by_label("哪里不对？应该是什么？").fill("期限不对")
            page.get_by_role("button", name="提交").click()
            expect(page.get_by_label("写好的话")).to_be_focused()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()


# The setting


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ("email", "要写成"),
        ({"kind": "mail"}, "kind 只能是 issue、email、service，现在是“mail”"),
        ({"kind": "email"}, "address 要写一个信箱"),
        ({"kind": "email", "address": "a@b.cn?cc=x@y.z"}, "address 要写一个信箱"),
        ({"kind": "issue", "address": "javascript:alert(1)"}, "以 https:// 开头"),
        ({"kind": "issue", "address": "https://x/y", "titel": "t"}, "您是不是想写 title？"),
        ({"kind": "issue", "address": "https://x/y", "title": "a b"}, "网址参数的名字"),
        ({"kind": "service", "address": "https://x"}, "没有“address”这一项"),
    ],
)
def test_a_setting_that_cannot_be_followed_is_told(given: Any, part: str) -> None:
    with pytest.raises(FeedbackError, match=r"mkdocs\.yml extra\.feedback") as told:
        check_feedback(given)
    assert part in str(told.value)


@pytest.mark.parametrize("given", FEEDBACK.values())
def test_a_setting_that_is_right_is_taken(given: Any) -> None:
    check_feedback(given)


def test_a_wrong_setting_stops_the_build_in_chinese(tmp_path: Path) -> None:
    project = write_project(tmp_path, {})
    config = project / "mkdocs.yml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("extra:\n", "extra:\n  feedback: {kind: mail}\n"), "utf-8")
    done = run(project, "mkdocs", "build", "--strict")
    assert done.returncode != 0
    assert "kind 只能是 issue、email、service" in done.stdout + done.stderr
