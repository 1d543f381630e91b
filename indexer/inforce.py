"""When a paper is in force (施行、失效): what its own sentences say of it.

A date counts only where the sentence speaks of the paper itself (本办法、现予公布); that of a cited
paper, of one article, or of a certificate is left alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from indexer.analysis import normalise
from indexer.chinesedates import DATE, MONTH, NUMBER, last_day, read_count, read_date
from indexer.findings import Guess
from indexer.layout import TYPES, Line

_FARTHEST = 300  # characters before a date that tell what it is the date of
_SELF = re.compile(
    rf"本(?![省市区县级地])(?:[\u4e00-\u9fff]{{0,4}}?)(?:{TYPES}|文件|意见)|(?:上述|以上)(?:政策|措施|规定)"
)
_PUBLISHED = re.compile("现予|公布|发布|印发|颁布|通过")
_ARTICLE = re.compile(r"第\s*[一二三四五六七八九十百零〇\d]+\s*[条款项章]")
_NUMBERING = re.compile(
    r"^(?:第\s*[一二三四五六七八九十百零〇\d]+\s*条"
    r"|[一二三四五六七八九十]+、"
    r"|[（(][一二三四五六七八九十\d]+[）)]|\d+[.．、])"
)
_REMARK = re.compile(r"[（(][^（）()]{0,20}[）)]")
_QUOTED = re.compile("《((?:[^《》]|《[^《》]*》)*)》")
_CERTIFICATE = re.compile("证|许可|合同|票|码|卡|协议|资格|报告有效")
# In brackets behind a name a date is of what is named: 某办法（2001年1月1日发布，自2月1日起施行）.
_IN_BRACKETS = re.compile(r"[^\s，,（(][（(][^）)]*$")
_IDLE = re.compile(r"[\s，,：:、（(]|施行日期|有效期")
_KEPT_RULES = re.compile("政策|标准|措施|待遇|规定|费率|税率|办法|通知|价格|方案|细则|目录")
_OTHER = re.compile("现行|原|旧|此前|以前|过去")
_IN_FORCE = "(?:施行|实施|执行|生效|试行|实行)"
_FROM = re.compile(
    rf"(?:自|从|于)?\s*(?P<day>{DATE})\s*(?:零时)?\s*(?:起|开始|之日起|始)\s*(?:正式|全面|开始)?"
    rf"\s*{_IN_FORCE}"
)
_FROM_MONTH = re.compile(
    rf"(?:自|从)\s*(?P<day>{MONTH})\s*(?:份)?\s*(?:起|开始)\s*(?:正式|开始)?\s*{_IN_FORCE}"
)
_FROM_PUBLICATION = re.compile(
    rf"自\s*(?:本?[\u4e00-\u9fff]{{0,8}}?)(?P<act>发布|公布|印发|下发|颁布|发文|签发|公告)\s*(?:之\s*日)?"
    rf"\s*起?\s*(?:满)?\s*(?:第?\s*(?P<days>{NUMBER})\s*(?P<unit>日|天|个月)\s*(?:之?后|起)?)?"
    rf"\s*(?:起)?\s*(?:正式|开始)?\s*{_IN_FORCE}"
)
_TERM = (
    "(?:有效期限?|执行期限?|实施期限?|施行期限?|试行期限?|政策期限|执行时间|实施时间|施行时间|期限)"
)
_SPAN = re.compile(
    rf"(?P<first>{DATE})\s*(?:起)?\s*(?:至|到|-|~|～|—)"
    rf"\s*(?P<last>{DATE}|(?:1[0-2]|[1-9])\s*月\s*(?:3[01]|[12]?[0-9])\s*日)"
)
_SPAN_BEFORE = re.compile(rf"{_TERM}\s*(?:自|从|为|是|[:：])*\s*$")
_SPAN_AFTER = re.compile(rf"^\s*(?:止|期间)?\s*(?:有效|{_IN_FORCE})")
_UNTIL = re.compile(
    rf"(?:{_TERM}\s*(?:暂定|延长|延续)?\s*(?:至|到|截至|截止到?|截止日期?为|为至|自发布之日起至)"
    rf"|(?:延续|继续)?{_IN_FORCE}(?:期限)?(?:至|到)|有效至)\s*(?P<day>{DATE})"
)
_ENDS = re.compile(
    rf"(?:自|于)\s*(?P<day>{DATE})\s*(?P<open>起)?\s*(?:自动|自行)?"
    "(?:失效|废止|停止执行|停止施行|终止)"
)
_YEARS = re.compile(
    rf"(?:{_TERM}|试行|暂行)\s*(?:暂定|暂|共|均)?\s*(?:为|是)?\s*(?P<count>{NUMBER})"
    r"\s*(?P<unit>年|个月|月(?!\d))"
)


@dataclass(frozen=True)
class Publication:
    """The day on which a paper was made public, as far as it is known, and from where."""

    day: date
    confidence: float
    told: str


def find_terms(
    lines: Sequence[Line], titles: Sequence[str], published: Publication | None
) -> Iterator[Guess]:
    """Yield the guesses for `effective` and `expires` that the sentences of a paper allow."""
    own = {normalise(title) for title in titles}
    told = [(line, list(_told_in(line, own, published))) for line in lines]
    begins = [guess for _, guesses in told for guess in guesses if guess.field == "effective"]
    surest = max(begins, key=lambda guess: guess.confidence, default=None)
    for line, guesses in told:
        yield from guesses
        here = next((guess for guess in guesses if guess.field == "effective"), None)
        yield from _years_in(line, own, here, surest)


def find_length(lines: Sequence[Line]) -> tuple[str, str] | None:
    """Return how long a paper is said to be valid, and where, though it is not known from when."""
    for line in lines:
        match = _YEARS.search(line.text)
        if match is None or _is_of_certificate(line.text, match.start()):
            continue
        if _weight(line.text, match.start(), set()) > 0.8:
            return match[0], _where(line)
    return None


def _told_in(line: Line, own: set[str], published: Publication | None) -> Iterator[Guess]:
    yield from _spans_in(line, own)
    for pattern, part in ((_FROM, 1.0), (_FROM_MONTH, 0.65)):
        for match in pattern.finditer(line.text):
            day, weight = read_date(match["day"]), _weight(line.text, match.start(), own)
            sure = weight * part * _and_on(line.text, match.end())
            if day and sure:
                note = "" if part == 1 else "原文只写到月，按当月 1 日算"
                yield _guess("effective", day, sure, line, match, note)
    for match in _UNTIL.finditer(line.text):
        day, weight = read_date(match["day"]), _weight(line.text, match.start(), own)
        if day and weight and not _is_of_certificate(line.text, match.start()):
            yield _guess("expires", day, weight, line, match)
    for match in _ENDS.finditer(line.text):
        day, weight = read_date(match["day"]), _weight(line.text, match.start(), own)
        if day and weight > 0.9:
            last = day - timedelta(days=1) if match["open"] else day
            note = "原文写的是从哪天起失效，有效的最后一天是它的前一天" if match["open"] else ""
            yield _guess("expires", last, 0.75, line, match, note)
    yield from _from_publication(line, own, published)


def _spans_in(line: Line, own: set[str]) -> Iterator[Guess]:
    """Yield both ends of 有效期自2023年2月1日至2028年1月31日."""
    for match in _SPAN.finditer(line.text):
        before, after = line.text[: match.start()], line.text[match.end() :]
        before = re.sub(r"(?:自|从)\s*$", "", before)
        if not (_SPAN_BEFORE.search(before) or _SPAN_AFTER.match(after)):
            continue
        weight = 0.95 * _weight(line.text, len(before), own)
        first, last = read_date(match["first"]), match["last"]
        if first is None or not weight or _is_of_certificate(line.text, match.start()):
            continue
        end = read_date(last if re.match(DATE, last) else f"{first.year}年{last}")
        yield _guess("effective", first, weight, line, match)
        if end is not None and end >= first:
            yield _guess("expires", end, weight, line, match)


def _from_publication(line: Line, own: set[str], published: Publication | None) -> Iterator[Guess]:
    """Yield the first day of 自发布之日起施行, which only the day of publication gives."""
    for match in _FROM_PUBLICATION.finditer(line.text):
        weight = _weight(line.text, match.start(), own)
        if not weight or published is None:
            continue
        day, note = published.day, f"原文写自{match['act']}之日起，按{published.told}算"
        most = 0.75
        if match["days"]:
            day, most = _days_after(published.day, match), 0.6
            note = f"原文写{match['act']}后 {match['days']} {match['unit']}，按{published.told}算"
        confidence = min(most, weight, 0.8 * published.confidence)
        yield _guess("effective", day, confidence, line, match, note)


def _days_after(day: date, match: re.Match[str]) -> date:
    """Return the day so many days or months after another; working days only about."""
    count = read_count(match["days"])
    if "月" in match["unit"]:
        return last_day(day, months=count) + timedelta(days=1)
    return day + timedelta(days=count)


def _years_in(
    line: Line, own: set[str], here: Guess | None, surest: Guess | None
) -> Iterator[Guess]:
    """Yield the last day of 有效期5年, counted from the first day, told on the same line or not."""
    for match in _YEARS.finditer(line.text):
        weight = _weight(line.text, match.start(), own)
        effective = here if here is not None and weight else surest if weight > 0.9 else None
        if effective is None or _is_of_certificate(line.text, match.start()):
            continue
        count, unit = read_count(match["count"]), match["unit"]
        first = date.fromisoformat(effective.value)
        years, months = (count, 0) if unit == "年" else (0, count)
        note = f"按施行日期加 {count} {unit}算出来的"
        confidence = min(0.75, 0.8 * effective.confidence)
        yield _guess("expires", last_day(first, years, months), confidence, line, match, note)


def _weight(text: str, place: int, own: set[str]) -> float:
    """Tell how surely the words before a date speak of the paper itself; 0 if of something else."""
    before = _before(text, place, "。；！")
    selves = list(_SELF.finditer(before))
    rest = before[selves[-1].end() :] if selves else _NUMBERING.sub("", before)
    if _ARTICLE.search(rest) or (not selves and _IN_BRACKETS.search(rest)):
        return 0.0
    quoted = {normalise(name) for name in _QUOTED.findall(before)}
    if selves:
        return 0.95
    if quoted & own:
        return 0.93
    if _PUBLISHED.search(before):
        return 0.9
    if quoted:
        return 0.0
    if not _IDLE.sub("", _REMARK.sub("", rest)):
        return 0.85
    return 0.55 if _KEPT_RULES.search(rest) and not _OTHER.search(rest) else 0.35


def _before(text: str, place: int, ends: str) -> str:
    """Return what stands before a place in its sentence or clause, as far back as may matter."""
    first = max(0, place - _FARTHEST)
    return text[max(first, *(text.rfind(sign, first, place) + 1 for sign in ends)) : place]


def _and_on(text: str, end: int) -> float:
    """Return how far a date counts whose sentence goes on: 自……起执行新标准 is of the standard.

    What follows with 的 is another paper: 2003年1月1日起施行的《……》同时废止.
    """
    if text[end : end + 10].lstrip().startswith("的"):
        return 0.0
    return 1.0 if re.match(r"\s*(?:[，。；、,;）)]|$|有效期|\d|并)", text[end : end + 10]) else 0.6


def _is_of_certificate(text: str, place: int) -> bool:
    """Tell whether it is a certificate, a contract or the like that is valid so long.

    Behind 自……起施行 the validity is the paper's, whatever the sentence began with.
    """
    before = _before(text, place, "。；！")
    ends = [
        match.end() for pattern in (_FROM, _FROM_PUBLICATION) for match in pattern.finditer(before)
    ]
    rest = _SELF.sub("", _QUOTED.sub("", before[max(ends, default=0) :]))
    return _CERTIFICATE.search(rest) is not None


def _guess(
    field: str, day: date, confidence: float, line: Line, match: re.Match[str], note: str = ""
) -> Guess:
    return Guess(field, day.isoformat(), confidence, match[0].strip(), _where(line), note)


def _where(line: Line) -> str:
    return f"第 {line.block + 1} 段"
