import threading

import numpy as np
import pytest
from factories import make_policy

from indexer import content as content_module
from indexer.analysis import analyse, word_keys
from indexer.content import Content, Documents, join
from indexer.texts import FIELDS, texts_of

BODIES = ["㎡以内免申即享。", "-", "R&D 费用加计扣除100%，C++。", "挖掘城市道路，挖马路。", "證照"]
TEXTS = [
    tuple(texts_of(make_policy(f"p-{n}", title=f"第{n}号排水许可", body=body)).values())
    for n, body in enumerate(BODIES * 3)
]


def analysed(texts: list[tuple[str, ...]]) -> tuple[Content, list[str]]:
    documents = Documents(len(texts))
    for number, fields in enumerate(texts):
        documents.add(fields, card=b"{}", rule=b"", record=str(number).encode())
    return documents.finish()


def plain(content: Content) -> list[list[object]]:
    """Return all that a content holds, as Python values."""
    kept = []
    for document in range(len(content)):
        span = content.span(document, 0, len(FIELDS))
        words = content.keys[content.tokens[span]].tolist()
        pairs = content.pairs_at(np.array([document]))[0].tolist()
        places = content.begins[span].tolist(), content.ends[span].tolist()
        kept.append([content.records[document], words, *places, pairs])
    return kept


def test_a_field_has_the_words_and_pairs_that_the_analysis_of_its_text_gives() -> None:
    content, words = analysed(TEXTS)
    assert word_keys(words).tolist() == content.keys.tolist()
    for document, texts in enumerate(TEXTS):
        for field, text in enumerate(texts):
            span = content.span(document, field, field + 1)
            expected = analyse(text)
            assert content.text(document, field) == text
            assert [words[token] for token in content.tokens[span].tolist()] == expected.words
            assert content.begins[span].tolist() == expected.begins
            assert content.ends[span].tolist() == expected.ends
            slot = document * len(FIELDS) + field
            pairs = content.pairs[content.pair_starts[slot] : content.pair_starts[slot + 1]]
            assert pairs.tolist() == expected.pairs.tolist()


@pytest.mark.parametrize("threads", [0, 1])
def test_several_processes_give_what_one_gives(
    monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    # With another thread running, the processes start afresh instead of as copies of this one.
    alone, words = analysed(TEXTS)
    monkeypatch.setattr(content_module, "CHUNK", 2)
    monkeypatch.setattr(content_module, "WORTH_PROCESSES", 1)
    stop = threading.Event()
    others = [threading.Thread(target=stop.wait) for _ in range(threads)]
    for thread in others:
        thread.start()
    try:
        together, same_words = analysed(TEXTS)
    finally:
        stop.set()
    assert same_words == words
    assert plain(together) == plain(alone)


def test_documents_are_taken_and_joined_as_they_are() -> None:
    first, _ = analysed(TEXTS[:4])
    second, _ = analysed(TEXTS[4:])
    whole, _ = analysed(TEXTS)
    both = join([first, second])
    records = [values[1:] for values in plain(whole)]
    assert [values[1:] for values in plain(both)] == records
    chosen = np.array([7, 0, 3])
    assert [values[1:] for values in plain(both.take(chosen))] == [records[n] for n in chosen]


def test_a_run_of_characters_is_found_in_few_documents_and_in_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content, _ = analysed(TEXTS)
    run = analyse("城市道路").pairs[:-1]
    having = [any("城市道路" in text for text in texts) for texts in TEXTS]
    assert any(having)
    for few, most in ((0, 0.0), (0, 1.0), (100, 1.0)):
        monkeypatch.setattr(content_module, "FEW", few)
        monkeypatch.setattr(content_module, "MOST_GATHERED", most)
        for chosen in (np.arange(len(TEXTS)), np.array([3]), np.array([2])):
            assert content.have_run(chosen, run).tolist() == [having[n] for n in chosen]
