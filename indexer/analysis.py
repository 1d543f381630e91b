"""Text → tokens (分词): one definition of words and character pairs, for index and query."""

import os
import re
import tempfile
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from opencc import OpenCC
from whoosh.analysis.acore import Token
from whoosh.analysis.tokenizers import Tokenizer

STOPWORDS_FILE = Path(__file__).parent / "lexicon" / "stopwords.txt"

# jieba cuts what is Chinese. The rest follows one rule of our own (r&d, c++, 3.5%, 0533): there
# jieba and rjieba differ, and the tokens must not depend on which of them is installed.
_STRETCH = re.compile(
    r"(?P<chinese>[\u4e00-\u9fd5]+)"
    r"|[^\W_\u4e00-\u9fd5]+(?:[.&][^\W_\u4e00-\u9fd5]+)*(?:\+\+|[%#])?"
)
# 国发〔2024〕3号, 国发[2024]3号, 国发 2024 3号, 公告2026年第10号; `normalise` has unified brackets.
_DOC_NUMBER = re.compile(
    r"(?<!\d)((?:19|20)\d\d)"
    r"(?:\s*[\])]\s*第?\s*(\d{1,5})\s*号?|(?:\s*年\s*|\s+)第?\s*(\d{1,5})\s*号)(?!\d)"
)
_BRACKETS = {**dict.fromkeys("〔【〖", "["), **dict.fromkeys("〕】〗", "]")}


@dataclass(frozen=True)
class Analysis:
    """The tokens of one text; `begins` and `ends` count characters of the original text."""

    words: list[str]
    begins: list[int]
    ends: list[int]
    bigrams: NDArray[np.uint32]


@dataclass(frozen=True)
class Question:
    """What a query asks for: its distinct content words, document numbers and character pairs."""

    words: tuple[str, ...]
    numbers: tuple[str, ...]
    bigrams: tuple[int, ...]


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
    words: list[str] = []
    begins: list[int] = []
    ends: list[int] = []
    for word, begin, end in _segment(folded):
        words.append(word)
        begins.append(begin)
        ends.append(end)
    if len(folded) != len(text):
        origins = _origins(text)
        begins = [origins[begin] for begin in begins]
        ends = [origins[end - 1] + 1 for end in ends]
    return Analysis(words, begins, ends, _pairs(folded)[0])


def find_bigrams(text: str, wanted: Set[int]) -> list[tuple[int, int]]:
    """Return where the wanted pairs of characters stand in a text."""
    if not wanted:
        return []
    folded = normalise(text)
    pairs, places = _pairs(folded)
    pairs_at = zip(pairs.tolist(), places.tolist(), strict=True)
    found = [place for pair, place in pairs_at if pair in wanted]
    if len(folded) == len(text):
        return [(place, place + 2) for place in found]
    origins = _origins(text)
    return [(origins[place], origins[place + 1] + 1) for place in found]


def read_question(text: str) -> Question:
    """Return what carries weight in a query: stop words count only if nothing else is left."""
    folded = normalise(text)
    tokens = list(_segment(folded))
    content = [token for token in tokens if token[0] not in stopwords()]
    if content:
        stops = [token for token in tokens if token[0] in stopwords()]
        kept = list(folded)
        for _, begin, end in stops:
            kept[begin:end] = " " * (end - begin)
        folded = "".join(kept)
    found = dict.fromkeys(word for word, _, _ in content or tokens)
    words = tuple(word for word in found if not word.startswith("〔"))
    numbers = tuple(word for word in found if word.startswith("〔"))
    bigrams = dict.fromkeys(_pairs(folded)[0].tolist())
    return Question(words, numbers, tuple(bigrams))


@cache
def stopwords(path: Path = STOPWORDS_FILE) -> frozenset[str]:
    """Read the words that only make a question of it: one a line, “#” begins a remark."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(normalise(line.partition("#")[0].strip()) for line in lines) - {""}


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


def _pairs(folded: str) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return each pair of neighbouring Chinese characters as one number, and where it stands."""
    codes = np.frombuffer(folded.encode("utf-32-le"), dtype=np.uint32)
    chinese = ((codes >= 0x3400) & (codes <= 0x4DBF)) | ((codes >= 0x4E00) & (codes <= 0x9FFF))
    places = np.flatnonzero(chinese[:-1] & chinese[1:]).astype(np.int64)
    return ((codes[places] << 16) | codes[places + 1]).astype(np.uint32), places


def _origins(text: str) -> list[int]:
    """Return, for each character of the normalised text, the place it has in the original."""
    lengths = (len(_FOLDING[ord(character)]) for character in text)
    return list(chain.from_iterable(repeat(place, n) for place, n in enumerate(lengths)))


def _segment(folded: str) -> Iterator[tuple[str, int, int]]:
    """Yield words and their places in a normalised text; a document number adds one of its own."""
    numbers = list(_DOC_NUMBER.finditer(folded))[::-1]
    cut = _cutter()
    for stretch in _STRETCH.finditer(folded):
        begin = stretch.start()
        for word in cut(stretch[0]) if stretch["chinese"] else [stretch[0]]:
            while numbers and numbers[-1].end() <= begin:
                yield _name(numbers.pop())
            yield word, begin, begin + len(word)
            begin += len(word)
    while numbers:
        yield _name(numbers.pop())


def _name(number: re.Match[str]) -> tuple[str, int, int]:
    """Return the token in which all ways to write year and number of a document meet."""
    return f"〔{number[1]}〕{int(number[2] or number[3])}号", number.start(), number.end()


@cache
def _cutter() -> Callable[[str], list[str]]:
    """Return the segmenter: jieba, or rjieba when installed (same tokens, 8 times faster)."""
    if find_spec("rjieba"):
        import rjieba

        cut: Callable[[str], list[str]] = rjieba.cut
        return cut
    return load_jieba()


@cache
def load_jieba() -> Callable[[str], list[str]]:
    """Return the segmenter of jieba itself, with a dictionary cache that only we write."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jieba imports pkg_resources, which says it is outdated
        import jieba
    jieba.setLogLevel("WARNING")
    tokenizer = jieba.Tokenizer()
    tokenizer.tmp_dir = str(_cache_folder())
    cut: Callable[[str], list[str]] = tokenizer.lcut
    return cut


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
