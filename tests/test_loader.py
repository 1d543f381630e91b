"""Entries in, or all their problems: encodings, broken YAML, odd files, mangled input."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer import loader
from indexer.loader import MAX_BYTES, Readings, inspect_library, load_library
from indexer.problems import PolicyError

CASES = Path(__file__).parent / "cases"
GOOD = (CASES / "good.md").read_text(encoding="utf-8")

WriteEntry = Callable[[str, str | bytes], Path]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    return folder


@pytest.fixture
def write(root: Path) -> WriteEntry:
    def write_entry(name: str, content: str | bytes) -> Path:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_entry


def messages(root: Path) -> list[str]:
    return [str(problem) for problem in inspect_library(root)[1]]


@pytest.mark.parametrize("case", sorted(CASES.glob("*.md")), ids=lambda path: path.stem)
def test_each_odd_entry_causes_exactly_its_messages(case: Path, root: Path) -> None:
    shutil.copy(case, root / case.name)
    shutil.copy(CASES / "good.md", root / "good.md")
    expected = case.with_suffix(".expected.txt").read_text(encoding="utf-8")
    assert messages(root) == expected.splitlines()


def test_every_problem_of_every_file_is_told_at_once(root: Path, write: WriteEntry) -> None:
    write("a.md", GOOD.replace("citizen", "citizn"))
    write("b.md", GOOD.replace("title:", "titel:", 1))
    with pytest.raises(PolicyError) as caught:
        load_library(root)
    assert str(caught.value).splitlines() == [
        "policies/a.md:4 audience.1：只能是 citizen（群众）、enterprise（企业），"
        "看到的是“citizn”。您是不是想写 citizen？",
        "policies/b.md:1 title：缺少这一项（标题：正式名称，通俗易懂）。"
        "例如：城镇污水排入排水管网许可",
        "policies/b.md:2 titel：没有这个字段。您是不是想写 title？",
    ]


def test_files_saved_by_windows_notepad_load_as_they_are(root: Path, write: WriteEntry) -> None:
    write("plain.md", GOOD)
    write("notepad.md", b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    plain, notepad = sorted(load_library(root).policies, key=lambda p: p.slug != "plain")
    assert notepad.model_copy(update={"slug": "plain"}) == plain


def test_templates_home_text_and_other_files_are_not_entries(root: Path, write: WriteEntry) -> None:
    write("loan.md", GOOD)
    for name in ("index.md", "README.md", "templates/service.md", ".draft.md", "notes.txt"):
        write(name, "不是条目")
    assert [policy.slug for policy in load_library(root).policies] == ["loan"]


def test_entries_in_subfolders_are_found_and_sorted_by_slug(root: Path, write: WriteEntry) -> None:
    write("z/a-loan.md", GOOD)
    write("a/z-loan.md", GOOD)
    library = load_library(root)
    assert [(e.policy.slug, e.path) for e in library.entries] == [
        ("a-loan", "z/a-loan.md"),
        ("z-loan", "a/z-loan.md"),
    ]


def test_a_too_large_file_is_refused_unread(root: Path, write: WriteEntry) -> None:
    write("big.md", GOOD + "字" * (MAX_BYTES // 2))
    (message,) = messages(root)
    assert message.startswith("policies/big.md:1：文件有 1,5")
    assert "超过上限 1,000,000" in message


def test_a_link_out_of_the_library_is_not_followed(root: Path, write: WriteEntry) -> None:
    secret = root.parent / "secret.md"
    secret.write_text(GOOD, encoding="utf-8")
    (root / "leak.md").symlink_to(secret)
    (root / "folder").symlink_to(root.parent, target_is_directory=True)
    assert messages(root) == [
        "policies/folder:1：这是一个链接，不会跟进去读；请把条目文件直接放在政策库里。",
        "policies/leak.md:1：这个链接指向政策库以外，不会读取；请把文件本身放进来。",
    ]


def test_a_pipe_named_like_an_entry_does_not_hang_the_load(root: Path) -> None:
    os.mkfifo(root / "pipe.md")
    assert messages(root) == ["policies/pipe.md:1：这不是普通文件，不能当作条目读取。"]


def test_a_missing_folder_is_said_rather_than_taken_for_an_empty_library(tmp_path: Path) -> None:
    (message,) = messages(tmp_path / "nowhere")
    assert message.endswith("没有这个文件夹，请用 --policies 指明政策库的位置。")


def test_a_folder_without_entries_is_an_empty_library(root: Path) -> None:
    assert load_library(root).entries == ()


def test_the_digest_changes_with_the_bytes_and_only_then(root: Path, write: WriteEntry) -> None:
    path = write("loan.md", GOOD)
    first = load_library(root).entries[0].digest
    assert load_library(root).entries[0].digest == first
    path.write_text(GOOD + "\n", encoding="utf-8")
    assert load_library(root).entries[0].digest != first


def test_files_that_have_not_changed_are_not_read_again(
    root: Path, write: WriteEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stays", "changes", "goes", "breaks"):
        write(f"{name}.md", GOOD.replace("文号", name))
    known: Readings = {}
    first, _ = inspect_library(root, known=known)
    read: list[str] = []
    real = loader._read_bytes

    def record(path: Path) -> bytes:
        read.append(path.stem)
        return real(path)

    monkeypatch.setattr(loader, "_read_bytes", record)
    write("changes.md", GOOD + "改过了。")
    write("comes.md", GOOD)
    (root / "breaks.md").write_text("---\n", "utf-8")
    (root / "goes.md").unlink()
    second, problems = inspect_library(root, known=known)
    assert sorted(read) == ["breaks", "changes", "comes"]
    fresh, same_problems = inspect_library(root)
    assert (second.entries, problems) == (fresh.entries, same_problems)
    assert [problem.path for problem in problems] == ["policies/breaks.md"]
    assert second.by_slug["stays"] is first.by_slug["stays"]
    # A file that could not be read may have got other permissions: that changes no content.
    (root / "stays.md").chmod(0o640)
    read.clear()
    inspect_library(root, known=known)
    assert read == ["stays"]
    # What was wrong is still told, though the file is not read again.
    read.clear()
    assert inspect_library(root, known=known)[1] == problems
    assert read == []


def test_progress_counts_up_to_the_number_of_files(root: Path, write: WriteEntry) -> None:
    for name in ("a.md", "b.md", "c.md"):
        write(name, GOOD)
    seen: list[tuple[int, int]] = []
    load_library(root, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A good entry with some of its bytes cut, repeated, swapped or replaced."""
    data = bytearray(GOOD.encode())
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        to = min(len(data), at + draw(st.integers(0, 40)))
        piece = draw(
            st.one_of(
                st.binary(max_size=8),
                st.text(max_size=8).map(lambda s: s.encode("utf-8", "surrogatepass")),
                st.sampled_from(
                    [
                        b"---\n",
                        b"- ",
                        b": ",
                        b"[",
                        b"{",
                        b"\t",
                        b"&a ",
                        b"*a",
                        b"!!binary ",
                        b"? ",
                        b"|\n",
                        b">\n",
                        b"'",
                        b'"',
                        b"%",
                        b"@",
                        b"\r",
                        b"#",
                        b"\xef\xbb\xbf",
                        b"\0",
                        b"superseded_by: x\n",
                        b"all: [",
                        b"<b>",
                        b"](a.md)",
                        b"9" * 5000,
                    ]
                ),
                st.just(bytes(data[at:to])),
            )
        )
        data[at:to] = piece
    return bytes(data)


@settings(
    max_examples=400,
    deadline=5000,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(content=mangled())
def test_no_mangled_entry_crashes_or_is_lost(content: bytes, root: Path) -> None:
    path = root / "entry.md"
    path.write_bytes(content)
    library, problems = inspect_library(root)
    assert len(library.entries) == 1 or problems, "an entry may not vanish without a word"
    for problem in problems:
        assert problem.path == "policies/entry.md"
        assert 1 <= problem.line <= content.count(b"\n") + content.count(b"\r") + 2
        assert str(problem).isprintable()


@settings(max_examples=200, deadline=5000)
@given(
    text=st.text(alphabet=st.sampled_from(list("-[]{}:?,&*!|>'\"%@`# \n\tab文，：1")), max_size=400)
)
def test_no_front_matter_crashes_the_reader(text: str) -> None:
    from indexer.frontmatter import read_front_matter

    result = read_front_matter(text, first_line=2)
    assert isinstance(result.values, dict)


def test_a_folder_that_cannot_be_opened_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "policies"
    root.mkdir()
    monkeypatch.chdir(root)
    for _ in range(20):  # in the end the whole path is longer than the system takes
        Path("深" * 80).mkdir()
        monkeypatch.chdir("深" * 80)
    library, (problem,) = inspect_library(root)
    assert library.entries == ()
    assert problem.message.startswith("这个文件夹打不开")
