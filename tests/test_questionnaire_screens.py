"""Several questions on one screen: what is ticked, what is not, and how long it all takes."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from browser import build_project, serve_files
from playwright.sync_api import Locator, Page, expect

from indexer.answers import Answer, read_answer
from indexer.questions import QuestionType, load_questions

TODAY = date(2026, 11, 24)
CITIZEN = ["audience", ["citizen"]]
ENTERPRISE = ["audience", ["enterprise"]]
HOME = "家里的情况：下面哪些符合？"


def library() -> dict[str, dict[str, Any]]:
    """Return entries that ask for three statements of one kind, one of another, and two numbers."""

    def entry(audience: str, *conditions: tuple[str, str, Any]) -> dict[str, Any]:
        rows = [
            {"text": field, "field": field, "op": op, **({"value": value} if value else {})}
            for field, op, value in conditions
        ]
        head: dict[str, Any] = {"kind": "benefit", "benefit_mode": "依申请", "topic": ["税费减免"]}
        head["body"] = "## 一句话说清\n\n符合条件就能享受。\n"
        return {**head, "title": conditions[0][0], "audience": [audience], "eligibility": rows}

    return {
        "care": entry(
            "citizen", ("care_level", "in", ["重度失能"]), ("care_services", "exists", 0)
        ),
        "kindergarten": entry("citizen", ("child_in_final_kindergarten_year", "is_true", 0)),
        "heating": entry("citizen", ("central_heating", "is_true", 0)),
        "elderly": entry("citizen", ("age", "gte", "80")),
        "small": entry("enterprise", ("headcount", "lte", "300"), ("total_assets", "lte", "5000")),
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_project(tmp_path_factory.mktemp("screens"), library(), TODAY)


def link(*rows: list[Any], version: str = "2.", **parts: str) -> str:
    data = urlsafe_b64encode(json.dumps(rows, ensure_ascii=False).encode()).decode().rstrip("=")
    named = [f"{name}={value}" for name, value in parts.items()]
    return "match.html#" + "&".join([*named, f"a={version}{data}"])


def rows_of(page: Page) -> list[list[Any]]:
    """Return the answers as the address holds them."""
    found = re.search(r"a=2\.([\w-]+)", page.url)
    assert found is not None
    rows: list[list[Any]] = json.loads(urlsafe_b64decode(found[1] + "=="))
    return rows


def form(page: Page) -> Locator:
    return page.locator("[data-question]")


def title(page: Page) -> str:
    return form(page).locator("h2").inner_text()


def press(page: Page, name: str) -> None:
    form(page).get_by_role("button", name=name, exact=True).click()


def statement(page: Page, text: str) -> Locator:
    return form(page).get_by_role("checkbox", name=text, exact=True)


def group(page: Page, outcome: str) -> set[str]:
    cards = page.locator(f".pk-match__card[data-outcome={outcome}]")
    return set(cards.evaluate_all("all => all.map(card => card.dataset.slug)"))


# Statements


def test_only_the_button_that_says_so_makes_what_is_not_ticked_not_so(
    page: Page, files: str
) -> None:
    page.goto(files + link(CITIZEN))
    assert title(page) == HOME
    assert form(page).get_by_role("checkbox", checked=True).count() == 0
    statement(page, "有孩子在幼儿园上大班").check()
    press(page, "选好了，其余的不清楚")
    assert group(page, "likely") == {"kindergarten"}
    assert group(page, "not_eligible") == set()
    assert "care" in group(page, "more_information")
    press(page, "上一题")
    expect(statement(page, "有孩子在幼儿园上大班")).to_be_checked()
    unsure = form(page).get_by_label("这一项说不清楚")
    expect(unsure.and_(page.locator(":checked"))).to_have_count(2)  # what was said stands
    for _ in range(2):
        unsure.and_(page.locator(":checked")).first.uncheck()
    press(page, "选好了，其余的都不是")
    assert group(page, "likely") == {"kindergarten"}
    assert group(page, "not_eligible") == {"care"}


def test_to_put_statements_off_refuses_nothing_and_they_are_asked_again(
    page: Page, files: str
) -> None:
    page.goto(files + link(CITIZEN))
    press(page, "跳过")
    assert group(page, "not_eligible") == set()
    for _ in range(2):
        press(page, "不清楚")
    assert title(page) == "问完了"
    press(page, "回答跳过的 3 题")
    assert title(page) == HOME
    press(page, "都不清楚")
    assert title(page) == "问完了"
    assert group(page, "not_eligible") == set()


def test_one_statement_may_be_not_known_while_the_others_are_not_so(page: Page, files: str) -> None:
    page.goto(files + link(CITIZEN))
    why = form(page).get_by_role("button", name="说明：有孩子在幼儿园上大班")
    why.click()
    expect(why).to_have_attribute("aria-expanded", "true")
    told = form(page).locator("[data-statement=child_in_final_kindergarten_year] .pk-ask__more")
    expect(told).to_contain_text("家里有孩子在幼儿园上大班（学前一年）吗？")
    expect(told).to_contain_text("没有的选“否”。")
    statement(page, "有孩子在幼儿园上大班").check()
    told.get_by_label("这一项说不清楚").check()
    expect(statement(page, "有孩子在幼儿园上大班")).not_to_be_checked()
    press(page, "选好了，其余的都不是")
    assert group(page, "not_eligible") == {"care"}
    assert "kindergarten" in group(page, "more_information")


def test_what_is_ticked_is_asked_in_full_next_and_counts_for_nothing_before(
    page: Page, files: str
) -> None:
    page.goto(files + link(CITIZEN))
    statement(page, "有失能的老人").check()
    statement(page, "给老人买了、打算买养老服务").check()
    press(page, "选好了，其余的都不是")
    assert title(page) == "老人失能的程度是哪一档？"
    assert "care" in group(page, "more_information")
    page.reload()
    assert title(page) == "老人失能的程度是哪一档？"
    form(page).get_by_text("重度失能").click()
    assert title(page) == "老人买了、打算买哪种养老服务？"
    form(page).get_by_label("居家养老服务").check()
    press(page, "下一步")
    assert group(page, "likely") == {"care"}
    press(page, "上一题")
    assert title(page) == "老人买了、打算买哪种养老服务？"
    press(page, "上一题")
    assert title(page) == "老人失能的程度是哪一档？"
    press(page, "上一题")
    assert title(page) == HOME
    expect(statement(page, "有失能的老人")).to_be_checked()
    press(page, "选好了，其余的都不是")  # and what was told in full is kept
    assert group(page, "likely") == {"care"}


def test_a_ticked_statement_whose_question_became_moot_is_not_asked(page: Page, files: str) -> None:
    page.goto(files + link(CITIZEN))
    statement(page, "给老人买了、打算买养老服务").check()
    press(page, "选好了，其余的都不是")
    assert "养老服务" not in title(page)
    assert group(page, "not_eligible") == {"care", "kindergarten"}
    page.get_by_role("button", name="我的回答").click()
    expect(page.locator(".pk-answers dl")).to_contain_text("符合，还没有细答")


def test_the_buttons_say_what_becomes_of_the_rest(page: Page, files: str) -> None:
    page.goto(files + link(CITIZEN))
    main = form(page).locator(".pk-button--main")
    expect(main).to_have_text("都不是")
    box = statement(page, "有失能的老人")
    box.check()
    expect(main).to_have_text("选好了，其余的都不是")
    box.uncheck()
    expect(main).to_have_text("都不是")


def test_enter_denies_nothing(page: Page, files: str) -> None:
    page.goto(files + link(CITIZEN))
    statement(page, "有失能的老人").focus()
    page.keyboard.press("Enter")
    assert title(page) == HOME
    assert rows_of(page) == [CITIZEN]
    expect(form(page).locator(".pk-button--main")).to_be_focused()


def test_the_back_button_of_the_browser_undoes_a_screen(page: Page, files: str) -> None:
    page.goto(files + link(CITIZEN))
    press(page, "都不是")
    assert group(page, "not_eligible") == {"care", "kindergarten"}
    page.go_back()
    expect(form(page).locator("h2")).to_have_text(HOME)
    assert group(page, "not_eligible") == set()


def test_an_answer_to_a_statement_is_changed_by_itself_and_all_may_be_taken_back(
    page: Page, files: str
) -> None:
    page.goto(files + link(CITIZEN))
    press(page, "都不是")
    page.get_by_role("button", name="我的回答").click()
    page.get_by_role("button", name="改：失能程度").click()
    assert title(page) == "老人失能的程度是哪一档？"
    expect(form(page).get_by_label("能自理")).to_be_checked()
    page.get_by_role("button", name="全部重来").click()
    assert title(page) == "您替谁找政策？"


# Numbers


def test_numbers_are_filled_in_together_and_an_empty_one_stays_open(page: Page, files: str) -> None:
    page.goto(files + link(ENTERPRISE))
    assert title(page) == "单位的几个数"
    press(page, "下一步")
    expect(page.locator(".pk-ask__error")).to_have_text("请先回答，或者点“不清楚”“跳过”。")
    form(page).get_by_label("资产总额", exact=True).fill("很多")
    press(page, "下一步")
    error = "资产总额：不是数，看到的是“很多”；请写成 15、0.5 或 5000万元 这样的数。"
    expect(page.locator(".pk-ask__error")).to_have_text(error)
    expect(form(page).get_by_label("资产总额", exact=True)).to_be_focused()
    form(page).get_by_label("资产总额", exact=True).fill("0.5")
    form(page).get_by_label("资产总额的单位").select_option("亿元")
    press(page, "下一步")
    assert group(page, "more_information") == {"small"}
    assert rows_of(page)[1:] == [["headcount", "?"], ["total_assets", "0.5 亿元", 1]]
    press(page, "上一题")
    expect(form(page).get_by_label("资产总额", exact=True)).to_have_value("0.5")
    form(page).get_by_label("从业人数").fill("300")
    press(page, "下一步")
    assert group(page, "likely") == {"small"}


# Links


def test_a_link_of_the_first_version_still_opens(page: Page, files: str) -> None:
    old = link(CITIZEN, ["care_level", "能自理"], ["age", "?"], version="1.", q="age")
    page.goto(files + old)
    assert title(page) == "多大年纪了（周岁）？"
    assert group(page, "not_eligible") == {"care"}


@pytest.mark.parametrize(
    "rows",
    [
        [["age", "80 岁"], ["care_level", "+", 1]],  # not of one kind
        [["care_level", "+", 7], ["care_services", "+", [1]]],
        [["child_in_final_kindergarten_year", "+"], ["age", "+"], ["audience", "+"]],
        [["care_level", "能自理", 1], ["care_services", [], 1, 1]],
    ],
)
def test_screens_that_a_link_makes_up_do_no_harm(page: Page, files: str, rows: list[Any]) -> None:
    page.goto(files + link(CITIZEN, *rows, q="age,constructor"))
    for _ in range(8):
        if title(page) == "问完了":
            break
        form(page).get_by_role("button", name=re.compile("不清楚")).first.click()
    assert title(page) == "问完了"
    for _ in range(12):
        if form(page).get_by_role("button", name="上一题").count():
            press(page, "上一题")
    assert title(page) == "您替谁找政策？"


# How long it takes

# Adults read Chinese aloud at 255 (29) characters a minute, 158 (19) words, 1.6 characters a word
# (Trauzettel-Klosinski and Dietz 2012, IReST, doi:10.1167/iovs.11-8284, table 2), and silently at
# 260 words (Brysbaert 2019, doi:10.1016/j.jml.2019.104047), which are about 420 characters.
SILENTLY = 420 / 60  # characters a second
TAP = 1.2  # seconds, to find the place and touch it
KEY = 0.5  # seconds, to type a digit
DEFAULTS = {
    "entity_type": "企业",
    "region": "淄博市临淄区",
    "industry": "制造业",
    "headcount": "30",
    "annual_revenue": "800",
    "total_assets": "600",
    "annual_taxable_income": "50",
    "pays_corporate_income_tax": "是",
    "vat_filing": "按季",
    "taxpayer_type": "小规模纳税人",
    "quarterly_sales": "60",
    "ui_paid_months": "36",
    "procurement_kind": "不参加",
    "certificate_level": "没有证书",
    "age": "40",
    "child_age": "10",
    "disability_level": "没有残疾人证",
    "care_level": "能自理",
    "employment_status": "企业在职职工",
    "lift_work": "都不是",
    "car_renewal": "都不是",
}
FIRM = {"audience": "企业"}
FAMILY = {"audience": "群众", "entity_type": "个人", "vat_filing": "没有销售"}
PLAIN = {QuestionType.FLAG: "否", QuestionType.CHOICES: "都没有", QuestionType.NUMBER: "0"}


@dataclass
class Effort:
    """What it costs to answer: screens, taps, digits typed, and characters to read."""

    screens: int = 0
    taps: int = 0
    keys: int = 0
    characters: int = 0

    @property
    def seconds(self) -> float:
        return self.characters / SILENTLY + self.taps * TAP + self.keys * KEY

    def read(self, *parts: Locator) -> None:
        texts = [text for part in parts for text in part.all_inner_texts()]
        self.characters += sum(len("".join(text.split())) for text in texts)


def answer_of(person: Mapping[str, str], key: str) -> Answer:
    question = load_questions().by_key[key]
    told = person.get(key) or DEFAULTS.get(key) or PLAIN[question.type]
    answer = read_answer(question, told, TODAY)
    assert answer is not None  # a definite one
    return answer


def is_denied(key: str, answer: Answer) -> bool:
    question = load_questions().by_key[key]
    denied = read_answer(question, question.denied, TODAY)
    assert denied is not None
    return answer.value == denied.value


def answer_screen(page: Page, person: Mapping[str, str], effort: Effort) -> None:
    """Read what is on the screen and answer all of it."""
    ask = form(page)
    keys = (ask.get_attribute("data-key") or "").split(",")
    effort.screens += 1
    effort.read(ask.locator("h2"), ask.locator(".pk-ask__help"), ask.locator(".pk-ask__row label"))
    effort.read(ask.locator(".pk-ask__told"), ask.locator(".pk-ask__choice:visible"))
    for key in keys:
        answer = answer_of(person, key)
        if ask.locator(f"[data-statement={key}]").count():
            if not is_denied(key, answer):
                ask.locator(f"[data-statement={key}] [name=so]").check()
                effort.taps += 1
        else:
            effort.taps += answer_one(ask, key, answer)
            number = load_questions().by_key[key].type is QuestionType.NUMBER
            effort.keys += len(answer.text.split()[0]) if number else 0
    button = ask.locator(".pk-button--main")
    if button.count() and ask.get_attribute("data-key") == ",".join(keys):
        button.click()
        effort.taps += 1


def answer_one(ask: Locator, key: str, answer: Answer) -> int:
    """Answer one question; return the taps that it takes. A choice of one goes on by itself."""
    question = load_questions().by_key[key]
    match question.type:
        case QuestionType.NUMBER:
            ask.locator(f"[name=number], [name={key}]").fill(answer.text.split()[0])
            return 1
        case QuestionType.CHOICES:
            chosen = [value for value in question.values if value in answer.value]  # type: ignore[operator]
            names = [question.named(value) for value in chosen] or ["都没有"]
        case QuestionType.CHOICE:
            names = [question.named(value) for value in answer.value]  # type: ignore[union-attr]
        case _:
            names = [answer.text]
    for name in names:
        ask.get_by_text(name, exact=True).click()
    return len(names)


@pytest.fixture(scope="module")
def whole(real_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the site of the real library."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "build").symlink_to(real_build)
    with serve_files(folder) as address:
        yield f"{address}match.html"


def walk(page: Page, address: str, person: Mapping[str, str]) -> Effort:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(address)
    effort = Effort()
    while title(page) != "问完了":
        answer_screen(page, person, effort)
        assert effort.screens < 40
    return effort


def test_a_family_is_through_in_under_three_minutes(page: Page, whole: str) -> None:
    """Before statements were asked together it took 29 screens and 1339 characters."""
    effort = walk(page, whole, FAMILY)
    assert effort.screens <= 12, effort
    assert effort.characters <= 1000, effort
    assert effort.seconds < 180, effort


def test_a_firm_is_through_in_under_three_minutes(page: Page, whole: str) -> None:
    """Before statements were asked together it took 42 screens and 1843 characters."""
    effort = walk(page, whole, FIRM)
    assert effort.screens <= 13, effort
    assert effort.characters <= 1020, effort
    assert effort.seconds < 180, effort
