"""Editing with `serve --watch`: a save is on the open page at once, a mistake is told there."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import NOTE, ROOT, build_project, small_library, write_project
from playwright.sync_api import Page, expect

from indexer.entryfile import save_entry
from indexer.livepage import State
from indexer.loader import load_library
from indexer.problems import Problem
from indexer.watching import Folders, Follower
from indexer.writing import build_index
from search_server import make_app

TODAY = date(2026, 11, 24)
PATIENCE = 60_000  # milliseconds: a busy machine is slow, not wrong
HOSTILE = "<img src=x onerror=alert(1)>"


class Service:
    """`policykb serve --watch` over a project, as an editor starts it."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self._process = subprocess.Popen(
            [sys.executable, "-m", "indexer", "serve", "--watch", "--port", "0"],
            cwd=project,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        self.lines.extend(iter(self._process.stdout.readline, ""))

    @property
    def address(self) -> str:
        """Wait until the service answers, and return where."""
        wait_until(lambda: any("已经打开" in line for line in self.lines), lambda: self.lines)
        (line,) = [line for line in self.lines if "已经打开" in line]
        address = line.partition("：")[2].split()[0]
        wait_until(lambda: answers(address), lambda: self.lines)
        return address

    def file(self, slug: str) -> Path:
        return self.project / "policies" / f"{slug}.md"

    @property
    def rounds(self) -> int:
        """How many changes have been dealt with; the first build counts too."""
        return sum(line.startswith(("网站已更新", "网站还是")) for line in self.lines)

    def wait_until_idle(self, rounds: int) -> None:
        """Wait until it has dealt with so many changes, and with all that it began."""
        wait_until(lambda: self.rounds >= rounds)
        begun = [line for line in self.lines if line.startswith("有改动")]
        wait_until(lambda: self.rounds > len(begun))

    def stop(self) -> str:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=60)
        self._thread.join(timeout=10)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return "".join(self.lines)


def wait_until(true: Callable[[], bool], told: Callable[[], object] = lambda: "") -> None:
    end = time.monotonic() + PATIENCE / 1000
    while not true():
        assert time.monotonic() < end, told()
        time.sleep(0.1)


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("watched"), small_library())


@pytest.fixture(scope="module")
def running(project: Path) -> Iterator[Service]:
    service = Service(project)
    yield service
    assert "Traceback" not in service.stop()


@pytest.fixture
def watched(running: Service) -> Iterator[Service]:
    """The service; whatever a test does to the entries is undone."""
    folder = running.project / "policies"
    before = {path: path.read_text("utf-8") for path in folder.glob("*.md")}
    yield running
    rounds = running.rounds
    changed = [path for path, text in before.items() if not _reads(path, text)]
    added = set(folder.glob("*.md")) - before.keys()
    for path in added:
        path.unlink()
    for path in changed:
        path.write_text(before[path], "utf-8")
    if changed or added:
        running.wait_until_idle(rounds + 1)


def _reads(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8") == text


def retitled(path: Path, title: str) -> str:
    return re.sub("^title: .*$", f"title: {title}", path.read_text("utf-8"), flags=re.M)


def open_entry(page: Page, service: Service, slug: str) -> None:
    page.goto(f"{service.address}/policies/{slug}.html")


def test_a_saved_change_is_on_the_open_page_which_stays_where_it_was(
    page: Page, watched: Service
) -> None:
    open_entry(page, watched, "drainage-permit")
    page.evaluate("scrollTo(0, 500)")
    path = watched.file("drainage-permit")
    path.write_text(retitled(path, "换了名字的许可"), "utf-8")
    expect(page.locator("h1")).to_have_text("换了名字的许可", timeout=PATIENCE)
    page.wait_for_function("scrollY === 500")


def test_when_the_page_shows_a_change_the_search_finds_it(page: Page, watched: Service) -> None:
    open_entry(page, watched, "drainage-permit")
    path = watched.file("drainage-permit")
    path.write_text(retitled(path, "琉璃瓦排放许可"), "utf-8")
    expect(page.locator("h1")).to_have_text("琉璃瓦排放许可", timeout=PATIENCE)
    found = httpx.get(f"{watched.address}/api/search", params={"q": "琉璃瓦"}).json()
    assert [hit["title"] for hit in found["hits"]] == ["琉璃瓦排放许可"]


def test_mistakes_are_told_on_the_page_until_they_are_mended(page: Page, watched: Service) -> None:
    open_entry(page, watched, "drainage-permit")
    path = watched.file("drainage-permit")
    good = path.read_text("utf-8")
    title = page.locator("h1").inner_text()
    path.write_text(good.replace("level: national", "level: 省里"), "utf-8")
    panel = page.get_by_role("alert", name="条目的问题")
    expect(panel).to_contain_text("条目有 1 处问题，网页还是改动前的样子", timeout=PATIENCE)
    expect(panel).to_contain_text("policies/drainage-permit.md 第 ")
    expect(panel).to_contain_text("level：只能是 national（国家）")
    expect(page.locator("h1")).to_have_text(title)
    path.write_text("---\ntitle: [没有写完\n---\n", "utf-8")
    expect(panel).to_contain_text("YAML 格式有误", timeout=PATIENCE)
    path.write_text(good, "utf-8")
    expect(panel).to_have_count(0, timeout=PATIENCE)


def test_what_a_mistake_quotes_is_shown_as_text(page: Page, watched: Service) -> None:
    open_entry(page, watched, "drainage-permit")
    path = watched.file("drainage-permit")
    path.write_text(path.read_text("utf-8").replace("level: national", f"level: '{HOSTILE}'"))
    expect(page.get_by_role("alert", name="条目的问题")).to_contain_text(HOSTILE, timeout=PATIENCE)
    assert page.locator(".pk-live img").count() == 0


def test_of_several_quick_saves_the_last_is_shown(page: Page, watched: Service) -> None:
    open_entry(page, watched, "drainage-permit")
    path = watched.file("drainage-permit")
    for number in range(8):
        path.write_text(retitled(path, f"第 {number} 次"), "utf-8")
        time.sleep(0.05 * number)
    expect(page.locator("h1")).to_have_text("第 7 次", timeout=PATIENCE)


def test_a_file_put_in_place_by_renaming_is_seen(page: Page, watched: Service) -> None:
    open_entry(page, watched, "drainage-permit")
    path = watched.file("drainage-permit")
    save_entry(path, retitled(path, "整个换上的"))
    expect(page.locator("h1")).to_have_text("整个换上的", timeout=PATIENCE)


def test_a_deleted_entry_is_gone_from_site_and_search_and_comes_back(
    page: Page, watched: Service
) -> None:
    open_entry(page, watched, "elderly-allowance")
    path = watched.file("elderly-allowance")
    text = path.read_text("utf-8")
    path.unlink()
    expect(page.locator("h1")).not_to_have_text("高龄津贴", timeout=PATIENCE)
    record = f"{watched.address}/api/policies/elderly-allowance"
    assert httpx.get(record).status_code == 404
    path.write_text(text, "utf-8")
    expect(page.locator("h1")).to_have_text("高龄津贴", timeout=PATIENCE)
    assert httpx.get(record).status_code == 200


def test_a_renamed_entry_is_found_under_its_new_name_only(page: Page, watched: Service) -> None:
    open_entry(page, watched, "elderly-allowance")
    watched.file("elderly-allowance").rename(watched.file("old-age-allowance"))
    expect(page.locator("h1")).not_to_have_text("高龄津贴", timeout=PATIENCE)
    open_entry(page, watched, "old-age-allowance")
    expect(page.locator("h1")).to_have_text("高龄津贴")
    assert httpx.get(f"{watched.address}/api/policies/elderly-allowance").status_code == 404


def test_what_is_built_has_no_trace_of_it(watched: Service) -> None:
    assert b"/live/live.js" in httpx.get(f"{watched.address}/index.html").content
    built = [p for p in (watched.project / "build").rglob("*") if p.is_file()]
    assert [p for p in built if b"live.js" in p.read_bytes() or "live" in p.parts] == []


def test_each_change_is_told_between_a_line_that_begins_and_one_that_ends(
    page: Page, watched: Service
) -> None:
    path = watched.file("drainage-permit")
    seen = len(watched.lines)
    path.write_text(path.read_text("utf-8").replace("kind: service", "kind: 事项"), "utf-8")
    wait_until(lambda: any("网站还是改动前的样子" in line for line in watched.lines[seen:]))
    told = watched.lines[seen:]
    assert told[0] == "有改动：drainage-permit.md\n"
    assert told[1].startswith("policies/drainage-permit.md:")
    assert told[-1] == "网站还是改动前的样子；改好后会自动更新。\n"
    tasks = json.loads((ROOT / ".vscode/tasks.json").read_text("utf-8"))["tasks"]
    marks = next(t for t in tasks if "--watch" in t["args"])["problemMatcher"]["background"]
    assert re.search(marks["beginsPattern"], told[0])
    assert [line for line in told if re.search(marks["endsPattern"], line)] == told[-1:]
    assert any(re.search(marks["endsPattern"], line) for line in watched.lines[:seen])


def test_a_mistake_at_the_start_is_told_on_the_page_if_there_is_one(
    page: Page, tmp_path: Path
) -> None:
    project = build_project(tmp_path, small_library(), TODAY)
    path = project / "policies" / "drainage-permit.md"
    path.write_text(path.read_text("utf-8").replace("kind: service", "kind: 事项"), "utf-8")
    service = Service(project)
    try:
        open_entry(page, service, "wedding")
        panel = page.get_by_role("alert", name="条目的问题")
        expect(panel).to_contain_text("drainage-permit.md", timeout=PATIENCE)
    finally:
        service.stop()
    stopped = page.get_by_role("alert", name="条目的问题")
    expect(stopped).to_contain_text("policykb serve --watch 已经停了", timeout=PATIENCE)


def test_a_mistake_at_the_start_with_nothing_to_show_ends_it(tmp_path: Path) -> None:
    project = write_project(tmp_path, {"road": {"title": "挖路", "kind": "事项"}})
    done = subprocess.run(
        [sys.executable, "-m", "indexer", "serve", "--watch", "--port", "0"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stderr.count("policies/road.md:") == 1


def test_what_was_saved_before_the_watching_began_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = write_project(tmp_path, small_library())
    monkeypatch.chdir(project)
    folders = Folders(
        *(project / name for name in ("policies", "build/index", "build/pages", "build/site"))
    )
    follower = Follower(folders, project / "state.json")
    follower.begin()
    first = State.read(follower.told).edition
    path = folders.policies / "drainage-permit.md"
    path.write_text(retitled(path, "开始以前改的"), "utf-8")
    stop = threading.Event()
    thread = threading.Thread(target=follower.run, args=(stop,))
    thread.start()
    try:
        wait_until(lambda: State.read(follower.told).edition != first)
    finally:
        stop.set()
        thread.join()
    assert "开始以前改的" in (folders.site / "policies/drainage-permit.html").read_text("utf-8")


# Who is told what a mistake quotes: it may be an internal note.


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    project = build_project(tmp_path_factory.mktemp("told"), small_library(), TODAY)
    state = project / "state.json"
    State("7", (Problem("policies/a.md", 9, "", f"YAML 格式有误，看到的是“{NOTE}”。"),)).save(state)
    return make_app(project / "build/index", project / "build/site", live=state)


def ask(app: Any, path: str, client: str = "127.0.0.1", **headers: str) -> httpx.Response:
    """Ask as a computer with this address would; Playwright has the loop of this thread."""

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(client, 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as asking:
            return await asking.get(path, headers=headers)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, get()).result()


def test_this_computer_is_told_the_words_of_a_mistake(app: Any) -> None:
    told = ask(app, "/live/state").json()
    assert (told["edition"], told["count"]) == ("7", 1)
    assert NOTE in told["problems"][0]["message"]


@pytest.mark.parametrize(
    ("client", "host"),
    [("10.1.2.3", "localhost"), ("127.0.0.1", "evil.example"), ("10.1.2.3", "10.1.2.9:8000")],
)
def test_others_are_told_only_that_there_are_mistakes(app: Any, client: str, host: str) -> None:
    answer = ask(app, "/live/state", client, Host=host)
    assert answer.json() == {"edition": "7", "count": 1, "problems": [], "failure": ""}
    assert NOTE not in answer.text


def test_a_page_comes_with_the_script_whole_and_guarded(app: Any) -> None:
    plain = ask(app, "/policies/wedding.html", **{"If-None-Match": "*", "Accept-Encoding": "gzip"})
    assert plain.status_code == 200
    assert plain.text.count('data-edition="7"') == 1
    assert plain.text.rstrip().endswith("</html>")
    assert plain.headers["cache-control"] == "no-store"
    assert "script-src 'self'" in plain.headers["content-security-policy"]
    assert "etag" not in plain.headers
    assert ask(app, "/nowhere.html").status_code == 404
    assert ask(app, "/live/nothing").status_code == 404
    assert "live.js" not in ask(app, "/assets/javascripts/site.js").text


def test_without_watching_no_page_has_the_script(app: Any, tmp_path: Path) -> None:
    project = build_project(tmp_path, small_library(), TODAY)
    published = make_app(project / "build/index", project / "build/site")
    assert "live.js" not in ask(published, "/policies/wedding.html").text
    assert ask(published, "/live/state").status_code == 404


def test_no_request_is_answered_from_an_older_index_than_there_is(tmp_path: Path) -> None:
    project = build_project(tmp_path, small_library(), TODAY)
    State("1").save(project / "state.json")
    folders = (project / "build/index", project / "build/site")
    app = make_app(*folders, live=project / "state.json")
    for title in ("琉璃瓦", "青花瓷", "景泰蓝"):
        path = project / "policies" / "elderly-allowance.md"
        path.write_text(retitled(path, title), "utf-8")
        build_index(load_library(project / "policies"), folders[0])
        assert ask(app, "/api/policies/elderly-allowance").json()["title"] == title


def test_a_state_is_read_as_it_was_saved(tmp_path: Path) -> None:
    state = State("1", (Problem("policies/a.md", 2, "title", "太长"),), "磁盘满了")
    state.save(tmp_path / "state.json")
    assert State.read(tmp_path / "state.json") == state
    assert json.loads((tmp_path / "state.json").read_text("utf-8"))["edition"] == "1"
