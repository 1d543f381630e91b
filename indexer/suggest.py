"""Suggestions while typing (输入提示): titles, aliases and queries that contain what was typed."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from indexer.analysis import normalise, pairs_of
from indexer.cards import url_of
from indexer.correction import correct_sounds, read_pinyin
from indexer.index import Index
from indexer.reading import read_question

LONGEST = 50  # characters: nobody waits for suggestions to a longer text


def suggest(index: Index, q: str, limit: int = 8) -> list[dict[str, Any]]:
    """Return entries whose title, alias or query begins with the text, then those containing it.

    What is typed in pinyin, or with characters that only sound right, is read as what it means.
    """
    typed = "".join(normalise(q).split())
    if not typed or len(typed) > LONGEST:
        return []
    found: dict[int, str] = {}
    for meant in _meanings(index, typed, normalise(q).strip()):
        for needle in ("\n" + meant, meant):
            _search(index, needle, limit, found)
        if len(found) >= limit:
            break
    return [_suggestion(index, row, text) for row, text in found.items()]


def _meanings(index: Index, typed: str, spaced: str) -> Iterator[str]:
    """Yield what was typed and, where no phrase has it, what else it may mean."""
    yield typed
    if typed not in index.folded_phrases:
        yield from ("".join(meant.split()) for meant in read_pinyin(index, spaced))
        if (meant := correct_sounds(index, typed)) is not None:
            yield meant


def nearest_titles(index: Index, q: str, limit: int = 3) -> list[dict[str, Any]]:
    """Return the entries whose names share most characters with a text that found nothing.

    What only makes a question of it (怎么办) is no likeness.
    """
    question = read_question(q)
    wanted = {c for word in (*question.words, *question.names) for c in word if c.isalnum()}
    rows = index.rows_sharing(map(ord, wanted), limit, max(2, len(wanted) / 2))
    return [_suggestion(index, row, index.phrases[row]) for row in rows]


def _search(index: Index, needle: str, limit: int, found: dict[int, str]) -> None:
    """Add the phrase of each further entry in which the needle occurs, until there are enough."""
    text, breaks = index.folded_phrases, index.phrase_breaks
    place = text.find(needle) if index.sounds.have(pairs_of(needle)[0]) else -1
    while place >= 0 and len(found) < limit:
        number = bisect_right(breaks, place) - 1
        found.setdefault(int(index.phrase_rows[number]), index.phrases[number])
        after = int(breaks[number + 1]) if number + 1 < len(breaks) else len(text)
        place = text.find(needle, after)


def _suggestion(index: Index, row: int, text: str) -> dict[str, Any]:
    slug = index.slugs[row]
    return {"text": text, "slug": slug, "url": url_of(slug)}
