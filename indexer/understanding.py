"""Understanding (理解): which spelling of a query is meant, and how well each entry answers it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from indexer.analysis import word_keys
from indexer.arrays import Numbers, is_among
from indexer.correction import correct_slips, correct_sounds, read_pinyin
from indexer.index import Index
from indexer.ranking import Rows, Scored, Sought, Terms, look_closer, score
from indexer.reading import Question, join_broken, read_question

# Everyday questions are measured with "policykb evaluate --judgements tests/judgements.csv", those
# about statutes with "python benchmarks/statutes.py".
# A pair of characters counts as much as a word: with half of that, success@1 of the everyday
# questions falls from 0.866 to 0.858 (without synonyms), with 1.3 it stays.
BIGRAM_FACTOR = 1.0
# Synonyms bring nDCG@10 of the statute questions from 0.410 to 0.440 and success@1 of the spoken
# everyday questions from 0.922 to 0.948; from 0.3 to 0.5 all is the same within 0.001.
# In a query of one or two words, other words for them are half of what can be found at all.
SYNONYM_FACTOR, SYNONYM_FACTOR_OF_SHORT, SHORT = 0.4, 0.8, 2
NUMBER_FACTOR = 4.0  # who writes a document number wants that document
# An entry that has the whole query for a title or alias comes before all others, one that has it
# within a title or alias before what has only its words: so much of the way to a full score.
WHOLE_NAME, WITHIN_NAME = 0.9, 0.4
LONGEST_NAME = 40  # characters: no title is longer than what is compared with titles


class Asked(NamedTuple):
    """A query as it was understood, and how well entries answer it: all that are worth a look.

    `named` tells whether it names an entry: by a document number, a title or alias, or a part of
    one. `best` is the highest score that the words alone bring, before a name counts. `quoted` are
    the rows that have all that is quoted, None where nothing is. `corrected` is the spelling that
    was taken for the one meant, None where it is the one given.
    """

    normalized: str
    question: Question
    scored: Scored
    named: bool
    best: float
    quoted: Numbers | None = None
    corrected: str | None = None


def understand(index: Index, text: str) -> Asked:
    """Read a query; where only another spelling of it makes sense, read it in that one.

    Quoted words and exclusions are taken literally: nothing is corrected beside them.
    """
    folded = join_broken(text)
    return index.asked.get(folded, lambda: _understand(index, read_question(folded)))


def _understand(index: Index, question: Question) -> Asked:
    given = ask(index, question)
    if question.phrases or question.excluded:
        return given
    meanings = read_pinyin(index, question.text)
    if meanings and meanings[0].strip():
        return ask(index, read_question(meanings[0], others=meanings[1:]), question.text)
    if not index.has_pairs(question.bigrams):
        for corrected in _corrections(index, question, given.scored):
            meant = ask(index, read_question(corrected), question.text)
            if meant.scored.best > given.scored.best:
                return meant
    return given


def other_spelling(index: Index, asked: Asked) -> str | None:
    """Return the spelling that may be meant where none was sure enough to be taken, if any.

    It must be the name of an entry, or a part of one: there is no end of words that sound alike.
    """
    question = asked.question
    if asked.corrected is not None or question.phrases or question.excluded:
        return None
    for spelling in _corrections(index, question, asked.scored, sure=False):
        meant = ask(index, read_question(spelling), asked.normalized)
        if meant.named and meant.scored.best > asked.scored.best:
            return spelling
    return None


def ask(index: Index, question: Question, normalized: str | None = None) -> Asked:
    """Return how well entries answer a question, from 0 to 1, whatever the day.

    `normalized` is the query as it was given, where the question is read from another spelling.
    """
    normalized = question.text if normalized is None else normalized
    terms = Terms.of(list(sought(question)))
    quoted = rows_quoted(index, question)
    scored = score(index.postings, terms, index.authority, quoted)
    scored = look_closer(scored, index.characters, question.characters)
    scored = Scored(scored.rows, scored.scores * index.authority[scored.rows])
    best, named = scored.best, False
    for rows, share in names(index, question):
        scored = _lift(scored, rows, share)
        named |= len(rows) > 0
    corrected = None if question.text == normalized else question.text
    return Asked(normalized, question, scored, named, best, quoted, corrected)


def rows_quoted(index: Index, question: Question) -> Numbers | None:
    """Return the rows that have all that is quoted, None where nothing is."""
    if not question.phrases:
        return None
    rows = index.contain(question.phrases[0])
    for phrase in question.phrases[1:]:
        rows = rows[is_among(rows, index.contain(phrase))]
    return rows


def _lift(scored: Scored, named: Rows, share: float) -> Scored:
    """Return the scores with those of some rows, sorted, brought nearer to a full score."""
    if not len(named):
        return scored
    rows, scores = scored.rows, scored.scores
    wanted = named.astype(np.int64)
    places = rows.searchsorted(wanted)
    missing = np.append(rows, -1)[places] != wanted
    rows = np.insert(rows, places[missing], wanted[missing])
    scores = np.insert(scores, places[missing], 0.0)
    places = rows.searchsorted(wanted)
    scores[places] += share * (1 - scores[places])
    return Scored(rows, scores)


def sought(question: Question) -> Iterator[Sought]:
    """Yield the terms that are looked for, each kind with its texts and its weight."""
    yield _words(question.words)
    yield _words(question.names, NUMBER_FACTOR)
    yield _pairs(question.bigrams, BIGRAM_FACTOR)
    short = len(question.words) <= SHORT
    factor = SYNONYM_FACTOR_OF_SHORT if short else SYNONYM_FACTOR
    for other in question.synonyms:
        yield _words(other.words, factor, extra=True)
        yield _pairs(other.bigrams, factor * BIGRAM_FACTOR, extra=True)


def _words(texts: tuple[str, ...], factor: float = 1.0, *, extra: bool = False) -> Sought:
    return Sought(texts, word_keys(texts), factor, extra)


def _pairs(bigrams: tuple[int, ...], factor: float, *, extra: bool = False) -> Sought:
    texts = tuple(chr(pair >> 16) + chr(pair & 0xFFFF) for pair in bigrams)
    return Sought(texts, np.array(bigrams, np.uint64), factor, extra)


def names(index: Index, question: Question) -> Iterator[tuple[Rows, float]]:
    """Yield the rows that the query names, and how far that lifts them.

    It may be a document number of theirs, their title or an alias, or a part of one.
    """
    for number, issuer in question.documents:
        yield index.rows_of_document(number, issuer), WHOLE_NAME
    text = question.content
    if 1 < len(text) <= LONGEST_NAME:
        whole, within = index.rows_called(text)
        yield within, WITHIN_NAME
        yield whole, WHOLE_NAME


def _corrections(
    index: Index, question: Question, scored: Scored, *, sure: bool = True
) -> Iterator[str]:
    """Yield the spellings that may be meant, the likelier first; each is worked out when asked."""
    by_sound = correct_sounds(index, question.text, sure=sure)
    if by_sound is not None:
        yield by_sound
    slip = correct_slips(index, question.text, scored, sure=sure)
    if slip is not None:
        yield slip
