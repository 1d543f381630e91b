"""Gleaning (摘取): what a received file tells of itself — title, number, issuer, dates, relations.

A number, a body or a date counts only where a paper states its own: in its head, in the note below
its title, in its signature, among its labels. What it merely cites is found for `documents`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import groupby, pairwise
from pathlib import PurePath

from indexer.analysis import normalise
from indexer.checks import fold_doc_number
from indexer.chinesedates import find_dates
from indexer.docnumbers import FoundNumber, find_numbers
from indexer.findings import LIKELY, Findings, Guess, weigh
from indexer.inforce import Publication, find_length, find_terms
from indexer.issuing import (
    bodies_in,
    body_of_number,
    is_body,
    leading_place,
    place_of,
    without_province,
)
from indexer.layout import (
    LONGEST_TITLE,
    Heading,
    Layout,
    Line,
    clean,
    is_number,
    is_titled,
    lay_out,
)
from indexer.policy import Level
from indexer.transcript import Transcript

# What pages and forms call a field, and how far that can be trusted: 来源 and 发布机构 of a page
# are often those of whoever put the text up again.
LABELS: dict[str, dict[str, float]] = {
    "title": {"标题": 0.9, "名称": 0.7, "文件名称": 0.9, "信息名称": 0.8, "题": 0.8},
    "doc_number": dict.fromkeys(
        ("文号", "发文字号", "发文文号", "文件编号", "字号", "文件号", "发文号"), 0.92
    ),
    "issuer": {
        **dict.fromkeys(("发文机关", "发文单位", "制定机关", "颁布单位", "公布机关"), 0.85),
        **dict.fromkeys(("发文机构", "制发机关", "制定单位", "印发单位"), 0.85),
        **dict.fromkeys(("发布机关", "发布单位", "发布机构"), 0.4),
        **dict.fromkeys(("信息来源", "来源", "文章来源", "公开机构"), 0.3),
    },
    "issued": {
        **dict.fromkeys(("成文日期", "发文日期", "印发日期", "制发日期"), 0.9),
        **dict.fromkeys(("公布日期", "颁布日期", "颁布时间", "签发日期"), 0.75),
        **dict.fromkeys(("生成日期",), 0.35),
    },
    "published": {
        **dict.fromkeys(("公布日期", "颁布日期"), 0.8),
        **dict.fromkeys(("发布日期", "发布时间", "公开日期"), 0.35),
    },
    "effective": dict.fromkeys(("施行日期", "实施日期", "生效日期", "执行日期"), 0.85),
    "expires": dict.fromkeys(("失效日期", "废止日期", "有效期至", "有效期"), 0.7),
}
_DATED = ("issued", "published", "effective", "expires")
# Short names stand in sentences too.
_LONG_NAMES = sorted({name for names in LABELS.values() for name in names if len(name) > 3})
_GLUED = re.compile(rf"({'|'.join(_LONG_NAMES)})\s*[:：]\s*")
_LABEL_LINES = 30  # among which a label and its value may stand one below the other
_LABEL_ROWS = 6  # blocks from the beginning, in which a table may be a form of labels

_QUOTE = r"《((?:[^《》]|《[^《》]*》){2,150})》"
_CITED = re.compile(
    rf"{_QUOTE}\s*(?:[（(〔\[]((?:[^（）()]|[（(][^（）()]*[）)]){{2,120}}?)[）)\]](?!\d))?"
)
_DECREED = re.compile(
    rf"^(?:现予?(?:公布|发布){_QUOTE}|{_QUOTE}\s*(?:已|业|经|是|于)[^。]*?(?:通过|批准|同意|公布|发布|施行))"
)
_ISSUES = re.compile(
    rf"关于(?:印发|发布|公布|颁布|转发|批转|批准|实施|修订|修改|重新印发|重新发布|调整)\s*{_QUOTE}"
)
_ISSUES_PLAINLY = re.compile("(?:关于)?(?:印发|发布|公布|转发)(?:关于)?([^《》]{4,80})的通知$")
_WHOLE_TEXT = re.compile(rf"^{_QUOTE}(?:的)?(?:全文|内容|正文)?如下")
SHORTEST_CITED = 4  # 《办法》, 《条例》 are what a text calls a paper named before
_REPEALS = re.compile(
    "同时废止|予以废止|即行废止|自行废止|同时停止(?:执行|施行)|停止执行|不再执行|同时失效|废止"
)
_RESTS_ON = re.compile("根据|依据|依照|按照|贯彻|落实|遵照")
_BRACKETED_END = re.compile(
    r"\s*[（(\[【]([^（）()]{4,60}(?:[（(\[〔][^（）()]{4}[）)\]〕][^（）()]{1,12})?)[）)\]】]\s*$"
)
_TITLE_BODY = re.compile("^(?P<body>[\u4e00-\u9fff（）\\s]{3,60}?)(?:印发|发布|转发)?关于")
_BEGINS_WITH_BODY = re.compile("[\u4e00-\u9fff]{2,12}人民政府(?:办公厅|办公室)?")
_NAMED_BY_PLACE = re.compile(
    "[省市区县](?:人民政府|政府|委|[\u4e00-\u9fff]{1,20}(?:局|厅)$)"
)  # 市政府 of what?
_SITE = re.compile(r"\s*[-_|—–－]{1,2}\s*[^-_|—–－]{2,40}$")
_FILE_END = re.compile(
    r"[\s_-]*(?:\d{4}|\(\d\)|（\d）|最终|定稿|终稿|印发稿|扫描件?|副本|正文|v\d+)$", re.I
)
_CALLED = re.compile(
    '[（(]\\s*(?:以下|下)\\s*(?:统称|简称|称)\\s*(?:为)?\\s*[“"「『《]?([^”"」』》（）()]{2,20})[”"」』》]?\\s*[）)]'
)


def glean(transcript: Transcript) -> Findings:
    """Return every guess about a file, the best of each field first."""
    layout = lay_out(transcript)
    labels = list(_labelled(transcript))
    titles = weigh(_titles(layout, transcript, labels), _same_title)
    names = [guess.value for guess in titles if guess.confidence >= LIKELY][:1]
    inner = list(_inner_titles(layout, names))
    numbers = weigh(_numbers(layout, labels, names), fold_doc_number)
    issuers = weigh(_issuers(layout, labels, names, numbers), _same_body)
    issued = weigh(_issue_dates(layout, labels))
    own = [*names, *(guess.value for guess in inner)]
    published = _publication(issued, labels)
    terms = [*find_terms(layout.lines, own, published), *labels]
    found = [*titles, *inner, *numbers, *issuers, *issued]
    for field in ("effective", "expires"):
        found += weigh(guess for guess in terms if guess.field == field)
    found += _length(layout, found)
    found += _places(issuers, names)
    found += _relations(layout, names, numbers)
    found += [
        Guess("attachments", link.name, 0.9, link.name, "附件") for link in transcript.attachments
    ]
    found += _aliases(layout, names, inner)
    return Findings(tuple(found))


def _at(line: Line) -> str:
    return f"第 {line.block + 1} 段"


def _labelled(transcript: Transcript) -> Iterator[Guess]:
    """Yield what the labels of a page, or a form at its beginning, say."""
    told = [
        (name, value, "网页或表头上的")
        for first, text in transcript.labels.items()
        for name, value in _separate(first, text)
    ]
    for number, block in enumerate(transcript.blocks[:_LABEL_ROWS]):
        for row in block.rows:
            told += [(a, b, f"第 {number + 1} 段的") for a, b in pairwise(row)]
    for number, (above, below) in enumerate(pairwise(transcript.blocks[:_LABEL_LINES])):
        if above.text.rstrip().endswith((":", "：")):
            told.append((above.text, below.text, f"第 {number + 1} 段的"))
    for name, value, where in told:
        name, value = re.sub(r"[\s:：【】•·●▪*]", "", name), clean(value)
        for field, names in LABELS.items():
            if name in names and (read := _read_label(field, value)):
                yield Guess(field, read, names[name], value, f"{where}“{name}”")


def _separate(name: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield a label, and those that stand in its value because a page sets nothing between them."""
    value, *rest = _GLUED.split(text)
    yield name, value
    yield from zip(rest[::2], rest[1::2], strict=True)


def _read_label(field: str, value: str) -> str | None:
    """Return the value that a label gives, in the form of its field, or None."""
    if field in _DATED:
        found = next(find_dates(value), None)
        return found.day.isoformat() if found else None
    if field == "doc_number":
        number = next(find_numbers(value), None)
        return number.number if number and number.begin == 0 else None
    if field == "issuer":
        return "、".join(bodies_in(value)) or None
    return value if len(value) >= 4 else None


def _titles(layout: Layout, transcript: Transcript, labels: Iterable[Guess]) -> Iterator[Guess]:
    """Yield what the title may be, from the page, the sentence of a decree, and other witnesses."""
    yield from (guess for guess in labels if guess.field == "title")
    decreed = False
    for line in layout.lines[: layout.text_begins + 3]:
        match = _DECREED.match(line.text) if layout.decree else None
        match = match or _WHOLE_TEXT.match(line.text)
        if match:
            decreed = layout.decree is not None
            title = next(filter(None, match.groups()))
            yield Guess("title", title, 0.95 if decreed else 0.85, line.text[:80], _at(line))
    for heading in layout.headings:
        guess = _guess_heading(heading, layout)
        weaker = decreed and not heading.marked
        yield replace(guess, confidence=guess.confidence * 0.5) if weaker else guess
    for text, where in (
        (transcript.title or "", "网页的标题"),
        (PurePath(transcript.name).stem, "文件名"),
    ):
        name = _without_number(_SITE.sub("", _FILE_END.sub("", clean(text))))[0]
        quoted = any(f"《{name}》" in heading.text for heading in layout.headings)
        if 4 <= len(name) <= LONGEST_TITLE and not is_body(name) and not quoted:
            yield Guess("title", name, 0.6 if is_titled(name) else 0.25, text, where)


def _guess_heading(heading: Heading, layout: Layout) -> Guess:
    """Return how likely a run of lines at the head is the title."""
    line = layout.lines[heading.line]
    text, _ = _without_number(heading.text)
    if is_titled(text):
        confidence = 0.9 if heading.marked else 0.75
    else:
        confidence = 0.55 if heading.marked else 0.3
    if bodies_in(text):
        confidence = 0.1
    return Guess("title", text, confidence, heading.text, _at(line))


def _without_number(title: str) -> tuple[str, FoundNumber | None]:
    """Return a title without the number in brackets behind it, and that number."""
    match = _BRACKETED_END.search(title)
    number = next(find_numbers(match[1]), None) if match else None
    if match is None or number is None or number.begin > 0:
        return title, None
    return title[: match.start()].strip(), number


def _same_title(title: str) -> str:
    """Return a title as witnesses agree on it: without punctuation, place of issue, remarks."""
    folded = re.sub(r"[^\w]", "", normalise(_without_remark(title)))
    return re.sub("^.*?(?=关于)", "", folded) if "关于" in folded else folded


def _without_remark(title: str) -> str:
    return re.sub(
        r"[（(](?:部门规章|\d{4}.{0,8}|.{0,6}修[订正].{0,4}|全文)[）)]$", "", title.strip()
    )


def _inner_titles(layout: Layout, titles: Sequence[str]) -> Iterator[Guess]:
    """Yield the title of what a notice brings: 关于印发《……》的通知."""
    for title in titles:
        match = _ISSUES.search(title)
        plain = _ISSUES_PLAINLY.search(title)
        if match:
            yield Guess("inner_title", match[1], 0.9, title, "标题")
        elif plain and is_titled(plain[1]):
            yield Guess("inner_title", plain[1], 0.85, title, "标题")


def _numbers(layout: Layout, labels: Iterable[Guess], titles: Sequence[str]) -> Iterator[Guess]:
    """Yield the numbers that a paper gives itself."""
    yield from (guess for guess in labels if guess.field == "doc_number")
    decree = layout.decree
    if decree is not None and decree.number:
        line = layout.lines[decree.line]
        yield Guess("doc_number", decree.number, 0.95, line.text, _at(line))
    for line in layout.lines[: layout.text_begins]:
        found = next(find_numbers(line.text), None)
        if found and is_number(line.text) and "年第" not in found.number:
            yield Guess("doc_number", found.number, 0.93, line.text, _at(line))
        elif found and is_number(line.text) and decree is None:
            yield Guess("doc_number", found.number, 0.9, line.text, _at(line))
    for heading in layout.headings:
        number = _without_number(heading.text)[1]
        if number:
            where = _at(layout.lines[heading.line])
            yield Guess("doc_number", number.number, 0.92, heading.text, f"{where}，标题后面")
    yield from _numbers_in_notes(layout)
    yield from _numbers_after_title(layout, titles)


def _numbers_in_notes(layout: Layout) -> Iterator[Guess]:
    """Yield the first number of the note below the title; amendments come behind it."""
    for place in layout.notes:
        line = layout.lines[place]
        found = list(find_numbers(line.text))
        if found:
            sure = 0.9 if len(found) == 1 else 0.75
            yield Guess(
                "doc_number", found[0].number, sure, line.text, f"{_at(line)}，标题下的说明"
            )


def _numbers_after_title(layout: Layout, titles: Sequence[str]) -> Iterator[Guess]:
    """Yield the number that the text gives behind the paper's own title."""
    own = {_same_title(title) for title in titles}
    for line in layout.lines[layout.text_begins :]:
        for match in _CITED.finditer(line.text):
            number = next(find_numbers(match[2] or ""), None)
            old = _REPEALS.search(line.text) or line.text[: match.start()].endswith("原")
            if number and _same_title(match[1]) in own and not old:
                yield Guess("doc_number", number.number, 0.7, match[0], _at(line), "写在正文里")


def _issuers(
    layout: Layout, labels: Iterable[Guess], titles: Sequence[str], numbers: Sequence[Guess]
) -> Iterator[Guess]:
    """Yield who issued a paper, as it says itself, or else as its number and title suggest."""
    told = [*_named_issuers(layout, labels, titles)]
    yield from told
    if not any(guess.confidence >= LIKELY for guess in told):
        yield from _issuer_by_mark(layout, titles, numbers)


def _named_issuers(
    layout: Layout, labels: Iterable[Guess], titles: Sequence[str]
) -> Iterator[Guess]:
    """Yield the bodies in red head, decree, signature, title, beside it, and in the note below."""
    yield from (guess for guess in labels if guess.field == "issuer")
    lines = layout.lines
    if layout.red_head:
        line = lines[layout.red_line]
        yield Guess("issuer", "、".join(layout.red_head), 0.95, line.text, f"{_at(line)}，红头")
    if layout.decree:
        line = lines[layout.decree.line]
        yield Guess("issuer", layout.decree.body, 0.95, line.text, _at(line))
    signature = layout.signature
    if signature and signature.bodies:
        line = lines[signature.line]
        told = " ".join(signature.bodies)
        yield Guess("issuer", "、".join(signature.bodies), 0.93, told, f"{_at(line)}，落款")
    for title in titles:
        match = _TITLE_BODY.match(title)
        bodies = bodies_in(match["body"]) if match else ()
        if bodies and not any(map(_NAMED_BY_PLACE.match, bodies)):
            yield Guess("issuer", "、".join(bodies), 0.85, title, "标题")
        begins = _BEGINS_WITH_BODY.match(title)
        if begins and not match:
            note = "标题开头是这个机关，不一定是它发的"
            yield Guess("issuer", begins[0], 0.55, title, "标题", note)
    if not layout.red_head:
        yield from _bodies_beside_title(lines[: layout.text_begins])
    for place in layout.notes:
        yield from _issuers_in_note(lines[place])


def _bodies_beside_title(head: Sequence[Line]) -> Iterator[Guess]:
    """Yield the bodies on lines of their own, those on lines below one another together."""
    for named, group in groupby(head, lambda line: bool(bodies_in(line.text))):
        if named:
            group_lines = list(group)
            bodies = [body for line in group_lines for body in bodies_in(line.text)]
            told = " ".join(line.text for line in group_lines)
            yield Guess("issuer", "、".join(bodies), 0.6, told, f"{_at(group_lines[0])}，标题旁边")


def _same_body(bodies: str) -> str:
    """Return bodies as witnesses agree on them: 山东省淄博市人民政府 is 淄博市人民政府."""
    return "、".join(without_province(body) for body in bodies.split("、"))


def _issuers_in_note(line: Line) -> Iterator[Guess]:
    """Yield who published a paper, as the note below its title tells: 某市人民政府令第94号公布."""
    found = next(find_numbers(line.text), None)
    body = found.number.partition("令")[0] if found and "令第" in found.number else ""
    if is_body(body):
        yield Guess("issuer", body, 0.88, line.text, f"{_at(line)}，标题下的说明")


def _issuer_by_mark(
    layout: Layout, titles: Sequence[str], numbers: Sequence[Guess]
) -> Iterator[Guess]:
    """Yield the body that the mark of the paper's number stands for."""
    number = next((guess for guess in numbers if guess.confidence >= LIKELY), None)
    texts = [*titles, *(line.text for line in layout.lines[:200])]
    marked = body_of_number(number.value, texts) if number else None
    if number and marked:
        confidence = 0.7 if marked.named else 0.45
        note = "从文号的代字认出来的"
        yield Guess("issuer", marked.body, confidence, number.value, "文号", note)
    place = next((place for title in titles if (place := leading_place(title))), None)
    if place and marked is None:
        note = "标题里有地名，是不是政府发的不清楚"
        yield Guess("issuer", f"{place}人民政府", 0.3, titles[0], "标题", note)


def _issue_dates(layout: Layout, labels: Iterable[Guess]) -> Iterator[Guess]:
    """Yield the days on which a paper may have been written (成文日期)."""
    yield from (guess for guess in labels if guess.field == "issued")
    signature = layout.signature
    if signature is not None:
        line = layout.lines[signature.line]
        signed = bool(signature.bodies) or signature.by_person
        confidence = 0.95 if signed else 0.82 if signature.at_end else 0.5
        told = signature.day.isoformat()
        yield Guess("issued", told, confidence, line.text, f"{_at(line)}，落款")
    for place in layout.notes:
        line = layout.lines[place]
        told_day = _published_in(line.text)
        if told_day:
            yield Guess("issued", *told_day, line.text, f"{_at(line)}，标题下的说明")


def _published_in(note: str) -> tuple[str, float] | None:
    """Return the day of publication in a note, or else of adoption, with its confidence."""
    days = list(find_dates(note))
    ends = [*(day.begin for day in days[1:]), len(note)]
    between = [(day, note[day.end : end]) for day, end in zip(days, ends, strict=True)]
    for words, confidence in (("公布|发布|颁布|印发", 0.88), ("通过|批准", 0.6)):
        for day, after in between:
            if re.search(words, after):
                return day.day.isoformat(), confidence
    return None


def _publication(issued: Sequence[Guess], labels: Iterable[Guess]) -> Publication | None:
    """Return the day from which 自发布之日起 counts."""
    named = [guess for guess in labels if guess.field == "published"]
    best = max(named, key=lambda guess: guess.confidence, default=None)
    written = issued[0] if issued else None
    if written and (best is None or written.confidence >= best.confidence):
        day = date.fromisoformat(written.value)
        return Publication(day, written.confidence, f"成文日期 {day} ")
    if best:
        day = date.fromisoformat(best.value)
        return Publication(day, best.confidence, f"{best.where} {day} ")
    return None


def _length(layout: Layout, found: Sequence[Guess]) -> Iterator[Guess]:
    """Yield how long a paper is valid where that gives no day."""
    if not any(guess.field == "expires" for guess in found):
        told = find_length(layout.lines)
        if told:
            note = "没有找到施行日期，算不出哪天失效"
            yield Guess("validity_note", told[0], 0.4, told[0], told[1], note)


def _places(issuers: Sequence[Guess], titles: Sequence[str]) -> Iterator[Guess]:
    """Yield level and region, which the first of the issuing bodies has."""
    issuer = next((guess for guess in issuers if guess.confidence >= LIKELY), None)
    place = place_of(issuer.value.partition("、")[0]) if issuer else None
    if issuer and place:
        confidence = 0.95 * issuer.confidence
        yield Guess("level", place.level.value, confidence, issuer.value, issuer.where)
        if place.region:
            yield Guess("region", place.region, confidence, issuer.value, issuer.where)
        return
    for title in titles:
        named = leading_place(title)
        place = place_of(named) if named else None
        if place and place.region and place.level is not Level.NATIONAL:
            yield Guess("level", place.level.value, 0.6, title, "标题")
            yield Guess("region", place.region, 0.7, title, "标题")


def _relations(layout: Layout, titles: Sequence[str], numbers: Sequence[Guess]) -> Iterator[Guess]:
    """Yield the papers that a text cites, and those that it abolishes, each once."""
    own = {_same_title(title) for title in titles}
    own_numbers = {fold_doc_number(guess.value) for guess in numbers[:1]}
    seen: set[tuple[str, str]] = set()
    for line in layout.lines[layout.text_begins :]:
        for sentence in re.split("[。；]", line.text):
            for guess in _cited_in(sentence, _at(line)):
                title, _, number = guess.value.partition("\n")
                key = (guess.field, _same_title(title))
                foreign = _same_title(title) not in own or (number and guess.field == "repeals")
                if foreign and fold_doc_number(number) not in own_numbers and key not in seen:
                    seen.add(key)
                    yield replace(guess, value=f"{title}（{number}）" if number else title)


def _cited_in(sentence: str, where: str) -> Iterator[Guess]:
    """Yield each cited paper, title and number on two lines: abolished, numbered, or rested on."""
    verb = _REPEALS.search(sentence)
    for match in _CITED.finditer(sentence):
        found = next(find_numbers(match[2] or ""), None)
        value = f"{match[1]}\n{found.number if found else ''}"
        if verb and match.start() < verb.start():
            yield Guess("repeals", value, 0.85, sentence.strip()[-100:], where)
        elif found or (
            len(match[1]) > SHORTEST_CITED
            and is_titled(match[1])
            and _RESTS_ON.search(sentence[max(0, match.start() - 100) : match.start()])
        ):
            yield Guess("documents", value, 0.8 if found else 0.7, match[0], where)


def _aliases(layout: Layout, titles: Sequence[str], inner: Sequence[Guess]) -> Iterator[Guess]:
    """Yield shorter names: what the text calls itself, what a notice brings, the title's matter."""
    names: dict[str, Guess] = {}
    own = {_same_title(name) for name in (*titles, *(guess.value for guess in inner))}
    for line in layout.lines:
        for match in _CALLED.finditer(line.text):
            before = line.text[max(0, match.start() - 300) : match.start()]
            quoted = re.search(rf"{_QUOTE}\s*(?:[（(][^（）()]{{0,60}}[）)])?$", before)
            if quoted and _same_title(quoted[1]) in own and len(match[1]) > 3:
                names.setdefault(match[1], Guess("aliases", match[1], 0.8, match[0], _at(line)))
    brought = [guess.value for guess in inner]
    for title in (*brought, *titles):
        for name in (title, *_short_names(title)) if title in brought else _short_names(title):
            names.setdefault(name, Guess("aliases", name, 0.6, title, "标题"))
    yield from (guess for name, guess in names.items() if name not in titles)


def _short_names(title: str) -> Iterator[str]:
    """Yield a title without 关于……的通知, and without the place at its beginning."""
    matter = re.search(
        r"关于(.{4,40}?)(?:有关(?:问题|事项|工作))?的?(?:紧急|补充)?(?:通知|公告|通告|函|意见|决定|批复)$",
        title,
    )
    if matter and "《" not in matter[1]:
        yield re.sub("^(?:印发|发布|公布|进一步|做好|开展|加强|实施)+", "", matter[1]).strip("的")
    elif "《" not in title:
        place = leading_place(title)
        if place and len(title) - len(place) >= 4:
            yield title.removeprefix(place)
        elif is_titled(title) and "关于" not in title:
            yield title
