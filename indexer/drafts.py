"""Drafts (草稿): what was found in a file → an entry for an editor to finish, doubts marked."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from indexer.analysis import analyse_words, normalise
from indexer.checks import fold_doc_number
from indexer.docnumbers import find_numbers
from indexer.entryfile import write_values
from indexer.findings import Findings, Guess
from indexer.issuers import with_usual_names
from indexer.library import Library
from indexer.lookalikes import Likeness, fingerprint, fold
from indexer.markup import write_body
from indexer.policy import SLUG_PATTERN, Policy
from indexer.privacy import find_personal_data
from indexer.problems import printable
from indexer.transcript import Block, Transcript

LONGEST_SLUG = 60
MOST_ALIASES = 6
MOST_DOCUMENTS = 30
_LISTS = ("audience", "topic", "region", "aliases")
_FIELDS = (
    "title",
    "kind",
    "audience",
    "topic",
    "level",
    "region",
    "issuer",
    "aliases",
    "doc_number",
    "issued",
    "effective",
    "expires",
)
_MISSED = ("doc_number", "issued", "effective", "expires")  # told when nothing was found
_REQUIRED = {
    "title": "文件里没有找到。",
    "kind": "service 办事事项、benefit 惠企惠民政策、rule 规则与依据，写一个。",
    "audience": "citizen 群众、enterprise 企业，可以都写。",
    "topic": "名称见 indexer/lexicon/topics.yml。",
    "level": "national 国家、province 省、city 市、district 区县，写一个。",
    "issuer": "文件里没有找到。",
    "summary": "谁，在什么情况下，要做什么或能得到什么；这一句由人来写。",
    "reviewed": "对照原文全部核对完的那一天，写成 2024-03-01 这样。",
}
MARK = "# 原文指纹：{mark}（导入时靠它认出导入过的文件，请留着）"


@dataclass(frozen=True)
class Covered:
    """One piece of personal data in a file, which the draft shows with stars."""

    kind: str
    masked: str
    where: str

    def __str__(self) -> str:
        return f"{self.where}有{self.kind}（{self.masked}）"


@dataclass(frozen=True)
class Draft:
    """An entry file that is not finished."""

    slug: str
    text: str


def cover_personal_data(transcript: Transcript) -> tuple[Transcript, tuple[Covered, ...]]:
    """Return the file with stars in place of personal data, and what stood where."""
    covered: list[Covered] = []

    def cover(text: str, where: str) -> str:
        found = list(find_personal_data(text))
        for piece in reversed(found):
            text = text[: piece.begin] + piece.masked + text[piece.end :]
        told = (Covered(piece.kind.value, piece.masked, where) for piece in found)
        covered.extend(piece for piece in told if piece not in covered)
        return text

    blocks = tuple(
        _with_texts(block, cover, f"第 {number} 段")
        for number, block in enumerate(transcript.blocks, start=1)
    )
    return (
        Transcript(
            name=cover(transcript.name, "文件名里"),
            blocks=blocks,
            title=cover(transcript.title or "", "网页标题里") or None,
            address=transcript.address,
            labels={name: cover(text, f"“{name}”里") for name, text in transcript.labels.items()},
            attachments=transcript.attachments,
            left_out=transcript.left_out,
        ),
        tuple(covered),
    )


def _with_texts(block: Block, cover: Any, where: str) -> Block:
    return Block(
        block.shape,
        cover(block.text, where),
        block.level,
        tuple(tuple(cover(cell, where) for cell in row) for row in block.rows),
        block.centred,
        block.size,
    )


def text_of(transcript: Transcript) -> str:
    """Return all the text of a file that is no furniture."""
    return "\n".join(block.text for block in transcript.blocks)


def make_draft(
    transcript: Transcript,
    findings: Findings,
    covered: Sequence[Covered],
    alike: Sequence[Likeness],
    library: Library,
    taken: Collection[str],
) -> Draft:
    """Return the draft of an entry: every value that may be written, every doubt above its line."""
    values = _values(transcript, findings, library)
    comments = _comments(findings, values, library)
    lines = ["---\n", MARK.format(mark=fingerprint(text_of(transcript))) + "\n"]
    lines += [f"# {told}\n" for told in _remarks(transcript, findings, covered, alike)]
    for name in Policy.model_fields:
        lines += [f"# {told}\n" for told in comments.get(name, ())]
        if name in values:
            lines.append(write_values({name: values[name]}))
        elif name in _REQUIRED:
            lines.append(f"{name}:\n")
    text = f"{''.join(lines)}---\n\n{write_body(transcript)}"
    return Draft(_free_slug(transcript, findings, taken), text)


def _values(transcript: Transcript, findings: Findings, library: Library) -> dict[str, Any]:
    """Return the values of the fields that may be written."""
    values: dict[str, Any] = {}
    for name in _FIELDS:
        guesses = [guess.value for guess in findings.all(name) if guess.confidence >= 0.5]
        if guesses:
            values[name] = guesses[:MOST_ALIASES] if name in _LISTS else guesses[0]
    if "issuer" in values:
        values["issuer"] = with_usual_names(values["issuer"])
    values["repeals"] = [slug for _, slug in _repealed(findings, library) if slug]
    values["documents"] = [_document(guess) for guess in findings.all("documents")][:MOST_DOCUMENTS]
    values["sources"] = [_source(transcript, values)]
    return {name: value for name, value in values.items() if value}


def _document(guess: Guess) -> dict[str, str]:
    """Return a cited paper as `documents` has it."""
    title, number = _split_number(guess.value)
    return {"title": title, **({"doc_number": number} if number else {})}


def _split_number(cited: str) -> tuple[str, str | None]:
    match = re.fullmatch(r"(.+)（([^（）]+)）", cited)
    number = next(find_numbers(match[2]), None) if match else None
    return (match[1], number.number) if match and number else (cited, None)


def _source(transcript: Transcript, values: dict[str, Any]) -> dict[str, str]:
    """Return where the text was read: the file, and the paper's number and address if known."""
    source = {
        "id": "A",
        "title": values.get("title") or transcript.name,
        "url": transcript.address or "",
        "doc_number": values.get("doc_number", ""),
        "location": f"收到的文件 {printable(transcript.name)}",
    }
    if not re.fullmatch(r"https?://[^\s<>\"'`]{1,1900}", source["url"]):
        del source["url"]
    return {name: value for name, value in source.items() if value}


def _repealed(findings: Findings, library: Library) -> Iterator[tuple[Guess, str | None]]:
    """Yield what a paper abolishes, each with the entry that is it, if there is one."""
    by_number = {
        fold_doc_number(policy.doc_number): policy.slug
        for policy in library.policies
        if policy.doc_number
    }
    by_title = {fold(policy.title): policy.slug for policy in library.policies}
    for guess in findings.all("repeals"):
        title, number = _split_number(guess.value)
        numbered = by_number.get(fold_doc_number(number)) if number else None
        yield guess, numbered or by_title.get(fold(title))


def _comments(findings: Findings, values: dict[str, Any], library: Library) -> dict[str, list[str]]:
    """Return the lines above each field: what to check, what to fill in."""
    comments: dict[str, list[str]] = {}
    for name, needed in _REQUIRED.items():
        if name not in values:
            comments[name] = [f"请填写{name_of(name)}：{needed}"]
    for name in _FIELDS:
        best = findings.best(name)
        if best is not None and not best.is_sure:
            maybe = "" if name in values else f"可能是“{printable(best.value)}”，"
            comments.setdefault(name, []).append(f"{maybe}请核对{_grounds(best)}")
    for guess, slug in _repealed(findings, library):
        if slug is None:
            title, number = _split_number(guess.value)
            cited = f"《{_in_comment(title)}》" + (f"（{number}）" if number else "")
            told = f"文中说废止{cited}，政策库里没有这个条目。"
            comments.setdefault("documents" if "documents" in values else "sources", []).append(
                told
            )
    if values.get("repeals"):
        comments["repeals"] = ["请核对：按文中说废止的文件找到的条目。"]
    if "documents" in values:
        comments.setdefault("documents", []).append("请核对：正文里引用的文件，不是依据的请删去。")
    missing = [name_of(name) for name in _MISSED if findings.best(name) is None]
    if missing:
        told = f"文件里没有找到：{'、'.join(missing)}。有的请补上，没有的不用写。"
        comments.setdefault("sources", []).append(told)
    return comments


def _grounds(guess: Guess) -> str:
    """Return why a guess was made, how sure it is, and from which words."""
    note = f"：{printable(guess.note)}" if guess.note else ""
    evidence = f"依据“{printable(guess.evidence)}”，{guess.where}"
    return f"{note}（{evidence}，把握 {guess.confidence:.0%}）"


def _in_comment(text: str) -> str:
    """Return a title whole, but for what would end the line of a comment."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def name_of(field: str) -> str:
    """Return the Chinese name of a field of the record."""
    return re.split("[：；（，]", Policy.model_fields[field].description or field)[0]


def _remarks(
    transcript: Transcript,
    findings: Findings,
    covered: Sequence[Covered],
    alike: Sequence[Likeness],
) -> Iterator[str]:
    """Yield what concerns the whole draft."""
    yield (
        "导入的草稿：带“请核对”“请填写”的看一遍，改好后删去这些说明，"
        "移到 policies/ 里对应的文件夹。"
    )
    for piece in covered:
        yield f"原文{piece}，已用 * 盖住；条目里不能有个人信息，请删去那句话或者换个写法。"
    for one in alike:
        yield f"和 {one.place} 像：{one.why}，请看是不是同一份文件。"
    for guess in (*findings.all("inner_title"), *findings.all("validity_note")):
        what = "里面的文件" if guess.field == "inner_title" else guess.note
        yield f"{what}：{printable(guess.value)}（{guess.where}）"
    names = [printable(link.name) for link in transcript.attachments]
    if names:
        yield f"附件没有一起导入：{'、'.join(names[:20])}"


def _free_slug(transcript: Transcript, findings: Findings, taken: Collection[str]) -> str:
    """Return a name that nobody has: the title in pinyin, the year, and a figure if need be."""
    slug = make_slug(findings.value("title") or "", _year(findings))
    slug = slug or f"draft-{fingerprint(text_of(transcript))[:8]}"
    number, free = 1, slug
    while free in taken:
        number += 1
        free = f"{slug}-{number}"
    return free


def _year(findings: Findings) -> str:
    number = re.search(r"〔(\d{4})〕|(?<!\d)(\d{4})年第", findings.value("doc_number") or "")
    day = findings.value("issued") or ""
    return (number[1] or number[2]) if number else day[:4]


def make_slug(title: str, year: str = "") -> str:
    """Return the matter of a title in pinyin, word by word, with the year: canbao-banfa-2015."""
    from pypinyin import lazy_pinyin  # loading it takes longer than most commands

    matter = re.sub("^.*?关于(?:印发|发布|公布|转发|进一步|切实|做好|加强|开展|落实)*", "", title)
    matter = re.sub(r"[（(][^（）()]*[）)]|的?(?:通知|公告|通告|函)$", "", matter) or title
    words, begins, ends = analyse_words(matter, normalise(matter))
    parts: list[str] = []
    end = 0
    for word, begin, stop in zip(words, begins, ends, strict=True):
        if begin >= end and (sound := re.sub("[^a-z0-9]", "", "".join(lazy_pinyin(word)).lower())):
            parts.append(sound)
            end = stop
    slug = ""
    for part in parts:
        longer = f"{slug}-{part}" if slug else part[:LONGEST_SLUG]
        if len(longer) > LONGEST_SLUG - 5:
            break
        slug = longer
    if slug and year and year not in slug:
        slug = f"{slug}-{year}"
    return slug if re.fullmatch(SLUG_PATTERN, slug) else ""
