"""Correction (纠错): what a query in pinyin, or with slips of the keyboard, was meant to say."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice, product

from rapidfuzz.distance import OSA
from rapidfuzz.fuzz import partial_ratio_alignment

from indexer.analysis import CHINESE, is_dictionary_word, own_words, pairs_of, segment
from indexer.index import Index
from indexer.pinyin import Unit, alike, read_letters
from indexer.ranking import Scored, highest

LONGEST_NAME = 16  # characters: a longer query is a sentence with words of its own
LONGEST = 60  # characters: longer texts are pasted, not typed
MOST_WORDS = 12  # of pinyin: more would only take time
MEANINGS = 3  # readings of a piece of pinyin that are searched together
NEAR_ENTRIES = 30  # entries whose names are compared with the query
_HOMOPHONES = 8
_FOUND = 400  # places at which a run of initials is looked at

# Letters, possibly with Chinese characters among them: paishui xuke, 排水xk.
_MIXED = re.compile(rf"[{CHINESE}]*[a-z][a-z'{CHINESE}]*(?:\s+[a-z][a-z'{CHINESE}]*)*")
_PIECE = re.compile(rf"[a-z]+|[{CHINESE}]")
_AROUND = re.compile(rf"([{CHINESE}]*)([a-z']+)([{CHINESE}]*)")
_STRETCH = re.compile(rf"[{CHINESE}]{{2,}}")


def read_pinyin(index: Index, folded: str) -> list[str]:
    """Return what a normalised query with pinyin in it may mean, best first; [] if it has none."""
    if len(folded) > LONGEST:
        return []
    meanings = [""]
    place, changed = 0, False
    for match in _MIXED.finditer(folded):
        read = _read_stretch(index, match[0])
        changed |= read != [match[0]]
        before = folded[place : match.start()]
        meanings = [m + before + text for m in meanings[:1] for text in read] + [
            m + before + read[0] for m in meanings[1:]
        ]
        place = match.end()
    return [text + folded[place:] for text in meanings[:MEANINGS]] if changed else []


def correct_sounds(index: Index, folded: str, *, sure: bool = True) -> str | None:
    """Return the query with characters replaced that sound like the ones that make sense.

    A pair of characters that occurs nowhere in the library but sounds like one in its titles,
    aliases or queries speaks for the other; a character is replaced where two pairs agree, or
    where one pair does and neither is a word by itself. Unless it must be `sure`, characters of
    words that are right by themselves may be replaced too.
    """
    if len(folded) > LONGEST:
        return None
    votes: Counter[tuple[int, str]] = Counter()
    pairs, places = pairs_of(folded)
    for pair, place in zip(pairs.tolist(), places.tolist(), strict=True):
        a_word = sure and is_dictionary_word(folded[place : place + 2])
        if not is_known(index, pair) and not a_word:
            votes.update(_proposals(index, folded, pair, place))
    corrected = list(folded)
    free = _outside_words(folded) if sure else set(range(len(folded)))
    for (place, character), count in sorted(votes.items(), key=lambda vote: (vote[1], vote[0])):
        if place in free and (count > 1 or _stands_at_an_edge(folded, place)):
            corrected[place] = character
    text = "".join(corrected)
    return text if text != folded and _makes_sense(index, folded, text) else None


def correct_slips(index: Index, folded: str, scored: Scored, *, sure: bool = True) -> str | None:
    """Return the query with the name of a likely entry where all but one character stand for it.

    One character may be wrong, missing, too many, or changed for its neighbour. Words that are
    right by themselves are left alone, where it must be `sure`: 生育津贴 is no slip for 生育补贴.
    """
    if len(folded) > LONGEST_NAME:
        return None
    free = _outside_words(folded) if sure else set(range(len(folded)))
    candidates = [
        (len(name), text)
        for name in _names_near(index, folded, scored)
        if (text := _put_in(index, folded, name, free)) is not None
    ]
    return max(candidates)[1] if candidates else None


def _read_stretch(index: Index, stretch: str) -> list[str]:
    """Return the meanings of letters and characters, as many words at a time as make sense."""
    words = stretch.split()
    if len(words) > MOST_WORDS or all(
        index.has_word(word) or not _has_letters(word) for word in words
    ):
        return [stretch]
    if together := _find_units(index, "".join(words)):
        return together
    read: list[str] = []
    while words:
        count, found = _longest_beginning(index, words)
        read.append(found)
        words = words[count:]
    return [" ".join(filter(None, read))]


def _longest_beginning(index: Index, words: Sequence[str]) -> tuple[int, str]:
    """Return how many of the words make sense together, and what they mean."""
    if not (index.has_word(words[0]) or not _has_letters(words[0])):
        for count in range(min(len(words), 8), 0, -1):
            if found := _find_units(index, "".join(words[:count])):
                return count, found[0]
        return 1, _read_in_parts(index, words[0])
    return 1, words[0]


def _read_in_parts(index: Index, word: str) -> str:
    """Return what the parts of a word mean that make no sense together, or the word itself."""
    match = _AROUND.fullmatch(word)
    if match is None:
        return word
    before, letters, after = match[1], match[2].replace("'", ""), match[3]
    if letters in index.sounds.questions:
        return f"{before} {after}".strip()
    # As much as can be of what stands around the letters is read together with them: 低bao申请.
    cuts = product(_cuts(before), _cuts(after))
    for left, right in sorted(cuts, key=lambda cut: (sum(cut), cut)):
        window = before[left:] + letters + after[: len(after) - right]
        if window != word and (found := _find_units(index, window)):
            return f"{before[:left]}{found[0]}{after[len(after) - right :]}"
    return before + _read_syllables(index, letters) + after


def _cuts(text: str) -> range:
    """Return how much may be cut off what stands beside letters: up to four characters stay."""
    return range(max(0, len(text) - 4), len(text) + 1)


def _read_syllables(index: Index, letters: str) -> str:
    """Return the meanings of the beginning and the end of some letters, or the letters."""
    for units in read_letters(letters, _known(index.sounds.syllables))[:1]:
        if not all(unit.whole for unit in units):
            break
        for count in range(len(units) - 1, 1, -1):
            head, rest = _find(index, units[:count], True), units[count:]
            if not head:
                continue
            meant = max(head, key=head.__getitem__)
            if "".join(unit.text for unit in rest) in index.sounds.questions:
                return meant
            if len(rest) > 1 and (tail := _find(index, rest, True)):
                return f"{meant} {max(tail, key=tail.__getitem__)}"
    return letters


def _has_letters(word: str) -> bool:
    return re.search("[a-z]", word) is not None


def _find_units(index: Index, text: str) -> list[str]:
    """Return the pieces of phrases that letters and characters stand for, most likely first.

    Where letters can only be initials, some may be skipped, or one of them wrong.
    """
    ways: list[tuple[Unit, ...]] = [()]
    for piece in _PIECE.findall(text.replace("'", "")):
        if piece.isascii():
            read = read_letters(piece, _known(index.sounds.syllables))
            ways = [(*way, *units) for way in ways for units in read][:24]
        else:
            ways = [(*way, Unit(piece, True)) for way in ways]
    if not ways or len(ways[0]) < 2:
        return []
    for in_names in (True, False):
        found: dict[str, tuple[int, int, int]] = {}
        for units in ways:
            if in_names or any(unit.whole for unit in units):
                found = _find(index, units, in_names) | found
            if found and all(unit.whole for unit in units):
                break
        if found:
            return sorted(found, key=lambda piece: found[piece], reverse=True)[:MEANINGS]
    if len(ways[0]) > 3 and not any(unit.whole for unit in ways[0]):
        return _find_roughly(index, ways[0])
    return []


def _find_roughly(index: Index, units: Sequence[Unit]) -> list[str]:
    """Return the pieces of phrases that have all initials with a gap, or else all but one.

    A gap is what people skip in a long name: wjdl stands for 挖掘（城市）道路.
    """
    letters = [re.escape(bytes([_initial(index, unit)])) for unit in units]
    with_gap = (_join(letters, place, b"[a-z.]{1,4}?") for place in range(2, len(letters) - 1))
    but_one = (
        _join(letters[:wrong] + letters[wrong + 1 :], wrong, b"[a-z]")
        for wrong in range(1, len(letters))
    )
    for patterns in (with_gap, but_one):
        found: Counter[str] = Counter()
        for pattern in patterns:
            compiled, names = re.compile(pattern), index.sounds.initials
            for match in islice(compiled.finditer(names, 0, index.end_of_names), _FOUND):
                piece = index.folded_phrases[match.start() : match.end()]
                if "\n" not in piece:
                    found[piece] += 1 + (index.folded_phrases[match.start() - 1] == "\n")
        if found:
            return [piece for piece, _ in found.most_common(MEANINGS)]
    return []


def _join(letters: Sequence[bytes], place: int, between: bytes) -> bytes:
    return b"".join((*letters[:place], between, *letters[place:]))


def _find(index: Index, units: Sequence[Unit], in_names: bool) -> dict[str, tuple[int, int, int]]:
    """Return the different pieces of phrases with these sounds, and how well each of them fits.

    Titles and aliases are looked through, or else the queries: initials of a whole sentence would
    stand for anything.
    """
    text, found = index.folded_phrases, dict[str, tuple[int, int, int]]()
    for place in _places(index, units, in_names):
        end = place + len(units)
        piece = text[place:end]
        exact, whole, count = found.get(piece, (0, 0, 0))
        spelt = all(
            unit.text in (c, _syllable(index, p)) for unit, c, p in _along(units, text, place)
        )
        begins = text[place - 1] == "\n"
        fits = begins + 2 * (begins and text[end : end + 1] in ("\n", ""))
        found[piece] = (max(whole, fits), max(exact, spelt), count + 1)
    return found


def _along(units: Sequence[Unit], text: str, place: int) -> Iterator[tuple[Unit, str, int]]:
    for offset, unit in enumerate(units):
        yield unit, text[place + offset], place + offset


def _places(index: Index, units: Sequence[Unit], in_names: bool) -> Iterator[int]:
    """Yield where names, or else queries, sound like the units."""
    initials = index.sounds.initials
    pattern = bytes(_initial(index, unit) for unit in units)
    begin, end = (0, index.end_of_names) if in_names else (index.end_of_names, len(initials))
    place = initials.find(pattern, begin, end)
    looked = 0
    while place >= 0 and looked < _FOUND:
        if all(_sounds(index, *step) for step in _along(units, index.folded_phrases, place)):
            yield place
        place = initials.find(pattern, place + 1, end)
        looked += 1


def _initial(index: Index, unit: Unit) -> int:
    if unit.text.isascii():
        return ord(alike(unit.text)[0])
    syllable = index.sounds.syllables[index.sounds.readings[ord(unit.text)]]
    return ord(alike(syllable)[0]) if syllable else ord(".")


def _sounds(index: Index, unit: Unit, character: str, place: int) -> bool:
    if not unit.text.isascii():
        return character == unit.text
    syllable = _syllable(index, place)
    if unit.whole:
        return alike(syllable) == alike(unit.text)
    return syllable.startswith(unit.text) or alike(syllable) == alike(unit.text)


def _syllable(index: Index, place: int) -> str:
    return index.sounds.syllables[int(index.sounds.phrases[place])]


@cache
def _known(syllables: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(alike, syllables[1:]))


def is_known(index: Index, pair: int) -> bool:
    """Tell whether a pair of characters occurs anywhere in the library."""
    return index.has_pairs((pair,))


def _proposals(index: Index, folded: str, pair: int, place: int) -> set[tuple[int, str]]:
    """Return the characters that like-sounding pairs would put here; one is changed, or both."""
    one: set[tuple[int, str]] = set()
    both: set[tuple[int, str]] = set()
    for other in index.sounds.homophones(pair)[:_HOMOPHONES]:
        characters = chr(other >> 16), chr(other & 0xFFFF)
        changed = [
            (place + offset, character)
            for offset, character in enumerate(characters)
            if character != folded[place + offset]
        ]
        (one if len(changed) == 1 else both).update(changed)
    return one or both


def _makes_sense(index: Index, folded: str, corrected: str) -> bool:
    """Tell whether each character that has changed is now part of a word, and known beside it."""
    before, _ = pairs_of(folded)
    after, _ = pairs_of(corrected)
    free = _outside_words(corrected)
    changed = (
        place
        for place, pair in enumerate(zip(folded, corrected, strict=True))
        if len(set(pair)) > 1
    )
    return free.isdisjoint(changed) and all(
        is_known(index, pair) for pair in after[before != after].tolist()
    )


def _outside_words(folded: str) -> set[int]:
    """Return the places that are not in a word of two or more characters."""
    free = set(range(len(folded)))
    for word, begin, end in segment(folded):
        if end - begin > 1 and (is_dictionary_word(word) or word in own_words()):
            free -= set(range(begin, end))
    return free


def _stands_at_an_edge(folded: str, place: int) -> bool:
    """Tell whether a character has only one neighbour that could speak for another."""
    stretch = next(s for s in _STRETCH.finditer(folded) if s.start() <= place < s.end())
    return place in (stretch.start(), stretch.end() - 1)


def _names_near(index: Index, folded: str, scored: Scored) -> Iterator[str]:
    """Yield the normalised titles and aliases of the entries that answer best or are called so."""
    good = scored.scores > scored.best / 2
    best = scored.rows[good][highest(scored.scores[good], NEAR_ENTRIES)]
    called = index.rows_sharing(map(ord, folded), NEAR_ENTRIES)
    for row in dict.fromkeys((*best.tolist(), *called)):
        yield from index.names(row)


def _put_in(index: Index, folded: str, name: str, free: set[int]) -> str | None:
    """Return the query with `name` in place of the piece that is one slip away from it."""
    if len(name) < 3 or name in folded:
        return None
    alignment = partial_ratio_alignment(name, folded, score_cutoff=60)
    if alignment is None:
        return None
    for begin, end in _windows(alignment.dest_start, alignment.dest_end, len(folded)):
        piece = folded[begin:end]
        whole = piece.strip() == folded.strip()
        if free.isdisjoint(range(begin, end)):
            continue
        if OSA.distance(name, piece) == 1 and (len(name) > 3 or whole):
            pairs, _ = pairs_of(piece)
            if not all(is_known(index, pair) for pair in pairs.tolist()):
                return folded[:begin] + name + folded[end:]
    return None


def _windows(begin: int, end: int, length: int) -> Iterator[tuple[int, int]]:
    """Yield the aligned piece of a text and those that begin or end one character away."""
    for shift in (0, -1, 1):
        for stretch in (0, -1, 1):
            first, last = begin + shift, end + shift + stretch
            if 0 <= first < last <= length:
                yield first, last
