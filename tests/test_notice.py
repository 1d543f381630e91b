"""One-time notices: what applies is told, whole and the same in every form."""

import io
import logging
import re
import threading
import unicodedata
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import docx
import pdfplumber
import pytest
from factories import make_policy
from hypothesis import given
from hypothesis import strategies as st

from indexer.checkcodes import (
    ALPHABET,
    FIRST_DAY,
    LAST_DAY,
    MAX_OPTIONS,
    CheckCode,
    WrongCode,
    digest_of,
    read_code,
)
from indexer.loader import load_library
from indexer.notice import BLANK, Notice, Version, bases_of, compose_notice
from indexer.noticedocx import render_docx
from indexer.noticehtml import render_file
from indexer.noticepdf import PdfUnavailable, Printer, render_pdf
from indexer.notices import make_notice, sources_of_library
from indexer.policy import Kind, Policy
from indexer.problems import ParameterError
from indexer.situations import applies, options_of, read_situations, tell_situations

DAY = date(2026, 11, 30)
VERSION = Version(digest_of(["内容"]), "1234567890")
PERMIT = make_policy(
    "permit",
    situations=[
        {"question": "办哪一种", "options": ["新办", "变更", "延续"]},
        {"question": "是不是工地", "options": ["施工排水", "不是工地"]},
    ],
    applies_to=[{"text": "排水的单位"}],
    materials=[
        {"name": "申请表", "copies": 2, "form": "original", "template": "窗口免费领"},
        {"name": "原来的证", "situation": ["变更", "延续"], "form": "copy"},
        {"name": "施工图", "situation": ["新办", "施工排水"], "issued_by": "设计单位"},
        {"name": "营业执照", "shared": True},
    ],
    procedure=[{"name": "申请", "text": "到窗口提出", "basis": "办法第6条"}],
    time_limit=[
        {
            "kind": "statutory",
            "text": "15 个工作日内决定",
            "value": 15,
            "unit": "working_days",
            "stage": "decision",
            "situation": ["新办", "变更"],
        }
    ],
    fee=[{"text": "不收费"}],
    documents=[{"title": "排水条例", "doc_number": "国务院令第641号", "articles": "第21条"}],
    contact=[{"name": "热线", "phone": "12345"}],
    based_on=["procedure"],
)
PROCEDURE = make_policy(
    "procedure",
    kind="rule",
    refusal=[{"text": "不符合条件的，书面决定不予许可"}],
    remedies=[{"name": "行政复议", "text": "知道之日起 60 日内"}],
    not_counted=[{"text": "听证的时间"}],
    time_limit=[
        {"kind": "statutory", "text": "5 个工作日内一次告知", "stage": "acceptance"},
        {"kind": "statutory", "text": "20 个工作日内决定", "stage": "decision"},
    ],
)


def notice_of(*chosen: str, day: date = DAY, policy: Policy = PERMIT, address: str = "") -> Notice:
    picked = read_situations(chosen, policy)
    return compose_notice(policy, [PROCEDURE], picked, day, VERSION, address)


def rows(notice: Notice, key: str) -> list[str]:
    return [row.line for part in notice.shown_sections() if part.key == key for row in part.rows]


def test_only_what_applies_to_the_ticked_situation_is_listed() -> None:
    assert rows(notice_of("新办", "不是工地"), "materials") == [
        "□ 申请表（2 份；原件）",
        "□ 营业执照（可由部门共享，免提交）",
    ]
    assert rows(notice_of("延续", "不是工地"), "materials")[1] == "□ 原来的证（复印件）"
    assert rows(notice_of("新办", "施工排水"), "materials")[1] == "□ 施工图（由设计单位出具）"


def test_what_was_not_asked_rules_nothing_out() -> None:
    assert len(rows(notice_of(), "materials")) == 4
    assert len(rows(notice_of("新办"), "materials")) == 3
    told = notice_of("新办").answers
    assert told == ("办哪一种：新办", "是不是工地：没有选，各种情形都列出")


ASKED = (("新办", "变更", "延续"), ("工地", "不是工地"))


@pytest.mark.parametrize(
    ("situation", "chosen", "told"),
    [
        ([], ["延续"], True),
        (["新办"], [], True),
        (["新办"], ["工地"], True),
        (["新办"], ["延续"], False),
        (["新办", "变更"], ["变更"], True),
        (["新办", "工地"], ["新办"], True),
        (["新办", "工地"], ["新办", "工地"], True),
        (["新办", "工地"], ["新办", "不是工地"], False),
    ],
)
def test_options_of_a_question_are_alternatives_and_what_is_not_ticked_hides_nothing(
    situation: list[str], chosen: list[str], *, told: bool
) -> None:
    assert applies(situation, ASKED, chosen) is told


def test_a_part_says_for_whom_it_is_with_or_inside_a_question_and_and_between_questions() -> None:
    assert tell_situations(["变更", "工地", "新办"], ASKED) == "新办或变更，且工地"
    assert tell_situations([], ASKED) == ""
    (_, _, drawing, _) = (row for part in notice_of().sections for row in part.rows if row.to_tick)
    assert drawing.note == "适用情形：新办，且施工排水"


def test_a_situation_that_the_item_does_not_have_is_told() -> None:
    with pytest.raises(
        ParameterError, match=r"没有情形“施工排谁”，能选的有：新办、.*您是不是想写 施工排水"
    ):
        read_situations(["施工排谁"], PERMIT)
    with pytest.raises(ParameterError, match="procedure 不分情形，收到的是“新办”，请去掉。"):
        read_situations(["新办"], PROCEDURE)


def test_what_an_item_lacks_is_a_line_to_fill_in_and_never_a_value() -> None:
    notice = notice_of("延续", "不是工地")
    assert rows(notice, "promised") == [f"窗口承诺的时限：{BLANK}"]
    assert rows(notice, "counter") == [f"窗口和地址：{BLANK}", f"办公时间：{BLANK}"]
    assert rows(notice, "contact") == ["热线：12345", f"窗口电话：{BLANK}"]
    bare = make_policy("bare")
    assert rows(compose_notice(bare, [], (), DAY, VERSION), "materials") == [f"□ 材料：{BLANK}"] * 4


def test_a_notice_inherits_what_holds_for_every_permit_and_keeps_its_own_limit() -> None:
    notice = notice_of("新办")
    assert rows(notice, "refusal") == ["不符合条件的，书面决定不予许可"]
    assert rows(notice, "remedies") == ["行政复议：知道之日起 60 日内"]
    assert rows(notice, "not_counted") == ["听证的时间"]
    assert rows(notice, "statutory") == ["15 个工作日内决定", "5 个工作日内一次告知"]


def test_entries_that_rest_on_each_other_are_each_read_once() -> None:
    first = make_policy("first", based_on=["second"])
    second = make_policy("second", kind="rule", based_on=["third", "first"])
    third = make_policy("third", kind="rule", based_on=["second"])
    known = {policy.slug: policy for policy in (first, second, third)}
    assert [base.slug for base in bases_of(first, known.get)] == ["second", "third"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"expires": "2026-11-29"}, "有效到 2026 年 11 月 29 日，已经失效"),
        ({"effective": "2027-01-01"}, "从 2027 年 1 月 1 日起施行"),
        ({"expires": "2026-11-30"}, ""),
    ],
)
def test_a_notice_of_what_is_not_in_force_says_so_on_top(
    fields: dict[str, str], words: str
) -> None:
    notice = notice_of(policy=make_policy("old", **fields))
    assert words in notice.warning
    assert bool(notice.warning) is bool(words)
    assert notice.warning in render_file(notice)


# Every form holds the same text.


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._skipped = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._skipped += tag in ("style", "title")

    def handle_endtag(self, tag: str) -> None:
        self._skipped -= tag in ("style", "title")

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.words.append(data)


def squeeze(text: str) -> str:
    return re.sub(r"\s", "", text)


def html_words(notice: Notice) -> str:
    parser = _Words()
    parser.feed(render_file(notice))
    return squeeze("".join(parser.words))


def docx_words(notice: Notice) -> str:
    paper = docx.Document(io.BytesIO(render_docx(notice)))
    return squeeze("".join(text.text or "" for text in paper.element.body.iter(f"{WORD}t")))


WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


# Chromium writes some characters as the radicals that look the same (it takes the first character
# that a glyph of the font stands for). NFKC undoes most; these are left.
RADICALS = str.maketrans(
    "⺟⺠⺴⻁⻄⻅⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻤⻥⻦⻨⻩⻬⻮⻰⻳戶",
    "母民网虎西见贝车长门青韦页风飞食马鬼鱼鸟麦黄齐齿龙龟户",
)


def pdf_words(notice: Notice) -> str:
    """Return the words of the PDF, less the foot of each page."""
    logging.getLogger("pdfminer").setLevel(logging.ERROR)  # it complains of every font
    with pdfplumber.open(io.BytesIO(render_pdf(render_file(notice)))) as paper:
        pages = [page.extract_text() for page in paper.pages]
    text = unicodedata.normalize("NFKC", "\n".join(pages)).translate(RADICALS)
    return squeeze(re.sub(r"^.*联\s*第 ?\d+ ?页$", "", text, flags=re.M))


def test_html_and_word_hold_the_same_text_for_every_selection() -> None:
    options = [[None, *asked.options] for asked in PERMIT.situations]
    for picked in product(*options):
        notice = notice_of(*filter(None, picked), address="http://x.cn/notices/permit.html")
        assert html_words(notice) == docx_words(notice)
        body = squeeze("".join(notice.texts()))
        copies = ["申请人联（请保存好，办的时候带来）", "窗口联（存档）"]
        for words in (html_words(notice), docx_words(notice)):
            for copy in copies:
                words = words.replace(copy, "", 1)
            assert words.count(body) == 2


def test_the_pdf_holds_the_same_text_as_the_html() -> None:
    notice = notice_of("新办", "施工排水", address="http://x.cn/notices/permit.html")
    # The lines of a heading and those of its rows stand side by side, so their order is not told.
    words = unicodedata.normalize("NFKC", html_words(notice))
    assert Counter(pdf_words(notice)) == Counter(words)


def test_the_same_notice_gives_the_same_word_file() -> None:
    assert render_docx(notice_of("新办")) == render_docx(notice_of("新办"))


def test_each_copy_has_signature_lines_and_there_is_a_stub_with_the_code() -> None:
    notice = notice_of("延续")
    words = html_words(notice)
    assert words.count(f"申请人（签字）：{BLANK}") == 3
    assert words.count(f"告知人（签字）：{BLANK}") == 3
    assert words.count(notice.code) == 3
    assert words.endswith(
        squeeze("".join(["联系电话：", BLANK, "告知人（签字）：", BLANK, "日期：", BLANK]))
    )


def test_without_an_address_there_is_no_code_to_scan() -> None:
    assert "<svg" not in render_file(notice_of())
    notice = notice_of("新办", address="http://x.cn/notices/permit.html")
    assert notice.link == f"http://x.cn/notices/permit.html#{notice.code}"
    assert render_file(notice).count("<svg") == 2


def test_hostile_words_stay_words() -> None:
    evil = "<script>alert(1)</script>{{ 7*7 }}"
    policy = make_policy("evil", title=evil, materials=[{"name": evil, "note": evil}])
    notice = compose_notice(policy, [], (), DAY, VERSION)
    page = render_file(notice)
    assert "<script" not in page
    assert "49" not in page.replace(notice.code, "")
    assert squeeze(evil) in docx_words(notice)


def test_a_missing_browser_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    with pytest.raises(PdfUnavailable, match=r"要用 Chromium.*没有找到.*也可以改用 html"):
        render_pdf("<p>一次告知单</p>")


def test_a_printer_turns_away_those_for_whom_there_is_no_room_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started, go_on = threading.Event(), threading.Event()

    def wait(_: str) -> bytes:
        started.set()
        go_on.wait(10)
        return b"%PDF"

    monkeypatch.setattr("indexer.noticepdf.render_pdf", wait)
    printer = Printer(waiting=0)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(printer.render, "一")
        assert started.wait(10)
        with pytest.raises(PdfUnavailable, match="正在做别的 PDF"):
            printer.render("二")
        go_on.set()
        assert first.result() == b"%PDF"
    assert printer.render("三") == b"%PDF"


# Check codes.

CODES = st.builds(
    CheckCode,
    st.text(ALPHABET, min_size=8, max_size=8),
    st.dates(FIRST_DAY, LAST_DAY),
    st.lists(st.integers(0, MAX_OPTIONS - 1), unique=True, max_size=9).map(
        lambda places: tuple(sorted(places))
    ),
)


@given(CODES)
def test_a_code_says_what_it_was_made_from(code: CheckCode) -> None:
    assert read_code(str(code)) == code
    assert read_code(f" {str(code).lower().replace('-', ' ').replace('0', 'o')} ") == code


@given(CODES, st.data())
def test_one_wrong_character_is_noticed(code: CheckCode, data: st.DataObject) -> None:
    text = str(code).replace("-", "")
    at = data.draw(st.integers(0, len(text) - 1))
    wrong = data.draw(st.sampled_from(ALPHABET.replace(text[at], "")))
    with pytest.raises(WrongCode, match="抄错了"):
        read_code(text[:at] + wrong + text[at + 1 :])


def test_codes_that_are_none_are_told_why() -> None:
    for text, words in (
        ("ABCD", "有 12 到 24 个字符，收到的是 4 个"),
        ("", "收到的是 0 个"),
        ("7K3M-Q9TD-U!!!", "没有|里没有“U!”这样的字符"),
    ):
        with pytest.raises(WrongCode, match=words):
            read_code(text)


def test_a_code_holds_content_day_and_selection_and_nothing_else() -> None:
    code = read_code(notice_of("变更", "施工排水").code)
    assert code == CheckCode(VERSION.digest, DAY, (1, 3))


# The real entries.

POLICIES = Path(__file__).resolve().parent.parent / "policies"
PARTS = frozenset(
    [
        *("applies_to", "documents", "materials", "procedure", "statutory", "promised", "fee"),
        *("handling_body", "counter", "contact", "refusal", "remedies"),
    ]
)


def test_every_service_has_a_whole_notice_for_every_selection() -> None:
    library = load_library(POLICIES)
    find = sources_of_library(library)
    for policy in library.policies:
        if policy.kind is not Kind.SERVICE:
            continue
        for chosen in ((), options_of(policy.situations)[:1]):
            notice = make_notice(find, policy.slug, chosen, DAY)
            told = {section.key for section in notice.shown_sections()}
            assert told >= PARTS, policy.slug
            assert notice.code


def test_no_notice_carries_an_internal_note() -> None:
    library = load_library(POLICIES)
    find = sources_of_library(library)
    for policy in library.policies:
        if policy.kind is Kind.SERVICE and policy.internal:
            text = "\n".join(make_notice(find, policy.slug, (), DAY).texts())
            assert policy.internal not in text


def test_there_is_no_notice_of_what_is_no_service_or_of_a_day_no_code_can_hold() -> None:
    find = sources_of_library(load_library(POLICIES))
    with pytest.raises(ParameterError, match="不是办事事项，没有一次告知单"):
        make_notice(find, "permit-procedure", (), DAY)
    with pytest.raises(ParameterError, match="没有条目“nothing”"):
        make_notice(find, "nothing", (), DAY)
    with pytest.raises(ParameterError, match="as_of：只能是 2020-01-01 到"):
        make_notice(find, "road-excavation", (), FIRST_DAY - timedelta(days=1))
