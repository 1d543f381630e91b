from datetime import date
from pathlib import Path

import pytest
from factories import make_index, make_policy, slugs

from indexer.loader import load_library
from indexer.params import SearchParams
from indexer.pins import Pin, check_pins, load_pins, pinned_for
from indexer.query import search

ROOT = Path(__file__).resolve().parent.parent
DAY = date(2026, 11, 24)


@pytest.fixture(autouse=True)
def pins(monkeypatch: pytest.MonkeyPatch) -> None:
    found = (Pin("我要 投诉", "hotline", date(2026, 12, 31)), Pin("旧事", "old", date(2030, 1, 1)))
    monkeypatch.setattr("indexer.pins.load_pins", lambda: found)


def answer(query: str, day: date = DAY, **filters: tuple[str, ...]) -> tuple[list[str], str | None]:
    index = make_index(
        make_policy("complain", title="我要投诉怎么写投诉信"),
        make_policy("hotline", title="便民热线", kind="rule"),
        make_policy("old", title="旧事一件", expires="2025-12-31"),
    )
    found = search(index, SearchParams(q=query, **filters), day)  # type: ignore[arg-type]
    return slugs(found), found.pinned


def test_a_pinned_answer_comes_first_even_if_it_shares_no_word() -> None:
    assert answer("我要投诉") == (["hotline", "complain"], "hotline")


def test_a_pinned_answer_is_a_confident_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pin = Pin("天书", "drain", date(2030, 1, 1))
    monkeypatch.setattr("indexer.pins.load_pins", lambda: (pin,))
    found = search(make_index(make_policy("drain", title="排水许可")), SearchParams(q="天书"), DAY)
    assert (slugs(found), found.confident) == (["drain"], True)


def test_spaces_width_and_traditional_characters_do_not_matter() -> None:
    assert answer("我要投訴 ")[1] == "hotline"


def test_only_the_whole_query_is_pinned() -> None:
    assert answer("我要投诉邻居")[1] is None


def test_a_pin_holds_up_to_and_including_its_last_day() -> None:
    assert pinned_for("我要投诉", date(2026, 12, 31)) == "hotline"
    assert pinned_for("我要投诉", date(2027, 1, 1)) is None


def test_what_is_no_longer_in_force_is_not_pinned() -> None:
    assert answer("旧事")[1] is None


def test_a_pinned_answer_stays_out_where_the_filters_leave_it_out() -> None:
    assert "hotline" not in answer("我要投诉", kind=("service",))[0]


def test_pins_without_entry_or_time_are_told() -> None:
    pins = [Pin("a", "hotlin", date(2030, 1, 1)), Pin("b", "road", date(2020, 1, 1))]
    told = [problem.message for problem in check_pins(pins, ["hotline", "road"], DAY)]
    assert "政策库里没有“hotlin”" in told[0]
    assert "hotline" in told[0]
    assert "已经过期" in told[1]


def test_the_pins_of_the_library_point_to_entries() -> None:
    library = load_library(ROOT / "policies")
    slugs_of = [policy.slug for policy in library.policies]
    pins = load_pins(ROOT / "indexer" / "lexicon" / "pins.yml")
    assert pins
    assert not list(check_pins(pins, slugs_of, DAY))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- {query: 投诉}", "只能写 queries、slug、until 和 why"),
        ("- {queries: [], slug: a, until: 2026-01-01}", "要写 queries"),
        ("- {queries: [投诉], slug: a, until: 年底}", "until 要写日期"),
        ("投诉", "要写成一条一条的"),
    ],
)
def test_a_pin_that_cannot_be_read_is_told(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "pins.yml"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=told):
        load_pins(path)
