"""Get what the tests need besides Python packages: Chromium and a font with Chinese characters.

From apt where that is allowed, else the one on the path, else Playwright's own.
"""

import os
import shutil
import subprocess
import sys

from browser import BrowserMissing, find_chromium

PACKAGES = ("chromium", "fonts-noto-cjk")


def main() -> int:
    """Return 0 when there is a browser; a missing font is only said."""
    if not (_has_browser() and _has_chinese_font()):
        _install_from_apt()
    if not _has_browser():
        say("正在下载 Playwright 的 Chromium……")
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    try:
        say(f"浏览器：{find_chromium()}")
    except BrowserMissing as error:
        say(str(error))
        return 1
    if not _has_chinese_font():
        say("没有中文字体，截图里的汉字会是方框；Debian、Ubuntu 请装 fonts-noto-cjk。")
    return 0


def _has_browser() -> bool:
    try:
        return bool(find_chromium())
    except BrowserMissing:
        return False


def _has_chinese_font() -> bool:
    """Ask fontconfig; systems without it (Windows, macOS) bring Chinese fonts themselves."""
    if shutil.which("fc-list") is None:
        return sys.platform != "linux"
    listed = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, check=False)
    return bool(listed.stdout.strip())


def _install_from_apt() -> None:
    """Install from the distribution, which only root may do."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return
    say("正在用 apt-get 安装 Chromium 和中文字体……")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run(
            ["apt-get", "-qq", *command],
            env=environment,
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode != 0:
            say(f"apt-get {command[0]} 没有成功，接着试别的办法。")
            return


def say(text: str) -> None:
    """Print at once, so that what comes from other programs stands in its order."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
