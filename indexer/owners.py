"""Owners (负责的科室): who looks after an entry, also where the entry itself does not say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from indexer.policy import Policy, topic_names
from indexer.privacy import find_personal_data
from indexer.problems import LexiconError, did_you_mean, read_lexicon, shown

OWNERS_FILE = Path(__file__).parent / "lexicon" / "owners.yml"
LONGEST = 40  # characters; a department has a shorter name
FIELDS = ("default", "topics")


@dataclass(frozen=True)
class Owners:
    """Which department an entry falls to by its topic, and to which the others."""

    default: str | None = None
    topics: Mapping[str, str] = field(default_factory=dict)

    def owner_of(self, policy: Policy) -> str | None:
        """Return who looks after an entry: what it says itself, its first topic that is given."""
        by_topic = (self.topics[name] for name in policy.topic if name in self.topics)
        return policy.owner or next(by_topic, self.default)


@cache
def load_owners(path: Path = OWNERS_FILE) -> Owners:
    """Read who looks after what; raise LexiconError with every mistake, a line each."""
    values = read_lexicon(path) or {}
    problems = list(_check(values))
    if problems:
        raise LexiconError("\n".join(f"owners.yml{problem}" for problem in problems))
    return Owners(values.get("default"), values.get("topics") or {})


def _check(values: object) -> Iterator[str]:
    if not isinstance(values, dict):
        yield f"：要写成“default: 科室”和“topics:”，看到的是{shown(values)}。"
        return
    for name in values:
        if name not in FIELDS:
            hint = did_you_mean(str(name), FIELDS) or f"可以写的有：{'、'.join(FIELDS)}。"
            yield f" {shown(name)[1:-1]}：没有这一项。{hint}"
    if values.get("default") is not None:
        yield from _check_owner("default", values["default"])
    topics = values.get("topics") or {}
    if not isinstance(topics, dict):
        yield f" topics：要一行写一个“主题: 科室”，看到的是{shown(topics)}。"
        return
    for topic, owner in topics.items():
        if topic not in topic_names():
            hint = did_you_mean(str(topic), topic_names())
            yield f" topics：没有主题{shown(topic)}，主题见 topics.yml。{hint}"
        yield from _check_owner(f"topics.{shown(topic)[1:-1]}", owner)


def _check_owner(place: str, owner: object) -> Iterator[str]:
    if not isinstance(owner, str) or not 0 < len(owner.strip()) <= LONGEST:
        yield f" {place}：要写部门的名称，最多 {LONGEST} 个字，看到的是{shown(owner)}。"
    elif any(find_personal_data(owner)):
        yield f" {place}：不能写个人信息，只写部门或岗位。"
