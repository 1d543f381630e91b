from factories import make_index, make_policy, slugs

from indexer.suggest import nearest_titles, suggest


def test_phrases_that_begin_with_the_text_come_first() -> None:
    index = make_index(
        make_policy("a-inside", title="办理排水许可"),
        make_policy("b-begins", title="排水许可"),
    )
    assert slugs(suggest(index, "排水")) == ["b-begins", "a-inside"]


def test_titles_come_before_aliases_and_aliases_before_queries() -> None:
    index = make_index(
        make_policy("a", title="其他一", queries=["挖路要批吗"]),
        make_policy("b", title="其他二", aliases=["挖路证"]),
        make_policy("c", title="挖路审批"),
    )
    found = suggest(index, "挖路")
    assert [item["text"] for item in found] == ["挖路审批", "挖路证", "挖路要批吗"]


def test_an_entry_is_suggested_once_with_its_address() -> None:
    index = make_index(make_policy("drain", title="排水许可", aliases=["排水证", "排水许可证"]))
    assert suggest(index, "排水") == [
        {"text": "排水许可", "slug": "drain", "url": "/policies/drain.html"}
    ]


def test_width_case_spaces_and_traditional_characters_do_not_matter() -> None:
    index = make_index(make_policy("rd", title="R&D 研发费用"))
    assert slugs(suggest(index, "ｒ＆ｄ研發")) == ["rd"]


def test_no_more_than_asked_for_and_nothing_for_nothing() -> None:
    index = make_index(*(make_policy(f"p-{n}", title=f"补贴{n}") for n in range(9)))
    assert len(suggest(index, "补贴", limit=3)) == 3
    assert suggest(index, " \u200b") == []
    assert suggest(index, "没有这样的条目") == []
    assert suggest(index, "补贴" * 100) == []
    assert suggest(index, "\ud800") == []


def test_a_text_never_matches_across_two_phrases() -> None:
    index = make_index(make_policy("a", title="排水"), make_policy("b", title="许可"))
    assert suggest(index, "排水许可") == []
    assert suggest(index, "排水\n许可") == []


def test_nearest_titles_share_characters() -> None:
    index = make_index(make_policy("a", title="高龄津贴"), make_policy("b", title="临时救助"))
    assert slugs(nearest_titles(index, "龄高津")) == ["a"]
    assert nearest_titles(index, "护照") == []


def test_question_words_make_no_title_near() -> None:
    index = make_index(make_policy("remedy", title="不服处罚怎么办"))
    assert nearest_titles(index, "护照怎么办") == []
    assert slugs(nearest_titles(index, "处罚不服的怎么办")) == ["remedy"]


def test_an_empty_library_suggests_nothing() -> None:
    index = make_index()
    assert suggest(index, "排水") == []
    assert nearest_titles(index, "排水") == []


def test_what_is_typed_in_pinyin_or_by_sound_is_suggested() -> None:
    index = make_index(
        make_policy("drain", title="排水许可", aliases=["排水证"]),
        make_policy("refund", title="稳岗返还"),
    )
    for typed in ("paishui", "paish", "psxk", "排水xuke", "拍水许可"):
        assert slugs(suggest(index, typed)) == ["drain"], typed
    assert slugs(suggest(index, "稳港")) == ["refund"]
