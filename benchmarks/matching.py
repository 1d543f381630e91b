"""How long it takes to tell a million enterprises' policies, beside judging them one by one."""

import argparse
import csv
import json
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from generator import SEED
from machine import describe

from indexer.batch import Judge, Judged
from indexer.cards import rule_of
from indexer.columns import Answers, Column, Reading, is_known, map_columns
from indexer.loader import load_library
from indexer.matching import Outcome, Rule, match, read_rules
from indexer.outreach import CHUNK
from indexer.policy import Audience, Kind
from indexer.profile import parse_profile
from indexer.tables import open_table
from indexer.writing import build_index

ROOT = Path(__file__).resolve().parent.parent
DAY = date(2026, 11, 24)
Result = TypeVar("Result")
Said = dict[str, tuple[Outcome, tuple[str, ...]]]

# Shares of enterprises by what they do and what they are, rounded from what yearbooks tell of a
# city: most are small, in trade and services; what a register does not ask is mostly not known.
INDUSTRIES = {
    "零售业": 22, "批发业": 16, "制造业": 14, "租赁和商务服务业": 9, "建筑业": 7, "农林牧渔业": 6,
    "科学研究和技术服务业": 5, "餐饮业": 5, "软件和信息技术服务业": 4,
    "居民服务、修理和其他服务业": 4,
    "交通运输业": 3, "教育": 1, "住宿业": 1, "物业管理": 1, "房地产开发经营": 1, "其他行业": 1,
}  # fmt: skip
ENTITIES = {"企业": 50, "个体工商户": 44, "农民专业合作社": 4, "社会组织": 2}
REGIONS = {"临淄区": 60, "淄博市": 25, "山东省淄博市张店区": 0, "山东省": 5, "其他地区": 10}
TITLES = {"": 88, "无": 6, "高新技术企业": 3, "专精特新": 2, "高企、专精特新": 1}
HEADER = (
    "统一社会信用代码", "企业名称", "联系电话", "主体类型", "所在地区", "所属行业", "成立日期",
    "从业人数", "营业收入（万元）", "资产总额（万元）", "应纳税所得额（万元）", "纳税人类型",
    "纳税信用等级", "控股类型", "资质", "研发费用（万元）", "裁员率（%）", "是否缴纳企业所得税",
    "融资需求", "残疾职工人数",
)  # fmt: skip
GAPS = (
    0,
    0,
    0,
    0.02,
    0.05,
    0.1,
    0.03,
    0.2,
    0.3,
    0.35,
    0.5,
    0.15,
    0.4,
    0.3,
    0,
    0.7,
    0.6,
    0.3,
    0.8,
    0.7,
)


def generate(count: int, seed: int = SEED) -> Iterator[list[str]]:
    """Yield made-up enterprises, always the same for a seed, with gaps as in a register."""
    chance = random.Random(seed)

    def drawn(shares: dict[str, int]) -> Callable[[], str]:
        pool = [name for name, share in shares.items() for _ in range(share)]
        return lambda: pool[int(chance.random() * len(pool))]

    industry, entity, region, title = map(drawn, (INDUSTRIES, ENTITIES, REGIONS, TITLES))
    for number in range(count):
        headcount = int(chance.lognormvariate(1.6, 1.4))
        revenue = chance.lognormvariate(4.6, 1.9)
        row = [
            f"91370305MA{number:08}",
            f"淄博{number % 9973}号第{number}商贸有限公司",
            "13800000000",
            entity(),
            region(),
            industry(),
            (DAY - timedelta(int(chance.expovariate(1 / 2500)) % 12000)).isoformat(),
            str(headcount),
            f"{revenue:.2f}",
            f"{revenue * chance.lognormvariate(0, 0.7):.2f}",
            f"{max(0.0, revenue * chance.gauss(0.05, 0.08)):.2f}",
            "小规模纳税人" if revenue < 500 else "一般纳税人",
            "ABBBMMCD"[int(chance.random() * 8)],
            ("民营", "民营", "民营", "国有", "外资")[int(chance.random() * 5)],
            title(),
            f"{revenue * chance.random() * 0.1:.2f}",
            f"{chance.random() * 20:.1f}",
            "是" if chance.random() < 0.6 else "否",
            "是" if chance.random() < 0.4 else "否",
            str(int(headcount * chance.random() * 0.05)),
        ]
        yield [
            "" if gap and chance.random() < gap else cell
            for cell, gap in zip(row, GAPS, strict=True)
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description="测量一百万家企业配上全部惠企惠民政策要多久")
    parser.add_argument("--rows", type=int, default=1_000_000, help="多少家企业")
    parser.add_argument("--sample", type=int, default=2_000, help="抽多少家和逐个判断的结果比")
    parser.add_argument("--remark", type=int, default=0, help="每行再写多少个字的备注（不用的列）")
    parser.add_argument("--encoding", default="utf-8", help="名单的编码")
    options = parser.parse_args()
    machine = describe() | {"polars": version("polars")}
    print("，".join(f"{name} {value}" for name, value in machine.items()))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "enterprises.csv"
        _, seconds = timed(lambda: write(path, options))
        size = path.stat().st_size / 1e6
        print(f"名单：{options.rows:,} 家，{len(HEADER)} 列，{size:,.0f} MB，造它 {seconds:.0f} 秒")
        rules = read_library()
        # A process counts the memory of the one that started it as its own: this one is small yet.
        measure_command(path, Path(folder), options.rows)
        measure_parts(path, rules, options.rows)
        compare(path, rules, options.rows, options.sample)


def write(path: Path, options: Any) -> None:
    remark = ["注" * options.remark] if options.remark else []
    with path.open("w", encoding=options.encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*HEADER, *(["备注"] if remark else [])])
        writer.writerows([*row, *remark] for row in generate(options.rows))


def read_library() -> tuple[Rule, ...]:
    policies = load_library(ROOT / "policies").policies
    benefits = [policy for policy in policies if policy.kind is Kind.BENEFIT]
    return read_rules(json.loads(rule_of(policy)) for policy in benefits)


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    started = perf_counter()
    result = work()
    return result, perf_counter() - started


def measure_parts(path: Path, rules: Sequence[Rule], rows: int) -> None:
    """Read the table, then judge what was read, for enterprises and for anybody."""
    read: list[Answers] = []

    def read_all() -> None:
        with open_table(path, is_known) as table:
            reading = Reading(map_columns(table), DAY)
            read.extend(reading.read(chunk)[0] for chunk in table.chunks(CHUNK))

    _, seconds = timed(read_all)
    print(f"读入：{seconds:.1f} 秒，每秒 {rows / seconds:,.0f} 家")
    for whom, audience in (("企业的", (Audience.ENTERPRISE,)), ("全部", ())):
        judge = Judge(rules, DAY, audience)
        _, seconds = timed(partial(list, map(judge.judge, read)))
        pairs = rows * len(judge.rules) / seconds / 1e6
        print(
            f"判断（{whom} {len(judge.rules)} 条）：{seconds:.1f} 秒，"
            f"每秒 {rows / seconds:,.0f} 家、{pairs:.1f} 百万对"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"内存最多 {peak:.2f} GB，读入的全部留着")


def compare(path: Path, rules: Sequence[Rule], rows: int, sample: int) -> None:
    """Judge rows drawn evenly from the table one by one: the same results, and how much slower."""
    with open_table(path, is_known) as table:
        columns = map_columns(table)
        reading, judge = Reading(columns, DAY), Judge(rules, DAY, (Audience.ENTERPRISE,))
        every = max(rows // sample, 1)
        given: list[dict[str, Any]] = []
        together: list[Said] = []
        for chunk in table.chunks(CHUNK):
            answers, _ = reading.read(chunk)
            judged = judge.judge(answers)
            for row in range(0, len(answers), every):
                given.append(profile_in(columns, [cells[row] for cells in chunk.columns]))
                together.append(said_together(judge, judged, row))
    alone, seconds = timed(lambda: [said_alone(rules, profile) for profile in given])
    if alone != together:
        raise SystemExit("批量和逐个判断的结果不一样")
    print(
        f"逐个判断 {len(alone):,} 家：{seconds:.1f} 秒，每秒 {len(alone) / seconds:,.0f} 家；"
        f"{sum(map(len, alone)):,} 个结果和缺什么，与批量的全部相同"
    )


def profile_in(columns: Sequence[Column], cells: Sequence[str]) -> dict[str, Any]:
    """Return a row as the answers of a single profile."""
    profile: dict[str, Any] = {"audience": "企业"}
    for column in columns:
        cell = cells[column.index]
        if column.question is not None and cell:
            unit = column.unit
            profile[column.question.key] = {"value": cell, "unit": unit} if unit else cell
    return profile


def said_alone(rules: Sequence[Rule], profile: dict[str, Any]) -> Said:
    judged = match(rules, parse_profile(profile, DAY), DAY)
    found = (found for outcome in Outcome for found in judged.group(outcome))
    return {match.slug: (match.outcome, match.missing) for match in found}


def said_together(judge: Judge, judged: Judged, row: int) -> Said:
    said: Said = {}
    for slug in judged.outcomes.columns:
        outcome, place = judged.outcomes[slug][row], judged.missing[slug][row]
        if outcome is not None:
            said[slug] = (Outcome(outcome), () if place is None else judge.missing_sets[place])
    return said


def measure_command(path: Path, folder: Path, rows: int) -> None:
    """Run the whole command in a process of its own: read, judge, write, compare with last time."""
    index, out = folder / "index", folder / "out"
    build_index(load_library(ROOT / "policies"), index)
    command = [sys.executable, "-m", "indexer", "match", "--batch", str(path), "--json"]
    command += ["--out", str(out), "--index", str(index), "--as-of", DAY.isoformat()]
    before = 0.0
    for name in ("整个命令", "再运行一次，和上次比"):
        _, seconds = timed(
            partial(subprocess.run, command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        )
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        busy = used.ru_utime + used.ru_stime - before
        before += busy
        print(
            f"{name}：{seconds:.1f} 秒（处理器用了 {busy:.1f} 秒），每秒 {rows / seconds:,.0f} 家，"
            f"内存最多 {used.ru_maxrss / 2**20:.2f} GB"
        )
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    print(f"结果文件共 {size / 1e9:.1f} GB")


if __name__ == "__main__":
    main()
