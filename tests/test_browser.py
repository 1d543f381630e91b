"""Journeys in a real browser: with the service, without it, and straight from the disk."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from browser import (
    HOSTILE,
    BrowserMissing,
    build,
    build_project,
    find_chromium,
    small_library,
    write_project,
)
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect

from indexer.loader import load_library
from indexer.pages import LIST_CARDS, build_pages
from indexer.policy import status_on

TODAY = date(2026, 11, 24)
PAGES = [
    "index.html",
    "search.html",
    "search.html?q=许可",
    "search.html?q=zzzzz",
    "service.html",
    "enterprise.html",
    "topics.html",
    "topics/tax.html",
    "levels/city.html",
    "questions.html",
    "questions/cityscape.html",
    "changes.html",
    "about.html",
    "404.html",
    "policies/drainage-permit.html",
    "policies/tax-relief-2024.html",
    "policies/tax-relief-2026.html",
    "policies/wedding.html",
    "policies/hostile.html",
]
CONTROLS = (
    ".pk-header :is(a, button, label), .pk-nav a, .pk-searchbox button, .pk-chip, .pk-facet, "
    ".pk-button"
)
CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
FIND = """async ([policies, field, day]) => {
  const missed = [];
  for (const policy of policies) {
    for (const q of [policy[field]].flat()) {
      const params = { q, page: 1, size: 3, sort: "relevance" };
      const { hits } = await policyKb.searchLocally(params, day);
      if (hits.every((hit) => hit.slug !== policy.slug)) missed.push(q);
    }
  }
  return missed;
}"""


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small library with its index, and its site as built on TODAY."""
    return build_project(tmp_path_factory.mktemp("browser"), small_library(), TODAY)


@pytest.fixture(params=["service", "files", "disk"])
def anywhere(request: pytest.FixtureRequest) -> str:
    """Each of the three ways in which the site is used."""
    address: str = request.getfixturevalue(request.param)
    return address


def hits(page: Page) -> list[str]:
    """Return the slugs of the hits once the search has answered."""
    expect(page.locator("[data-count]")).to_have_text(re.compile("条|没有|最多"))
    expect(page.locator("[data-search-page]")).not_to_have_attribute("aria-busy", "true")
    links = page.locator("[data-hits] .pk-card__title a").evaluate_all(
        "all => all.map(a => a.href)"
    )
    return [re.sub(r".*/policies/([a-z0-9-]+)\.html.*", r"\1", link) for link in links]


def on_day(context: BrowserContext, day: str) -> None:
    context.clock.set_fixed_time(f"{day}T12:00:00+08:00")


# Journeys


def test_from_home_through_search_and_filter_to_an_entry_on_paper(
    page: Page, anywhere: str
) -> None:
    page.goto(f"{anywhere}index.html")
    page.get_by_role("searchbox").fill("税费减免")
    page.get_by_role("button", name="搜索", exact=True).click()
    expect(page).to_have_url(re.compile(r"search\.html\?q="))
    assert hits(page)[:2] == ["tax-relief-2026", "tax-relief-2024"]
    page.get_by_label("现行有效").check()
    expect(page.locator("[data-count]")).to_contain_text("1 条")
    assert hits(page) == ["tax-relief-2026"]
    page.get_by_role("link", name="小微企业税费减免").click()
    expect(page.locator("h1")).to_have_text("小微企业税费减免")
    expect(page.locator(".pk-status")).to_have_text("现行有效")
    page.emulate_media(media="print")
    for part in (".pk-header", ".pk-nav", ".pk-crumbs", ".pk-actions", ".pk-toc", ".pk-footer"):
        expect(page.locator(part)).to_be_hidden()
    expect(page.locator(".pk-printed")).to_contain_text("打印日期：2026-11-24")
    expect(page.locator(".pk-printed")).to_contain_text("policies/tax-relief-2026.html")
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_what_was_searched_instead_is_told_and_the_words_as_typed_are_offered(
    page: Page, service: str
) -> None:
    page.goto(f"{service}search.html?q=shuifeijianmian")
    assert hits(page)[:1] == ["tax-relief-2026"]
    notice = page.locator("[data-notice]")
    expect(notice).to_have_text("已按“税费减免”搜索，仍要搜原词？")
    notice.get_by_role("link").click()
    expect(page.locator("[data-search-form] [name=q]")).to_have_value('"shuifeijianmian"')
    assert hits(page) == []
    expect(notice).to_be_hidden()


def test_a_spelling_that_is_not_sure_is_offered_as_a_link(page: Page, service: str) -> None:
    page.goto(f"{service}search.html")
    page.locator("[data-search-form] [name=q]").fill("高温津贴")
    page.get_by_role("button", name="搜索", exact=True).click()
    page.locator("[data-notice]").get_by_role("link", name="高龄津贴").click()
    expect(page).to_have_url(re.compile(r"q="))
    assert hits(page)[:1] == ["elderly-allowance"]


def test_a_small_note_says_when_the_sites_own_search_answers(
    page: Page, service: str, files: str
) -> None:
    notice = page.locator("[data-notice]")
    page.goto(f"{service}search.html?q=许可")
    assert hits(page)
    expect(notice).to_be_hidden()
    page.goto(f"{files}search.html?q=许可")
    assert hits(page)
    expect(notice).to_have_text("正在使用网页自带的搜索。")


def test_both_searches_count_and_order_alike(page: Page, service: str, files: str) -> None:
    def view(address: str, query: str) -> tuple[list[str], list[str]]:
        page.goto(f"{address}search.html?{query}")
        return hits(page), page.locator(".pk-facet").all_inner_texts()

    for query in (
        "sort=newest",
        "kind=benefit&sort=deadline",
        "q=排水证",
        "q=减免&status=in_force",
    ):
        ours, theirs = view(files, query), view(service, query)
        if query == "kind=benefit&sort=deadline":
            assert ours[0][:2] == theirs[0][:2] == ["hiring-subsidy", "tax-relief-2026"]
        else:
            assert ours[0][0] == theirs[0][0]
        assert sorted(ours[0]) == sorted(theirs[0]), query
        assert sorted(ours[1]) == sorted(theirs[1]), query


@pytest.mark.parametrize("field", ["queries", "aliases", "title"])
def test_the_sites_own_search_finds_every_entry_by_its_words(
    page: Page, files: str, field: str
) -> None:
    page.goto(f"{files}search.html")
    hits(page)
    policies = [{"slug": slug, **fields} for slug, fields in small_library().items()]
    named = [policy for policy in policies if field in policy]
    assert named
    missed = page.evaluate(FIND, [named, field, str(TODAY)])
    assert missed == []


def test_the_sites_own_search_knows_other_words_too(page: Page, files: str) -> None:
    page.goto(f"{files}search.html")
    page.locator("[data-search-form] [name=q]").fill("洗碗水")
    page.get_by_role("button", name="搜索", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?q="))
    assert hits(page) == ["drainage-permit"]


def test_a_link_brings_back_query_filters_and_order(page: Page, anywhere: str) -> None:
    page.goto(
        f"{anywhere}search.html?q=%E5%87%8F%E5%85%8D&kind=benefit&status=superseded&sort=title"
    )
    assert hits(page) == ["tax-relief-2024"]
    expect(page.get_by_label("已被替代")).to_be_checked()
    expect(page.get_by_label("惠企惠民政策")).to_be_checked()
    assert page.locator("[data-sort]").input_value() == "title"
    assert page.locator("#q").input_value() == "减免"


def test_going_back_undoes_a_filter(page: Page, service: str) -> None:
    page.goto(f"{service}search.html?q=减免")
    before = hits(page)
    page.get_by_label("已被替代").check()
    expect(page).to_have_url(re.compile("status=superseded"))
    assert hits(page) == ["tax-relief-2024"]
    page.go_back()
    expect(page.get_by_label("已被替代")).not_to_be_checked()
    assert hits(page) == before


def test_filters_keep_the_focus_of_the_keyboard(page: Page, service: str) -> None:
    page.goto(f"{service}search.html?q=减免")
    hits(page)
    page.get_by_label("已被替代").focus()
    page.keyboard.press("Space")
    expect(page.get_by_label("已被替代")).to_be_checked()
    expect(page.get_by_label("已被替代")).to_be_focused()


def test_the_keyboard_alone_finds_and_opens_an_entry(page: Page, anywhere: str) -> None:
    page.goto(f"{anywhere}policies/permit-procedure.html")
    page.keyboard.press("/")
    expect(page.locator("#header-q")).to_be_focused()
    page.keyboard.type("排水")
    page.keyboard.press("Enter")
    assert hits(page)[0] == "drainage-permit"
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-hits] a").first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("城镇污水排入排水管网许可")


def test_suggestions_come_while_typing_and_open_the_entry(page: Page, anywhere: str) -> None:
    page.goto(f"{anywhere}search.html")
    hits(page)
    box = page.locator("#q")
    box.press_sequentially("排水证")
    options = page.locator("#suggestions").get_by_role("option")
    expect(options.first).to_be_visible()
    expect(box).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    box.press_sequentially("吗")
    box.press("Backspace")
    expect(options.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("城镇污水排入排水管网许可")


def test_words_searched_for_are_marked_in_the_hit_and_on_the_page(page: Page, disk: str) -> None:
    page.goto(f"{disk}search.html?q=排污许可证")
    hits(page)
    expect(page.locator("mark").first).to_be_visible()
    page.locator("[data-hits] a").first.click()
    page.wait_for_url("**/policies/*.html?words=*")
    assert page.evaluate("CSS.highlights.get('pk-words').size") > 0


def test_no_result_shows_a_way_on(page: Page, anywhere: str) -> None:
    page.goto(f"{anywhere}search.html?q=zzzzz")
    assert hits(page) == []
    expect(page.locator("[data-count]")).to_have_text("没有找到符合的条目")
    help_ = page.locator("[data-empty]")
    for expected in ("换个说法", "12345", "按主题找", "窗口"):
        expect(help_).to_contain_text(expected)


def test_a_weak_answer_says_that_it_may_only_be_related(page: Page, service: str) -> None:
    def answer(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json={**response.json(), "confident": False})

    page.route("**/api/search?*", answer)
    page.goto(f"{service}search.html?q=许可")
    assert hits(page)
    expect(page.locator("[data-count]")).to_have_text("没有找到完全对应的，可能相关：")
    expect(page.locator("[data-empty]")).to_contain_text("换个说法")


def test_a_snippet_never_becomes_markup(page: Page, service: str) -> None:
    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        body["hits"][0]["snippet"] = "<b onclick=alert(1)>甲</b><mark>乙</mark><img src=x>"
        route.fulfill(response=response, json=body)

    page.route("**/api/search?*", answer)
    page.goto(f"{service}search.html?q=许可")
    hits(page)
    snippet = page.locator(".pk-card__snippet").first
    assert snippet.inner_html() == (
        "&lt;b onclick=alert(1)&gt;甲&lt;/b&gt;<mark>乙</mark>&lt;img src=x&gt;"
    )


@pytest.mark.parametrize(
    ("snippet", "shown"),
    [
        (
            "<mark>饭店</mark>、洗车店…",
            "<mark>饭店</mark>、洗车店往下水道排污水前，先办排水许可证。",
        ),
        (
            "…先办<mark>排水</mark>许可证。",
            "饭店、洗车店往下水道排污水前，先办<mark>排水</mark>许可证。",
        ),
        ("", "饭店、洗车店往下水道排污水前，先办排水许可证。"),
    ],
)
def test_a_snippet_out_of_the_summary_is_not_shown_twice(
    page: Page, service: str, snippet: str, shown: str
) -> None:
    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        body["hits"][0] |= {"summary": re.sub("<.*?>", "", shown), "snippet": snippet}
        route.fulfill(response=response, json=body)

    page.route("**/api/search?*", answer)
    page.goto(f"{service}search.html?q=排水证")
    hits(page)
    card = page.locator(".pk-card").first
    assert card.locator(".pk-card__summary").inner_html() == shown
    expect(card.locator(".pk-card__snippet")).to_have_count(0)


def test_a_service_that_does_not_answer_is_replaced_after_four_seconds(
    page: Page, service: str
) -> None:
    page.route("**/api/search?*", lambda route: None)
    page.goto(f"{service}search.html?q=排水证")
    expect(page.locator("[data-notice]")).to_have_text("正在使用网页自带的搜索。", timeout=8000)
    assert hits(page) == ["drainage-permit"]


@pytest.mark.parametrize(("status", "body"), [(200, "<html>"), (502, "<html>"), (500, "{}")])
def test_a_broken_service_is_replaced_at_once(
    page: Page, service: str, status: int, body: str
) -> None:
    kind = "application/json" if body == "{}" else "text/html"
    page.route(
        "**/api/search?*",
        lambda route: route.fulfill(status=status, body=body, content_type=kind),
    )
    page.goto(f"{service}search.html?q=排水证")
    assert hits(page) == ["drainage-permit"]


def test_a_query_the_service_refuses_is_explained(page: Page, service: str) -> None:
    page.goto(f"{service}search.html?q={'许' * 201}")
    expect(page.locator("[data-count]")).to_contain_text("最多 200 个字")
    assert hits(page) == []


def test_when_nothing_can_search_one_may_try_again(page: Page, files: str) -> None:
    page.route("**/assets/search/*", lambda route: route.abort())
    page.goto(f"{files}search.html?q=排水证")
    expect(page.locator("[data-count]")).to_have_text("搜索没有成功")
    page.unroute("**/assets/search/*")
    page.get_by_role("button", name="再试一次").click()
    expect(page.locator("[data-count]")).to_contain_text("找到")
    assert hits(page) == ["drainage-permit"]


# Status and dates


def test_an_entry_says_whether_it_holds_on_the_day(
    context: BrowserContext, page: Page, files: str
) -> None:
    for slug, day, label, banner in (
        ("tax-relief-2026", "2026-11-24", "现行有效", None),
        ("tax-relief-2026", "2027-12-31", "现行有效", None),
        ("tax-relief-2026", "2028-01-01", "已失效", "本条已失效"),
        ("tax-relief-2026", "2025-12-31", "尚未施行", "本条尚未施行"),
        ("tax-relief-2024", "2026-11-24", "已被替代", "本条已被替代"),
        ("tax-relief-2024", "2025-12-31", "现行有效", "有新规定接替"),
        ("elderly-allowance", "2026-12-31", "尚未施行", "本条尚未施行"),
        ("elderly-allowance", "2027-01-01", "现行有效", None),
        ("drainage-permit", "2026-11-24", "现行有效", None),
    ):
        on_day(context, day)
        page.goto(f"{files}policies/{slug}.html")
        expect(page.locator(".pk-status")).to_have_text(label)
        shown = page.locator("[data-when]:visible strong").all_inner_texts()
        assert shown == ([banner] if banner else []), (slug, day)


def test_a_superseded_entry_leads_to_its_successor(page: Page, files: str) -> None:
    page.goto(f"{files}policies/tax-relief-2024.html")
    page.locator(".pk-banner").get_by_role("link").click()
    expect(page.locator("h1")).to_have_text("小微企业税费减免")


def test_the_browser_and_the_library_agree_on_every_status(page: Page, files: str) -> None:
    page.goto(f"{files}about.html")
    days = [None, *(TODAY + timedelta(days=n) for n in (-1, 0, 1))]
    for effective in days:
        for expires in days:
            for superseded in (False, True):
                dates = {"effective": str(effective or ""), "expires": str(expires or "")}
                ours = page.evaluate(
                    "(dates) => policyKb.statusOn(policyKb.today(), dates)",
                    {**dates, "superseded": superseded},
                )
                assert ours == status_on(TODAY, effective, expires, superseded), dates


def test_midnight_is_midnight_in_china(context: BrowserContext, page: Page, files: str) -> None:
    page.goto(f"{files}about.html")
    for moment, day in (("15:59:59Z", "2026-12-31"), ("16:00:00Z", "2027-01-01")):
        context.clock.set_fixed_time(f"2026-12-31T{moment}")
        assert page.evaluate("policyKb.today()") == day


def test_home_shows_what_closes_soon_on_the_day(
    context: BrowserContext, page: Page, files: str
) -> None:
    def closing(day: str) -> list[str]:
        on_day(context, day)
        page.goto(f"{files}index.html")
        rows = page.locator("[data-closes]:visible").all_inner_texts()
        return [" ".join(row.split()) for row in rows]

    assert closing("2026-11-24") == ["一次性扩岗补助 还有 37 天"]
    assert closing("2026-12-31") == ["一次性扩岗补助 今天截止"]
    assert closing("2027-01-01") == []
    expect(page.locator("[data-none]")).to_have_text("60 天内没有截止的政策。")
    assert closing("2027-12-01") == ["小微企业税费减免 还有 30 天"]


# Lists


def test_a_list_is_filtered_counted_and_shared_by_its_address(page: Page, disk: str) -> None:
    page.goto(f"{disk}enterprise.html")
    cards = page.locator("[data-card]:visible")
    expect(page.locator("[data-count]")).to_have_text("共 5 条")
    page.get_by_label("税费减免").check()
    expect(page.locator("[data-count]")).to_have_text("5 条中有 2 条符合")
    page.get_by_label("现行有效").check()
    expect(cards).to_have_count(1)
    expect(page.locator("[data-group]:visible")).to_have_count(1)
    # A filter's counts ignore its own choice: there is one superseded entry to switch to.
    superseded = page.locator(".pk-facet", has_text="已被替代").locator(".pk-facet__count")
    expect(superseded).to_have_text("1")
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(cards).to_have_count(1)
    page.get_by_role("button", name="清除筛选").click()
    expect(cards).to_have_count(5)


def test_a_list_is_searched_in_place(page: Page, files: str) -> None:
    page.goto(f"{files}enterprise.html")
    page.get_by_role("searchbox", name="在这一页里找").fill("排水证")
    expect(page.locator("[data-card]:visible")).to_have_count(1)
    page.get_by_role("searchbox", name="在这一页里找").fill("没有这回事")
    expect(page.locator("[data-empty]")).to_be_visible()
    expect(page.locator("[data-count]")).to_have_text("5 条中有 0 条符合")


@pytest.fixture(scope="session")
def long_list(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address on the disk of a site whose list of services goes over three pages."""
    entries: dict[str, dict[str, Any]] = {
        f"service-{n:03}": {"title": f"第 {n} 件事", "body": "## 一句话说清\n\n到窗口办。\n"}
        for n in range(2 * LIST_CARDS + 20)
    }
    for n in range(30):
        entries[f"service-{n:03}"] |= {"effective": "2020-01-01", "expires": "2020-12-31"}
    project = write_project(tmp_path_factory.mktemp("long"), entries)
    build_pages(load_library(project / "policies"), project / "build" / "pages", TODAY)
    build(project, "mkdocs", "build", "--strict", POLICYKB_PAGES="build/pages")
    return (project / "build/site").as_uri() + "/"


def test_a_long_list_is_read_page_by_page_and_leads_to_the_search(
    page: Page, long_list: str
) -> None:
    page.goto(f"{long_list}service.html")
    expect(page.locator("[data-count]")).to_have_text("共 220 条")
    expect(page.locator("[data-card]")).to_have_count(LIST_CARDS)
    expect(page.locator(".pk-filters__box")).to_have_attribute("open", "")
    page.get_by_role("link", name="下一页").click()
    page.get_by_role("link", name="下一页").click()
    expect(page.locator(".pk-nav [aria-current]")).to_have_text("办事事项")
    expect(page.locator("h1")).to_have_text("办事事项（第 3 页）")
    expect(page.locator("[data-card]")).to_have_count(20)
    box = page.get_by_role("searchbox", name="在这 220 条里找")
    box.fill("第 7 件事")
    box.press("Enter")
    assert hits(page)[0] == "service-007"
    expect(page.get_by_label("办事事项")).to_be_checked()


def test_a_filter_of_a_long_list_finds_as_many_as_it_says(page: Page, long_list: str) -> None:
    page.goto(f"{long_list}citizen.html")
    filter_ = page.locator(".pk-filters").get_by_role("link", name="已失效")
    expect(filter_).to_contain_text("30")
    filter_.click()
    expect(page.locator("[data-count]")).to_contain_text("共 30 条")
    expect(page.get_by_label("已失效")).to_be_checked()
    expect(page.get_by_label("群众")).to_be_checked()


def test_on_a_phone_a_long_list_begins_with_its_entries(page: Page, long_list: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{long_list}service-2.html")
    expect(page.locator(".pk-filters__box")).not_to_have_attribute("open", "")
    expect(page.locator("[data-card]").first).to_be_in_viewport()


# An entry


def test_the_contents_mark_the_part_that_is_read(page: Page, files: str) -> None:
    page.goto(f"{files}policies/drainage-permit.html")
    current = page.locator(".pk-toc .md-nav__link--active")
    page.locator(".pk-toc").get_by_role("link", name="办理时限").click()
    expect(current).to_have_text("办理时限")
    page.evaluate("scrollTo(0, 0)")
    expect(current).to_have_count(0)


def test_the_list_of_materials_can_be_ticked_and_prints_as_empty_boxes(
    page: Page, files: str
) -> None:
    page.goto(f"{files}policies/drainage-permit.html")
    box = page.get_by_label("排水许可申请表")
    box.check()
    expect(box).to_be_checked()
    page.emulate_media(media="print")
    style = box.evaluate(
        "e => [getComputedStyle(e).appearance, getComputedStyle(e).borderTopStyle]"
    )
    assert style == ["none", "solid"]


def test_paper_is_black_on_white_also_in_dark_mode(browser: Browser, files: str) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(f"{files}policies/drainage-permit.html")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(media="print", color_scheme="dark")
    colours = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor,"
        " getComputedStyle(document.querySelector('h1')).color]"
    )
    context.close()
    assert dark == "rgb(18, 25, 29)"
    assert colours == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]


def test_the_link_of_an_entry_is_copied_without_the_search(
    context: BrowserContext, page: Page, files: str
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{files}policies/drainage-permit.html?words=排水#fee")
    page.get_by_role("button", name="复制链接").click()
    expect(page.get_by_text("已复制")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{files}policies/drainage-permit.html"


def test_the_print_button_prints(page: Page, files: str) -> None:
    page.goto(f"{files}policies/drainage-permit.html")
    page.evaluate("window.print = () => { document.title = '打印了'; }")
    page.get_by_role("button", name="打印").click()
    assert page.title() == "打印了"


def test_a_source_number_leads_to_the_source(page: Page, files: str) -> None:
    page.goto(f"{files}policies/drainage-permit.html")
    page.get_by_role("link", name="出处 2").first.click()
    expect(page.locator(":target")).to_contain_text("示例条例")


def test_hostile_text_is_shown_and_does_nothing(page: Page, anywhere: str) -> None:
    for name in ("policies/hostile.html", "topics/cityscape.html", "search.html?q=onerror"):
        page.goto(f"{anywhere}{name}")
        expect(page.get_by_role("heading", name=HOSTILE, exact=True).first).to_be_visible()
        assert page.locator("img").count() == 0


# Quick, and steady

FIRST = [
    "index.html",
    "search.html",
    "search.html?q=许可",
    "service.html",
    "policies/drainage-permit.html",
]
WATCH_SHIFTS = """new PerformanceObserver((list) => {
  for (const { value, hadRecentInput, sources } of list.getEntries()) {
    const moved = sources.map(({ node }) => node?.className ?? "");
    if (!hadRecentInput) (window.shifts ??= []).push([value, ...moved]);
  }
}).observe({ type: "layout-shift", buffered: true });"""


@pytest.mark.parametrize("name", FIRST)
def test_a_page_is_usable_after_less_than_200_kilobytes(
    page: Page, service: str, files: str, name: str
) -> None:
    sizes: dict[str, int] = {}

    def weigh(request: Request) -> None:
        response = request.response()
        assert response is not None
        sizes[request.url] = len(response.body())

    page.on("requestfinished", weigh)
    for address in (service, files):
        sizes.clear()
        page.goto(f"{address}{name}", wait_until="networkidle")
        assert f"{address}assets/stylesheets/site.css" in sizes
        assert sum(sizes.values()) < 200_000, sizes
        page.goto("about:blank")


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", [*FIRST, "enterprise.html", "policies/tax-relief-2024.html"])
def test_nothing_moves_while_a_page_opens(page: Page, files: str, name: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    page.add_init_script(WATCH_SHIFTS)
    page.goto(f"{files}{name}", wait_until="networkidle")
    shifts = page.evaluate("window.shifts ?? []")
    assert sum(value for value, *_ in shifts) < 0.01, shifts


def test_the_first_answer_takes_the_table_and_few_parts(page: Page, long_list: str) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto(f"{long_list}search.html?q=%E4%BB%B6%E4%BA%8B")
    assert len(hits(page)) == 10
    parts = [re.sub(r".*/search/|\.js.*", "", url) for url in loaded if "/assets/search/" in url]
    assert parts.count("entries") == 1
    assert len([part for part in parts if part.startswith("words")]) == 1
    assert len([part for part in parts if part.startswith("texts")]) <= 10


# For everyone


@pytest.mark.parametrize("font_size", ["100%", "200%"])
def test_no_page_scrolls_sideways_on_a_phone(page: Page, files: str, font_size: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    too_wide = []
    for name in PAGES:
        page.goto(f"{files}{name}")
        if name.startswith("search"):
            hits(page)
        if font_size == "200%":  # of the theme's own 125 %
            page.evaluate("document.documentElement.style.fontSize = '250%'")
        if page.evaluate("document.documentElement.scrollWidth") > 360:
            too_wide.append(name)
    assert too_wide == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(browser: Browser, files: str, scheme: Any) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    poor = {}
    for name in PAGES:
        page.goto(f"{files}{name}")
        if name.startswith("search"):
            hits(page)
        if found := page.evaluate(CONTRAST):
            poor[name] = found
    context.close()
    assert poor == {}


def test_controls_are_large_enough_for_a_finger(page: Page, files: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    small = []
    for name in ("index.html", "search.html?q=许可", "policies/drainage-permit.html"):
        page.goto(f"{files}{name}")
        if name.startswith("search"):
            hits(page)
            page.locator(".pk-filters__box > summary").click()
        for control in page.locator(CONTROLS).all():
            box = control.bounding_box() if control.is_visible() else None
            if box and round(box["height"]) < 44:
                small.append((name, control.inner_text(), box["height"]))
    assert small == []


def test_the_search_box_has_room_for_words_in_large_text(page: Page, files: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    for name in ("index.html", "search.html"):
        page.goto(f"{files}{name}")
        for size in ("125%", "250%"):  # of which the second is 200 % of the first
            page.evaluate("size => { document.documentElement.style.fontSize = size; }", size)
            box = page.locator("[data-search-key]")
            room = box.evaluate("e => e.clientWidth / parseFloat(getComputedStyle(e).fontSize)")
            assert room > 6, (name, size)


def test_the_link_of_the_page_is_in_view_on_a_phone(page: Page, files: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    for name in ("index.html", "topics.html", "search.html"):
        page.goto(f"{files}{name}")
        expect(page.locator(".pk-nav [aria-current]")).to_be_in_viewport(ratio=1)


def test_the_first_tab_skips_to_the_content(page: Page, files: str) -> None:
    for name in ("index.html", "service.html", "policies/drainage-permit.html"):
        page.goto(f"{files}{name}")
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="跳到正文")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()


def test_large_text_and_colours_are_remembered(page: Page, disk: str) -> None:
    page.goto(f"{disk}index.html")
    before = page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    page.get_by_role("button", name="大字版").click()
    page.get_by_title("点一下改为浅色").click()
    page.get_by_title("点一下改为深色").click()
    page.goto(f"{disk}policies/drainage-permit.html")
    after = page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    assert after == before * 1.5
    expect(page.get_by_role("button", name="大字版")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")


def test_without_scripts_everything_can_still_be_read(browser: Browser, files: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{files}enterprise.html")
    expect(page.locator("[data-card]")).to_have_count(5)
    expect(page.locator("[data-filters]")).to_be_hidden()
    page.get_by_role("link", name="小微企业税费减免（2024 年版）").click()
    banner = page.locator(".pk-banner:visible")
    expect(banner).to_contain_text("之后请看：小微企业税费减免")
    expect(page.get_by_role("button", name="打印")).to_be_hidden()
    page.goto(f"{files}search.html")
    assert "搜索要用到浏览器脚本" in page.locator("body").inner_text()
    context.close()


def test_a_missing_page_answers_in_the_sites_own_words(page: Page, service: str) -> None:
    page.goto(f"{service}policies/nothing-here.html")
    expect(page.locator("h1")).to_have_text("没有这个页面")
    page.get_by_role("searchbox", name="搜索政策库").last.fill("排水证")
    page.keyboard.press("Enter")
    assert hits(page) == ["drainage-permit"]


def test_a_machine_without_a_browser_is_told_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    with pytest.raises(BrowserMissing, match=r"python tests/prepare\.py"):
        find_chromium()
