"""The site's own search (自带搜索): library → the small files that a browser searches by itself.

A page opened from the disk may load scripts and nothing else, so every file is a script that
hands its part over. One table has what filters and orders need, shards have the places of each
term, blocks have the texts of a few entries: a query loads the table and the few parts it needs.
"""

import json
import re
import unicodedata
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.policy import Policy
from indexer.synonyms import load_synonyms

FOLDER = "assets/search"
FIELDS = ("title", "aliases", "queries", "doc_numbers", "summary", "issuer", "text")
SHARD_BYTES = 16_000  # about what one term costs: less means more files, more a slower query
BLOCK_ENTRIES = 3  # at most, on average, in one file of texts: what one hit costs to show

Data = dict[str, Any]
Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_HAN = "\u2e80-\u2fd5\u3005\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufad9"
_HAN += "\U00020000-\U000323af"
_OTHER_WORD = re.compile("[a-z0-9.]+")
_EDGE = ord("~")  # “~年” is 年 beside a Latin word or number: for phrases such as 2024年 alone
_END = "\x00"  # of a field: neither Chinese, nor a blank, nor part of a word


def search_files(
    policies: Sequence[Policy], texts: Sequence[str], labels: Data
) -> tuple[dict[str, str], str]:
    """Return the files for these policies and their plain texts, and the version they share."""
    searched = [_fields_of(*pair) for pair in zip(policies, texts, strict=True)]
    terms, lengths, counts = _index(searched)
    shards = _shards(terms)
    blocks = _blocks(policies, texts)
    table = {
        "labels": labels,
        "synonyms": _synonyms_used(terms, "\n".join(map("\n".join, searched))),
        "shards": len(shards),
        "blocks": len(blocks),
        "lengths": lengths,
        "terms": counts,
        **_columns(policies),
    }
    files = {"entries.js": _script("entries", 0, table)}
    for number, shard in enumerate(shards):
        files[f"words-{number}.js"] = _script("words", number, shard)
    for number, block in enumerate(blocks):
        files[f"texts-{number}.js"] = _script("texts", number, block)
    digest = blake2b(digest_size=6)
    for text in files.values():
        digest.update(text.encode())
    return {f"{FOLDER}/{name}": text for name, text in files.items()}, digest.hexdigest()


def _fields_of(policy: Policy, text: str) -> list[str]:
    """Return what is searched, a text for each of FIELDS, folded."""
    fields = (
        policy.title,
        " ".join(policy.aliases),
        " ".join(policy.queries),
        " ".join(policy.doc_numbers),
        policy.summary,
        policy.issuer,
        text,
    )
    return [field.translate(_FOLDING) for field in fields]


class _Folding(dict[int, str]):
    """Folds width, case and brackets, character by character, as `fold` in local-search.js does."""

    def __missing__(self, code: int) -> str:
        plain = unicodedata.normalize("NFKC", chr(code)).lower()
        folded = plain if len(plain) == 1 else chr(code)
        self[code] = {"〔": "(", "［": "(", "【": "(", "[": "("}.get(
            folded, {"〕": ")", "］": ")", "】": ")", "]": ")"}.get(folded, folded)
        )
        return self[code]


_FOLDING = _Folding()


# Terms and their places


def _index(texts: Sequence[Sequence[str]]) -> tuple[dict[str, bytes], list[list[int]], list[int]]:
    """Return each term's places, each entry's lengths of fields, and the terms in its text.

    A term is a pair of neighbouring Chinese characters, one that stands alone, or a whole Latin
    word or number. A place is counted in the fields of an entry, one after the other, without
    blanks: a phrase is there where its terms follow each other.
    """
    whole = "".join(field + _END for fields in texts for field in fields)
    codes = np.frombuffer(whole.encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
    keys, places, names = _find_terms(whole, codes)
    stripped = np.cumsum(~_in_class(codes, r"\s")) - 1  # each character's place without blanks
    ends = np.flatnonzero(codes == ord(_END)).reshape(-1, len(FIELDS))
    starts = np.append(0, stripped[ends[:-1, -1]] + 1) if len(ends) else ends[:, 0]
    entries = np.searchsorted(ends[:, -1], places)
    in_text = (places > ends[entries, -2]) & (keys >> 21 != _EDGE)
    counts = np.bincount(entries[in_text], minlength=len(texts)).tolist()
    lengths = np.diff(stripped[ends] + 1, axis=1, prepend=starts[:, None])[:, :-1].tolist()
    return _encode(keys, entries, stripped[places] - starts[entries], names), lengths, counts


def _find_terms(whole: str, codes: Numbers) -> tuple[Numbers, Numbers, dict[int, str]]:
    """Return the terms as numbers, in order, with their places; and the names of Latin words."""
    han, latin = _in_class(codes, f"[{_HAN}]"), _in_class(codes, "[a-z0-9.]")
    han_before, han_after = _neighbours(han)
    solid = np.flatnonzero(~_in_class(codes, r"\s"))
    latin_before, latin_after = _neighbours(latin[solid])
    pairs = np.flatnonzero(han & han_after)
    single = np.flatnonzero(han & ~han_before & ~han_after)
    edges = solid[han[solid] & (latin_before | latin_after)]
    found = [(match.group(), match.start()) for match in _OTHER_WORD.finditer(whole)]
    number = {word: -n for n, word in enumerate(sorted({word for word, _ in found}), start=1)}
    words = np.array([number[word] for word, _ in found], dtype=np.int64)
    at = np.array([place for _, place in found], dtype=np.int64)
    pair_keys = codes[pairs] << 21 | codes[pairs + 1]
    keys = np.concatenate([pair_keys, codes[single] << 21, _EDGE << 21 | codes[edges], words])
    places = np.concatenate([pairs, single, edges, at])
    order = np.argsort(keys, kind="stable")  # the places of each kind of term ascend
    return keys[order], places[order], {n: word for word, n in number.items()}


def _neighbours(mask: Flags) -> tuple[Flags, Flags]:
    """Tell for each character whether the one before it is meant, and the one after it."""
    before, after = np.zeros_like(mask), np.zeros_like(mask)
    before[1:], after[:-1] = mask[:-1], mask[1:]
    return before, after


def _in_class(codes: Numbers, pattern: str) -> Flags:
    """Tell which characters a pattern matches, asking once for each that occurs."""
    occurs = np.bincount(codes) > 0
    for code in np.flatnonzero(occurs).tolist():
        occurs[code] = re.match(pattern, chr(code)) is not None
    return np.asarray(occurs[codes])


def _encode(
    keys: Numbers, entries: Numbers, places: Numbers, names: Mapping[int, str]
) -> dict[str, bytes]:
    """Return for each term: how many entries; for each the step to it, how many places, steps."""
    if len(keys) == 0:
        return {}
    new_term = np.concatenate([[True], keys[1:] != keys[:-1]])
    new_entry = new_term | np.concatenate([[True], entries[1:] != entries[:-1]])
    at = np.flatnonzero(new_entry)
    steps = np.diff(places, prepend=0)
    steps[at] = places[at]
    firsts = new_term[at]
    hops = np.diff(entries[at], prepend=0)
    hops[firsts] = entries[at][firsts]
    sizes = np.diff(np.append(at, len(keys)))
    # Before the places of each entry stand two numbers, its hop and how many places.
    values = np.insert(steps, np.repeat(at, 2), np.column_stack([hops, sizes]).ravel())
    data, offsets = _variable_length(values)
    term_at = np.flatnonzero(new_term)
    value_at = term_at + 2 * np.searchsorted(at, term_at)
    bounds = [*offsets[value_at].tolist(), len(data)]
    found = keys[term_at].tolist()
    return {
        _name(key, names): data[begin:end]
        for key, (begin, end) in zip(found, pairwise(bounds), strict=True)
    }


def _name(key: int, names: Mapping[int, str]) -> str:
    if key < 0:
        return names[key]
    first, second = key >> 21, key & 0x1FFFFF
    return chr(first) + (chr(second) if second else "")


def _variable_length(values: Numbers) -> tuple[bytes, Numbers]:
    """Return numbers as bytes, seven bits in each and the highest set in all but the last."""
    sizes = np.searchsorted([1 << 7, 1 << 14, 1 << 21, 1 << 28], values, side="right") + 1
    ends = np.cumsum(sizes)
    out = np.zeros(int(ends[-1]), dtype=np.uint8)
    for back in range(int(sizes.max())):  # from each number's last byte to its first
        some = sizes > back
        part = values[some] >> (7 * back) & 0x7F
        out[ends[some] - 1 - back] = part | (0x80 if back else 0)
    return out.tobytes(), ends - sizes


# Files


def _columns(policies: Sequence[Policy]) -> Data:
    """Return what filters and orders need, a list for each field."""
    return {
        "slug": [policy.slug for policy in policies],
        "title": [policy.title for policy in policies],
        "kind": _coded([[policy.kind] for policy in policies]),
        "audience": _coded([list(policy.audience) for policy in policies]),
        "topic": _coded([list(policy.topic) for policy in policies]),
        "level": _coded([[policy.level] for policy in policies]),
        "benefit_mode": _coded([[policy.benefit_mode or ""] for policy in policies]),
        "deadline": _coded([[str(policy.deadline or "")] for policy in policies]),
        "effective": _coded([[str(policy.effective or "")] for policy in policies]),
        "expires": _coded([[str(policy.expires or "")] for policy in policies]),
        "superseded": [int(policy.superseded_by is not None) for policy in policies],
    }


def _coded(rows: Sequence[Sequence[str]]) -> Data:
    """Return rows of values as numbers: each different row is written once."""
    kinds = {row: number for number, row in enumerate(dict.fromkeys(map(tuple, rows)))}
    return {"values": [list(kind) for kind in kinds], "rows": [kinds[tuple(row)] for row in rows]}


def _shards(terms: Mapping[str, bytes]) -> list[dict[str, str]]:
    size = sum(len(data) for data in terms.values())
    number = _power_of_two(size / SHARD_BYTES)
    shards: list[dict[str, str]] = [{} for _ in range(number)]
    for term, data in terms.items():
        shards[_part_of(term, number)][term] = b64encode(data).decode()
    return shards


def _part_of(text: str, parts: int) -> int:
    """Return in which of so many files something stands; `partOf` in local-search.js agrees."""
    number = 0
    for char in text:
        number = (number * 31 + ord(char)) % parts
    return number


def _blocks(policies: Sequence[Policy], texts: Sequence[str]) -> list[Data]:
    """Spread the texts by slug, so that a new entry moves no other."""
    blocks: list[Data] = [{} for _ in range(_power_of_two(len(policies) / BLOCK_ENTRIES))]
    for policy, text in zip(policies, texts, strict=True):
        blocks[_part_of(policy.slug, len(blocks))][policy.slug] = {
            "summary": policy.summary,
            "names": [*policy.aliases, *policy.queries],
            "issuer": policy.issuer,
            "doc_number": policy.doc_number or "",
            "text": text,
        }
    return blocks


def _power_of_two(number: float) -> int:
    return 1 << max(0, int(number) - 1).bit_length() if number > 1 else 1


def _script(part: str, number: int, value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff<]", _escape, text)
    return f'policyKb.take("{part}",{number},{text});\n'


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def _synonyms_used(terms: Mapping[str, bytes], text: str) -> dict[str, list[str]]:
    """Return the synonyms whose other words stand somewhere in the library."""

    @cache
    def stands(word: str) -> bool:
        pairs = (first + second for first, second in pairwise(word))
        chinese = re.fullmatch(f"[{_HAN}]{{2,}}", word) is not None
        # Most words that are missing have a pair that is missing: those need no look at the text.
        return (not chinese or all(pair in terms for pair in pairs)) and word in text

    used = {
        word: [other for other in others if stands(other)]
        for word, others in load_synonyms().items()
    }
    return {word: others for word, others in used.items() if others}
