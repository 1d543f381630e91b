"""Usage (用法): what was wrong with the words of a command, and what to write instead."""

import re
from typing import Any

import typer
from pydantic import ValidationError

from indexer.problems import did_you_mean, shown


def explain_usage(error: typer.TyperException) -> str:
    """Say in Chinese what was wrong with the words of a command."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "policykb"
    option = getattr(error, "option_name", None)
    parameter = getattr(error, "param", None)
    extra = re.search(r"unexpected extra argument\S* \((.*)\)", error.message)
    unknown = re.search(r"No such command '(.*?)'", error.message)
    if unknown:
        names = sorted(context.command.commands) if context else []
        hint = did_you_mean(unknown.group(1), names) or f"可以用的有：{'、'.join(names)}。"
        message = f"没有命令{shown(unknown.group(1))}。{hint}"
    elif option and hasattr(error, "possibilities"):
        message = f"没有选项 {option}。" + did_you_mean(option, error.possibilities or ())
    elif option:
        message = f"选项 {option} 后面要写一个值。"
    elif parameter is not None and not error.message:
        message = f"缺少参数 {parameter.metavar or parameter.name}。"
    elif parameter is not None:
        message = f"{parameter.opts[0]}：{_allowed(parameter)}{_seen(error)}。"
    elif extra:
        message = f"多写了{shown(extra.group(1))}；一句话里有空格时请加引号。"
    else:
        message = error.message
    return f"{message}用法见 {command} --help。"


def _allowed(parameter: Any) -> str:
    """Say which numbers an option takes: no other options are refused for their value."""
    lowest, highest = getattr(parameter, "min", None), getattr(parameter, "max", None)
    if lowest is None:
        return "只能是整数"
    if highest is None:
        return f"只能是不小于 {lowest} 的整数"
    return f"只能是 {lowest} 到 {highest} 的整数"


def _seen(error: typer.TyperException) -> str:
    cause = error.__cause__
    if not isinstance(cause, ValidationError):
        return ""
    return f"，收到的是{shown(cause.errors()[0]['input'])}"
