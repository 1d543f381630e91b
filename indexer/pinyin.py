"""Sounds (读音): how characters are pronounced, which sound alike, and how typed pinyin is read."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

# Sounds that many speakers do not tell apart, and that input methods offer to treat as one:
# zh/z, ch/c, sh/s, n/l and -ng/-n.
_ALIKE = (
    (r"^zh", "z"),
    (r"^ch", "c"),
    (r"^sh", "s"),
    (r"^n", "l"),
    (r"ng$", "n"),
    (r"^lue$", "lve"),
)
_VOWELS = "aeiouv"
_PARSES = 12  # ways to read a run of letters that are followed; the likeliest come first
_CUT_SHORT = 1.3  # cost of a syllable that is not finished, against 1 for a whole one
_INITIAL = 1.6  # cost of a syllable given by its first letter alone


@dataclass(frozen=True)
class Unit:
    """One syllable as typed: `text` is the whole of it, or its beginning."""

    text: str
    whole: bool


@cache
def syllables() -> tuple[str, ...]:
    """Return every syllable; the first, empty, stands for what has no sound."""
    return ("", *sorted({sound for sound in _readings().values() if _is_syllable(sound)}))


@cache
def readings() -> NDArray[np.uint16]:
    """Return the number of each character's usual syllable, by the code of the character."""
    numbers = {syllable: number for number, syllable in enumerate(syllables())}
    table = np.zeros(0x10000, np.uint16)
    for character, sound in _readings().items():
        table[ord(character)] = numbers.get(sound, 0)
    return table


def sound_numbers(phrases: Iterable[str]) -> NDArray[np.uint16]:
    """Return the syllable of each character of some phrases, one after the other.

    A character with several readings gets the one that it has in its phrase (银行, 行政).
    """
    numbers = {syllable: number for number, syllable in enumerate(syllables())}
    found = [np.zeros(0, np.uint16)]
    for phrase in phrases:
        codes = np.frombuffer(phrase.encode("utf-32-le"), np.uint32)
        sounds = readings()[np.where(codes < 0x10000, codes, 0)]
        if _POLYPHONES.search(phrase):
            sounds = sounds.copy()
            for place, sound in enumerate(_read_phrase(phrase)):
                if sound:
                    sounds[place] = numbers.get(sound, 0)
        found.append(sounds)
    return np.concatenate(found)


def warm_up() -> None:
    """Load the readings of characters and phrases now, not with the first name."""
    sound_numbers(["重庆"])


@cache
def alike(syllable: str) -> str:
    """Return a syllable in which all that sound like it meet."""
    for pattern, replacement in _ALIKE:
        syllable = re.sub(pattern, replacement, syllable)
    return syllable


def likeness(names: Sequence[str]) -> NDArray[np.uint16]:
    """Return, for each syllable, the number of the first one that sounds like it."""
    first: dict[str, int] = {}
    return np.array(
        [first.setdefault(alike(name), number) for number, name in enumerate(names)], np.uint16
    )


def read_letters(letters: str, known: frozenset[str]) -> list[tuple[Unit, ...]]:
    """Return the likeliest ways to read letters as syllables or their beginnings, best first.

    `known` holds the syllables there are, each as `alike` gives it: cuangye stands for chuangye.
    """
    ways: list[list[tuple[float, tuple[Unit, ...]]]] = [[(0.0, ())]]
    for end in range(1, len(letters) + 1):
        found = [
            (cost + extra, (*units, unit))
            for begin in range(max(0, end - 6), end)
            for extra, unit in _units(letters[begin:end], end == len(letters), known)
            for cost, units in ways[begin]
        ]
        ways.append(sorted(found, key=lambda way: way[0])[:_PARSES])
    return [units for _, units in ways[-1]]


def _units(piece: str, last: bool, known: frozenset[str]) -> list[tuple[float, Unit]]:
    found = [(1.0, Unit(piece, True))] if alike(piece) in known else []
    if piece in ("zh", "ch", "sh") or (len(piece) == 1 and piece not in "iuv"):
        found.append((_INITIAL, Unit(piece, False)))
    if found:
        return found
    if last and len(piece) > 1 and any(name.startswith(alike(piece)) for name in known):
        return [(_CUT_SHORT, Unit(piece, False))]
    return []


def _is_syllable(sound: str) -> bool:
    return sound.isascii() and sound.isalpha() and any(vowel in sound for vowel in _VOWELS)


@cache
def _readings() -> dict[str, str]:
    # What lazy_pinyin says of each character, read at once from the table that it looks into.
    from pypinyin.constants import PINYIN_DICT
    from pypinyin.contrib.tone_convert import to_normal

    plain = cache(to_normal)
    codes = (code for code in range(0x4E00, 0xA000) if code in PINYIN_DICT)
    return {chr(code): plain(PINYIN_DICT[code].split(",")[0]) for code in codes}


# Characters whose reading depends on the word, among those that occur in titles of policies.
_POLYPHONES = re.compile(
    "[重长行调乐率会车还单给系降便参差传处大当都度发分干更合和核划几假间见将角结卷觉看空量落没模"
    "难宁强曲任散少省石数似弹体提条通为相校兴血要应与育载占正只中种转作朝藏查称盛尽奇铺塞识属露切圈]"
)


def _read_phrase(phrase: str) -> list[str]:
    """Return the syllable of each character, empty where it has none."""
    from pypinyin import Style, pinyin

    def silent(text: str) -> list[str]:
        return [""] * len(text)

    read = pinyin(phrase, style=Style.NORMAL, errors=silent)  # type: ignore[arg-type]  # its stubs forget the list
    return [sounds[0] for sounds in read]
