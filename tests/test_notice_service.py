"""Notices over a real socket, and on their page in a real browser: the same as by command."""

import random
import re
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import build_project, open_context, serve_files
from playwright.sync_api import Browser, BrowserContext, Page

from indexer.checkcodes import FIRST_DAY, CheckCode, digest_of
from indexer.loader import load_library
from indexer.notice import Notice
from indexer.notices import Format, make_notice, render, sources_of_library

TODAY = date(2026, 11, 30)
HOSTILE = "<img src=x onerror=alert(1)>{{ 7*7 }}"
ENTRIES: dict[str, dict[str, Any]] = {
    "permit": {
        "title": "排水许可",
        "situations": [
            {"question": "办哪一种", "options": ["新办", "变更", "延续"], "note": "快到期选延续"},
            {"question": "是不是工地", "options": ["施工排水", "不是工地"]},
        ],
        "materials": [
            {"name": "申请表", "copies": 2},
            {"name": "原来的证", "situation": ["变更", "延续"]},
            {"name": "施工图", "situation": ["新办", "施工排水"], "note": HOSTILE},
        ],
        "time_limit": [
            {"kind": "promised", "text": "当场办", "situation": "变更"},
            {"kind": "statutory", "text": "15 个工作日内决定"},
        ],
        "expires": "2026-12-31",
        "based_on": ["procedure"],
        "internal": "内部金丝雀",
    },
    "plain": {"title": "不分情形的事项", "materials": [{"name": HOSTILE}]},
    "procedure": {
        "title": "许可程序",
        "kind": "rule",
        "topic": ["办事规则"],
        "expires": "2026-12-31",
        "remedies": [{"name": "行政复议", "text": "知道之日起 60 日内"}],
    },
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    entries = {slug: {**fields, "body": "说明。\n"} for slug, fields in ENTRIES.items()}
    return build_project(tmp_path_factory.mktemp("notices"), entries, TODAY)


def notice_of(project: Path, slug: str, *situations: str, address: str = "") -> Notice:
    find = sources_of_library(load_library(project / "policies"))
    return make_notice(find, slug, situations, TODAY, address)


def squeeze(text: str) -> str:
    return re.sub(r"\s", "", text)


# The service.


@pytest.mark.parametrize("form", [Format.TEXT, Format.HTML, Format.DOCX])
def test_the_service_gives_the_very_file_that_the_command_writes(
    service: str, project: Path, form: Format
) -> None:
    answer = httpx.get(f"{service}api/notice/permit?situation=延续&format={form}")
    assert answer.status_code == 200
    assert answer.content == render(notice_of(project, "permit", "延续", address=service), form)


def test_the_service_prints_a_pdf(service: str) -> None:
    answer = httpx.get(f"{service}api/notice/permit?format=pdf", timeout=90)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'attachment; filename="notice-permit.pdf"'
    assert answer.content.startswith(b"%PDF-")


def test_the_service_tells_a_notice_as_json_and_says_when_it_is_the_same(
    service: str, project: Path
) -> None:
    answer = httpx.get(f"{service}api/notice/permit", params={"situation": ["新办", "施工排水"]})
    notice = notice_of(project, "permit", "新办", "施工排水", address=service)
    assert answer.json()["code"] == notice.code
    assert answer.json()["chosen"] == ["新办", "施工排水"]
    assert "内部金丝雀" not in answer.text
    again = httpx.get(str(answer.url), headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    other = httpx.get(f"{service}api/notice/permit?situation=延续")
    assert other.headers["etag"] != answer.headers["etag"]


def test_the_html_of_the_service_may_show_its_own_style_and_nothing_else(
    service: str, page: Page
) -> None:
    page.goto(f"{service}api/notice/permit?format=html")
    assert (
        page.locator(".nt-table th").first.evaluate("e => getComputedStyle(e).borderTopWidth")
        != "0px"
    )
    assert page.locator("img").count() == 0


@pytest.mark.parametrize(
    ("path", "status", "field", "words"),
    [
        ("permi", 404, "slug", "您是不是想写 permit？"),
        ("procedure", 422, "slug", "没有一次告知单"),
        ("permit?situation=延期", 422, "situation", "没有情形“延期”，能选的有：新办、变更、延续"),
        ("plain?situation=新办", 422, "situation", "plain 不分情形"),
        ("permit?format=xml", 422, "format", "只能是 json、text、html、docx、pdf，收到的是“xml”"),
        ("permit?format=html&format=pdf", 422, "format", "只能写一个"),
        ("permit?as_of=2019-12-31", 422, "as_of", "只能是 2020-01-01 到"),
        ("permit?name=张三", 422, "name", "没有这个参数"),
    ],
)
def test_a_wrong_question_is_answered_with_what_is_allowed(
    service: str, path: str, status: int, field: str, words: str
) -> None:
    answer = httpx.get(f"{service}api/notice/{path}")
    assert answer.status_code == status
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert words in error["message"]


# The page.


def tick(page: Page, *names: str) -> None:
    for box in page.locator("[data-ask] input").all():
        box.set_checked(box.evaluate("e => e.nextElementSibling.textContent") in names)


def sheet_words(page: Page) -> str:
    """Return what the first copy shows."""
    return squeeze(page.locator(".nt-copy").first.inner_text())


def command_words(notice: Notice) -> str:
    lines = list(notice.texts())
    lines.insert(2, "申请人联（请保存好，办的时候带来）")
    return squeeze("".join([*lines, "（申请人联到此为止）"]))


def test_the_page_shows_the_same_text_as_the_command_for_every_selection(
    service: str, project: Path, page: Page
) -> None:
    page.goto(f"{service}notices/permit.html")
    for picked in product([None, "新办", "变更", "延续"], [None, "施工排水", "不是工地"]):
        names = [name for name in picked if name]
        tick(page, *names)
        assert sheet_words(page) == command_words(
            notice_of(project, "permit", *names, address=service)
        )


def test_the_page_works_from_the_disk_without_an_address_to_scan(project: Path, page: Page) -> None:
    page.goto((project / "build/site/notices/permit.html").as_uri())
    tick(page, "延续")
    assert sheet_words(page) == command_words(notice_of(project, "permit", "延续"))
    assert page.locator("[data-qr] svg").count() == 0
    assert page.locator("[data-file]:visible").count() == 0


def test_a_link_or_code_brings_back_the_same_selection(service: str, page: Page) -> None:
    page.goto(f"{service}notices/permit.html")
    tick(page, "变更", "施工排水")
    link = page.url
    assert page.locator(".nt-copy [data-qr] svg").count() == 2
    page.goto("about:blank")
    page.goto(link)
    checked = page.locator("[data-ask] input:checked + span").all_inner_texts()
    assert checked == ["变更", "施工排水"]
    assert page.url == link


def test_a_code_of_an_older_content_selects_nothing_and_says_why(service: str, page: Page) -> None:
    old = CheckCode(digest_of(["旧的"]), date(2026, 3, 1), (0, 3))
    page.goto(f"{service}notices/permit.html#{old}")
    assert page.locator("[data-ask] input:checked").count() == 0
    told = page.locator("[data-old]").inner_text()
    assert "2026-03-01 的告知单，内容后来改过了" in told
    assert str(old) in told


def test_word_and_pdf_are_offered_where_the_service_is_and_for_what_is_ticked(
    service: str, project: Path, page: Page
) -> None:
    page.goto(f"{service}notices/permit.html")
    tick(page, "延续")
    word = page.get_by_role("link", name="下载 Word")
    word.wait_for()
    with page.expect_download() as download:
        word.click()
    given = Path(download.value.path()).read_bytes()
    assert given == render(notice_of(project, "permit", "延续", address=service), Format.DOCX)


def test_without_the_service_the_page_offers_no_files(
    project: Path, context: BrowserContext
) -> None:
    with serve_files(project) as address:
        page = context.new_page()
        with page.expect_response("**/healthz"):
            page.goto(f"{address}notices/plain.html")
        page.wait_for_timeout(200)
        assert page.locator("[data-file]:visible").count() == 0


def test_paper_has_both_copies_and_the_stub_and_none_of_the_page_around(
    service: str, page: Page
) -> None:
    page.goto(f"{service}notices/permit.html")
    page.emulate_media(media="print")
    assert page.locator(".nt-copy:visible").count() == 2
    assert page.locator(".nt-stub").is_visible()
    assert (
        not page.locator("h1, nav, header.md-header, footer, form, button")
        .locator("visible=true")
        .count()
    )
    cut = """sheet => [...sheet.querySelectorAll("p, td, th")].filter(
        (part) => part.scrollWidth > part.clientWidth + 1).map((part) => part.textContent)"""
    assert page.locator(".nt-sheet").evaluate(cut) == []


def test_an_expired_item_warns_on_the_sheet_from_the_day_after_its_last(
    project: Path, browser: Browser
) -> None:
    for day, warned in ((date(2026, 12, 31), False), (date(2027, 1, 1), True)):
        with open_context(browser, day) as context:
            page = context.new_page()
            page.goto((project / "build/site/notices/permit.html").as_uri())
            assert page.locator(".nt-warning").first.is_visible() is warned


def test_the_page_is_worked_by_keyboard_alone(service: str, page: Page) -> None:
    page.goto(f"{service}notices/permit.html")
    page.locator("[data-ask] input").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.locator("[data-ask] input:checked + span").all_inner_texts() == ["新办", "延续"]
    assert page.locator("[data-said]").inner_text() == "现在列出 3 项材料"


def test_both_languages_make_and_read_the_same_codes(service: str, page: Page) -> None:
    page.goto(f"{service}notices/permit.html")
    chance = random.Random(6)
    for _ in range(200):
        digest = digest_of([str(chance.random())])
        day = FIRST_DAY + timedelta(days=chance.randrange(32**3))
        ticked = tuple(sorted(chance.sample(range(60), chance.randrange(12))))
        code = CheckCode(digest, day, ticked)
        made = page.evaluate(
            "([digest, day, ticked]) => policyKb.checkCodes.make(digest, day, ticked)",
            [digest, day.isoformat(), list(ticked)],
        )
        assert made == str(code)
        read = page.evaluate("code => policyKb.checkCodes.read(code)", str(code).lower())
        assert read == {"digest": digest, "day": day.isoformat(), "ticked": list(ticked)}
    for wrong in (
        "",
        "7K3M",
        "7K3M-Q9TD-2EXX-!",
        str(code)[:-1] + ("0" if str(code)[-1] != "0" else "1"),
    ):
        assert page.evaluate("code => policyKb.checkCodes.read(code)", wrong) is None
