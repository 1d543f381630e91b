"""Diagrams (流程图): a plan drawn as SVG, without scripts, in the colours of the page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from unicodedata import east_asian_width

from indexer.bundles import Plan, PlannedStep

BOX, GAP, ROW_GAP = 210, 30, 34  # the width of a box, and the room beside and below it
PADDING, LINE = 12, 20  # inside a box, and from one line of text to the next
BADGE = 34  # the width of the column with the number of a step
FONT = 14  # as in bundle.css
NARROW = 0.62  # of FONT: the width of a Latin letter or a digit, at the most
LEAD, HEAD = 8, 28  # above the words of a round, and from there to its boxes


@dataclass(frozen=True)
class Box:
    """One step on the drawing: its place, and its words line by line."""

    step: PlannedStep
    x: int
    y: int
    height: int
    column: int
    lines: tuple[str, ...]

    @property
    def middle(self) -> int:
        return self.x + BOX // 2

    @property
    def bottom(self) -> int:
        return self.y + self.height


def draw_plan(plan: Plan, columns: int) -> str:
    """Return the diagram: rounds from top to bottom, what may go on at one time side by side.

    More steps than `columns` in one round continue in the next row.
    """
    boxes: dict[int, Box] = {}
    rounds: list[str] = []
    y = 0
    for number, level in enumerate(plan.levels):
        rounds.append(_text(GAP, y + LEAD + FONT, "pk-plan__round", _round(number, level, plan)))
        y += LEAD + HEAD
        for first in range(0, len(level), columns):
            row = [plan.steps[n - 1] for n in level[first : first + columns]]
            placed = _place_row(row, y)
            boxes |= {box.step.number: box for box in placed}
            y += placed[0].height + ROW_GAP
    arrows = [_draw_arrow(start, end) for start, end in _arrows(boxes, plan.steps)]
    parts = [*arrows, *rounds, *map(_draw_box, boxes.values())]
    width = GAP + columns * (BOX + GAP)
    return (
        f'<svg class="pk-plan__svg" viewBox="0 0 {width} {y}" width="{width}" height="{y}" '
        f'role="img" aria-label="先后顺序图，内容和清单一样">{"".join(parts)}</svg>'
    )


def _round(number: int, level: Sequence[int], plan: Plan) -> str:
    if len(plan.levels) == 1:
        return "可以同时办" if len(level) > 1 else "只有一项"
    begin = "一开始就能办" if number == 0 else "前面的办完再办"
    return f"{begin}，可以同时办" if len(level) > 1 else begin


def _place_row(steps: Sequence[PlannedStep], y: int) -> list[Box]:
    """Return the boxes of one row, all as high as the highest."""
    lines = [tuple(_lines_of(step)) for step in steps]
    height = 2 * PADDING + LINE * max(map(len, lines))
    return [
        Box(step, GAP + column * (BOX + GAP), y, height, column, words)
        for column, (step, words) in enumerate(zip(steps, lines, strict=True))
    ]


def _lines_of(step: PlannedStep) -> Iterator[str]:
    """Yield the words in a box: the title, how long, and what sets the step apart."""
    room = BOX - BADGE - PADDING
    yield from wrap(step.title, room)
    yield f"{step.days} 个工作日" if step.days is not None else "时限没有写明"
    marks = ["最长的一串"] * step.longest + ["视情况才办"] * step.optional
    yield from wrap("，".join(marks), room)


def wrap(text: str, room: float) -> Iterator[str]:
    """Yield a text in lines that are not wider than `room`, a long Latin word cut where it must."""
    line, width = "", 0.0
    for character in " ".join(text.split()):
        added = text_width(character)
        if line and width + added > room:
            yield line
            line, width = "", 0.0
        if line or character != " ":
            line, width = line + character, width + added
    if line:
        yield line


def text_width(text: str) -> float:
    """Return the most that a text may take: a Chinese character is as wide as it is high."""
    return sum(FONT * (1 if east_asian_width(c) in "WFA" else NARROW) for c in text)


def _arrows(boxes: dict[int, Box], steps: Sequence[PlannedStep]) -> Iterator[tuple[Box, Box]]:
    """Yield which box leads to which."""
    numbers = {step.step.id: step.number for step in steps}
    for step in steps:
        for before in step.step.after:
            yield boxes[numbers[before]], boxes[step.number]


def _draw_arrow(start: Box, end: Box) -> str:
    """Draw an arrow from below a box to the top of another, past the boxes between."""
    below, above = start.bottom + 9, end.y - 12
    if start.column == end.column and end.y - start.bottom <= ROW_GAP:
        bend = ""
    elif end.y - start.bottom <= ROW_GAP + LEAD + HEAD:
        bend = f"V{below}H{end.middle}"
    else:
        side = start.x + BOX + GAP // 2
        bend = f"V{below}H{side}V{above}H{end.middle}"
    mark = " pk-plan__arrow--longest" if start.step.longest and end.step.longest else ""
    return (
        f'<path class="pk-plan__arrow{mark}" d="M{start.middle} {start.bottom}{bend}V{end.y}"/>'
        f'<path class="pk-plan__tip" d="M{end.middle} {end.y}l-5 -9h10z"/>'
    )


def _draw_box(box: Box) -> str:
    names = ["pk-plan__box"]
    names += ["pk-plan__box--optional"] * box.step.optional
    names += ["pk-plan__box--longest"] * box.step.longest
    title = len(list(wrap(box.step.title, BOX - BADGE - PADDING)))
    x, y = box.x + BADGE, box.y + PADDING + FONT
    lines = "".join(
        _text(x, y + LINE * n, "pk-plan__name" if n < title else "pk-plan__days", line)
        for n, line in enumerate(box.lines)
    )
    number = _text(box.x + BADGE // 2, y, "pk-plan__number", str(box.step.number))
    return (
        f'<g class="{" ".join(names)}"><rect x="{box.x}" y="{box.y}" width="{BOX}" '
        f'height="{box.height}" rx="6"/>{number}{lines}</g>'
    )


def _text(x: int, y: int, name: str, words: str) -> str:
    return f'<text class="{name}" x="{x}" y="{y}">{escape(words)}</text>'
