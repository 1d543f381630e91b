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
    load_jieba,
    normalise,
    read_question,
    stopwords,
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
    monkeypatch.setattr("indexer.analysis._cutter", load_jieba)
    assert [words(text) for text in texts] == fast


@settings(deadline=None)  # the dictionary is loaded once
@given(st.text(alphabet="中文申请排水A1.%-+#&_ 鿿㐀𠀀,。\n\u3000\u9fd6é½ß號㎡", max_size=40))
def test_the_two_segmenters_agree_on_odd_characters(text: str) -> None:
    pytest.importorskip("rjieba")
    fast = words(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("indexer.analysis._cutter", load_jieba)
        assert words(text) == fast


def test_full_width_capital_and_traditional_characters_are_made_alike() -> None:
    assert normalise("營業執照ＡＢＣ１２３，（Ｘ）") == "营业执照abc123,(x)"


@pytest.mark.parametrize(
    "written", ["国发〔2024〕3号", "国发[2024]3号", "国发 2024 3号", "國發（２０２４）第03号"]
)
def test_every_way_to_write_a_document_number_gives_one_token(written: str) -> None:
    assert "〔2024〕3号" in words(f"根据{written}文件")


def test_number_of_an_announcement_by_year_is_a_document_number() -> None:
    assert read_question("公告2026年第10号").numbers == ("〔2026〕10号",)


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


def test_pairs_of_characters_do_not_reach_over_a_break() -> None:
    text = "免申，即享"
    assert [chr(p >> 16) + chr(p & 0xFFFF) for p in analyse(text).bigrams.tolist()] == [
        "免申",
        "即享",
    ]


def test_pairs_are_found_in_the_original_text() -> None:
    (wanted,) = read_question("即享").bigrams
    assert find_bigrams("㎡免申即享", {wanted}) == [(3, 5)]


def test_stop_words_of_a_question_carry_no_weight() -> None:
    question = read_question("请问排水证怎么办理")
    assert set(question.words) <= {"排水证", "排水", "证"}


def test_a_query_of_stop_words_only_keeps_them() -> None:
    assert read_question("怎么办").words == ("怎么办",)


def test_latin_words_keep_what_belongs_to_them() -> None:
    assert words("C++ 与 R&D，税率3.5%，电话0533-7180000") == (
        ["c++", "与", "r&d", "税率", "3.5%", "电话", "0533", "7180000"]
    )


def test_no_stop_word_is_also_a_word_of_the_trade() -> None:
    assert not stopwords() & {"补贴", "许可", "审批", "申请", "贷款", "证", "费", "税"}


def test_tokenizer_counts_positions_from_zero_and_survives_pickling() -> None:
    schema = pickle.loads(pickle.dumps(Schema(body=TEXT(analyzer=WordTokenizer()))))
    tokens = schema["body"].analyzer("申请排水许可", positions=True, chars=True)
    assert [(t.text, t.pos, t.startchar) for t in tokens] == [
        ("申请", 0, 0),
        ("排水", 1, 2),
        ("许可", 2, 4),
    ]
