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
from browser import build_project, open_context, serve_app, serve_files, small_library
from playwright.sync_api import Browser, BrowserContext, Page, expect

TODAY = date(2026, 11, 24)
TEMPLATES = Path(__file__).parent.parent / "site" / "overrides"
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 800}
AXE = Axe()
RULES = {"resultTypes": ["violations"]}
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


@dataclass(frozen=True)
class View:
    """A page as a reader meets it: its address, and what must have happened on it."""

    address: str
    ready: Callable[[Page], None] = lambda page: None
    alone: bool = False  # without the service


VIEWS = {
    "home": View("index.html"),
    "list": View("enterprise.html"),
    "long list": View("service.html"),
    "last page of a long list": View("service-2.html"),
    "empty list": View("levels/district.html"),
    "topics": View("topics.html"),
    "topic": View("topics/tax.html"),
    "level": View("levels/city.html"),
    "service": View("policies/drainage-permit.html"),
    "benefit": View("policies/tax-relief-2026.html"),
    "rule": View("policies/permit-procedure.html"),
    "superseded": View("policies/tax-relief-2024.html"),
    "pending": View("policies/elderly-allowance.html"),
    "hits": View("search.html?q=许可", searched),
    "no hits": View("search.html?q=zzzzz", searched),
    "no service": View("search.html?q=许可", searched, alone=True),
    "questionnaire": View("match.html"),
    "half answered": View("match.html", answered),
    "matches": View("match.html", finished),
    "about": View("about.html"),
    "missing page": View("404.html"),
}


def library() -> dict[str, dict[str, Any]]:
    """Return the small library, a list that goes over two pages, and conditions to ask about."""
    entries = small_library()
    entries["tax-relief-2026"]["eligibility"].append(
        {"text": "不超过 300 人", "field": "headcount", "op": "lte", "value": "300", "unit": "人"}
    )
    entries["hiring-subsidy"]["eligibility"] = [
        {"text": "至少 400 人", "field": "headcount", "op": "gte", "value": "400", "unit": "人"}
    ]
    body = "## 一句话说清\n\n到窗口办。\n"
    more = {f"service-{n}": {"title": f"第 {n} 件事", "body": body} for n in range(5)}
    return entries | more


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("indexer.pages.LIST_CARDS", 6)  # so that few entries make a long list
        return build_project(tmp_path_factory.mktemp("access"), library(), TODAY)


@pytest.fixture(scope="module")
def service(project: Path) -> Iterator[str]:
    with serve_app(project, TODAY) as address:
        yield address


@pytest.fixture(scope="module")
def files(project: Path) -> Iterator[str]:
    with serve_files(project) as address:
        yield address


@pytest.fixture
def disk(project: Path) -> str:
    return (project / "build/site").as_uri() + "/"


@pytest.fixture(scope="module")
def reader(browser: Browser) -> Iterator[BrowserContext]:
    """One window for all pages that are only looked at."""
    with open_context(browser, TODAY) as opened:
        yield opened


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with open_context(browser, TODAY) as opened:
        yield opened


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on TODAY whose scripts must not fail."""
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    assert failures == []


def template_of(project: Path, view: View) -> str:
    """Return the template of a page, as the head of its manuscript says."""
    name = view.address.split("?")[0].removesuffix(".html")
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


@pytest.mark.parametrize("name", VIEWS)
def test_axe_finds_no_fault(reader: BrowserContext, service: str, files: str, name: str) -> None:
    page = reader.new_page()
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    open_view(page, VIEWS[name], service, files)
    found = complaints(page, RULES, "浅色")
    page.emulate_media(color_scheme="dark")
    found += complaints(page, COLOURS, "深色")
    page.set_viewport_size(PHONE)
    found += complaints(page, RULES, "手机")
    page.close()
    assert not found, "\n".join(found)
