"""Filings (办件): what is told about one application to work out its due dates, read from text."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from indexer.problems import ParameterError, ParameterProblem, did_you_mean, printable, shown
from indexer.workdays import read_day

# Time that does not count. What 行政许可法 art. 45 leaves out of its limits:
EXCLUDED = ("听证", "招标", "拍卖", "检验", "检测", "检疫", "鉴定", "专家评审")
# What other rules may stop the count for; 行政许可法 itself knows no such pause after acceptance:
SUSPENDED = ("补正", "中止")
MAX_PAUSES = 20
NAMES = ("slug", "accepted", "pause", "excluded", "extended", "situation", "format")
FORMATS = ("json", "ics")
_REPEATED = ("pause", "excluded", "situation")
_PAUSE = re.compile(r"([0-9-]{10})\.\.([0-9-]{10})(?:=(.{1,40}))?")


@dataclass(frozen=True)
class Pause:
    """Days that do not count (停算), the first and the last among them."""

    first: date
    last: date
    reason: str

    @property
    def field(self) -> str:
        """The parameter that tells of it."""
        return "pause" if self.reason in SUSPENDED else "excluded"

    def to_dict(self) -> dict[str, str]:
        """Return the pause as JSON values."""
        return {"first": str(self.first), "last": str(self.last), "reason": self.reason}


@dataclass(frozen=True)
class Filing:
    """One application (办件): accepted when, paused when, extended or not, in which situation."""

    accepted: date
    pauses: tuple[Pause, ...] = ()
    extended: bool = False
    chosen: tuple[str, ...] = ()


@dataclass(frozen=True)
class DueParams:
    """What is asked: the due dates of which filing under which entry, and in which form."""

    slug: str
    filing: Filing
    format: str


def parse_due(pairs: Iterable[tuple[str, str]]) -> DueParams:
    """Read the parameters of a request; raise ParameterError with every mistake."""
    given: dict[str, list[str]] = {}
    problems: list[ParameterProblem] = []
    for name, value in pairs:
        if name in NAMES:
            given.setdefault(name, []).append(value.strip())
        else:
            hint = did_you_mean(name[:80], NAMES) or f"可以用的是 {'、'.join(NAMES)}。"
            problems.append(ParameterProblem(printable(name), f"没有这个参数。{hint}"))
    for name, texts in given.items():
        if name not in _REPEATED and len(texts) > 1:
            problems.append(ParameterProblem(name, f"只能写一次，收到了 {len(texts)} 个。"))
    one = {name: texts[0] for name, texts in given.items()}
    if not one.get("slug"):
        problems.append(ParameterProblem("slug", "要写条目名，例如 road-excavation。"))
    accepted = _read_accepted(one.get("accepted", ""), problems)
    pauses = tuple(_read_pauses(given, problems))
    extended = _read_one_of("extended", one, ("false", "true"), problems) == "true"
    form = _read_one_of("format", one, FORMATS, problems)
    chosen = tuple(dict.fromkeys(filter(None, given.get("situation", ()))))
    if problems or accepted is None:
        raise ParameterError(dict.fromkeys(problems))
    return DueParams(one["slug"], Filing(accepted, pauses, extended, chosen), form)


def check_filing(
    filing: Filing, reasons: Sequence[str], situations: Sequence[Mapping[str, Any]]
) -> None:
    """Raise ParameterError with all that cannot be, under an entry with these reasons to pause."""
    problems = list(dict.fromkeys(_check_pauses(filing, reasons)))
    options = [option for situation in situations for option in situation["options"]]
    for name in filing.chosen:
        if name not in options:
            problems.append(ParameterProblem("situation", _unknown_option(name, options)))
    if problems:
        raise ParameterError(problems)


def _read_accepted(text: str, problems: list[ParameterProblem]) -> date | None:
    try:
        if not text:
            raise ValueError("要写受理日，例如 2026-09-25。")
        return read_day(text)
    except ValueError as error:
        problems.append(ParameterProblem("accepted", str(error)))
        return None


def _read_pauses(
    given: Mapping[str, Sequence[str]], problems: list[ParameterProblem]
) -> Iterable[Pause]:
    for name, usual in (("pause", SUSPENDED), ("excluded", EXCLUDED)):
        for text in given.get(name, ()):
            match = _PAUSE.fullmatch(text)
            try:
                if match is None:
                    example = f"2026-10-13..2026-10-20={usual[0]}"
                    raise ValueError(f"{shown(text)}的写法不对，请写成 {example}。")
                reason = _read_reason(name, match[3])
                yield Pause(read_day(match[1]), read_day(match[2]), reason)
            except ValueError as error:
                problems.append(ParameterProblem(name, str(error)))


def _read_reason(name: str, text: str | None) -> str:
    reason = (text or "").strip()
    if name == "pause" and (reason or SUSPENDED[0]) not in SUSPENDED:
        raise ValueError(
            f"原因只能是 {'、'.join(SUSPENDED)}，收到的是{shown(reason)}；"
            f"{'、'.join(EXCLUDED)}用 excluded。"
        )
    if name == "excluded" and not reason:
        raise ValueError(f"要写原因：{'、'.join(EXCLUDED)}。例如 2026-10-13..2026-10-20=检测。")
    if name == "excluded" and reason in SUSPENDED:
        raise ValueError(f"{reason}用 pause，不用 excluded。")
    return reason or SUSPENDED[0]


def _read_one_of(
    name: str, given: Mapping[str, str], allowed: Sequence[str], problems: list[ParameterProblem]
) -> str:
    text = given.get(name) or allowed[0]
    if text not in allowed:
        message = f"只能是 {' 或 '.join(allowed)}，收到的是{shown(text)}。"
        problems.append(ParameterProblem(name, message))
    return text


def _check_pauses(filing: Filing, reasons: Sequence[str]) -> Iterable[ParameterProblem]:
    if len(filing.pauses) > MAX_PAUSES:
        message = f"停算最多写 {MAX_PAUSES} 段，收到了 {len(filing.pauses)} 段。"
        yield ParameterProblem("pause", message)
    for pause in filing.pauses:
        span = f"{pause.reason}的 {pause.first} 到 {pause.last}"
        if pause.reason not in reasons:
            allowed = "、".join(reason for reason in reasons if reason not in SUSPENDED)
            message = f"原因只能是 {allowed}，收到的是{shown(pause.reason)}。"
            yield ParameterProblem(pause.field, message)
        if pause.last < pause.first:
            yield ParameterProblem(pause.field, f"{span}前后颠倒了，请核对哪一天写错了。")
        elif pause.first < filing.accepted:
            yield ParameterProblem(
                pause.field,
                f"{span}早于受理日 {filing.accepted}。受理以前的时间本来就不算："
                "材料补齐才受理的，受理日写补齐那天。",
            )


def _unknown_option(name: str, options: Sequence[str]) -> str:
    if not options:
        return f"这一条不分情形，收到的是{shown(name)}，请去掉。"
    hint = did_you_mean(name[:80], options)
    return f"没有情形{shown(name)}，能选的有：{'、'.join(options)}。{hint}"
