"""Texts (可搜的文字): what of an entry can be searched, field by field."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from indexer.policy import Clause, Condition, Policy

FIELDS = ("title", "aliases", "queries", "summary", "doc_numbers", "body")
# The fields whose parts tell the article that they follow from (`basis`); what an answer rests on
# is one of theirs, and would weigh double.
_GROUNDED = {
    "applies_to",
    "conditions",
    "eligibility",
    "benefits",
    "materials",
    "procedure",
    "time_limit",
    "not_counted",
    "fee",
    "validity",
    "obligations",
    "consequences",
    "refusal",
    "remedies",
    "key_points",
    "handling_body",
    "bundle",
}


def texts_of(policy: Policy) -> dict[str, str]:
    """Return the searchable text of each field; `internal` is never read."""
    return {
        "title": policy.title,
        "aliases": "\n".join(policy.aliases),
        # What the hotline is asked counts as what people say: nDCG@10 on tests/judgements.csv is
        # 0.9782, and 0.9773 with the questions in the body ("policykb evaluate --judgements").
        "queries": "\n".join((*policy.queries, *(a.question for a in policy.answers))),
        "summary": policy.summary,
        "doc_numbers": "\n".join((*policy.doc_numbers, *_references(policy))),
        "body": "\n".join(filter(None, _body_parts(policy))),
    }


def _references(policy: Policy) -> Iterator[str]:
    """Yield the articles that an entry rests on: 城市道路管理条例 第33条."""
    for document in policy.documents:
        if document.articles:
            yield f"{document.title} {document.articles}"
    yield from dict.fromkeys(_bases(policy.model_dump(include=_GROUNDED)))


def _bases(value: Any) -> Iterator[str]:
    """Yield every `basis` in some fields, however deep."""
    if isinstance(value, dict):
        if value.get("basis"):
            yield value["basis"]
        value = value.values()
    elif not isinstance(value, list | tuple):
        return
    for part in value:
        yield from _bases(part)


def _body_parts(policy: Policy) -> Iterator[str]:
    """Yield the text of an entry in the order in which its page shows it."""
    for answer in policy.answers:
        yield from filter(None, (answer.short, answer.long))
    yield _plain(policy.body)
    for step in policy.bundle:
        yield from filter(None, (step.name, step.when, step.note))
    for clauses in (policy.applies_to, policy.conditions):
        yield from _clause_texts(clauses)
    yield from _condition_texts(policy.eligibility)
    for benefit in policy.benefits:
        yield from filter(None, (benefit.text, benefit.cap, benefit.note))
    if policy.benefit_mode is not None:
        yield policy.benefit_mode.value
    if policy.application_window is not None:
        yield policy.application_window.text
    for material in policy.materials:
        yield from filter(None, (material.name, material.when, material.note))
    yield from _clause_texts(policy.procedure)
    for limit in policy.time_limit:
        yield from filter(None, (limit.text, limit.note))
    for clauses in (
        policy.not_counted,
        policy.fee,
        policy.validity,
        policy.obligations,
        policy.consequences,
        policy.refusal,
        policy.remedies,
        policy.key_points,
        policy.cautions,
        policy.handling_body,
    ):
        yield from _clause_texts(clauses)
    for counter in policy.counter:
        yield from filter(None, (counter.name, counter.address))
    yield from (contact.name for contact in policy.contact)
    yield from (document.title for document in policy.documents)
    yield policy.validity_note or ""
    yield policy.issuer
    yield "、".join((*policy.topic, *policy.region))


def _clause_texts(clauses: Iterable[Clause]) -> Iterator[str]:
    for clause in clauses:
        head = "，".join(filter(None, (clause.name, clause.when)))
        yield f"{head}：{clause.text}" if head else clause.text
        yield clause.note or ""


def _condition_texts(conditions: Iterable[Condition]) -> Iterator[str]:
    for condition in conditions:
        yield condition.text
        yield condition.note or ""
        for group in (condition.all, condition.any, condition.not_):
            yield from _condition_texts(group)


_MARKUP = [
    (re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>\n]*>", re.DOTALL), " "),
    (re.compile(r"!?\[([^\[\]\n]*)\]\([^()\n]*\)"), r"\1"),
    (re.compile(r"^[ \t]*(?:#{1,6}|>|[-*+]|\d+\.)[ \t]+", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*\|?[ \t:|-]+\|[ \t:|-]*$", re.MULTILINE), ""),
    (re.compile(r"\*\*|__|`+|~~"), ""),
    (re.compile(r"[ \t]*\|[ \t]*"), " "),
    (re.compile(r"\s*\n\s*"), "\n"),
]


def _plain(markdown: str) -> str:
    """Return the words of a Markdown text without its marks."""
    for pattern, replacement in _MARKUP:
        markdown = pattern.sub(replacement, markdown)
    return markdown.strip()
