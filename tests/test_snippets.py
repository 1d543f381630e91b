import re
from html import unescape

from factories import make_index, make_policy
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.reading import read_question
from indexer.snippets import LENGTH, Marker


def snippet(query: str, **fields: object) -> str:
    index = make_index(make_policy("only", **fields))
    return Marker(index, read_question(query)).snippet(0)


def test_matched_words_are_marked() -> None:
    assert snippet("排水许可", summary="办理排水许可要先申请。") == (
        "办理<mark>排水许可</mark>要先申请。"
    )


def test_everything_is_escaped() -> None:
    found = snippet("排水", summary="<script>排水&\"许可'</script>")
    assert found == ("&lt;script&gt;<mark>排水</mark>&amp;&quot;许可&#x27;&lt;/script&gt;")


def test_traditional_and_full_width_originals_are_marked_exactly() -> None:
    assert snippet("营业执照 abc", summary="先辦㎡營業執照，ＡＢＣ類。") == (
        "先辦㎡<mark>營業執照</mark>，<mark>ＡＢＣ</mark>類。"
    )


def test_a_piece_of_a_word_is_marked() -> None:
    assert "免<mark>申即享</mark>" in snippet("申即享", summary="这是免申即享政策。")


def test_stop_words_are_not_marked() -> None:
    assert snippet("怎么办排水证", summary="怎么办排水证，怎么领。") == (
        "怎么办<mark>排水证</mark>，怎么领。"
    )


def test_the_window_with_more_of_the_question_wins() -> None:
    far = "排水。" + "无关的话。" * 60 + "排水管网许可的期限是五年。" + "别的。" * 60
    found = snippet("排水许可期限", summary="一句无关的说明。", body=far)
    assert "<mark>许可</mark>的<mark>期限</mark>" in found
    assert found.startswith("…")
    assert found.endswith("…")


def test_body_is_shown_only_if_it_answers_better_than_the_summary() -> None:
    found = snippet("排水", summary="排水要办证。", body="排水排水排水。")
    assert found == "<mark>排水</mark>要办证。"


def test_without_a_match_the_summary_is_shown() -> None:
    assert snippet("", summary="一句说明。<b>") == "一句说明。&lt;b&gt;"
    assert snippet("护照", summary="一句说明而已。") == "一句说明而已。"


def test_markdown_marks_do_not_show() -> None:
    body = "## 怎么办\n\n先看[排水许可](drain.md)，**再申请**。\n\n|表|头|\n|--|--|\n|甲|乙|"
    found = snippet("排水许可申请", summary="一句说明而已。", body=body)
    assert "先看<mark>排水许可</mark>，再<mark>申请</mark>。 表 头" in found


@settings(max_examples=60, deadline=None)
@given(
    st.text(alphabet="排水许可證㎡½<&>\"' \n。ab", min_size=5, max_size=260),
    st.text(alphabet="排水许可证m2ab", max_size=12),
)
def test_a_snippet_is_a_piece_of_the_text_with_marks(text: str, query: str) -> None:
    body = text.strip() or "正文"
    summary = "一句无关的说明。"
    found = snippet(query, summary=summary, body=body)
    plain = unescape(re.sub(r"</?mark>", "", found)).strip("…")
    assert len(plain) <= LENGTH
    assert not re.search(r"<(?!/?mark>)", found)
    assert found.count("<mark>") == found.count("</mark>")
