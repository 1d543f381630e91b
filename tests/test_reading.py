import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.reading import is_same_issuer, read_question, stopwords


def test_question_words_and_politeness_carry_no_weight() -> None:
    asked = read_question("请问排水证怎么办理")
    assert set(asked.words) <= {"排水证", "排水", "证"}
    assert asked.content == "排水证"


def test_a_query_of_stop_words_only_keeps_them() -> None:
    assert read_question("怎么办").words == ("怎么办",)


def test_no_stop_word_is_also_a_word_of_the_trade() -> None:
    assert not stopwords() & {"补贴", "许可", "审批", "申请", "贷款", "证", "费", "税"}


def test_width_case_and_traditional_characters_ask_the_same() -> None:
    asked = read_question("營業執照ＡＢＣ")
    plain = read_question("营业执照abc")
    assert (asked.words, asked.bigrams) == (plain.words, plain.bigrams)


@pytest.mark.parametrize("torn", ["排 水 许 可", "排　水　许　可", "排水\n许可"])
def test_what_only_a_layout_has_torn_apart_is_joined(torn: str) -> None:
    assert read_question(torn).bigrams == read_question("排水许可").bigrams


def test_keywords_set_apart_stay_apart() -> None:
    assert read_question("占道 时限").bigrams == (
        *read_question("占道").bigrams,
        *read_question("时限").bigrams,
    )


@pytest.mark.parametrize(
    "written",
    ["国发〔2024〕3号", "国发[2024]3号", "國發（２０２４）第03号", "国发2024 3", "国发2024-3号"],
)
def test_every_way_to_write_a_document_number_asks_for_the_document(written: str) -> None:
    assert read_question(written).names == ("〔2024〕3号",)


def test_an_announcement_is_asked_for_by_year_and_number() -> None:
    assert read_question("公告2026年第10号").names == ("〔2026〕10号",)


@pytest.mark.parametrize("written", ["2024-03-01", "2024年3月1日", "预算 2024 30000 元"])
def test_a_date_or_a_sum_is_no_document_number(written: str) -> None:
    assert read_question(written).names == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("条例第三十二条", "条例第32条"),
        ("三十天", "30天"),
        ("十万元以下", "10万元以下"),
        ("国务院令第六百四十一号", "国务院第641号令"),
    ],
)
def test_numbers_in_words_and_in_figures_ask_the_same(one: str, other: str) -> None:
    first, second = read_question(one), read_question(other)
    assert (first.words, first.names) == (second.words, second.names)
    assert first.bigrams == second.bigrams


@pytest.mark.parametrize("quoted", ['"排水许可"', "“排水许可”", "「排水许可」"])
def test_quoted_words_are_an_exact_phrase(quoted: str) -> None:
    assert [phrase.text for phrase in read_question(quoted).phrases] == ["排水许可"]


def test_quotes_inside_a_title_are_part_of_it() -> None:
    assert read_question("专精特新“小巨人”企业").phrases == ()


@pytest.mark.parametrize("query", ["补贴 -贷款", '补贴 -"贷款"', "补贴 -“贷款”"])
def test_a_word_behind_a_minus_is_excluded_and_not_looked_for(query: str) -> None:
    asked = read_question(query)
    assert [phrase.text for phrase in asked.excluded] == ["贷款"]
    assert asked.words == ("补贴",)


def test_a_hyphen_inside_a_word_excludes_nothing() -> None:
    assert read_question("0533-7180000").excluded == ()


def test_other_words_for_a_part_of_the_query_are_looked_for_too() -> None:
    (other,) = [terms for terms in read_question("挖马路").synonyms if "道路" in terms.words]
    assert other.bigrams == read_question("道路").bigrams


def test_other_meanings_of_the_whole_query_are_looked_for_too() -> None:
    assert read_question("许可", others=["排水"]).synonyms[-1].words == ("排水",)


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    asked = read_question(text)
    assert not any(character.isspace() for character in asked.content)
    paired = {half for pair in asked.bigrams for half in (pair >> 16, pair & 0xFFFF)}
    assert paired <= set(asked.characters)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("国发", "国发", True),
        ("请问国发", "国发", True),
        ("", "国发", True),
        ("鲁政发", "国发", False),
        ("鲁政发", "淄政发", False),
        ("财政部公告", "税务总局公告", True),
        ("建设部", "国务院", False),
        ("住建部", "住房和城乡建设部", True),
        ("请问住建部", "住房和城乡建设部", True),
        ("工信部", "住房和城乡建设部", False),
        ("财政部", "民政部", False),
        ("鲁政发", "鲁政办发", False),
    ],
)
def test_the_issuer_before_a_number_tells_documents_apart(one: str, other: str, same: bool) -> None:
    assert is_same_issuer(one, other) is same
