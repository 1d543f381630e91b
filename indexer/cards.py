"""Cards (卡片): what is kept of an entry for its page, for lists and for matching, as JSON."""

import json
import zlib
from typing import Any

from indexer.estimates import publish
from indexer.policy import Kind, Policy


def url_of(slug: str) -> str:
    """Return the address of an entry's page below the root of the site."""
    return f"/policies/{slug}.html"


RULE_FIELDS = (
    "slug",
    "title",
    "summary",
    "audience",
    "region",
    "effective",
    "expires",
    "superseded_by",
    "eligibility",
    "benefits",
    "benefit_mode",
    "application_window",
)


def rule_of(policy: Policy) -> bytes:
    """Return what matching needs of an entry, all of it public; nothing for other kinds."""
    if policy.kind is not Kind.BENEFIT:
        return b""
    record = publish(policy.public_record())
    deadline = policy.deadline.isoformat() if policy.deadline else None
    kept = {name: record[name] for name in RULE_FIELDS if name in record}
    rule = {**kept, "url": url_of(policy.slug), "deadline": deadline}
    return json.dumps(rule, ensure_ascii=False).encode()


def card_of(policy: Policy) -> bytes:
    """Return what a list shows of an entry, as JSON."""
    card = {
        "slug": policy.slug,
        "title": policy.title,
        "url": url_of(policy.slug),
        "summary": policy.summary,
        "kind": policy.kind,
        "audience": policy.audience,
        "topic": policy.topic,
        "level": policy.level,
        "region": policy.region,
        "issuer": policy.issuer,
        "doc_number": next(iter(policy.doc_numbers), None),
        "benefit_mode": policy.benefit_mode,
        "effective": policy.effective and policy.effective.isoformat(),
        "expires": policy.expires and policy.expires.isoformat(),
        "superseded_by": policy.superseded_by,
    }
    return json.dumps(card, ensure_ascii=False).encode()


def record_of(policy: Policy) -> bytes:
    """Return the public record of an entry with its `url`, compressed."""
    record = {**publish(policy.public_record()), "url": url_of(policy.slug)}
    return zlib.compress(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace"), 1)


def read_record(data: bytes) -> dict[str, Any]:
    """Return a record from what `record_of` made of it."""
    record: dict[str, Any] = json.loads(zlib.decompress(data))
    return record
