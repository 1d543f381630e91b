"""Reading a query (读懂查询): what carries weight in it, what is quoted, and what is excluded."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.analysis import CHINESE, find_named, normalise, pairs_of, segment, word_keys
from indexer.synonyms import find_synonyms

STOPWORDS_FILE = Path(__file__).parent / "lexicon" / "stopwords.txt"

_CHINESE = f"[{CHINESE}]"
# Quotes ask for the exact words where they stand apart; a title may have its own (“小巨人”企业).
_QUOTED = re.compile(r'(?<!\S)["“”「『]([^"“”「」『』]*)["“”」』](?!\S)')
_EXCLUDED = re.compile(r"(?:(?<=\s)|^)-\s*(?:[\"“「]([^\"“”「」]+)[\"”」]|([^\s\-][^\s]*))")
# 排 水 许 可: single characters set apart, as copied from a table or a scan.
_SPACED = re.compile(rf"(?<!\S){_CHINESE}(?:\s+{_CHINESE})+(?!\S)")
_RUN = re.compile(f"{_CHINESE}+")
_NOT_CHINESE = re.compile(f"[^{CHINESE}]")
_BROKEN = re.compile(rf"(?<={_CHINESE})\s*[\r\n]+\s*(?={_CHINESE})")
# 国发2024 3, 国发2024-3号: without brackets a number is a document's only behind its issuer.
_LOOSE_NUMBER = re.compile(
    rf"(?<={_CHINESE})\s*((?:19|20)\d\d)\s*[-—第\s]\s*(\d{{1,4}})\s*号?(?![\d\-.年月日])"
)


@dataclass(frozen=True)
class Terms:
    """Words and pairs of characters that are looked for together."""

    words: tuple[str, ...]
    bigrams: tuple[int, ...]


@dataclass(frozen=True)
class Phrase:
    """A quoted text: what is not Chinese in it, as words, and each run of Chinese, as its pairs.

    `alone` are the runs of a single character, which is in no pair. `keys` are those of the words
    and of all pairs; the first `loose` of them are all there is to look for of their word or run.
    `runs` are the others, whose pairs must follow one another.
    """

    text: str
    alone: tuple[int, ...]
    loose: int
    keys: NDArray[np.uint64] = field(compare=False)
    runs: tuple[NDArray[np.uint32], ...] = field(compare=False)


@dataclass(frozen=True)
class Question:
    """What a query asks for.

    `text` is the normalised query, `content` what is left of it without stop words and spaces.
    `words` are its distinct content words, `names` document numbers and articles, `documents` the
    numbers with what stands before them (国发), `bigrams` its character pairs and `characters` its
    Chinese characters; `synonyms` hold other words for parts of it. An answer must contain every
    one of `phrases` and none of `excluded`.
    """

    text: str
    content: str = ""
    words: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    documents: tuple[tuple[str, str], ...] = ()
    bigrams: tuple[int, ...] = ()
    characters: tuple[int, ...] = ()
    synonyms: tuple[Terms, ...] = ()
    phrases: tuple[Phrase, ...] = ()
    excluded: tuple[Phrase, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether anything is looked for at all, and not only excluded."""
        return bool(self.words or self.names or self.bigrams or self.phrases)


def read_question(text: str, others: Iterable[str] = ()) -> Question:
    """Return what carries weight in a query: stop words count only if nothing else is left.

    `others` are further meanings of the whole query.
    """
    folded = join_broken(text)
    excluded = [first or second for first, second in _EXCLUDED.findall(folded)]
    positive = _EXCLUDED.sub(" ", folded)
    quoted = [phrase for phrase in map(str.strip, _QUOTED.findall(positive)) if phrase]
    positive = _LOOSE_NUMBER.sub(r"[\1]\2号", positive)
    names, figures = _take_names(positive)
    documents = documents_in(positive)
    content, kept = _without_stopwords(list(segment(figures)), figures)
    if names and not content:
        kept = ""
    wording = kept
    if figures != positive:
        _, wording = _without_stopwords(list(segment(positive)), positive)
    return Question(
        text=" ".join(folded.split()),
        content="".join(wording.split()),
        words=tuple(dict.fromkeys(word for word, _, _ in content)),
        names=names,
        documents=documents,
        bigrams=tuple(dict.fromkeys(pairs_of(kept)[0].tolist())),
        characters=tuple(dict.fromkeys(map(ord, re.findall(_CHINESE, kept)))),
        synonyms=tuple(
            _terms_of(texts) for texts in (*find_synonyms(positive), tuple(others)) if texts
        ),
        phrases=tuple(map(_read_phrase, dict.fromkeys(quoted))),
        excluded=tuple(map(_read_phrase, dict.fromkeys(excluded))),
    )


def _read_phrase(text: str) -> Phrase:
    runs = _RUN.findall(text)
    found = [w for w, begin, end in segment(text) if w.isascii() and text[begin:end] == w]
    words = tuple(dict.fromkeys(found))
    pairs = [pairs_of(run)[0] for run in sorted(runs, key=len) if len(run) > 1]
    return Phrase(
        text,
        alone=tuple(ord(run) for run in runs if len(run) == 1),
        loose=len(words) + sum(len(run) == 1 for run in pairs),
        keys=np.concatenate([word_keys(words), *(run.astype(np.uint64) for run in pairs)]),
        runs=tuple(run for run in pairs if len(run) > 1),
    )


def join_broken(text: str) -> str:
    """Return the normalised text, in which what only the layout of a page had broken is whole."""
    return _SPACED.sub(lambda match: re.sub(r"\s+", "", match[0]), normalise(_BROKEN.sub("", text)))


def _take_names(text: str) -> tuple[tuple[str, ...], str]:
    """Return the document numbers and articles, and the text without them and with all in figures.

    So every way to write a number asks the same: the index has each number in figures too.
    """
    names: dict[str, None] = {}
    pieces, place = [], 0
    for name, begin, end in find_named(text):
        pieces.append(text[place:begin])
        if is_name(name):
            names[name] = None
            pieces.append(" ")
        else:
            pieces.append(name)
        place = end
    return tuple(names), "".join((*pieces, text[place:]))


def documents_in(text: str) -> tuple[tuple[str, str], ...]:
    """Return the document numbers in a normalised text, each with the characters before it."""
    return tuple(
        (name, _NOT_CHINESE.split(text[:begin].rstrip(" [("))[-1])
        for name, begin, _ in find_named(text)
        if name.startswith("〔")
    )


def is_same_issuer(one: str, other: str) -> bool:
    """Tell whether what stands before a document number in two texts may mean the same issuer.

    国发 is not 鲁政发; an announcement may be named by one of those who issued it together, and a
    ministry by its short name (住建部).
    """
    if one.endswith("公告") and other.endswith("公告"):
        return True
    if one[-1:] == other[-1:] and one[-1:] in ("部", "委", "局", "署"):
        return _is_short_for(one, other) or _is_short_for(other, one)
    return one.endswith(other) or other.endswith(one)


def _is_short_for(one: str, other: str) -> bool:
    """Tell whether the last three or more characters of a name stand, in order, in another."""
    return any(
        re.search(".*".join(map(re.escape, one[begin:])), other)
        for begin in range(max(1, len(one) - 2))
    )


def is_name(word: str) -> bool:
    """Tell whether a word is the one name of a document number or an article."""
    return word.startswith("〔") or (word.startswith("第") and word[1:2].isdecimal())


@cache
def stopwords(path: Path = STOPWORDS_FILE) -> frozenset[str]:
    """Read the words that only make a question of it: one a line, “#” begins a remark."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(normalise(line.partition("#")[0].strip()) for line in lines) - {""}


def _without_stopwords(
    tokens: list[tuple[str, int, int]], folded: str
) -> tuple[list[tuple[str, int, int]], str]:
    """Return the tokens that count, and the text with spaces in place of the others."""
    content = [token for token in tokens if token[0] not in stopwords()]
    if not content:
        return tokens, folded
    kept = list(folded)
    for word, begin, end in tokens:
        if word in stopwords():
            kept[begin:end] = " " * (end - begin)
    return content, "".join(kept)


def _terms_of(texts: Iterable[str]) -> Terms:
    """Return the terms of other words for one part of a query."""
    words: dict[str, None] = {}
    bigrams: dict[int, None] = {}
    for text in texts:
        words |= dict.fromkeys(_words_of(text))
        bigrams |= dict.fromkeys(pairs_of(text)[0].tolist())
    return Terms(tuple(words), tuple(bigrams))


def _words_of(text: str) -> Iterator[str]:
    return (word for word, _, _ in segment(text) if word not in stopwords())
