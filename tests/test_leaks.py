"""Leaks: nothing private stands in what is built, and whatever did would be found."""

import gzip
import html
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from browser import CANARY, NOTE, ROOT, build_project, serve_app, small_library
from docx import Document
from factories import make_library, make_policy
from hypothesis import given
from hypothesis import strategies as st

from indexer.leaks import CLAUSE, PIECE, Secrets, find_leaks
from indexer.library import Library
from indexer.loader import load_library
from indexer.policy import Policy
from indexer.published import unescape
from indexer.writing import build_index

DAY = date(2026, 11, 24)
# Made up, and each with a check that fits.
IDENTITY, MOBILE, CARD, PLATE = "11010519491231002X", "13800138000", "4111111111111111", "鲁C12345"
NUMBERS = {
    "身份证号码": IDENTITY,
    "手机号码": MOBILE,
    "银行卡号": CARD,
    "车牌号码": PLATE,
}
TOLD = re.compile(
    r"^有条目 [a-z0-9-]+ 的内部备注（“(.{1,4})……”）；请查清从哪里来，删掉后重新生成。$"
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small library, three of whose entries have a note, with all that is built of it."""
    return build_project(tmp_path_factory.mktemp("project"), small_library(), DAY)


@pytest.fixture(scope="module")
def library(project: Path) -> Library:
    return load_library(project / "policies")


def look(library: Library, folder: Path) -> list[tuple[str, int, str, str]]:
    """Return file, line, place and message of whatever is found; no message tells what it was."""
    found = find_leaks(library, [folder])
    for problem in found.problems:
        assert not any(number in problem.message for number in NUMBERS.values())
        assert not any(NOTE[at : at + 5] in problem.message for at in range(len(NOTE) - 5))
    return [
        (Path(p.path).relative_to(folder).as_posix(), p.line, p.field, p.message)
        for p in found.problems
    ]


def notes(library: Library, folder: Path) -> list[tuple[str, int, str]]:
    """Return the places of notes, after a look at their messages."""
    found = look(library, folder)
    assert all(TOLD.match(message) for *_, message in found)
    return [(path, line, place) for path, line, place, _ in found]


# What is built


def test_all_that_is_built_of_the_real_library_has_nothing_private(real_build: Path) -> None:
    library = load_library(ROOT / "policies")
    assert sum(policy.internal is not None for policy in library.policies) > 20
    found = find_leaks(library, [real_build])
    assert found.problems == ()
    assert found.files > 500


def test_all_that_is_built_of_the_small_library_has_nothing_private(
    project: Path, library: Library
) -> None:
    assert sum(policy.internal == NOTE for policy in library.policies) == 3
    assert look(library, project / "build") == []


def test_no_address_of_the_service_tells_anything_private(
    project: Path, library: Library, tmp_path: Path
) -> None:
    with serve_app(project, DAY) as base, httpx.Client(base_url=base) as client:
        described = client.get("/openapi.json").json()["paths"]
        slugs = [row["slug"] for row in client.get("/api/policies").json()["policies"]]
        paths = {re.sub(r"\{\w+\}", slug, path) for path in described for slug in slugs}
        answers = [client.get(path) for path in sorted(paths)]
        for form in ("text", "html", "docx"):
            answers.append(client.get(f"/api/notice/drainage-permit?format={form}"))
            assert answers[-1].status_code == 200
        for words in ("排水", "税费", CANARY[-3:], "先收材料后补盖章"):
            answers.append(client.get("/api/search", params={"q": words, "size": 50}))
            answers.append(client.get("/api/suggest", params={"q": words}))
        answers.append(client.post("/api/match", json={"profile": {"headcount": 3}}))
        files = (path for path in (project / "build/site").rglob("*") if path.is_file())
        answers += [
            client.get(quote(path.relative_to(project / "build/site").as_posix())) for path in files
        ]
    assert len(answers) > 80
    for number, answer in enumerate(answers):  # as whoever asked would keep it
        (tmp_path / f"{number}").write_bytes(answer.content)
    assert look(library, tmp_path) == []
    (tmp_path / "more").write_text(NOTE, encoding="utf-8")
    assert len(look(library, tmp_path)) == 1


# What is planted

PLANTED = "窗口说可以先收材料、后补盖章"  # of the note, without what stands before and behind
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "named entities": html.escape,
    "numbered entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "hexadecimal entities": lambda text: "".join(f"&#x{ord(char):X};" for char in text),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "JSON in an attribute": lambda text: html.escape(json.dumps({"note": text})),
    "an address": quote,
    "blanks": " ".join,
    "line ends": lambda text: "\r\n  ".join(text[at : at + 6] for at in range(0, len(text), 6)),
    "line ends in JSON": lambda text: "\\n".join(
        text[at : at + 6] for at in range(0, len(text), 6)
    ),
    "blanks that are not seen": "\u200b".join,
    "marked words": lambda text: f"{text[:5]}<mark>{text[5:9]}</mark>{text[9:]}",
    "full width": lambda text: text.translate({0x30 + n: 0xFF10 + n for n in range(10)}),
}
BUILT = (
    "site/policies/drainage-permit.html",
    "site/search.html",
    "site/sitemap.xml",
    "site/assets/search/entries.js",
    "site/assets/search/texts-*.js",
    "site/assets/search/words-*.js",
    "site/assets/match/*.js",
    "pages/policies/drainage-permit.md",
    "pages/index.md",
    "index/arrays-1/meta.json",
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pattern", BUILT)
def test_a_note_in_any_built_file_is_found_however_it_is_written(
    pattern: str, form: str, project: Path, library: Library, tmp_path: Path
) -> None:
    source = next(iter(sorted((project / "build").glob(pattern))))
    text = source.read_text(encoding="utf-8")
    place = (
        text.index("\n", len(text) // 2) if "\n" in text[len(text) // 2 : -1] else len(text) // 2
    )
    planted = text[:place] + f"\n{FORMS[form](PLANTED)}\n" + text[place:]
    (tmp_path / source.name).write_text(planted, encoding="utf-8")
    (told,) = notes(library, tmp_path)
    assert told[0] == source.name
    if "line ends" not in form:
        assert told[1] == planted[:place].count("\n") + 2
    (tmp_path / source.name).write_text(text, encoding="utf-8")
    assert notes(library, tmp_path) == []


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("name", ["page.html", "texts-1.js", "feed.xml", "icon.svg", "days.ics"])
def test_personal_data_in_any_built_file_is_found(
    name: str, kind: str, library: Library, tmp_path: Path
) -> None:
    for written in (NUMBERS[kind], json.dumps(NUMBERS[kind])[1:-1]):
        (tmp_path / name).write_text(f"第一行\n联系：{written}。\n", encoding="utf-8")
        ((path, line, place, message),) = look(library, tmp_path)
        assert (path, line, place) == (name, 2, "")
        assert message.startswith(f"有{kind}（")


def test_what_is_packed_is_looked_into(library: Library, tmp_path: Path) -> None:
    document = Document()
    paragraph = document.add_paragraph("一次告知单：")
    for at in range(0, len(PLANTED), 4):  # as Word does it: in pieces of its own making
        paragraph.add_run(PLANTED[at : at + 4]).bold = at % 8 == 0
    document.add_paragraph(f"电话 {MOBILE[:3]}").add_run(MOBILE[3:])
    document.save(str(tmp_path / "notice.docx"))
    (tmp_path / "sitemap.xml.gz").write_bytes(gzip.compress(f"<a>{NOTE}</a>".encode()))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as packed:
        packed.writestr("inner/page.html", f"<p>{html.escape(NOTE)}")
    found = look(library, tmp_path)
    assert [(path, place) for path, _, place, _ in found] == [
        ("all.zip", "inner/page.html"),
        ("notice.docx", "word/document.xml"),
        ("notice.docx", "word/document.xml"),
        ("sitemap.xml.gz", ""),
    ]
    assert sum("手机号码" in message for *_, message in found) == 1


def test_of_a_picture_or_pdf_the_bytes_are_looked_at(library: Library, tmp_path: Path) -> None:
    for name in ("picture.png", "notice.pdf"):
        (tmp_path / name).write_bytes(b"\x89\xff\x00" + NOTE.encode() + b"\x00\xfe\xff")
    (tmp_path / "numbers.png").write_bytes(b"\xff" + MOBILE.encode())  # any may come about there
    assert [path for path, *_ in notes(library, tmp_path)] == ["notice.pdf", "picture.png"]


def test_a_large_file_is_looked_through_to_its_end(library: Library, tmp_path: Path) -> None:
    filling = "公开的文字。" * 1_000_000
    assert len(filling.encode()) > 17_000_000
    (tmp_path / "all.json").write_text(filling + NOTE + filling, encoding="utf-8")
    assert len(notes(library, tmp_path)) == 1


# The index


def look_into_index(tmp_path: Path, *leaky: Policy, note: str = NOTE) -> set[tuple[str, str]]:
    """Return the folder and place of notes in an index of leaky entries, that should be others."""
    build_index(make_library(*leaky, tmp_path=tmp_path), tmp_path / "index")
    right = [make_policy(policy.slug, internal=note) for policy in leaky]
    found = notes(make_library(*right, tmp_path=tmp_path), tmp_path)
    return {(path, place) for path, _, place in found}


def test_a_note_in_the_text_of_an_index_is_found(tmp_path: Path) -> None:
    found = look_into_index(tmp_path, make_policy("a"), make_policy("leaky", body=NOTE))
    assert ("index/content-1", "条目 leaky") in found
    assert ("index/content-1", "条目 a") not in found


def test_a_note_in_the_packed_record_alone_is_found(tmp_path: Path) -> None:
    assert look_into_index(tmp_path, make_policy("leaky", owner=NOTE)) == {
        ("index/content-1", "条目 leaky")
    }


def test_a_note_among_the_names_of_an_index_is_found(tmp_path: Path) -> None:
    found = look_into_index(tmp_path, make_policy("leaky", aliases=[NOTE]))
    assert ("index/arrays-1", "说法") in found


def test_a_note_in_a_generation_that_nobody_reads_any_more_is_found(tmp_path: Path) -> None:
    look_into_index(tmp_path, make_policy("leaky", owner=NOTE))
    clean = make_policy("leaky", internal=NOTE)
    library = make_library(clean, tmp_path=tmp_path)
    build_index(library, tmp_path / "index")
    assert (tmp_path / "index" / "arrays-2").is_dir()
    assert {path for path, *_ in notes(library, tmp_path)} == {"index/content-1"}
    for _ in range(2):
        build_index(library, tmp_path / "index", full=True)
    assert notes(library, tmp_path) == []


def test_a_short_note_among_the_words_of_an_index_is_found(tmp_path: Path) -> None:
    found = look_into_index(tmp_path, make_policy("leaky", body="暗号 xyzzyq。"), note="xyzzyq")
    assert ("index", "Whoosh") in found


def test_personal_data_in_an_index_is_found(tmp_path: Path) -> None:
    policy = make_policy("leaky", summary=f"请打 {MOBILE}", owner=PLATE, internal=IDENTITY)
    library = make_library(policy, tmp_path=tmp_path)
    build_index(library, tmp_path / "index")
    found = {(path, message[1:6]) for path, _, _, message in look(library, tmp_path)}
    assert found == {
        ("index/content-1", "手机号码（"),
        ("index/content-1", "车牌号码（"),
        ("index", "手机号码（"),  # as a word that is searched
    }


def test_an_index_that_cannot_be_read_is_no_clean_one(tmp_path: Path) -> None:
    library = make_library(make_policy("a"), tmp_path=tmp_path)
    build_index(library, tmp_path / "index")
    (tmp_path / "index" / "content-1" / "records.npy").write_bytes(b"x")
    told = [(path, message) for path, *_, message in look(library, tmp_path)]
    assert told == [("index/content-1", "这个文件读不出来，没有查；请删掉它重新生成，再查一次。")]


def test_a_packed_file_that_cannot_be_read_is_no_clean_one(
    library: Library, tmp_path: Path
) -> None:
    (tmp_path / "sitemap.xml.gz").write_bytes(gzip.compress(b"x" * 99)[:-9])
    ((path, _, _, message),) = look(library, tmp_path)
    assert path == "sitemap.xml.gz"
    assert "没有查" in message


# What is a leak


def told(note: str, text: str, *others: Policy) -> list[str]:
    policies = (make_policy("noted", internal=note), *others)
    return [slug for slug, _ in Secrets(policies).find(text)]


def test_so_many_characters_of_a_note_in_a_row_are_a_leak() -> None:
    note = "窗口说可以先收材料后补盖章没有文件依据不能写给办事人看"
    assert told(note, f"……{note[7 : 7 + PIECE]}……") == ["noted"]
    assert told(note, f"……{note[7 : 7 + PIECE - 1]}……") == []


def test_a_whole_clause_is_a_leak_though_it_is_shorter() -> None:
    clause = "甲乙丙丁戊己庚辛壬癸子丑"
    assert len(clause) == CLAUSE
    note = f"这是前面一句很长很长的、没有别处会写的话。{clause}。还有后面一句"
    assert told(note, f"公开：{clause}") == ["noted"]
    assert told(note, f"公开：{clause[:-1]}") == []


def test_a_short_note_is_a_leak_as_a_whole() -> None:
    assert told("暗号七四", "页面上有暗 号七四。") == ["noted"]
    assert told("暗号七四", "页面上有暗号七。") == []


def test_what_an_entry_says_in_public_is_no_leak() -> None:
    other = make_policy("other", fee=[{"text": NOTE}])
    assert told(NOTE, NOTE, other) == []
    assert told(f"{NOTE}，另外老张说不用交", f"{NOTE}，另外老张说不用交", other) == ["noted"]


def test_field_names_and_titles_beside_their_articles_are_no_leak() -> None:
    other = make_policy(
        "other", documents=[{"title": "城市绿化条例甲乙丙丁", "articles": "第26、37、38条"}]
    )
    note = "按城市绿化条例甲乙丙丁第26、37、38条写，application_window 没有填"
    assert told(note, "城市绿化条例甲乙丙丁 第26、37、38条", other) == []
    assert told(note, '{"application_window": {}}', other) == []


@given(st.text(min_size=1, max_size=60), st.text(max_size=40), st.text(max_size=40))
def test_whatever_a_note_says_it_is_found_whole(note: str, before: str, after: str) -> None:
    policies = [make_policy("noted", internal=None).model_copy(update={"internal": note})]
    secrets = Secrets(policies)
    if list(secrets.find(note)):  # else it is nothing but blanks, or public
        assert [slug for slug, _ in secrets.find(before + note + after)] == ["noted"]


@given(st.text(max_size=200))
def test_no_text_whatever_breaks_the_search(text: str) -> None:
    assert isinstance(unescape(text), str)
    assert list(Secrets([make_policy("noted", internal=NOTE)]).find(text)) == []


# The command


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "indexer", "check", "--built", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def test_the_command_says_what_it_looked_through(project: Path) -> None:
    done = run(project)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"查了 \d{3} 个文件，没有内部备注，也没有个人信息。\n", done.stdout)


def test_the_command_lists_leaks_on_standard_error_and_exits_1(
    project: Path, tmp_path: Path
) -> None:
    (tmp_path / "page.html").write_text(f"<p>\n{html.escape(NOTE)} {MOBILE}", encoding="utf-8")
    policies = ("--policies", str(project / "policies"))
    done = run(tmp_path, ".", *policies)
    assert done.returncode == 1
    assert done.stdout == ""
    number, leak, count = done.stderr.splitlines()
    assert leak.startswith("page.html:2：有条目 drainage-permit 的内部备注（“窗口说可……”）；")
    assert number == "page.html:2：有手机号码（138*******0）；请查清从哪里来，删掉后重新生成。"
    assert count == "共 2 处问题，在 1 个文件里。"
    told = json.loads(run(tmp_path, ".", *policies, "--json").stdout)
    assert (told["files"], len(told["problems"])) == (1, 2)


def test_nothing_to_look_through_is_no_clean_result(project: Path, tmp_path: Path) -> None:
    policies = ("--policies", str(project / "policies"))
    (tmp_path / "empty").mkdir()
    for folder, said in (("nothing", "没有文件夹 nothing；"), ("empty", "empty 里没有文件；")):
        done = run(tmp_path, folder, *policies)
        assert done.returncode == 2
        assert said in done.stderr


def test_without_the_notes_nothing_is_clean(project: Path, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "broken.md").write_text("坏了", encoding="utf-8")
    done = run(tmp_path, str(project / "build"))
    assert done.returncode == 1
    assert "policies/broken.md:1" in done.stderr
