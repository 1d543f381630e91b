"""Bundles (一件事): one undertaking that takes several items, worked out as one plan."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from graphlib import TopologicalSorter
from typing import Any

from pydantic import BaseModel, ConfigDict

from indexer.analysis import normalise
from indexer.cards import url_of
from indexer.policy import (
    BundleStep,
    Contact,
    Kind,
    Material,
    Policy,
    Situation,
    Status,
    TimeLimit,
    TimeLimitKind,
    TimeLimitStage,
    TimeUnit,
    status_on,
)
from indexer.situations import applies, tell_situations


class Item(BaseModel):
    """What a plan reads of an entry: from its policy, or from its public record."""

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)

    slug: str
    title: str
    kind: Kind
    effective: date | None = None
    expires: date | None = None
    superseded_by: str | None = None
    situations: tuple[Situation, ...] = ()
    materials: tuple[Material, ...] = ()
    time_limit: tuple[TimeLimit, ...] = ()
    contact: tuple[Contact, ...] = ()
    bundle: tuple[BundleStep, ...] = ()

    @property
    def asked(self) -> tuple[tuple[str, ...], ...]:
        """The options of each question."""
        return tuple(situation.options for situation in self.situations)

    def status_on(self, day: date) -> Status:
        """Return whether the entry may be relied on on `day`."""
        return status_on(day, self.effective, self.expires, self.superseded_by is not None)


@dataclass(frozen=True)
class PlannedStep:
    """One step of a plan: when it may begin, and how long it may take, in working days.

    `level` counts the rounds of waiting before it. A step without a known limit has no `days` and
    ends, as far as is known, when it begins. `longest` tells that it is among those steps that make
    the known days as many as they are.
    """

    number: int
    step: BundleStep
    item: Item | None
    level: int
    days: int | None
    basis: str | None
    start: int
    finish: int
    longest: bool

    @property
    def title(self) -> str:
        return self.step.name or (self.item.title if self.item else "")

    @property
    def optional(self) -> bool:
        return self.step.when is not None

    def to_dict(self) -> dict[str, Any]:
        """Return the step as JSON values; without a limit it has neither days nor finish."""
        item = self.item
        fields = {
            "id": self.step.id,
            "number": self.number,
            "title": self.title,
            "entry": self.step.entry,
            "url": url_of(item.slug) if item else None,
            "effective": item.effective.isoformat() if item and item.effective else None,
            "expires": item.expires.isoformat() if item and item.expires else None,
            "superseded_by": item.superseded_by if item else None,
            "situation": list(self.step.situation),
            "when": self.step.when,
            "after": list(self.step.after),
            "days": self.days,
            "start": self.start,
            "finish": self.finish if self.days is not None else None,
            "longest": self.longest,
            "basis": self.basis,
            "note": self.step.note,
        }
        return {name: value for name, value in fields.items() if value not in (None, [])}


@dataclass(frozen=True)
class Span:
    """How many working days to allow for some steps, and how many of them have no known limit."""

    days: int
    steps: int
    unknown: int

    def __str__(self) -> str:
        if self.unknown == self.steps:
            return "时限都没有写明，多久办好请先问窗口"
        if self.unknown:
            return f"至少要留 {self.days} 个工作日，另有 {self.unknown} 项没有写明时限"
        return f"要留 {self.days} 个工作日"

    def to_dict(self) -> dict[str, Any]:
        """Return the span as JSON values."""
        return {"days": self.days, "steps": self.steps, "unknown": self.unknown, "text": str(self)}


@dataclass(frozen=True)
class OpenQuestion:
    """What to settle before a step: a question of its entry of which the plan ticks nothing."""

    step: int
    title: str
    question: str
    options: tuple[str, ...]
    note: str | None


@dataclass(frozen=True)
class Want:
    """One step that wants a material, and in which form."""

    step: int
    title: str
    optional: bool
    material: Material
    asked: tuple[tuple[str, ...], ...] = ()

    @property
    def when(self) -> str:
        """For which applicants it is, in words; nothing if for all."""
        return self.material.when or tell_situations(self.material.situation, self.asked)

    def to_dict(self) -> dict[str, Any]:
        """Return as JSON values which step wants what."""
        fields = self.material.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
        return {"step": self.step, "title": self.title, "optional": self.optional, **fields}


@dataclass(frozen=True)
class NeededMaterial:
    """One material (申请材料) of a plan with all steps that want it; each wants its own copies."""

    name: str
    wants: tuple[Want, ...]

    @property
    def copies(self) -> int | None:
        """How many copies all steps want together; None unless each says how many.

        Where one step wants it in two ways, they are for different situations.
        """
        counts: dict[int, int] = {}
        for want in self.wants:
            if want.material.copies is None:
                return None
            counts[want.step] = max(counts.get(want.step, 0), want.material.copies)
        return sum(counts.values())


@dataclass(frozen=True)
class Plan:
    """What a bundle comes to: `levels` are the numbers of the steps of each round.

    `all` and `required` are the days to allow with the optional steps and without them.
    """

    steps: tuple[PlannedStep, ...]
    levels: tuple[tuple[int, ...], ...]
    all: Span
    required: Span
    questions: tuple[OpenQuestion, ...]
    materials: tuple[NeededMaterial, ...]
    unlisted: tuple[int, ...]
    contacts: tuple[Contact, ...]

    def to_dict(self, day: date | None = None) -> dict[str, Any]:
        """Return the plan as JSON values; given a day, each entry of it tells its status."""
        steps = [step.to_dict() for step in self.steps]
        if day is not None:
            for told, step in zip(steps, self.steps, strict=True):
                told |= {"status": step.item.status_on(day)} if step.item else {}
        return {
            "steps": steps,
            "levels": [list(level) for level in self.levels],
            "longest": [step.number for step in self.steps if step.longest],
            "all": self.all.to_dict(),
            "required": self.required.to_dict(),
            "questions": [
                {name: v for name, v in vars(question).items() if v is not None}
                for question in self.questions
            ],
            "materials": [
                {
                    "name": material.name,
                    **({"copies": material.copies} if material.copies is not None else {}),
                    "wants": [want.to_dict() for want in material.wants],
                }
                for material in self.materials
            ],
            "unlisted": list(self.unlisted),
            "contacts": [
                contact.model_dump(mode="json", exclude_none=True) for contact in self.contacts
            ],
        }


def plan_bundle(
    entry: Policy | Mapping[str, Any], find: Callable[[str], Policy | Mapping[str, Any] | None]
) -> Plan:
    """Return the plan of a bundle, which the checks have passed.

    It is given as a policy or as a public record, and so are the entries that `find` brings.
    """
    bundle = Item.model_validate(entry)
    items = {step.id: _find_item(step.entry, find) for step in bundle.bundle}
    levels = _levels(bundle.bundle)
    steps = _schedule(bundle.bundle, items, levels)
    numbers = {step.step.id: step.number for step in steps}
    materials = tuple(_merge_materials(steps))
    listed = {want.step for material in materials for want in material.wants}
    return Plan(
        steps,
        tuple(tuple(numbers[id_] for id_ in level) for level in levels),
        _span(steps, optional=True),
        _span(steps, optional=False),
        tuple(_open_questions(steps)),
        materials,
        tuple(step.number for step in steps if step.number not in listed),
        _merge_contacts([bundle, *(step.item for step in steps if step.item)]),
    )


def _find_item(slug: str | None, find: Callable[[str], Any]) -> Item | None:
    found = find(slug) if slug is not None else None
    return Item.model_validate(found) if found is not None else None


def _levels(steps: Sequence[BundleStep]) -> list[list[str]]:
    """Return which steps may be done at one time, round by round.

    Of one round those come first that others wait for, then the order is that of the entry.
    """
    sorter = TopologicalSorter({step.id: step.after for step in steps})
    sorter.prepare()
    awaited = {before for step in steps for before in step.after}
    ranks = {step.id: (step.id not in awaited, place) for place, step in enumerate(steps)}
    levels: list[list[str]] = []
    while sorter.is_active():
        ready = sorter.get_ready()
        levels.append(sorted(ready, key=ranks.__getitem__))
        sorter.done(*ready)
    return levels


def _schedule(
    steps: Sequence[BundleStep], items: Mapping[str, Item | None], levels: Sequence[Sequence[str]]
) -> tuple[PlannedStep, ...]:
    """Return the steps round by round, each as early as may be."""
    by_id = {step.id: step for step in steps}
    ordered = [by_id[id_] for level in levels for id_ in level]
    round_of = {id_: number for number, level in enumerate(levels) for id_ in level}
    limits = {step.id: _limit_of(step, items[step.id]) for step in steps}
    known = {id_: days or 0 for id_, (days, _) in limits.items()}
    finish, tails = _finishes(ordered, known), _tails(ordered, known)
    total = max(finish.values(), default=0)
    return tuple(
        PlannedStep(
            number,
            step,
            items[step.id],
            round_of[step.id],
            *limits[step.id],
            start=finish[step.id] - known[step.id],
            finish=finish[step.id],
            longest=0 < total == finish[step.id] + tails[step.id],
        )
        for number, step in enumerate(ordered, start=1)
    )


def _finishes(ordered: Iterable[BundleStep], known: Mapping[str, int]) -> dict[str, int]:
    """Return when each step ends at the earliest, by the limits that are known."""
    finish: dict[str, int] = {}
    for step in ordered:
        finish[step.id] = known[step.id] + max((finish[id_] for id_ in step.after), default=0)
    return finish


def _tails(ordered: Sequence[BundleStep], known: Mapping[str, int]) -> dict[str, int]:
    """Return how many days at the most pass behind each step until all is done."""
    tails = {step.id: 0 for step in ordered}
    for step in reversed(ordered):
        for before in step.after:
            tails[before] = max(tails[before], known[step.id] + tails[step.id])
    return tails


def _limit_of(step: BundleStep, item: Item | None) -> tuple[int | None, str | None]:
    """Return within how many working days a step must be decided, and what says so.

    Of several limits, each for a situation that may be the applicant's, the longest counts.
    """
    if step.days is not None or item is None:
        return step.days, step.basis
    limits = [
        (limit.value, limit.basis)
        for limit in item.time_limit
        if limit.kind is TimeLimitKind.STATUTORY
        and limit.stage is TimeLimitStage.DECISION
        and limit.unit is TimeUnit.WORKING_DAYS
        and limit.value is not None
        and applies(limit.situation, item.asked, step.situation)
    ]
    days, basis = max(limits, key=lambda limit: limit[0], default=(None, None))
    return days, "；".join(filter(None, (step.basis, basis))) or None


def _span(steps: Sequence[PlannedStep], *, optional: bool) -> Span:
    """Return the days to allow, with the optional steps or as if each took no time."""
    counted = [step for step in steps if optional or not step.optional]
    known = {step.step.id: 0 for step in steps}
    known |= {step.step.id: step.days or 0 for step in counted}
    days = max(_finishes([step.step for step in steps], known).values(), default=0)
    return Span(days, len(counted), sum(step.days is None for step in counted))


def _open_questions(steps: Iterable[PlannedStep]) -> Iterator[OpenQuestion]:
    for step in steps:
        for asked in step.item.situations if step.item else ():
            if not set(asked.options) & set(step.step.situation):
                yield OpenQuestion(
                    step.number, step.title, asked.question, asked.options, asked.note
                )


def _merge_materials(steps: Iterable[PlannedStep]) -> Iterator[NeededMaterial]:
    """Yield each material once, however it is spelled, with all steps that want it."""
    wants: dict[str, list[Want]] = {}
    for step in steps:
        for material in _materials_of(step):
            asked = step.item.asked if step.item else ()
            want = Want(step.number, step.title, step.optional, material, asked)
            wants.setdefault("".join(normalise(material.name).split()), []).append(want)
    for rows in wants.values():
        yield NeededMaterial(rows[0].material.name, tuple(rows))


def _materials_of(step: PlannedStep) -> Iterator[Material]:
    """Yield what a step wants, or may want, in its situation."""
    if step.item is not None:
        for material in step.item.materials:
            if applies(material.situation, step.item.asked, step.step.situation):
                yield material


def _merge_contacts(items: Iterable[Item]) -> tuple[Contact, ...]:
    """Return whom to ask, each number once."""
    contacts: dict[str, Contact] = {}
    for contact in (contact for item in items for contact in item.contact):
        contacts.setdefault(contact.phone or contact.url or contact.name, contact)
    return tuple(contacts.values())
