"""How fast the service answers over HTTP, and what it costs: the real server, real connections."""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, repeat
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import numpy as np

from indexer.index import IndexMissing, generation_of, open_index

ROOT = Path(__file__).resolve().parent.parent
CONNECTIONS = 16
APART = 0.02  # seconds between two of them; of many at once one process would accept most
REPEATED = 50  # how many different queries a busy service is asked over and over
SCRIPT_SIZE = 436_000  # bytes: what the site's own search data came to with 320 entries
GZIP = {"Accept-Encoding": "gzip"}


@dataclass
class Tally:
    """What came back: seconds for each answer, bytes in all, and how many had which status.

    `busy` counts the seconds of processor time that the service took for it, which says more than
    the rest on a machine that has other things to do as well.
    """

    seconds: float = 0
    busy: float = 0
    each: list[float] = field(default_factory=list)
    received: int = 0
    statuses: dict[int, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return rates and percentiles."""
        p50, p95, p99 = np.percentile(self.each, (50, 95, 99)) * 1000
        return {
            "requests": len(self.each),
            "per_second": round(len(self.each) / self.seconds, 1),
            "p50_ms": round(p50, 2),
            "p95_ms": round(p95, 2),
            "p99_ms": round(p99, 2),
            "busy_ms_each": round(self.busy / len(self.each) * 1000, 3),
            "bytes_each": round(self.received / len(self.each)),
            "statuses": self.statuses,
        }


class Server:
    """A service that was started for the measurement."""

    def __init__(self, process: "subprocess.Popen[str]", address: str, first_answer: float) -> None:
        self.process, self.address, self.first_answer = process, address, first_answer
        self.host, port = address.removeprefix("http://").rsplit(":", 1)
        self.port = int(port)

    def load(
        self, targets: Iterable[str], seconds: float, headers: dict[str, str] | None = None
    ) -> Tally:
        """Ask for one target after the other, on all connections at once, until time is up."""
        return self._load(((target, headers or {}) for target in targets), seconds)

    def load_known(self, targets: Sequence[str], seconds: float) -> Tally:
        """Ask again and again for answers that are at hand, naming their tags."""
        tags = [(target, {"If-None-Match": self._tag(target)}) for target in targets]
        return self._load(cycle(tags), seconds)

    def _load(self, requests: Iterator[tuple[str, dict[str, str]]], seconds: float) -> Tally:
        tally, before = Tally(), self._busy()
        asyncio.run(_load(self.host, self.port, requests, seconds, tally))
        tally.busy = self._busy() - before
        return tally

    def _busy(self) -> float:
        """Return the seconds of processor time that its processes have taken so far."""
        rows = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2] for pid in self.pids]
        ticks = sum(int(time) for row in rows for time in row.split()[11:13])
        return ticks / os.sysconf("SC_CLK_TCK")

    @property
    def pids(self) -> list[int]:
        """The process that was started and those below it."""
        return [self.process.pid, *_children(self.process.pid)]

    def _tag(self, target: str) -> str:
        with urlopen(self.address + target) as answer:
            return str(answer.headers["ETag"])

    def memory(self) -> dict[str, int]:
        """Return the megabytes of all its processes; pages they share count once."""
        sizes = [_sizes(pid) for pid in self.pids]
        return {
            "processes": len(sizes),
            "pss_mb": sum(size["Pss"] for size in sizes) // 1024,
            "own_mb": sum(size["Pss_Anon"] for size in sizes) // 1024,
        }


async def _load(
    host: str,
    port: int,
    requests: Iterator[tuple[str, dict[str, str]]],
    seconds: float,
    tally: Tally,
) -> None:
    started = time.perf_counter()
    end = started + seconds
    async with asyncio.TaskGroup() as asking:
        for _ in range(CONNECTIONS):
            asking.create_task(_ask(host, port, requests, end, tally))
            await asyncio.sleep(APART)
    tally.seconds = time.perf_counter() - started


async def _ask(
    host: str,
    port: int,
    requests: Iterator[tuple[str, dict[str, str]]],
    end: float,
    tally: Tally,
) -> None:
    """Ask one after the other on one connection, until there is no more to ask or no more time."""
    reader, writer = await asyncio.open_connection(host, port, limit=2**20)
    for target, headers in requests:
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        asked = time.perf_counter()
        if asked >= end:
            break
        writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        length = 0
        if status != 304:
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        tally.each.append(time.perf_counter() - asked)
        tally.received += len(head) + length
        tally.statuses[status] = tally.statuses.get(status, 0) + 1
    writer.close()


def measure(
    index: Path, queries: Sequence[str], workers: Sequence[int] = (1, 2), seconds: float = 5
) -> dict[str, Any]:
    """Return what the service does with this index at each number of workers."""
    return {str(count): _measure(index, queries, count, seconds) for count in workers}


def _measure(index: Path, queries: Sequence[str], workers: int, seconds: float) -> dict[str, Any]:
    targets = [f"/api/search?q={quote(query)}" for query in dict.fromkeys(queries)]
    first, often, rest = targets[0], targets[1 : 1 + REPEATED], targets[1 + REPEATED :]
    half = len(rest) // 2
    with tempfile.TemporaryDirectory() as folder:
        site = _make_site(Path(folder))
        with _running(index, site, workers, first) as server:
            starting = server.memory()
            return {
                "first_answer_s": round(server.first_answer, 2),
                "memory_at_start": starting,
                "different": server.load(rest[:half], seconds).to_dict(),
                "different_gzip": server.load(rest[half:], seconds, GZIP).to_dict(),
                "repeated": server.load(cycle(often), seconds).to_dict(),
                "repeated_gzip": server.load(cycle(often), seconds, GZIP).to_dict(),
                "not_modified": server.load_known(often, seconds).to_dict(),
                "static_gzip": server.load(repeat("/data.js"), seconds, GZIP).to_dict(),
                "memory": server.memory(),
            }


@contextmanager
def _running(index: Path, site: Path, workers: int, first: str) -> Iterator[Server]:
    """Start the service as an operator does; the clock stops at the first answer to a search."""
    command = [sys.executable, str(ROOT / "search_server.py"), "--port", "0"]
    command += ["--index", str(index), "--site", str(site), "--workers", str(workers)]
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if "：" not in line:
            raise SystemExit("服务没有启动。")
        address = line.split("：", 1)[1].strip()
        with urlopen(address + first) as answer:
            answer.read()
        yield Server(process, address, time.perf_counter() - started)
    finally:
        process.terminate()
        process.communicate()


def _make_site(folder: Path) -> Path:
    """Make a site of one page and one script of the size that the search data has."""
    (folder / "index.html").write_text("<!doctype html><title>政策库</title>", "utf-8")
    words = ("政策", "补贴", "申请", "条件", "材料", "窗口", "企业", "创业贷款", "公积金")
    chosen = random.Random(1)  # the same file every time
    text = " ".join(chosen.choice(words) + str(chosen.randrange(999)) for _ in range(60_000))
    (folder / "data.js").write_bytes(f'var data = "{text}"'.encode()[:SCRIPT_SIZE])
    return folder


def _children(pid: int) -> Iterator[int]:
    """Yield the processes below one, which work for it (Linux)."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield int(child)
            yield from _children(int(child))


def _sizes(pid: int) -> dict[str, int]:
    """Return the memory of a process in kB; `Pss` divides what is shared among its users."""
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {row.split(":")[0]: int(row.split()[1]) for row in rows}


def queries_of(index: Path, count: int = 20_000) -> list[str]:
    """Return titles, aliases and queries of the entries, in an order that is the same each time."""
    with open_index(index) as opened:
        rows = random.Random(1).sample(range(len(opened.phrases)), min(count, len(opened.phrases)))
        return [opened.phrases[row] for row in rows]


ROWS = {
    "different": "各不相同的查询",
    "different_gzip": "各不相同的查询，压缩",
    "repeated": f"{REPEATED} 个查询反复问",
    "repeated_gzip": f"{REPEATED} 个查询反复问，压缩",
    "not_modified": "手里已有答案（304）",
    "static_gzip": f"{SCRIPT_SIZE // 1000} kB 的脚本，压缩",
}


def show(results: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a table."""
    for workers, result in results.items():
        memory, before = result["memory"], result["memory_at_start"]
        yield f"{workers} 个进程，{CONNECTIONS} 个连接"
        yield f"  启动到第一次回答：{result['first_answer_s']} 秒"
        yield (
            f"  内存（共用的只算一次）：启动后 {before['pss_mb']} MB，测完 {memory['pss_mb']} MB，"
            f"其中自己的 {memory['own_mb']} MB，进程 {memory['processes']} 个"
        )
        yield "   每秒次数  p50 毫秒   p95   p99  处理器毫秒  每次字节   总次数"
        for name, label in ROWS.items():
            row = result[name]
            yield (
                f"  {row['per_second']:>9,.0f}  {row['p50_ms']:>7.2f} {row['p95_ms']:>7.2f} "
                f"{row['p99_ms']:>7.2f}  {row['busy_ms_each']:>7.2f}  {row['bytes_each']:>8,}  "
                f"{row['requests']:>7,}  {label}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description="测量服务每秒能答多少次、要等多久、占多少内存")
    parser.add_argument("--index", type=Path, required=True, help="索引文件夹")
    parser.add_argument("--queries", type=Path, help="查询，一行一个；不写就用条目自己的标题和问法")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="各用几个进程")
    parser.add_argument("--seconds", type=float, default=5, help="每一项测几秒")
    parser.add_argument("--json", action="store_true", help="输出 JSON")
    options = parser.parse_args()
    if generation_of(options.index) is None:
        parser.error(str(IndexMissing(options.index)))
    if options.queries:
        queries = options.queries.read_text(encoding="utf-8").split("\n")
    else:
        queries = queries_of(options.index)
    asked = [query for query in queries if query.strip()]
    results = measure(options.index, asked, options.workers, options.seconds)
    print(json.dumps(results, ensure_ascii=False) if options.json else "\n".join(show(results)))


if __name__ == "__main__":
    main()
