"""A bundle's part of its page (一件事): its plan, said in words and drawn, for the template."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from indexer.bundles import Item, NeededMaterial, Plan, PlannedStep, Want
from indexer.diagrams import draw_plan
from indexer.notice import has_notice
from indexer.questionnaire import material_tags
from indexer.situations import tell_situations

Data = dict[str, Any]

WIDE, NARROW = 3, 1  # boxes side by side on a screen or on paper, and on a phone


def describe_plan(plan: Plan, numbers: Mapping[str, int]) -> Data:
    """Return what the page shows of a plan; `numbers` are those of the sources."""
    some_optional = 0 < plan.required.steps < plan.all.steps
    return {
        "total": len(plan.steps),
        "all": str(plan.all),
        "required": str(plan.required) if some_optional else "",
        "required_steps": plan.required.steps,
        "steps": [_step(step, plan, numbers) for step in plan.steps],
        "wide": draw_plan(plan, WIDE),
        "narrow": draw_plan(plan, NARROW),
        "questions": [
            {
                "step": question.step,
                "title": question.title,
                "question": question.question,
                "options": " / ".join(question.options),
                "note": question.note or "",
            }
            for question in plan.questions
        ],
        "materials": [_material(material) for material in plan.materials],
        "unlisted": [plan.steps[number - 1].title for number in plan.unlisted],
        "contacts": [
            {"name": contact.name, "phone": contact.phone or "", "url": contact.url or ""}
            for contact in plan.contacts
        ],
    }


def _step(step: PlannedStep, plan: Plan, numbers: Mapping[str, int]) -> Data:
    item = step.item
    return {
        "title": step.title,
        "slug": item.slug if item else "",
        "has_notice": item is not None and has_notice(item.kind),
        "official": item.title if item and item.title != step.title else "",
        "status": _dates(item) if item and (item.effective or item.expires) else {},
        "days": days_told(step),
        "when": step.step.when or "",
        "situation": tell_situations(step.step.situation, item.asked if item else ()),
        "order": order_told(step, plan),
        "longest": step.longest,
        "basis": step.basis or "",
        "note": step.step.note or "",
        "refs": [numbers[id_] for id_ in step.step.source if id_ in numbers],
    }


def _dates(item: Item) -> Data:
    return {
        "effective": str(item.effective or ""),
        "expires": str(item.expires or ""),
        "superseded": item.superseded_by is not None,
    }


def days_told(step: PlannedStep) -> str:
    """Return how long a step may take, in words."""
    return f"{step.days} 个工作日" if step.days is not None else "时限没有写明"


def order_told(step: PlannedStep, plan: Plan) -> str:
    """Return what a step waits for, or what waits for it, in words; most orders are not written."""
    known = {other.step.id: other.number for other in plan.steps}
    before = sorted(known[id_] for id_ in step.step.after)
    behind = [other.number for other in plan.steps if step.step.id in other.step.after]
    if before:
        return f"第 {listed(before)} 项办完才能办"
    return f"先办，第 {listed(behind)} 项等它" if behind else "先后没有写明"


def listed(numbers: Sequence[int]) -> str:
    return "、".join(map(str, numbers))


def _material(material: NeededMaterial) -> Data:
    several = len({want.step for want in material.wants}) > 1
    total = material.copies if several else None
    return {
        "name": material.name,
        "total": f"一共 {total} 份" if total else "",
        "wants": [_want(want) for want in material.wants],
    }


def _want(want: Want) -> Data:
    material = want.material
    return {
        "step": want.step,
        "title": want.title,
        "optional": want.optional,
        "tags": material_tags(material),
        "when": want.when,
        "template": material.template or ("空白表" if material.template_url else ""),
        "template_url": material.template_url or "",
        "note": material.note or "",
    }


def plan_texts(plan: Plan) -> Iterator[str]:
    """Yield what of a plan the site's own search looks through."""
    for step in plan.steps:
        yield from filter(None, (step.title, step.step.when, step.step.note))
    yield from (material.name for material in plan.materials)
