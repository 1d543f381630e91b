"""Notices as PDF: the HTML, printed by a Chromium that is installed on this machine."""

import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")
# Chromium calls home unless told not to, and a notice needs nothing from anywhere.
OPTIONS = (
    *("--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-quic"),
    "--no-pdf-header-footer",
)
SECONDS = 60


class PdfUnavailable(Exception):
    """No PDF can be made here, and why."""


def render_pdf(document: str, browser: str | None = None) -> bytes:
    """Return an HTML document as PDF; raise PdfUnavailable where there is no Chromium."""
    program = browser or find_browser()
    with tempfile.TemporaryDirectory(prefix="policykb-", ignore_cleanup_errors=True) as folder:
        page, paper = Path(folder) / "notice.html", Path(folder) / "notice.pdf"
        page.write_text(document, encoding="utf-8")
        profile = f"--user-data-dir={folder}/profile"
        # As root Chromium has no sandbox; what it opens here is our own text without scripts.
        sandbox = ["--no-sandbox"] if _is_root() else []
        target = f"--print-to-pdf={paper}"
        command = [program, *OPTIONS, *sandbox, profile, target, page.as_uri()]
        try:
            done = subprocess.run(  # noqa: S603 - no words of a user among the arguments
                command, capture_output=True, timeout=SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PdfUnavailable(f"Chromium（{program}）没有做出 PDF：{error}") from None
        if not paper.is_file():
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
            raise PdfUnavailable(f"Chromium（{program}）没有做出 PDF。{''.join(said)}")
        return paper.read_bytes()


class Printer:
    """Prints one document at a time and lets only a few wait, for each takes a browser."""

    def __init__(self, waiting: int = 3, seconds: float = 10) -> None:
        self._seconds = seconds
        self._admitted = threading.Semaphore(waiting + 1)
        self._printing = threading.Semaphore(1)

    def render(self, document: str) -> bytes:
        """Return an HTML document as PDF; raise PdfUnavailable also where too many wait."""
        if self._admitted.acquire(blocking=False):
            try:
                if self._printing.acquire(timeout=self._seconds):
                    try:
                        return render_pdf(document)
                    finally:
                        self._printing.release()
            finally:
                self._admitted.release()
        raise PdfUnavailable("正在做别的 PDF，请过一会儿再试。")


def find_browser() -> str:
    """Return the Chromium to print with: $CHROMIUM, or one on the path."""
    given = os.environ.get("CHROMIUM")
    found = given if given and Path(given).is_file() else None
    found = found or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise PdfUnavailable(
            "做 PDF 要用 Chromium（或 Chrome、Edge），这台电脑上没有找到。请装一个，例如 "
            "apt-get install chromium，或用环境变量 CHROMIUM 指明位置；"
            "也可以改用 html，在浏览器里打印。"
        )
    return found


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
