"""Text → tokens (分词): one definition of words and character pairs, for index and query."""

import marshal
import os
import re
import tempfile
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.util import find_spec
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from opencc import OpenCC
from whoosh.analysis.acore import Token
from whoosh.analysis.tokenizers import Tokenizer

CHINESE = "\u3400-\u4dbf\u4e00-\u9fff"  # for character classes; the rare ones beyond are not paired
WORDS_FILE = Path(__file__).parent / "lexicon" / "words.txt"
FIRST_WORD = np.uint64(1 << 63)  # keys of words are above, those of pairs of characters below
CACHE_NAME = "jieba.cache"  # what jieba calls it
OWN_FREQUENCY = 20_000  # high enough that a word of the trade is never cut

# jieba cuts what is Chinese. The rest follows one rule of our own (r&d, c++, 3.5%, 0533): there
# jieba and rjieba differ, and the tokens must not depend on which of them is installed.
_STRETCH = re.compile(
    r"(?P<chinese>[\u4e00-\u9fd5]+)"
    r"|[^\W_\u4e00-\u9fd5]+(?:[.&][^\W_\u4e00-\u9fd5]+)*(?:\+\+|[%#])?"
)
_DIGIT = r"[0-9零〇一二两三四五六七八九十百千]"
# What has a name of its own, in which all ways to write it meet; `normalise` has unified brackets.
_NAMED = re.compile(
    # 国发〔2024〕3号, 国发[2024]3号, 国发 2024 3号, 公告2026年第10号
    r"(?<!\d)(?P<year>(?:19|20)\d\d)"
    r"(?:\s*[\])]\s*第?\s*(?P<number>\d{1,5})\s*号?"
    r"|(?:\s*年\s*|\s+)第?\s*(?P<issue>\d{1,5})\s*号)(?!\d)"
    # 国务院令第641号, 国务院第六百四十一号令
    rf"|令\s*第?\s*(?P<order>{_DIGIT}{{1,6}})\s*号|第?\s*(?P<decree>{_DIGIT}{{1,6}})\s*号\s*令"
    # 第三十二条, 第 32 条之一
    rf"|第\s*(?P<article>{_DIGIT}{{1,8}})\s*条(?:\s*之\s*(?P<inserted>{_DIGIT}))?"
    # 三十、十万、10万; one figure alone (一个, 两家) is seldom meant as a number
    r"|(?P<amount>\d+(?:\.\d+)?(?=[万亿])|[零〇一二两三四五六七八九十百千]{1,9})(?P<myriad>[万亿]?)"
)
_UNIT = re.compile(
    r"\s*(?:年|个月|月|日|天|周岁|岁|元|块|周|小时|平方米|公里|米|吨|倍|成|个百分点)"
)
_NO_NUMBER = re.compile(
    "[十百千].*[一二两三四五六七八九]{2}|[一二两三四五六七八九]{2}.*[十百千]|[十百千]{2}"
)
_FIGURES = {figure: value for value, figure in enumerate("零一二三四五六七八九")} | {
    "〇": 0,
    "两": 2,
}
_TENS = {"十": 10, "百": 100, "千": 1000}
_BRACKETS = {**dict.fromkeys("〔【〖", "["), **dict.fromkeys("〕】〗", "]")}


@dataclass(frozen=True)
class Analysis:
    """The tokens of one text; `begins` and `ends` count characters of the original text.

    `pairs` holds each pair of neighbouring Chinese characters as one number, in reading order, and
    a zero wherever the text goes on with something else.
    """

    words: list[str]
    begins: list[int]
    ends: list[int]
    pairs: NDArray[np.uint32]


class _Folding(dict[int, str]):
    """Character → its normal form, worked out when first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Cn", "Co"):
            folded = " "
        else:
            folded = unicodedata.normalize("NFKC", character).lower()
            folded = "".join(_BRACKETS.get(c, c) for c in _simplify(folded)) or " "
        self[code] = folded
        return folded


_FOLDING = _Folding()


def normalise(text: str) -> str:
    """Return the text as it is compared: half width, lower case, simplified, brackets unified."""
    return text.translate(_FOLDING)


def analyse(text: str) -> Analysis:
    """Segment a text once: words with their places, and the pairs of neighbouring characters."""
    folded = normalise(text)
    pairs, _ = pairs_in([folded])
    return Analysis(*analyse_words(text, folded), pairs)


def analyse_words(text: str, folded: str) -> tuple[list[str], list[int], list[int]]:
    """Return the words of a text, given with its normal form, and where each begins and ends."""
    words: list[str] = []
    begins: list[int] = []
    ends: list[int] = []
    for word, begin, end in segment(folded):
        words.append(word)
        begins.append(begin)
        ends.append(end)
    if len(folded) != len(text):
        origins = _origins(text)
        begins = [origins[begin] for begin in begins]
        ends = [origins[end - 1] + 1 for end in ends]
    return words, begins, ends


def word_keys(words: Iterable[str]) -> NDArray[np.uint64]:
    """Return the key of each word: a digest above all pairs of characters, which are their own.

    With a million words, the chance that any two of them share a key is below one in ten million.
    """
    digests = b"".join(blake2b(word.encode(), digest_size=8).digest() for word in words)
    return np.frombuffer(digests, "<u8") | FIRST_WORD


def find_bigrams(text: str, wanted: Iterable[str]) -> list[tuple[int, int]]:
    """Return where the wanted pairs of characters stand in a text."""
    folded = normalise(text)
    found = []
    for pair in wanted:
        place = folded.find(pair)
        while place >= 0:
            found.append(place)
            place = folded.find(pair, place + 1)
    found.sort()
    if len(folded) == len(text):
        return [(place, place + 2) for place in found]
    origins = _origins(text)
    return [(origins[place], origins[place + 1] + 1) for place in found]


class WordTokenizer(Tokenizer):
    """The words of `analyse` for Whoosh: stateless, picklable, positions counted from 0."""

    def __call__(
        self,
        value: str,
        positions: bool = False,
        chars: bool = False,
        start_pos: int = 0,
        start_char: int = 0,
        **kwargs: Any,
    ) -> Iterator[Token]:
        """Yield Whoosh's tokens: one object over and over, as Whoosh expects."""
        token = Token(positions, chars, **kwargs)
        analysis = analyse(value)
        places = zip(analysis.words, analysis.begins, analysis.ends, strict=True)
        for position, (word, begin, end) in enumerate(places, start_pos):
            token.text = word
            token.boost = 1.0
            token.pos = position
            token.startchar, token.endchar = start_char + begin, start_char + end
            yield token


def pairs_of(folded: str) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return each pair of neighbouring Chinese characters as one number, and where it stands."""
    codes = np.frombuffer(folded.encode("utf-32-le"), dtype=np.uint32)
    chinese = ((codes >= 0x3400) & (codes <= 0x4DBF)) | ((codes >= 0x4E00) & (codes <= 0x9FFF))
    places = np.flatnonzero(chinese[:-1] & chinese[1:]).astype(np.int64)
    return ((codes[places] << 16) | codes[places + 1]).astype(np.uint32), places


def pairs_in(folded: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the pairs in normalised texts, one text behind the other, and how many each has.

    A zero stands behind each pair whose second character begins no other pair.
    """
    joined = "".join([f"{text}\n" for text in folded])
    pairs, places = pairs_of(joined)
    ends = np.flatnonzero(np.diff(places, append=-1) != 1)
    breaks = np.searchsorted(places[ends], np.cumsum([len(text) + 1 for text in folded]))
    found = np.searchsorted(places, np.cumsum([len(text) + 1 for text in folded]))
    lengths = np.diff(found + breaks, prepend=0)
    return np.insert(pairs, ends + 1, 0), lengths.astype(np.int64)


def _origins(text: str) -> list[int]:
    """Return, for each character of the normalised text, the place it has in the original."""
    lengths = (len(_FOLDING[ord(character)]) for character in text)
    return list(chain.from_iterable(repeat(place, n) for place, n in enumerate(lengths)))


def segment(folded: str) -> Iterator[tuple[str, int, int]]:
    """Yield words and their places in a normalised text; what has a name adds a word of its own.

    A word of the trade is given in parts and, behind them, as a whole.
    """
    named = list(find_named(folded))[::-1]
    segmenter = _segmenter()
    for stretch in _STRETCH.finditer(folded):
        begin = stretch.start()
        for word in segmenter.cut(stretch[0]) if stretch["chinese"] else [stretch[0]]:
            while named and named[-1][2] <= begin:
                yield named.pop()
            end = begin + len(word)
            place = begin
            for part in segmenter.parts.get(word, ()):
                yield part, place, place + len(part)
                place += len(part)
            yield word, begin, end
            begin = end
    yield from reversed(named)


def find_named(folded: str) -> Iterator[tuple[str, int, int]]:
    """Yield document numbers, articles and amounts under the one name that each has."""
    for match in _NAMED.finditer(folded):
        name = _name(match, folded)
        if name:
            yield name, match.start(), match.end()


def _name(match: re.Match[str], folded: str) -> str | None:
    if match["year"]:
        return f"〔{match['year']}〕{int(match['number'] or match['issue'])}号"
    if number := match["order"] or match["decree"]:
        return f"〔令〕{read_number(number)}号"
    if match["article"]:
        inserted = f"之{read_number(match['inserted'])}" if match["inserted"] else ""
        return f"第{read_number(match['article'])}条{inserted}"
    amount, myriad = match["amount"], match["myriad"]
    if len(amount) == 1 and not myriad and not _UNIT.match(folded, match.end()):
        return None
    if (amount in _TENS and not myriad) or _NO_NUMBER.search(amount):
        return None  # 百 as in 百姓, 四五 as in 十四五
    number = read_number(amount) if not amount[0].isdigit() else amount
    return _multiply(number, {"万": 4, "亿": 8}.get(myriad, 0))


def read_number(text: str) -> str:
    """Return a whole number below ten thousand, in either script, in figures: 三百二十 is 320."""
    if text.isdecimal():
        return str(int(text))
    total, figure = 0, 0
    for character in text:
        if character in _TENS:
            total += (figure or 1) * _TENS[character]
            figure = 0
        else:
            figure = figure * 10 + (int(character) if character.isdigit() else _FIGURES[character])
    return str(total + figure)


def _multiply(number: str, zeros: int) -> str:
    """Return a decimal number times a power of ten, without rounding."""
    whole, _, part = number.partition(".")
    part = part.ljust(zeros, "0")
    left = part[zeros:].rstrip("0")
    return (whole + part[:zeros]).lstrip("0").rjust(1, "0") + (f".{left}" if left else "")


def is_dictionary_word(text: str) -> bool:
    """Tell whether the segmenter's own dictionary has the text as one word."""
    return text not in own_words() and _segmenter().has(text)


@cache
def own_words(path: Path = WORDS_FILE) -> frozenset[str]:
    """Read the words of the trade: one a line, “#” begins a remark."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(line.partition("#")[0].strip() for line in lines) - {""}


@dataclass(frozen=True)
class Segmenter:
    """Cuts Chinese text into words; `parts` are those that words of the trade are made of."""

    cut: Callable[[str], list[str]]
    has: Callable[[str], bool]
    parts: dict[str, list[str]]


def warm_up() -> None:
    """Load what the first analysis would have to load."""
    list(segment(normalise("政策")))


@cache
def _segmenter() -> Segmenter:
    """Return the segmenter: jieba, or rjieba when installed (same tokens, 8 times faster)."""
    return load_rjieba() if find_spec("rjieba") else load_jieba()


@cache
def load_rjieba() -> Segmenter:
    """Return the segmenter of rjieba with the words of the trade."""
    from rjieba import Jieba

    tokenizer = Jieba()
    return _with_own_words(tokenizer, tokenizer.cut, tokenizer.has_word)


@cache
def load_jieba() -> Segmenter:
    """Return the segmenter of jieba with the words of the trade; only we write its cache."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jieba imports pkg_resources, which says it is outdated
        import jieba
    jieba.setLogLevel("WARNING")
    tokenizer = jieba.Tokenizer()
    folder = _cache_folder()
    tokenizer.tmp_dir = str(folder)
    # jieba reads its own cache piece by piece, which takes longer than at once.
    with suppress(OSError, ValueError, EOFError, TypeError):
        tokenizer.FREQ, tokenizer.total = marshal.loads((folder / CACHE_NAME).read_bytes())  # noqa: S302 - only we write it
        tokenizer.initialized = True
    tokenizer.initialize()
    return _with_own_words(tokenizer, tokenizer.lcut, lambda text: bool(tokenizer.FREQ.get(text)))


def _with_own_words(
    tokenizer: Any, cut: Callable[[str], list[str]], has: Callable[[str], bool]
) -> Segmenter:
    """Teach a tokenizer the words of the trade, once it has told what they are made of."""
    parts = {word: cut(word) for word in sorted(own_words())}
    for word in parts:
        tokenizer.add_word(word, OWN_FREQUENCY, "n")
    return Segmenter(cut, has, parts)


def _cache_folder() -> Path:
    """Return the project's build/, or a folder of this user: never the one all users share."""
    project = Path(__file__).resolve().parent.parent
    own = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or "~/.cache"
    candidates = [Path(own).expanduser() / "policykb"]
    if (project / "pyproject.toml").exists():
        candidates.insert(0, project / "build" / "cache")
    for folder in candidates:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="policykb-"))


@cache
def _converter() -> OpenCC:
    return OpenCC("t2s")


def _simplify(text: str) -> str:
    """Turn traditional characters into simplified ones, one by one so that places stay."""
    simplified: str = _converter().convert(text)
    return simplified
