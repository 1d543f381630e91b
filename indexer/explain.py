"""Explaining (打分明细): where each point of an entry's score for a query came from."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from indexer.analysis import analyse
from indexer.index import STATUSES, Index
from indexer.pins import pinned_for
from indexer.policy import label
from indexer.query import STATUS_FACTOR
from indexer.ranking import CHARACTER_FACTOR, Sought, look_closer, score
from indexer.texts import FIELDS
from indexer.understanding import Asked, names, sought, understand

FIELD_NAMES = dict(
    zip(FIELDS, ("标题", "俗称", "常见问法", "一句话说明", "文号和条款", "正文"), strict=True)
)


@dataclass(frozen=True)
class Part:
    """One part of a score: what was found, in which fields, and the points it brings or takes."""

    what: str
    where: tuple[str, ...]
    points: float


def explain(index: Index, text: str, slug: str, day: date) -> tuple[Part, ...]:
    """Return the parts of an entry's score for a query, in the order of the calculation.

    They add up to the score that `search` gives; a pinned answer stands first whatever its score.
    Raises LookupError when there is no such entry.
    """
    row = index.rows[slug]
    asked = understand(index, text)
    parts = [*_found(index, asked, row)]
    so_far = sum(part.points for part in parts)
    parts.append(_standing("效力和新旧", so_far, float(index.authority[row])))
    so_far += parts[-1].points
    for rows, share in names(index, asked.question):
        if row in rows:
            parts.append(Part("文号、名称就是这句话，或者里面有这句话", (), share * (1 - so_far)))
            so_far += parts[-1].points
    status = STATUSES[index.statuses(day)[row]]
    parts.append(_standing(label(status), so_far, STATUS_FACTOR[status]))
    if pinned_for(asked.normalized, day) == slug:
        parts.append(Part("置顶", (), 0.0))
    return tuple(part for part in parts if round(part.points, 4) or part.what == "置顶")


def _standing(what: str, points: float, factor: float) -> Part:
    return Part(f"{what}：乘 {factor:.2f}", (), points * (factor - 1))


def _found(index: Index, asked: Asked, row: int) -> Iterator[Part]:
    """Yield what the terms of the query bring, and what its single characters add."""
    kinds = tuple(sought(index, asked.question))
    basic = score((part for _, part in kinds), len(index))
    closer = float(look_closer(basic, index.characters, asked.question.characters)[row])
    from_terms = float(basic[row]) / (1 + CHARACTER_FACTOR)
    impacts = [
        (text, part, part.factor * _impact(part, term, row))
        for texts, part in kinds
        for text, term in zip(texts, part.terms, strict=True)
        if term is not None
    ]
    total = sum(impact for _, _, impact in impacts)
    for text, part, impact in impacts:
        if impact:
            kind = "近义" if part.extra else ""
            kind += "词" if part.postings is index.word_postings else "连写"
            yield Part(f"{kind}“{text}”", _where(index, text, row), from_terms * impact / total)
    yield Part("相同的单字", (), closer - from_terms)


def _impact(part: Sought, term: int, row: int) -> float:
    rows, impacts = part.postings.of(term)
    place = int(np.searchsorted(rows, row))
    return float(impacts[place]) if place < len(rows) and rows[place] == row else 0.0


def _where(index: Index, text: str, row: int) -> tuple[str, ...]:
    """Return the names of the fields that have a word or a pair of characters."""
    number = index.word_ids.get(text)
    pairs = analyse(text).pairs
    found = []
    for slot, name in enumerate(FIELDS, start=row * len(FIELDS)):
        span = slice(index.pair_spans[slot], index.pair_spans[slot + 1])
        is_pair = len(pairs) == 2 and pairs[0] in index.pairs[span]
        if is_pair or (number is not None and number in index.places(row, name)[0]):
            found.append(FIELD_NAMES[name])
    return tuple(found)
