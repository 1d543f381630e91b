"""Checks (核对) that no engine wins by answering wrongly: what they find must overlap."""

from collections.abc import Mapping, Sequence

from corpora import KINDS
from engines import TOP, Counts

Answers = Mapping[int, tuple[list[int], Counts | None]]
REFERENCES = ("whoosh", "tantivy", "ours")
FLOOR: dict[str, float] = {}


def overlaps(found: Mapping[str, Mapping[str, Answers]]) -> dict[str, dict[str, float]]:
    """Return, for each engine and kind, the share of the reference's ten best that it found too."""
    reference = next(found[name] for name in REFERENCES if name in found)
    return {
        key: {kind: shared for kind in KINDS if (shared := _overlap(kinds[kind], reference[kind])) is not None}
        for key, kinds in found.items()
    }


def _overlap(answers: Answers, reference: Answers) -> float | None:
    shares = [
        len(set(answers[number][0]) & set(rows)) / len(rows)
        for number, (rows, _) in reference.items()
        if rows and number in answers
    ]
    return round(sum(shares) / len(shares), 3) if shares else None


def complaints(shared, found) -> list[str]:
    return []
