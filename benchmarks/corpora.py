"""What is measured (数据): documents, and queries of each kind, the same words for every engine."""

import json
import lzma
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from generator import generate_articles
from statutes import DAY, entry_of

from indexer.analysis import CHINESE, analyse
from indexer.library import Entry
from indexer.policy import Policy, places_within
from indexer.reading import read_question
from indexer.texts import texts_of
from indexer.understanding import SHORT, SYNONYM_FACTOR, SYNONYM_FACTOR_OF_SHORT

SEED = 20261124
EVERYWHERE = "全国"  # stands where an entry has no region: it then holds in every region
ONE, TWO, QUESTION, PHRASE, FILTERED = "one", "two", "question", "phrase", "filtered"
KINDS = (ONE, TWO, QUESTION, PHRASE, FILTERED)
PHRASE_WORDS = (2, 3, 4)
# Asked where no file of questions is given: {0} to {2} are words of one document.
QUESTIONS = (
    "{0}怎么办理？",
    "{0}的{1}需要什么材料？",
    "没有{0}可以{1}吗？",
    "{0}{1}由谁负责？",
    "{0}不{1}会怎么处罚，{2}算不算？",
    "申请{0}，{1}和{2}有什么要求？",
)
FACETS = ("kind", "audience", "topic", "level", "region", "status", "benefit_mode")
_WORD = re.compile(f"[{CHINESE}]{{2,}}")

Article = dict[str, Any]
Labels = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Document:
    """One entry as every engine gets it: its words, its pairs of characters, its facet values."""

    words: tuple[str, ...]
    pairs: tuple[str, ...]
    labels: Labels


@dataclass(frozen=True, slots=True)
class Query:
    """One query: the text that a person types, and the terms that our engine reads in it.

    `others` are synonyms with their weights, as words and as pairs. Where `phrase` is given, its
    words must stand one behind the other; `filters` gives a field the one value it must have.
    """

    text: str
    words: tuple[str, ...]
    pairs: tuple[str, ...]
    other_words: tuple[tuple[str, float], ...] = ()
    other_pairs: tuple[tuple[str, float], ...] = ()
    phrase: tuple[str, ...] = ()
    filters: Mapping[str, str] = field(default_factory=dict)


Queries = Mapping[str, Sequence[Query]]


@dataclass(frozen=True)
class Source:
    """Where the texts come from: a file of articles and one of questions, or the generator."""

    articles: Path | None = None
    questions: Path | None = None


def read_articles(source: Source, size: int) -> Iterator[Article]:
    """Yield so many articles, drawn evenly from the file or from the generator."""
    if source.articles is None:
        yield from (article for article, _ in zip(generate_articles(), range(size), strict=False))
        return
    opener = lzma.open if source.articles.suffix == ".xz" else open
    with opener(source.articles, "rt", encoding="utf-8") as file:
        lines = list(file)
    if len(lines) < size:
        raise SystemExit(f"{source.articles} 只有 {len(lines)} 条，不够 {size} 条。")
    for number in range(size):
        yield json.loads(lines[number * len(lines) // size])


def read_entries(source: Source, size: int) -> list[Entry]:
    """Return so many articles as entries of the library."""
    return [entry_of(article) for article in read_articles(source, size)]


def document_of(policy: Policy) -> Document:
    """Return what the engines get of an entry: every searchable text of it, in one."""
    words: list[str] = []
    pairs: list[str] = []
    for text in texts_of(policy).values():
        analysis = analyse(text)
        words += analysis.words
        pairs += pairs_as_texts(analysis.pairs[analysis.pairs > 0].tolist())
    return Document(tuple(words), tuple(pairs), labels_of(policy))


def labels_of(policy: Policy) -> dict[str, tuple[str, ...]]:
    """Return the values that an entry has in each facet."""
    places = (place for region in policy.region for place in places_within(region))
    return {
        "kind": (policy.kind.value,),
        "audience": tuple(audience.value for audience in policy.audience),
        "topic": tuple(policy.topic),
        "level": (policy.level.value,),
        "region": tuple(dict.fromkeys(places)) or (EVERYWHERE,),
        "status": (policy.status_on(DAY).value,),
        "benefit_mode": (policy.benefit_mode.value,) if policy.benefit_mode else (),
    }


def make_queries(documents: Sequence[Document], questions: Path | None, count: int) -> Queries:
    """Return so many queries of each kind; words, phrases and filters come from the documents."""
    asked = read_questions(questions, count) if questions else ask_about(documents, count)
    filters = _filters(documents)
    return {
        ONE: _query_of_words(documents, 1, count),
        TWO: _query_of_words(documents, 2, count),
        QUESTION: asked,
        PHRASE: _phrases(documents, count),
        FILTERED: [replace(query, filters=next(filters)) for query in asked],
    }


def read_questions(path: Path, count: int) -> list[Query]:
    """Return so many questions, drawn evenly from a file of them."""
    texts = [json.loads(line)["query"] for line in path.open(encoding="utf-8")]
    count = min(count, len(texts))
    return [query_of(texts[number * len(texts) // count]) for number in range(count)]


def ask_about(documents: Sequence[Document], count: int) -> list[Query]:
    """Return so many questions with words that stand together in a document."""
    chance = random.Random(SEED)
    queries: list[Query] = []
    while len(queries) < count:
        words = sorted(set(filter(_WORD.fullmatch, chance.choice(documents).words)))
        if len(words) >= 3:
            queries.append(query_of(chance.choice(QUESTIONS).format(*chance.sample(words, 3))))
    return queries


def query_of(text: str) -> Query:
    """Return a query with the terms that our engine reads in it."""
    question = read_question(text)
    factor = SYNONYM_FACTOR_OF_SHORT if len(question.words) <= SHORT else SYNONYM_FACTOR
    return Query(
        text,
        (*question.words, *question.names),
        tuple(pairs_as_texts(question.bigrams)),
        tuple((word, factor) for other in question.synonyms for word in other.words),
        tuple(
            (pair, factor) for other in question.synonyms for pair in pairs_as_texts(other.bigrams)
        ),
    )


def pairs_as_texts(pairs: Sequence[int]) -> list[str]:
    """Return pairs of characters, kept as numbers, as they are written."""
    return [chr(pair >> 16) + chr(pair & 0xFFFF) for pair in pairs]


def _query_of_words(documents: Sequence[Document], words: int, count: int) -> list[Query]:
    """Return queries of words from one document: the more often a word stands, the likelier."""
    chance = random.Random(f"{SEED}{words}")
    queries: list[Query] = []
    while len(queries) < count:
        known = [word for word in chance.choice(documents).words if _WORD.fullmatch(word)]
        drawn = [chance.choice(known) for _ in range(words)] if known else []
        query = query_of(" ".join(drawn))
        # A word of the trade is read as its parts too, a stop word not at all.
        if drawn and len(query.words) == words and set(query.words) == set(drawn):
            queries.append(query)
    return queries


def _phrases(documents: Sequence[Document], count: int) -> list[Query]:
    """Return quoted runs of words that are cut, alone, as they are in their document."""
    chance = random.Random(SEED)
    queries: list[Query] = []
    while len(queries) < count:
        document = chance.choice(documents)
        length = chance.choice(PHRASE_WORDS)
        begin = chance.randrange(max(1, len(document.words) - length))
        phrase = document.words[begin : begin + length]
        text = "".join(phrase)
        if len(phrase) == length and _WORD.fullmatch(text) and _is_unbroken(phrase, document):
            query = query_of(f"“{text}”")
            if tuple(analyse(text).words) == phrase and query.words:
                queries.append(replace(query, phrase=phrase))
    return queries


def _is_unbroken(phrase: Sequence[str], document: Document) -> bool:
    """Tell whether no comma or the like stands between the words, as far as pairs can tell."""
    joints = {before[-1] + after[0] for before, after in pairwise(phrase)}
    return joints <= set(document.pairs)


def _filters(documents: Sequence[Document]) -> Iterator[dict[str, str]]:
    """Yield filters without end: a level, a region as often as it occurs, and both together."""
    chance = random.Random(SEED)
    regions = Counter(document.labels["region"][0] for document in documents)
    levels = Counter(document.labels["level"][0] for document in documents)
    del regions[EVERYWHERE]
    places = [name for name, _ in regions.most_common(20)] or [EVERYWHERE]
    while True:
        place = chance.choices(places, [max(regions[place], 1) for place in places])[0]
        yield {"level": chance.choice(list(levels))}
        yield {"region": place}
        yield {"level": "province", "region": place}
