"""Feedback (纠错、补充): where a reader's draft goes, as `extra.feedback` in mkdocs.yml says."""

import re
from collections.abc import Iterator
from typing import Any

from indexer.problems import did_you_mean, shown

KINDS = {"issue": ("address", "title", "body"), "email": ("address",), "service": ()}
_MAIL = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_PAGE = re.compile(r"https?://[^\s\"'<>\\#]+")
_NAME = re.compile(r"[A-Za-z0-9_\-\[\].]+")


class FeedbackError(ValueError):
    """The setting cannot be followed: every mistake in it."""


def check_feedback(given: Any) -> None:
    """Raise FeedbackError if the setting is not one; none at all is fine."""
    mistakes = list(_mistakes_in(given)) if given is not None else []
    if mistakes:
        raise FeedbackError("\n".join(f"mkdocs.yml extra.feedback：{told}" for told in mistakes))


def _mistakes_in(given: Any) -> Iterator[str]:
    if not isinstance(given, dict):
        yield "要写成 {kind: email, address: 信箱} 这样；不用就整行删去。"
        return
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        yield f"kind 只能是 {'、'.join(KINDS)}，现在是{shown(kind)}。"
        return
    for name in given.keys() - {"kind", *KINDS[kind]}:
        yield f"kind 是 {kind} 时没有{shown(name)}这一项。{did_you_mean(str(name), KINDS[kind])}"
    address = given.get("address")
    if kind == "email" and not _fits(_MAIL, address):
        yield f"address 要写一个信箱，例如 zhengce@example.gov.cn，现在是{shown(address)}。"
    if kind == "issue" and not _fits(_PAGE, address):
        yield f"address 要写新建问题的网址，以 https:// 开头，现在是{shown(address)}。"
    for name in ("title", "body"):
        if name in given and not _fits(_NAME, given[name]):
            yield f"{name} 要写网址参数的名字，例如 issue[title]，现在是{shown(given[name])}。"


def _fits(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
