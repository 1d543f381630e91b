"""The editor's form (编辑表单): the fields of the record → the configuration of Decap CMS."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexer.formfields import FormField, Shape, field_named, fields_of
from indexer.loader import SKIPPED_FILES, SKIPPED_FOLDERS
from indexer.policy import Condition, Kind, Policy, Record

Config = dict[str, Any]

ALL = "all"  # the collection from which other entries are chosen
DRAFTS = "drafts"
CONDITIONS_DEEP = 2  # how many levels of conditions the form shows; deeper ones are kept
FOLDERS: dict[str, tuple[str, Config]] = {  # folder → its name, what an entry there usually is
    "approvals": ("办事事项", {"kind": Kind.SERVICE.value}),
    "enterprises": ("惠企", {"kind": Kind.BENEFIT.value, "audience": ["enterprise"]}),
    "citizens": ("惠民", {"kind": Kind.BENEFIT.value, "audience": ["citizen"]}),
    "rules": ("规则与依据", {"kind": Kind.RULE.value}),
}
# What every entry needs stands open at the top, in this order.
FIRST = (
    *("slug", "title", "kind", "audience", "topic", "level", "issuer", "summary"),
    *("sources", "reviewed", "body"),
)


@dataclass(frozen=True)
class Section:
    """Some fields that are shown together, closed until somebody opens them (一组栏)."""

    name: str
    title: str
    fields: tuple[str, ...]


SECTIONS = (
    Section("part_words", "俗称、常见问法、统一答复", ("aliases", "queries", "answers")),
    Section(
        "part_validity",
        "地区、文号、时效",
        ("region", "doc_number", "issued", "effective", "expires", "validity_note"),
    ),
    Section(
        "part_who",
        "谁能办、什么条件",
        ("applies_to", "conditions", "eligibility"),
    ),
    Section(
        "part_benefit", "扶持内容、申报时间", ("benefits", "benefit_mode", "application_window")
    ),
    Section(
        "part_how",
        "情形、材料、流程、时限、收费",
        ("situations", "materials", "procedure", "time_limit", "not_counted", "fee", "validity"),
    ),
    Section(
        "part_after",
        "办好以后、不批、不服",
        ("obligations", "consequences", "refusal", "remedies"),
    ),
    Section("part_points", "要点、特别提醒", ("key_points", "cautions")),
    Section("part_where", "找谁办、打什么电话", ("handling_body", "counter", "contact")),
    Section(
        "part_relations",
        "依据文件、和别的条目的关系",
        (
            *("documents", "based_on", "related", "supersedes", "superseded_by"),
            *("amends", "repeals", "bundle"),
        ),
    ),
    Section("part_keeping", "负责核对、内部备注", ("review_by", "owner", "internal")),
)
REST = Section("part_rest", "其他", ())  # of the record, in no section yet


def form_config(policies: Path, address: str) -> Config:
    """Return the configuration of the editor for a library; `address` is where it asks."""
    folders = [*FOLDERS, *(name for name in folders_of(policies) if name not in FOLDERS)]
    choices = [{"value": name, "label": FOLDERS.get(name, (name,))[0]} for name in folders]
    return {
        "backend": {"name": "proxy", "proxy_url": address, "branch": "main"},
        "load_config_file": False,
        "locale": "zh_Hans",
        "media_library": {"name": "none"},
        "show_preview_links": False,
        "slug": {"encoding": "ascii", "clean_accents": True, "sanitize_replacement": "-"},
        "collections": [
            *(_collection(name, f"policies/{name}") for name in folders),
            _collection(DRAFTS, DRAFTS, _chooser(choices)),
            _everything(),
        ],
    }


def folders_of(policies: Path) -> list[str]:
    """Return the folders below a library that have entries in them."""
    return sorted(
        folder.name
        for folder in (policies.iterdir() if policies.is_dir() else ())
        if folder.is_dir()
        and not folder.name.startswith(".")
        and folder.name not in SKIPPED_FOLDERS
        and any(file.name not in SKIPPED_FILES for file in folder.rglob("*.md"))
    )


def nest(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of an entry with those of each section put together."""
    nested = {name: value for name, value in values.items() if name not in _section_of()}
    for name, value in values.items():
        if name in _section_of():
            nested.setdefault(_section_of()[name], {})[name] = value
    return nested


def flatten(nested: dict[str, Any]) -> dict[str, Any]:
    """Return the values of an entry from what the form holds."""
    values: dict[str, Any] = {}
    for name, value in nested.items():
        if name.startswith("part_"):
            values |= value if isinstance(value, dict) else {}
        else:
            values[name] = value
    return values


def place_in_form(name: str) -> str:
    """Return where the form shows a place that problems name: `fee.1.text` → part_how.fee.0.text"""
    places: list[str] = []
    model: type[Record] = Policy
    for part in name.split("."):
        if part.isdecimal():
            places.append(str(int(part) - 1))
            continue
        field = field_named(model, part)
        if field is None:
            break
        places.append(part)
        if field.model is None:
            break
        model = field.model
    section = _section_of().get(places[0]) if places else None
    return ".".join(filter(None, (section, *places)))


def order_of(place: str) -> tuple[int, ...]:
    """Return where a place stands in the form, for sorting."""
    order = [*FIRST, *(name for section in sections() for name in section.fields)]
    name, *numbers = [part for part in place.split(".") if part in order or part.isdecimal()] or [
        ""
    ]
    first = order.index(name) if name in order else len(order)
    return (first, *(int(number) for number in numbers if number.isdecimal()))


def sections() -> Sequence[Section]:
    """Return the sections, with one for fields that were added to the record since."""
    known = {*FIRST, *(name for section in SECTIONS for name in section.fields)}
    rest = tuple(name for name in (f.name for f in fields_of(Policy)) if name not in known)
    return (*SECTIONS, Section(REST.name, REST.title, rest)) if rest else SECTIONS


def _section_of() -> dict[str, str]:
    return {name: section.name for section in sections() for name in section.fields}


def _collection(name: str, folder: str, *more: Config) -> Config:
    title, usual = FOLDERS.get(name, ("草稿" if name == DRAFTS else name, {}))
    return {
        "name": name,
        "label": title,
        "label_singular": "条目",
        "description": _ABOUT.get(name, ""),
        "folder": folder,
        "extension": "md",
        "format": "policy",
        "create": name != DRAFTS,
        "delete": False,
        "identifier_field": "title",
        "slug": "{{fields.slug}}",
        "summary": "{{title}}{{note}}",
        "sortable_fields": [
            {"field": "title", "label": "标题"},
            {"field": "reviewed", "label": "核对日期"},
        ],
        "view_filters": [
            {"label": told, "field": "told", "pattern": told}
            for told in ("现行有效", "尚未施行", "已失效", "已被替代", "有错误")
        ],
        "view_groups": [
            {"label": "主题", "field": "first_topic"},
            {"label": "时效", "field": "told"},
        ],
        "fields": [*more, *_first(usual), *map(_section, sections()), _STAMP],
    }


# Not seen: start.js tells by it that an entry has been saved.
_STAMP: Config = {"name": "stamp", "label": "已保存", "widget": "stamp", "required": False}
_ABOUT = {
    "approvals": "要办手续、要报修、要开通的事。",
    "enterprises": "企业和个体工商户能享受的政策。",
    "citizens": "个人和家庭能享受的政策。",
    "rules": "办事的规矩，和一件事要办的几项。",
    DRAFTS: "导入的文件整理成的草稿：打开，补齐，选好放在哪里，保存。",
}


def _chooser(choices: list[Config]) -> Config:
    return {
        "name": "folder",
        "label": "放在哪里",
        "widget": "select",
        "options": choices,
        "required": False,
        "hint": "选了再保存，草稿就成为政策库里的条目；先不选，保存下来还是草稿",
    }


def _everything() -> Config:
    """Return the collection of all entries, from which others are chosen by their titles."""
    line = {"widget": "string"}
    return {
        "name": ALL,
        "label": "全部条目",
        "folder": "policies",
        "extension": "md",
        "format": "policy",
        "hide": True,
        "create": False,
        "identifier_field": "title",
        "fields": [{"name": "title", "label": "标题", **line}, {"name": "slug", **line}],
    }


def _first(usual: dict[str, Any]) -> Iterable[Config]:
    for field in filter(None, (field_named(Policy, name) for name in FIRST)):
        widget = _widget(field)
        if field.shape is Shape.CHOICES:
            widget["default"] = []  # or else Decap changes the entry as soon as it is shown
        yield widget | ({"default": usual[field.name]} if field.name in usual else {})


def _section(section: Section) -> Config:
    fields = [field for name in section.fields if (field := field_named(Policy, name))]
    return {
        "name": section.name,
        "label": section.title,
        "widget": "object",
        "collapsed": True,
        "required": False,
        "summary": "点左边的箭头展开",
        "fields": [_widget(field) for field in fields],
    }


def _widget(field: FormField, depth: int = 0) -> Config:
    """Return how Decap shows a field that lies `depth` levels of conditions deep."""
    shown: Config = {
        "name": field.name,
        "label": field.title,
        "required": field.required,
        **({"hint": field.hint} if field.hint else {}),
        **_pattern(field),
    }
    if field.model is not None:
        deeper = depth + (field.model is Condition)
        inner = [_widget(part, deeper) for part in _parts(field.model, deeper)]
        if field.shape is Shape.PART:
            # Decap would ask for what a part must have, though the whole part may be left out.
            free = [part | {"required": False} for part in inner]
            return shown | {"widget": "object", "collapsed": True, "fields": free}
        return shown | {
            "widget": "list",
            "collapsed": True,
            "label_singular": field.title,
            "summary": _summary(field.model),
            "fields": inner,
        }
    return shown | _WIDGETS[field.shape] | _choices(field)


def _summary(model: type[Record]) -> str:
    """Return what a closed item is told by; a space, for an empty one would be told in English."""
    names = {field.name for field in fields_of(model)}
    told = [name for name in ("question", "title", "name", "text", "entry") if name in names]
    return "　".join(f"{{{{fields.{name}}}}}" for name in told[:2]) + "　"


def _parts(model: type[Record], depth: int) -> Iterable[FormField]:
    for part in fields_of(model):
        if model is Condition and part.model is Condition and depth >= CONDITIONS_DEEP:
            continue
        yield part


_ENTRY: Config = {
    "widget": "relation",
    "collection": ALL,
    "value_field": "slug",
    "display_fields": ["title"],
    "search_fields": ["title", "slug", "words"],
    "options_length": 50,
}
_WIDGETS: dict[Shape, Config] = {
    Shape.LINE: {"widget": "string"},
    Shape.TEXT: {"widget": "text"},
    Shape.LINES: {"widget": "text"},
    Shape.CHOICE: {"widget": "select"},
    Shape.CHOICES: {"widget": "select", "multiple": True},
    Shape.FLAG: {"widget": "select"},
    Shape.COUNT: {"widget": "number", "value_type": "int"},
    Shape.NUMBER: {"widget": "number", "value_type": "float"},
    Shape.DAY: {"widget": "datetime", "date_format": "YYYY-MM-DD", "time_format": False},
    Shape.ENTRY: _ENTRY,
    Shape.ENTRIES: _ENTRY | {"multiple": True},
}


def _choices(field: FormField) -> Config:
    if field.shape is Shape.FLAG:
        return {"options": [{"value": "true", "label": "是"}, {"value": "false", "label": "否"}]}
    if field.options:
        return {"options": [{"value": value, "label": name} for value, name in field.options]}
    return {}


def _pattern(field: FormField) -> Config:
    """Return what a text has to look like, and how it is told."""
    limits = field.limits
    if field.shape not in (Shape.LINE, Shape.TEXT):
        return {"min": limits.least, "max": limits.most} if limits.most is not None else {}
    if field.name in ("url", "template_url"):
        return {"pattern": [limits.pattern, "要以 http:// 或 https:// 开头，中间没有空格"]}
    if limits.pattern is not None:
        return {"pattern": [limits.pattern, _LOOKS.get(field.name, "的写法不对")]}
    if limits.longest is not None:
        least, most = max(limits.shortest or 0, 1), limits.longest
        told = f"要写 {least} 到 {most} 个字" if least > 1 else f"最多写 {most} 个字"
        return {"pattern": [rf"^\s*[\s\S]{{{least},{most}}}\s*$", told]}
    return {}


_LOOKS = {
    "slug": "只用小写英文字母、数字和连字符，例如 road-excavation",
    "id": "只用小写英文字母、数字和连字符，例如 drainage",
    "phone": "只写数字，可以有连字符，例如 12345、0533-7180000",
}
