from datetime import date
from typing import Any

import pytest
from factories import make_index, make_policy, slugs
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.index import Index
from indexer.params import (
    ALLOWED,
    SearchParams,
    parse_params,
)
from indexer.policy import status_on
from indexer.problems import ParameterError, ParameterProblem
from indexer.query import search

DAY = date(2024, 6, 1)


def found(index: Index, q: str = "", **params: Any) -> list[str]:
    return slugs(search(index, SearchParams(q=q, **params), DAY))


def mistakes(*pairs: tuple[str, str]) -> dict[str, str]:
    with pytest.raises(ParameterError) as caught:
        parse_params(pairs)
    return {error.field: error.message for error in caught.value.errors}


@pytest.fixture(scope="module")
def mixed() -> Index:
    return make_index(
        make_policy("drain", title="排水许可", topic=["排水与污水"], level="national"),
        make_policy(
            "loan",
            title="创业担保贷款",
            kind="benefit",
            audience=["citizen"],
            topic=["融资贷款", "就业创业"],
            benefit_mode="依申请",
            region=["山东省"],
            level="province",
            effective="2024-01-01",
        ),
        make_policy(
            "refund",
            title="稳岗返还补贴",
            kind="benefit",
            audience=["enterprise"],
            topic=["就业创业"],
            benefit_mode="免申即享",
            region=["淄博市"],
            level="city",
            effective="2023-01-01",
            expires="2023-12-31",
        ),
        make_policy(
            "later",
            title="明年补贴",
            kind="benefit",
            audience=["enterprise"],
            topic=["就业创业"],
            effective="2025-01-01",
        ),
    )


def test_superseded_policy_ranks_below_its_replacement() -> None:
    index = make_index(
        make_policy(
            "loan-2022", title="创业担保贷款", expires="2023-12-31", superseded_by="loan-2024"
        ),
        make_policy("loan-2024", title="创业担保贷款"),
    )
    answer = search(index, SearchParams(q="创业担保贷款"), day=date(2024, 6, 1))
    assert slugs(answer) == ["loan-2024", "loan-2022"]
    assert [hit.status for hit in answer.hits] == ["in_force", "superseded"]


def test_expired_policy_that_alone_answers_stays_on_top() -> None:
    index = make_index(
        make_policy("a-other", title="创业贷款培训"),
        make_policy("b-expired", title="创业担保贷款", expires="2023-12-31"),
    )
    assert found(index, "创业担保贷款") == ["b-expired", "a-other"]


def test_status_of_the_arrays_is_the_status_of_the_record() -> None:
    dates = [None, "2024-05-31", "2024-06-01", "2024-06-02"]
    policies = [
        make_policy(f"p-{n}", effective=effective, expires=expires, superseded_by=successor)
        for n, (effective, expires, successor) in enumerate(
            (effective, expires, successor)
            for effective in dates
            for expires in dates
            for successor in (None, "p-0")
            if not (effective and expires and effective > expires)
            if expires or not successor
        )
    ]
    hits = search(make_index(*policies), SearchParams(size=50), DAY).hits
    expected = {
        p.slug: status_on(DAY, p.effective, p.expires, p.superseded_by is not None).value
        for p in policies
    }
    assert {hit.slug: hit.status for hit in hits} == expected


def test_a_title_answers_before_a_mention_in_the_text() -> None:
    index = make_index(
        make_policy("a-mention", title="占用道路", body="另见排水许可。"),
        make_policy("b-title", title="排水许可"),
    )
    assert found(index, "排水许可") == ["b-title", "a-mention"]


def test_all_words_beat_one_word_repeated() -> None:
    index = make_index(
        make_policy("a-repeats", title="其他", body="贷款。" * 30),
        make_policy("b-both", title="其他", body="创业的人可以申请贷款。"),
    )
    assert found(index, "创业贷款") == ["b-both", "a-repeats"]


def test_everyday_words_of_an_alias_find_the_entry() -> None:
    index = make_index(
        make_policy("road", title="挖掘城市道路审批", aliases=["挖马路"]),
        make_policy("drain", title="城镇污水排入排水管网许可"),
    )
    assert found(index, "挖马路要找谁批") == ["road"]


def test_a_piece_of_a_word_is_found() -> None:
    index = make_index(
        make_policy("auto", title="免申即享清单"), make_policy("other", title="其他")
    )
    assert found(index, "申即享") == ["auto"]


@pytest.mark.parametrize("written", ["国发〔2024〕3号", "国发[2024]3号", "国发 2024 3号"])
def test_a_document_number_finds_its_entry_however_it_is_written(written: str) -> None:
    index = make_index(
        make_policy("a-near", title="国发文件", doc_number="国发〔2024〕13号"),
        make_policy("b-right", title="某通知", doc_number="国发〔2024〕3号"),
    )
    assert found(index, written)[0] == "b-right"


def test_traditional_and_full_width_queries_find_simplified_entries() -> None:
    index = make_index(make_policy("licence", title="营业执照"), make_policy("other", title="其他"))
    assert found(index, "營業執照") == ["licence"]


def test_hits_that_share_only_a_common_word_are_left_out() -> None:
    others = [make_policy(f"o-{n}", title="申请事项", body="申请。") for n in range(20)]
    index = make_index(make_policy("drain", title="排水许可证申请"), *others)
    assert found(index, "排水许可证申请") == ["drain"]


def test_without_text_what_is_in_force_comes_first_and_the_newest_on_top(mixed: Index) -> None:
    assert found(mixed) == ["loan", "drain", "later", "refund"]


def test_filters_of_one_field_are_or_and_of_different_fields_and(mixed: Index) -> None:
    assert found(mixed, kind=("benefit",), audience=("enterprise",)) == ["later", "refund"]
    assert found(mixed, topic=("排水与污水", "融资贷款")) == ["loan", "drain"]
    assert found(mixed, status=("expired", "pending")) == ["later", "refund"]
    assert found(mixed, benefit_mode=("免申即享",)) == ["refund"]
    assert found(mixed, level=("city",)) == ["refund"]


def test_entries_without_region_apply_in_every_region(mixed: Index) -> None:
    assert found(mixed, region=("山东省",)) == ["loan", "drain", "later"]
    assert found(mixed, region=("没有这个地方",)) == ["drain", "later"]


def test_what_holds_in_a_province_holds_in_its_cities_and_districts(mixed: Index) -> None:
    assert found(mixed, region=("淄博市",)) == ["loan", "drain", "later", "refund"]
    assert found(mixed, region=("淄博市临淄区",)) == ["loan", "drain", "later", "refund"]


def test_each_facet_count_is_the_total_after_choosing_it(mixed: Index) -> None:
    chosen: list[dict[str, Any]] = [{}, {"kind": ("benefit",)}, {"topic": ("就业创业",)}]
    chosen += [{"kind": ("benefit",), "region": ("山东省",), "q": "补贴"}, {"q": "贷款 补贴"}]
    for base in chosen:
        answer = search(mixed, SearchParams(**base), DAY)
        for name, rows in answer.facets.items():
            for row in rows:
                after = SearchParams(**{**base, name: (row["value"],)})
                assert search(mixed, after, DAY).total == row["count"], (base, name, row)


def test_facets_carry_chinese_labels(mixed: Index) -> None:
    facets = search(mixed, SearchParams(), DAY).facets
    assert facets["kind"] == [
        {"value": "service", "label": "办事事项", "count": 1},
        {"value": "benefit", "label": "惠企惠民政策", "count": 3},
    ]
    assert set(facets) == set(ALLOWED)


def test_a_chosen_value_stays_among_the_facets_even_with_no_hit(mixed: Index) -> None:
    answer = search(mixed, SearchParams(q="排水", kind=("rule",)), DAY)
    assert {"value": "rule", "label": "规则与依据", "count": 0} in answer.facets["kind"]


def test_sorted_by_newest_deadline_or_title() -> None:
    index = make_index(
        make_policy("a", title="丙", kind="benefit", effective="2022-01-01", expires="2024-12-31"),
        make_policy("b", title="甲", kind="benefit", effective="2024-01-01"),
        make_policy("c", title="乙", kind="benefit", effective="2023-01-01", expires="2024-07-01"),
        make_policy("d", title="乙", kind="benefit", expires="2023-07-01"),
        make_policy("e", title="乙", kind="benefit", expires="2024-06-01"),
    )
    assert found(index, sort="newest") == ["b", "c", "a", "d", "e"]
    assert found(index, sort="deadline") == ["e", "c", "a", "b", "d"]
    assert found(index, sort="title") == ["a", "c", "d", "e", "b"]


def test_equal_hits_are_ordered_by_slug_on_every_page() -> None:
    index = make_index(*(make_policy(f"p-{n:02}", title="排水许可") for n in range(25)))
    pages = [found(index, "排水许可", page=page, size=10) for page in (1, 2, 3, 4)]
    assert [slug for page in pages for slug in page] == [f"p-{n:02}" for n in range(25)]
    assert pages[3] == []


def test_answer_has_exactly_the_agreed_keys() -> None:
    index = make_index(
        make_policy(
            "drain",
            title="排水许可",
            effective="2023-02-01",
            documents=[{"title": "条例", "doc_number": "国务院令第641号"}],
        )
    )
    answer = search(index, SearchParams(q="排水ＸＹ"), DAY).to_dict()
    assert set(answer) == {
        *("query", "total", "page", "size", "took_ms", "as_of", "hits"),
        *("confident", "facets", "suggestions"),
    }
    assert answer["query"] == {
        "text": "排水ＸＹ",
        "normalized": "排水xy",
        "corrected": None,
        "pinned": None,
    }
    assert answer["as_of"] == "2024-06-01"
    (hit,) = answer["hits"]
    assert hit.pop("score") > 0
    assert hit == {
        "slug": "drain",
        "title": "排水许可",
        "url": "/policies/drain.html",
        "summary": "一句话说明这一条是做什么的。",
        "snippet": "正文。 条例 国务院 <mark>排水</mark>与污水",
        "kind": "service",
        "audience": ("citizen", "enterprise"),
        "topic": ("排水与污水",),
        "level": "national",
        "issuer": "国务院",
        "doc_number": "国务院令第641号",
        "effective": "2023-02-01",
        "expires": None,
        "status": "in_force",
    }


def test_a_question_about_another_matter_is_not_answered_with_confidence() -> None:
    index = make_index(
        make_policy("drain", title="排水许可证", body="到窗口办理登记。"),
        make_policy("road", title="挖掘道路审批", body="到窗口办理登记。"),
        make_policy("tree", title="砍伐树木审批", body="到窗口办理登记。"),
    )
    assert search(index, SearchParams(q="排水许可证怎么办"), DAY).confident
    assert not search(index, SearchParams(q="结婚登记"), DAY).confident
    assert not search(index, SearchParams(q="护照怎么办"), DAY).confident


def test_without_hits_the_nearest_titles_are_suggested(mixed: Index) -> None:
    filtered = search(mixed, SearchParams(q="排水许可", kind=("benefit",)), DAY)
    assert filtered.hits == ()
    assert filtered.suggestions == (
        {"text": "排水许可", "slug": "drain", "url": "/policies/drain.html"},
    )
    jumbled = search(mixed, SearchParams(q="可许水排"), DAY)
    assert [item["slug"] for item in jumbled.suggestions] == ["drain"]


def test_an_empty_library_answers_everything_with_nothing() -> None:
    index = make_index()
    for params in (SearchParams(), SearchParams(q="排水", kind=("rule",), sort="title")):
        answer = search(index, params, DAY)
        assert (answer.total, answer.hits) == (0, ())


@settings(max_examples=300, deadline=None)
@given(
    q=st.text(max_size=80)
    | st.text(st.characters(categories=["Cs", "Cc", "So", "Po"]), max_size=9),
    sort=st.sampled_from(["relevance", "newest", "deadline", "title"]),
    page=st.integers(1, 10_000),
)
@example(q="\ud800\udfff\x00", sort="relevance", page=1)
@example(q='排水 AND (OR NOT title:* "~2^3 [a TO b] {', sort="relevance", page=1)
@example(q="🏠👨‍👩‍👧", sort="title", page=1)
@example(q="怎么 能不能 请问", sort="relevance", page=1)
@example(q="排水许可" * 2500, sort="relevance", page=1)
def test_search_never_fails(mixed: Index, q: str, sort: str, page: int) -> None:
    answer = search(mixed, SearchParams(q=q, sort=sort, page=page), DAY)
    assert len(answer.hits) <= min(10, answer.total)
    answer.to_dict()["query"]["text"].encode("utf-8")


def test_parameters_are_read() -> None:
    params, day = parse_params(
        [
            ("q", " 排水 "),
            ("kind", "service"),
            ("kind", "benefit"),
            ("topic", "住房"),
            ("region", "哪里都行"),
            ("sort", ""),
            ("page", "2"),
            ("size", "50"),
            ("as_of", "2024-03-01"),
            ("level", ""),
        ]
    )
    assert params == SearchParams(
        q="排水",
        kind=("service", "benefit"),
        topic=("住房",),
        region=("哪里都行",),
        page=2,
        size=50,
    )
    assert day == date(2024, 3, 1)
    assert parse_params([]) == (SearchParams(), None)


def test_all_mistakes_in_parameters_are_told_at_once() -> None:
    assert mistakes(
        ("pgae", "2"),
        ("audience", "company"),
        ("size", "51"),
        ("page", "0"),
        ("as_of", "2024年3月1日"),
        ("sort", "best"),
    ) == {
        "pgae": "没有这个参数。您是不是想写 page？",
        "audience": "只能是 citizen 或 enterprise，收到的是“company”。",
        "size": "只能是 1 到 50 的整数，收到的是“51”。",
        "page": "只能是 1 到 10000 的整数，收到的是“0”。",
        "as_of": "“2024年3月1日”不是日期，请写成 2024-03-01。",
        "sort": "只能是 relevance、newest、deadline 或 title，收到的是“best”。",
    }


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("kind", "x", "只能是 service、benefit 或 rule，收到的是“x”。"),
        ("benefit_mode", "自动", "只能是 免申即享、自行申报享受 或 依申请，收到的是“自动”。"),
        ("as_of", "2024-02-30", "日历上没有“2024-02-30”这一天，请核对。"),
        ("page", "一", "只能是 1 到 10000 的整数，收到的是“一”。"),
        ("page", "１", "只能是 1 到 10000 的整数，收到的是“１”。"),
        ("size", "9" * 5000, f"只能是 1 到 50 的整数，收到的是“{'9' * 40}……”。"),
        ("q", "水" * 201, "最多 200 个字，收到的有 201 个字。请只留下最要紧的几个词。"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed(name: str, value: str, message: str) -> None:
    assert mistakes((name, value)) == {name: message}


def test_an_unknown_topic_is_told_with_the_list() -> None:
    assert mistakes(("topic", "住房房"))["topic"].startswith("只能是 排水与污水、市政道路、")


def test_a_single_valued_parameter_must_not_repeat() -> None:
    assert mistakes(("page", "1"), ("page", "2")) == {"page": "只能写一次，收到了 2 个。"}


def test_an_unknown_parameter_without_a_near_one_is_told_the_list() -> None:
    assert mistakes(("xyzzy", ""))["xyzzy"].startswith("没有这个参数。可以用的是 kind、audience、")


@given(
    st.lists(st.tuples(st.text(max_size=8) | st.sampled_from([*ALLOWED, "q", "page"]), st.text()))
)
def test_any_parameters_are_either_read_or_told(pairs: list[tuple[str, str]]) -> None:
    problems: tuple[ParameterProblem, ...] = ()
    try:
        parse_params(pairs)
    except ParameterError as error:
        problems = error.errors or (ParameterProblem("", "an error without a problem"),)
    for problem in problems:
        assert problem.message
        (problem.field + problem.message).encode("utf-8")


def test_a_quoted_phrase_must_stand_in_one_piece() -> None:
    index = make_index(
        make_policy("whole", title="免申即享", body="免申即享清单。"),
        make_policy("apart", title="免费申请", body="免费申请后即可享受；免申。即享。"),
    )
    assert found(index, '"免申即享"') == ["whole"]
    assert set(found(index, "免申即享")) == {"whole", "apart"}


@pytest.mark.parametrize("phrase", ["R&D 费用", "12345", "费", "㐀㐁"])
def test_a_quoted_phrase_may_be_of_any_characters(phrase: str) -> None:
    index = make_index(
        make_policy("has", title="某事项", body="R&D 费用打 12345，㐀㐁。"),
        make_policy("lacks", title="其他事项", body="别的。"),
    )
    assert found(index, f'"{phrase}"') == ["has"]


def test_what_stands_behind_a_minus_is_left_out() -> None:
    index = make_index(
        make_policy("loan", title="创业贷款补贴"), make_policy("train", title="培训补贴")
    )
    assert found(index, "补贴 -贷款") == ["train"]
    assert found(index, "-贷款") == ["train"]
    assert found(index, '补贴 -"创业贷款"') == ["train"]


def test_a_whole_title_or_alias_comes_before_what_only_contains_it() -> None:
    index = make_index(
        make_policy("a-within", title="排水许可变更办理办法", body="排水许可。" * 30),
        make_policy("b-alias", title="城镇污水管网接入审批", aliases=["排水许可"]),
    )
    assert found(index, "请问排水许可怎么办") == ["b-alias", "a-within"]


def test_a_short_piece_cut_from_a_name_finds_it() -> None:
    index = make_index(
        make_policy("fund", title="残疾人就业保障金分档减缴"),
        make_policy("job", title="就业见习补贴", body="残疾人、保障、缴费。" * 20),
    )
    for piece in ("业保障", "障金分", "金分档减"):
        assert found(index, piece)[0] == "fund"


def test_of_two_rules_the_law_the_newer_and_the_one_of_this_place_come_first() -> None:
    fields: dict[str, Any] = {"kind": "rule", "title": "物业管理规定", "body": "物业费。"}
    index = make_index(
        make_policy("a-elsewhere", **fields, level="city", region=["青岛市"], issuer="市人大"),
        make_policy("b-old", **fields, issuer="国务院", effective="2001-01-01"),
        make_policy("c-regulation", **fields, issuer="国务院", effective="2021-01-01"),
        make_policy("d-law", **fields, issuer="全国人大常委会", effective="2021-01-01"),
    )
    assert found(index, "物业管理") == ["d-law", "c-regulation", "b-old", "a-elsewhere"]


def test_equal_answers_keep_one_order() -> None:
    policies = [make_policy(f"p-{n}", title="同名事项") for n in range(9)]
    first = found(make_index(*policies), "同名事项")
    assert first == found(make_index(*reversed(policies)), "同名事项") == sorted(first)


QUERY_ALPHABET = (
    "排水许可证paishui0123456789〔〕[]()（）《》\"“”'-—*?~^:+&|\\/<>{}$#@!%　 \n\t\x00\u200b"
    "😀\ud800的"
)


@settings(deadline=None, max_examples=400)
@given(st.text(alphabet=QUERY_ALPHABET, max_size=200))
def test_no_query_makes_the_search_fail_or_lets_markup_through(mixed: Index, q: str) -> None:
    answer = search(mixed, SearchParams(q=q), DAY)
    assert answer.total >= len(answer.hits)
    for hit in answer.hits:
        assert "<" not in hit.snippet.replace("<mark>", "").replace("</mark>", "")
        assert 0 <= hit.score <= 1


def test_a_document_that_the_library_does_not_have_is_not_answered_with_another() -> None:
    index = make_index(make_policy("near", title="国发文件", doc_number="国发〔2024〕13号"))
    assert search(index, SearchParams(q="国发〔2024〕13号"), DAY).confident
    assert not search(index, SearchParams(q="国发〔2024〕3号"), DAY).confident
    assert not search(index, SearchParams(q="鲁政发〔2024〕13号"), DAY).confident
    assert search(index, SearchParams(q="请问国发2024 13还有效吗"), DAY).confident
