"""Confidence (把握): whether the best hit really answers, or only shares words with the query."""

import numpy as np

from indexer.analysis import word_keys
from indexer.index import Index
from indexer.ranking import idf_of
from indexer.texts import FIELDS
from indexer.understanding import Asked

# The best hit answers if its share of the query (its score) and the specific words of the query
# that it has outside its body make up this much: so it is for 92 of 100 queries that the library
# answers, and for 7 of 100 about other matters (policykb evaluate --judgements
# tests/judgements.csv); for 80 and 6 of 100 in tests/unseen.csv, which nothing was tuned on.
CONFIDENT = 1.0
SPECIFIC = 0.38
_BODY = FIELDS.index("body")


def answers(index: Index, asked: Asked) -> bool:
    """Tell whether the library answers a query at all."""
    question = asked.question
    if question.phrases or not question.asks:
        return True
    if asked.named or question.documents:
        return asked.named  # a document is there or is not: another one is no answer
    if not asked.scored.best:
        return False
    row = int(asked.scored.rows[asked.scored.scores.argmax()])
    return evidence(index, asked, row) >= CONFIDENT


def evidence(index: Index, asked: Asked, row: int) -> float:
    """Return how much speaks for an entry: its score, and the specific words that it shares.

    A word that no entry has counts 1, one that many have much less. The body counts in the score
    alone: there every entry has words about licences, fees and companies.
    """
    content, document = index.document(row)
    tokens = content.tokens[content.span(document, 0, _BODY)]
    wanted = word_keys((*asked.question.words, *asked.question.names))
    places, known = index.postings.find(np.intersect1d(wanted, content.keys[tokens]))
    rarest = float(idf_of(np.zeros(1, np.int64), len(index))[0])
    specific = float(index.postings.idf[places[known]].sum()) / rarest
    return asked.scored.of(row) + SPECIFIC * specific
