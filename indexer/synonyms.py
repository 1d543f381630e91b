"""Synonyms (同义词): what else people call a thing, read from `lexicon/synonyms.yml`."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from indexer.analysis import normalise
from indexer.problems import LexiconError, read_lexicon

SYNONYMS_FILE = Path(__file__).parent / "lexicon" / "synonyms.yml"


def find_synonyms(folded: str) -> Iterator[tuple[str, ...]]:
    """Yield the other words for parts of a normalised text, taking the longest at each place."""
    table, by_first = load_synonyms(), _lengths()
    place = 0
    while place < len(folded):
        for length in by_first.get(folded[place], ()):
            part = folded[place : place + length]
            if part in table:
                yield table[part]
                place += length - 1
                break
        place += 1


@cache
def load_synonyms(path: Path = SYNONYMS_FILE) -> Mapping[str, tuple[str, ...]]:
    """Return, for each word, the words that may be meant by it, all in normal form."""
    return read_synonyms(read_lexicon(path) or {}, path.name)


def read_synonyms(content: Any, name: str) -> dict[str, tuple[str, ...]]:
    """Return the table of a file's content; raise LexiconError with all that is wrong in it."""
    problems: list[str] = []
    table: dict[str, dict[str, None]] = {}
    for word, others in _pairs(content, name, problems):
        table.setdefault(normalise(word), {}).update(dict.fromkeys(map(normalise, others)))
    if problems:
        raise LexiconError("\n".join(problems))
    return {
        word: tuple(other for other in others if other != word) for word, others in table.items()
    }


def _pairs(content: Any, name: str, problems: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each word with its synonyms; note what is wrong."""
    if not isinstance(content, dict) or set(content) - {"two_way", "one_way"}:
        problems.append(f"{name}：只能有 two_way 和 one_way 两部分。")
        return
    for number, group in enumerate(content.get("two_way") or [], start=1):
        if _are_words(group) and len(group) > 1:
            yield from ((word, group) for word in group)
        else:
            problems.append(f"{name} two_way 第 {number} 组：要写两个以上的词，例如 [道路, 马路]。")
    for word, others in (content.get("one_way") or {}).items():
        if isinstance(word, str) and _are_words(others) and others:
            yield word, others
        else:
            problems.append(f"{name} one_way “{word}”：后面要写一个以上的词，例如 [挖掘]。")


def _are_words(group: Any) -> bool:
    return isinstance(group, list) and all(isinstance(word, str) and word.strip() for word in group)


@cache
def _lengths() -> dict[str, tuple[int, ...]]:
    """Return, for each first character, the lengths of the words that begin with it."""
    lengths: dict[str, set[int]] = {}
    for word in load_synonyms():
        lengths.setdefault(word[0], set()).add(len(word))
    return {first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()}
