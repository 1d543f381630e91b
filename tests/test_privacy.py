"""Personal data: what is found in a text, what is not, and how an editor is told."""

import re
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.loader import inspect_library
from indexer.privacy import PersonalKind, find_personal_data

ROOT = Path(__file__).resolve().parent.parent
GOOD = (ROOT / "tests" / "cases" / "good.md").read_text(encoding="utf-8")
IDENTITY, MOBILE, CARD, PLATE = PersonalKind
WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
BLANKS = ("", " ", "-", " - ", "\u3000", "\u200b", "\u2014")


def kinds(text: str) -> list[PersonalKind]:
    return [finding.kind for finding in find_personal_data(text)]


def with_check(digits: str) -> str:
    """Return an identity number with its check digit, by the sum of the standard (GB 11643)."""
    total = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(digits))
    return f"{digits}{next(c for n, c in enumerate('0123456789X') if (total + n) % 11 == 1)}"


def with_luhn(digits: str) -> str:
    """Return a card number with its check digit."""

    def total(number: str) -> int:
        pairs = enumerate(map(int, reversed(number)))
        return sum(digit if even % 2 == 0 else sum(divmod(2 * digit, 10)) for even, digit in pairs)

    return next(whole for n in range(10) if total(whole := f"{digits}{n}") % 10 == 0)


def numbers(length: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=length, max_size=length)


provinces = st.sampled_from(["11", "37", "50", "62", "65", "81"])
days = st.dates(date(1900, 1, 1), date(2026, 11, 30))
identities = st.builds(
    lambda province, place, day, order: with_check(f"{province}{place}{day:%Y%m%d}{order}"),
    provinces,
    numbers(4),
    days,
    numbers(3),
)
old_identities = st.builds(
    lambda province, place, day, order: f"{province}{place}{day:%y%m%d}{order}",
    provinces,
    numbers(4),
    st.dates(date(1920, 1, 1), date(1999, 12, 31)),
    numbers(3),
)
mobiles = st.builds(lambda first, rest: f"1{first}{rest}", st.sampled_from("3456789"), numbers(9))
cards = st.one_of(
    numbers(13).map(lambda rest: with_luhn(f"62{rest}")),
    numbers(16).map(lambda rest: with_luhn(f"62{rest}")),
    numbers(14).map(lambda rest: with_luhn(f"4{rest}")),
    numbers(13).map(lambda rest: with_luhn(f"52{rest}")),
)
letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
plates = st.builds(
    lambda province, letter, rest: f"{province}{letter}{rest}",
    st.sampled_from("鲁京沪粤冀新"),
    st.sampled_from(letters),
    st.one_of(
        numbers(5),
        st.builds(str.__add__, st.sampled_from(letters), numbers(4)),
        st.builds(str.__add__, numbers(4), st.sampled_from("学警挂")),
        st.builds(lambda kind, rest: f"{kind}{rest}", st.sampled_from("DF"), numbers(5)),
        st.builds(lambda rest, kind: f"{rest}{kind}", numbers(5), st.sampled_from("DF")),
    ),
).filter(lambda plate: not re.match("新(?:GB|HJ|DB|CJ|JG)", plate))
around = st.sampled_from(["", "电话", "（", "：", "\n", "，2026年办的是"])
behind = st.sampled_from(["", "。", "）", "\n2026", "是他的", "、", '"'])


def put_apart(number: str, sizes: tuple[int, ...], blank: str) -> str:
    ends = [sum(sizes[:count]) for count in range(len(sizes) + 1)]
    return blank.join(number[begin:end] for begin, end in pairwise(ends))


@given(
    around,
    identities,
    st.sampled_from([(18,), (6, 8, 4), (6, 4, 4, 4)]),
    st.sampled_from(BLANKS),
    behind,
    st.booleans(),
)
def test_an_identity_number_is_found_however_it_is_written(
    before: str, number: str, sizes: tuple[int, ...], blank: str, after: str, wide: bool
) -> None:
    written = put_apart(number, sizes, blank)
    written = written.translate(WIDE) if wide else written
    assert kinds(before + written + after) == [IDENTITY]
    assert kinds(before + written.lower() + after) == [IDENTITY]


@given(identities, st.integers(0, 16), st.integers(1, 9))
def test_a_number_with_a_wrong_digit_is_no_identity_number(
    number: str, place: int, step: int
) -> None:
    digit = str((int(number[place]) + step) % 10)
    assert IDENTITY not in kinds(number[:place] + digit + number[place + 1 :])


@given(around, old_identities, behind)
def test_an_identity_number_as_issued_until_1999_is_found(
    before: str, number: str, after: str
) -> None:
    assert kinds(before + number + after) == [IDENTITY]


@given(
    around,
    st.sampled_from(["", "+86", "86 ", "+86-", "0086 ", "0"]),
    mobiles,
    st.sampled_from([(11,), (3, 4, 4), (3, 8), (7, 4)]),
    st.sampled_from(BLANKS),
    behind,
    st.booleans(),
)
def test_a_mobile_number_is_found_however_it_is_written(
    before: str, code: str, number: str, sizes: tuple[int, ...], blank: str, after: str, wide: bool
) -> None:
    if code in ("+86", "0") and len(sizes) > 1:
        code += " "
    written = code + put_apart(number, sizes, blank)
    assert kinds(before + (written.translate(WIDE) if wide else written) + after) == [MOBILE]


@given(around, cards, st.booleans(), st.sampled_from([" ", "-"]), behind)
def test_a_card_number_is_found_however_it_is_written(
    before: str, number: str, in_fours: bool, blank: str, after: str
) -> None:
    fours = [number[place : place + 4] for place in range(0, len(number), 4)]
    assert kinds(before + (blank.join(fours) if in_fours else number) + after) == [CARD]


@given(cards, st.integers(1, 9))
def test_a_number_with_a_wrong_sum_is_no_card(number: str, step: int) -> None:
    assert CARD not in kinds(number[:-1] + str((int(number[-1]) + step) % 10))


@given(
    st.sampled_from(["", "车牌", "车主的", " "]),
    plates,
    st.sampled_from(["", " ", "·", "-"]),
    behind.filter(lambda text: not text.startswith("是")),
    st.booleans(),
)
def test_a_licence_plate_is_found_however_it_is_written(
    before: str, plate: str, blank: str, after: str, wide: bool
) -> None:
    written = plate[:2] + blank + plate[2:]
    assert kinds(before + (written.translate(WIDE) if wide else written) + after) == [PLATE]


@given(st.lists(mobiles, min_size=2, max_size=5), st.sampled_from([" ", "、", "/", "\n", "-"]))
def test_each_of_several_numbers_is_found(found: list[str], between: str) -> None:
    text = between.join(found)
    places = [text[finding.begin : finding.end] for finding in find_personal_data(text)]
    assert places == found


@given(st.one_of(identities, old_identities, mobiles, cards, plates), around, behind)
def test_what_is_shown_never_has_more_than_a_few_characters_of_it(
    number: str, before: str, after: str
) -> None:
    for finding in find_personal_data(before + number + after):
        shown = finding.masked.replace("*", "")
        assert len(shown) <= 4
        assert len(finding.masked) == len(number)
        assert finding.masked != number


@given(st.one_of(identities, mobiles, cards), numbers(3).filter(lambda rest: rest[0] != "0"))
def test_a_longer_number_has_no_shorter_one_in_it(number: str, more: str) -> None:
    longer = f"{more}{number}77"
    assert [f for f in find_personal_data(longer) if f.end - f.begin < len(longer)] == []


@pytest.mark.parametrize(
    "text",
    [
        "拨打 12345、12366、12333 或 0533-7123456、0533 712 3456",
        "400-820-8820，800 810 8888，96116，95598",
        "国发〔2024〕3号，鲁政办发〔2021〕15号，国务院令第641号",
        "2026-11-30 至 2027-12-31，20261130，2026 11 30",
        "统一社会信用代码 91370305MA3C123456，12370305493212345X",
        "区划代码 370305001000，工程编号 2024-370305-48-01-123456",
        "一共 13800138000.00 元，按 0.13800138000 计",
        'integrity="sha256-a1b13800138000c" 4f13800138000e9d',
        "https://www.gov.cn/zhengce/content/4111111111111111/art_370305900101123.html",
        "更新A12345版，创新B12345号，新GB50016-2014，鲁C牌照，京A标准，川HJ 2.1",
        "M10 20v-6h4v6h5v-8h3L12 3 2 12h3v8z",
        '{"starts":[13,800,138,0,0,13800,138000],"at":1700000000000}',
        "1" * 11 + "0" * 40,
    ],
)
def test_public_numbers_do_not_alarm(text: str) -> None:
    assert kinds(text) == []


@given(st.text(max_size=200))
def test_no_text_whatever_breaks_the_search(text: str) -> None:
    for finding in find_personal_data(text):
        assert 0 <= finding.begin < finding.end <= len(text)


def test_many_digits_are_looked_through_quickly() -> None:
    assert kinds("1 " * 100_000 + "13" * 100_000 + "-1" * 100_000) == []


# In entries


def check(folder: Path, text: str) -> list[str]:
    policies = folder / "policies"
    policies.mkdir()
    (policies / "loan.md").write_text(text, encoding="utf-8")
    return [str(problem) for problem in inspect_library(policies)[1]]


def test_personal_data_in_any_part_of_an_entry_is_told_with_its_line(tmp_path: Path) -> None:
    number = with_check("37030519900101123")
    text = GOOD.replace(
        "\n---\n",
        f"\ncontact:\n- name: 张经理\n  phone: 138 0013 8000\ninternal: >-\n  找老李，\n"
        f"  {number}\n# 备用 13900139000\n---\n",
    )
    text += "\n车牌鲁C12345。\n"
    lines = text.split("\n")

    def line(of: str) -> int:
        return next(number for number, line in enumerate(lines, start=1) if of in line)

    masked = f"370**************{number[-1]}"
    told = "。条目里不能有个人信息，内部备注里也不行；请删去，要留联系方式的写部门和公开电话。"
    assert check(tmp_path, text) == [
        f"policies/loan.md:{line('138 0013')} contact.1.phone：这里有手机号码（138*******0）{told}",
        f"policies/loan.md:{line(number)} internal：这里有身份证号码（{masked}）{told}",
        f"policies/loan.md:{line('139001')}：这里有手机号码（139*******0）{told}",
        f"policies/loan.md:{line('鲁C')}：这里有车牌号码（鲁C****5）{told}",
    ]


def test_a_number_that_yaml_puts_together_is_told(tmp_path: Path) -> None:
    text = GOOD.replace("\n---\n", '\ninternal: "\\x31380013\\\n  8000"\n---\n')
    (told,) = check(tmp_path, text)
    assert "internal：这里有手机号码（138*******0）" in told


def test_the_same_number_in_two_places_is_told_twice(tmp_path: Path) -> None:
    text = GOOD.replace("\n---\n", "\ninternal: 13800138000\n---\n") + "\n13800138000\n"
    first, second = check(tmp_path, text)
    assert " internal：" in first
    assert "loan.md:" in second
    assert "internal" not in second.split("：")[0]


def test_the_real_library_has_no_personal_data() -> None:
    files = sorted((ROOT / "policies").rglob("*.md"))
    assert len(files) > 100
    for path in files:
        assert list(find_personal_data(path.read_text(encoding="utf-8"))) == [], path
