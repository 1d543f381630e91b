"""Diagrams (流程图): a plan drawn as SVG, without scripts, in the colours of the page."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from statistics import fmean
from unicodedata import east_asian_width

from indexer.bundles import Plan, PlannedStep

BOX, GAP = 210, 30  # the width of a box, and the room beside it
ROW_GAP, LOOSE_GAP = 44, 16  # below a row with arrows, and below one without
PADDING, LINE = 12, 20  # inside a box, and from one line of text to the next
BADGE = 34  # the width of the column with the number of a step
FONT = 14  # as in bundle.css
NARROW = 0.62  # of FONT: the width of a Latin letter or a digit, at the most
HEAD = 32  # the height of a heading
ASIDE = 14  # arrows leave a box so far left of its middle, and reach it so far right
LANE = 7  # between arrows that run side by side
TIP = 9  # the height of an arrowhead


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
    def bottom(self) -> int:
        return self.y + self.height

    @property
    def way_in(self) -> int:
        return self.x + BOX // 2 + ASIDE

    @property
    def way_out(self) -> int:
        return self.x + BOX // 2 - ASIDE


Boxes = dict[int, Box]  # by the number of the step


def draw_plan(plan: Plan, columns: int) -> str:
    """Return the diagram: first the steps that wait for others, round by round from top to bottom.

    Then come those that nothing holds up. What may go on at one time stands side by side; more
    than `columns` of them continue in the next row.
    """
    ordered, loose = _part(plan)
    parts: list[str] = []
    boxes: Boxes = {}
    y = 0
    for title, rounds in (("有先后的", ordered), ("先后没有写明，可以同时报", loose)):
        if rounds:
            parts.append(_text(GAP, y + FONT, "pk-plan__part", title))
            gap = ROW_GAP if rounds is ordered else LOOSE_GAP
            y = _place_rounds(rounds, y + HEAD, columns, gap, boxes)
    arrows = [_draw_arrow(*ends, lane) for lane, ends in enumerate(_arrows(boxes, plan.steps))]
    parts += [*arrows, *map(_draw_box, boxes.values())]
    width = GAP + columns * (BOX + GAP)
    return (
        f'<svg class="pk-plan__svg" viewBox="0 0 {width} {y}" width="{width}" height="{y}" '
        f'role="img" aria-label="先后顺序图，内容和清单一样">{"".join(parts)}</svg>'
    )


def _part(plan: Plan) -> tuple[list[list[PlannedStep]], list[list[PlannedStep]]]:
    """Part the steps that wait or are waited for from those that stand alone, in rounds."""
    tied = {name for step in plan.steps if step.step.after for name in step.step.after}
    tied |= {step.step.id for step in plan.steps if step.step.after}
    rounds = [[plan.steps[number - 1] for number in level] for level in plan.levels]
    ordered = [[step for step in steps if step.step.id in tied] for steps in rounds]
    loose = [step for step in plan.steps if step.step.id not in tied]
    return [steps for steps in ordered if steps], [loose] if loose else []


def _place_rounds(
    rounds: Iterable[Sequence[PlannedStep]], y: int, columns: int, gap: int, boxes: Boxes
) -> int:
    """Place rounds below each other, each step near those that it waits for; return the end."""
    columns_of: dict[str, int] = {}
    for steps in rounds:
        steps = sorted(steps, key=lambda step: _wished_column(step, columns_of))
        for first in range(0, len(steps), columns):
            row = _place_row(steps[first : first + columns], y)
            boxes.update((box.step.number, box) for box in row)
            columns_of.update((box.step.step.id, box.column) for box in row)
            y += row[0].height + gap
    return y


def _wished_column(step: PlannedStep, columns_of: Mapping[str, int]) -> float:
    return fmean(columns_of[name] for name in step.step.after) if step.step.after else 0


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
    marks = ["最花时间"] * step.longest + ["视情况才办"] * step.optional
    yield from wrap("，".join(marks), room)


def wrap(text: str, room: float) -> Iterator[str]:
    """Yield a text in lines that are not wider than `room`."""
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


def _arrows(boxes: Boxes, steps: Sequence[PlannedStep]) -> Iterator[tuple[Box, Box]]:
    """Yield which box leads to which."""
    numbers = {step.step.id: step.number for step in steps}
    for step in steps:
        for before in step.step.after:
            yield boxes[numbers[before]], boxes[step.number]


def _draw_arrow(start: Box, end: Box, lane: int) -> str:
    """Draw an arrow from below a box to the top of another, past the boxes between."""
    aside = LANE * (lane % 3)
    out, below, above = start.way_out, start.bottom + LANE + aside, end.y - TIP - LANE - aside
    if end.y - start.bottom > ROW_GAP:
        bend = f"V{below}H{start.x + BOX + LANE + aside}V{above}H{end.way_in}"
    elif start.column != end.column:
        bend = f"V{below}H{end.way_in}"
    else:
        out, bend = end.way_in, ""
    mark = " pk-plan__arrow--longest" if start.step.longest and end.step.longest else ""
    return (
        f'<path class="pk-plan__arrow{mark}" d="M{out} {start.bottom}{bend}V{end.y - TIP}"/>'
        f'<path class="pk-plan__tip" d="M{end.way_in} {end.y}l-5 -{TIP}h10z"/>'
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
