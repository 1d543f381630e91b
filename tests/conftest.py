"""What holds for the whole test run."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from browser import ROOT, build, open_browser
from hypothesis import settings
from playwright.sync_api import Browser

from indexer.loader import load_library
from indexer.pages import build_pages
from indexer.writing import build_index

# A busy machine is slow, not wrong.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


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


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a skipped test is a failure: a missing part must not look like a passed test."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("CI") and skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\n{len(skipped)} 个测试被跳过，在 CI 里算失败。")
