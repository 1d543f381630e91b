"""Explaining (打分明细): where each point of an entry's score for a query came from."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from indexer.analysis import FIRST_WORD, analyse, word_keys
from indexer.index import STATUSES, Index
from indexer.pins import pinned_for
from indexer.policy import label
from indexer.query import STATUS_FACTOR
from indexer.ranking import CHARACTER_FACTOR, Terms, look_closer, score
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
    kinds = tuple(sought(asked.question))
    basic = score(index.postings, Terms.of(kinds), index.authority)
    closer = look_closer(basic, index.characters, asked.question.characters).of(row)
    from_terms = basic.of(row) / (1 + CHARACTER_FACTOR)
    impacts = [
        (text, part, part.factor * _impact(index, key, row))
        for part in kinds
        for text, key in zip(part.texts, part.keys, strict=True)
    ]
    total = sum(impact for _, _, impact in impacts)
    for text, part, impact in impacts:
        if impact and from_terms:
            kind = "近义" if part.extra else ""
            kind += "词" if part.keys[0] >= FIRST_WORD else "连写"
            yield Part(f"{kind}“{text}”", _where(index, text, row), from_terms * impact / total)
    yield Part("相同的单字", (), closer - from_terms)


def _impact(index: Index, key: np.uint64, row: int) -> float:
    """Return what a term brings to an entry, in some unit."""
    postings = index.postings
    places, known = postings.find(np.array([key], np.uint64))
    rows = postings.rows_of(key)
    place = int(np.searchsorted(rows, row))
    if not known[0] or place == len(rows) or rows[place] != row:
        return 0.0
    number = int(places[0])
    saturation = postings.saturations[postings.starts[number] + place]
    return float(postings.idf[number]) * float(saturation)


def _where(index: Index, text: str, row: int) -> tuple[str, ...]:
    """Return the names of the fields that have a word or a pair of characters."""
    key, pairs = word_keys([text])[0], analyse(text).pairs
    content, document = index.document(row)
    found = []
    for place, name in enumerate(FIELDS):
        slot = document * len(FIELDS) + place
        beside = content.pairs[content.pair_starts[slot] : content.pair_starts[slot + 1]]
        is_pair = len(pairs) == 2 and pairs[0] in beside
        if is_pair or key in content.keys[content.tokens[content.span(document, place, place + 1)]]:
            found.append(FIELD_NAMES[name])
    return tuple(found)
