"""Check codes (核验码): which content, of which day, for which situations, in a few characters.

A code is 8 characters of the content's digest, 3 of the day, as many as needed of the ticked
options, and one that tells slips of the pen (Luhn mod N, N = 32). It holds nothing about the
applicant. `notices.js` writes and reads the same codes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256

from indexer.problems import printable

# Crockford's Base32: no I, L, O, U, which are taken for other characters or words.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SLIPS = str.maketrans("OIL", "011", "- \t　－—")
DIGEST = 8  # characters
DAY = 3
FIRST_DAY = date(2020, 1, 1)
LAST_DAY = FIRST_DAY + timedelta(days=32**DAY - 1)
MOST = 24  # characters: more options than a code can hold are more than a person can tick
MAX_OPTIONS = 5 * (MOST - DIGEST - DAY - 1)


class WrongCode(Exception):
    """What was given is no check code."""


@dataclass(frozen=True)
class CheckCode:
    """What a code says: the digest of the content, the day, and the places of ticked options."""

    digest: str
    day: date
    ticked: tuple[int, ...]

    def __str__(self) -> str:
        days = (self.day - FIRST_DAY).days
        bits = sum(1 << place for place in self.ticked)
        text = self.digest + _in_base32(days, DAY) + (_in_base32(bits) if bits else "")
        text += _check_character(text)
        return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def read_code(text: str) -> CheckCode:
    """Return what a code says; raise WrongCode, with what is wrong, for anything else."""
    code = text.strip().upper().translate(_SLIPS)
    shortest = DIGEST + DAY + 1
    strange = "".join(dict.fromkeys(c for c in code if c not in ALPHABET))
    if strange:
        raise WrongCode(f"核验码里没有“{printable(strange[:20])}”这样的字符，只有数字和大写字母。")
    if not shortest <= len(code) <= MOST:
        raise WrongCode(
            f"核验码有 {shortest} 到 {MOST} 个字符，收到的是 {len(code)} 个，请对照原件。"
        )
    if _check_character(code[:-1]) != code[-1]:
        raise WrongCode("核验码对不上，有一个字符抄错了，或者两个字符颠倒了，请对照原件。")
    bits = _from_base32(code[DIGEST + DAY : -1])
    ticked = tuple(place for place in range(bits.bit_length()) if bits >> place & 1)
    day = FIRST_DAY + timedelta(days=_from_base32(code[DIGEST : DIGEST + DAY]))
    return CheckCode(code[:DIGEST], day, ticked)


def make_code(digest: str, day: date, options: Sequence[str], chosen: Iterable[str]) -> CheckCode:
    """Return the code of a content with these options, of which some are chosen."""
    return CheckCode(digest, day, tuple(sorted(options.index(option) for option in chosen)))


def digest_of(parts: Iterable[str]) -> str:
    """Return the digest of some texts as a code has it: 40 bits."""
    whole = sha256("\n".join(parts).encode()).digest()
    return _in_base32(int.from_bytes(whole[:5]), DIGEST)


def _in_base32(number: int, width: int = 1) -> str:
    text = ""
    while number or len(text) < width:
        number, digit = divmod(number, 32)
        text = ALPHABET[digit] + text
    return text


def _from_base32(text: str) -> int:
    number = 0
    for character in text:
        number = number * 32 + ALPHABET.index(character)
    return number


def _check_character(text: str) -> str:
    """Return the character that brings the sum to a multiple of 32 (Luhn mod N)."""
    total = 0
    for place, character in enumerate(reversed(text)):
        value = ALPHABET.index(character) * (2 - place % 2)
        total += value // 32 + value % 32
    return ALPHABET[-total % 32]
