"""The questionnaire (政策找人): questions and rules as data that a browser evaluates by itself.

Nothing is judged here. `assets/javascripts/matching.js` judges, by the same rules as `matching.py`;
what it compares with goes out as it is compared: whole numbers, dates, lists of values.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from indexer.answers import Value
from indexer.cards import rule_of
from indexer.estimates import rows_of
from indexer.matching import Anchors, Node, Rule, read_rules
from indexer.policy import Condition, Kind, Material, Policy, label, places_within, region_names
from indexer.profile import load_sizes
from indexer.questions import ELSEWHERE, Question, QuestionType, load_questions

QUESTIONS = "assets/match/questions.js"
RULES = "assets/match/rules.js"
ESTIMATE_PARTS = ("name", "unit", "words", "tree", "basis", "note")
SCALE = 1_000_000  # an answer has at most six decimal places, so that this makes it whole

Data = dict[str, Any]


def questionnaire_files(policies: Iterable[Policy]) -> tuple[dict[str, str], str]:
    """Return the scripts for these policies, and the version they share.

    The first question needs no rules: those come in a file of their own, when they are there.
    """
    files = {
        QUESTIONS: f"window.PolicyQuestionnaire = {_json(lexicon_data())};\n",
        RULES: f"PolicyQuestionnaire.take({_json(rules_data(policies))});\n",
    }
    digest = blake2b("".join(files.values()).encode("utf-8", "replace"), digest_size=6)
    return files, digest.hexdigest()


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff<]", _escape, text)


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def rules_data(policies: Iterable[Policy]) -> list[Data]:
    """Return the rules of the benefit entries, each with what a result shows of its entry."""
    benefits = [policy for policy in policies if policy.kind is Kind.BENEFIT]
    rules = read_rules(json.loads(rule_of(policy)) for policy in benefits)
    return [
        describe_rule(rule) | _describe_entry(policy)
        for rule, policy in zip(rules, benefits, strict=True)
    ]


# Questions


def lexicon_data() -> Data:
    """Return questions and units, the regions with what is inside them, and the table of sizes."""
    return {
        "questions": [_describe_question(row) for row in load_questions().rows],
        "measures": [dict(measure) for measure in load_questions().measures],
        "regions": {name: list(places_within(name)) for name in (*region_names(), ELSEWHERE)},
        "sizes": {
            industry: {name: list(lower) for name, lower in row.items()}
            for industry, row in load_sizes().items()
        },
    }


def _describe_question(question: Question) -> Data:
    return _present(
        key=question.key,
        label=question.label,
        question=question.question,
        help=question.help,
        type=question.type,
        unit=question.unit,
        minimum=question.minimum,
        maximum=question.maximum,
        options=list(_options(question)),
        derived_from=list(question.derived_from),
        group=question.group,
        statement=question.statement,
        otherwise=question.otherwise,
    )


def _options(question: Question) -> Iterator[list[str]]:
    """Yield the value of each option, and what a person reads where that is something else."""
    if question.type is QuestionType.REGION:
        yield from ([name] for name in (*region_names(), ELSEWHERE))
    for option in question.options:
        yield [option.value] if option.name == option.value else [option.value, option.name]


# Rules


def describe_rule(rule: Rule) -> Data:
    """Return a rule as data, with the words that its result shows."""
    record = rule.record
    opens, closes = rule.window
    kept = ("slug", "title", "summary", "audience", "effective", "expires")
    return _present(
        **{name: record.get(name) for name in kept},
        superseded=record.get("superseded_by") is not None,
        deadline=_iso(rule.deadline),
        opens=_iso(opens),
        closes=_iso(closes),
        window=(record.get("application_window") or {}).get("text"),
        mode=record.get("benefit_mode"),
        testable=rule.testable,
        estimates=[_describe_estimate(row) for row in rows_of(record)],
        conditions=[_describe_node(node, rule.anchors) for node in rule.nodes],
        unchecked=[_describe_unchecked(condition, rule.anchors) for condition in rule.unchecked],
    )


def _describe_estimate(row: Mapping[str, Any]) -> Data:
    return {name: row[name] for name in ESTIMATE_PARTS if name in row}


def _describe_node(node: Node, anchors: Anchors) -> Data:
    threshold = node.threshold
    compared: Data = {}
    if threshold is not None:
        compared = {
            "field": threshold.question.key,
            "op": threshold.op,
            "value": compared_value(threshold.value),
            "threshold": threshold.text,
        }
    return _present(
        **_words(node.condition, anchors),
        **compared,
        group=node.group,
        conditions=[_describe_node(child, anchors) for child in node.children],
    )


def compared_value(value: Value) -> Any:
    """Return a value as the browser compares it; nothing for what only has to be there."""
    if isinstance(value, Decimal):
        return str(int(value * SCALE))
    if isinstance(value, frozenset):
        return sorted(value)
    return value.isoformat() if isinstance(value, date) else None


def _describe_unchecked(condition: Condition, anchors: Anchors) -> Data:
    groups = {"all": condition.all, "any": condition.any, "not": condition.not_}
    group = next((name for name, inner in groups.items() if inner), "")
    inner = groups.get(group, ())
    return _present(
        **_words(condition, anchors),
        group=group,
        conditions=[_describe_unchecked(child, anchors) for child in inner],
    )


def _words(condition: Condition, anchors: Anchors) -> Data:
    return {
        "text": condition.text,
        "basis": condition.basis,
        "note": condition.note,
        "at": anchors.get(condition),
    }


# What one gets and how


def _describe_entry(policy: Policy) -> Data:
    """Return what is given, what is handed in, and where one applies."""
    return _present(
        benefits=[
            _present(type=benefit.type, text=benefit.text, cap=benefit.cap, note=benefit.note)
            for benefit in policy.benefits
        ],
        materials=[
            _present(name=m.name, when=m.when, tags=material_tags(m), note=m.note)
            for m in policy.materials
        ],
        counters=[
            _present(name=place.name, address=place.address, hours=place.hours, url=place.url)
            for place in policy.counter
        ],
        contacts=[
            _present(name=contact.name, phone=contact.phone, url=contact.url)
            for contact in policy.contact
        ],
        procedure=bool(policy.procedure),
    )


def material_tags(material: Material) -> list[str]:
    """Return in few words how a material is handed in."""
    tags = (
        f"{material.copies} 份" if material.copies else None,
        label(material.form) if material.form else None,
        f"由{material.issued_by}出具" if material.issued_by else None,
        "可由部门共享，免提交" if material.shared else None,
    )
    return [tag for tag in tags if tag]


def _present(**fields: Any) -> Data:
    """Return the fields that say something."""
    return {name: v for name, v in fields.items() if v is not False and v not in (None, "", [])}


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
