"""Due dates in the browser: the same count as in Python, and the section on an entry's page."""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import (
    HOSTILE,
    HOSTILE_SHORT,
    build_project,
)
from icalendar import Calendar
from playwright.sync_api import Browser, Page, expect
from test_duedates import CASES, calendar_of, calendar_with_2027, filing_in, terms_in, told

from indexer.duedates import Terms, terms_of
from indexer.filings import EXCLUDED, SUSPENDED, Filing, Pause
from indexer.workdays import WorkCalendar, days_script, load_calendar

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "site" / "overrides" / "assets" / "javascripts"
CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
TODAY = date(2026, 9, 30)
VISITS = 1500  # random filings, told in both languages
COUNT = """(visits) => visits.map(([terms, filing, years]) => {
  const { readCalendar, calculate } = window.PolicyDueDates;
  return calculate(terms, filing, readCalendar(years));
})"""

Visit = tuple[Terms, Filing, WorkCalendar]


# Both languages


@pytest.fixture(scope="module")
def counter(browser: Browser) -> Iterator[Page]:
    """An empty page with the script that counts, and nothing else."""
    page = browser.new_page()
    page.add_script_tag(path=SCRIPTS / "dates.js")
    page.add_script_tag(path=SCRIPTS / "duedates.js")
    yield page
    page.close()


def count_in_browser(page: Page, visits: list[Visit]) -> list[Any]:
    """Let the browser count many filings in one go."""
    given = [
        [json.loads(json.dumps(terms.to_dict())), tell_filing(filing), years_of(calendar)]
        for terms, filing, calendar in visits
    ]
    found: list[Any] = page.evaluate(COUNT, given)
    return found


def tell_filing(filing: Filing) -> dict[str, Any]:
    return {
        "accepted": str(filing.accepted),
        "pauses": [pause.to_dict() for pause in filing.pauses],
        "extended": filing.extended,
        "chosen": list(filing.chosen),
    }


def years_of(calendar: WorkCalendar) -> Any:
    return json.loads(days_script(calendar).removeprefix("window.PolicyDays = ").rstrip(";\n"))


def test_every_case_comes_out_the_same_in_the_browser(counter: Page) -> None:
    visits = [(terms_in(case), filing_in(case), calendar_of(case)) for case in CASES]
    found = count_in_browser(counter, visits)
    for case, visit, told_there in zip(CASES, visits, found, strict=True):
        assert told_there == told(*visit), case["name"]


def test_random_filings_come_out_the_same_in_the_browser(counter: Page) -> None:
    random = Random(20261130)
    visits = [make_visit(random) for _ in range(VISITS)]
    found = count_in_browser(counter, visits)
    for visit, told_there in zip(visits, found, strict=True):
        assert told_there == told(*visit), visit
    assert sum("errors" in each for each in found) > VISITS / 20
    unknown = [row for each in found for row in each.get("results", ()) if row["due"] is None]
    assert len(unknown) > VISITS / 20


def make_visit(random: Random) -> Visit:
    options = ["新办", "变更", "延续", "大", "小"]
    situations = [
        {"question": "办哪一种", "options": options[:3]},
        {"question": "多大", "options": options[3:]},
    ]
    stages = ["decision", "decision", "decision", "extension", "delivery", "acceptance"]
    limits = [
        {
            "kind": random.choice(["statutory", "promised"]),
            "stage": stage,
            "text": "时限",
            "situation": random.sample(options, random.choice([0, 0, 1, 2])),
            **make_length(random),
        }
        for stage in random.choices(stages, k=random.randint(1, 5))
    ]
    record: dict[str, Any] = {"time_limit": limits, "situations": situations}
    if random.random() < 0.2:
        record["expires"] = str(make_day(random))
    accepted = make_day(random)
    filing = Filing(
        accepted,
        tuple(make_pause(random, accepted) for _ in range(random.choice([0, 0, 1, 2, 4]))),
        random.random() < 0.5,
        tuple(random.sample(options, random.choice([0, 1, 2]))),
    )
    calendar = random.choice([load_calendar(), calendar_with_2027()])
    return terms_of(record), filing, calendar


def make_day(random: Random) -> date:
    return date(2024, 1, 1) + timedelta(days=random.randint(0, 1300))


def make_length(random: Random) -> dict[str, Any]:
    unit = random.choice(["working_days"] * 4 + ["calendar_days", "months", "years", "hours"])
    if random.random() < 0.05:
        return {}
    return {"value": random.randint(0, {"months": 14, "years": 2}.get(unit, 45)), "unit": unit}


def make_pause(random: Random, accepted: date) -> Pause:
    first = accepted + timedelta(days=random.randint(-2, 60))
    last = first + timedelta(days=random.randint(-1, 25))
    return Pause(first, last, random.choice([*EXCLUDED, *SUSPENDED]))


# The page


def limit(kind: str, stage: str, value: int, **more: Any) -> dict[str, Any]:
    text = f"受理之日起 {value} 个工作日内"
    return {
        "kind": kind,
        "stage": stage,
        "text": text,
        "value": value,
        "unit": "working_days",
        **more,
    }


def library() -> dict[str, dict[str, Any]]:
    return {
        "road": {
            "title": "挖掘城市道路审批",
            "time_limit": [
                limit("statutory", "decision", 20),
                limit("statutory", "extension", 10),
                limit("promised", "decision", 5),
            ],
        },
        "family": {
            "title": "分情形的事项",
            "situations": [
                {"question": "办哪一种", "options": ["新办", "延续"]},
                {"question": "和时限没有关系的", "options": ["甲", "乙"]},
            ],
            "materials": [{"name": "证明", "situation": ["甲"]}],
            "time_limit": [
                limit("statutory", "decision", 15, situation=["新办"]),
                limit("statutory", "decision", 5, situation=["延续"]),
            ],
        },
        "unmarked": {
            "title": "没有写决定时限的事项",
            "time_limit": [{"kind": "statutory", "text": "尽快"}],
        },
        "hostile": {
            "title": HOSTILE,
            "not_counted": [{"name": HOSTILE_SHORT, "text": HOSTILE}],
            "situations": [{"question": HOSTILE_SHORT, "options": [HOSTILE_SHORT, "乙"]}],
            "time_limit": [
                limit("statutory", "decision", 5, situation=[HOSTILE_SHORT]) | {"text": HOSTILE}
            ],
        },
        "permit-procedure": {
            "title": "许可的程序",
            "kind": "rule",
            "time_limit": [limit("statutory", "decision", 20)],
        },
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_project(tmp_path_factory.mktemp("due"), library(), TODAY)


@pytest.fixture(params=["service", "disk"])
def anywhere(request: pytest.FixtureRequest) -> str:
    address: str = request.getfixturevalue(request.param)
    return address


def open_entry(page: Page, address: str, slug: str = "road") -> None:
    page.goto(f"{address}policies/{slug}.html")


def dates(page: Page) -> list[str]:
    """Return each limit with its day, as the cards show them."""
    cards = page.locator(".pk-due__date")
    return [
        re.sub(r"\s+", " ", card.inner_text()).strip()[:60]
        for card in (cards.nth(n) for n in range(cards.count()))
    ]


def test_an_entry_opens_with_both_dates_for_today(page: Page, anywhere: str) -> None:
    open_entry(page, anywhere)
    expect(page.get_by_label("哪天受理的")).to_have_value("2026-09-30")
    statutory, promised = dates(page)
    assert statutory.startswith("法定时限 20 个工作日 2026 年 11 月 3 日 星期二 离今天还有 34 天")
    assert promised.startswith("承诺时限 5 个工作日 2026 年 10 月 13 日 星期二 离今天还有 13 天")
    steps = page.locator(".pk-due__step").all_inner_texts()
    assert [re.sub(r"\s+", " ", step) for step in steps] == [
        "2026-09-30 星期三 受理，当天不算",
        "2026-10-13 星期二 承诺时限到期",
        "2026-11-03 星期二 法定时限到期",
    ]
    expect(page.locator(".pk-due__notes")).to_contain_text("1 个周末上班（10月10日）")


def test_pauses_and_an_extension_move_the_dates(page: Page, disk: str) -> None:
    open_entry(page, disk)
    page.get_by_label("哪天受理的").fill("2026-11-02")
    page.get_by_role("button", name="加一段").click()
    row = page.get_by_role("group", name="不算的时间，第 1 段")
    expect(row.get_by_label("因为什么")).to_be_focused()
    row.get_by_label("从哪天").fill("2026-11-05")
    row.get_by_label("到哪天").fill("2026-11-11")
    assert "2026 年 12 月 7 日" in dates(page)[0]
    page.get_by_label("经批准延长了").check()
    assert "2026 年 12 月 21 日" in dates(page)[0]
    assert "2026 年 11 月 16 日" in dates(page)[1]
    expect(page.locator("[data-said]")).to_have_text(
        "法定时限2026 年 12 月 21 日到期，承诺时限2026 年 11 月 16 日到期。"
    )
    row.get_by_role("button", name="去掉").click()
    assert "2026 年 12 月 14 日" in dates(page)[0]
    expect(page.get_by_role("button", name="加一段")).to_be_focused()


def test_what_cannot_be_is_told_and_nothing_is_shown_for_it(page: Page, disk: str) -> None:
    open_entry(page, disk)
    page.get_by_role("button", name="加一段").click()
    page.get_by_label("从哪天").fill("2026-09-28")
    errors = page.locator("[data-errors] li")
    expect(errors).to_have_text("检测：从哪天、到哪天都要写，年份在 2000 到 2099 之间。")
    expect(page.locator("[data-found]")).to_be_hidden()
    page.get_by_label("到哪天").fill("2026-09-29")
    expect(errors).to_contain_text("早于受理日 2026-09-30")
    page.get_by_label("哪天受理的").fill("")
    expect(errors).to_have_text("请写受理日，年份在 2000 到 2099 之间。")
    page.get_by_label("哪天受理的").fill("2026-09-25")
    expect(errors).to_have_count(0)
    expect(page.locator("[data-found]")).to_be_visible()


def test_a_year_that_is_not_known_is_said_to_be_unknown(page: Page, disk: str) -> None:
    open_entry(page, disk)
    page.get_by_label("哪天受理的").fill("2026-12-14")
    statutory, promised = dates(page)
    assert "算不出来 2027 年的放假安排还没有放进政策库" in statutory
    assert "2026 年 12 月 21 日" in promised
    expect(page.locator(".pk-due__step").last).to_contain_text("哪天不知道")


def test_only_questions_that_a_limit_depends_on_are_asked(page: Page, disk: str) -> None:
    open_entry(page, disk, "family")
    expect(page.locator(".pk-due__choices legend")).to_have_text(["办哪一种"])
    assert [each.split()[0] for each in dates(page)] == [
        "法定时限（新办）",
        "法定时限（延续）",
        "承诺时限",
    ]
    page.get_by_label("延续").check()
    assert [each.split()[0] for each in dates(page)] == ["法定时限（延续）", "承诺时限"]
    expect(page.get_by_label("经批准延长了")).to_be_hidden()
    expect(page.locator(".pk-due__date--none")).to_contain_text("条目里没有写")


def test_the_dates_go_into_a_calendar_as_the_command_writes_them(page: Page, disk: str) -> None:
    open_entry(page, disk)
    with page.expect_download() as download:
        page.get_by_role("button", name="到期日加到日历").click()
    assert download.value.suggested_filename == "road-due.ics"
    calendar: Any = Calendar.from_ical(Path(download.value.path()).read_bytes())
    first, second = calendar.walk("VEVENT")
    assert first["UID"] == "road-statutory-2026-09-30-2026-11-03@policykb"
    assert first["SUMMARY"] == "法定时限到期：挖掘城市道路审批"
    assert first["DESCRIPTION"] == "2026-09-30 受理，20 个工作日。仅供参考，以窗口答复为准。"
    assert (first["DTSTART"].dt, first["DTEND"].dt) == (date(2026, 11, 3), date(2026, 11, 4))
    assert second["DTSTART"].dt == date(2026, 10, 13)
    assert [alarm["TRIGGER"].dt for alarm in calendar.walk("VALARM")] == [timedelta(days=-3)] * 2


def test_nothing_that_is_filled_in_leaves_the_page(page: Page, service: str) -> None:
    open_entry(page, service)
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_label("哪天受理的").fill("2026-11-02")
    page.get_by_role("button", name="加一段").click()
    page.get_by_label("从哪天").fill("2026-11-05")
    page.get_by_label("到哪天").fill("2026-11-11")
    page.get_by_label("从哪天").press("Enter")
    assert asked == []
    assert page.url == f"{service}policies/road.html"


@pytest.mark.parametrize("slug", ["unmarked", "permit-procedure"])
def test_an_entry_without_a_decision_limit_has_neither_the_section_nor_its_files(
    page: Page, disk: str, slug: str
) -> None:
    open_entry(page, disk, slug)
    expect(page.locator("[data-due], [data-due-link]")).to_have_count(0)
    names = page.evaluate(
        "[...document.querySelectorAll('script[src], link[rel=stylesheet]')]"
        ".map((each) => each.src ?? each.href)"
    )
    assert [name for name in names if re.search(r"/(due|days|calendar)[^/]*$", name)] == []


def test_hostile_words_stay_words(page: Page, service: str) -> None:
    open_entry(page, service, "hostile")
    expect(page.locator(".pk-due__choices legend")).to_have_text(HOSTILE_SHORT)
    expect(page.locator(".pk-due__text").first).to_have_text(HOSTILE)
    page.get_by_role("button", name="加一段").click()
    page.get_by_label("因为什么").select_option(HOSTILE_SHORT)
    page.get_by_label("从哪天").fill("2026-10-08")
    page.get_by_label("到哪天").fill("2026-10-09")
    expect(page.locator(".pk-due__line")).to_contain_text(HOSTILE_SHORT)


def test_the_contents_lead_to_the_section_only_with_scripts(
    browser: Browser, page: Page, disk: str
) -> None:
    open_entry(page, disk)
    link = page.locator("[data-due-link] a")
    link.click()
    expect(page.get_by_role("heading", name="算一算哪天到期")).to_be_in_viewport()
    plain = browser.new_context(java_script_enabled=False).new_page()
    open_entry(plain, disk)
    expect(plain.locator("[data-due]")).to_be_hidden()
    expect(plain.locator("[data-due-link]")).to_be_hidden()
    plain.context.close()


def test_it_is_printed_only_when_it_was_used(page: Page, disk: str) -> None:
    open_entry(page, disk)
    page.emulate_media(media="print")
    expect(page.locator("[data-due]")).to_be_hidden()
    page.emulate_media(media="screen")
    page.get_by_label("哪天受理的").fill("2026-11-02")
    page.emulate_media(media="print")
    expect(page.locator(".pk-due__date").first).to_be_visible()
    expect(page.get_by_role("button", name="到期日加到日历")).to_be_hidden()


def test_it_can_be_used_by_everyone(browser: Browser, files: str) -> None:
    for scheme in ("light", "dark"):
        context = browser.new_context(
            color_scheme=scheme, viewport={"width": 360, "height": 800}, locale="zh-CN"
        )
        page = context.new_page()
        open_entry(page, files)
        page.get_by_label("哪天受理的").fill("2026-12-14")
        page.get_by_role("button", name="加一段").click()
        page.get_by_label("从哪天").fill("2026-12-01")
        page.get_by_label("到哪天").fill("2026-12-02")
        for _ in range(2):  # with a mistake, and with what comes out, one day of it unknown
            assert page.evaluate(CONTRAST) == [], scheme
            assert Axe().run(page, ".pk-due").response["violations"] == [], scheme
            page.get_by_label("从哪天").fill("2026-12-16")
            page.get_by_label("到哪天").fill("2026-12-17")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.evaluate("document.documentElement.style.fontSize = '250%'")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        context.close()
