"""A real site and a real browser for tests: a small library, its builds, and Chromium."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import uvicorn
import yaml
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from starlette.types import ASGIApp

import search_server
from indexer.access import Access
from indexer.corrections import Reception
from indexer.loader import load_library
from indexer.pages import build_pages
from indexer.writing import build_index

ROOT = Path(__file__).parent.parent
NAMES = ("chromium", "chromium-browser", "google-chrome")
# Chromium calls home unless told not to; a test machine may have neither sandbox nor display.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
CANARY = "内部备注金丝雀"
NOTE = f"{CANARY}：窗口说可以先收材料、后补盖章，没有文件依据，不能写给办事人看。"
HOSTILE = (
    "<img src=x onerror=alert(1)> {{ 7*7 }} {% raw %} [点我](javascript:alert(1)) "
    "`x` \"q\" 'q' &lt;"
)
HOSTILE_SHORT = "<script>alert(1)</script>"

Fields = dict[str, Any]
BODY = "## 一句话说清\n\n先看[许可程序](permit-procedure.md)。\n"


class BrowserMissing(Exception):
    """There is no browser to test with."""

    def __init__(self) -> None:
        super().__init__(
            "浏览器测试要用 Chromium，这台电脑上没有找到。"
            "请任选一种：运行 python tests/prepare.py；"
            "用系统的安装命令装上（例如 apt-get install chromium）；"
            "或用环境变量 CHROMIUM 指明它的位置。"
        )


def find_chromium() -> str:
    """Return the browser: $CHROMIUM, one on the path, or Playwright's own."""
    given = os.environ.get("CHROMIUM")
    found = given or next(filter(None, map(shutil.which, NAMES)), None) or _playwrights_own()
    if not Path(found).is_file():
        raise BrowserMissing
    return found


def _playwrights_own() -> str:
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start the browser; a machine without one fails the test and says how to get one."""
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def open_context(browser: Browser, day: date) -> Iterator[BrowserContext]:
    """Open what a reader on `day` has: a window of its own, with nothing remembered."""
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(10_000)
    context.clock.set_fixed_time(f"{day}T12:00:00+08:00")
    yield context
    context.close()


def build_project(folder: Path, entries: dict[str, Fields], day: date, moved: str = "") -> Path:
    """Return a project with these entries, its index, and its site as built on `day`.

    `moved` is what the file of former names says.
    """
    return build_all(write_project(folder, entries, moved), day)


def build_all(project: Path, day: date) -> Path:
    """Build the index and the site of a project as on `day`."""
    library = load_library(project / "policies")
    build_index(library, project / "build" / "index")
    build_pages(library, project / "build" / "pages", day)
    build(project, "mkdocs", "build", "--strict", POLICYKB_PAGES="build/pages")
    return project


@contextmanager
def serve_app(
    project: Path, day: date, access: Access | None = None, reception: Reception | None = None
) -> Iterator[str]:
    """Run the service with the site; yield its address."""
    folders = (project / "build/index", project / "build/site")
    app = search_server.make_app(*folders, today=lambda: day, access=access, reception=reception)
    with serve(app) as address:
        yield address


@contextmanager
def serve(app: ASGIApp) -> Iterator[str]:
    """Run an application on a port that is free; yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        server.should_exit = True
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: every request would be a line among the test results."""


@contextmanager
def serve_files(project: Path) -> Iterator[str]:
    """Run a plain file server over the site, without the service; yield its address."""
    handler = partial(_Quiet, directory=str(project / "build/site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def write_project(folder: Path, entries: dict[str, Fields], moved: str = "") -> Path:
    """Copy what a site is built from into `folder`, with these entries instead of the real ones.

    `moved` is what the file of former names says.
    """
    shutil.copy(ROOT / "mkdocs.yml", folder)
    shutil.copytree(ROOT / "site", folder / "site", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "policies").mkdir()
    shutil.copy(ROOT / "policies" / "index.md", folder / "policies")
    for slug, fields in entries.items():
        head = json.loads(
            json.dumps({**_DEFAULTS, **fields})
        )  # copies, so that YAML has no anchors
        body = head.pop("body", BODY)
        text = f"---\n{yaml.safe_dump(head, allow_unicode=True, sort_keys=False)}---\n\n{body}"
        (folder / "policies" / f"{slug}.md").write_text(text, encoding="utf-8")
    (folder / "policies" / "moved.yml").write_text(moved, encoding="utf-8")
    return folder


def run(project: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module as a command inside the project."""
    clean = {name: value for name, value in os.environ.items() if name != "POLICYKB_PAGES"}
    return subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-m", *command],
        cwd=project,
        env={**clean, "NO_MKDOCS_2_WARNING": "1", "PYTHONUTF8": "1", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def build(project: Path, *command: str, **environment: str) -> Path:
    """Run a build that must succeed; return the site."""
    done = run(project, *command, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return project / "build" / "site"


_DEFAULTS: Fields = {
    "kind": "service",
    "audience": ["citizen", "enterprise"],
    "topic": ["排水与污水"],
    "level": "national",
    "issuer": "国务院",
    "summary": "一句话说明这一条是做什么的。",
    "sources": [{"id": "L", "title": "示例条例", "doc_number": "国务院令第641号"}],
    "reviewed": "2026-11-23",
}


def small_library() -> dict[str, Fields]:
    """Return entries of every kind and of every status on 2026-11-24; one is hostile."""
    clause = {"text": "按条例办", "basis": "示例条例第1条", "source": ["L"], "note": "补充一句"}
    return {
        "drainage-permit": {
            "title": "城镇污水排入排水管网许可",
            "summary": "饭店、洗车店往市政下水道排污水前，要先办排水许可证。",
            "aliases": ["排水证"],
            "queries": ["开饭店要办排水证吗"],
            "related": ["permit-procedure"],
            "based_on": ["permit-procedure"],
            "documents": [
                {
                    "title": "城镇排水与污水处理条例",
                    "doc_number": "国务院令第641号",
                    "articles": "第21条",
                    "url": "https://www.gov.cn/example.htm",
                }
            ],
            "applies_to": [clause],
            "conditions": [clause],
            "materials": [
                {"name": "排水许可申请表", "copies": 2, "form": "original", "source": ["L"]},
                {
                    "name": "水质检测报告",
                    "form": "copy",
                    "issued_by": "检测机构",
                    "when": "重点排污单位",
                },
            ],
            "procedure": [{**clause, "name": "申请"}, {**clause, "name": "决定"}],
            "time_limit": [
                {
                    "kind": "statutory",
                    "text": "受理之日起 15 个工作日内决定",
                    "value": 15,
                    "unit": "working_days",
                    "stage": "decision",
                }
            ],
            "fee": [{"text": "不收费"}],
            "validity": [clause],
            "obligations": [clause],
            "consequences": [clause],
            "key_points": [clause],
            "cautions": [{"text": "和排污许可证是两回事"}],
            "handling_body": [{"text": "城镇排水主管部门"}],
            "counter": [{"name": "区政务服务大厅", "address": "一楼", "hours": "工作日"}],
            "contact": [{"name": "政务服务便民热线", "phone": "12345"}],
            "sources": [
                {"id": "K", "title": "另一部条例", "location": "公开文本"},
                {"id": "L", "title": "示例条例", "url": "https://www.gov.cn/law.htm"},
            ],
            "internal": NOTE,
        },
        "permit-procedure": {
            "title": "行政许可办理的程序与期限",
            "kind": "rule",
            "topic": ["办事规则"],
            "key_points": [clause],
            "applies_to": [clause],
            "internal": NOTE,
            "body": "## 一句话说清\n\n收到材料当场看，缺什么一次告诉清楚。\n",
        },
        "wedding": {
            "title": "办一场婚礼先做什么",
            "kind": "rule",
            "audience": ["citizen"],
            "topic": ["办事规则"],
            "aliases": ["婚礼"],
            "queries": ["我要办婚礼"],
            "bundle": [
                {
                    "id": "drainage",
                    "entry": "drainage-permit",
                    "name": "管道",
                    "after": ["plan"],
                    "basis": "示例条例第1条",
                    "source": ["L"],
                },
                {"id": "plan", "name": "定好图纸", "days": 3, "when": "要搭台子"},
                {"id": "others", "name": HOSTILE, "note": HOSTILE_SHORT},
            ],
            "contact": [{"name": "政务服务便民热线", "phone": "12345"}],
        },
        "tax-relief-2024": {
            "title": "小微企业税费减免（2024 年版）",
            "kind": "benefit",
            "audience": ["enterprise"],
            "topic": ["税费减免"],
            "benefit_mode": "自行申报享受",
            "effective": "2024-01-01",
            "expires": "2025-12-31",
            "superseded_by": "tax-relief-2026",
        },
        "tax-relief-2026": {
            "title": "小微企业税费减免",
            "kind": "benefit",
            "audience": ["enterprise"],
            "topic": ["税费减免"],
            "benefit_mode": "自行申报享受",
            "effective": "2026-01-01",
            "expires": "2027-12-31",
            "supersedes": ["tax-relief-2024"],
            "internal": NOTE,
            "benefits": [
                {
                    "type": "减免",
                    "text": "减半征收",
                    "amount": 50,
                    "unit": "%",
                    "cap": "每户 10 万元",
                }
            ],
            "eligibility": [
                {
                    "text": "规模",
                    "any": [{"text": "小型企业"}, {"text": "微型企业"}],
                }
            ],
        },
        "hiring-subsidy": {
            "title": "一次性扩岗补助",
            "kind": "benefit",
            "audience": ["enterprise"],
            "topic": ["就业创业"],
            "level": "province",
            "benefit_mode": "免申即享",
            "effective": "2026-05-01",
            "expires": "2026-12-31",
        },
        "elderly-allowance": {
            "title": "高龄津贴",
            "kind": "benefit",
            "audience": ["citizen"],
            "topic": ["养老托育"],
            "level": "city",
            "benefit_mode": "依申请",
            "effective": "2027-01-01",
        },
        "hostile": {
            "title": HOSTILE,
            "audience": ["citizen"],
            "topic": ["市容广告"],
            "issuer": HOSTILE_SHORT,
            "summary": f"{HOSTILE} {HOSTILE_SHORT}",
            "aliases": [HOSTILE_SHORT],
            "queries": [HOSTILE],
            "answers": [{"question": HOSTILE, "short": HOSTILE, "long": HOSTILE, "basis": HOSTILE}],
            "key_points": [
                {"text": HOSTILE, "basis": HOSTILE_SHORT, "note": HOSTILE, "name": HOSTILE}
            ],
            "materials": [{"name": HOSTILE, "issued_by": HOSTILE_SHORT, "when": HOSTILE_SHORT}],
            "sources": [{"title": HOSTILE, "location": HOSTILE_SHORT}],
        },
    }
