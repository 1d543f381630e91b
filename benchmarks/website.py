"""How long the website takes and how large it is as the library grows, beside other builders.

The same pages are also built by a plain `mkdocs build` (the Material theme as it comes: no
templates, styles or hooks of ours, no search, entries not in the navigation) and by Zensical (with
our templates, as it runs no hooks).
"""

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import perf_counter
from typing import Any

from loading import make_entries, timed
from playwright.sync_api import Browser, Response

from indexer.build import build_site
from indexer.loader import load_library
from indexer.pages import build_pages

ROOT = Path(__file__).resolve().parent.parent
DAY = date(2026, 11, 24)
QUERY = "search.html?q=%E6%8E%92%E6%B0%B4%E8%AE%B8%E5%8F%AF"  # 排水许可
VIEWS = {"首页": "index.html", "搜索页": "search.html", "搜“排水许可”": QUERY}
WIDTHS = {"桌面": 1280, "手机": 360}
PLAIN = """site_name: 政策库
docs_dir: {pages}
site_dir: {site}
use_directory_urls: false
theme: {{name: material, language: zh, font: false}}
nav: [index.md, service.md, enterprise.md, citizen.md, rule.md, topics.md, search.md]
plugins: []
validation: {{omitted_files: ignore}}
markdown_extensions: [admonition, attr_list, nl2br, sane_lists, tables]
"""
WATCH = """window.seen = { shift: 0, largest: 0 };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) seen.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) seen.largest = entry.startTime;
}).observe({ type: "largest-contentful-paint", buffered: true });
new MutationObserver(() => {
  if (document.querySelector("[data-hits] .pk-card")) seen.answer ??= performance.now();
}).observe(document, { childList: true, subtree: true });"""
SEEN = """({ ...seen,
  first: performance.getEntriesByName("first-contentful-paint")[0].startTime })"""
ROWS = (
    ("读入并核查", "load_s", "秒", 1000, "毫秒"),
    ("写网页稿", "pages_s", "秒", 1000, "毫秒"),
    ("生成网站", "site_s", "秒", 1000, "毫秒"),
    ("原样 mkdocs build", "mkdocs_s", "秒", 1000, "毫秒"),
    ("Zensical", "zensical_s", "秒", 1000, "毫秒"),
    ("网站大小", "bytes", "MB", 1e-3, "kB"),
    ("其中条目页", "entry_bytes", "MB", 1e-3, "kB"),
    ("其中自带搜索", "search_bytes", "MB", 1e-3, "kB"),
    ("原样 mkdocs 的网站", "mkdocs_bytes", "MB", 1e-3, "kB"),
)
ONCE = (
    ("改一条的标题后：写网页稿", "again_pages_s", "秒"),
    ("改一条的标题后：生成网站", "again_site_s", "秒"),
    ("改一条的标题后：重新生成的网页", "again_rendered", "页"),
    ("全部网页", "rendered", "页"),
    ("最大的网页", "largest_page", "kB"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="测量网站生成要多久、有多大，打开有多快")
    parser.add_argument("--entries", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument("--browser", action="store_true", help="也在 Chromium 里打开首页和搜索页")
    parser.add_argument("--json", action="store_true", help="输出 JSON")
    options = parser.parse_args()
    result = measure(options.entries, browser=options.browser)
    print(json.dumps(result, ensure_ascii=False, indent=2) if options.json else _table(result))


def measure(sizes: Sequence[int], *, browser: bool = False) -> dict[str, Any]:
    """Return what was measured at each number of entries."""
    return {str(size): _measure(size, browser) for size in sizes}


def _measure(size: int, browser: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        policies, pages, site = root / "policies", root / "pages", root / "site"
        make_entries(policies, size)
        shutil.copy(ROOT / "policies" / "index.md", policies)
        library, load_s = timed(lambda: load_library(policies))
        _, pages_s = timed(lambda: build_pages(library, pages, DAY))
        report, site_s = timed(lambda: build_site(ROOT, site, pages))
        measured = {
            "load_s": load_s,
            "pages_s": pages_s,
            "site_s": site_s,
            "rendered": report.rendered,
            "bytes": _weigh(site),
            "entry_bytes": _weigh(site / "policies"),
            "search_bytes": _weigh(site / "assets" / "search"),
            "largest_page": max(path.stat().st_size for path in site.rglob("*.html")),
            **_measure_others(root, pages),
        }
        if browser:
            measured["browser"] = _measure_views(site)
        return measured | _measure_a_change(policies, pages, site)


def _measure_a_change(policies: Path, pages: Path, site: Path) -> dict[str, Any]:
    """Change the title of one entry and build again."""
    path = min(policies.glob("*-0.md"))
    path.write_text(path.read_text("utf-8").replace("title: ", "title: 新的", 1), "utf-8")
    library = load_library(policies)
    _, pages_s = timed(lambda: build_pages(library, pages, DAY))
    report, site_s = timed(lambda: build_site(ROOT, site, pages))
    return {"again_pages_s": pages_s, "again_site_s": site_s, "again_rendered": report.rendered}


def _measure_others(root: Path, pages: Path) -> dict[str, Any]:
    plain = root / "plain"
    plain.mkdir()
    bare = _without_templates(pages, plain / "pages")
    text = PLAIN.format(pages=bare, site=plain / "site")
    (plain / "mkdocs.yml").write_text(text, encoding="utf-8")
    mkdocs_s = _run(plain, "mkdocs", "build", "--quiet")
    ours = root / "zensical"
    shutil.copytree(ROOT / "site", ours / "site")
    shutil.copy(ROOT / "mkdocs.yml", ours)
    shutil.copytree(pages, ours / "pages")
    zensical_s = _run(ours, "zensical", "build", "--clean", POLICYKB_PAGES="pages")
    return {
        "mkdocs_s": mkdocs_s,
        "mkdocs_bytes": _weigh(plain / "site"),
        "zensical_s": zensical_s,
    }


def _without_templates(pages: Path, copy: Path) -> Path:
    """Copy the pages without the name of our template, which the plain theme does not have."""
    for path in pages.rglob("*.md"):
        target = copy / path.relative_to(pages)
        target.parent.mkdir(parents=True, exist_ok=True)
        head, _, rest = path.read_text("utf-8").partition("template: ")
        target.write_text(head + rest.partition("\n")[2], "utf-8")
    return copy


def _run(folder: Path, *command: str, **environment: str) -> float:
    """Return the seconds that another builder takes."""
    started = perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONUTF8": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} 没有成功：{done.stderr or done.stdout}")
    return perf_counter() - started


def _weigh(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


# In Chromium


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def _served(site: Path) -> Iterator[str]:
    """Serve the site as a plain file server does, without compression or the service."""
    handler = partial(_Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def _measure_views(site: Path) -> dict[str, Any]:
    sys.path.insert(0, str(ROOT / "tests"))
    from browser import open_browser

    with _served(site) as address, open_browser() as browser:
        _look(browser, f"{address}index.html", 1280)  # the first start of a browser is slow
        return {
            f"{name}，{screen}": _look(browser, address + view, width)
            for name, view in VIEWS.items()
            for screen, width in WIDTHS.items()
        }


def _look(browser: Browser, address: str, width: int) -> dict[str, Any]:
    """Open a page in a fresh browser; of what it loads, the search's own files come after."""
    context = browser.new_context(viewport={"width": width, "height": 800}, locale="zh-CN")
    page = context.new_page()
    page.add_init_script(WATCH)
    answers: list[Response] = []
    page.on("response", lambda response: answers.append(response))
    page.goto(address, wait_until="networkidle")
    seen: dict[str, Any] = page.evaluate(SEEN)
    bodies = [(answer.url, answer.body()) for answer in answers if answer.ok]
    context.close()
    first = [body for url, body in bodies if "/assets/search/" not in url]
    return {
        "requests": len(first),
        "bytes": sum(map(len, first)),
        "gzip_bytes": sum(len(gzip.compress(body)) for body in first),
        "search_requests": len(bodies) - len(first),
        "search_bytes": sum(len(body) for url, body in bodies if "/assets/search/" in url),
        "fcp_ms": seen["first"],
        "lcp_ms": seen["largest"],
        "answer_ms": seen.get("answer"),
        "shift": seen["shift"],
    }


# The table


def _table(result: dict[str, Any]) -> str:
    lines = []
    for size, measured in result.items():
        lines.append(f"\n{size} 个条目")
        for name, key, unit, factor, small in ROWS:
            value = measured[key]
            shown = value / 1e6 if unit == "MB" else value
            each = value / int(size) * factor
            lines.append(f"  {name}：{shown:.2f} {unit}，每条 {each:.2f} {small}")
        for name, key, unit in ONCE:
            value = measured[key]
            shown = (
                f"{value:.2f}" if unit == "秒" else f"{value / (1e3 if unit == 'kB' else 1):.0f}"
            )
            lines.append(f"  {name}：{shown} {unit}")
        lines += [f"  {_view(name, view)}" for name, view in measured.get("browser", {}).items()]
    return "\n".join(lines).strip()


def _view(name: str, view: dict[str, Any]) -> str:
    answer = f"，第一个结果 {view['answer_ms']:.0f} 毫秒" if view["answer_ms"] else ""
    searched = ""
    if view["search_requests"]:
        searched = f"，搜索数据 {view['search_bytes'] / 1e3:.0f} kB（{view['search_requests']} 个）"
    return (
        f"{name}：{view['bytes'] / 1e3:.0f} kB（gzip {view['gzip_bytes'] / 1e3:.0f} kB，"
        f"{view['requests']} 个请求），FCP {view['fcp_ms']:.0f}、LCP {view['lcp_ms']:.0f} 毫秒，"
        f"位移 {view['shift']:.4f}{searched}{answer}"
    )


if __name__ == "__main__":
    main()
