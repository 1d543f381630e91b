"""Approved answers in a real browser: read out, copied with all they rest on, never outdated."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import Fields, build_project, open_context, serve_files
from playwright.sync_api import Browser, BrowserContext, Page, expect

TODAY = date(2026, 11, 30)
SHORT = "要办，排水之前就办好。"
LONG = "居民家里的生活污水不用办。"


def library() -> dict[str, Fields]:
    """Return entries with answers, one of every status on TODAY, and one without answers."""
    answers = [
        {
            "question": "开饭店要办排水证吗",
            "short": SHORT,
            "long": LONG,
            "basis": "示例条例第21条",
            "source": ["L"],
        },
        {"question": "排水证要交钱吗", "short": "许可本身不收费。"},
    ]
    return {
        "licence": {
            "title": "排水许可",
            "answers": answers,
            "aliases": ["下水证"],
            "supersedes": ["superseded"],
        },
        "expired": {
            "title": "老补贴",
            "effective": "2024-01-01",
            "expires": "2025-12-31",
            "answers": [{"question": "老补贴还有吗", "short": "有，每年都发一次。"}],
        },
        "superseded": {
            "title": "旧办法",
            "effective": "2024-01-01",
            "expires": "2025-12-31",
            "superseded_by": "licence",
            "answers": [{"question": "旧办法怎么办", "short": "到窗口领表办理。"}],
        },
        "pending": {
            "title": "明年的办法",
            "effective": "2027-01-01",
            "answers": [{"question": "明年的办法怎么办", "short": "到窗口申请就行。"}],
        },
        "permit-procedure": {"title": "许可程序", "kind": "rule", "topic": ["办事规则"]},
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_project(tmp_path_factory.mktemp("answers"), library(), TODAY)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with open_context(browser, TODAY) as opened:
        opened.grant_permissions(["clipboard-read", "clipboard-write"])
        yield opened


def copy_button(page: Page, number: int = 0) -> str:
    """Press a copy button and return what is in the clipboard then."""
    button = page.locator("[data-copy-reply]").nth(number)
    button.click()
    expect(button).to_have_text("已复制")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def select_and_copy(page: Page, selector: str) -> str:
    """Select an element by hand, copy it with the keyboard, and return the clipboard."""
    page.locator(selector).first.evaluate("e => getSelection().selectAllChildren(e)")
    page.keyboard.press("ControlOrMeta+C")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def test_an_answer_is_copied_with_basis_source_review_and_validity(page: Page, files: str) -> None:
    page.goto(f"{files}policies/licence.html")
    assert copy_button(page).splitlines() == [
        "开饭店要办排水证吗",
        SHORT,
        f"依据：示例条例第21条；来源：政策库《排水许可》 {files}policies/licence.html#answer-1 ；"
        "核对日期 2026-11-23；时效：现行有效（按 2026-11-30 判断）",
    ]
    assert copy_button(page, 1).splitlines()[:2] == ["排水证要交钱吗", "许可本身不收费。"]


def test_the_long_answer_is_copied_once_it_is_unfolded(page: Page, files: str) -> None:
    page.goto(f"{files}policies/licence.html")
    expect(page.get_by_text(LONG)).to_be_hidden()
    page.get_by_text("详细说明").click()
    expect(page.get_by_text(LONG)).to_be_visible()
    assert copy_button(page).splitlines()[1:3] == [SHORT, LONG]


@pytest.mark.parametrize(
    ("slug", "label", "warning"),
    [
        (
            "expired",
            "连同失效提醒一起复制",
            "【已失效：有效期到 2025-12-31 为止，没有查到接续的规定，"
            "现在怎么办请打 12345 或到窗口问】",
        ),
        (
            "superseded",
            "连同被替代提醒一起复制",
            "【已被替代：有效到 2025-12-31，现在请看《排水许可》】",
        ),
        (
            "pending",
            "连同未施行提醒一起复制",
            "【尚未施行：从 2027-01-01 起施行，在这之前按原来的规定办】",
        ),
    ],
)
def test_what_does_not_hold_today_is_never_copied_without_its_warning(
    page: Page, files: str, slug: str, label: str, warning: str
) -> None:
    for address in (f"policies/{slug}.html", "questions/drainage.html"):
        page.goto(files + address)
        group = page.locator(f"[data-replies][data-page$='{slug}.html']")
        expect(group.locator("[data-warning]")).to_have_text(warning)
        button = group.locator("[data-copy-reply]")
        expect(button).to_have_text(label)
        button.click()
        expect(button).to_have_text("已复制")
        assert page.evaluate("navigator.clipboard.readText()").startswith(warning)
        for part in ("[data-short]", "[data-reply]", "[data-question]"):
            at = f"[data-replies][data-page$='{slug}.html'] {part}"
            assert select_and_copy(page, at).startswith(warning), (address, part)


def test_a_selection_over_the_whole_page_takes_the_warning_along(page: Page, files: str) -> None:
    page.goto(f"{files}questions/drainage.html")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.press("ControlOrMeta+C")
    first, second, third, *_ = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert [line[:4] for line in (first, second, third)] == ["【尚未施", "【已失效", "【已被替"]


def test_what_holds_is_copied_by_hand_as_it_stands(page: Page, files: str) -> None:
    page.goto(f"{files}policies/licence.html")
    assert select_and_copy(page, "[data-short]").strip() == SHORT
    page.goto(f"{files}policies/expired.html")
    assert select_and_copy(page, ".pk-lead").strip() == "一句话说明这一条是做什么的。"


def test_an_answer_goes_out_of_date_on_the_day_its_entry_does(
    page: Page, context: BrowserContext, files: str
) -> None:
    context.clock.set_fixed_time("2025-12-31T12:00:00+08:00")
    page.goto(f"{files}policies/expired.html")
    assert copy_button(page).startswith("老补贴还有吗")
    context.clock.set_fixed_time("2026-01-01T12:00:00+08:00")
    page.reload()
    assert copy_button(page).startswith("【已失效：")


def test_from_the_disk_the_copy_names_the_entry_and_no_path_of_the_computer(
    page: Page, project: Path
) -> None:
    page.goto((project / "build/site/policies/expired.html").as_uri())
    text = copy_button(page)
    assert text.startswith("【已失效：")
    assert "来源：政策库《老补贴》；核对日期" in text
    assert "file:" not in text


def test_without_scripts_the_answers_can_be_read_and_no_button_pretends_to_copy(
    browser: Browser, files: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{files}policies/expired.html")
    expect(page.get_by_text("有，每年都发一次。")).to_be_visible()
    expect(page.locator(".pk-reply .pk-status")).to_have_text("2024-01-01 至 2025-12-31")
    expect(page.locator("[data-copy-reply]")).to_be_hidden()
    page.goto(f"{files}questions/drainage.html")
    expect(page.get_by_text(SHORT)).to_be_visible()
    context.close()


def test_the_copy_button_works_from_the_keyboard_and_says_what_came_of_it(
    page: Page, files: str
) -> None:
    page.goto(f"{files}policies/licence.html")
    button = page.locator("[data-copy-reply]").first
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_text("已复制")
    expect(button.locator("[aria-live=polite]")).to_have_text("已复制")


def test_common_questions_are_found_while_typing_and_lead_to_their_answer(
    page: Page, files: str
) -> None:
    page.goto(f"{files}topics/drainage.html")
    page.get_by_role("link", name="常见问题（5 问）").click()
    expect(page.locator("[data-count]")).to_have_text("共 5 问")
    box = page.get_by_label("在这些问题里找")
    box.fill("交钱")
    expect(page.locator("[data-reply]:visible")).to_have_count(1)
    expect(page.locator("[data-count]")).to_have_text("5 问中有 1 问符合")
    box.fill("下水证 办")  # a name of the entry, and a word of the answer
    expect(page.locator("[data-replies]:visible")).to_have_count(1)
    box.fill("没有人这样问")
    expect(page.get_by_text("这里没有这样的问题。")).to_be_visible()
    box.fill("")
    page.get_by_role("link", name="排水证要交钱吗").click()
    expect(page).to_have_url(re.compile(r"policies/licence\.html#answer-2$"))
    expect(page.locator("#answer-2")).to_be_in_viewport()


def test_many_questions_are_on_several_pages_which_tell_how_many_there_are(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.pages.ASKED_ENTRIES", 2)
    with serve_files(build_project(tmp_path, library(), TODAY)) as address:
        page.goto(f"{address}questions/drainage.html")
        expect(page.locator("[data-count]")).to_have_text("共 5 问，这一页 3 问")
        page.get_by_label("在这些问题里找").fill("交钱")
        expect(page.locator("[data-count]")).to_have_text("这一页 3 问中有 1 问符合")
        page.get_by_role("link", name="下一页").click()
        expect(page.locator("[data-count]")).to_have_text("共 5 问，这一页 2 问")
        expect(page.get_by_role("link", name="2", exact=True)).to_have_attribute(
            "aria-current", "page"
        )


def test_an_entry_without_answers_loads_nothing_for_them(page: Page, files: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{files}policies/permit-procedure.html")
    assert not [url for url in asked if "answers.js" in url or "questions.css" in url]
    expect(page.get_by_text("统一答复")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize(
    "name", ["policies/licence.html", "policies/expired.html", "questions/drainage.html"]
)
def test_the_answers_fit_and_are_accessible(page: Page, files: str, name: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(files + name)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_on_paper_the_long_answer_is_open_and_no_button_is_printed(page: Page, files: str) -> None:
    page.goto(f"{files}policies/licence.html")
    page.emulate_media(media="print")
    expect(page.locator("[data-copy-reply]").first).to_be_hidden()
    assert page.locator("[data-long]").evaluate("e => e.checkVisibility()")
    expect(page.get_by_text("详细说明")).to_be_hidden()
