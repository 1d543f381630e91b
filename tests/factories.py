"""Policies, libraries and indexes for tests: a test writes what it needs, the rest is filled in."""

import json
import tempfile
from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from indexer.cards import rule_of
from indexer.index import Index, open_index
from indexer.loader import Entry, Library, load_library
from indexer.matching import Rule, read_rules
from indexer.policy import Kind, Policy
from indexer.query import Answer
from indexer.writing import build_index

_DEFAULTS: dict[str, Any] = {
    "title": "城镇污水排入排水管网许可",
    "kind": "service",
    "audience": ["citizen", "enterprise"],
    "topic": ["排水与污水"],
    "level": "national",
    "issuer": "国务院",
    "summary": "一句话说明这一条是做什么的。",
    "sources": [{"title": "示例条例", "doc_number": "国务院令第641号"}],
    "reviewed": "2026-11-23",
    "body": "正文。",
}

# The front matter of the smallest entry that is accepted, as an editor would write it.
SMALLEST: dict[str, Any] = {
    "title": "创业担保贷款",
    "kind": "benefit",
    "audience": ["citizen"],
    "topic": "融资贷款",
    "level": "city",
    "issuer": "某市人社局",
    "summary": "自己创业缺钱，可以申请贴息贷款。",
    "sources": [{"id": "A", "title": "办法", "doc_number": "某政发〔2024〕3号"}],
    "reviewed": "2026-11-23",
}


def make_policy(slug: str, **fields: Any) -> Policy:
    """Return a valid policy with the given fields."""
    values = {**_DEFAULTS, **fields}
    if values.get("superseded_by"):
        values.setdefault("expires", "2020-12-31")
    return Policy.model_validate({"slug": slug, **values})


# Conditions as an entry writes them.
HEADCOUNT: dict[str, Any] = {
    "text": "不超过 300 人",
    "field": "headcount",
    "op": "lte",
    "value": "300",
    "unit": "人",
}


def make_benefit(slug: str = "loan", *conditions: dict[str, Any], **fields: Any) -> Policy:
    """Return a benefit for enterprises with these conditions."""
    values = {"kind": "benefit", "audience": ["enterprise"], "eligibility": conditions, **fields}
    return make_policy(slug, **values)


def rules_of(*policies: Policy) -> tuple[Rule, ...]:
    """Return the rules of benefits, as the index keeps them."""
    return read_rules([json.loads(rule_of(policy)) for policy in policies])


@cache
def real_rules() -> tuple[Rule, ...]:
    """Return the rules of the real entries."""
    policies = load_library(Path(__file__).parent.parent / "policies").policies
    return rules_of(*(policy for policy in policies if policy.kind is Kind.BENEFIT))


def make_library(*policies: Policy, tmp_path: Path) -> Library:
    """Return a library of these policies, as if each stood in a file below `tmp_path`."""
    entries = (
        Entry(
            policy=policy,
            path=f"{policy.slug}.md",
            digest=blake2b(policy.model_dump_json().encode()).hexdigest(),
        )
        for policy in policies
    )
    return Library(tmp_path, tuple(sorted(entries, key=lambda entry: entry.policy.slug)))


def make_index(*policies: Policy) -> Index:
    """Return an open index of these policies in a temporary folder."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        # An open index needs no names on POSIX; on Windows what is in use simply stays behind.
        path = Path(folder) / "index"
        build_index(make_library(*policies, tmp_path=Path(folder)), path)
        return open_index(path)


def slugs(answer: Answer | Iterable[Any]) -> list[str]:
    """Return the slugs of an answer's hits, or of suggestions, in their order."""
    hits = answer.hits if isinstance(answer, Answer) else answer
    return [hit["slug"] if isinstance(hit, dict) else hit.slug for hit in hits]
