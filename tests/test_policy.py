"""The record: dates decide the status, the schema tells editors everything, nothing leaks."""

from datetime import date
from typing import Any

import pytest
from factories import SMALLEST
from pydantic import ValidationError

from indexer.policy import LABELS, Policy, Status, json_schema, load_topics


def policy(**fields: Any) -> Policy:
    return Policy.model_validate({"slug": "loan", "body": "正文", **SMALLEST, **fields})


@pytest.mark.parametrize(
    ("fields", "day", "status"),
    [
        ({}, "2026-11-24", Status.IN_FORCE),
        ({"effective": "2026-11-25"}, "2026-11-24", Status.PENDING),
        ({"effective": "2026-11-24"}, "2026-11-24", Status.IN_FORCE),
        ({"expires": "2026-11-24"}, "2026-11-24", Status.IN_FORCE),
        ({"expires": "2026-11-23"}, "2026-11-24", Status.EXPIRED),
        ({"expires": "2026-11-23", "superseded_by": "new"}, "2026-11-24", Status.SUPERSEDED),
        ({"expires": "2026-11-24", "superseded_by": "new"}, "2026-11-24", Status.IN_FORCE),
    ],
)
def test_status_follows_from_the_dates_on_the_day_asked(
    fields: dict[str, str], day: str, status: Status
) -> None:
    assert policy(**fields).status_on(date.fromisoformat(day)) is status


def test_the_smallest_entry_of_the_documentation_is_accepted() -> None:
    assert policy().topic == ("融资贷款",)


def test_one_value_may_be_written_without_the_brackets_of_a_list() -> None:
    assert policy(audience="citizen", aliases="贷款").aliases == ("贷款",)


def test_the_public_record_leaves_out_internal_notes_and_empty_fields() -> None:
    record = policy(internal="内部", key_points=[{"text": "要点"}]).public_record()
    assert "内部" not in str(record)
    assert record["key_points"] == [{"text": "要点"}]
    assert "expires" not in record


def test_a_material_that_need_not_be_shared_keeps_its_no() -> None:
    record = policy(materials=[{"name": "申请表", "shared": "否", "copies": "0"}]).public_record()
    assert record["materials"] == [{"name": "申请表", "copies": 0, "shared": False}]


@pytest.mark.parametrize("value", ["NaN", "1e9", "１２", "1,000", "", "9" * 30])
def test_an_amount_is_a_plain_number_or_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        policy(benefits=[{"type": "补贴", "text": "给钱", "amount": value, "unit": "元"}])


def test_the_deadline_of_a_benefit_is_the_earlier_of_window_and_expiry() -> None:
    window = {"text": "六月", "closes": "2026-06-30"}
    both = policy(expires="2026-12-31", application_window=window)
    assert both.deadline == date(2026, 6, 30)
    assert policy(expires="2026-12-31").deadline == date(2026, 12, 31)
    assert policy(kind="rule", expires="2026-12-31").deadline is None


def test_superseded_needs_the_last_day_in_force() -> None:
    with pytest.raises(ValidationError, match="就要写 expires"):
        policy(superseded_by="new")


def _properties(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    models = {"Policy": schema, **schema["$defs"]}
    return [
        (f"{name}.{field}", spec)
        for name, model in models.items()
        for field, spec in model.get("properties", {}).items()
    ]


def test_the_schema_has_a_chinese_description_and_an_example_for_every_field() -> None:
    properties = _properties(json_schema())
    assert len(properties) > 100
    for name, spec in properties:
        assert any("一" <= c <= "鿿" for c in spec.get("description", "")), name
        assert spec.get("examples"), name


def test_the_schema_accepts_what_the_loader_accepts_and_names_every_topic() -> None:
    schema = json_schema()
    assert "slug" not in schema["properties"]
    assert "body" not in schema["properties"]
    one, several = schema["properties"]["topic"]["anyOf"]
    assert one == several["items"] == {"type": "string", "enum": [t.name for t in load_topics()]}


def test_topics_are_unique_by_name_and_address() -> None:
    topics = load_topics()
    assert len({t.name for t in topics}) == len({t.slug for t in topics}) == len(topics)


def test_every_fixed_value_has_a_chinese_name() -> None:
    from enum import StrEnum

    from indexer import policy as module

    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, StrEnum) and value is not StrEnum:
            for member in value:
                named = LABELS.get(member, member.value)
                assert any("一" <= c <= "鿿" or c == "%" for c in named), member
