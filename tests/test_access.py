"""For everyone (无障碍): every type of page, judged by axe, by keyboard, large and at a kiosk.

A new type of page takes one line in VIEWS; a template without a page fails the first test.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import build_all, open_context, small_library, write_project
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect
from repository import Repository

TODAY = date(2026, 11, 24)
TEMPLATES = Path(__file__).parent.parent / "site" / "overrides"
PHONE: ViewportSize = {"width": 360, "height": 740}
AXE = Axe()
RULES = {"resultTypes": ["violations"]}
STYLED = """() => new Promise((done) => {
  const link = document.querySelector("link[href$='/large.css']");
  if (link.sheet) done();
  else link.addEventListener("load", () => done());
})"""
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"], **RULES}


def searched(page: Page) -> None:
    expect(page.locator("[data-count]")).to_have_text(re.compile("条|没有|最多"))
    expect(page.locator("[data-search-page]")).not_to_have_attribute("aria-busy", "true")


def answered(page: Page) -> None:
    page.get_by_text("企业、单位或个体工商户", exact=True).click()
    page.get_by_role("button", name="下一步").click()
    expect(page.locator("[data-question] h2")).not_to_contain_text("您是替")


def finished(page: Page) -> None:
    answered(page)
    page.locator("[name=number]").fill("300")
    page.get_by_role("button", name="下一步").click()
    expect(page.locator("[data-question] h2")).to_have_text("问完了")
    page.locator(".pk-match__card .pk-fold").first.click()
    page.get_by_role("button", name="我的回答").click()


def unfolded(page: Page) -> None:
    page.get_by_role("button", name="说明").first.click()
    expect(page.get_by_role("checkbox", name="这一项说不清楚")).to_have_count(1)


def remembered(page: Page) -> None:
    page.locator(".pk-history > summary").click()


def unrolled(page: Page) -> None:
    expect(page.locator(".pk-changed__import")).to_have_count(1)
    for summary in page.locator(".pk-changed__more > summary").all():
        summary.click()


@dataclass(frozen=True)
class View:
    """A page as a reader meets it: its address, and what must have happened on it."""

    address: str
    ready: Callable[[Page], None] = lambda page: None
    alone: bool = False  # without the service
    alike: bool = False  # its controls are those of another: the keyboard need not be tried again


VIEWS = {
    "home": View("index.html"),
    "list": View("enterprise.html"),
    "long list": View("service.html"),
    "last page of a long list": View("service-2.html"),
    "empty list": View("levels/district.html", alike=True),
    "topics": View("topics.html"),
    "topic": View("topics/tax.html", alike=True),
    "level": View("levels/city.html", alike=True),
    "service": View("policies/drainage-permit.html", remembered),
    "benefit": View("policies/tax-relief-2026.html", alike=True),
    "rule": View("policies/permit-procedure.html", alike=True),
    "superseded": View("policies/tax-relief-2024.html", alike=True),
    "pending": View("policies/elderly-allowance.html", alike=True),
    "hits": View("search.html?q=许可", searched),
    "no hits": View("search.html?q=zzzzz", searched),
    "no service": View("search.html?q=许可", searched, alone=True, alike=True),
    "questionnaire": View("match.html", alike=True),
    "half answered": View("match.html", answered),
    "matches": View("match.html", finished),
    "statements": View("match.html#q=care_level,care_services", unfolded),
    "notice": View("notices/drainage-permit.html"),
    "questions": View("questions.html"),
    "questions of a topic": View("questions/drainage.html"),
    "bundle": View("policies/wedding.html"),
    "changes": View("changes.html", unrolled),
    "about": View("about.html"),
    "missing page": View("404.html"),
    "withdrawn": View("policies/wrong-loan.html", alike=True),
}


READ_OUT = """## 一句话说清

2026-05-01 起收到材料当场看，缺什么打 12345 问，也可以打 0533-7180000。

| 情形 | 期限 |
| --- | --- |
| 当场能定 | 当天 |
| 要核实 | 20 个工作日 |

1. 先看材料
2. 再作决定

能当场决定的当场决定，书面说明理由的另行送达，需要听证的先听证，需要检验检疫的先检验检疫，需要专家评审的先评审，所需时间不计算在期限里。
"""


WITHDRAWN = """withdrawn:
- from: wrong-loan
  title: 写错的贷款
  reason: 把市里的规定写成了区里的。
  instead: tax-relief-2026
  date: '2026-11-22'
"""


def library() -> dict[str, dict[str, Any]]:
    """Return the small library, a list that goes over two pages, and conditions to ask about."""
    entries = small_library()
    entries["tax-relief-2026"]["eligibility"].append(
        {"text": "不超过 300 人", "field": "headcount", "op": "lte", "value": "300", "unit": "人"}
    )
    entries["hiring-subsidy"]["eligibility"] = [
        {"text": "至少 400 人", "field": "headcount", "op": "gte", "value": "400", "unit": "人"}
    ]
    entries["permit-procedure"]["body"] = READ_OUT
    long = "往市政下水道排污水的，开业前办；家里的生活污水不用办。"
    entries["drainage-permit"]["answers"] = [
        {
            "question": "开饭店要办排水证吗",
            "short": "要办，不收费。",
            "long": long,
            "basis": "第21条",
        }
    ]
    body = "## 一句话说清\n\n到窗口办。\n"
    more = {f"service-{n}": {"title": f"第 {n} 件事", "body": body} for n in range(5)}
    return entries | more


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("indexer.pages.LIST_CARDS", 6)  # so that few entries make a long list
        patch.setattr("indexer.pages.ASKED_ENTRIES", 1)
        return build_all(with_history(tmp_path_factory.mktemp("access")), TODAY)


def with_history(folder: Path) -> Path:
    """Return the project in a repository: all entries came at once, and all have changed since."""
    office = Repository(write_project(folder, library(), WITHDRAWN))
    issuers = "issuer: 国务院\n", "issuer: 国务院办公厅\n"
    for day, (old, new) in (("2026-11-01", issuers), ("2026-11-20", issuers[::-1])):
        for path in office.policies.glob("*.md"):
            path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
        office.commit(day)
    return folder


@pytest.fixture(scope="module")
def reader(browser: Browser) -> Iterator[BrowserContext]:
    """One window for all pages that are only looked at."""
    with open_context(browser, TODAY) as opened:
        yield opened


def template_of(project: Path, view: View) -> str:
    """Return the template of a page, as the head of its manuscript says."""
    name = re.split("[?#]", view.address)[0].removesuffix(".html")
    manuscript = project / "build" / "pages" / f"{name}.md"
    if not manuscript.exists():
        return f"{name}.html"  # a page that is nothing but its template
    found = re.search(r"^template: (.*)$", manuscript.read_text(encoding="utf-8"), re.M)
    assert found is not None
    template: str = json.loads(found[1])
    return template


def test_every_template_has_a_page_that_is_looked_at(project: Path) -> None:
    templates = {path.name for path in TEMPLATES.glob("*.html")} - {"main.html"}
    assert {template_of(project, view) for view in VIEWS.values()} == templates


def open_view(page: Page, view: View, service: str, files: str) -> None:
    page.goto(f"{files if view.alone else service}{view.address}")
    view.ready(page)


def complaints(page: Page, options: dict[str, Any], where: str) -> list[str]:
    """Return what axe finds: rule, element, and what to do."""
    return [
        f"{where} {found['id']} ({found['impact']}): {node['html'][:160]} "
        f"{node['target']} – {found['help']} – {node['failureSummary']}"
        for found in AXE.run(page, options=options).response["violations"]
        for node in found["nodes"]
    ]


def enlarge(page: Page) -> None:
    """Switch to large print, whose style is loaded then."""
    page.get_by_role("button", name="大字版").click()
    page.evaluate(STYLED)


@pytest.mark.parametrize("name", VIEWS)
def test_axe_finds_no_fault(reader: BrowserContext, service: str, files: str, name: str) -> None:
    page = reader.new_page()
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    open_view(page, VIEWS[name], service, files)
    found = complaints(page, RULES, "浅色")
    enlarge(page)
    found += complaints(page, COLOURS, "大字版，浅色")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(PHONE)
    found += complaints(page, RULES, "大字版，手机，深色")
    page.get_by_role("button", name="大字版").click()
    found += complaints(page, RULES, "手机，深色")
    page.close()
    assert not found, "\n".join(found)


# By keyboard

DATE_PARTS = 3  # a date is one element, in which year, month, day and calendar are each stopped at
KEYBOARD = (Path(__file__).parent / "keyboard.js").read_text(encoding="utf-8")


def walk(page: Page) -> tuple[list[str], list[str]]:
    """Go through a page with the Tab key; return what was not reached, and what is wrong."""
    stops = page.evaluate(KEYBOARD)
    reached: list[int] = []
    wrong: list[str] = []
    inside = DATE_PARTS * page.locator("input[type=date]:visible").count()
    for _ in range(len(stops) + 1 + inside):
        page.keyboard.press("Tab")
        found = page.evaluate("look()")
        if found["problem"]:
            wrong.append(f"{found['problem']}：{found['html']}")
        if found["at"] >= 0 and reached[-1:] != [found["at"]]:
            reached.append(found["at"])
    first = reached.index(0) if 0 in reached else 0  # where the page put the focus comes before
    if reached[first:] + reached[:first] != sorted(reached):
        wrong.append(f"次序和网页上不一样：{reached}")
    return [html for at, html in enumerate(stops) if at not in reached], wrong


@pytest.mark.parametrize("name", [name for name, view in VIEWS.items() if not view.alike])
def test_the_tab_key_leads_through_a_page_in_order_and_one_sees_where(
    page: Page, service: str, files: str, name: str
) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_view(page, VIEWS[name], service, files)
    page.evaluate("scrollTo(0, 0)")
    assert walk(page) == ([], [])


def test_escape_closes_what_opened_and_nothing_holds_the_focus(page: Page, service: str) -> None:
    page.goto(f"{service}search.html")
    searched(page)
    box = page.locator("#q")
    box.press_sequentially("排水证")
    suggestions = page.locator("#suggestions")
    expect(suggestions).to_be_visible()
    page.keyboard.press("Escape")
    expect(suggestions).to_be_hidden()
    expect(box).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("[data-search-form] button")).to_be_focused()


def test_colours_and_folds_work_by_keyboard(page: Page, files: str) -> None:
    page.goto(f"{files}service-2.html")
    page.locator("[name=__palette]:checked").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    box = page.locator(".pk-filters__box")
    summary = box.locator("summary").first
    for key, is_open in (("Enter", None), ("Space", "")):
        summary.press(key)
        if is_open is None:
            expect(box).not_to_have_attribute("open", "")
        else:
            expect(box).to_have_attribute("open", "")


# Large print

SIZE = "parseFloat(getComputedStyle(document.documentElement).fontSize)"
# Where everything is that can be seen, and how large its letters are.
LAYOUT = """[...document.body.querySelectorAll("*")].filter((e) => e.checkVisibility()).map((e) => {
  const { x, y, width, height } = e.getBoundingClientRect();
  return [e.tagName, e.className, getComputedStyle(e).fontSize, x, y, width, height].join(" ");
})"""
WATCH_SHIFTS = """new PerformanceObserver((list) => {
  for (const { value, hadRecentInput } of list.getEntries()) {
    if (!hadRecentInput) window.shift = (window.shift ?? 0) + value;
  }
}).observe({ type: "layout-shift", buffered: true });"""
CLOSED_STORAGE = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("closed", "SecurityError"); },
});"""


def test_large_print_is_half_as_large_again_on_every_screen(page: Page, files: str) -> None:
    for width in (320, 1280, 1700, 2100):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"{files}about.html?mode=normal")
        before = page.evaluate(SIZE)
        page.goto(f"{files}about.html?mode=large")
        assert page.evaluate(SIZE) == pytest.approx(1.5 * before), width


def test_the_switch_is_said_and_kept_from_page_to_page(page: Page, disk: str) -> None:
    page.goto(f"{disk}index.html")
    switch = page.get_by_role("button", name="大字版")
    expect(switch).to_have_attribute("aria-pressed", "false")
    switch.press("Enter")
    expect(switch).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("status").filter(has_text="已换成大字版。")).to_be_attached()
    page.goto(f"{disk}policies/drainage-permit.html")
    expect(switch).to_have_attribute("aria-pressed", "true")
    expect(page.locator("html")).to_have_class(re.compile("pk-large"))
    switch.press("Space")
    expect(page.get_by_role("status").filter(has_text="已换回标准版。")).to_be_attached()
    page.reload()
    expect(switch).to_have_attribute("aria-pressed", "false")
    expect(page.locator("html")).not_to_have_class(re.compile("pk-large"))


def test_where_nothing_can_be_kept_large_print_lasts_for_the_page(page: Page, disk: str) -> None:
    page.add_init_script(CLOSED_STORAGE)
    page.goto(f"{disk}about.html")
    before = page.evaluate(SIZE)
    enlarge(page)
    assert page.evaluate(SIZE) == 1.5 * before
    page.goto(f"{disk}about.html?mode=large")
    assert page.evaluate(SIZE) == 1.5 * before


def test_a_link_opens_large_print_and_then_says_nothing_of_it(page: Page, service: str) -> None:
    page.goto(f"{service}search.html?mode=large&q=许可")
    searched(page)
    expect(page.get_by_role("button", name="大字版")).to_have_attribute("aria-pressed", "true")
    assert "mode" not in page.url
    assert "q=" in page.url
    page.goto(f"{service}about.html?mode=huge")
    expect(page.get_by_role("button", name="大字版")).to_have_attribute("aria-pressed", "true")


def test_large_print_does_not_flash_into_place(page: Page, files: str) -> None:
    page.goto(f"{files}about.html?mode=large")
    page.add_init_script(WATCH_SHIFTS)
    for name in ("index.html", "enterprise.html", "policies/tax-relief-2024.html"):
        page.goto(f"{files}{name}", wait_until="networkidle")
        assert page.evaluate("window.shift ?? 0") < 0.01, name


def test_large_print_leaves_out_what_may_be_missed_but_never_that_a_policy_is_over(
    page: Page, files: str
) -> None:
    page.goto(f"{files}policies/tax-relief-2024.html?mode=large")
    expect(page.locator(".pk-status")).to_have_text("已被替代")
    expect(page.locator(".pk-banner:visible")).to_contain_text("本条已被替代")
    for left_out in (".pk-toc", ".pk-crumbs"):
        expect(page.locator(left_out)).to_be_hidden()
    page.goto(f"{files}topics/tax.html")
    cards = page.locator("[data-card]")
    expect(cards.filter(has_text="2024").locator(".pk-status")).to_be_visible()
    current = cards.filter(has_not_text="2024")
    expect(current.locator(".pk-status")).to_be_hidden()
    expect(current.locator(".pk-tags__deadline")).to_be_visible()
    for pending in page.locator("[data-status=pending]").all():
        expect(pending).to_be_visible()


def test_in_large_print_whatever_is_pressed_is_48_pixels_high(page: Page, service: str) -> None:
    page.goto(f"{service}about.html?mode=large")
    page.set_viewport_size(PHONE)
    small = []
    for name in ("home", "list", "service", "hits", "half answered", "matches", "missing page"):
        open_view(page, VIEWS[name], service, service)
        controls = ".pk-tool, .pk-nav a, .pk-button, .pk-searchbox button, .pk-door, .pk-topic, "
        controls += ".pk-ask__choice, .pk-chiplet, .pk-fold, .pk-counts__go, .pk-pages a, summary"
        for control in page.locator(f":is({controls}):visible").all():
            box = control.bounding_box()
            if box and box["height"] < 48:
                small.append((name, control.inner_text(), box["height"]))
    assert small == []


def test_paper_is_the_same_in_large_print(page: Page, files: str) -> None:
    page.set_viewport_size({"width": 720, "height": 1000})
    layouts = []
    for mode in ("normal", "large"):
        page.goto(f"{files}policies/drainage-permit.html?mode={mode}")
        page.emulate_media(media="print")
        layouts.append(page.evaluate(LAYOUT))
        page.emulate_media(media="screen")
    assert len(layouts[0]) > 100
    assert layouts[0] == layouts[1]


@pytest.mark.parametrize("mode", ["normal", "large"])
def test_no_page_scrolls_sideways_on_320_pixels(page: Page, service: str, mode: str) -> None:
    """That is also 200 % on a screen of 640 pixels, and 400 % on one of 1280."""
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{service}about.html?mode={mode}")
    wide = []
    for name, view in VIEWS.items():
        open_view(page, view, service, service)
        if page.evaluate("document.documentElement.scrollWidth") > 320:
            wide.append(name)
    assert wide == []


# Read aloud

# A voice that says nothing but keeps what it is given; a test lets it end. This machine has none.
VOICE = """(() => {
  const spoken = [];
  const voices = [["English", "en-US"], ["粤语", "zh-HK"], ["普通话", "zh-CN"]];
  const synthesis = Object.assign(new EventTarget(), {
    spoken, speaking: false, paused: false,
    getVoices: () => voices.map(([name, lang]) => ({ name, lang, localService: true })),
    speak(utterance) { spoken.push(utterance); this.speaking = true; },
    cancel() { if (this.speaking) spoken.push({ text: "（停）" }); this.speaking = false; },
  });
  Object.defineProperty(window, "speechSynthesis", { value: synthesis });
  window.SpeechSynthesisUtterance = class extends EventTarget {
    constructor(text) { super(); this.text = text; }
  };
  window.endOne = () => {
    synthesis.speaking = false;
    spoken.at(-1).dispatchEvent(new Event("end"));
    return synthesis.speaking;
  };
})();"""
SPOKEN = "speechSynthesis.spoken.map(({ text }) => text)"


@pytest.fixture
def voiced(page: Page) -> Page:
    page.add_init_script(VOICE)
    return page


def read_aloud(page: Page) -> None:
    page.get_by_role("button", name="读给我听").click()
    expect(page.get_by_role("group", name="朗读")).to_contain_text("正在朗读")


def read_to_the_end(page: Page) -> list[str]:
    read_aloud(page)
    page.evaluate("() => { while (endOne()) { /* go on */ } }")
    spoken: list[str] = page.evaluate(SPOKEN)
    return spoken


def test_an_entry_is_read_in_order_without_controls_and_sources(voiced: Page, disk: str) -> None:
    voiced.goto(f"{disk}policies/permit-procedure.html")
    spoken = read_to_the_end(voiced)
    assert spoken[0] == "行政许可办理的程序与期限"
    assert spoken[spoken.index("一句话说清") :][:11] == [
        "一句话说清",
        "2026年5月1日 起收到材料当场看，缺什么打 1 2 3 4 5 问，也可以打 0 5 3 3 7 1 8 0 0 0 0。",
        "情形；",
        "期限",
        "情形：当场能定；",
        "期限：当天",
        "情形：要核实；",
        "期限：20 个工作日",
        "第 1，先看材料",
        "第 2，再作决定",
        "能当场决定的当场决定，",
    ]
    assert "按条例办" in spoken
    assert "补充一句" in spoken
    assert max(map(len, spoken)) <= 75
    heard = "".join(spoken)
    for silent in ("打印", "复制链接", "读给我听", "依据", "出处", "核对日期", "当前位置", "首页"):
        assert silent not in heard, silent
    assert voiced.evaluate("speechSynthesis.spoken[0].voice.name") == "普通话"
    assert voiced.evaluate("speechSynthesis.spoken[0].lang") == "zh-CN"
    expect(voiced.get_by_role("group", name="朗读")).to_have_count(0)


def test_facts_and_steps_are_read_as_they_are_meant(voiced: Page, service: str) -> None:
    voiced.goto(f"{service}policies/drainage-permit.html")
    heard = "".join(read_to_the_end(voiced))
    for said in (
        "现行有效",
        "收费：不收费",
        "咨询电话：1 2 3 4 5",
        "第 1 步，申请",
        "排水许可申请表",
    ):
        assert said in heard, said
    assert "详见" not in heard


@pytest.mark.parametrize(
    ("name", "said", "silent"),
    [
        (
            "topic",
            ["小微企业税费减免（2024 年版）", "已被替代"],
            ["现行有效", "筛选", "在这一页里找"],
        ),
        ("hits", ["找到", "城镇污水排入排水管网许可"], ["排序", "最相关", "筛选"]),
        ("matches", ["很可能符合", "小微企业税费减免"], ["逐条看条件", "替谁问", "复制链接"]),
    ],
)
def test_lists_hits_and_matches_are_read(
    voiced: Page, service: str, files: str, name: str, said: list[str], silent: list[str]
) -> None:
    open_view(voiced, VIEWS[name], service, files)
    heard = "".join(read_to_the_end(voiced))
    for text in said:
        assert text in heard
    for text in silent:
        assert text not in heard


def test_reading_pauses_goes_on_and_stops(voiced: Page, files: str) -> None:
    voiced.goto(f"{files}policies/permit-procedure.html")
    button = voiced.get_by_role("button", name="读给我听")
    button.press("Enter")
    expect(voiced.get_by_role("group", name="朗读")).to_contain_text("正在朗读")
    voiced.evaluate("endOne()")
    second = voiced.evaluate(SPOKEN)[-1]
    assert voiced.evaluate("[...CSS.highlights.get('pk-reading')].join('').trim()") == second
    bar = voiced.get_by_role("group", name="朗读")
    voiced.keyboard.press("Tab")
    expect(bar.get_by_role("button", name="暂停")).to_be_focused()
    voiced.keyboard.press("Space")
    expect(bar).to_contain_text("已暂停")
    assert voiced.evaluate(SPOKEN)[-1] == "（停）"
    bar.get_by_role("button", name="继续").press("Enter")
    expect(bar).to_contain_text("正在朗读")
    assert voiced.evaluate(SPOKEN)[-1] == second
    bar.get_by_role("button", name="停止").press("Enter")
    expect(bar).to_have_count(0)
    expect(button).to_be_focused()
    assert voiced.evaluate("CSS.highlights.has('pk-reading')") is False
    read_aloud(voiced)
    voiced.keyboard.press("Escape")
    expect(bar).to_have_count(0)
    assert voiced.evaluate(SPOKEN)[-1] == "（停）"


def test_what_is_read_comes_into_view_and_leaving_ends_it(voiced: Page, service: str) -> None:
    voiced.goto(f"{service}policies/drainage-permit.html")
    read_aloud(voiced)
    for _ in range(40):
        voiced.evaluate("endOne()")
    top = voiced.evaluate(
        "[...CSS.highlights.get('pk-reading')][0].getBoundingClientRect().top / innerHeight"
    )
    assert 0 <= top < 1
    assert voiced.evaluate("scrollY") > 0
    voiced.evaluate(
        "addEventListener('pagehide', () => sessionStorage.speaking = speechSynthesis.speaking)"
    )
    voiced.goto(f"{service}about.html")
    assert voiced.evaluate("sessionStorage.speaking") == "false"


def test_a_device_without_a_chinese_voice_says_so(page: Page, service: str) -> None:
    page.goto(f"{service}policies/drainage-permit.html")
    page.get_by_role("button", name="读给我听").click()
    bar = page.get_by_role("group", name="朗读")
    expect(bar).to_contain_text("没有中文语音")
    expect(bar.get_by_role("button", name="暂停")).to_be_hidden()
    bar.get_by_role("button", name="停止").click()
    expect(bar).to_have_count(0)


def test_a_browser_that_cannot_speak_offers_nothing(page: Page, service: str) -> None:
    page.add_init_script("Object.defineProperty(window, 'speechSynthesis', { value: undefined });")
    page.goto(f"{service}policies/drainage-permit.html")
    expect(page.get_by_role("button", name="打印")).to_be_visible()
    expect(page.get_by_role("button", name="读给我听")).to_be_hidden()


def test_what_few_need_is_loaded_only_for_them(voiced: Page, service: str) -> None:
    loaded: list[str] = []
    voiced.on("request", lambda request: loaded.append(request.url.rsplit("/", 1)[-1]))
    for name in ("index.html", "policies/permit-procedure.html"):
        voiced.goto(f"{service}{name}", wait_until="networkidle")
    rare = {"speech.js", "speech.css", "kiosk.js", "large.css"}
    assert rare & set(loaded) == set()
    read_aloud(voiced)
    assert rare & set(loaded) == {"speech.js", "speech.css"}


def test_the_home_page_leaves_room_for_its_words(page: Page, files: str) -> None:
    """With the 21 kB of words that the real library has there, home stays below 100 kB."""
    sizes: dict[str, int] = {}
    page.on("response", lambda response: sizes.update({response.url: len(response.body())}))
    page.goto(f"{files}index.html", wait_until="networkidle")
    del sizes[f"{files}index.html"]
    assert f"{files}assets/stylesheets/site.css" in sizes
    assert sum(sizes.values()) < 78_000, sizes


# At a kiosk

WARNING = "还在看吗？"


@pytest.fixture
def kiosk(browser: Browser) -> Iterator[Page]:
    """A page at a kiosk, whose clock a test moves on."""
    context = browser.new_context(locale="zh-CN", viewport={"width": 1080, "height": 1600})
    context.set_default_timeout(10_000)
    context.clock.install(time=f"{TODAY}T12:00:00+08:00")
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    context.close()
    assert failures == []


def wait(page: Page, seconds: int) -> None:
    page.clock.run_for(1000 * seconds)


def warning(page: Page) -> Any:
    return page.get_by_role("alertdialog", name=WARNING)


def test_a_kiosk_asks_and_then_returns_home_and_forgets(kiosk: Page, service: str) -> None:
    kiosk.goto(f"{service}index.html?mode=kiosk&minutes=3")
    expect(kiosk.get_by_role("button", name="大字版")).to_be_hidden()
    kiosk.get_by_title("点一下改为浅色").click()
    kiosk.goto(f"{service}match.html")
    answered(kiosk)
    assert "#a=" in kiosk.url
    wait(kiosk, 155)
    expect(warning(kiosk)).to_have_count(0)
    wait(kiosk, 10)
    expect(warning(kiosk)).to_contain_text(re.compile("1[45] 秒后回到首页"))
    expect(warning(kiosk).get_by_role("button", name="继续看")).to_be_focused()
    wait(kiosk, 16)
    expect(kiosk).to_have_url(f"{service}index.html")
    expect(kiosk.locator("html")).to_have_class(re.compile("pk-kiosk"))
    kept = kiosk.evaluate("Object.keys(localStorage).map((key) => key.split('.').at(-1)).sort()")
    assert kept == ["minutes", "mode"]


@pytest.mark.parametrize("way", ["button", "touch", "Escape"])
def test_whoever_is_still_there_reads_on(kiosk: Page, disk: str, way: str) -> None:
    kiosk.goto(f"{disk}policies/drainage-permit.html?mode=kiosk")
    wait(kiosk, 110)
    if way == "button":
        warning(kiosk).get_by_role("button", name="继续看").click()
    elif way == "touch":
        kiosk.mouse.click(5, 5)
    else:
        kiosk.keyboard.press("Escape")
    expect(warning(kiosk)).to_have_count(0)
    wait(kiosk, 95)
    expect(warning(kiosk)).to_have_count(0)
    expect(kiosk.locator("h1")).to_have_text("城镇污水排入排水管网许可")
    wait(kiosk, 10)
    warning(kiosk).get_by_role("button", name="回到首页").click()
    expect(kiosk).to_have_url(f"{disk}index.html")


def test_going_back_at_a_kiosk_shows_nothing_of_those_before(kiosk: Page, service: str) -> None:
    kiosk.goto(f"{service}index.html?mode=kiosk")
    kiosk.goto(f"{service}match.html")
    answered(kiosk)
    kiosk.goto(f"{service}search.html?q=许可")
    searched(kiosk)
    wait(kiosk, 121)
    expect(kiosk).to_have_url(f"{service}index.html")
    for _ in range(3):
        kiosk.evaluate("void setTimeout(() => history.back())")
        kiosk.wait_for_timeout(300)
        expect(kiosk).to_have_url(f"{service}index.html")
        expect(kiosk.locator("h1")).to_be_visible()
    # Whoever comes next still has a way back of their own.
    kiosk.get_by_role("link", name="办事事项").first.click()
    kiosk.get_by_role("link", name="惠民政策").first.click()
    kiosk.evaluate("void setTimeout(() => history.back())")
    expect(kiosk).to_have_url(f"{service}service.html")
    expect(kiosk.locator("h1")).to_be_visible()


def test_the_home_page_of_a_kiosk_waits_in_peace(kiosk: Page, service: str) -> None:
    kiosk.goto(f"{service}index.html?mode=kiosk")
    wait(kiosk, 600)
    expect(warning(kiosk)).to_have_count(0)
    kiosk.locator("[data-search-key]").click()  # a wheel would be told some time later
    kiosk.locator("[data-search-key]").fill("我的事")
    kiosk.evaluate("scrollTo(0, 100)")
    wait(kiosk, 130)
    expect(kiosk.locator("[data-search-key]")).to_have_value("")
    assert kiosk.evaluate("scrollY") == 0


def test_a_kiosk_opens_no_other_site_and_keeps_no_copies(kiosk: Page, service: str) -> None:
    kiosk.goto(f"{service}policies/drainage-permit.html?mode=kiosk")
    kiosk.get_by_role("link", name="示例条例").first.click()
    told = kiosk.get_by_role("alertdialog", name="这台机器只能看政策库")
    expect(told).to_contain_text("https://www.gov.cn/law.htm")
    told.get_by_role("button", name="知道了").click()
    kiosk.get_by_role("link", name="12345").first.click()
    expect(told).to_contain_text("请打电话：12345")
    kiosk.keyboard.press("Escape")
    expect(told).to_have_count(0)
    expect(kiosk.get_by_role("button", name="复制链接")).to_be_hidden()
    expect(kiosk.get_by_role("button", name="打印")).to_be_visible()


def test_a_kiosk_is_one_until_it_is_told_otherwise(kiosk: Page, service: str) -> None:
    kiosk.goto(f"{service}index.html?mode=kiosk")
    kiosk.goto(f"{service}about.html")
    expect(kiosk.locator("html")).to_have_class(re.compile("pk-kiosk"))
    kiosk.goto(f"{service}about.html?mode=normal")
    expect(kiosk.locator("html")).not_to_have_class(re.compile("pk-kiosk|pk-large"))
    kiosk.goto(f"{service}policies/drainage-permit.html")
    wait(kiosk, 600)
    expect(warning(kiosk)).to_have_count(0)
    expect(kiosk.locator("h1")).to_have_text("城镇污水排入排水管网许可")
