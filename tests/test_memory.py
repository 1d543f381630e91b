from datetime import date

import pytest
from factories import make_index, make_policy

from indexer import understanding
from indexer.memory import Memory
from indexer.params import SearchParams
from indexer.query import search

DAY = date(2026, 11, 24)


def test_what_was_asked_longest_ago_is_forgotten_first() -> None:
    made: list[int] = []

    def make(number: int) -> int:
        made.append(number)
        return number * 10

    memory = Memory(most=2)
    for number in (1, 2, 1, 3, 1, 2):
        assert memory.get(number, lambda number=number: make(number)) == number * 10  # type: ignore[misc]
    assert made == [1, 2, 3, 2]


def test_the_same_question_is_only_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    index = make_index(make_policy("drain", title="排水许可", summary="排水户要申请排水许可。"))
    asked: list[str] = []
    real = understanding.ask

    def record(*args: object) -> object:
        asked.append("asked")
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(understanding, "ask", record)
    first = search(index, SearchParams(q="排水许可"), DAY)
    # Another width, another script and other filters are the same question.
    for q, kind in (("排水许可", ()), ("排水許可", ()), ("排水许可", ("service",))):
        answer = search(index, SearchParams(q=q, kind=kind), DAY)
        assert (answer.text, answer.hits) == (q, first.hits)
    assert len(asked) == 1
    search(index, SearchParams(q="排水许可证"), DAY)
    assert len(asked) > 1


def test_an_answer_holds_for_one_day() -> None:
    index = make_index(make_policy("drain", title="排水许可", expires="2026-11-24"))
    days = (DAY, date(2026, 11, 25), DAY)
    found = [search(index, SearchParams(q="排水许可"), day) for day in days]
    assert [answer.hits[0].status for answer in found] == ["in_force", "expired", "in_force"]


def test_a_new_generation_remembers_nothing() -> None:
    first = make_index(make_policy("drain", title="排水许可"))
    second = make_index(make_policy("tree", title="砍伐树木"))
    found = [search(index, SearchParams(q="排水许可"), DAY) for index in (first, second)]
    assert [[hit.slug for hit in answer.hits] for answer in found] == [["drain"], ["tree"]]
