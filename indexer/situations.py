"""Situations (情形): what was ticked of an entry's questions, and which parts of it then apply."""

from collections.abc import Iterable, Sequence

from indexer.policy import Policy, Situation
from indexer.problems import ParameterError, ParameterProblem, did_you_mean, shown


def options_of(situations: Iterable[Situation]) -> tuple[str, ...]:
    """Return every option in its order."""
    return tuple(option for situation in situations for option in situation.options)


def read_situations(names: Iterable[str], policy: Policy) -> tuple[str, ...]:
    """Return the named options in the entry's own order; raise ParameterError for unknown ones."""
    options = options_of(policy.situations)
    given = [name.strip() for name in names]
    problems = [_unknown(name, policy, options) for name in given if name not in options]
    if problems:
        raise ParameterError(problems)
    return tuple(option for option in options if option in given)


def _unknown(name: str, policy: Policy, options: Sequence[str]) -> ParameterProblem:
    if not options:
        message = f"{policy.slug} 不分情形，收到的是{shown(name)}，请去掉。"
    else:
        hint = did_you_mean(name[:80], options)
        message = f"没有情形{shown(name)}，能选的有：{'、'.join(options)}。{hint}"
    return ParameterProblem("situation", message)


def applies(named: Iterable[str], asked: Iterable[Iterable[str]], chosen: Iterable[str]) -> bool:
    """Tell whether a part that names these options applies to what was chosen.

    `asked` are the options of each question. Those of one question are alternatives, questions add
    up. While nothing of a question is chosen, it rules nothing out: an applicant hears too much
    rather than too little.
    """
    named, chosen = set(named), set(chosen)
    for options in asked:
        wanted, ticked = named.intersection(options), chosen.intersection(options)
        if wanted and ticked and not wanted & ticked:
            return False
    return True


def tell_situations(named: Iterable[str], asked: Iterable[Iterable[str]]) -> str:
    """Say for whom a part is that names these options: one of each question, all questions."""
    named = tuple(named)
    groups = [[option for option in options if option in named] for options in asked]
    known = {option for group in groups for option in group}
    others = [option for option in named if option not in known]
    return "，且".join("或".join(group) for group in (*groups, others) if group)
