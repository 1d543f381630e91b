"""Journeys through the questionnaire: by finger, by keyboard, by link, and on paper."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from browser import (
    HOSTILE,
    HOSTILE_SHORT,
    build_project,
    serve_app,
    serve_files,
)
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect

TODAY = date(2026, 11, 24)
CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
ENTERPRISE = "企业、单位或个体工商户"
CITIZEN = "个人或家庭"


def library() -> dict[str, dict[str, Any]]:
    """Return a few benefit entries, one closed and one hostile among them."""
    common = {
        "kind": "benefit",
        "benefit_mode": "依申请",
        "topic": ["税费减免"],
        "body": "## 一句话说清\n\n符合条件就能享受。\n",
    }
    entries: dict[str, dict[str, Any]] = {
        "small-profit": {
            "title": "小型微利企业所得税优惠",
            "audience": ["enterprise"],
            "benefit_mode": "自行申报享受",
            "effective": "2023-01-01",
            "expires": "2027-12-31",
            "eligibility": [
                {
                    "text": "从业人数不超过 300 人",
                    "field": "headcount",
                    "op": "lte",
                    "value": "300",
                    "unit": "人",
                    "basis": "公告2023年第12号",
                    "note": "含劳务派遣人员",
                },
                {
                    "text": "股权融资不超过 5000 万元",
                    "field": "equity_financing",
                    "op": "lte",
                    "value": "5000",
                    "unit": "万元",
                },
                {
                    "text": "不属于国家限制和禁止行业",
                    "not": [
                        {"text": "属于限制行业", "field": "restricted_industry", "op": "is_true"}
                    ],
                },
                {"text": "账目清楚，由税务部门核查"},
            ],
            "benefits": [
                {
                    "type": "减免",
                    "text": "实际税负约 5%",
                    "cap": "所得 300 万元以内",
                    "note": "约数",
                    "estimate": [
                        {
                            "name": "一年少交的税",
                            "formula": "annual_taxable_income * 0.2",
                            "unit": "元/年",
                            "basis": "公告2023年第12号",
                            "note": "和 25% 比",
                        }
                    ],
                }
            ],
            "materials": [
                {"name": "营业执照", "form": "copy", "note": "以窗口告知为准"},
                {"name": "申报表", "copies": 2},
            ],
            "procedure": [{"name": "申报", "text": "自己填报"}],
            "contact": [{"name": "纳税缴费服务热线", "phone": "12366"}],
        },
        "hiring": {
            "title": "扩岗补助",
            "audience": ["enterprise"],
            "application_window": {
                "text": "到 12 月 15 日",
                "opens": "2026-06-01",
                "closes": "2026-12-15",
            },
            "eligibility": [
                {"text": "招用毕业生", "field": "hire_groups", "op": "in", "value": ["高校毕业生"]}
            ],
            "materials": [{"name": "营业执照", "when": "第一次申请"}, {"name": "劳动合同"}],
        },
        "little-giant": {
            "title": "小巨人企业认定",
            "audience": ["enterprise"],
            "application_window": {"text": "五月", "closes": "2026-05-25"},
            "eligibility": [
                {"text": "不少于 10 人", "field": "headcount", "op": "gte", "value": "10"}
            ],
        },
        "elderly": {
            "title": "高龄津贴",
            "audience": ["citizen"],
            "region": ["山东省"],
            "eligibility": [
                {"text": "满 80 岁", "field": "age", "op": "gte", "value": "80", "unit": "岁"}
            ],
            "benefits": [{"type": "补贴", "text": "按月发给高龄津贴"}],
            "materials": [{"name": "身份证"}],
        },
        "care-voucher": {
            "title": "养老服务消费补贴",
            "audience": ["citizen"],
            "eligibility": [
                {
                    "text": "失能",
                    "field": "care_level",
                    "op": "in",
                    "value": ["中度失能", "重度失能"],
                },
                {
                    "text": "买了养老服务",
                    "field": "care_services",
                    "op": "exists",
                },
            ],
        },
        "hostile": {
            "title": HOSTILE,
            "audience": ["citizen", "enterprise"],
            "summary": f"{HOSTILE} {HOSTILE_SHORT}",
            "eligibility": [
                {
                    "text": HOSTILE,
                    "basis": HOSTILE_SHORT,
                    "field": "ui_months",
                    "op": "gte",
                    "value": "1",
                },
                {"text": HOSTILE_SHORT, "note": HOSTILE},
            ],
            "benefits": [{"type": "补贴", "text": HOSTILE, "cap": HOSTILE_SHORT}],
            "materials": [{"name": HOSTILE, "note": HOSTILE_SHORT}],
        },
    }
    return {slug: {**common, **fields} for slug, fields in entries.items()}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_project(tmp_path_factory.mktemp("questionnaire"), library(), TODAY)


@pytest.fixture(scope="module")
def service(project: Path) -> Iterator[str]:
    """The address of the running service, which forbids what its policy does not name."""
    with serve_app(project, TODAY) as address:
        yield f"{address}match.html"


@pytest.fixture(scope="module")
def files(project: Path) -> Iterator[str]:
    """The address of the page on a plain file server."""
    with serve_files(project) as address:
        yield f"{address}match.html"


@pytest.fixture
def disk(project: Path) -> str:
    """The address of the page as it lies on the disk."""
    return (project / "build/site/match.html").as_uri()


@pytest.fixture(params=["service", "files", "disk"])
def anywhere(request: pytest.FixtureRequest) -> str:
    """Each of the three ways in which the site is used."""
    address: str = request.getfixturevalue(request.param)
    return address


def title(page: Page) -> str:
    return page.locator("[data-question] h2").inner_text()


def tap(page: Page, *names: str) -> None:
    """Choose by finger: one option goes on at once, several wait for the button."""
    form = page.locator("[data-question]")
    for name in names:
        form.get_by_text(name, exact=True).click()
    if form.get_by_role("checkbox").count() and names[-1] != "不清楚":
        form.get_by_role("button", name="下一步").click()


def fill(page: Page, value: str, unit: str | None = None) -> None:
    form = page.locator("[data-question]")
    form.locator("[name=number], [name=date]").fill(value)
    if unit:
        form.get_by_label("单位").select_option(unit)
    form.get_by_role("button", name="下一步").click()


def press(page: Page, name: str) -> None:
    page.locator("[data-question]").get_by_role("button", name=name, exact=True).click()


def group(page: Page, outcome: str) -> list[str]:
    """Return the slugs of a group of results."""
    cards = page.locator(f".pk-match__card[data-outcome={outcome}]")
    slugs: list[str] = cards.evaluate_all("all => all.map(card => card.dataset.slug)")
    return slugs


def link(*rows: list[Any], version: str = "1.", **parts: str) -> str:
    """Return a fragment as somebody else may have made it."""
    data = urlsafe_b64encode(json.dumps(rows, ensure_ascii=False).encode()).decode().rstrip("=")
    named = [f"{name}={value}" for name, value in parts.items()]
    return "#" + "&".join([*named, f"a={version}{data}"])


FIRM: tuple[list[Any], ...] = (
    ["audience", ["enterprise"]],
    ["headcount", "300 人"],
    ["equity_financing", "5000 万元"],
    ["restricted_industry", "否"],
)


# Journeys


def test_an_enterprise_learns_by_tapping_what_it_may_get_and_why(page: Page, anywhere: str) -> None:
    page.goto(anywhere)
    assert title(page) == "您替谁找政策？"
    tap(page, ENTERPRISE)
    assert title(page) == "单位有多少职工？"
    fill(page, "300")
    assert title(page) == "单位招用了下面哪些人？"
    tap(page, "高校毕业生")
    assert group(page, "likely") == ["hiring"]
    press(page, "不清楚")
    tap(page, "否")
    fill(page, "0.5", "亿元")
    assert title(page) == "问完了"
    assert group(page, "likely") == ["hiring", "small-profit"]
    assert group(page, "more_information") == ["hostile", "little-giant"]
    card = page.locator("[data-slug=small-profit]")
    expect(card).to_contain_text("自行申报享受")
    expect(card).to_contain_text("截止 2027-12-31")
    expect(card).to_contain_text("上限：所得 300 万元以内；约数")
    card.get_by_role("button", name="逐条看条件").click()
    conditions = [" ".join(row.split()) for row in card.locator(".pk-condition").all_inner_texts()]
    assert conditions[0].startswith(
        "✔ 符合： 从业人数不超过 300 人 您的回答：300 人；标准：不超过 300 人"
    )
    assert "依据：公告2023年第12号" in conditions[0]
    assert "您的回答：0.5 亿元；标准：不超过 5000 万元" in conditions[1]
    assert conditions[2].startswith("✔ 符合： 不属于国家限制和禁止行业 您的回答：否；标准：否")
    expect(card).to_contain_text("由部门核查")
    expect(card.get_by_role("link", name="12366")).to_have_attribute("href", "tel:12366")
    card.get_by_role("link", name="看这一条").first.click()
    expect(page.locator(":target")).to_contain_text("从业人数不超过 300 人")


def test_a_citizen_answers_with_the_keyboard_alone(page: Page, files: str) -> None:
    page.goto(files)
    page.get_by_label(CITIZEN).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    heading = page.locator("[data-question] h2")
    for _ in range(10):
        expect(heading).to_be_focused()  # so that a screen reader says the question
        question = title(page)
        if question == "问完了":
            break
        page.keyboard.press("Tab")
        if "多大年纪" in question:
            page.keyboard.type("80")
            page.keyboard.press("Enter")
        elif "在哪里" in question:
            for _ in range(2):
                page.keyboard.press("ArrowDown")
            page.keyboard.press("Enter")
        elif "家里的情况" in question:
            none = page.get_by_role("button", name="都不是", exact=True)
            page.keyboard.press("Enter")  # which alone says nothing of what is not ticked
            expect(none).to_be_focused()
            none.press("Enter")
        else:  # “不清楚” is the second button behind the fields
            page.get_by_role("button", name="不清楚", exact=True).focus()
            page.keyboard.press("Enter")
    assert title(page) == "问完了"
    answers = page.locator(".pk-answers dl")
    page.get_by_role("button", name="我的回答").press("Enter")
    expect(answers).to_contain_text("淄博市临淄区")
    assert group(page, "likely") == ["elderly"]
    assert group(page, "not_eligible") == ["care-voucher"]
    fold = page.locator("#group-not_eligible").get_by_role("button")
    fold.press("Enter")
    expect(fold).to_have_attribute("aria-expanded", "true")
    expect(page.locator("[data-slug=care-voucher]")).to_contain_text("不符合的地方：失能")


def test_the_question_and_the_counts_are_told_to_a_screen_reader(page: Page, files: str) -> None:
    page.goto(files)
    tap(page, ENTERPRISE)
    field = page.locator("[data-question] fieldset")
    expect(field).to_have_accessible_name("单位有多少职工？")
    expect(field).to_have_accessible_description(re.compile("劳务派遣"))
    said = page.get_by_role("status")
    expect(said).to_have_text(
        "上一步排除了 2 条。很可能符合 0 条，还需补充信息 4 条，不符合 0 条。"
    )
    fill(page, "301")
    expect(said).to_contain_text("上一步排除了 1 条。")
    expect(page.locator(".pk-counts")).to_contain_text(re.compile("1\\s*✘ 不符合"))


def test_a_double_click_answers_one_question(page: Page, files: str) -> None:
    unsure = (["hire_groups", "?"], ["ui_months", "?"])
    page.goto(files + link(*FIRM[:3], *unsure, q="entity_type"))
    page.locator("[data-question]").get_by_text("企业", exact=True).dblclick()
    assert title(page).startswith("单位做的是国家限制")  # whose options stand where those stood


def test_arrow_keys_choose_without_going_on(page: Page, files: str) -> None:
    page.goto(files + link(["audience", ["enterprise"]], q="restricted_industry"))
    page.get_by_label("是", exact=True).focus()
    page.keyboard.press("ArrowDown")
    assert title(page).startswith("单位做的是国家限制")
    expect(page.get_by_label("否", exact=True)).to_be_checked()
    page.keyboard.press("Enter")
    assert title(page) == "单位有多少职工？"


def test_one_may_go_back_skip_be_unsure_and_change_an_answer(page: Page, files: str) -> None:
    page.goto(files)
    tap(page, ENTERPRISE)
    fill(page, "301")
    assert group(page, "not_eligible") == ["small-profit"]
    press(page, "上一题")
    assert title(page) == "单位有多少职工？"
    expect(page.locator("[name=number]")).to_have_value("301")
    fill(page, "300")
    assert group(page, "not_eligible") == []
    press(page, "跳过")
    for _ in range(3):
        press(page, "不清楚")
    assert title(page) == "问完了"
    page.get_by_role("button", name="回答跳过的 1 题").click()
    assert title(page) == "单位招用了下面哪些人？"
    tap(page, "都没有")
    assert group(page, "not_eligible") == ["hiring"]
    page.get_by_role("button", name="我的回答").click()
    page.get_by_role("button", name="改：招用的人").click()
    expect(page.get_by_label("都没有")).to_be_checked()
    page.get_by_label("高校毕业生").check()
    expect(page.get_by_label("都没有")).not_to_be_checked()
    press(page, "下一步")
    assert group(page, "likely") == ["hiring"]
    page.get_by_role("button", name="全部重来").click()
    assert title(page) == "您替谁找政策？"
    assert "a=" not in page.url


def test_the_back_button_of_the_browser_undoes_an_answer(page: Page, anywhere: str) -> None:
    page.goto(anywhere)
    tap(page, ENTERPRISE)
    fill(page, "301")
    page.go_back()
    expect(page.locator("[data-question] h2")).to_have_text("单位有多少职工？")
    assert group(page, "not_eligible") == []
    page.go_forward()
    expect(page.locator(".pk-counts")).to_contain_text(re.compile("1\\s*✘ 不符合"))


def test_what_cannot_be_an_answer_is_refused_in_words(page: Page, files: str) -> None:
    page.goto(files)
    error = page.locator(".pk-ask__error")
    press(page, "下一步")
    expect(error).to_have_text("请先选一项。")
    tap(page, ENTERPRISE)
    press(page, "下一步")
    expect(error).to_have_text("请先回答，或者点“不清楚”“跳过”。")
    fill(page, "三百")
    expect(error).to_have_text("不是数，看到的是“三百”；请写成 15、0.5 或 5000万元 这样的数。")
    expect(page.locator("[name=number]")).to_be_focused()
    fill(page, "-1")
    expect(error).to_have_text("不能小于 0 人，看到的是“-1”。")
    fill(page, "１,０００ 人")
    assert group(page, "not_eligible") == ["small-profit"]


def test_a_date_is_chosen_from_the_calendar_and_may_not_be_ahead(page: Page, files: str) -> None:
    page.goto(files + link(*FIRM, q="registration_date"))
    fill(page, "2026-11-25")
    expect(page.locator(".pk-ask__error")).to_have_text(
        "日期要在 1900-01-01 到 2026-11-24 之间，看到的是“2026-11-25”。"
    )
    fill(page, "2025-11-24")
    page.get_by_role("button", name="我的回答").click()
    expect(page.locator(".pk-answers dl")).to_contain_text("2025-11-24")


def test_only_what_can_still_change_the_list_is_asked(page: Page, files: str) -> None:
    page.goto(files)
    tap(page, ENTERPRISE)
    fill(page, "301")
    asked = []
    while title(page) != "问完了":
        asked.append(title(page))
        press(page, "不清楚")
    assert not any("股权融资" in question or "限制" in question for question in asked)
    assert len(asked) == 2


def test_a_question_can_be_asked_from_the_card_that_waits_for_it(page: Page, files: str) -> None:
    page.goto(files)
    tap(page, ENTERPRISE)
    page.locator("[data-slug=small-profit]").get_by_role("button", name="股权融资").click()
    assert title(page) == "得到的股权融资是多少？"
    fill(page, "50010000", "元")
    assert group(page, "not_eligible") == ["small-profit"]
    expect(page.locator("[data-slug=small-profit]")).to_contain_text(
        "不符合的地方：股权融资不超过 5000 万元"
    )


def test_an_amount_is_estimated_from_what_its_card_asks_for(page: Page, anywhere: str) -> None:
    page.goto(anywhere + link(*FIRM))
    assert group(page, "likely") == ["small-profit"]
    card = page.locator("[data-slug=small-profit]")
    expect(card).to_contain_text("想估算一年少交的税，还要知道：")
    card.get_by_role("button", name="年应纳税所得额").click()
    fill(page, "150.5", "万元")
    amount = card.locator(".pk-match__estimates")
    expect(amount).to_contain_text("一年少交的税：约 30.1 万元/年")
    expect(amount).to_contain_text(
        "您答的是 年应纳税所得额 150.5 万元；依据：公告2023年第12号；和 25% 比"
    )
    expect(amount).to_contain_text("只是估算，以主管部门核定为准。")
    assert group(page, "likely") == ["small-profit"]
    page.goto(re.sub("#.*", "", page.url) + link(FIRM[0], ["headcount", "301 人"]))
    assert group(page, "not_eligible") == ["small-profit"]
    assert card.locator(".pk-match__estimates").count() == 0


def test_from_an_entry_one_comes_to_the_questions_about_it(page: Page, anywhere: str) -> None:
    page.goto(anywhere.replace("match.html", "policies/small-profit.html"))
    page.get_by_role("link", name="看看我符合不符合").click()
    own = page.locator(".pk-match__own")
    expect(own).to_contain_text("小型微利企业所得税优惠")
    tap(page, ENTERPRISE)
    for _ in range(3):
        assert title(page) != "单位招用了下面哪些人？"
        press(page, "不清楚")
    assert title(page) == "单位招用了下面哪些人？"
    page.goto(re.sub("#.*", "", page.url) + link(["audience", ["citizen"]], entry="small-profit"))
    expect(page.get_by_role("alert").first).to_contain_text("不是给您选的对象的")
    assert page.locator(".pk-match__own").count() == 0


# Links


def test_a_link_brings_back_the_answers_and_the_result(page: Page, anywhere: str) -> None:
    page.goto(anywhere + link(*FIRM, ["hire_groups", "?"], ["ui_months", "-"]))
    assert group(page, "likely") == ["small-profit"]
    assert title(page) == "问完了"
    page.get_by_role("button", name="我的回答").click()
    rows = [" ".join(row.split()) for row in page.locator(".pk-answers dl > div").all_inner_texts()]
    assert rows == [
        f"替谁问 {ENTERPRISE} 改",
        "从业人数 300 人 改",
        "股权融资 5000 万元 改",
        "国家限制或禁止的行业 否 改",
        "招用的人 不清楚 改",
        "本人缴失业保险的月数 跳过了 改",
    ]


def test_the_copied_link_says_what_it_holds_and_brings_it_back(
    context: BrowserContext, page: Page, files: str
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(files)
    tap(page, ENTERPRISE)
    fill(page, "300")
    expect(page.locator("[data-sheet]")).to_contain_text("链接里有您的全部回答")
    page.get_by_role("button", name="复制链接").click()
    expect(page.get_by_role("button", name="已复制")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    other = context.new_page()
    other.goto(copied)
    assert title(other) == title(page)
    expect(other.locator("[data-number]")).to_have_text("（2）")
    assert len(copied) - len(files) < 120


@pytest.mark.parametrize(
    ("fragment", "told"),
    [
        ("#<img src=x onerror=alert(1)>", "链接里有读不出来的内容，已经略过。"),
        ("#constructor=1&__proto__=2", "链接里有读不出来的内容，已经略过。"),
        ("#" + "a" * 30_000, "链接里有读不出来的内容，已经略过。"),
        ("#a=1.%%%", "链接不完整，里面的回答读不出来，请重新回答。"),
        ("#a=1.eyJ4IjoxfQ", "链接不完整，里面的回答读不出来，请重新回答。"),
        ("#a=1.W1siYXVkaWVuY2UiLFsiZW50ZXJwcml", "链接不完整，里面的回答读不出来，请重新回答。"),
        (link(*FIRM, version="3."), "链接里的回答是别的版本，读不出来，请重新回答。"),
        ("#as_of=2026-02-30", "链接里的日期（as_of）不对"),
        ("#entry=../../etc/passwd", "链接里的政策读不出来，已经略过。"),
        ("#entry=no-such-entry", "没有找到链接里的那条政策"),
        (
            link(
                ["headcount", "-5"],
                ["constructor", "1"],
                ["age", HOSTILE],
                ["age", {"value": []}],
                ["titles", ["<b>"]],
                ["region", 7],
                ["restricted_industry", "否"],
                ["restricted_industry", "是"],
                7,  # type: ignore[arg-type]
            ),
            "链接里有 8 项回答读不出来，已经略过，请重新回答。",
        ),
    ],
)
def test_a_hostile_link_is_left_out_and_told(
    page: Page, files: str, fragment: str, told: str
) -> None:
    page.goto(files + fragment)
    expect(page.locator("[data-notice]")).to_contain_text(told)
    assert title(page) == "您替谁找政策？"
    assert page.locator("#main img").count() == 0
    tap(page, ENTERPRISE)
    assert title(page) == "单位有多少职工？"
    expect(page.locator("[data-notice]")).not_to_contain_text("读不出来")


def test_a_day_in_the_link_gives_the_answer_of_that_day(page: Page, files: str) -> None:
    answers = (["audience", ["enterprise"]], ["headcount", "10 人"])
    page.goto(files + link(*answers, as_of="2026-05-25"))
    assert group(page, "likely") == ["little-giant"]
    expect(page.locator("[data-notice]")).to_contain_text("按 2026-05-25 这一天的规定算")
    expect(page.locator("[data-slug=little-giant]")).to_contain_text("今天截止")
    page.get_by_role("button", name="按今天算").click()
    assert "as_of" not in page.url
    assert group(page, "likely") == []
    expect(page.locator("[data-slug=little-giant]")).to_contain_text("申报已于 2026-05-25 截止")


def test_skipping_to_the_content_takes_no_answers_away(page: Page, files: str) -> None:
    page.goto(files + link(*FIRM))
    address = page.url
    page.get_by_role("link", name="跳到正文").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(address)
    assert group(page, "likely") == ["small-profit"]


def test_answers_leave_the_browser_with_no_request(page: Page, service: str) -> None:
    asked: list[Request] = []
    page.goto(service, wait_until="networkidle")
    page.on("request", lambda request: asked.append(request))
    tap(page, ENTERPRISE)
    number = "9753186"  # so long that it stands in no ETag or port by chance
    fill(page, number)
    tap(page, "高校毕业生")
    page.locator("[data-slug=hiring]").get_by_role("button", name="逐条看条件").click()
    page.wait_for_load_state("networkidle")
    # The browser itself looks for the icon of the page again.
    assert {request.url.rsplit("/", 1)[1] for request in asked} <= {"mark.svg"}
    page.locator("[data-slug=hiring] h3 a").click()
    expect(page.locator("h1")).to_have_text("扩岗补助")
    told = [f"{request.url} {request.all_headers()} {request.post_data}" for request in asked]
    assert any("policies/hiring.html" in each for each in told)
    assert not any(number in each or "a=1." in each for each in told)
    kept = page.evaluate("[sessionStorage.length, localStorage.length, document.cookie]")
    assert kept == [0, 0, ""]


# To take along


def test_materials_are_merged_and_say_what_needs_them(page: Page, files: str) -> None:
    page.goto(files + link(*FIRM, ["hire_groups", ["高校毕业生"]]))
    rows = [" ".join(row.split()) for row in page.locator(".pk-materials li").all_inner_texts()]
    assert rows == [
        "营业执照 用于：扩岗补助（第一次申请的）、小型微利企业所得税优惠（复印件） 以窗口告知为准",
        "劳动合同 用于：扩岗补助",
        "申报表 用于：小型微利企业所得税优惠（2 份）",
    ]


def read_calendar(data: bytes) -> list[tuple[str, str]]:
    """Return the lines of a calendar, unfolded, as names and values."""
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))
    assert data.endswith(b"\r\n")
    text = data.decode().replace("\r\n ", "")
    assert "\n" not in text.replace("\r\n", "")
    return [(line.split(":", 1)[0], line.split(":", 1)[1]) for line in text.split("\r\n")[:-1]]


def test_deadlines_go_into_a_calendar(page: Page, anywhere: str) -> None:
    page.goto(anywhere + link(*FIRM))
    with page.expect_download() as download:
        page.get_by_role("button", name="截止日期加到日历").click()
    assert download.value.suggested_filename == "政策截止日期.ics"
    lines = read_calendar(Path(download.value.path()).read_bytes())
    assert lines[:2] == [("BEGIN", "VCALENDAR"), ("VERSION", "2.0")]
    assert lines[-1] == ("END", "VCALENDAR")
    values: dict[str, list[str]] = {}
    for name, value in lines:
        values.setdefault(name, []).append(value)
    assert values["UID"] == ["hiring-deadline@policykb", "small-profit-deadline@policykb"]
    assert values["DTSTAMP"] == ["20261124T040000Z"] * 2
    assert values["DTSTART;VALUE=DATE"] == ["20261215", "20271231"]
    assert values["DTEND;VALUE=DATE"] == ["20261216", "20280101"]
    assert values["SUMMARY"] == ["截止：扩岗补助", "截止：小型微利企业所得税优惠"]
    assert values["TRIGGER"] == ["-P7D"] * 2
    assert values["ACTION"] == ["DISPLAY"] * 2


def test_text_in_a_calendar_is_escaped_and_long_lines_are_folded(page: Page, files: str) -> None:
    page.goto(files)
    event = {"id": "a", "day": "2026-12-31", "notice": 7, "title": "甲,乙;丙\\丁\n戊" + "很长" * 40}
    text = page.evaluate(
        "(event) => policyKb.makeCalendar([{ ...event, text: event.title }], new Date(0))", event
    )
    lines = dict(read_calendar(text.encode()))
    assert lines["SUMMARY"] == "甲\\,乙\\;丙\\\\丁\\n戊" + "很长" * 40
    assert lines["DTSTAMP"] == "19700101T000000Z"


def test_on_paper_stand_answers_results_thresholds_and_clauses(page: Page, files: str) -> None:
    page.goto(files + link(*FIRM, ["hire_groups", "?"]))
    page.emulate_media(media="print")
    for part in (".pk-header", ".pk-nav", ".pk-ask", ".pk-counts", ".pk-footer"):
        expect(page.locator(part)).to_be_hidden()
    assert page.locator(".pk-match button:visible:not(.pk-fold, .pk-chiplet)").count() == 0
    answers = page.locator(".pk-answers dl > div:visible")
    expect(answers).to_have_count(4)  # not what was left open
    card = page.locator("[data-slug=small-profit]")
    for words in ("✔", "您的回答：300 人；标准：不超过 300 人", "依据：公告2023年第12号"):
        expect(card.locator(".pk-condition").first).to_contain_text(words)
        expect(card.locator(".pk-condition").first).to_be_visible()
    expect(page.locator(".pk-materials")).to_contain_text("营业执照")
    expect(page.locator(".pk-printed")).to_contain_text("结果按 2026-11-24 的规定算出")
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_the_print_button_prints(page: Page, files: str) -> None:
    page.goto(files + link(*FIRM))
    page.evaluate("window.print = () => { document.title = '打印了'; }")
    page.get_by_role("button", name="打印").click()
    assert page.title() == "打印了"


# For everyone


def test_hostile_text_in_an_entry_is_shown_and_does_nothing(page: Page, anywhere: str) -> None:
    rows = (["audience", ["citizen", "enterprise"]], ["ui_months", "1 月"])
    page.goto(anywhere + link(*rows))
    card = page.locator("[data-slug=hostile]")
    expect(card.get_by_role("link", name=HOSTILE, exact=True)).to_be_visible()
    card.get_by_role("button", name="逐条看条件").click()
    expect(card).to_contain_text(HOSTILE_SHORT)
    expect(page.locator(".pk-materials")).to_contain_text(HOSTILE)
    assert page.locator("#main :is(img, script)").count() == 0


def test_without_scripts_the_entries_are_listed_by_audience(browser: Browser, files: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(files)
    expect(page.locator("[data-app]")).to_be_hidden()
    text = page.locator("#main").inner_text()
    assert "这一页要用到浏览器脚本" in text
    assert text.index("惠民政策") < text.index("高龄津贴") < text.index("惠企政策")
    page.get_by_role("link", name="扩岗补助").click()
    expect(page.locator("h1")).to_have_text("扩岗补助")
    context.close()


def test_what_is_being_answered_stays_when_the_rules_come(page: Page, files: str) -> None:
    held: list[Route] = []
    page.route("**/match/rules.js*", lambda route: held.append(route))
    page.goto(files, wait_until="commit")
    page.get_by_label(ENTERPRISE).check()
    assert page.locator(".pk-match__card").count() == 0
    held[0].continue_()
    expect(page.locator(".pk-match__card").first).to_be_visible()
    expect(page.get_by_label(ENTERPRISE)).to_be_checked()
    press(page, "下一步")
    assert title(page) == "单位有多少职工？"


def test_an_answer_may_come_before_the_rules(page: Page, files: str) -> None:
    held: list[Route] = []
    page.route("**/match/rules.js*", lambda route: held.append(route))
    page.goto(files, wait_until="commit")
    tap(page, ENTERPRISE)
    expect(page.locator("[data-question]")).to_have_text("正在读取政策……")
    held[0].continue_()
    expect(page.locator("[data-question] h2")).to_have_text("单位有多少职工？")


def test_when_the_rules_cannot_be_had_it_is_told(context: BrowserContext, files: str) -> None:
    page = context.new_page()
    page.route("**/match/rules.js*", lambda route: route.abort())
    page.goto(files)
    expect(page.locator("[data-question]")).to_have_text("没有读到政策，请刷新网页再试一次。")


def test_the_first_question_is_there_after_less_than_200_kilobytes(page: Page, files: str) -> None:
    sizes: dict[str, int] = {}

    def weigh(request: Request) -> None:
        response = request.response()
        assert response is not None
        sizes[request.url] = len(response.body())

    page.on("requestfinished", weigh)
    page.goto(files, wait_until="networkidle")
    later = re.compile("/(estimates|calendar|rules)[.]js")  # what only a list of results needs
    assert len([url for url in sizes if later.search(url)]) == 3
    assert sum(size for url, size in sizes.items() if not later.search(url)) < 200_000, sizes
    page.goto("about:blank")


WATCH_SHIFTS = """new PerformanceObserver((list) => {
  for (const { value, hadRecentInput, sources } of list.getEntries()) {
    const moved = sources.map(({ node }) => node?.className ?? "");
    if (!hadRecentInput) (window.shifts ??= []).push([value, ...moved]);
  }
}).observe({ type: "layout-shift", buffered: true });"""


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("fragment", ["", link(*FIRM)], ids=["new", "shared"])
def test_nothing_moves_while_the_questionnaire_opens(
    page: Page, files: str, fragment: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    page.add_init_script(WATCH_SHIFTS)

    def wait(route: Route) -> None:
        page.wait_for_timeout(300)  # so that the page is painted before its rules come
        route.continue_()

    page.route("**/match/rules.js*", wait)
    page.goto(files + fragment, wait_until="networkidle")
    assert title(page)
    shifts = page.evaluate("window.shifts ?? []")
    assert sum(value for value, *_ in shifts) < 0.01, shifts


def test_of_thousands_of_entries_the_first_are_drawn_and_more_on_request(
    page: Page, files: str
) -> None:
    page.goto(files)
    page.evaluate(
        """() => {
          const script = [...document.scripts].find(({ src }) => src.includes("/match/rules.js"));
          return fetch(script.src).then((file) => file.text()).then((text) => {
            const rules = JSON.parse(text.slice(text.indexOf("["), text.lastIndexOf("]") + 1));
            PolicyQuestionnaire.take(Array.from({ length: 5000 }, (_, i) => ({
              ...rules[i % rules.length], slug: `entry-${i}`,
            })));
          });
        }"""
    )
    tap(page, ENTERPRISE)
    section = page.locator("[data-group=more_information]")
    cards = section.locator(".pk-match__card")
    expect(cards).to_have_count(20)
    expect(section.locator(".pk-group__count")).to_have_text(re.compile(r"3\d{3}"))
    section.get_by_role("button", name="显示更多").click()
    expect(cards).to_have_count(40)
    expect(cards.nth(20).get_by_role("link").first).to_be_focused()


FULL = link(*FIRM, ["hire_groups", ["高校毕业生"]], ["loan_date", "?"], entry="little-giant")


def unfold(page: Page) -> None:
    """Open whatever is folded, what that brings to light as well."""
    page.evaluate(
        "() => { for (const fold of document.querySelectorAll('.pk-fold')) fold.click(); }"
    )


@pytest.mark.parametrize("font_size", ["125%", "250%"])
def test_the_questionnaire_does_not_scroll_sideways_on_a_phone(
    page: Page, files: str, font_size: str
) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    for fragment in ("", FULL, link(*FIRM, q="industry"), link(*FIRM, q="annual_revenue")):
        page.goto("about:blank")
        page.goto(files + fragment)
        unfold(page)
        page.evaluate("size => { document.documentElement.style.fontSize = size; }", font_size)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, fragment


def test_controls_of_the_questionnaire_are_large_enough_for_a_finger(
    page: Page, files: str
) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    small = []
    for fragment in ("", FULL, link(*FIRM, q="industry"), link(*FIRM, q="annual_revenue")):
        page.goto("about:blank")
        page.goto(files + fragment)
        unfold(page)
        for control in page.locator("#main :is(button, label, input[name=number], select)").all():
            box = control.bounding_box() if control.is_visible() else None
            if box and round(box["height"]) < 44:
                small.append((fragment[:30], control.inner_text(), box["height"]))
    assert small == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_of_the_questionnaire_stands_out_from_its_ground(
    browser: Browser, files: str, scheme: Any
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    poor = {}
    for fragment in ("", FULL, link(*FIRM, q="industry"), "#as_of=x"):
        page.goto("about:blank")
        page.goto(files + fragment)
        unfold(page)
        if not fragment:
            press(page, "下一步")  # which shows an error
        if found := page.evaluate(CONTRAST):
            poor[fragment] = found
    context.close()
    assert poor == {}
