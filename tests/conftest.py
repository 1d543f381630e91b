"""What holds for the whole test run."""

import gc
import os
import re
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from browser import ROOT, build, open_browser, open_context, serve_app, serve_files
from hypothesis import settings
from playwright.sync_api import Browser, BrowserContext, Page

from indexer.loader import load_library
from indexer.pages import build_pages
from indexer.writing import build_index

if sys.platform != "win32":
    import resource

MANY_FILES = 8192

# A busy machine is slow, not wrong.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_configure() -> None:
    """Let this process open as many files as it may: the services of a module hold hundreds.

    An ordinary user's limit is often 1024, and may be raised. Windows has none.
    """
    if sys.platform != "win32":
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MANY_FILES if most == resource.RLIM_INFINITY else min(most, MANY_FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


@pytest.fixture(scope="module", autouse=True)
def _let_go() -> Iterator[None]:
    """Let go of the indexes that a module opened: each has some sixty files mapped."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests: Playwright runs only once in a process."""
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def real_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all that is built of the real library: pages, site and index."""
    folder = tmp_path_factory.mktemp("real")
    library = load_library(ROOT / "policies")
    build_index(library, folder / "index")
    build_pages(library, folder / "pages", date(2026, 11, 24))
    command = ("mkdocs", "build", "--strict", "--site-dir", str(folder / "site"))
    build(ROOT, *command, POLICYKB_PAGES=str(folder / "pages"))
    return folder


# What the browser tests of a module share: it names its TODAY and builds its `project`.


@pytest.fixture(scope="module")
def day(request: pytest.FixtureRequest) -> date:
    """The day on which a module's readers live."""
    today: date = request.module.TODAY
    return today


@pytest.fixture(scope="module")
def service(project: Path, day: date) -> Iterator[str]:
    """The address of the running service, with the site."""
    with serve_app(project, day) as address:
        yield address


@pytest.fixture(scope="module")
def files(project: Path) -> Iterator[str]:
    """The address of the same site on a plain file server, without the service."""
    with serve_files(project) as address:
        yield address


@pytest.fixture
def disk(project: Path) -> str:
    """The address of the same site as it lies on the disk."""
    return (project / "build/site").as_uri() + "/"


@pytest.fixture
def context(browser: Browser, day: date) -> Iterator[BrowserContext]:
    """A reader's window, with nothing remembered."""
    with open_context(browser, day) as opened:
        yield opened


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which no script may fail, ask another host, or want what is forbidden to it."""
    page = context.new_page()
    hosts: set[str] = set()
    failures: list[str] = []
    page.on("request", lambda request: hosts.add(re.sub(r"^(\w+://[^/:]*).*", r"\1", request.url)))
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("dialog", lambda dialog: failures.append(dialog.message))
    page.on("console", lambda message: failures.append(message.text))
    yield page
    # A file server without the service answers 404 to what is asked of it, as it should.
    assert [text for text in failures if not text.startswith("Failed to load resource")] == []
    assert hosts <= {"http://127.0.0.1", "file://", "blob:http://127.0.0.1", "about:blank"}


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a skipped test is a failure: a missing part must not look like a passed test."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("CI") and skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\n{len(skipped)} 个测试被跳过，在 CI 里算失败。")
