"""Issuing bodies (发文机关): what their names look like, where they are, what their marks mean."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from indexer.docnumbers import short_body
from indexer.policy import LEXICON, Level, region_names
from indexer.problems import read_lexicon

ISSUING = LEXICON / "issuing.yml"
_LONGEST = 40

_NAME = re.compile(r"[\u4e00-\u9fff（）()]{3,40}")
_ENDING = re.compile(
    "(?:政府|委员会|常委会|管委会|办公厅|办公室|委|办|厅|局|总局|署|部|院|中心|银行|分行|公司|集团|队|所|处"
    "|站|会|行|区委|市委|省委|联|校|大学|学院|社|馆|国务院|主席|领导小组|指挥部)$"
)
# What ends like a body and is none: those addressed, and a list of them.
_NO_BODY = re.compile(
    "^(?:的|等|各|有关|关于|本|该|附|以下|你|我|其他|相关|上述|所有)|第.{1,3}[部章]$|大会$|机会$|社会$|网站?$"
)
_PROVINCIAL_CITIES = "北京市|天津市|上海市|重庆市"
_PROVINCE = re.compile(
    f"(?:{_PROVINCIAL_CITIES}|(?:(?!省|市|区|县)[\u4e00-\u9fff]){{2,4}}?省"
    "|(?:内蒙古|广西壮族|西藏|宁夏回族|新疆维吾尔)自治区)"
)
_CITY = re.compile("(?:(?!省|市|区|县|旗)[\u4e00-\u9fff]){2,6}?(?:自治州|地区|盟|市)")
_DISTRICT = re.compile("(?:(?!省|市|区|县|旗)[\u4e00-\u9fff]){1,7}?(?:新区|区|县|自治县|旗)")
_NATIONAL_BRANCH = re.compile("^国家[\u4e00-\u9fff]{2,8}?(?:总局|总队|局)(?=[\u4e00-\u9fff]{2})")


@dataclass(frozen=True)
class Place:
    """Where a body is: its level, and the region that it governs (none for the whole country)."""

    level: Level
    region: str | None


@cache
def _marks(path: Path = ISSUING) -> dict[str, Any]:
    table: dict[str, Any] = read_lexicon(path)
    return table


def is_body(text: str) -> bool:
    """Tell whether a short text is the name of an issuing body."""
    return (
        len(text) <= _LONGEST
        and (_NAME.fullmatch(text) is not None or text == "国务院")
        and _ENDING.search(text) is not None
        and _NO_BODY.search(text) is None
    )


def bodies_in(line: str) -> tuple[str, ...]:
    """Return the bodies that a line consists of, or nothing: 财政部　税务总局 are two."""
    parts = tuple(part for part in re.split(r"[\s、]+", line.strip()) if part)
    if parts and all(map(is_body, parts)):
        return parts
    closed = re.sub(r"\s", "", line)  # set with blanks to fill the line: 临 淄 区 人 民 政 府
    return (closed,) if parts and max(map(len, parts)) == 1 and is_body(closed) else ()


def place_of(body: str) -> Place | None:
    """Return the level of a body and its region, as far as its name tells."""
    body = _NATIONAL_BRANCH.sub("", body)
    found = _split_place(body)
    if found is not None:
        return found
    name = short_body(body)
    national = name.startswith(tuple(_marks()["departments"]))
    return Place(Level.NATIONAL, None) if national or name.endswith("总局") else None


def _split_place(text: str) -> Place | None:
    """Read the province, city and district at the beginning of a name."""
    parts: list[tuple[Level, str]] = []
    kinds = ((_PROVINCE, Level.PROVINCE), (_CITY, Level.CITY), (_DISTRICT, Level.DISTRICT))
    begin = 0
    for pattern, level in kinds:
        match = pattern.match(text, begin)
        if match:
            parts.append((level, match[0]))
            begin = match.end()
    if not parts:
        return None
    level, name = parts[-1]
    if level is Level.DISTRICT and len(parts) > 1:
        name = parts[-2][1] + name
    return Place(level, _known_region(name))


def _known_region(name: str) -> str:
    """Return a region as the library calls it: 临淄区 is 淄博市临淄区."""
    same = [region for region in region_names() if region.endswith(name) or name.endswith(region)]
    return max(same, key=len) if same and name not in region_names() else name


def without_province(body: str) -> str:
    """Return a body without the province of its city: 山东省淄博市人民政府 is 淄博市人民政府."""
    province = _PROVINCE.match(body)
    rest = body[province.end() :] if province else body
    return rest if _CITY.match(rest) or _DISTRICT.match(rest) else body


def leading_place(text: str) -> str | None:
    """Return the place with which a title begins: 江苏省 of 江苏省……规定."""
    match = _PROVINCE.match(text) or _CITY.match(text) or _DISTRICT.match(text)
    return match[0] if match and place_of(text) else None


@dataclass(frozen=True)
class MarkedBody:
    """The body that the mark of a number stands for; `named` if the text names its place."""

    body: str
    named: bool


def body_of_number(number: str, texts: Iterable[str]) -> MarkedBody | None:
    """Return the body whose mark a number bears: 鲁政发〔2020〕1号 is from 山东省人民政府."""
    mark = number.partition("〔")[0]
    table = _marks()
    for known in sorted(table["national"], key=len, reverse=True):
        if mark.startswith(known):
            return MarkedBody(table["national"][known], True)
    for short in sorted(table["places"], key=len, reverse=True):
        if not mark.startswith(short):
            continue
        rest = mark[len(short) :]
        for known in sorted(table["bodies"], key=len, reverse=True):
            if rest.startswith(known):
                return _body_at(table["places"][short], table["bodies"][known], list(texts))
    return None


def _body_at(places: Sequence[str], names: Sequence[str], texts: Sequence[str]) -> MarkedBody:
    """Return the body in the place that the text names, or in the first."""
    named = [place for place in places if any(_short(place) in text for text in texts)]
    place = (named or list(places))[0]
    provincial = place.endswith(("省", "自治区"))
    return MarkedBody(place + names[0 if provincial else 1], bool(named))


def _short(place: str) -> str:
    """Return a place as its own papers call it: 临淄区 of 淄博市临淄区."""
    match = re.search("[^省市]{2,4}(?:区|县)$", place)
    return match[0] if match and not place.endswith("自治区") else place
