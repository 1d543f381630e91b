"""Classification (归类): which kind, audience and topic a received file suggests, for an editor."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log, sqrt

from indexer.analysis import analyse_words, normalise
from indexer.findings import Findings, Guess
from indexer.library import Library
from indexer.policy import Audience, Kind, Policy, label
from indexer.texts import texts_of
from indexer.transcript import Transcript

VOTERS = 7  # nearest entries that vote on the topic
READ = 6000  # characters of a file by which it is classified
_TITLE_WEIGHT = 4  # a word of the title counts as often
_NEAR_ENOUGH = 0.06  # likeness below which no entry is near
_MOST_SURE = 0.75  # an editor always looks at what is only suggested
_COMMON_SHARE = 0.3  # words in more entries than that say nothing

_KIND_WORDS = {
    Kind.SERVICE: "申请材料|办理流程|办理时限|受理条件|申请条件|办事指南|许可|审批|受理|窗口",
    Kind.BENEFIT: "补贴|补助|奖励|扶持|贴息|减免|免征|资助|津贴|优惠|奖补|退税|返还|消费券|救助",
    Kind.RULE: "第[一二三四五六七八九十百]+条|处罚|罚款|责令|违反|职责|监督管理|主管部门",
}
_KIND_TITLES = {
    Kind.SERVICE: "办事指南|办理指南|服务指南|许可.{0,6}办法|申请.{0,4}须知|手册|流程",
    Kind.BENEFIT: "补贴|补助|奖励|扶持|贴息|减免|免征|资助|津贴|优惠|若干(?:政策|措施)|支持|救助"
    "|养老保险|医疗保险|住房",
    Kind.RULE: "条例|规定|决定|规则|管理办法|细则|实施方案|规程",
}
_AUDIENCE_WORDS = {
    Audience.CITIZEN: "居民|群众|个人|公民|市民|家庭|人员|老年人|儿童|学生|职工|劳动者|残疾人|农民",
    Audience.ENTERPRISE: "企业|用人单位|个体工商户|纳税人|公司|经营者|建设单位|法人|社会组织",
}


@dataclass(frozen=True)
class Neighbours:
    """The words of the entries of a library, for finding those nearest to a text."""

    vectors: tuple[dict[str, float], ...]
    rarity: dict[str, float]
    policies: tuple[Policy, ...]


def suggest_classes(
    transcript: Transcript, findings: Findings, neighbours: Neighbours
) -> tuple[Guess, ...]:
    """Return the guesses for kind, audience and topic."""
    title = findings.value("title") or ""
    text = "\n".join(block.text for block in transcript.blocks)[:READ]
    return (
        *_suggest_kind(title, text),
        *_suggest_audience(title, text),
        *_suggest_topics(title, text, neighbours),
    )


def _suggest_kind(title: str, text: str) -> Iterator[Guess]:
    """Yield the kinds by their words, those of the title first of all."""
    counts = {kind: len(re.findall(words, text)) for kind, words in _KIND_WORDS.items()}
    points = {
        kind: counts[kind] + 12 * len(re.findall(words, title))
        for kind, words in _KIND_TITLES.items()
    }
    total = sum(points.values())
    for kind in sorted(points, key=lambda kind: -points[kind])[:1]:
        if points[kind]:
            confidence = min(_MOST_SURE, points[kind] / total)
            evidence = _evidence(_KIND_TITLES[kind], title) or _evidence(_KIND_WORDS[kind], text)
            note = f"按用词猜的是{label(kind)}"
            yield Guess("kind", kind.value, confidence, evidence, "标题和正文的用词", note)


def _suggest_audience(title: str, text: str) -> Iterator[Guess]:
    """Yield everybody whose words make up a fair share; both if it cannot be told."""
    whole = (title + "\n") * _TITLE_WEIGHT + text
    counts = {who: len(re.findall(words, whole)) for who, words in _AUDIENCE_WORDS.items()}
    total = sum(counts.values())
    for who, count in counts.items():
        if total and count / total >= 0.25:
            confidence = min(_MOST_SURE, 0.4 + count / total / 2)
            evidence = "、".join(dict.fromkeys(re.findall(_AUDIENCE_WORDS[who], whole)))
            note = f"按用词猜的是{label(who)}"
            yield Guess("audience", who.value, confidence, evidence, "标题和正文的用词", note)


def _evidence(words: str, text: str) -> str:
    return "、".join(dict.fromkeys(re.findall(words, text)))[:60]


def learn_neighbours(library: Library) -> Neighbours:
    """Return the words of all entries: of their titles, names, questions and summaries."""
    counts = [Counter(_words(_short_text(policy))) for policy in library.policies]
    spread = Counter(word for count in counts for word in count)
    many = max(1, len(counts))
    rarity = {
        word: log(1 + many / number)
        for word, number in spread.items()
        if number <= max(2, _COMMON_SHARE * many)
    }
    vectors = tuple(_vector(count, rarity) for count in counts)
    return Neighbours(vectors, rarity, library.policies)


def _short_text(policy: Policy) -> str:
    texts = texts_of(policy)
    title = (texts["title"] + "\n") * _TITLE_WEIGHT
    return "\n".join((title, texts["aliases"], texts["queries"], texts["summary"], policy.body))


def _suggest_topics(title: str, text: str, neighbours: Neighbours) -> Iterator[Guess]:
    """Yield the topic for which the nearest entries vote, each by its likeness."""
    own = _vector(Counter(_words((title + "\n") * _TITLE_WEIGHT + text)), neighbours.rarity)
    near = sorted(
        ((_likeness(own, vector), number) for number, vector in enumerate(neighbours.vectors)),
        reverse=True,
    )[:VOTERS]
    near = [(likeness, number) for likeness, number in near if likeness >= _NEAR_ENOUGH]
    votes: Counter[str] = Counter()
    for likeness, number in near:
        votes[neighbours.policies[number].topic[0]] += round(likeness * 1000)
    if not votes:
        return
    (topic, most), total = votes.most_common(1)[0], votes.total()
    voters = [neighbours.policies[n] for _, n in near if neighbours.policies[n].topic[0] == topic]
    confidence = min(_MOST_SURE, most / total, 2.5 * near[0][0] + 0.15)
    evidence = "、".join(policy.title for policy in voters[:3])
    yield Guess("topic", topic, confidence, evidence, "最像的条目", "按用词最像的条目猜的")


def _words(text: str) -> Iterator[str]:
    words, _, _ = analyse_words(text, normalise(text))
    return (word for word in words if len(word) > 1 and not word[0].isdigit())


def _vector(counts: Counter[str], rarity: dict[str, float]) -> dict[str, float]:
    """Return the weights of the words that tell, of length one together."""
    weights = {w: (1 + log(n)) * rarity[w] for w, n in counts.items() if w in rarity}
    length = sqrt(sum(weight * weight for weight in weights.values())) or 1.0
    return {word: weight / length for word, weight in weights.items()}


def _likeness(one: dict[str, float], other: dict[str, float]) -> float:
    small, large = sorted((one, other), key=len)
    return sum(weight * large.get(word, 0.0) for word, weight in small.items())


def chosen_kind(kind: Kind) -> Guess:
    """Return the kind that the editor has given."""
    return Guess("kind", kind.value, 1.0, f"--kind {kind}", "命令里写的")


def with_guesses(findings: Findings, guesses: Sequence[Guess]) -> Findings:
    """Return the findings and more; a field guessed anew loses its old guesses."""
    fields = {guess.field for guess in guesses}
    kept = (guess for guess in findings.guesses if guess.field not in fields)
    return Findings((*kept, *guesses))
