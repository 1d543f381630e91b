"""The build (生成): library → index, pages and site, each swapped in whole."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from indexer import reuse
from indexer.reuse import Record

CONFIG = "mkdocs.yml"
AUTHORS = "history_authors"  # below `extra`


class SiteError(Exception):
    """MkDocs could not build the site, and what it said."""


@dataclass(frozen=True)
class SiteReport:
    """How many pages the site has, and how many of them this run rendered."""

    total: int
    rendered: int


def build_site(root: Path, site: Path, pages: Path) -> SiteReport:
    """Turn the pages in `pages` into the site in `site`; a reader never sees half a site.

    What still holds of the present site is taken over; the outcome is that of a build from nothing.
    `root` is the folder of mkdocs.yml. Raises SiteError with the words of MkDocs.
    """
    site.parent.mkdir(parents=True, exist_ok=True)
    fresh, note = site.with_name(f".{site.name}-new"), site.with_name(f".{site.name}.json")
    with _alone(site):
        shutil.rmtree(fresh, ignore_errors=True)
        sources, recipe = reuse.read_sources(pages), reuse.recipe_of(root)
        record = Record.read(note)
        kept = reuse.still_hold(site, pages, sources, record) if record.recipe == recipe else []
        reuse.carry_over(site, fresh, kept)
        _run_mkdocs(root, fresh, pages)
        record = reuse.make_record(fresh, sources, recipe)
        note.unlink(missing_ok=True)  # should the power fail here, the next build starts anew
        _swap(fresh, site)
        record.write(note)
    total, untouched = (sum(name.endswith(".md") for name in names) for names in (sources, kept))
    return SiteReport(total, total - untouched)


def site_address(root: Path) -> str:
    """Return the address of the site as mkdocs.yml tells it (`site_url`), or nothing."""
    text = (root / CONFIG).read_text(encoding="utf-8")
    found = re.search(r"^site_url:[ \t]*[\"']?(https?://[^\s\"'#]+)", text, re.MULTILINE)
    return found[1] if found else ""


def shows_authors(root: Path) -> bool:
    """Tell whether mkdocs.yml wants the names of authors in the history of entries."""
    text = (root / CONFIG).read_text(encoding="utf-8")
    return re.search(rf"^[ \t]+{AUTHORS}:[ \t]*true\b", text, re.MULTILINE) is not None


def _run_mkdocs(root: Path, target: Path, pages: Path) -> None:
    # Not "--quiet": it silences warnings so early that strict mode does not count them.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--dirty"]
    command += ["--config-file", str(root / CONFIG), "--site-dir", str(target.resolve())]
    environment = {
        **os.environ,
        "NO_MKDOCS_2_WARNING": "1",
        "PYTHONUTF8": "1",
        "POLICYKB_PAGES": str(pages.resolve()),
    }
    done = subprocess.run(  # noqa: S603 - our own interpreter, no words of a user
        command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise SiteError("\n".join(line for line in said if not line.startswith("INFO ")))


def _swap(fresh: Path, site: Path) -> None:
    """Put the new site in the place of the old one: two renames, no copying."""
    old = site.with_name(f".{site.name}-old")
    shutil.rmtree(old, ignore_errors=True)
    if site.exists():
        site.replace(old)
    fresh.replace(site)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _alone(site: Path, wait: float = 600) -> Iterator[None]:
    """Wait until no other program builds this site."""
    lock = FileLock(site.with_name(f".{site.name}.lock"))
    try:
        with lock.acquire(timeout=wait):
            yield
    except Timeout:
        message = f"另一个程序正在生成 {site}，等了 {wait:.0f} 秒还没有结束；请稍后再试。"
        raise SiteError(message) from None
