import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import make_index, make_library, make_policy, slugs
from whoosh import index as whoosh_index
from whoosh.qparser.default import QueryParser

from indexer import content as content_module
from indexer import corpus as corpus_module
from indexer import index as index_module
from indexer import writing
from indexer.analysis import analyse_words
from indexer.corpus import MOST_PARTS
from indexer.index import Index, IndexMissing, generation_of, open_index
from indexer.params import SearchParams
from indexer.policy import Policy
from indexer.query import search
from indexer.ranking import splice
from indexer.reading import read_question
from indexer.texts import FIELDS
from indexer.writing import IndexBusy, build_index

DAY = date(2026, 11, 24)
DRAIN = make_policy("drain", title="排水许可", body="排水户要申请排水许可。")
ROAD = make_policy("road", title="挖掘城市道路审批", aliases=["挖马路"])
TREE = make_policy("tree", title="砍伐城市树木审批")


class Builder:
    """A folder with a library that changes from build to build."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "index"

    def build(self, *policies: Policy, **options: Any) -> writing.BuildReport:
        return build_index(make_library(*policies, tmp_path=self.folder), self.path, **options)

    def open(self) -> Index:
        return open_index(self.path)

    def found(self, q: str) -> list[str]:
        with self.open() as index:
            return slugs(search(index, SearchParams(q=q), DAY))


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    return Builder(tmp_path)


def files_of(path: Path) -> dict[str, bytes]:
    """Return all arrays but those that say in which part of the content a document is."""
    folder = path / f"arrays-{generation_of(path)}"
    other = ("documents.npy", "parts.npy", "meta.json")
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name not in other}


def documents_of(index: Index) -> list[tuple[Any, ...]]:
    """Return all that is kept of each document as it is."""
    kept = []
    for row, slug in enumerate(index.slugs):
        content, document = index.document(row)
        span = content.span(document, 0, len(FIELDS))
        words = content.keys[content.tokens[span]].tolist()
        places = content.begins[span].tolist(), content.ends[span].tolist()
        pairs = content.pairs_at(np.array([document]))[0].tolist()
        texts = [index.text(row, name) for name in FIELDS]
        rule = content.rules[document]
        kept.append((index.record(slug), index.card(row), texts, rule, words, places, pairs))
    return kept


def test_a_build_reports_what_it_did(builder: Builder) -> None:
    first = builder.build(DRAIN, ROAD)
    assert first.to_dict() == {
        "total": 2,
        "added": 2,
        "changed": 0,
        "removed": 0,
        "unchanged": 0,
        "generation": 1,
    }
    changed = make_policy("drain", title="排水许可证")
    second = builder.build(changed, TREE)
    assert second == writing.BuildReport(2, 1, 1, 1, 0, 2)


def test_a_build_without_changes_keeps_the_generation(builder: Builder) -> None:
    builder.build(DRAIN, ROAD)
    assert builder.build(DRAIN, ROAD) == writing.BuildReport(2, 0, 0, 0, 2, 1)


def test_a_full_build_starts_afresh_under_a_new_generation(builder: Builder) -> None:
    builder.build(DRAIN, ROAD)
    report = builder.build(DRAIN, ROAD, full=True)
    assert (report.generation, report.added) == (2, 2)
    assert builder.found("排水许可") == ["drain"]


def test_progress_goes_up_to_the_number_of_documents_written(builder: Builder) -> None:
    policies = [make_policy(f"p-{number}") for number in range(10)]
    seen: list[tuple[int, int]] = []
    builder.build(*policies[:9], progress=lambda *told: seen.append(told))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == ((0, 9), (9, 9))
    seen.clear()
    builder.build(*policies, progress=lambda *told: seen.append(told))
    assert seen[-1] == (1, 1)


def test_only_changed_entries_are_analysed(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder.build(DRAIN, ROAD)
    analysed: list[str] = []

    def record(text: str, folded: str) -> tuple[list[str], list[int], list[int]]:
        analysed.append(text)
        return analyse_words(text, folded)

    monkeypatch.setattr(content_module, "analyse_words", record)
    builder.build(DRAIN, ROAD, TREE)
    assert "砍伐城市树木审批" in analysed
    assert "排水许可" not in analysed


def test_an_index_grown_step_by_step_is_the_one_built_at_once(tmp_path: Path) -> None:
    grown, whole = Builder(tmp_path / "grown"), Builder(tmp_path / "whole")
    newer = make_policy("drain", title="排水许可", body="新的正文。", region=["淄博市"])
    grown.build(TREE, DRAIN)
    grown.build(ROAD, DRAIN)
    grown.build(ROAD, newer, TREE)
    whole.build(ROAD, newer, TREE)
    assert_same(grown, whole)


def assert_same(one: Builder, other: Builder) -> None:
    assert files_of(one.path) == files_of(other.path)
    with one.open() as first, other.open() as second:
        assert first.slugs == second.slugs
        assert documents_of(first) == documents_of(second)
        assert first.corpus.averages == second.corpus.averages
        assert first.facets.values == second.facets.values


@pytest.mark.parametrize("seed", range(6))
def test_small_changes_of_a_large_library_are_spliced_in_and_leave_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    spliced: list[int] = []

    def record(*args: Any) -> Any:
        spliced.append(len(args[2].rows))
        return splice(*args)

    monkeypatch.setattr(corpus_module, "splice", record)
    chance = random.Random(seed)
    library = {f"p-{n:03}": _any_policy(f"p-{n:03}", chance) for n in range(400)}
    grown, whole = Builder(tmp_path / "grown"), Builder(tmp_path / "whole")
    grown.build(*library.values())
    for step in range(14):
        for slug in chance.sample(sorted(library), chance.randint(0, 3)):
            del library[slug]
        for number in range(chance.randint(0, 3)):
            slug = chance.choice([f"{chance.choice('aqz')}-{step}-{number}", *sorted(library)[:9]])
            library[slug] = _any_policy(slug, chance)
        grown.build(*library.values())
    assert len(spliced) > 7
    assert len(list(grown.path.glob("content-*"))) <= MOST_PARTS + 2
    whole.build(*library.values())
    assert_same(grown, whole)
    assert grown.found("排水许可") == whole.found("排水许可")


def test_a_library_that_is_all_changed_at_once_leaves_no_trace(tmp_path: Path) -> None:
    grown, whole = Builder(tmp_path / "grown"), Builder(tmp_path / "whole")
    before = [make_policy(f"p-{n}", title="排水许可", body="甲乙丙丁。") for n in range(9)]
    after = [make_policy(f"p-{n}", title="道路占用", body="戊己庚辛。") for n in range(9)]
    grown.build(*before)
    grown.build(*after)
    whole.build(*after)
    assert_same(grown, whole)
    assert len(list(grown.path.glob("content-*"))) == 2  # of the two generations that are kept


def _any_policy(slug: str, chance: random.Random) -> Policy:
    """Return a policy of nearly the usual length, so that the averages mostly stay."""
    words = ["排水", "许可", "道路", "补贴", "银行", "重点", "树木", "企业"]
    kind = chance.choice(["service", "benefit", "rule"])
    return make_policy(
        slug,
        kind=kind,
        title="".join(chance.sample(words, 3)),
        aliases=[f"{chance.choice(words)}的事"],
        queries=[f"{chance.choice(words)}怎么办"],
        region=chance.sample(["淄博市", "青岛市", "临淄区"], chance.randint(0, 2)),
        effective=f"20{chance.randint(10, 25)}-01-01",
        body="，".join(chance.choices(words, k=10)) + "。",
    )


def test_removed_and_changed_entries_are_no_longer_found(builder: Builder) -> None:
    builder.build(DRAIN, ROAD)
    builder.build(make_policy("drain", title="别的事情"))
    assert builder.found("挖马路") == []
    assert builder.found("许可") == []
    with builder.open() as index:
        assert index.record("road") is None
        stored = index.record("drain")
        assert stored is not None
        assert stored["title"] == "别的事情"


def test_plain_whoosh_reads_and_searches_the_index(builder: Builder) -> None:
    builder.build(DRAIN, ROAD)
    builder.build(DRAIN, ROAD, TREE)
    stock = whoosh_index.open_dir(str(builder.path))
    with stock.searcher() as searcher:
        assert searcher.doc_count() == 3
        parser = QueryParser("body", stock.schema)
        assert [hit["slug"] for hit in searcher.search(parser.parse("排水许可"))] == ["drain"]
        phrase = parser.parse('"申请排水许可"')
        assert [hit["slug"] for hit in searcher.search(phrase)] == ["drain"]
        assert not searcher.search(parser.parse('"许可排水"'))
        named = parser.parse("title:道路 OR aliases:马路")
        assert [hit["slug"] for hit in searcher.search(named)] == ["road"]


def test_a_full_build_leaves_one_segment(builder: Builder) -> None:
    for policies in ([DRAIN], [DRAIN, ROAD], [DRAIN, ROAD, TREE]):
        builder.build(*policies)
    builder.build(DRAIN, ROAD, TREE, full=True)
    assert len(list(builder.path.glob("*.seg"))) == 1


def test_the_record_is_the_public_one_with_its_address() -> None:
    index = make_index(DRAIN)
    assert index.record("drain") == {**DRAIN.public_record(), "url": "/policies/drain.html"}
    assert index.record("没有") is None
    card = index.card(0)
    assert (card["slug"], card["title"], card["url"]) == (
        "drain",
        "排水许可",
        "/policies/drain.html",
    )


def test_internal_notes_are_nowhere_in_the_index(builder: Builder) -> None:
    canaries = ["CANARYplain", "内部金丝雀备注"]
    secret = make_policy("secret", title="公开标题", internal="，".join(canaries))
    builder.build(secret)
    builder.build(secret, DRAIN)
    files = [file for file in builder.path.rglob("*") if file.is_file()]
    content = b"\n".join(file.read_bytes() for file in files)
    assert "公开标题".encode() in content
    for canary in (*canaries, "金丝雀", "canaryplain"):
        for encoding in ("utf-8", "utf-16-le", "utf-32-le"):
            assert canary.encode(encoding) not in content
        assert canary.encode("unicode_escape") not in content
    with builder.open() as index:
        assert search(index, SearchParams(q="金丝雀"), DAY).total == 0
        assert not index.has_word("canaryplain")


def test_text_of_every_part_of_an_entry_is_searched() -> None:
    index = make_index(
        make_policy(
            "full",
            applies_to=[{"text": "甲事词"}],
            eligibility=[{"text": "外层", "any": [{"text": "乙事词"}]}],
            benefits=[{"type": "补贴", "text": "丙事词"}],
            materials=[{"name": "丁事词"}],
            procedure=[{"name": "戊事词", "text": "去办"}],
            time_limit=[{"kind": "statutory", "text": "己事词"}],
            fee=[{"text": "庚事词", "note": "辛事词"}],
            application_window={"text": "壬事词"},
            counter=[{"name": "癸事词"}],
        )
    )
    for word in "甲乙丙丁戊己庚辛壬癸":
        assert slugs(search(index, SearchParams(q=f"{word}事词"), DAY)) == ["full"], word


def test_a_missing_index_is_told_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "none"
    with pytest.raises(IndexMissing) as caught:
        open_index(path)
    assert str(caught.value) == f"{path} 里没有索引，请先运行 policykb index。"
    assert generation_of(path) is None


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_index_that_cannot_be_read_is_told_with_what_to_do(builder: Builder) -> None:
    builder.build(DRAIN)
    (builder.path / "arrays-1" / "meta.json").write_text("{", "utf-8")
    with pytest.raises(IndexMissing) as caught:
        builder.open()
    assert str(caught.value) == (
        f"{builder.path} 里的索引读不出来，请运行 policykb index --full 重建。"
    )


def test_an_empty_library_makes_an_index(builder: Builder) -> None:
    assert builder.build().total == 0
    assert builder.found("排水") == []
    builder.build(DRAIN)
    builder.build()
    assert builder.found("排水") == []


def test_the_arrays_of_two_generations_are_kept(builder: Builder) -> None:
    for number in range(1, 5):
        builder.build(*(make_policy(f"p-{n}") for n in range(number)))
    assert sorted(p.name for p in builder.path.glob("arrays-*")) == ["arrays-3", "arrays-4"]


def test_an_open_index_goes_on_after_later_builds(builder: Builder) -> None:
    builder.build(DRAIN)
    index = builder.open()
    for number in range(4):
        builder.build(ROAD, make_policy(f"p-{number}"))
    assert slugs(search(index, SearchParams(q="排水许可"), DAY)) == ["drain"]
    assert index.record("drain") is not None
    index.close()


def test_files_are_let_go_when_an_index_is_closed_or_forgotten(builder: Builder) -> None:
    if not Path("/proc/self/maps").exists():
        pytest.skip("only Linux tells what is mapped")

    def mapped() -> bool:
        return str(builder.path) in Path("/proc/self/maps").read_text()

    builder.build(DRAIN)
    index = builder.open()
    assert mapped()
    index.close()
    index.close()
    gc.collect()
    assert not mapped()
    forgotten = builder.open()
    del forgotten
    gc.collect()
    assert not mapped()


def test_a_second_builder_waits_and_is_told_who_builds(builder: Builder) -> None:
    messages: list[str] = []

    def second(done: int, total: int) -> None:
        with pytest.raises(IndexBusy) as caught:
            builder.build(DRAIN, TREE, wait=0.1)
        messages.append(str(caught.value))

    builder.build(DRAIN, ROAD, progress=second)
    assert f"进程号 {os.getpid()}" in messages[0]
    assert "请等它做完，再运行一次 policykb index" in messages[0]


def test_builds_at_the_same_time_come_one_after_the_other(builder: Builder) -> None:
    threads = [threading.Thread(target=builder.build, args=(p,)) for p in (DRAIN, ROAD, TREE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert generation_of(builder.path) == 3
    with builder.open() as index:
        assert len(index) == 1


def test_a_program_writing_with_whoosh_is_told_of(builder: Builder) -> None:
    builder.build(DRAIN)
    writer = whoosh_index.open_dir(str(builder.path)).writer()
    try:
        with pytest.raises(IndexBusy, match="Whoosh"):
            builder.build(DRAIN, ROAD, wait=0.1)
    finally:
        writer.cancel()


# Whoosh itself leaves a file open that it cannot read.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("damage", ["toc", "segment", "meta", "array", "content", "no arrays"])
def test_a_damaged_index_is_built_anew(builder: Builder, damage: str) -> None:
    builder.build(DRAIN, ROAD)
    arrays = builder.path / "arrays-1"
    files = {
        "toc": builder.path / "_MAIN_1.toc",
        "segment": next(builder.path.glob("*.seg")),
        "meta": arrays / "meta.json",
        "array": arrays / "postings-rows.npy",
        "content": builder.path / "content-1" / "tokens.npy",
    }
    if damage == "no arrays":
        for file in arrays.iterdir():
            file.unlink()
        arrays.rmdir()
    else:
        files[damage].write_bytes(b"damaged")
    report = builder.build(DRAIN, ROAD, TREE)
    assert report.added == 3
    assert report.generation > 1
    assert builder.found("排水许可") == ["drain"]


def test_other_settings_or_formats_are_built_anew(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder.build(DRAIN)
    monkeypatch.setattr(writing, "SOURCES", ("policy.py",))
    assert builder.build(DRAIN).generation == 2


def test_a_build_that_fails_leaves_the_index_as_it_was(builder: Builder) -> None:
    builder.build(DRAIN)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        builder.build(ROAD, progress=stop)
    assert builder.found("排水许可") == ["drain"]
    assert builder.build(ROAD).generation == 2
    assert builder.found("道路") == ["road"]


_KILLED_BUILD = """
import os, sys
sys.path.insert(0, "tests")
from pathlib import Path
import numpy as np
import whoosh.index, whoosh.writing
from indexer import writing
from factories import make_library, make_policy

stage, folder = sys.argv[1], Path(sys.argv[2])
die = lambda *args, **kwargs: os._exit(9)

def die_after(function):
    def wrapped(*args, **kwargs):
        function(*args, **kwargs)
        os._exit(9)
    return wrapped

if stage == "analysis":
    progress = die
else:
    progress = None
if stage == "arrays half written":
    np.save = die_after(np.save)
if stage == "arrays not renamed":
    Path.rename = die
if stage == "arrays renamed":
    Path.rename = die_after(Path.rename)
if stage == "segment written":
    whoosh.writing.SegmentWriter._commit_toc = die
if stage == "contents not renamed":
    writing.FileStorage.rename_file = die
if stage == "contents renamed":
    whoosh.index.TOC.write = die_after(whoosh.index.TOC.write)
policies = [make_policy(f"new-{n}", title="新的条目") for n in range(int(sys.argv[3]))]
writing.build_index(make_library(*policies, tmp_path=folder), folder / "index", progress=progress)
"""


def build_in_another_process(builder: Builder, stage: str, count: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _KILLED_BUILD, stage, str(builder.folder), str(count)]
    return subprocess.Popen(command, cwd=Path(__file__).parent.parent)


@pytest.mark.parametrize(
    ("stage", "published"),
    [
        ("analysis", False),
        ("arrays half written", False),
        ("arrays not renamed", False),
        ("arrays renamed", False),
        ("segment written", False),
        ("contents not renamed", False),
        ("contents renamed", True),
    ],
)
def test_a_build_killed_at_any_stage_leaves_a_whole_index(
    builder: Builder, stage: str, published: bool
) -> None:
    builder.build(DRAIN)
    assert build_in_another_process(builder, stage, 3).wait(60) == 9
    assert builder.found("") == (["new-0", "new-1", "new-2"] if published else ["drain"])
    builder.build(ROAD)
    assert builder.found("") == ["road"]
    names = {path.name for path in builder.path.iterdir()}
    newest = generation_of(builder.path)
    assert {name for name in names if name.startswith("arrays-")} <= {
        f"arrays-{newest}",
        f"arrays-{(newest or 0) - 1}",
    }
    assert not [name for name in names if ".toc." in name or name.endswith((".part", ".tmp"))]


def test_a_build_killed_at_any_moment_leaves_a_whole_index(builder: Builder) -> None:
    builder.build(DRAIN)
    generator = random.Random(7)
    for _ in range(6):
        build = build_in_another_process(builder, "none", 400)
        while not (builder.path / "MAIN.tmp").exists() and build.poll() is None:
            time.sleep(0.005)
        time.sleep(generator.random() * 0.6)
        build.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        build.wait(60)
        with builder.open() as index:
            expected = len(index)
            assert expected in (1, 400)
            assert search(index, SearchParams(), DAY).total == expected
            assert index.record(index.slugs[-1]) is not None
        builder.build(DRAIN)


def test_a_reader_never_sees_half_an_index(builder: Builder) -> None:
    versions = [[make_policy(f"p-{n}-{i}") for i in range(n + 1)] for n in range(6)]
    builder.build(*versions[0])
    stop = threading.Event()
    seen: list[list[str]] = []
    failures: list[BaseException] = []

    def read() -> None:
        try:
            while not stop.is_set():
                with builder.open() as index:
                    seen.append(sorted(slugs(search(index, SearchParams(size=50), DAY))))
                    for slug in index.slugs:
                        assert index.record(slug) is not None
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(24):
        builder.build(*versions[number % len(versions)], full=number % 5 == 0)
    stop.set()
    for reader in readers:
        reader.join()
    assert not failures
    assert seen
    whole = [sorted(policy.slug for policy in version) for version in versions]
    assert all(found in whole for found in seen)


def test_many_threads_may_share_one_index(builder: Builder) -> None:
    policies = [make_policy(f"p-{n}", title=f"事项{n}") for n in range(30)]
    builder.build(*policies)
    failures: list[BaseException] = []
    with builder.open() as index:

        def ask(seed: int) -> None:
            try:
                for number in range(60):
                    slug = f"p-{(seed * 7 + number) % 30}"
                    record = index.record(slug)
                    assert record is not None
                    assert record["slug"] == slug
                    day = date(2020 + number % 3, 1, 1)
                    assert search(index, SearchParams(q="事项"), day).total == 30
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures


def test_arrays_are_mapped_not_loaded(builder: Builder) -> None:
    builder.build(DRAIN)
    with builder.open() as index:
        for array in (index.postings.rows, index.corpus.contents[0].tokens):
            assert isinstance(array.base, np.memmap)


@pytest.mark.parametrize(("few", "some"), [(0, 0), (0, 1_000), (2, 3), (1_000, 1_000)])
def test_quoted_text_is_found_where_it_stands_however_many_may_have_it(
    builder: Builder, monkeypatch: pytest.MonkeyPatch, few: int, some: int
) -> None:
    monkeypatch.setattr(index_module, "FEW", few)
    monkeypatch.setattr(index_module, "SOME", some)
    chance = random.Random(7)

    def text(length: int) -> str:
        return "".join(chance.choices(["甲", "乙", "丙", "丁", "，", " R2 "], k=length))

    bodies = {f"p-{number:02}": text(chance.randrange(1, 40)) for number in range(60)}
    builder.build(*(make_policy(slug, body=body) for slug, body in bodies.items()))
    bodies |= {f"p-{number:02}": text(20) for number in range(0, 60, 20)}  # a second part
    builder.build(*(make_policy(slug, body=body) for slug, body in bodies.items()))
    with builder.open() as index:
        assert len(index.corpus.contents) > 1
        counts = set()
        for _ in range(300):
            quoted = text(chance.randrange(1, 7)).replace("，", " ").strip()
            if not (pieces := quoted.split()):
                continue
            (phrase,) = read_question(f"“{quoted}”").phrases
            rows = index.contain(phrase).tolist()
            having = [s for s, body in bodies.items() if all(piece in body for piece in pieces)]
            assert [index.slugs[row] for row in rows] == sorted(having), quoted
            counts.add(len(rows))
    assert min(counts) == 0
    assert max(counts) > 30
