"""Automatic numbers of Word (自动编号): numbering.xml → the numbers that a reader sees."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_LEVELS = 9
_LARGEST = 100_000  # a larger number is a mistake, and would be long in letters
_PLAIN, _FORMAL = "零一二三四五六七八九", "零壹贰叁肆伍陆柒捌玖"
_STEMS, _BRANCHES = "甲乙丙丁戊己庚辛壬癸", "子丑寅卯辰巳午未申酉戌亥"
_ROMAN = tuple(
    zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ["m", "cm", "d", "cd", "c", "xc", "l", "xl", "x", "ix", "v", "iv", "i"],
        strict=True,
    )
)


@dataclass(frozen=True)
class Level:
    """How one level of a list is numbered: its format, its text (such as “%1、”), its start."""

    format: str = "decimal"
    text: str = ""
    start: int = 1
    restart: int | None = None  # the level at which it begins anew; None: any above it
    suffix: str = "tab"
    arabic: bool = False  # isLgl: numbers of other levels in figures
    anew: bool = False  # this list begins it anew, though it shares the count of others

    @property
    def is_bullet(self) -> bool:
        return self.format == "bullet"


@dataclass(frozen=True)
class Written:
    """The number of one paragraph as text; a bullet has none."""

    text: str
    bullet: bool


@dataclass
class Numbering:
    """All lists of a file, and how far each has been counted."""

    lists: Mapping[str, tuple[str, dict[int, Level]]] = field(default_factory=dict)
    _counts: dict[str, list[int | None]] = field(default_factory=dict)
    _begun: set[tuple[str, int]] = field(default_factory=set)

    def count(self, number: str, depth: int) -> Written | None:
        """Return the number of the next paragraph of a list, and count on."""
        if number not in self.lists or not 0 <= depth < _LEVELS:
            return None
        shared, levels = self.lists[number]
        level = levels.get(depth)
        if level is None or level.format == "none":
            return None
        counts = self._counts.setdefault(shared, [None] * _LEVELS)
        self._step(counts, number, depth, levels)
        if level.is_bullet:
            return Written("", bullet=True)
        return Written(_fill(level, levels, counts), bullet=False)

    def _step(
        self, counts: list[int | None], number: str, depth: int, levels: Mapping[int, Level]
    ) -> None:
        start = levels[depth].start
        first = levels[depth].anew and (number, depth) not in self._begun
        count = counts[depth]
        counts[depth] = start if count is None or first else count + 1
        self._begun.add((number, depth))
        for deeper in range(depth + 1, _LEVELS):
            limit = levels[deeper].restart if deeper in levels else None
            if limit is None or (limit and depth < limit):
                counts[deeper] = None


def read_numbering(root: Any) -> Numbering:
    """Return the lists of a numbering part."""
    abstract = {
        node.get(f"{W}abstractNumId"): _read_levels(node) for node in root.iter(f"{W}abstractNum")
    }
    lists = {}
    for node in root.iter(f"{W}num"):
        shared = _value(node, "abstractNumId")
        levels = {**abstract.get(shared, {}), **_read_overrides(node, abstract.get(shared, {}))}
        lists[node.get(f"{W}numId")] = (shared, levels)
    return Numbering(lists)


def _read_levels(node: Any) -> dict[int, Level]:
    return {_int(lvl.get(f"{W}ilvl"), 0): _read_level(lvl) for lvl in node.findall(f"{W}lvl")}


def _read_level(node: Any) -> Level:
    restart = _value(node, "lvlRestart")
    return Level(
        format=_format_of(node),
        text=_value(node, "lvlText"),
        start=_int(_value(node, "start"), 1),
        restart=_int(restart, 0) if restart else None,
        suffix=_value(node, "suff") or "tab",
        arabic=node.find(f"{W}isLgl") is not None,
    )


def _format_of(node: Any) -> str:
    """Return the number format; newer ones stand in a choice, with an older one to fall back to."""
    for found in node.iter(f"{W}numFmt"):
        if found.get(f"{W}val") in _FORMATS or found.get(f"{W}val") in ("bullet", "none"):
            return str(found.get(f"{W}val"))
    return "decimal"


def _read_overrides(node: Any, levels: Mapping[int, Level]) -> dict[int, Level]:
    changed = {}
    for override in node.findall(f"{W}lvlOverride"):
        depth = _int(override.get(f"{W}ilvl"), 0)
        own = override.find(f"{W}lvl")
        level = levels.get(depth, Level()) if own is None else _read_level(own)
        start = _value(override, "startOverride")
        if start:
            level = replace(level, start=_int(start, 1), anew=True)
        changed[depth] = level
    return changed


def _fill(level: Level, levels: Mapping[int, Level], counts: list[int | None]) -> str:
    """Return the text of a level with its counts in place of %1, %2 …"""

    def number(match: re.Match[str]) -> str:
        depth = int(match[1]) - 1
        other = levels.get(depth, Level())
        count = counts[depth]
        value = other.start if count is None else count
        return write_number(value, "decimal" if level.arabic else other.format)

    text = re.sub(r"%([1-9])", number, level.text)
    spaced = level.suffix != "nothing" and text and text[-1] not in "、．。）)：:.】］"
    return f"{text} " if spaced else text


def write_number(value: int, style: str) -> str:
    """Return a number in one of Word's formats; in figures where the format has no such number."""
    if not 0 < value < _LARGEST:
        return str(value)
    return _FORMATS.get(style, str)(value)


def _in_chinese(value: int, digits: str = _PLAIN, units: str = "十百千") -> str:
    if value >= 10_000:
        high = _in_chinese(value // 10_000, digits, units)
        low = value % 10_000
        gap = digits[0] if 0 < low < 1000 else ""
        return f"{high}万{gap}{_in_chinese(low, digits, units) if low else ''}"
    text, gap = "", ""
    for place, figure in enumerate(reversed(str(value))):
        if figure == "0":
            gap = digits[0] if text else ""
            continue
        text = digits[int(figure)] + ("", *units)[place] + gap + text
        gap = ""
    return text.removeprefix("一") if 10 <= value < 20 and digits is _PLAIN else text


def _in_letters(value: int) -> str:
    """Return a, b … z, aa, bb, as Word counts."""
    times, place = divmod(value - 1, 26)
    return chr(ord("a") + place) * min(times + 1, 20)


def _in_roman(value: int) -> str:
    text = ""
    for worth, letters in _ROMAN:
        text += letters * (value // worth)
        value %= worth
    return text


def _enclosed(value: int) -> str:
    return chr(0x2460 + value - 1) if value <= 20 else str(value)


def _digit_by_digit(value: int) -> str:
    return "".join("〇一二三四五六七八九"[int(figure)] for figure in str(value))


def _full_width(value: int) -> str:
    return "".join(chr(ord(figure) + 0xFEE0) for figure in str(value))


_FORMATS: dict[str, Callable[[int], str]] = {
    "decimal": str,
    "decimalZero": lambda value: f"{value:02}",
    "decimalFullWidth": _full_width,
    "decimalFullWidth2": _full_width,
    "decimalHalfWidth": str,
    "decimalEnclosedCircle": _enclosed,
    "decimalEnclosedCircleChinese": _enclosed,
    "decimalEnclosedParen": lambda value: f"（{value}）",
    "decimalEnclosedFullstop": lambda value: f"{value}.",
    "chineseCounting": _in_chinese,
    "chineseCountingThousand": _in_chinese,
    "japaneseCounting": _in_chinese,
    "taiwaneseCounting": _in_chinese,
    "taiwaneseCountingThousand": _in_chinese,
    "chineseLegalSimplified": lambda value: _in_chinese(value, _FORMAL, "拾佰仟"),
    "ideographLegalTraditional": lambda value: _in_chinese(value, _FORMAL, "拾佰仟"),
    "ideographDigital": _digit_by_digit,
    "japaneseDigitalTenThousand": _digit_by_digit,
    "taiwaneseDigital": _digit_by_digit,
    "ideographTraditional": lambda value: _STEMS[(value - 1) % 10],
    "ideographZodiac": lambda value: _BRANCHES[(value - 1) % 12],
    "ideographEnclosedCircle": lambda value: f"（{_in_chinese(value)}）",
    "lowerLetter": _in_letters,
    "upperLetter": lambda value: _in_letters(value).upper(),
    "lowerRoman": _in_roman,
    "upperRoman": lambda value: _in_roman(value).upper(),
}


def _value(node: Any, tag: str) -> str:
    child = node.find(f"{W}{tag}")
    return "" if child is None else str(child.get(f"{W}val") or "")


def _int(text: str | None, default: int) -> int:
    return int(text) if text and re.fullmatch(r"\d{1,6}", text) else default
