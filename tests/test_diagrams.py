"""Diagrams: every step once, no word outside its box, no box over another, arrows that lead on."""

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from factories import make_policy
from hypothesis import given
from hypothesis import strategies as st

from indexer.bundles import Plan, plan_bundle
from indexer.diagrams import draw_plan, text_width, wrap

SVG = "{http://www.w3.org/2000/svg}"


def plan_of(*steps: dict[str, Any]) -> Plan:
    return plan_bundle(make_policy("shop", kind="rule", bundle=list(steps)), lambda _: None)


def drawing(plan: Plan, columns: int = 3) -> ElementTree.Element:
    """Return the drawing as a browser reads it, which gives SVG in HTML its namespace."""
    text = draw_plan(plan, columns).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return ElementTree.fromstring(text)


def rectangle(group: ElementTree.Element) -> tuple[int, int, int, int]:
    rect = group.find(f"{SVG}rect")
    assert rect is not None
    x, y, width, height = (int(rect.attrib[name]) for name in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def words(group: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in group.iter(f"{SVG}text")]


def paths(svg: ElementTree.Element, name: str) -> list[str]:
    found = svg.iter(f"{SVG}path")
    return [path.attrib["d"] for path in found if path.attrib["class"].startswith(name)]


CHAIN: list[dict[str, Any]] = [
    {"id": "a", "name": "方案", "days": 3},
    {"id": "b", "name": "挖路", "days": 20, "after": ["a"]},
    {"id": "c", "name": "占道", "when": "要占路"},
]


def test_a_box_tells_number_title_days_and_what_sets_the_step_apart() -> None:
    boxes = list(drawing(plan_of(*CHAIN)).iter(f"{SVG}g"))
    assert [words(box) for box in boxes] == [
        ["1", "方案", "3 个工作日", "最花时间"],
        ["3", "挖路", "20 个工作日", "最花时间"],
        ["2", "占道", "时限没有写明", "视情况才办"],
    ]
    assert [box.attrib["class"].split()[1:] for box in boxes] == [
        ["pk-plan__box--longest"],
        ["pk-plan__box--longest"],
        ["pk-plan__box--optional"],
    ]


def test_what_waits_stands_below_what_it_waits_for_and_what_waits_for_nothing_apart() -> None:
    svg = drawing(plan_of(*CHAIN))
    (a, b, c) = (rectangle(box) for box in svg.iter(f"{SVG}g"))
    assert a[3] < b[1] < b[3] < c[1]
    headings = [text.text for text in svg.findall(f"{SVG}text")]
    assert headings == ["有先后的", "先后没有写明，可以同时报"]


def test_what_may_go_on_at_one_time_stands_side_by_side_up_to_the_number_of_columns() -> None:
    plan = plan_of(*({"id": f"s{n}", "name": f"第{n}样"} for n in range(4)))
    wide = [rectangle(box)[:2] for box in drawing(plan, 3).iter(f"{SVG}g")]
    assert len({y for _, y in wide[:3]}) == 1
    assert wide[3][1] > wide[0][1]
    narrow = [rectangle(box)[:2] for box in drawing(plan, 1).iter(f"{SVG}g")]
    assert len({x for x, _ in narrow}) == 1


def test_an_arrow_leads_from_below_a_step_to_the_top_of_the_next() -> None:
    svg = drawing(plan_of(*CHAIN))
    (a, b, _) = (rectangle(box) for box in svg.iter(f"{SVG}g"))
    (arrow,), (tip,) = paths(svg, "pk-plan__arrow"), paths(svg, "pk-plan__tip")
    assert re.match(r"M\d+ (\d+)", arrow)[1] == str(a[3])  # type: ignore[index]
    assert re.match(r"M\d+ (\d+)", tip)[1] == str(b[1])  # type: ignore[index]


def test_hostile_words_stay_words() -> None:
    hostile = "</text><script>alert(1)</script>&\"'"
    svg = drawing(plan_of({"id": "a", "name": hostile}))
    assert not list(svg.iter(f"{SVG}script"))
    (box,) = svg.iter(f"{SVG}g")
    assert "".join(words(box)[1:-1]).replace(" ", "") == hostile.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("挖路", ["挖路"]),
        ("一二三四五六七", ["一二三四五", "六七"]),
        ("12345 67890", ["12345 67", "890"]),
        ("一二三四五 六", ["一二三四五", "六"]),
    ],
)
def test_words_are_broken_where_the_room_ends(text: str, lines: list[str]) -> None:
    assert list(wrap(text, 5 * 14)) == lines


@given(st.text(max_size=60), st.integers(20, 300))
def test_no_line_is_wider_than_its_room_and_no_word_is_lost(text: str, room: int) -> None:
    lines = list(wrap(text, room))
    assert all(text_width(line) <= room for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    steps: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 9))):
        names = [step["id"] for step in steps]
        step: dict[str, Any] = {"id": f"s{number}", "name": "办" * draw(st.integers(1, 40))}
        if names:
            step["after"] = draw(st.lists(st.sampled_from(names), unique=True, max_size=3))
        if draw(st.booleans()):
            step |= {"when": "有时", "days": 7}
        steps.append(step)
    return plan_of(*steps)


@given(plans(), st.sampled_from([1, 3]))
def test_every_step_is_drawn_once_inside_the_drawing_and_over_no_other(
    plan: Plan, columns: int
) -> None:
    svg = drawing(plan, columns)
    width, height = int(svg.attrib["width"]), int(svg.attrib["height"])
    groups = list(svg.iter(f"{SVG}g"))
    assert sorted(int(words(group)[0]) for group in groups) == [s.number for s in plan.steps]
    boxes = [rectangle(group) for group in groups]
    for place, (left, top, right, bottom) in enumerate(boxes):
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        for other in boxes[:place]:
            assert left >= other[2] or right <= other[0] or top >= other[3] or bottom <= other[1]
    assert len(paths(svg, "pk-plan__arrow")) == sum(len(s.step.after) for s in plan.steps)


@given(plans(), st.sampled_from([1, 3]))
def test_no_arrow_runs_through_a_box(plan: Plan, columns: int) -> None:
    svg = drawing(plan, columns)
    boxes = [rectangle(group) for group in svg.iter(f"{SVG}g")]
    for arrow in paths(svg, "pk-plan__arrow"):
        for x1, y1, x2, y2 in segments(arrow):
            for left, top, right, bottom in boxes:
                assert x2 <= left or x1 >= right or y2 <= top or y1 >= bottom, arrow


def segments(path: str) -> list[tuple[int, int, int, int]]:
    """Return the straight pieces of a path, each from its upper left to its lower right end."""
    x, y = 0, 0
    pieces = []
    for command, numbers in re.findall(r"([MVH])([\d ]+)", path):
        values = [int(number) for number in numbers.split()]
        if command == "M":
            x, y = values
            continue
        new_x, new_y = (values[0], y) if command == "H" else (x, values[0])
        pieces.append((min(x, new_x), min(y, new_y), max(x, new_x), max(y, new_y)))
        x, y = new_x, new_y
    return pieces
