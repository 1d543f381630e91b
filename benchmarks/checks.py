"""Checks (核对) that nobody wins by answering wrongly: what is found must fit and overlap."""

from collections.abc import Iterator, Mapping, Sequence

from corpora import EVERYWHERE, FILTERED, KINDS, Labels, Queries
from engines import Counts, Engine

# What one engine finds: for each kind and each query's number, its best rows and its facet counts.
Answer = tuple[list[int], Counts | None]
Answers = dict[int, Answer]
Found = dict[str, Answers]

REFERENCES = ("whoosh", "tantivy", "ours")  # the first one that was asked is the measure
# Over 1,000, 10,000 and 57,771 statutes those that rank by BM25 alone share from 0.86 to 0.99 of
# Whoosh's ten best: ties and idf differ. Those that score more than words, or weigh entries by
# their standing, share from 0.35 to 0.99. One that answers whatever comes shares next to none.
PLAIN_FLOOR, FLOOR = 0.7, 0.2


def overlaps(found: Mapping[str, Found]) -> dict[str, dict[str, float]]:
    """Return, by engine and kind, the mean share of the reference's ten best that it found too."""
    reference = next(found[key] for key in (*REFERENCES, *found) if key in found)
    return {
        key: {
            kind: shared
            for kind in KINDS
            if (shared := _overlap(answers[kind], reference[kind])) is not None
        }
        for key, answers in found.items()
    }


def _overlap(answers: Answers, reference: Answers) -> float | None:
    shares = [
        len(set(answers[number][0]) & set(rows)) / len(rows)
        for number, (rows, _) in reference.items()
        if rows and number in answers
    ]
    return round(sum(shares) / len(shares), 3) if shares else None


def complain(
    engines: Sequence[type[Engine]],
    found: Mapping[str, Found],
    queries: Queries,
    labels: Sequence[Labels],
) -> Iterator[str]:
    """Yield what is wrong with the answers of each engine."""
    shared = overlaps(found)
    for engine in engines:
        floor = PLAIN_FLOOR if engine.plain else FLOOR
        for kind, share in shared[engine.key].items():
            if share < floor:
                yield f"{engine.label}：{kind} 的前十名和参照只重合 {share:.2f}，不到 {floor}。"
        wrong = sum(
            not _fits(labels[row], queries[FILTERED][number].filters)
            for number, (rows, _) in found[engine.key][FILTERED].items()
            for row in rows
        )
        if wrong:
            yield f"{engine.label}：筛选以后还有 {wrong} 条不合条件。"
        if not all(map(_is_counted, _counted(found[engine.key]))):
            yield f"{engine.label}：筛选项的条数比找到的还少。"


def _fits(labels: Labels, filters: Mapping[str, str]) -> bool:
    return all(
        value in labels[name] or (name == "region" and EVERYWHERE in labels[name])
        for name, value in filters.items()
    )


def _counted(found: Found) -> Iterator[tuple[list[int], Counts]]:
    for answers in found.values():
        yield from ((rows, counts) for rows, counts in answers.values() if counts is not None)


def _is_counted(answer: tuple[list[int], Counts]) -> bool:
    rows, counts = answer
    return sum(counts["kind"].values()) >= len(rows)
