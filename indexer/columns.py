"""Columns (列): which column of a table answers which question, and how its cells are read."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any

import polars as pl

from indexer.answers import Answer, AnswerError, Value, read_answer
from indexer.policy import LEXICON
from indexer.problems import LexiconError, did_you_mean, printable, read_lexicon, shown
from indexer.questions import Question, QuestionType, fold, load_questions, units_of
from indexer.tables import Chunk, Oddity, Table, TableError

PLACES = 6  # decimals that a number can have
ONE = 1_000_000  # numbers are counted in millionths
REMEMBERED = 200_000  # spellings of one column
EXAMPLES = 3
_ANNOTATED = re.compile(r"(.+?)\s*(?:[(\[【]([^()\[\]【】]+)[)\]】]|[/:,]\s*([^/:,]+))")
_PERIOD = re.compile(r"(?:\d{4}|上|本|去|今)?(?:年|年度|年末|年底|全年|期末|季度平均|平均)|\d{4}")
_PLAIN = r"^[0-9]{1,12}(?:\.[0-9]{1,6})?$"
_LONG_DECIMAL = re.compile(r"[-+]?[0-9]{1,15}\.[0-9]{7,30}")
_TIME_OF_DAY = re.compile(r"[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?$")


class Use(StrEnum):
    """What is done with a column (用途)."""

    ANSWER = "answer"  # 当作回答
    NAME = "name"  # 企业名称
    CODE = "code"  # 统一社会信用代码
    KEPT = "kept"  # 照抄到结果里
    PERSONAL = "personal"  # 个人信息，不用
    UNUSED = "unused"  # 没有对上


@dataclass(frozen=True)
class Column:
    """One column of a table: where it stands, what it is called, what is done with it."""

    index: int
    place: str
    name: str
    use: Use
    question: Question | None = None
    unit: str | None = None

    def __str__(self) -> str:
        return f"{self.place}“{printable(self.name)}”"


@dataclass(frozen=True)
class Words:
    """What columns and cells that are no answers are called (lexicon/columns.yml)."""

    name: frozenset[str]
    code: frozenset[str]
    personal: frozenset[str]
    blank: frozenset[str]
    totals: frozenset[str]


@cache
def load_words() -> Words:
    """Read the names of columns that are no questions."""
    path = LEXICON / "columns.yml"
    content = read_lexicon(path)
    parts = ("name", "code", "personal", "blank", "totals")
    if not isinstance(content, dict) or set(content) != set(parts):
        raise LexiconError(f"{path.name} 要写 {'、'.join(parts)} 五部分。")
    return Words(**{part: frozenset(fold(str(word)) for word in content[part]) for part in parts})


# Which column is what


def is_known(name: str) -> bool:
    """Tell whether a cell can be the name of a column that is used."""
    words = load_words()
    if fold(_bare(name)) in words.name | words.code:
        return True
    question, _ = _question_of(name)
    return question is not None


def _bare(name: str) -> str:
    """Return the name of a column without the star that marks it as required."""
    return unicodedata.normalize("NFKC", name[:200]).strip(" *:\n\r\t")


def _question_of(name: str) -> tuple[Question | None, str]:
    """Return the question that a column answers, and what its name says besides."""
    questions = load_questions()
    bare = _bare(name)
    found = questions.find(bare) if bare else None
    if found is not None:
        return found, ""
    match = _ANNOTATED.fullmatch(bare)
    found = questions.find(match[1]) if match else None
    return found, (match[2] or match[3]).strip() if match and found else ""


def map_columns(table: Table, kept: Iterable[str] = ()) -> tuple[Column, ...]:
    """Return what each column is; raise TableError with every mistake in the header."""
    wanted = {fold(name) for name in kept}
    mistakes: list[str] = []
    columns = tuple(
        _column(index, place, name, wanted, mistakes)
        for index, (place, name) in enumerate(zip(table.places, table.names, strict=True))
    )
    mistakes.extend(_twice(columns))
    there = {fold(column.name) for column in columns}
    for name in sorted(wanted - there):
        known = [printable(column.name) for column in columns if column.name]
        hint = did_you_mean(name, known) or f"有的列是：{'、'.join(known)}。"
        mistakes.append(f"--keep：名单里没有列{shown(name)}。{hint}")
    if not any(column.use is Use.ANSWER for column in columns):
        names = "、".join(printable(column.name) for column in columns if column.name)
        mistakes.append(
            f"没有一列对得上问题，看到的列名是：{names}。"
            "列名请写问题的短名，例如 所在地区、所属行业、从业人数、年营业收入。"
        )
    if mistakes:
        raise TableError("\n".join(mistakes))
    return columns


def _column(index: int, place: str, name: str, kept: set[str], mistakes: list[str]) -> Column:
    words = load_words()
    bare = fold(_bare(name))
    if bare in words.name:
        return Column(index, place, name, Use.NAME)
    if bare in words.code:
        return Column(index, place, name, Use.CODE)
    question, said = _question_of(name)
    if question is not None:
        unit = _unit_in(place, name, question, said, mistakes)
        return Column(index, place, name, Use.ANSWER, question, unit)
    if fold(name) in kept:
        return Column(index, place, name, Use.KEPT)
    return Column(index, place, name, Use.PERSONAL if bare in words.personal else Use.UNUSED)


def _unit_in(
    place: str, name: str, question: Question, said: str, mistakes: list[str]
) -> str | None:
    """Return the unit that a name tells; a year or “平均” beside it is no unit."""
    if not said or question.type is not QuestionType.NUMBER:
        return None
    units = units_of(question.unit or "")
    for part in re.split(r"[,，、;；\s]+", said):
        named = next((unit for unit in units if fold(unit) == fold(part.removeprefix("单位:"))), "")
        if named:
            return named
        if not _PERIOD.fullmatch(part):
            allowed = "、".join(units)
            where = f"{place}“{printable(name)}”"
            mistakes.append(f"{where}：单位只能是 {allowed}，看到的是{shown(part)}。")
    return None


def _twice(columns: Sequence[Column]) -> Iterator[str]:
    """Yield every question that two columns answer, with their places."""
    seen: dict[str, Column] = {}
    for column in columns:
        if column.use in (Use.PERSONAL, Use.UNUSED):
            continue
        kept = f"要保留的{shown(column.name)}"
        what = f"问题“{column.question.label}”" if column.question else _USES.get(column.use, kept)
        first = seen.setdefault(what, column)
        if first is not column:
            yield f"{first}和{column}都是{what}，只能留一列，请删去或者改名。"


_USES = {Use.NAME: "企业名称", Use.CODE: "统一社会信用代码"}


# Reading cells


@dataclass(frozen=True)
class Reject:
    """One cell or line that cannot be read (读不出来的): its place, what was seen, and why."""

    line: int
    column: str
    seen: str
    message: str
    name: str
    code: str


@dataclass
class Answers:
    """The answers of some rows, one series to a question.

    Numbers are whole, millionths of the smallest unit each; all else are places in `values`.
    """

    lines: pl.Series
    names: pl.Series
    codes: pl.Series
    kept: pl.DataFrame
    numbers: dict[str, pl.Series] = field(default_factory=dict)
    coded: dict[str, pl.Series] = field(default_factory=dict)
    values: dict[str, list[Value]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lines)

    def profile_of(self, row: int) -> dict[str, Answer]:
        """Return the answers of one row, as the evaluator of single profiles takes them."""
        found: dict[str, Answer] = {}
        for key, series in self.numbers.items():
            if (number := series[row]) is not None:
                found[key] = Answer(Decimal(number).scaleb(-PLACES), "")
        for key, series in self.coded.items():
            if (code := series[row]) is not None:
                found[key] = Answer(self.values[key][code], "")
        return found


@dataclass
class Tally:
    """How the cells of one column came out so far, for the preview."""

    filled: int = 0
    unreadable: int = 0
    examples: list[str] = field(default_factory=list)
    largest: int = 0  # of the percentages

    @property
    def looks_like_shares(self) -> bool:
        """Whether percentages seem to be written as shares of one."""
        return 0 < self.largest <= ONE


class _Reader:
    """Reads the cells of one column, each spelling once."""

    def __init__(self, question: Question, unit: str | None, day: date) -> None:
        self.question = question
        self.unit = unit
        self.day = day
        self.values: list[Value] = []
        self._places: dict[Value, int] = {}
        self._known: dict[str, int | None] = {}
        self._mistakes: dict[str, str] = {}

    @property
    def is_number(self) -> bool:
        return self.question.type is QuestionType.NUMBER

    def read(self, cells: pl.Series) -> tuple[pl.Series, dict[str, str]]:
        """Return the answers and, by spelling, what is wrong with those that cannot be read."""
        kind: Any = pl.Int128 if self.is_number else pl.UInt32
        plain = self._plain_numbers(cells) if self.is_number else None
        rest = cells if plain is None else cells.filter(plain.is_null())
        found = self._learn(rest.unique().drop_nulls().to_list())
        if found:
            spelled = pl.DataFrame(
                {"cell": list(found), "read": pl.Series(list(found.values()), dtype=kind)}
            )
            looked = cells.to_frame("cell").join(
                spelled, on="cell", how="left", maintain_order="left"
            )["read"]
        else:
            looked = pl.Series([None], dtype=kind).new_from_index(0, len(cells))
        if plain is not None:
            looked = pl.select(pl.coalesce(plain, looked)).to_series()
        return looked, {cell: self._mistakes[cell] for cell in found if cell in self._mistakes}

    def _learn(self, spellings: Sequence[str]) -> dict[str, int | None]:
        """Return what each spelling means, reading those that are new."""
        if len(self._known) > REMEMBERED:
            self._known.clear()
            self._mistakes.clear()
        for text in spellings:
            if text not in self._known:
                self._known[text] = self._read_one(text)
        return {text: self._known[text] for text in spellings}

    def _read_one(self, text: str) -> int | None:
        try:
            answer = read_answer(self.question, self._given(text), self.day)
        except AnswerError as error:
            self._mistakes[text] = str(error)
            return None
        if answer is None:
            return None
        if isinstance(answer.value, Decimal):
            return scaled(answer.value)
        if answer.value not in self._places:
            self._places[answer.value] = len(self.values)
            self.values.append(answer.value)
        return self._places[answer.value]

    def _given(self, text: str) -> Any:
        """Return a cell as an answer: with the unit of its column, without the time of its day."""
        if fold(text) in load_words().blank:
            return None
        if self.question.type is QuestionType.DATE:
            return _TIME_OF_DAY.sub("", text)
        if not self.is_number:
            return text
        # More decimals than an answer may have come from machines: round as for JSON numbers.
        number: Any = Decimal(text) if _LONG_DECIMAL.fullmatch(text) else text
        return {"value": number, "unit": self.unit} if self.unit else number

    def _plain_numbers(self, cells: pl.Series) -> pl.Series:
        """Return the numbers that are nothing but digits and in range; all others stay open.

        The same values as `read_answer` gives (tested), without a call for each of a million.
        """
        units = units_of(self.question.unit or "")
        parts = pl.col("cell").str.split_exact(".", 1).struct
        decimals = parts.field("field_1").fill_null("").str.pad_end(PLACES, "0")
        whole = (parts.field("field_0") + decimals).cast(pl.Int128)
        number = whole * pl.lit(units[self.unit or self.question.unit or ""], dtype=pl.Int128)
        own = units[self.question.unit or ""] * ONE
        low, high = self.question.minimum, self.question.maximum
        in_range = pl.lit(True)
        if low is not None:
            in_range &= pl.col("number") >= pl.lit(low * own, dtype=pl.Int128)
        if high is not None:
            in_range &= pl.col("number") <= pl.lit(high * own, dtype=pl.Int128)
        frame = cells.to_frame("cell").with_row_index("row")
        plain = frame.filter(pl.col("cell").str.contains(_PLAIN)).select("row", number=number)
        plain = plain.filter(in_range)
        return frame.join(plain, on="row", how="left", maintain_order="left")["number"]


def scaled(value: Decimal) -> int:
    """Return a number as a whole one: answers have at most six decimals."""
    return int(value.scaleb(PLACES))


class Reading:
    """Reads a table chunk by chunk, and keeps count of what the cells of each column were.

    A row with a cell that cannot be read is rejected as a whole: judged without that answer it
    might be told of a policy that the answer excludes, and nobody would see why.
    """

    def __init__(self, columns: Sequence[Column], day: date) -> None:
        self.columns = columns
        self.tallies = {column.index: Tally() for column in columns if column.question}
        self.rows = 0
        self.rejected = 0
        self._used = {c.index: c for c in columns if c.use not in (Use.PERSONAL, Use.UNUSED)}
        self._readers = {
            column.index: _Reader(column.question, column.unit, day)
            for column in columns
            if column.question
        }

    @property
    def names_audience(self) -> bool:
        """Whether the table says for whom each row is."""
        return any(c.question and c.question.key == "audience" for c in self.columns)

    def read(self, chunk: Chunk) -> tuple[Answers, list[Reject]]:
        """Return the answers of the rows that can be read, and why the others cannot."""
        cells = {index: _cells(chunk.columns[index]) for index in self._used}
        answers = Answers(
            lines=pl.Series("line", chunk.lines, dtype=pl.UInt32),
            names=self._identity(Use.NAME, cells, len(chunk.lines)),
            codes=self._identity(Use.CODE, cells, len(chunk.lines)),
            kept=pl.DataFrame(
                {c.name: cells[c.index] for c in self._used.values() if c.use is Use.KEPT}
            ),
        )
        problems = {
            **self._odd_cells(chunk),
            **self._totals(answers),
            **self._read_columns(cells, answers),
        }
        rejects = [Reject(line.line, "整行", "", line.message, "", "") for line in chunk.broken]
        rejects += self._rejects(problems, cells, answers)
        self.rows += len(answers) + len(chunk.broken)
        bad = {row for row, _ in problems}
        self.rejected += len(bad) + len(chunk.broken)
        return _without(answers, bad), sorted(rejects, key=lambda reject: reject.line)

    def _identity(self, use: Use, cells: Mapping[int, pl.Series], rows: int) -> pl.Series:
        for column in self._used.values():
            if column.use is use:
                return cells[column.index]
        return pl.Series([None], dtype=pl.String).new_from_index(0, rows)

    def _odd_cells(self, chunk: Chunk) -> dict[tuple[int, int], str]:
        rows = {line: row for row, line in enumerate(chunk.lines)} if chunk.oddities else {}
        return {
            (rows[odd.line], odd.column): odd.message
            for odd in chunk.oddities
            if odd.column in self._used and odd.line in rows and self._matters(odd)
        }

    def _matters(self, odd: Oddity) -> bool:
        """Only a number may be meant for several enterprises together."""
        reader = self._readers.get(odd.column)
        return not odd.filled or bool(reader and reader.is_number)

    def _totals(self, answers: Answers) -> dict[tuple[int, int], str]:
        words = load_words().totals
        spelled = answers.names.str.replace_all(r"\s", "")
        index = next((c.index for c in self._used.values() if c.use is Use.NAME), 0)
        message = "是合计行，不是企业，没有判断。"
        return {(row, index): message for row in _places_of(words, spelled)}

    def _read_columns(
        self, cells: Mapping[int, pl.Series], answers: Answers
    ) -> dict[tuple[int, int], str]:
        problems: dict[tuple[int, int], str] = {}
        for index, reader in self._readers.items():
            key = reader.question.key
            series, mistakes = reader.read(cells[index])
            if reader.is_number:
                answers.numbers[key] = series
            else:
                answers.coded[key] = series
                answers.values[key] = reader.values
            wrong = _places_of(mistakes, cells[index])
            problems |= {(row, index): mistakes[cells[index][row]] for row in wrong}
            self._count(index, cells[index], series, len(wrong))
        return problems

    def _count(self, index: int, cells: pl.Series, series: pl.Series, unreadable: int) -> None:
        tally, question = self.tallies[index], self._readers[index].question
        tally.filled += len(cells) - cells.null_count()
        tally.unreadable += unreadable
        if len(tally.examples) < EXAMPLES:
            seen = cells.drop_nulls().unique(maintain_order=True).head(EXAMPLES).to_list()
            tally.examples = list(dict.fromkeys([*tally.examples, *seen]))[:EXAMPLES]
        if question.unit == "%":
            largest: Any = series.max()
            tally.largest = max(tally.largest, largest or 0)

    def _rejects(
        self,
        problems: Mapping[tuple[int, int], str],
        cells: Mapping[int, pl.Series],
        answers: Answers,
    ) -> Iterator[Reject]:
        for (row, index), message in sorted(problems.items()):
            column = self._used[index]
            yield Reject(
                line=answers.lines[row],
                column=str(column),
                seen=printable(cells[index][row] or ""),
                message=message,
                name=answers.names[row] or "",
                code=answers.codes[row] or "",
            )


def _places_of(words: Iterable[str], cells: pl.Series) -> list[int]:
    """Return the rows whose cell is one of these."""
    wanted = pl.Series(sorted(words), dtype=pl.String)
    return cells.is_in(wanted.implode()).arg_true().to_list() if len(wanted) else []


def _cells(column: Sequence[str]) -> pl.Series:
    """Return the cells of a column as they are read; an empty one is no answer."""
    cells = pl.Series("cell", column, dtype=pl.String).str.strip_chars()
    return cells.set(cells == "", None)


def _without(answers: Answers, rows: set[int]) -> Answers:
    """Return the answers of all other rows."""
    if not rows:
        return answers
    keep = pl.Series([True]).new_from_index(0, len(answers))
    keep = keep.scatter(sorted(rows), False)
    return Answers(
        lines=answers.lines.filter(keep),
        names=answers.names.filter(keep),
        codes=answers.codes.filter(keep),
        kept=answers.kept.filter(keep) if answers.kept.width else answers.kept,
        numbers={key: series.filter(keep) for key, series in answers.numbers.items()},
        coded={key: series.filter(keep) for key, series in answers.coded.items()},
        values=answers.values,
    )
