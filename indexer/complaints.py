"""Complaints (字段错误的说法): what pydantic found wrong with a record, in an editor's words."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from indexer.frontmatter import Loc
from indexer.policy import Policy, label, topic_names
from indexer.problems import did_you_mean, shown

LISTED = 30  # how many problems of one entry are told; the rest is noise


def complain(error: ValidationError) -> Iterator[tuple[Loc, str]]:
    """Yield the place and the Chinese message of every mistake in one record."""
    details = error.errors(include_url=False)
    for detail in details[:LISTED]:
        field = detail.get("ctx", {}).get("field")  # a rule across fields names the one to mend
        yield (*detail["loc"], field) if field else detail["loc"], _message(detail)
    if len(details) > LISTED:
        yield (), f"这个条目还有 {len(details) - LISTED} 处问题没有列出，请先改好上面的。"


def _message(detail: Any) -> str:
    loc, kind, value = detail["loc"], detail["type"], detail["input"]
    context = detail.get("ctx", {})
    seen = shown(value)
    if kind == "missing":
        return _missing(loc)
    if kind == "extra_forbidden":
        return _unknown(loc)
    if kind == "enum":
        return _choice(loc, str(value))
    if kind == "topic":
        return f"没有主题{seen}，只能是：{'、'.join(topic_names())}。" + did_you_mean(
            str(value), topic_names()
        )
    if kind in ("string_type", "date_type", "decimal_type", "int_type", "bool_type"):
        return f"这里只写一个值，看到的是{_shape(value)}。"
    if kind in ("tuple_type", "list_type"):
        return f"这里要写成列表（每项以“- ”开头），看到的是{_shape(value)}。"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        model = _model_at(loc)
        fields = "、".join(model.model_fields) if model else ""
        return f"这里要分项写（{fields}），看到的是{_shape(value)}。"
    if kind == "string_too_short":
        return "正文是空的，请在“---”下面写上内容。" if loc == ("body",) else "内容是空的或太短。"
    if kind == "string_too_long":
        return f"太长了，最多 {context['max_length']} 个字，现在有 {len(str(value))} 个。"
    if kind == "string_pattern_mismatch":
        return f"{seen}的写法不对。{_example(loc)}"
    if kind == "too_short":
        return f"至少要写一项。{_example(loc)}"
    if kind in (
        "greater_than_equal",
        "less_than_equal",
        "int_parsing",
        "int_from_float",
        "decimal_parsing",
        "int_parsing_size",
    ):
        return f"{seen}不合适，这里要写一个不太大的非负整数。{_example(loc)}"
    if isinstance(value, dict | BaseModel):
        return f"{detail['msg']}。"
    return f"{seen}{detail['msg']}。"


def _missing(loc: Loc) -> str:
    return f"缺少这一项（{_description(loc)}）。{_example(loc)}"


def _unknown(loc: Loc) -> str:
    model = _model_at(loc[:-1])
    names = [field.alias or name for name, field in model.model_fields.items()] if model else []
    names = [name for name in names if name not in ("slug", "body")]
    hint = did_you_mean(str(loc[-1]), names)
    return "没有这个字段。" + (hint or f"可以写的有：{'、'.join(names)}。")


def _choice(loc: Loc, value: str) -> str:
    choices = _choices(loc)
    allowed = "、".join(
        str(c.value) if label(c) == c.value else f"{c.value}（{label(c)}）" for c in choices
    )
    by_label = next((c.value for c in choices if label(c) == value.strip()), None)
    hint = (
        f"您是不是想写 {by_label}？"
        if by_label
        else did_you_mean(value, [str(c.value) for c in choices])
    )
    return f"只能是 {allowed}，看到的是{shown(value)}。{hint}"


def _shape(value: Any) -> str:
    if isinstance(value, dict):
        return f"分项内容（{shown('、'.join(map(str, value)))}）"
    if isinstance(value, list | tuple):
        return f"有 {len(value)} 项的列表"
    return shown(value)


def _field_at(loc: Loc) -> Any:
    """Return the field of the record at a place, or None."""
    model: type[BaseModel] | None = Policy
    field = None
    for part in loc:
        if isinstance(part, int):
            continue
        if model is None:
            return None
        by_name = {f.alias or name: f for name, f in model.model_fields.items()}
        field = by_name.get(part)
        if field is None:
            return None
        model = next(_inner_types(field.annotation, BaseModel), None)
    return field


def _model_at(loc: Loc) -> type[BaseModel] | None:
    if not any(isinstance(part, str) for part in loc):
        return Policy
    field = _field_at(loc)
    return None if field is None else next(_inner_types(field.annotation, BaseModel), None)


def _choices(loc: Loc) -> list[StrEnum]:
    field = _field_at(loc)
    return [] if field is None else list(next(_inner_types(field.annotation, StrEnum), ()))


def _inner_types(annotation: Any, base: type) -> Iterator[Any]:
    """Yield the classes derived from `base` anywhere inside a type annotation."""
    if isinstance(annotation, type) and issubclass(annotation, base):
        yield annotation
    else:
        for argument in get_args(annotation):
            yield from _inner_types(argument, base)


def _description(loc: Loc) -> str:
    field = _field_at(loc)
    return field.description if field is not None and field.description else "必填"


def _example(loc: Loc) -> str:
    field = _field_at(loc)
    if field is None or not field.examples:
        return ""
    example = field.examples[0]
    if isinstance(example, list):
        example = example[0] if example else ""
    if isinstance(example, dict):
        example = "，".join(f"{name}: {value}" for name, value in example.items())
    return f"例如：{example}" if example else ""
