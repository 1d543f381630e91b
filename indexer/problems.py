"""Mistakes in entries and requests: what one is, how it reads, how all of them travel together."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake (问题) and its place: `line` counts from 1, `field` is empty for a whole file."""

    path: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        field = f" {self.field}" if self.field else ""
        return f"{self.path}:{self.line}{field}：{self.message}"

    def to_dict(self) -> dict[str, str | int]:
        """Return the problem as JSON values."""
        return {
            "path": self.path,
            "line": self.line,
            "field": self.field,
            "message": self.message,
        }


class PolicyError(Exception):
    """Every problem of a library, so that an editor can mend all of them in one go."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__(f"政策库有 {len(self.problems)} 处问题")

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


@dataclass(frozen=True)
class ParameterProblem:
    """One mistake in the parameters of a request."""

    field: str
    message: str


class ParameterError(ValueError):
    """Every mistake in the parameters of a request."""

    def __init__(self, errors: Iterable[ParameterProblem]) -> None:
        self.errors = tuple(errors)
        super().__init__("；".join(f"{error.field}：{error.message}" for error in self.errors))


def did_you_mean(seen: str, allowed: Iterable[str]) -> str:
    """Return “您是不是想写 …？” with the nearest allowed word, or nothing."""
    near = process.extractOne(
        seen, sorted(allowed), scorer=JaroWinkler.normalized_similarity, score_cutoff=0.8
    )
    return f"您是不是想写 {near[0]}？" if near else ""


def shown(value: object) -> str:
    """Return a value as a message may quote it."""
    return f"“{printable(value)}”"


def printable(value: object) -> str:
    """Return text fit for a message: one line, no control characters, at most 40 characters."""
    text = str(value)[:200]
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= 40 else text[:40] + "……"


class LexiconError(ValueError):
    """A file of the lexicon (词库) says something that cannot be followed."""


def read_lexicon(path: Path, loader: Any = yaml.CSafeLoader) -> Any:
    """Return what a YAML file of the lexicon says; raise LexiconError with its mistake and line."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LexiconError(f"{path}:{line}：YAML 写错了，请核对缩进、冒号和括号。") from None
    except (OSError, UnicodeDecodeError):
        raise LexiconError(f"{path}：读不到这个文件，或者没有存成 UTF-8。") from None
