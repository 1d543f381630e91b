"""Corrections (纠错): what readers propose, kept as one small file each, and what came of it.

A file has what its sender wrote, the day, and the version of the entry that was read. There is no
address, time or browser in it, and no personal data that can be told as such.
"""

import json
import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from indexer.entryfile import save_entry
from indexer.library import Library
from indexer.policy import SLUG_PATTERN
from indexer.privacy import find_personal_data
from indexer.problems import ParameterError, ParameterProblem, Problem, did_you_mean, shown
from indexer.revisions import changed_lines, text_before

FIELDS = ("slug", "kind", "text", "basis", "version")
LONGEST = {"text": 2000, "basis": 500, "why": 500}  # characters
MOST_KEPT = 2000  # files in the folder: more than an office can read
SHOWN_CHANGES = 20  # lines of what has changed since
WAIT = 5  # seconds for another process to have written its file
VERSION = re.compile("[0-9a-f]{7,40}")
NUMBER = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}-[1-9][0-9]{0,4}")


class CorrectionKind(StrEnum):
    """What is the matter, as the reader sees it (哪一种问题)."""

    WRONG = "wrong"
    MISSING = "missing"
    OUTDATED = "outdated"
    UNCLEAR = "unclear"
    OTHER = "other"


KIND_LABELS = {
    CorrectionKind.WRONG: "写错了",
    CorrectionKind.MISSING: "缺内容",
    CorrectionKind.OUTDATED: "过时了",
    CorrectionKind.UNCLEAR: "看不懂",
    CorrectionKind.OTHER: "别的",
}


class Decision(StrEnum):
    """What the office decided about a proposal (怎样处理)."""

    ACCEPTED = "采纳"
    DECLINED = "不采纳"
    REPEATED = "重复"


class InboxUnusable(Exception):
    """Proposals cannot be kept in their folder, and why."""


@dataclass(frozen=True)
class Proposal:
    """What a reader proposes; without a slug it is about the library as a whole."""

    slug: str
    kind: CorrectionKind
    text: str
    basis: str
    version: str


@dataclass(frozen=True)
class Closing:
    """What was decided about a proposal, why, and on which day."""

    decision: Decision
    why: str
    on: date


@dataclass(frozen=True)
class Correction:
    """A proposal as it is kept: its number, the day it came, and how it was closed."""

    number: str
    day: date
    proposal: Proposal
    closed: Closing | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values, as its file has them."""
        told: dict[str, Any] = {"day": str(self.day), **vars(self.proposal)}
        if self.closed is not None:
            told["closed"] = {**vars(self.closed), "on": str(self.closed.on)}
        return told


def parse_proposal(given: Mapping[str, Any], slugs: Collection[str]) -> Proposal:
    """Return the proposal in a request; raise ParameterError with every mistake.

    Personal data is a mistake: nothing with it is kept.
    """
    problems = [
        ParameterProblem(name, f"要写成文字，收到的是{shown(given[name])}。")
        for name in FIELDS
        if not isinstance(given.get(name, ""), str)
    ]
    if problems:
        raise ParameterError(problems)
    slug, kind = given.get("slug", ""), given.get("kind", "")
    text, basis = tidy(given.get("text", "")), tidy(given.get("basis", ""))
    problems += [*_check_place(slug, given.get("version", ""), slugs), *_check_kind(kind)]
    problems += [*_check_text("text", text), *_check_text("basis", basis)]
    if not text:
        problems.append(ParameterProblem("text", "请写上哪里不对、应该是什么。"))
    if problems:
        raise ParameterError(problems)
    return Proposal(slug, CorrectionKind(kind), text, basis, given.get("version", ""))


def _check_place(slug: str, version: str, slugs: Collection[str]) -> Iterator[ParameterProblem]:
    if slug and slug not in slugs:
        hint = did_you_mean(slug[:80], slugs)
        yield ParameterProblem("slug", f"没有条目{shown(slug)}。{hint}")
    if (slug or version) and not VERSION.fullmatch(version):
        message = "要写网页上的内容版本：7 到 40 个数字和 a 到 f 的小写字母。"
        yield ParameterProblem("version", message)


def _check_kind(kind: str) -> Iterator[ParameterProblem]:
    if kind not in list(CorrectionKind):
        allowed = "、".join(CorrectionKind)
        yield ParameterProblem("kind", f"只能是 {allowed} 中的一个，收到的是{shown(kind)}。")


def _check_text(name: str, text: str) -> Iterator[ParameterProblem]:
    if len(text) > LONGEST[name]:
        message = f"最多 {LONGEST[name]} 个字，现在有 {len(text)} 个，请写短一些。"
        yield ParameterProblem(name, message)
        return
    for found in find_personal_data(text):
        yield ParameterProblem(
            name, f"“{found.masked}”像是{found.kind}。请删去再提交，这里不收个人信息。"
        )


def tidy(text: str) -> str:
    """Return text without what cannot be seen: plain line ends, no control characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    visible = ("".join(c if c.isprintable() else " " for c in line) for line in lines)
    return "\n".join(line.rstrip() for line in visible).strip()


# Keeping them


@dataclass(frozen=True)
class Inbox:
    """The folder of proposals."""

    folder: Path

    def add(self, proposal: Proposal, day: date) -> str:
        """Keep a proposal; return its number. Raises InboxUnusable when none can be kept now."""
        try:
            with self._alone():
                number = self._next_number(day)
                self._write(Correction(number, day, proposal))
        except (OSError, Timeout):
            raise InboxUnusable("现在存不下来，请过一会儿再发，或者打 12345 说。") from None
        return number

    def _next_number(self, day: date) -> str:
        names = [path.stem for path in self.folder.glob("*.json")]
        if len(names) >= MOST_KEPT:
            raise InboxUnusable("收到的太多了，还没有看完，现在不收。请打 12345 说。")
        taken = (int(name.rpartition("-")[2]) for name in names if _is_of(name, day))
        return f"{day}-{max(taken, default=0) + 1}"

    def read_all(self) -> tuple[list[Correction], list[Problem]]:
        """Return what is kept, the oldest first, and the files that cannot be read."""
        kept, problems = list[Correction](), list[Problem]()
        for path in self.folder.glob("*.json"):
            try:
                kept.append(_read(path))
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
                message = "这个文件读不出来，不是服务写的样子；请删去或者移走。"
                problems.append(Problem(str(path), 1, "", message))
        return sorted(kept, key=_order_of), sorted(problems)

    def close(self, correction: Correction, closing: Closing) -> Correction:
        """Write down what was decided."""
        closed = replace(correction, closed=closing)
        with self._alone():
            self._write(closed)
        return closed

    def _write(self, correction: Correction) -> None:
        text = json.dumps(correction.to_dict(), ensure_ascii=False, indent=2)
        save_entry(self.folder / f"{correction.number}.json", text + "\n")

    def _alone(self) -> FileLock:
        return FileLock(self.folder / ".lock", timeout=WAIT)


@dataclass(frozen=True)
class Reception:
    """Where the service puts proposals; the salt is that of the quota of those who send them."""

    inbox: Inbox
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)


def open_reception(folder: Path, elsewhere: Iterable[Path]) -> Reception:
    """Return the reception with its inbox in a folder, which is made if need be.

    Raises InboxUnusable for a folder that is no place for it.

    `elsewhere` are folders that are published or built anew.
    """
    for other in elsewhere:
        if folder.resolve().is_relative_to(other.resolve()):
            raise InboxUnusable(
                f"读者的纠错不能放在 {other} 里：那里的文件会发布，或者会重新生成。请换一个文件夹。"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=WAIT):
            pass
    except (OSError, Timeout):
        raise InboxUnusable(f"{folder} 不能写，请核对文件夹的名字和权限。") from None
    return Reception(Inbox(folder))


def _is_of(name: str, day: date) -> bool:
    return NUMBER.fullmatch(name) is not None and name.rpartition("-")[0] == str(day)


def _order_of(correction: Correction) -> tuple[date, int]:
    return correction.day, int(correction.number.rpartition("-")[2])


def _read(path: Path) -> Correction:
    """Return what a file keeps; raise ValueError, KeyError or TypeError for any other file."""
    if not NUMBER.fullmatch(path.stem):
        raise ValueError(path.stem)
    told = json.loads(path.read_text(encoding="utf-8"))
    proposal = Proposal(
        slug=told["slug"],
        kind=CorrectionKind(told["kind"]),
        text=tidy(told["text"]),
        basis=tidy(told["basis"]),
        version=told["version"],
    )
    if not re.fullmatch(f"(?:{SLUG_PATTERN})?", proposal.slug):
        raise ValueError(proposal.slug)
    if not re.fullmatch(f"(?:{VERSION.pattern})?", proposal.version):
        raise ValueError(proposal.version)
    closed = told.get("closed")
    return Correction(path.stem, date.fromisoformat(told["day"]), proposal, closed and _end(closed))


def _end(told: Mapping[str, str]) -> Closing:
    decision, on = Decision(told["decision"]), date.fromisoformat(told["on"])
    return Closing(decision, tidy(told["why"]), on)


# Looking at them


@dataclass(frozen=True)
class Case:
    """A correction beside its entry as it is now: the title, and what has changed since."""

    correction: Correction
    title: str
    state: str
    changes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        row = {"number": self.correction.number, "title": self.title}
        return {**row, **self.correction.to_dict(), "since": self.state, "changes": [*self.changes]}


def compare(correction: Correction, library: Library) -> Case:
    """Return a correction beside its entry in the library."""
    proposal = correction.proposal
    if not proposal.slug:
        return Case(correction, "整个政策库", "没有说是哪一条")
    entry = library.by_slug.get(proposal.slug)
    if entry is None:
        return Case(correction, "", "库里已经没有这一条")
    title = entry.policy.title
    if entry.digest.startswith(proposal.version):
        return Case(correction, title, "条目没有改过")
    before = text_before(library.root, entry.path, proposal.version)
    if before is None:
        return Case(correction, title, "条目后来改过，历史里查不到读者看的那一版")
    now = (library.root / entry.path).read_text(encoding="utf-8-sig")
    return Case(correction, title, "条目后来改过", changed_lines(before, now))


def write_markdown(cases: Iterable[Case]) -> str:
    """Return the cases as Markdown; what readers wrote stands in code blocks and does nothing."""
    parts = ["# 读者的纠错"]
    for case in cases:
        correction, proposal = case.correction, case.correction.proposal
        parts.append(f"## {correction.number}　{KIND_LABELS[proposal.kind]}")
        entry = f"{proposal.slug}　{_plain(case.title)}" if proposal.slug else case.title
        # No list: an indented block behind one would belong to it, and no longer be code.
        parts += [f"条目：{entry}", f"{case.state}。", "读者说：", _as_code(proposal.text)]
        if proposal.basis:
            parts += ["依据：", _as_code(proposal.basis)]
        if case.changes:
            parts += ["后来改了：", _as_code("\n".join(case.changes[:SHOWN_CHANGES]))]
        if correction.closed is not None:
            closed = correction.closed
            parts += [f"{closed.decision}（{closed.on}）：", _as_code(closed.why)]
    return "\n\n".join(parts) + "\n"


def _as_code(text: str) -> str:
    """Return text as an indented code block, which no character in it can end."""
    return "\n".join(f"    {line}" for line in text.split("\n"))


def _plain(text: str) -> str:
    """Return text on one line that Markdown leaves as it is."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~])", r"\\\1", " ".join(safe.split()))
