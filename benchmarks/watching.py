"""How long an editor waits with `serve --watch`: from saving a file to the open page showing it.

The real entries are copied, the service runs as an editor starts it, and Chromium has the page of
one entry open. Each save is timed from the write until the new title stands in the page; then a
mistake until it is told there, and its mending until it is gone.
"""

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from machine import describe
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent
ENTRY = "approvals/road-excavation.md"
TIMEOUT = 120_000  # milliseconds
TOLD = {"saved": "改标题", "mistake": "写错，到页面说出来", "mended": "改好，到提示消失"}


def main() -> None:
    parser = argparse.ArgumentParser(description="测量存盘以后多久在打开的网页上看到")
    parser.add_argument("--saves", type=int, default=10, help="存几次盘")
    parser.add_argument("--json", action="store_true", help="输出 JSON")
    options = parser.parse_args()
    result = {"machine": describe(), "load": os.getloadavg()[0], **measure(options.saves)}
    print(json.dumps(result, ensure_ascii=False, indent=2) if options.json else _table(result))


def measure(saves: int) -> dict[str, Any]:
    """Return the seconds that each save, mistake and mending took."""
    sys.path.insert(0, str(ROOT / "tests"))
    from browser import open_browser

    with tempfile.TemporaryDirectory() as folder:
        policies = _copy_library(Path(folder))
        with _served(policies, Path(folder)) as address, open_browser() as browser:
            page = browser.new_page(locale="zh-CN")
            page.goto(f"{address}/policies/{Path(ENTRY).stem}.html")
            return _measure(page, policies / ENTRY, saves)


def _copy_library(folder: Path) -> Path:
    """Return a copy of the entries, with their history where there is one, as an editor has it."""
    if (ROOT / ".git").exists():
        copy = ("git", "clone", "--quiet", "--no-local", str(ROOT), str(folder / "repository"))
        subprocess.run(copy, check=True)
        return folder / "repository" / "policies"
    shutil.copytree(ROOT / "policies", folder / "policies")
    return folder / "policies"


def _measure(page: Page, path: Path, saves: int) -> dict[str, Any]:
    good = path.read_text("utf-8")
    times: dict[str, list[float]] = {name: [] for name in TOLD}
    for number in range(saves):
        title = f"第 {number} 次改的标题"
        text = re.sub("^title: .*$", f"title: {title}", good, flags=re.MULTILINE)
        times["saved"].append(_save(path, text, lambda: _wait_for_title(page, title)))  # noqa: B023
        wrong = text.replace("\nlevel: ", "\nlevel: x")
        panel = page.locator(".pk-live")
        times["mistake"].append(_save(path, wrong, lambda: panel.wait_for(timeout=TIMEOUT)))  # noqa: B023
        gone = panel.wait_for
        times["mended"].append(_save(path, text, lambda: gone(state="detached", timeout=TIMEOUT)))  # noqa: B023
    return {"entries": len(list(path.parent.parent.glob("*/*.md"))), "seconds": times}


def _save(path: Path, text: str, seen: Callable[[], object]) -> float:
    sleep(1)  # an editor has looked at the page meanwhile
    started = perf_counter()
    path.write_text(text, "utf-8")
    seen()
    return perf_counter() - started


def _wait_for_title(page: Page, title: str) -> None:
    page.locator("h1", has_text=title).wait_for(timeout=TIMEOUT)


@contextmanager
def _served(policies: Path, folder: Path) -> Iterator[str]:
    """Run `policykb serve --watch`; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    names = ("index", "pages", "site")
    command = [sys.executable, "-m", "indexer", "serve", "--watch", "--port", port]
    command += ["--policies", str(policies)]
    command += [word for name in names for word in (f"--{name}", str(folder / name))]
    quiet = subprocess.DEVNULL
    service = subprocess.Popen(command, cwd=ROOT, stdout=quiet, stderr=quiet)
    address = f"http://127.0.0.1:{port}"
    try:
        while not _answers(address):
            sleep(0.2)
        yield address
    finally:
        service.terminate()
        service.wait()


def _answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/healthz") as answer:
            return bool(answer.status == 200)
    except URLError:
        return False


def _table(result: dict[str, Any]) -> str:
    machine = result["machine"]
    lines = [f"{machine['processor']}，{machine['memory_gb']} GB，负载 {result['load']:.1f}"]
    for name, told in TOLD.items():
        times = sorted(result["seconds"][name])
        middle, most = statistics.median(times), times[-1]
        lines.append(f"{told}：中位 {middle:.2f} 秒，最慢 {most:.2f} 秒（{len(times)} 次）")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
