"""Front matter (条目开头的 YAML): text → plain values, each with its line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from indexer.problems import printable, shown

Loc = tuple[str | int, ...]

MAX_DEPTH = 12  # an entry needs five
_COLON_HINT = "冒号要用英文的“:”，后面空一格。"
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # the C loader is much faster


@dataclass(frozen=True)
class Mistake:
    """A mistake inside the front matter: `line` counts from 1 within the whole file."""

    line: int
    field: str
    message: str


@dataclass
class FrontMatter:
    """The values of one front matter: strings, lists and dicts only, nothing guessed.

    `lines` maps the place of a value, such as `("sources", 0, "title")`, to its line.
    """

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[Loc, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)


def line_of(lines: Mapping[Loc, int], loc: Loc) -> int:
    """Return the line of a place, or of the nearest part around it that was written."""
    while loc:
        if loc in lines:
            return lines[loc]
        loc = loc[:-1]
    return 1


@dataclass
class _Open:
    """A list or mapping that is being read."""

    loc: Loc
    value: list[Any] | dict[str, Any]
    key: str | None = None
    skip: bool = False  # the current key was refused: read over its value


def read_front_matter(text: str, first_line: int) -> FrontMatter:
    """Read YAML without guessing types; every mistake is collected, none raised.

    Events are read one by one instead of composing a tree, so that no input, however deeply
    nested or cross-referenced, can exhaust the stack or the memory.
    """
    result = FrontMatter()
    try:
        _read_events(yaml.parse(text, Loader=_LOADER), result, first_line)
    except _Stop:
        pass
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = (mark.line if mark else 0) + first_line
        result.mistakes.append(Mistake(line, "", _explain(text, mark.line if mark else 0)))
    except (yaml.YAMLError, ValueError) as error:  # characters that YAML does not allow
        message = f"有 YAML 不允许的内容（{shown(error)}），请删去后重新输入。"
        result.mistakes.append(Mistake(first_line, "", message))
    return result


class _Stop(Exception):
    """Reading cannot go on; the mistake is already noted."""


def _read_events(events: Iterator[Any], result: FrontMatter, first_line: int) -> None:
    stack: list[_Open] = []
    for event in events:
        line = event.start_mark.line + first_line
        if isinstance(event, yaml.AliasEvent):
            _stop(
                result,
                line,
                "不要用 YAML 的引用（* 开头），请把内容直接写出来；文字以 * 开头的要加引号。",
            )
        if isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            closed = stack.pop()
            if not stack:
                result.values = closed.value if isinstance(closed.value, dict) else {}
            continue
        if isinstance(event, yaml.DocumentStartEvent) and result.lines:
            _stop(result, line, "中间又出现了一行“---”，条目信息只能有一段。")
        if not isinstance(event, yaml.NodeEvent):
            continue
        if event.anchor is not None:
            _stop(result, line, "不要用 YAML 的锚点（& 开头）；文字以 & 开头的要加引号。")
        if isinstance(event, yaml.ScalarEvent):
            if not stack:
                if event.value:
                    seen = f"看到的是{shown(event.value)}。"
                    hint = _COLON_HINT if "：" in event.value else ""
                    _stop(result, line, f"条目信息要写成“字段: 内容”，一行一项；{seen}{hint}")
                continue
            _read_scalar(stack[-1], event, line, result)
            continue
        _open(stack, event, line, result)


def _read_scalar(top: _Open, event: Any, line: int, result: FrontMatter) -> None:
    if isinstance(top.value, dict) and top.key is None:
        top.skip = event.value in top.value
        if top.skip:
            first = result.lines.get((*top.loc, event.value), line)
            result.mistakes.append(
                Mistake(
                    line,
                    place_name((*top.loc, event.value)),
                    f"这一项写了两遍（第 {first} 行已有），请只留一处。",
                )
            )
        top.key = event.value
        if not top.skip:
            top.value[top.key] = None
            result.lines[(*top.loc, top.key)] = line
        return
    empty = event.implicit[0] and event.value in ("", "~", "null")
    _place(top, None if empty else event.value, line, result)


def _open(stack: list[_Open], event: Any, line: int, result: FrontMatter) -> None:
    value: list[Any] | dict[str, Any] = [] if isinstance(event, yaml.SequenceStartEvent) else {}
    if not stack:
        if isinstance(value, list):
            _stop(result, line, "条目信息要写成“字段: 内容”，不能以“-”开头。")
        stack.append(_Open((), value))
        return
    top = stack[-1]
    if isinstance(top.value, dict) and top.key is None:
        _stop(result, line, "字段名只能是一个词；文字里有方括号或花括号的要加引号。")
    if len(stack) >= MAX_DEPTH:
        _stop(result, line, f"嵌套超过 {MAX_DEPTH} 层，请检查缩进和括号。")
    stack.append(_Open(_place(top, value, line, result), value))


def _place(top: _Open, value: Any, line: int, result: FrontMatter) -> Loc:
    """Put a value where it belongs and return its place."""
    if isinstance(top.value, list):
        loc: Loc = (*top.loc, len(top.value))
        top.value.append(value)
        result.lines[loc] = line
        return loc
    key = top.key or ""
    loc = (*top.loc, key)
    if not top.skip:
        if value is None:
            del top.value[key]  # “key:” with nothing behind it is the same as no key
        else:
            top.value[key] = value
    else:
        loc = (*loc, "")  # a place of its own, so that known lines stay as they are
    top.key = None
    return loc


def _stop(result: FrontMatter, line: int, message: str) -> None:
    result.mistakes.append(Mistake(line, "", message))
    raise _Stop


def place_name(loc: Loc) -> str:
    """Return a place as a message names it, items counted from 1: `sources.1.title`."""
    return ".".join(str(part + 1) if isinstance(part, int) else printable(part) for part in loc)


def _explain(text: str, index: int) -> str:
    """Say in an editor's words what usually breaks YAML near this line."""
    lines = text.splitlines()
    line = lines[index] if index < len(lines) else ""
    seen = f"YAML 格式有误，看到的是{shown(line)}。" if line.strip() else "YAML 格式有误。"
    if "\t" in line:
        return seen + "缩进不能用 Tab 键，请改成空格。"
    if "：" in line and ":" not in line:
        return seen + _COLON_HINT
    return (
        seen + "请检查这一行和上一行：冒号后要空一格，缩进要对齐，引号和括号要成对；"
        "文字里有“: ”“ #”或以 [ { @ ` % 开头的要加引号。"
    )
