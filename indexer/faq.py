"""Common questions (常见问题): the approved answers of entries, gathered under their topics."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from indexer.entrypage import Data, describe_answers, list_card
from indexer.policy import Kind, Policy, Status, Topic, load_topics

_KINDS = list(Kind)
_OVER = (Status.EXPIRED, Status.SUPERSEDED)


@dataclass(frozen=True)
class TopicQuestions:
    """The questions of one topic: a group for each of its entries that answers any."""

    topic: Topic
    groups: tuple[Data, ...]

    @property
    def total(self) -> int:
        return sum(len(group["answers"]["rows"]) for group in self.groups)

    def first(self, count: int) -> list[Data]:
        """Return the first question of each of the first entries, for the page of all topics."""
        return [
            {"slug": group["slug"], **group["answers"]["rows"][0]} for group in self.groups[:count]
        ]


def gather_questions(
    policies: Sequence[Policy], titles: Mapping[str, str], day: date
) -> list[TopicQuestions]:
    """Return the questions of every topic that has any, in the order of the topics."""
    answered = [policy for policy in policies if policy.answers]
    answered.sort(key=lambda p: (p.status_on(day) in _OVER, _KINDS.index(p.kind), p.slug))
    gathered = (_questions_of(topic, answered, titles) for topic in load_topics())
    return [questions for questions in gathered if questions.groups]


def _questions_of(
    topic: Topic, policies: Iterable[Policy], titles: Mapping[str, str]
) -> TopicQuestions:
    members = (policy for policy in policies if topic.name in policy.topic)
    groups = ({**list_card(p), "answers": describe_answers(p, titles)} for p in members)
    return TopicQuestions(topic, tuple(groups))
