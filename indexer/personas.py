"""Made-up people (虚构人物): what each answers, on which day, and what each should get."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from indexer.matching import Outcome
from indexer.problems import ParameterError, PolicyError, Problem
from indexer.profile import Profile, parse_profile

KEYS = ("who", "as_of", "profile", "absent", *(str(outcome) for outcome in Outcome))


@dataclass(frozen=True)
class Persona:
    """A made-up person or enterprise: the answers as written and as read, and what is expected.

    `expected` has the slugs of each outcome that the file names, `absent` those of entries that say
    nothing to this person.
    """

    name: str
    who: str
    day: date
    answers: Mapping[str, Any]
    profile: Profile
    expected: Mapping[Outcome, tuple[str, ...]]
    absent: tuple[str, ...]


def read_personas(folder: Path) -> tuple[Persona, ...]:
    """Read all made-up people of a folder; raise PolicyError with the problems of all files."""
    found: list[Persona] = []
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yml")):
        try:
            found.append(read_persona(path))
        except PolicyError as error:
            problems.extend(error.problems)
    if problems:
        raise PolicyError(problems)
    return tuple(found)


def read_persona(path: Path) -> Persona:
    """Read one made-up person; raise PolicyError for a file that cannot be followed."""
    try:
        told = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        day = date.fromisoformat(str(told["as_of"]))
        unknown = set(told) - set(KEYS)
        if unknown:
            raise ValueError(f"没有这样的项：{'、'.join(sorted(unknown))}")
        return Persona(
            path.stem,
            str(told["who"]),
            day,
            told["profile"],
            parse_profile(told["profile"], day),
            {outcome: tuple(told[outcome]) for outcome in Outcome if outcome in told},
            tuple(told.get("absent", ())),
        )
    except ParameterError as error:
        raise PolicyError(
            Problem(str(path), 1, problem.field, problem.message) for problem in error.errors
        ) from None
    except (OSError, yaml.YAMLError, ValueError, KeyError, TypeError) as error:
        message = f"不是虚构人物的写法（{error}），请照 tests/personas 里别的文件写。"
        raise PolicyError([Problem(str(path), 1, "", message)]) from None
