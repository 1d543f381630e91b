import pytest
from factories import make_index, make_policy, slugs
from hypothesis import given, settings
from hypothesis import strategies as st
from test_query import DAY

from indexer.correction import correct_slips, correct_sounds, read_pinyin
from indexer.index import Index
from indexer.params import SearchParams
from indexer.pinyin import alike, read_letters, sound_numbers, syllables
from indexer.query import search
from indexer.understanding import understand


@pytest.fixture(scope="module")
def index() -> Index:
    return make_index(
        make_policy("drain", title="城镇污水排入排水管网许可", aliases=["排水许可", "排水证"]),
        make_policy("refund", title="失业保险稳岗返还", aliases=["稳岗返还", "稳岗补贴"]),
        make_policy("loan", title="个人创业担保贷款", aliases=["创业担保贷款"], kind="benefit"),
        make_policy("road", title="挖掘城市道路审批", aliases=["挖掘道路", "破路"]),
        make_policy("rail", title="轨道交通VAT退税", aliases=["银行贷款"], kind="benefit"),
    )


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("paishuixuke", "排水许可"),
        ("paishui xuke", "排水许可"),
        ("pai shui xu ke", "排水许可"),
        ("psxk", "排水许可"),
        ("排水xk", "排水许可"),
        ("ps许可", "排水许可"),
        ("wjdl", "挖掘道路"),
        ("wjsp", "挖掘城市道路审批"),
        ("wengangfanhuan", "稳岗返还"),
        ("wengan fanhuan", "稳岗返还"),
        ("chuangye danbao daikuan", "创业担保贷款"),
        ("cuangye", "创业"),
        ("yinhangdaikuan", "银行贷款"),
        ("pszk", "排水许可"),
        ("排水xuke申请", "排水许可申请"),
        ("办psxk要多久", "办排水许可要多久"),
        ("paishuixukezenmeban", "排水许可"),
        ("psxk zenmeban", "排水许可"),
    ],
)
def test_pinyin_is_read_as_what_it_means(index: Index, typed: str, meant: str) -> None:
    assert read_pinyin(index, typed)[0] == meant


@pytest.mark.parametrize("typed", ["vat", "hello world", "zzzzzz", "排水许可", "12345", "p"])
def test_what_is_no_pinyin_of_a_name_is_left_alone(index: Index, typed: str) -> None:
    assert read_pinyin(index, typed) == []


def test_a_question_word_in_pinyin_alone_finds_nothing(index: Index) -> None:
    assert search(index, SearchParams(q="zenmeban"), DAY).hits == ()


def test_words_before_and_after_pinyin_are_kept(index: Index) -> None:
    assert read_pinyin(index, "vat, psxk 2026年") == ["vat, 排水许可 2026年"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("稳港返还", "稳岗返还"),
        ("请问稳港返还怎么申请", "请问稳岗返还怎么申请"),
        ("排水正", "排水证"),
        ("拍水许可", "排水许可"),
        ("创夜担保贷款", "创业担保贷款"),
        ("稳岗反还", "稳岗返还"),
    ],
)
def test_characters_that_only_sound_right_are_replaced(
    index: Index, typed: str, meant: str
) -> None:
    assert correct_sounds(index, typed) == meant


@pytest.mark.parametrize("typed", ["稳岗返还", "排水许可", "老太太过了八十", "abc", ""])
def test_what_makes_sense_is_not_replaced(index: Index, typed: str) -> None:
    assert correct_sounds(index, typed) is None


@pytest.mark.parametrize(
    "typed",
    ["创业但呆贷款", "创业保担贷款", "创业担贷款", "创业担保保贷款", "创业担保费贷款"],
)
def test_one_slip_in_a_name_is_put_right(index: Index, typed: str) -> None:
    answer = search(index, SearchParams(q=typed), DAY)
    assert slugs(answer)[0] == "loan"


def test_a_slip_is_found_by_its_characters_when_no_pair_is_right(index: Index) -> None:
    assert slugs(search(index, SearchParams(q="挖道掘路"), DAY))[:1] == ["road"]


def test_the_answer_says_what_was_searched_instead(index: Index) -> None:
    answer = search(index, SearchParams(q="稳港返还"), DAY).to_dict()
    assert answer["query"]["corrected"] == "稳岗返还"
    assert answer["query"]["text"] == "稳港返还"
    assert answer["hits"][0]["slug"] == "refund"


def test_what_is_quoted_is_searched_as_it_is(index: Index) -> None:
    answer = search(index, SearchParams(q='"稳港返还"'), DAY)
    assert answer.corrected is None
    assert answer.hits == ()


def test_a_correction_that_answers_no_better_is_not_made(index: Index) -> None:
    asked = understand(index, "排水许可 天气预报")
    assert asked.corrected is None


def test_words_that_are_right_by_themselves_are_not_taken_for_slips() -> None:
    index = make_index(
        make_policy("child", title="育儿补贴", aliases=["生育补贴"]),
        make_policy("old", title="高龄津贴"),
        make_policy("road", title="抢修挖路"),
    )
    for query in ("生育津贴", "高温津贴", "抢修破路"):
        assert search(index, SearchParams(q=query), DAY).corrected is None, query
    assert search(index, SearchParams(q="生育卜贴"), DAY).corrected == "生育补贴"


def test_a_spelling_that_is_not_sure_is_suggested_and_not_taken() -> None:
    index = make_index(
        make_policy("road", title="占用城市道路审批", aliases=["占道费"]),
        make_policy("other", title="水费怎么算", body="怎么算水费。"),
    )
    answer = search(index, SearchParams(q="占到费"), DAY)
    assert answer.corrected is None
    assert not answer.confident
    assert answer.suggestions[0] == {"text": "占道费"}
    assert search(index, SearchParams(q="占道费"), DAY).suggestions == ()


def test_a_sentence_keeps_its_own_words(index: Index) -> None:
    query = "我们那个排水许何证是去年办的能不能再用一年"
    assert correct_slips(index, query, understand(index, query).scored) is None


def test_slips_are_looked_for_among_titles_and_aliases_only(index: Index) -> None:
    scored = understand(index, "排水许何").scored
    assert correct_slips(index, "排水许何", scored) == "排水许可"


def test_sounds_that_speakers_mix_up_are_alike() -> None:
    for one, other in [("zhang", "zan"), ("nan", "lang"), ("shi", "si"), ("chong", "con")]:
        assert alike(one) == alike(other)
    assert alike("pai") != alike("bai")


def test_letters_are_read_as_whole_syllables_first() -> None:
    known = frozenset(map(alike, syllables()[1:]))
    assert [unit.text for unit in read_letters("paishui", known)[0]] == ["pai", "shui"]
    assert [unit.text for unit in read_letters("psxk", known)[0]] == ["p", "s", "x", "k"]


def test_a_character_has_the_reading_of_its_phrase() -> None:
    numbers = sound_numbers(["银行", "行政"])
    assert [syllables()[n] for n in numbers] == ["yin", "hang", "xing", "zheng"]


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="abcxyzpsh' 排水许可证稳港岗返还0-\"“”", max_size=70))
def test_no_typing_makes_it_fail(index: Index, typed: str) -> None:
    read_pinyin(index, typed)
    correct_sounds(index, typed)
    search(index, SearchParams(q=typed), DAY)
