import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whoosh.fields import TEXT, Schema

from indexer.analysis import (
    WordTokenizer,
    analyse,
    find_bigrams,
    is_dictionary_word,
    load_jieba,
    normalise,
    own_words,
)

POLICIES = Path(__file__).parent.parent / "policies"
SAMPLES = [
    "挖掘城市道路审批，由市政工程主管部门和公安交通管理部门批准。",
    "小规模纳税人3%征收率减按1%征收增值税（财政部 税务总局公告2026年第10号）",
    "C++ 与 R&D 费用；a-b_c.d，【国发〔2024〕3号】é鿿㐀",
]


def words(text: str) -> list[str]:
    return analyse(text).words


def test_rjieba_and_jieba_give_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rjieba")
    texts = [*SAMPLES, *(p.read_text("utf-8") for p in POLICIES.rglob("*.md"))]
    fast = [words(text) for text in texts]
    monkeypatch.setattr("indexer.analysis._segmenter", load_jieba)
    assert [words(text) for text in texts] == fast


@settings(deadline=None)  # the dictionary is loaded once
@given(st.text(alphabet="中文申请排水A1.%-+#&_ 鿿㐀𠀀,。\n\u3000\u9fd6é½ß號㎡", max_size=40))
def test_the_two_segmenters_agree_on_odd_characters(text: str) -> None:
    pytest.importorskip("rjieba")
    fast = words(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("indexer.analysis._segmenter", load_jieba)
        assert words(text) == fast


def test_full_width_capital_and_traditional_characters_are_made_alike() -> None:
    assert normalise("營業執照ＡＢＣ１２３，（Ｘ）") == "营业执照abc123,(x)"


@pytest.mark.parametrize(
    "written", ["国发〔2024〕3号", "国发[2024]3号", "国发 2024 3号", "國發（２０２４）第03号"]
)
def test_every_way_to_write_a_document_number_gives_one_token(written: str) -> None:
    assert "〔2024〕3号" in words(f"根据{written}文件")


@pytest.mark.parametrize(
    "written", ["国务院令第641号", "国务院第641号令", "国务院令第六百四十一号"]
)
def test_every_way_to_write_a_decree_gives_one_token(written: str) -> None:
    assert "〔令〕641号" in words(f"根据{written}公布")


@pytest.mark.parametrize("written", ["第32条", "第三十二条", "第 32 条"])
def test_every_way_to_write_an_article_gives_one_token(written: str) -> None:
    assert "第32条" in words(f"条例{written}规定")


@pytest.mark.parametrize(
    ("written", "figures"),
    [
        ("三十天", "30"),
        ("两年", "2"),
        ("一百二十元", "120"),
        ("一千零五十", "1050"),
        ("十万元", "100000"),
        ("10万元", "100000"),
        ("1.5亿", "150000000"),
        ("二〇二六年", "2026"),
    ],
)
def test_a_number_in_words_has_its_figures_too(written: str, figures: str) -> None:
    assert figures in words(written)


@pytest.mark.parametrize("written", ["百姓", "一个", "十四五规划", "千方百计", "两家"])
def test_a_word_with_a_figure_in_it_is_no_number(written: str) -> None:
    assert not any(word[0].isdecimal() for word in words(written))


def test_a_date_or_a_sum_is_no_document_number() -> None:
    assert not any(
        word.startswith("〔") for word in words("2024年3月1日起，20243号，2024 30000 元")
    )


def test_places_count_characters_of_the_original_text() -> None:
    text = "面積５００㎡，½是綠地"
    analysis = analyse(text)
    found = {
        word: text[begin:end]
        for word, begin, end in zip(analysis.words, analysis.begins, analysis.ends, strict=True)
    }
    assert found["面积"] == "面積"
    assert found["500m2"] == "５００㎡"
    assert found["绿地"] == "綠地"


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_can_be_analysed_and_its_places_lie_within(text: str) -> None:
    analysis = analyse(text)
    for word, begin, end in zip(analysis.words, analysis.begins, analysis.ends, strict=True):
        assert word
        assert 0 <= begin < end <= len(text)


def test_a_break_stands_between_pairs_of_characters_that_do_not_touch() -> None:
    pairs = [chr(p >> 16) + chr(p & 0xFFFF) if p else "|" for p in analyse("免申，即享了").pairs]
    assert pairs == ["免申", "|", "即享", "享了", "|"]


def test_pairs_are_found_in_the_original_text() -> None:
    assert find_bigrams("㎡免申即享", ["即享", "享免"]) == [(3, 5)]
    assert find_bigrams("享享享", ["享享"]) == [(0, 2), (1, 3)]


def test_a_word_of_the_trade_is_found_whole_and_by_its_parts() -> None:
    assert "排水许可" in own_words()
    assert words("办排水许可") == ["办", "排水", "许可", "排水许可"]
    assert not is_dictionary_word("排水许可")
    assert is_dictionary_word("排水")


def test_latin_words_keep_what_belongs_to_them() -> None:
    assert words("C++ 与 R&D，税率3.5%，电话0533-7180000") == (
        ["c++", "与", "r&d", "税率", "3.5%", "电话", "0533", "7180000"]
    )


def test_tokenizer_counts_positions_from_zero_and_survives_pickling() -> None:
    schema = pickle.loads(pickle.dumps(Schema(body=TEXT(analyzer=WordTokenizer()))))
    tokens = schema["body"].analyzer("申请排水许可", positions=True, chars=True)
    assert [(t.text, t.pos, t.startchar) for t in tokens] == [
        ("申请", 0, 0),
        ("排水", 1, 2),
        ("许可", 2, 4),
        ("排水许可", 3, 2),
    ]
