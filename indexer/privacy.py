"""Personal data (个人信息): identity, mobile and card numbers and licence plates in a text.

Only what is surely one is told: the digits must check, and stand as people write them. So hotlines,
document numbers, dates and amounts pass, and no switch is needed that lets something through.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class PersonalKind(StrEnum):
    """What kind of personal data it is (个人信息的种类)."""

    IDENTITY = "身份证号码"
    MOBILE = "手机号码"
    CARD = "银行卡号"
    PLATE = "车牌号码"


@dataclass(frozen=True)
class Finding:
    """One piece of personal data: its place in the text, and what of it a message may show."""

    kind: PersonalKind
    begin: int
    end: int
    masked: str


# Between two digits of a number people put blanks and hyphens; pasted text has invisible ones.
_APART = "\\t \u00a0\u00ad\u2000-\u2015\u2060\u2212\u3000\ufeff\\-"
_DIGITS = re.compile(rf"[0-9](?:[{_APART}]{{0,3}}+[0-9]){{10,}}+[Xx]?")
_GROUP = re.compile("[0-9]+[Xx]?")
# A stretch of digits inside a word of letters and digits is a digest or a code; behind a point it
# is a fraction. “tel13800138000” is still a number.
_WORD_BEFORE = re.compile(r"(?:^|[^0-9A-Za-z])[A-Za-z]{0,12}$")
_FRACTION_BEFORE = re.compile(r"(?:^|[^0-9])[0-9]{1,9}\.$")
_CODE_AFTER = re.compile(r"[A-Za-z]*[0-9]|[A-Za-z]{13}|\.[0-9]{2}(?![0-9])")
_ADDRESS_BEFORE = re.compile(r"https?://[^\s\"'<>（）()，。；]*$")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}

LONGEST_ADDRESS = 300  # characters of it that are looked at
MOST_GROUPS = 6  # in which a number is written; more are the figures of a drawing or a table

# The first two digits: where the holder was registered (GB/T 2260), 83 for Taiwan residents.
_PROVINCES = frozenset(
    f"{region}{number}"
    for region, numbers in {1: 5, 2: 3, 3: 7, 4: 6, 5: 4, 6: 5}.items()
    for number in range(0 if region == 5 else 1, numbers + 1)
) | {"71", "81", "82", "83"}
_WEIGHTS = [2**power % 11 for power in range(17, 0, -1)]  # GB 11643
_CHECKS = "10X98765432"
_MOBILE = re.compile(r"(?:(?:00|0)?86|0)?1[3-9][0-9]{9}")
_MOBILE_GROUPS = {(11,), (3, 4, 4), (3, 8), (7, 4), (3, 3, 5)}
_COUNTRY_CODES = {"86", "086", "0086", "0"}
_CARD = re.compile(
    "62[0-9]{14,17}|4[0-9]{15}|5[1-5][0-9]{14}|35[0-9]{14}|3[47][0-9]{13}"  # 银联、维萨、万事达……
)
_PLATE = re.compile(
    "(?<![更创最全高翻革])"  # 更新A……: there 新 is no place
    f"[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新][{_APART}]?[A-HJ-NP-Z]"
    f"[{_APART}·•・]{{0,2}}"
    "(?:[A-HJK][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[A-HJK]"  # new energy
    "|(?=[A-HJ-NP-Z0-9]{0,4}[0-9])[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳])"
    "(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_STANDARD = re.compile(rf"新[{_APART}]?(?:GB|HJ|DB|CJ|JG)", re.IGNORECASE)  # 新GB50016 is a rule


def find_personal_data(text: str) -> Iterator[Finding]:
    """Yield the personal data in a text, in order; full-width digits and letters count as well."""
    plain = text.translate(_FULL_WIDTH) if _may_be_wide(text) else text
    found = [*_find_numbers(plain), *_find_plates(plain)]
    return iter(sorted(found, key=lambda finding: finding.begin))


def _may_be_wide(text: str) -> bool:
    return _WIDE.search(text) is not None


_WIDE = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]")


def _find_numbers(text: str) -> Iterator[Finding]:
    for stretch in _DIGITS.finditer(text):
        groups = _groups_of(text, stretch)
        in_address = _is_in_address(text, stretch.start())
        place = 0
        while place < len(groups):
            taken = 1
            for many in range(min(MOST_GROUPS, len(groups) - place), 0, -1):
                chosen = groups[place : place + many]
                kind = _kind_of([group.group() for group in chosen], in_address)
                if kind is not None:
                    yield _finding(kind, text, chosen[0].start(), chosen[-1].end())
                    taken = many
                    break
            place += taken


def _groups_of(text: str, stretch: re.Match[str]) -> list[re.Match[str]]:
    """Return the groups of digits in a stretch, without those that belong to a longer word."""
    begin, end = stretch.span()
    groups = list(_GROUP.finditer(text, begin, end))
    before = text[max(0, begin - 14) : begin]
    if not _WORD_BEFORE.search(before) or _FRACTION_BEFORE.search(before):
        groups = groups[1:]
    if _CODE_AFTER.match(text, end):
        groups = groups[:-1]
    return groups


def _is_in_address(text: str, place: int) -> bool:
    return _ADDRESS_BEFORE.search(text, max(0, place - LONGEST_ADDRESS), place) is not None


def _kind_of(groups: Sequence[str], in_address: bool) -> PersonalKind | None:
    """Tell what a number is; the numbers of pages in web addresses may look like a card's."""
    digits, sizes = "".join(groups), tuple(map(len, groups))
    if _is_identity(digits):
        return PersonalKind.IDENTITY
    if _is_mobile(groups, sizes):
        return PersonalKind.MOBILE
    if in_address:
        return None
    if len(groups) == 1 and _is_old_identity(digits):
        return PersonalKind.IDENTITY
    in_fours = set(sizes[:-1]) <= {4} and sizes[-1] <= 4
    return PersonalKind.CARD if (len(groups) == 1 or in_fours) and _is_card(digits) else None


def _is_identity(digits: str) -> bool:
    """Tell whether 18 digits are an identity number: a place, a birthday, and a check that fits."""
    if len(digits) != 18 or digits[:2] not in _PROVINCES or not _is_birthday(digits[6:14]):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=False))
    return _CHECKS[total % 11] == digits[17].upper()


def _is_old_identity(digits: str) -> bool:
    """Tell whether 15 digits may be an identity number as issued until 1999."""
    plain = len(digits) == 15 and digits.isdecimal()
    return plain and digits[:2] in _PROVINCES and _is_birthday(f"19{digits[6:12]}")


def _is_birthday(digits: str) -> bool:
    if not digits.isdecimal() or digits[:2] not in ("18", "19", "20"):
        return False
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


def _is_mobile(groups: Sequence[str], sizes: tuple[int, ...]) -> bool:
    if len(groups) > 1 and groups[0] in _COUNTRY_CODES:
        groups, sizes = groups[1:], sizes[1:]
    whole = len(groups) == 1 and _MOBILE.fullmatch(groups[0]) is not None
    return whole or (sizes in _MOBILE_GROUPS and _MOBILE.fullmatch("".join(groups)) is not None)


def _is_card(digits: str) -> bool:
    """Tell whether digits are a card's: a known beginning and length, and Luhn's sum."""
    if _CARD.fullmatch(digits) is None:
        return False
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits), 1)]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def _find_plates(text: str) -> Iterator[Finding]:
    for match in _PLATE.finditer(text):
        if not _STANDARD.match(match.group()):
            yield _finding(PersonalKind.PLATE, text, *match.span())


def _finding(kind: PersonalKind, text: str, begin: int, end: int) -> Finding:
    return Finding(kind, begin, end, _mask(text[begin:end]))


def _mask(value: str) -> str:
    """Return the first characters and the last one of a number, with stars between them."""
    solid = re.sub(f"[{_APART}·•・]", "", value)
    first = 2 if len(solid) < 10 else 3
    return f"{solid[:first]}{'*' * (len(solid) - first - 1)}{solid[-1]}"
