from pathlib import Path

import pytest
from factories import make_index, make_policy, slugs
from test_query import DAY

from indexer.params import SearchParams
from indexer.problems import LexiconError
from indexer.query import search
from indexer.synonyms import find_synonyms, load_synonyms, read_synonyms


def test_a_group_works_both_ways_and_an_item_one_way() -> None:
    table = read_synonyms({"two_way": [["道路", "马路"]], "one_way": {"挖沟": ["挖掘"]}}, "x.yml")
    assert table == {"道路": ("马路",), "马路": ("道路",), "挖沟": ("挖掘",)}


def test_words_are_compared_in_normal_form() -> None:
    assert read_synonyms({"one_way": {"ＶＡＴ": ["增值稅"]}}, "x.yml") == {"vat": ("增值税",)}


def test_every_mistake_is_told_at_once_with_its_place() -> None:
    wrong = {"two_way": [["道路"], ["a", 3]], "one_way": {"挖沟": [], "埋管": "铺设"}}
    with pytest.raises(LexiconError) as caught:
        read_synonyms(wrong, "x.yml")
    lines = str(caught.value).splitlines()
    assert [line.split("：")[0] for line in lines] == [
        "x.yml two_way 第 1 组",
        "x.yml two_way 第 2 组",
        "x.yml one_way “挖沟”",
        "x.yml one_way “埋管”",
    ]


def test_an_unknown_part_is_a_mistake() -> None:
    with pytest.raises(LexiconError, match="只能有 two_way 和 one_way"):
        read_synonyms({"both": []}, "x.yml")


def test_the_longest_word_at_a_place_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {"挖": ("a",), "挖沟": ("b",), "沟": ("c",)}
    monkeypatch.setattr("indexer.synonyms.load_synonyms", lambda: table)
    from indexer.synonyms import _lengths

    _lengths.cache_clear()
    try:
        assert list(find_synonyms("挖沟挖")) == [("b",), ("a",)]
    finally:
        _lengths.cache_clear()


def test_another_word_finds_an_entry_but_the_word_itself_counts_more() -> None:
    index = make_index(
        make_policy("official", title="挖掘城市道路审批"),
        make_policy("spoken", title="挖马路审批"),
        make_policy("other", title="砍树审批"),
    )
    assert slugs(search(index, SearchParams(q="马路"), DAY)) == ["spoken", "official"]


def test_the_file_of_synonyms_can_be_read_and_names_each_word_once() -> None:
    assert len(load_synonyms()) > 300
    path = Path(__file__).parent.parent / "indexer" / "lexicon" / "synonyms.yml"
    keys = [
        line.strip().split(":")[0] for line in path.read_text("utf-8").splitlines() if ": [" in line
    ]
    assert len(keys) == len(set(keys))


def test_a_file_that_is_no_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "synonyms.yml"
    path.write_text("two_way:\n  - [道路, 马路\n  - [树]\n", "utf-8")
    with pytest.raises(LexiconError, match=r"synonyms\.yml:3：YAML 写错了"):
        load_synonyms(path)
    path.write_bytes("two_way: [[道路, 马路]]".encode("gbk"))
    with pytest.raises(LexiconError, match="没有存成 UTF-8"):
        load_synonyms(path)
