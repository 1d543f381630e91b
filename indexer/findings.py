"""Findings (找到的): what was guessed from a file, how sure that is, and from which words."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from indexer.analysis import normalise

SURE = 0.8  # from here on a guess is written without a mark
LIKELY = 0.5  # from here on it is written, with a mark; below, only the mark tells it
_CERTAIN = 0.98  # a guess stays one, however many witnesses agree
_RIVALRY = 0.4  # of the confidence of the next best value is taken off


@dataclass(frozen=True)
class Guess:
    """One value for a field, with the words it was taken from and where they stand."""

    field: str
    value: str
    confidence: float
    evidence: str
    where: str
    note: str = ""

    @property
    def is_sure(self) -> bool:
        """Tell whether an editor need not look at it."""
        return self.confidence >= SURE

    def to_dict(self) -> dict[str, Any]:
        """Return the guess as JSON values."""
        return {**asdict(self), "confidence": round(self.confidence, 2)}


@dataclass(frozen=True)
class Findings:
    """Every guess about one file, the best of each field first."""

    guesses: tuple[Guess, ...]

    def all(self, field: str) -> tuple[Guess, ...]:
        """Return the guesses about a field, the best first."""
        return tuple(guess for guess in self.guesses if guess.field == field)

    def best(self, field: str) -> Guess | None:
        """Return the best guess about a field, however doubtful."""
        return next(iter(self.all(field)), None)

    def likely(self, field: str) -> Guess | None:
        """Return the best guess about a field if it may be written."""
        best = self.best(field)
        return best if best is not None and best.confidence >= LIKELY else None

    def value(self, field: str) -> str | None:
        """Return the value that may be written, or None."""
        guess = self.likely(field)
        return guess.value if guess else None

    def doubtful(self) -> tuple[str, ...]:
        """Return the fields whose best guess is not sure."""
        fields = dict.fromkeys(guess.field for guess in self.guesses)
        return tuple(field for field in fields if not self.all(field)[0].is_sure)

    def to_list(self) -> list[dict[str, Any]]:
        """Return all guesses as JSON values."""
        return [guess.to_dict() for guess in self.guesses]


def weigh(guesses: Iterable[Guess], same: Callable[[str], str] = normalise) -> tuple[Guess, ...]:
    """Return one guess for each value, the best first.

    Witnesses that agree make a value surer; another value that is likely too makes it less so.
    """
    groups: dict[str, list[Guess]] = {}
    for guess in guesses:
        groups.setdefault(same(guess.value), []).append(guess)
    agreed = sorted(map(_agree, groups.values()), key=lambda guess: -guess.confidence)
    if len(agreed) < 2 or agreed[1].confidence < LIKELY:
        return tuple(agreed)
    first, second = agreed[:2]
    note = f"另有“{second.value}”（{second.where}）"
    weaker = replace(
        first,
        confidence=first.confidence - _RIVALRY * second.confidence,
        note="；".join(filter(None, (first.note, note))),
    )
    return (weaker, *(replace(guess, confidence=0.4 * guess.confidence) for guess in agreed[1:]))


def _agree(guesses: list[Guess]) -> Guess:
    """Return the best of some guesses of one value, the surer for each other witness."""
    best = max(guesses, key=lambda guess: guess.confidence)
    doubt = 1.0
    for where in {guess.where: guess.confidence for guess in guesses}.values():
        doubt *= 1 - where
    if len(guesses) == 1:
        return best
    return replace(best, confidence=max(best.confidence, min(_CERTAIN, 1 - doubt)))
