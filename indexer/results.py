"""Results (结果): the tables that tell who fits which policy, and what changed since last time."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from indexer.batch import Judge, Judged
from indexer.columns import Answers, Column, Reading, Reject, Tally, Use
from indexer.matching import OUTCOMES, Match, Outcome
from indexer.questions import load_questions
from indexer.tables import Table, TableError

SOON = 30  # days
LINE, CODE, NAME = "行号", "统一社会信用代码", "企业名称"
ALL, BY_ENTERPRISE, BY_POLICY = "结果.parquet", "按企业.csv", "按政策"
REJECTS, CHANGES, WORKBOOK, RUN = "rejects.csv", "变化.csv", "政策找人.xlsx", "运行.json"
MISSING = "：缺什么"
LIKELY, OPEN = OUTCOMES[Outcome.LIKELY], OUTCOMES[Outcome.MORE_INFORMATION]
MARKS = {LIKELY: "✔", OPEN: "？", OUTCOMES[Outcome.NOT_ELIGIBLE]: "✘"}  # as the command shows
MAX_OPEN = 1_048_575  # rows of enterprises in a file that Excel can open
SAID = pl.Enum(list(OUTCOMES.values()))
# Changes, as they are told.
NEW, LOST = "新符合", "不再符合"
JOINED, LEFT = "新进名单", "离开名单"
CLOSING, ENDED = f"{SOON} 天内截止", "政策已不在有效期"
_UNSAFE = r"^[=+\-@\t\r]"  # what a spreadsheet takes for a formula


@dataclass
class PolicyCount:
    """How many enterprises came out how for one policy, and what the others wait for."""

    match: Match
    outcomes: Counter[str] = field(default_factory=Counter)
    missing: Counter[tuple[str, ...]] = field(default_factory=Counter)

    @property
    def title(self) -> str:
        """The title of the entry."""
        title: str = self.match.rule.record["title"]
        return title

    @property
    def heading(self) -> str:
        """The name of its column; titles alone need not differ."""
        return f"{self.title}（{self.match.slug}）"

    def file(self, said: str) -> str:
        """Return the name of the file of the enterprises of which that is said."""
        title = re.sub(r"[^\w（）()、—-]", "", self.title)[:50]
        return f"{title}（{self.match.slug}）-{said}.csv"

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        deadline = self.match.rule.deadline
        return {
            "slug": self.match.slug,
            "title": self.title,
            "benefit_mode": self.match.rule.record.get("benefit_mode"),
            "deadline": deadline.isoformat() if deadline else None,
            "days_left": self.match.days_left,
            **{str(outcome): self.outcomes[outcome] for outcome in Outcome},
        }


@dataclass(frozen=True)
class Summary:
    """What one run did (一次运行): what it read and found, and where the files are."""

    table: str
    as_of: date
    told: tuple[str, ...]
    columns: tuple[tuple[Column, Tally | None], ...]
    read: int
    rejected: int
    repeated: int
    nameless: int
    policies: tuple[PolicyCount, ...]
    changes: dict[str, int] | None
    compared_with: str | None
    files: tuple[str, ...]

    @property
    def judged(self) -> int:
        """How many rows were judged: all that were read and not rejected."""
        return self.read - self.rejected

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as JSON values; of the enterprises it tells only counts."""
        return {
            "table": self.table,
            "as_of": self.as_of.isoformat(),
            "told": list(self.told),
            "columns": [column_row(column, tally) for column, tally in self.columns],
            "rows": {"read": self.read, "judged": self.judged, "rejected": self.rejected},
            "repeated": self.repeated,
            "policies": [count.to_dict() for count in self.policies],
            "changes": self.changes,
            "compared_with": self.compared_with,
            "files": list(self.files),
        }


def column_row(column: Column, tally: Tally | None) -> dict[str, Any]:
    """Return what a column is used for as JSON values."""
    return {
        "place": column.place,
        "name": column.name,
        "use": column.use,
        "question": column.question.key if column.question else None,
        "unit": column.unit,
        "filled": tally.filled if tally else None,
        "unreadable": tally.unreadable if tally else None,
    }


class Results:
    """The files of one run, written chunk by chunk into a folder."""

    def __init__(self, folder: Path, judge: Judge, reading: Reading) -> None:
        self.folder = folder
        self.judge = judge
        self.reading = reading
        self.counts = tuple(PolicyCount(found) for found in judge.matches)
        self._check_kept()
        self._parts = 0
        self._open: Counter[str] = Counter()
        (folder / BY_POLICY).mkdir()
        (folder / "parts").mkdir()
        self._append(REJECTS, _rejects_frame([]))

    def _check_kept(self) -> None:
        """Refuse to keep a column that is called like one of the results."""
        own = {LINE, CODE, NAME, "缺什么"}
        for said in (LIKELY, OPEN):
            own |= {said, f"{said}（条）"}
        for count in self.counts:
            slug = count.match.slug
            own |= {slug, f"{slug}{MISSING}", count.heading}
        taken = [c for c in self.reading.columns if c.use is Use.KEPT and c.name in own]
        if taken:
            names = "、".join(map(str, taken))
            raise TableError(f"--keep：{names}和结果里的列同名，请先在名单里改个名字。")

    def add(self, answers: Answers, rejects: Sequence[Reject]) -> None:
        """Judge and write some rows, and write why others could not be read."""
        if rejects:
            self._append(REJECTS, _rejects_frame(rejects))
        if not len(answers):
            return
        judged = self.judge.judge(answers)
        about = pl.DataFrame(
            [answers.lines.alias(LINE), answers.codes.alias(CODE), answers.names.alias(NAME)]
        ).hstack(answers.kept)
        said = {count.match.slug: _in_words(judged, count.match.slug) for count in self.counts}
        missing = self._missing_in_words(judged)
        self._count(judged)
        wide = about.with_columns(
            column.alias(name)
            for slug in said
            for name, column in ((slug, said[slug]), (f"{slug}{MISSING}", missing[slug]))
        )
        wide.write_parquet(self.folder / "parts" / f"{self._parts:06}.parquet")
        self._parts += 1
        safe = about.with_columns(_safe(name) for name in about.columns if name != LINE)
        self._append(BY_ENTERPRISE, safe.hstack(_by_enterprise(wide, self.counts)))
        for count in self.counts:
            slug = count.match.slug
            self._append_of(count, LIKELY, safe.filter(said[slug] == LIKELY))
            found = safe.with_columns(missing[slug].alias("缺什么")).filter(said[slug] == OPEN)
            self._append_of(count, OPEN, found.head(MAX_OPEN - self._open[slug]))
            self._open[slug] += len(found)

    def _append_of(self, count: PolicyCount, said: str, found: pl.DataFrame) -> None:
        if len(found):
            self._append(f"{BY_POLICY}/{count.file(said)}", found)

    def _missing_in_words(self, judged: Judged) -> dict[str, pl.Series]:
        """Return what is missing, or else why a policy stays open."""
        sets = [missing_in_words(keys) for keys in self.judge.missing_sets]
        words = pl.Series(sets, dtype=pl.String)
        found = {slug: words.gather(judged.missing[slug]) for slug in judged.missing.columns}
        for count in self.counts:
            slug = count.match.slug
            why = "".join(count.match.reasons) or "要由窗口或者主管部门判断。"
            found[slug] = found[slug].set(found[slug] == "", why)
        return found

    def _count(self, judged: Judged) -> None:
        for count in self.counts:
            slug = count.match.slug
            for outcome, rows in judged.outcomes[slug].value_counts().iter_rows():
                if outcome is not None:
                    count.outcomes[outcome] += rows
            for place, rows in judged.missing[slug].value_counts().iter_rows():
                if place is not None:
                    count.missing[self.judge.missing_sets[place]] += rows

    def _append(self, name: str, frame: pl.DataFrame) -> None:
        """Add rows to a CSV file that Excel opens: its first bytes say that it is UTF-8."""
        path = self.folder / name
        new = not path.exists()
        with path.open("ab") as file:
            frame.write_csv(file, include_bom=new, include_header=new)

    def finish(self, table: Table, out: Path) -> tuple[Summary, pl.DataFrame | None]:
        """Write what needs all rows; return the summary, and the changes since the last run."""
        if not self._parts:
            raise TableError(
                "名单里没有一行可以判断："
                f"读到 {self.reading.rows} 行，读不出来的 {self.reading.rejected} 行。"
                f"{self._first_reason()}"
            )
        pl.scan_parquet(self.folder / "parts" / "*.parquet").sink_parquet(self.folder / ALL)
        for part in (self.folder / "parts").iterdir():
            part.unlink()
        keys = pl.scan_parquet(self.folder / ALL).select(_key()).collect()["key"]
        before = _read_run(out)
        changes = _find_changes(before, out / ALL, self.folder, self.counts) if before else None
        if changes is not None:
            self._append(CHANGES, changes.with_columns(_safe(NAME), _safe(CODE)))
        files = (WORKBOOK, BY_POLICY, BY_ENTERPRISE, REJECTS, ALL, RUN)
        summary = Summary(
            table=table.path.name,
            as_of=self.judge.day,
            told=(*table.told, *warnings_of(self.reading), *self._cut()),
            columns=tuple((c, self.reading.tallies.get(c.index)) for c in self.reading.columns),
            read=self.reading.rows,
            rejected=self.reading.rejected,
            repeated=len(keys.drop_nulls()) - keys.drop_nulls().n_unique(),
            nameless=keys.null_count(),
            policies=self.counts,
            changes=_counted(changes),
            compared_with=before["as_of"] if before else None,
            files=files if changes is None else (*files[:4], CHANGES, *files[4:]),
        )
        text = json.dumps(summary.to_dict(), ensure_ascii=False, indent=2)
        (self.folder / RUN).write_text(text, encoding="utf-8")
        return summary, changes

    def _cut(self) -> Iterator[str]:
        """Tell which files do not hold all enterprises that may fit."""
        cut = [count.title for count in self.counts if self._open[count.match.slug] > MAX_OPEN]
        if cut:
            yield (
                f"“{OPEN}”的太多，Excel 打不开，这些政策的 CSV 里只有前 {MAX_OPEN} 家，"
                f"全部在 {BY_ENTERPRISE} 和 {ALL} 里：{'、'.join(cut)}。"
            )

    def _first_reason(self) -> str:
        rejects = pl.read_csv(self.folder / REJECTS, n_rows=1)
        if not len(rejects):
            return ""
        first = rejects.row(0, named=True)
        return f"例如第 {first[LINE]} 行 {first['列']}：{first['原因']}"


def warnings_of(reading: Reading) -> Iterator[str]:
    """Yield what a person should know before relying on how the columns were read."""
    uses = {column.use for column in reading.columns}
    if not reading.names_audience:
        yield "名单里没有“替谁问”一列，全部按企业判断。"
    if not uses & {Use.NAME, Use.CODE}:
        yield "名单里没有企业名称，也没有统一社会信用代码：结果只能按行号找，也不能和上次比。"
    for column in reading.columns:
        tally = reading.tallies.get(column.index)
        if tally is not None and tally.looks_like_shares:
            yield (
                f"{column}的数都不超过 1，是不是把 5% 写成了 0.05？"
                "这里 0.05 按百分之 0.05 算；写错了请改好再运行。"
            )


def missing_in_words(keys: Sequence[str]) -> str:
    """Return the labels of questions, as a list in one cell."""
    by_key = load_questions().by_key
    return "、".join(by_key[key].label for key in keys)


def policies_of(counts: Sequence[PolicyCount], said: str) -> list[pl.Expr]:
    """Return of each enterprise for how many policies that is said, and for which."""
    titles = [
        pl.when(pl.col(count.match.slug) == said).then(pl.lit(count.title)) for count in counts
    ]
    number = pl.sum_horizontal(
        (pl.col(count.match.slug) == said).fill_null(False) for count in counts
    )
    which = pl.concat_str(titles, separator="；", ignore_nulls=True)
    return [number.alias(f"{said}（条）"), which.alias(said)]


def _by_enterprise(wide: pl.DataFrame, counts: Sequence[PolicyCount]) -> pl.DataFrame:
    """Return the policies of each enterprise: in words where it fits, and a mark for each."""
    fits, (number, _) = policies_of(counts, LIKELY), policies_of(counts, OPEN)
    marks = pl.Series(list(MARKS.values()), dtype=pl.String)
    return wide.select(
        *fits,
        number,
        *(
            marks.gather(wide[count.match.slug].to_physical()).alias(count.heading)
            for count in counts
        ),
    )


def _in_words(judged: Judged, slug: str) -> pl.Series:
    words = pl.Series(list(OUTCOMES.values()), dtype=SAID)
    return words.gather(judged.outcomes[slug].to_physical())


def _safe(name: str) -> pl.Expr:
    """Return a column in which nothing is a formula."""
    column = pl.col(name)
    return pl.when(column.str.contains(_UNSAFE)).then("'" + column).otherwise(column).alias(name)


def _rejects_frame(rejects: Sequence[Reject]) -> pl.DataFrame:
    names = {"line": LINE, "column": "列", "seen": "看到的", "message": "原因"}
    names |= {"name": NAME, "code": CODE}
    schema: dict[str, Any] = dict.fromkeys(names, pl.String) | {"line": pl.UInt32}
    frame = pl.DataFrame([asdict(reject) for reject in rejects], schema=schema)
    return frame.with_columns(_safe(name) for name in names if name != "line").rename(names)


# Changes since last time


def _key() -> pl.Expr:
    """Return what tells an enterprise apart: its code, or else its name, in one spelling."""
    code, name = (
        pl.col(column).str.normalize("NFKC").str.to_uppercase().str.replace_all(r"\s", "")
        for column in (CODE, NAME)
    )
    return pl.coalesce(code, name).alias("key")


def _read_run(out: Path) -> dict[str, Any] | None:
    """Return what the last run into a folder said, or None when the folder holds none."""
    try:
        run: dict[str, Any] = json.loads((out / RUN).read_text(encoding="utf-8"))
        titles = {row["slug"]: row["title"] for row in run["policies"]}
        return {"as_of": run["as_of"], "titles": titles} if (out / ALL).is_file() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _find_changes(
    before: dict[str, Any], old_path: Path, folder: Path, counts: Sequence[PolicyCount]
) -> pl.DataFrame:
    """Return what changed for the enterprises and the policies since last time.

    An enterprise whose row could not be read this time has not left the list.
    """
    old, new = _read_state(old_path), _read_state(folder / ALL)
    places = old.select("key").with_row_index("was")
    new = new.join(places, on="key", how="left", maintain_order="left")
    unread = pl.scan_csv(folder / REJECTS, infer_schema=False).select(_key()).drop_nulls().collect()
    gone = old.join(new, on="key", how="anti").join(unread, on="key", how="anti")
    now = {count.match.slug for count in counts}
    ended = [title for slug, title in before["titles"].items() if slug not in now]
    return pl.concat(
        [
            *(part for count in counts for part in _changes_of(count, old, new)),
            _change(JOINED, None, new.filter(pl.col("was").is_null())),
            _change(LEFT, None, gone),
            *_closing(counts),
            *(_change(ENDED, title) for title in ended),
        ]
    )


def _read_state(path: Path) -> pl.DataFrame:
    """Return the first row of each enterprise, with its outcomes."""
    schema = pl.read_parquet_schema(path)
    slugs = [name for name, kind in schema.items() if isinstance(kind, pl.Enum)]
    frame = pl.scan_parquet(path).select(_key(), CODE, NAME, *slugs).collect()
    return frame.filter(pl.col("key").is_not_null()).unique(
        "key", keep="first", maintain_order=True
    )


def _changes_of(count: PolicyCount, old: pl.DataFrame, new: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield who fits a policy now and did not, and who did and does not any more."""
    slug = count.match.slug
    frame = new.select(CODE, NAME, "was", now=pl.col(slug).cast(pl.String))
    if slug in old.columns:
        frame = frame.with_columns(before=old[slug].cast(pl.String).gather(new["was"]))
        unknown = (
            pl.when(pl.col("was").is_null()).then(pl.lit("不在名单里")).otherwise(pl.lit("不适用"))
        )
    else:
        frame = frame.with_columns(before=pl.lit(None, dtype=pl.String))
        unknown = pl.lit("上次没有这条政策")
    frame = frame.with_columns(
        before=pl.coalesce("before", unknown), now=pl.col("now").fill_null("不适用")
    )
    fits, did = pl.col("now") == LIKELY, pl.col("before") == LIKELY
    yield _change(NEW, count.title, frame.filter(fits & ~did))
    yield _change(LOST, count.title, frame.filter(did & ~fits))


def _closing(counts: Sequence[PolicyCount]) -> Iterator[pl.DataFrame]:
    for count in counts:
        days = count.match.days_left
        if days is not None and days <= SOON:
            told = f"还有 {days} 天，{LIKELY} {count.outcomes[Outcome.LIKELY]} 家"
            yield _change(CLOSING, count.title, None, told)


def _change(
    kind: str, policy: str | None, frame: pl.DataFrame | None = None, now: str | None = None
) -> pl.DataFrame:
    """Return rows of the list of changes; without a frame one row, about the policy alone."""
    if frame is None:
        frame = pl.DataFrame({CODE: [None], NAME: [None], "now": [now]})
    given = set(frame.columns)
    before, after = (name if name in given else pl.lit(None) for name in ("before", "now"))
    row = (pl.lit(kind), pl.lit(policy), CODE, NAME, before, after)
    names = ("变化", "政策", CODE, NAME, "上次", "这次")
    columns = (pl.col(c) if isinstance(c, str) else c for c in row)
    return frame.select(
        column.cast(pl.String).alias(name) for column, name in zip(columns, names, strict=True)
    )


def _counted(changes: pl.DataFrame | None) -> dict[str, int] | None:
    if changes is None:
        return None
    found = dict(changes["变化"].value_counts().iter_rows())
    return {kind: found.get(kind, 0) for kind in (NEW, LOST, JOINED, LEFT, CLOSING, ENDED)}
