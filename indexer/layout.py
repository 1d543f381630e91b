"""The layout of an official paper (公文版式): which lines are head, title, text and signature."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from indexer.chinesedates import DATE, find_dates, narrow, read_date
from indexer.docnumbers import find_numbers, short_body
from indexer.issuing import bodies_in, is_body, place_of
from indexer.transcript import Block, Shape, Transcript

HEAD_LINES = 40  # a head is never longer, in a page full of labels either
LONGEST_TITLE = 180
LONGEST_LINE = 5000

TYPES = (
    "通知|意见|办法|规定|条例|细则|方案|公告|通告|通报|决定|决议|批复|复函|函|规则|规划|计划|措施|政策|指南|标准"
    "|制度|目录|纲要|章程|准则|规程|法|报告|公报|请示|纪要|手册|清单|解释|答复|须知|流程|说明|要点|安排|导则|规范"
    "|指引|告知书|一览表|解读|问答|法典|举措|实施方法|要求"
)
_AFTER_TYPE = r"(?:\s*[（(][^（）()]{1,20}[）)]|\s*\d{4}年?版?)*"
_TITLED = re.compile(rf"(?:{TYPES}){_AFTER_TYPE}$")
_REMARK = re.compile(r"[（(][^（）()]{1,20}[）)]")
_ONLY_DATE = re.compile(rf"[（(]?\s*({DATE})\s*(?:[0-9]{{1,2}}[:：][0-9:：]{{2,5}})?\s*[）)]?")
_ENDS_IN_DATE = re.compile(
    rf"(?:^|[\s\]】])(?P<body>[\u4e00-\u9fff（）]{{3,40}})\s*(?P<day>{DATE})$"
)
_PERSON = re.compile(
    r"(?:代|常务副|副)?(?:[省市区县部局署院行厅会州旗]\s*长|主\s*席|主\s*任|总\s*理|书\s*记)"
    r"[\s:：]*[\u4e00-\u9fff·\s]{2,12}"
)
_DECREE = re.compile(
    r"(?P<body>[\u4e00-\u9fff（）、 ]{2,60}?)\s*令\s*[（(]?\s*"
    r"(?P<count>第\s*[0-9一二三四五六七八九十百〇零○]+\s*号)?\s*[）)]?"
)
_COUNT = re.compile(
    r"(?:[\u4e00-\u9fff]{0,3}令)?\s*[（(]?\s*(第\s*[0-9一二三四五六七八九十百〇零○]+\s*号)\s*[）)]?"
)
_NOTICE = re.compile(r"(?P<body>[\u4e00-\u9fff（）、 ]{2,60}?)\s*(?P<word>公\s*告|通\s*告)")
_ISSUE = re.compile(r"((?:19|20)\d{2})\s*年\s*第?\s*(\d{1,4})\s*号")
_RED_HEAD = re.compile(r"(?P<body>[\u4e00-\u9fff（）、\s]{3,80}?)\s*文\s*件")
_NOTE = re.compile(r"^[（(].{0,400}(?:公布|发布|印发|通过|修正|修订|施行|颁布|批准)")
_NOTE_BEFORE = re.compile(
    "^[（(][^（）()]{0,60}(?:施行|有效期|公布|修订)[^（）()]{0,60}[）)](?=.{8})"
)
_NUMBER_BEFORE = re.compile("(.{4,40}号)\\s*《(.{4,150})》")
_SEALED_FOR = re.compile(r"[（(][^（）()]{3,40}\s*代\s*章[）)]")
_BODY = re.compile(
    r"^(?:第\s*[一二三四五六七八九十百\d]+\s*[章条节编部]|[一二三四五六七八九十]+\s*、|[（(][一二三四五六七八九十]+[）)]"
    r"|[0-9]{1,2}\s*[.．、]\s*\S|目\s*[录次]|总\s*则$|前\s*言$)"
)
_FURNITURE = re.compile(
    r"索\s*引\s*号|信息分类|字\s*(?:体|号)\s*[:：【\[]|浏览|打印|分享|当前位置|您(?:的|当前)位置|首页|责任编辑|编辑[:：]"
    r"|^来源|信息来源|更新时间|签\s*发\s*人|^[0-9]{4,8}$|[★☆]|^(?:特急|加急|平急|急件|机密|秘密)|公开(?:类型|属性|方式)"
    r"|主题词|^附件\s*\d*$|http|^\[|^\d{1,3}$|^【[^【】]{1,10}】$"
    r"|^[•·●▪*\s]*(?:下载地址|(?:稿件|文章)?来源|发[文布]机[构关]|发文字号|文\s*号|有效性|时效性?|作\s*者|时\s*间|内容概述"
    r"|主题分类|体裁分类|点击|阅读|[发成公][文布]日期|发布时间|[生失]效日期|责任部门|关键词)\s*[:：]"
)
_ADDRESS = re.compile(
    r"各|有关|你|人民政府|[委局厅办部区县市院]、|[委局厅办部区县市院处司会团行司校社所队站构位][:：]$|公司|同志|企业"
)
_CHINESE_END = re.compile(r"[\u4e00-\u9fff（）《》“”、，]$")
_ENCLOSURE = re.compile(r"附\s*件\s*[0-9一二三四五六七八九十]*\s*[:：]?")


@dataclass(frozen=True)
class Line:
    """One line of a paper, with blanks as they are read, and the number of its block."""

    text: str
    block: int
    shape: Shape = Shape.PARAGRAPH
    centred: bool = False


@dataclass(frozen=True)
class Decree:
    """The head of a decree or numbered notice (令、公告): who, and under which number."""

    body: str
    number: str | None
    line: int


@dataclass(frozen=True)
class Signature:
    """The end of a paper (落款): the day, the bodies above it, and whether somebody signed."""

    day: date
    bodies: tuple[str, ...]
    line: int
    by_person: bool = False
    at_end: bool = True


@dataclass(frozen=True)
class Heading:
    """The title as it stands on the page: its lines, joined, and how it is set."""

    text: str
    line: int
    typed: bool  # ends with a kind of paper: 通知, 办法 …
    marked: bool  # a heading, centred, or right above the addressee or first article
    bodies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A paper taken apart; `text_begins` is the number of the first line of its text."""

    lines: tuple[Line, ...]
    text_begins: int
    headings: tuple[Heading, ...]
    red_head: tuple[str, ...]
    red_line: int
    decree: Decree | None
    notes: tuple[int, ...]
    signature: Signature | None

    @property
    def head(self) -> range:
        """The lines above the text."""
        return range(self.text_begins)


def lay_out(transcript: Transcript) -> Layout:
    """Take a paper apart."""
    lines = tuple(_lines_of(transcript.blocks))
    begins = _text_begins(lines)
    red_line, red_head = _find_red_head(lines[:begins])
    return Layout(
        lines,
        begins,
        tuple(_headings(lines, begins)),
        red_head,
        red_line,
        _find_decree(lines[: begins + 1]),
        tuple(n for n, line in enumerate(lines[: begins + 3]) if is_note(line.text)),
        _find_signature(lines, begins),
    )


def _lines_of(blocks: Sequence[Block]) -> Iterator[Line]:
    """Yield the lines of all blocks but tables, without empty ones."""
    for number, block in enumerate(blocks):
        if block.shape is Shape.TABLE:
            continue
        for text in _bounded(block.text):
            for part in _apart(clean(text)):
                yield Line(part, number, block.shape, block.centred)


def _bounded(text: str) -> Iterator[str]:
    """Yield the lines of a text; what is longer than any line of a paper, in pieces."""
    for line in text.split("\n"):
        yield from (line[at : at + LONGEST_LINE] for at in range(0, len(line), LONGEST_LINE))


def _apart(text: str) -> Iterator[str]:
    """Yield a line, or two where a note stands before a title: （2024年起施行）关于……的意见."""
    quoted = _NUMBER_BEFORE.fullmatch(text)
    note = _NOTE_BEFORE.match(text) if "。" not in text else None
    if quoted and is_number(quoted[1]):
        yield from quoted.groups()
    elif note:
        yield from (note[0], text[note.end() :])
    elif text:
        yield text


def clean(text: str) -> str:
    """Return a line as it is read: one blank where there are several, none beside figures."""
    text = re.sub(r"[\s\u3000\xa0\u200b\ufeff]+", " ", narrow(text)).strip()
    return re.sub(r"(?<=[\u4e00-\u9fff]) (?=[0-9])|(?<=[0-9]) (?=[\u4e00-\u9fff])", "", text)


def is_titled(text: str) -> bool:
    """Tell whether a text ends with a kind of paper, as titles do."""
    return _TITLED.search(text) is not None


def is_note(text: str) -> bool:
    """Tell whether a line is the note below a title (题注): when passed, published, amended."""
    return _NOTE.match(text) is not None and next(find_dates(text), None) is not None


def _text_begins(lines: Sequence[Line]) -> int:
    """Return the number of the first line of the text, behind title, note and labels."""
    for number, line in enumerate(lines[:HEAD_LINES]):
        text = line.text
        if is_note(text) or _is_furniture(text):
            continue
        if _BODY.match(text) or is_addressee(text) or "。" in text or len(text) > LONGEST_TITLE:
            return number
        if re.search(r"(?:如下|内容|全文)[:：]$|现予?(?:公布|发布)《", text):
            return number
    return min(len(lines), HEAD_LINES)


def _is_furniture(text: str) -> bool:
    """Tell whether a line is none of the paper's: what a page writes around it, marks of a copy."""
    titled = is_titled(text) and not re.search("[:：]", text)
    return _FURNITURE.search(text) is not None and not titled


def is_addressee(text: str) -> bool:
    """Tell whether a line names those whom the paper is for: 各县（市、区）人民政府："""
    return len(text) <= 200 and text.endswith((":", "：")) and _ADDRESS.search(text) is not None


def _find_red_head(head: Sequence[Line]) -> tuple[int, tuple[str, ...]]:
    """Return the line with which the red head ends (……文件), and the bodies in it."""
    for number, line in enumerate(head):
        match = _RED_HEAD.fullmatch(line.text)
        alone = re.fullmatch(r"文\s*件", line.text)
        bodies = bodies_in(match["body"]) if match else ()
        if bodies or alone:
            before = list(bodies)
            for other in reversed(head[:number]):
                above = bodies_in(other.text)
                if not above:
                    break
                before[:0] = above
            if before:
                return number, tuple(dict.fromkeys(before))
    return -1, ()


def _find_decree(head: Sequence[Line]) -> Decree | None:
    """Return the head of a decree or numbered notice; its number may stand on the next line."""
    for number, line in enumerate(head):
        below = head[number + 1].text if number + 1 < len(head) else ""
        match = _DECREE.fullmatch(line.text)
        body = "、".join(bodies_in(match["body"])) if match else ""
        if match and body:
            count = _COUNT.fullmatch(below)
            told = match["count"] or (count[1] if count else None)
            ordinal = re.sub(r"\s", "", told or "")
            decreed = f"{short_body(body)}令{ordinal}" if ordinal else None
            return Decree(short_body(body), decreed, number)
        match = _NOTICE.fullmatch(line.text)
        bodies = bodies_in(match["body"]) if match else ()
        told = _issue_of(below)
        if match and bodies and told:
            word = re.sub(r"\s", "", match["word"])
            return Decree("、".join(bodies), f"{' '.join(bodies)}{word}{told}", number)
    return None


def _issue_of(text: str) -> str | None:
    """Return the number that stands below 公告: 2023年第12号, or only 第12号."""
    issue, count = _ISSUE.fullmatch(text), _COUNT.fullmatch(text)
    if issue:
        return f"{issue[1]}年第{int(issue[2])}号"
    return re.sub(r"\s", "", count[1]) if count else None


def _headings(lines: Sequence[Line], begins: int) -> Iterator[Heading]:
    """Yield what may be the title: runs of lines that are nothing else, each joined."""
    runs: list[list[int]] = [[]]
    for number in range(begins):
        if _may_be_title(lines[number]):
            runs[-1].append(number)
        elif runs[-1]:
            runs.append([])
    runs = [run for run in runs if run]
    found = [heading for run in runs for heading in _titles_in(lines, run, run is runs[-1])]
    texts = {heading.text for heading in found}
    for heading in found:  # a page that repeats the title puts the body between
        bare = heading.text.removeprefix(" ".join(heading.bodies))
        yield replace(heading, text=bare) if bare in texts else heading


def _may_be_title(line: Line) -> bool:
    text = line.text
    return not (
        len(text) > LONGEST_TITLE
        or is_note(text)
        or _is_furniture(text)
        or _ONLY_DATE.fullmatch(text)
        or _RED_HEAD.fullmatch(text)
        or is_number(text)
        or _COUNT.fullmatch(text)
        or _ISSUE.fullmatch(text)
        or (_DECREE.fullmatch(text) and bodies_in(text.partition("令")[0]))
        or (_NOTICE.fullmatch(text) and bodies_in(re.split(r"公\s*告|通\s*告", text)[0]))
        or _PERSON.fullmatch(text)
    )


def is_number(text: str) -> bool:
    """Tell whether a line is a document number, perhaps with who signs (签发人) beside it."""
    found = next(find_numbers(text), None)
    return found is not None and found.begin == 0 and len(text) - found.end <= 16


def _titles_in(lines: Sequence[Line], run: Sequence[int], above_text: bool) -> Iterator[Heading]:
    """Yield the titles in a run of lines: each goes on until a kind of paper ends it."""
    begun: list[int] = []
    for place, number in enumerate(run):
        begun.append(number)
        following = [lines[other].text for other in run[place + 1 : place + 2]]
        if following and (_REMARK.fullmatch(following[0])):
            continue
        joined = _join([lines[n] for n in begun])
        last = place == len(run) - 1
        if not last and not is_titled(joined[0]):
            continue
        marked = (last and above_text) or any(
            lines[n].centred or lines[n].shape is Shape.HEADING for n in begun
        )
        yield Heading(joined[0], begun[0], is_titled(joined[0]), marked, joined[1])
        begun = []


def _join(lines: Sequence[Line]) -> tuple[str, tuple[str, ...]]:
    """Return a title from its lines, and the bodies named on lines of their own before it."""
    texts = [line.text for line in lines]
    bodies: list[str] = []
    while len(texts) > 1 and (named := bodies_in(texts[0])):
        bodies += named
        texts.pop(0)
    title = _closed("".join(texts))
    return (" ".join(bodies) if title.startswith("关于") else "") + title, tuple(bodies)


def _closed(title: str) -> str:
    """Return a title without the blanks that set it, but for those between bodies."""
    closed, *rest = title.split(" ")
    for part in rest:
        closes = _CHINESE_END.search(closed) and _CHINESE_END.search(part[:1])
        closed += part if closes and not is_body(closed.rpartition(" ")[2]) else f" {part}"
    return closed


def _find_signature(lines: Sequence[Line], begins: int) -> Signature | None:
    """Return the signature: the first day below bodies or a person, or else the last alone."""
    last: Signature | None = None
    for number in range(begins, len(lines)):
        text = lines[number].text
        if _ENCLOSURE.fullmatch(text) and last is not None and last.at_end:
            break
        match = _ENDS_IN_DATE.search(text)
        if match and is_body(match["body"]) and (day := read_date(match["day"])):
            return Signature(day, (match["body"],), number)
        alone = _ONLY_DATE.fullmatch(text)
        day = read_date(alone[1]) if alone else None
        if day is None:
            continue
        bodies, by_person = _signed_above(lines[begins:number])
        if bodies or by_person:
            return Signature(day, bodies, number, by_person)
        last = Signature(day, (), number, at_end=_ends_here(lines[number + 1 :]))
    return last


def _signed_above(lines: Sequence[Line]) -> tuple[tuple[str, ...], bool]:
    """Return the bodies right above a date, and whether it is a person who signs."""
    bodies: list[str] = []
    above = [line.text for line in lines[-8:] if not _SEALED_FOR.fullmatch(line.text)]
    for place in range(len(above) - 1, -1, -1):
        found = bodies_in(above[place])
        if not bodies and place and _goes_on(above[place - 1], above[place]):
            return (above[place - 1] + above[place],), False
        if not found:
            return tuple(bodies), not bodies and _PERSON.fullmatch(above[place]) is not None
        bodies[:0] = found
    return tuple(bodies), False


def _goes_on(first: str, second: str) -> bool:
    """Tell whether two lines are the name of one body, which needs both."""
    return is_body(first + second) and not bodies_in(first) and place_of(second) is None


def _ends_here(rest: Sequence[Line]) -> bool:
    """Tell whether nothing but enclosures and distribution follows."""
    if not rest:
        return True
    text = rest[0].text
    return bool(
        is_titled(text)
        or re.match(
            r"附\s*件|抄\s*送|主题词|主\s*送|报\s*送|[（(]此件|[（(]联系|信息公开|印\s*发", text
        )
    )
