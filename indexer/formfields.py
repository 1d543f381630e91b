"""Form fields (表单的栏): what the record says of each field, for somebody filling in a form."""

import re
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any

from indexer.policy import (
    SLUG_PATTERN,
    Policy,
    Record,
    label,
    other_places,
    region_names,
    topic_names,
)
from indexer.questions import load_questions


class Shape(StrEnum):
    """How a value is filled in (填法)."""

    LINE = "line"  # 一行字
    TEXT = "text"  # 一段字
    LINES = "lines"  # 几行字，一行一个
    CHOICE = "choice"  # 选一个
    CHOICES = "choices"  # 选几个
    FLAG = "flag"  # 是、否，或者不写
    COUNT = "count"  # 整数
    NUMBER = "number"  # 数
    DAY = "day"  # 日期
    ENTRY = "entry"  # 选一个条目
    ENTRIES = "entries"  # 选几个条目
    PART = "part"  # 分几栏填
    PARTS = "parts"  # 分几栏填，可以有几项


@dataclass(frozen=True)
class Limits:
    """What the record allows of a text or a number."""

    shortest: int | None = None
    longest: int | None = None
    least: int | None = None
    most: int | None = None
    pattern: str | None = None


@dataclass(frozen=True)
class FormField:
    """One field of a form (栏)."""

    name: str
    title: str
    hint: str
    required: bool
    shape: Shape
    limits: Limits
    options: tuple[tuple[str, str], ...] = ()  # value and what a person reads
    model: type[Record] | None = None  # of a part

    @property
    def fields(self) -> tuple["FormField", ...]:
        """The fields of a part."""
        return fields_of(self.model) if self.model else ()


# Where the first words of a description are no name for the field.
TITLES = {
    "Policy.validity_note": "时效说明",
    "Policy.answers": "统一答复",
    "Policy.bundle": "一件事要办的几项",
    "Policy.situations": "情形",
    "Policy.not_counted": "不算在时限里的",
    "Policy.review_by": "下次核对的期限",
    "Policy.owner": "负责核对的部门或岗位",
    "Clause.text": "内容",
    "Clause.when": "适用情形（文字）",
    "Clause.situation": "适用情形（选项）",
    "Clause.basis": "依据",
    "Material.when": "什么情形下要交（文字）",
    "Material.situation": "什么情形下要交（选项）",
    "Material.shared": "可由部门共享、免提交",
    "Material.template": "空白表、样表",
    "TimeLimit.kind": "法定还是承诺",
    "TimeLimit.text": "内容",
    "TimeLimit.situation": "适用情形（选项）",
    "Estimate.basis": "依据",
    "Estimate.note": "补充说明",
    "Benefit.type": "扶持类型",
    "Benefit.text": "内容",
    "Condition.text": "内容",
    "Condition.all": "都要符合的几条",
    "Condition.any": "符合一个就行的几条",
    "Condition.not": "都不能有的几条",
    "ApplicationWindow.text": "内容",
    "Source.location": "从哪里读到",
    "Source.text_date": "文本的日期",
    "BundleStep.after": "哪些步骤办完才能办",
    "BundleStep.situation": "按哪些情形办",
    "BundleStep.basis": "依据",
}
# Where a description speaks of the file and not of the form.
HINTS = {
    "Policy.slug": "就是网址里的英文名，保存以后不要改；只用小写字母、数字和连字符",
    "Policy.topic": "可以选几个，最主要的选在最前",
    "Policy.body": "给群众看的话。空一行另起一段；## 开头是小标题；- 开头是列点；"
    "文字两边各加两个星号是加粗；链接是方括号里写文字，紧跟圆括号里写 条目名.md",
    "Policy.bundle": "只在“规则与依据”里写",
    "Policy.refusal": "依据的条目里写了的不用再写",
    "Policy.remedies": "依据的条目里写了的不用再写",
    "Clause.situation": "写“情形”里的选项；同一问的几个是“或”，不同问的是“且”；不写表示都适用",
    "Material.situation": "写“情形”里的选项；同一问的几个是“或”，不同问的是“且”；不写表示都要交",
    "TimeLimit.situation": "写“情形”里的选项；不写表示都适用",
    "TimeLimit.stage": "别的期限不选",
    "Condition.field": "办事人自己答得准的才选；问不清楚的只写内容",
    "Condition.value": "数、日期，或者这一项的选项",
    "Condition.all": "再往里的条件不在表单里改，会原样保留",
    "Condition.any": "再往里的条件不在表单里改，会原样保留",
    "Condition.not": "再往里的条件不在表单里改，会原样保留",
    "Estimate.formula": "数、提问的英文名、加减乘除和括号；钱一律按元，百分数写成小数",
    "Source.id": "别的栏里的“出处代号”写它",
    "Source.location": "没有网址和文号的，写明从哪里读到",
    "BundleStep.id": "别的步骤里“哪些步骤办完才能办”写它",
    "BundleStep.name": "选了条目的可以不写，用条目的标题",
    "BundleStep.situation": "写那个条目“情形”里的选项",
    "BundleStep.days": "不写就用条目的法定决定时限，也没有就算时限未知",
    "BundleStep.after": "写它们的代号；不写表示一开始就能办",
}
_SOURCE_HINT = "写“出处”里的代号"
_NO_EXAMPLE = (Shape.CHOICE, Shape.CHOICES, Shape.FLAG, Shape.ENTRY, Shape.ENTRIES, Shape.DAY)
_URL = r"^https?://[^\s<>\"'`]+$"


@cache
def fields_of(model: type[Record]) -> tuple[FormField, ...]:
    """Return the fields of a record in its order."""
    schemas = model.model_json_schema(by_alias=True)
    if "$ref" in schemas:  # a record that holds itself is described among the others
        schemas = schemas["$defs"][model.__name__]
    return tuple(_fields(model, schemas["properties"]))


def field_named(model: type[Record], name: str) -> FormField | None:
    """Return the field of a record that has this name."""
    return next((field for field in fields_of(model) if field.name == name), None)


def place_in_words(name: str) -> str:
    """Return a place as problems name it in the words of the form: `sources.1.title` → 出处……"""
    words: list[str] = []
    model: type[Record] | None = Policy
    for part in name.split("."):
        field = field_named(model, part) if model else None
        if part.isdecimal():
            words.append(f"第 {part} 项")
        else:
            words.append(field.title if field else part)
            model = field.model if field else None
    return " ".join(filter(None, words))


def in_form_words(name: str, message: str) -> str:
    """Return what a problem at a place says, with fields called what the form calls them."""
    field: FormField | None = None
    models: list[type[Record]] = [Policy]
    for part in (part for part in name.split(".") if not part.isdecimal()):
        field = field_named(models[-1], part)
        if field is None or field.model is None:
            break
        models.append(field.model)
    if field is not None and re.match("缺少这一项|正文是空的", message):
        return f"还没有填。{field.hint}"
    titles = {field.name: field.title for model in models for field in fields_of(model)}
    return re.sub(
        r"(?<![\w“./-]) ?\b([a-z_]+)\b ?(?![\w”./-])",
        lambda found: f"“{titles[found[1]]}”" if found[1] in titles else found[0],
        message,
        flags=re.ASCII,
    )


def _fields(model: type[Record], schemas: dict[str, Any]) -> Iterator[FormField]:
    for python_name, field in model.model_fields.items():
        name = field.alias or python_name
        schema, annotation = schemas[name], (field.annotation, field.metadata)
        limits = _limits(name, schema)
        key, (title, rest) = f"{model.__name__}.{name}", _split(field.description or name)
        shape = _shape(name, annotation, limits)
        hint = HINTS.get(key, _SOURCE_HINT if name == "source" else rest)
        if shape in (Shape.CHOICE, Shape.CHOICES, Shape.ENTRY, Shape.ENTRIES) and key not in HINTS:
            hint = ""  # the choices speak for themselves
        yield FormField(
            name,
            TITLES.get(key, title),
            _with_example(hint, shape, field.examples),
            field.is_required(),
            shape,
            limits,
            _options(key, annotation),
            _part(annotation),
        )


def _split(description: str) -> tuple[str, str]:
    """Return the name of a field and what else its description says."""
    for place, sign in enumerate(description):
        if sign in "：；，。（":
            return description[:place], description[place + (sign != "（") :].strip()
    return description, ""


def _with_example(hint: str, shape: Shape, examples: Sequence[Any] | None) -> str:
    example = examples[0] if examples else ""
    if isinstance(example, list):
        example = "；".join(example) if all(isinstance(e, str) for e in example) else ""
    if shape in _NO_EXAMPLE or isinstance(example, dict) or not str(example).strip():
        told = ""
    else:
        told = "例如：" + " ".join(str(example).split())
    lines = "一行一个" if shape is Shape.LINES else ""
    return "。".join(part for part in (hint.rstrip("。"), lines, told) if part)


def _limits(name: str, schema: dict[str, Any]) -> Limits:
    """Return what the JSON Schema of a field says of its text or number."""
    told: dict[str, Any] = {}
    for part in _parts(schema):
        for key in ("minLength", "maxLength", "minimum", "maximum", "pattern"):
            if key in part:
                told.setdefault(key, part[key])
    pattern = _URL if name in ("url", "template_url") else told.get("pattern")
    lengths = (told.get("minLength"), told.get("maxLength"))
    return Limits(*lengths, told.get("minimum"), told.get("maximum"), pattern)


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a schema and what it allows instead, or within a list."""
    yield schema
    for inner in (*schema.get("anyOf", ()), *filter(None, [schema.get("items")])):
        yield from _parts(inner)


def _shape(name: str, annotation: Any, limits: Limits) -> Shape:
    kinds, many = set(_classes(annotation)), tuple in set(_classes(annotation))
    if any(issubclass(kind, Record) for kind in kinds):
        return Shape.PARTS if many else Shape.PART
    if name in ("topic", "region") or any(issubclass(kind, StrEnum) for kind in kinds):
        return Shape.CHOICES if many else Shape.CHOICE
    if name == "field":
        return Shape.CHOICE
    if limits.pattern == SLUG_PATTERN and limits.longest == 80 and name != "slug":
        return Shape.ENTRIES if many else Shape.ENTRY
    for kind, shape in _SIMPLE.items():
        if kind in kinds:
            return shape
    if many:
        return Shape.LINES
    return Shape.TEXT if name == "body" or (limits.longest or 0) > 200 else Shape.LINE


_SIMPLE = {bool: Shape.FLAG, int: Shape.COUNT, Decimal: Shape.NUMBER, date: Shape.DAY}


def _options(key: str, annotation: Any) -> tuple[tuple[str, str], ...]:
    if key == "Policy.topic":
        return tuple((name, name) for name in topic_names())
    if key == "Policy.region":
        return tuple((name, name) for name in (*region_names(), *other_places()))
    if key == "Condition.field":
        return tuple((asked.key, asked.label) for asked in load_questions().by_key.values())
    for kind in _classes(annotation):
        if issubclass(kind, StrEnum):
            return tuple((value.value, label(value)) for value in kind)
    return ()


def _part(annotation: Any) -> type[Record] | None:
    return next((kind for kind in _classes(annotation) if issubclass(kind, Record)), None)


def _classes(annotation: Any) -> Iterator[type]:
    """Yield the classes that an annotation is made of, `tuple` for a list."""
    if isinstance(annotation, tuple | list):
        for part in annotation:
            yield from _classes(part)
        return
    origin = typing.get_origin(annotation)
    if isinstance(origin, type):
        yield origin
    if isinstance(annotation, type):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _classes(part)
