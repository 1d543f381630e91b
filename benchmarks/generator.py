"""Made-up statutes (生成的文本): real clauses and words, as long and as uneven as real ones."""

import random
import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distribution
from itertools import count
from pathlib import Path
from typing import Any

from statutes import PLACES

from indexer.analysis import CHINESE, normalise, segment
from indexer.loader import load_library
from indexer.texts import texts_of

SEED = 20261124
POLICIES = Path(__file__).resolve().parent.parent / "policies"
# As in 147,283 articles of 3,210 statutes: the logarithm of the length in characters has mean 4.58
# and deviation 0.67 (half of the articles have 98 characters, one in a hundred over 426).
MEAN_LENGTH, DEVIATION, SHORTEST, LONGEST = 4.58, 0.67, 15, 4000
ARTICLES_OF_A_LAW = 46
GROUPS = {
    "行政法规": 26,
    "山东地方法规": 21,
    "河南地方法规": 17,
    "浙江地方法规": 17,
    "司法解释": 12,
    "上海地方法规": 10,
    "行政法": 8,
    "重庆地方法规": 5,
    "经济法": 5,
    "广东地方法规": 4,
}
TOPIC_WORDS, COMMON_TOPIC_WORD = 60, 0.06
REPLACED = 0.5  # the share of a clause's words that give way to words of the law's own topic
_WORD = re.compile(f"[{CHINESE}]{{2,4}}")
_END = re.compile(r"[。；，：、！？\s]+")


def generate_articles(seed: int = SEED) -> Iterator[dict[str, Any]]:
    """Yield articles without end, always the same ones for a seed."""
    chance = random.Random(seed)
    names, weights = _dictionary()
    for number in count():
        if number % ARTICLES_OF_A_LAW == 0:
            topic = chance.choices(names, weights, k=TOPIC_WORDS)
            group = chance.choices(list(GROUPS), list(GROUPS.values()))[0]
            law = f"{_place_of(group)}{''.join(topic[:2])}管理条例"
            day = f"{chance.randint(1990, 2025)}-{chance.randint(1, 12):02}-01"
        yield {
            "id": f"g{number:06}",
            "law": law,
            "date": day,
            "group": group,
            "article": f"第{number % ARTICLES_OF_A_LAW + 1}条",
            "text": _text(chance, topic),
        }


def _place_of(group: str) -> str:
    """Return where the statutes of a group hold, nothing where they hold everywhere."""
    province = group.removesuffix("地方法规")
    return "" if province == group else PLACES.get(province, f"{province}省")


def _text(chance: random.Random, topic: list[str]) -> str:
    length = min(max(chance.lognormvariate(MEAN_LENGTH, DEVIATION), SHORTEST), LONGEST)
    text = ""
    while len(text) < length:
        words = [
            topic[min(int(chance.expovariate(COMMON_TOPIC_WORD)), len(topic) - 1)]
            if _WORD.fullmatch(word) and chance.random() < REPLACED
            else word
            for word in chance.choice(_clauses())
        ]
        text += "".join(words) + chance.choice("，，，；。")
    return text[:-1] + "。"


@cache
def _clauses() -> list[list[str]]:
    """Return the clauses of the library's entries, cut into words."""
    texts = {
        clause
        for policy in load_library(POLICIES).policies
        for clause in _END.split(normalise(texts_of(policy)["body"]))
        if len(clause) > 3
    }
    return [_pieces(text) for text in sorted(texts)]


def _pieces(text: str) -> list[str]:
    """Return a text in pieces: its words, and whatever stands between them."""
    pieces, place = [], 0
    for _, begin, end in segment(text):
        if begin >= place:
            pieces += [text[place:begin], text[begin:end]]
            place = end
    return [piece for piece in (*pieces, text[place:]) if piece]


@cache
def _dictionary() -> tuple[list[str], list[int]]:
    """Return the nouns and verbs of jieba's dictionary, and how frequent they are."""
    names, weights = [], []
    path = Path(str(distribution("jieba").locate_file("jieba/dict.txt")))
    lines = path.read_text(encoding="utf-8").splitlines()
    for name, frequency, tag in map(str.split, lines):
        if tag[0] in "nv" and _WORD.fullmatch(name):
            names.append(name)
            weights.append(int(frequency))
    return names, weights
