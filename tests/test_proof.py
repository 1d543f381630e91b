"""Proof of what was told: a check code leads back to the very notice, through a real history."""

import json
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from factories import SMALLEST
from repository import Repository

from indexer.checkcodes import make_code, read_code
from indexer.loader import load_library
from indexer.notices import make_notice, sources_of_library
from indexer.proof import NotProven, find_origin
from indexer.revisions import blob_id, last_commits, read_blobs

ROOT = Path(__file__).resolve().parent.parent
PERMIT: dict[str, Any] = {
    **SMALLEST,
    "title": "排水许可",
    "kind": "service",
    "topic": "排水与污水",
    "based_on": ["procedure"],
    "situations": [{"question": "办哪一种", "options": ["新办", "延续"]}],
    "materials": [
        {"name": "申请表", "copies": 1},
        {"name": "原来的证", "situation": "延续"},
    ],
}
PROCEDURE: dict[str, Any] = {
    **SMALLEST,
    "title": "许可程序",
    "kind": "rule",
    "topic": "办事规则",
    "sources": [{"id": "A", "title": "许可法", "doc_number": "主席令第7号"}],
    "remedies": [{"name": "行政复议", "text": "知道之日起 60 日内"}],
}


class Office(Repository):
    """A project in a repository of its own, where notices are given."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        shutil.copytree(ROOT / "indexer", root / "indexer", ignore=shutil.ignore_patterns("*.pyc"))
        shutil.copy(ROOT / "mkdocs.yml", root)

    def notice(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "indexer", "notice", *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root), "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def give(self, name: str) -> tuple[bytes, str]:
        """Give a notice to somebody; return its file and its check code."""
        told = ["permit", "--situation", "延续", "--as-of", "2026-11-05"]
        file = self.root.parent / name
        self.notice(*told, "--out", str(file), "--address", "http://x.cn/")
        code: str = json.loads(self.notice(*told, "--json").stdout)["code"]
        return file.read_bytes(), code


@pytest.fixture
def office(tmp_path: Path) -> Office:
    root = tmp_path / "office"
    root.mkdir()
    made = Office(root)
    made.commit("2026-11-01", permit=PERMIT, procedure=PROCEDURE)
    return made


def test_an_old_notice_is_made_again_byte_for_byte_though_entry_rules_and_code_have_changed(
    office: Office,
) -> None:
    given, code = office.give("given.html")
    word, _ = office.give("given.docx")
    changed = {
        **PERMIT,
        "materials": [{"name": "新申请表"}, {"name": "原来的证", "situation": "延续"}],
    }
    office.commit("2026-11-10", permit=changed)
    office.commit("2026-11-11", procedure={**PROCEDURE, "remedies": [{"text": "另有办法"}]})
    source = office.root / "indexer" / "notice.py"
    code_of_then = source.read_text("utf-8")
    code_of_now = code_of_then.replace('"申请材料"', '"要带的材料"')
    code_of_now = code_of_now.replace('    "situations.py",\n', "")  # the list of the code, too
    assert len(code_of_now) < len(code_of_then)
    source.write_text(code_of_now, "utf-8")
    office.commit("2026-11-12")

    again = ["--verify", code, "--address", "http://x.cn/", "--out"]
    told = office.notice(*again, str(office.root / "again.html")).stdout
    assert (office.root / "again.html").read_bytes() == given
    office.notice(*again, str(office.root / "again.docx"))
    assert (office.root / "again.docx").read_bytes() == word
    assert "核验通过：排水许可（permit），2026-11-05 告知。" in told
    assert "当时选的情形：延续" in told
    assert "（2026-11-01）" in told
    assert "当时有　申请材料：□ 申请表（1 份）" in told
    assert "现在是　要带的材料：□ 新申请表" in told
    assert "现在是　不服怎么办：另有办法" in told


def test_a_notice_of_the_present_content_is_confirmed_with_no_change(office: Office) -> None:
    _, code = office.give("given.html")
    told = office.notice("--verify", code.lower()).stdout
    assert "就是现在的内容" in told
    assert "到今天没有变化。" in told
    rows = json.loads(office.notice("--verify", code, "--json").stdout)
    assert rows["changes"] == []
    assert rows["notice"]["code"] == code


def test_a_notice_that_claims_an_earlier_day_than_its_content_is_told(office: Office) -> None:
    told = office.notice("permit", "--as-of", "2026-10-01", "--json").stdout
    shown = office.notice("--verify", json.loads(told)["code"]).stdout
    assert "这份内容 2026-11-01 才提交，比告知日期晚" in shown
    _, code = office.give("given.html")
    assert "靠不住" not in office.notice("--verify", code).stdout


def test_what_is_gone_since_is_told(office: Office) -> None:
    _, code = office.give("given.html")
    renamed = {"situations": [{"question": "办哪一种", "options": ["新办", "续期"]}]}
    materials = {"materials": [{"name": "原来的证", "situation": "续期"}]}
    office.commit("2026-11-10", permit={**PERMIT, **renamed, **materials})
    assert "情形“延续”现在没有了" in office.notice("--verify", code).stdout
    (office.root / "policies" / "permit.md").unlink()
    office.commit("2026-11-12")
    assert "这一项现在已经没有了。" in office.notice("--verify", code).stdout


def indexer(office: Office, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "indexer", *arguments],
        cwd=office.root,
        env={**os.environ, "PYTHONPATH": str(office.root), "PYTHONUTF8": "1"},
        check=True,
        capture_output=True,
    )


def test_a_notice_given_under_a_former_name_is_made_again_with_the_link_of_then(
    office: Office,
) -> None:
    given, code = office.give("given.html")
    assert b"notices/permit.html" in given
    indexer(office, "rename", "entry", "permit", "drainage-permit")
    indexer(office, "rename", "entry", "procedure", "permit-procedure")
    office.commit("2026-11-10")
    again = [
        "--verify",
        code,
        "--address",
        "http://x.cn/",
        "--out",
        str(office.root / "again.html"),
    ]
    told = office.notice(*again).stdout
    assert (office.root / "again.html").read_bytes() == given
    assert "核验通过：排水许可（permit），2026-11-05 告知。" in told
    assert "此后有 1 处变化：\n  “permit”已经改名为 drainage-permit" in told
    path = office.root / "policies" / "drainage-permit.md"
    path.write_text(path.read_text("utf-8").replace("申请表", "新申请表"), "utf-8")
    office.commit("2026-11-12")
    assert "现在是　申请材料：□ 新申请表" in office.notice("--verify", code).stdout


def test_a_notice_of_an_entry_renamed_alone_still_counts_as_the_present_content(
    office: Office,
) -> None:
    _, code = office.give("given.html")
    indexer(office, "rename", "entry", "permit", "drainage-permit")
    shutil.rmtree(office.root / ".git")  # an office without a history
    told = office.notice("--verify", code).stdout
    assert "就是现在的内容" in told
    assert "到今天没有变化。" in told


def test_a_notice_of_a_withdrawn_entry_says_why_it_was_withdrawn(office: Office) -> None:
    _, code = office.give("given.html")
    indexer(office, "withdraw", "permit", "--reason", "这一项不归政策库收录")
    office.commit("2026-11-10")
    told = office.notice("--verify", code).stdout
    assert "撤下，原因：这一项不归政策库收录" in told
    assert "这一项现在已经没有了。" in told


def test_a_notice_carries_the_last_commit_of_its_entry_unless_that_was_changed(
    office: Office,
) -> None:
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=office.root, capture_output=True, text=True, check=True
    ).stdout[:10]
    assert f"提交 {commit}" in office.notice("permit").stdout
    office.commit("2026-11-02", other={**PERMIT, "title": "别的事项"})
    assert f"提交 {commit}" in office.notice("permit").stdout
    path = office.root / "policies" / "permit.md"
    path.write_text(path.read_text("utf-8") + "多一句\n", "utf-8")
    assert "还没有提交" in office.notice("permit").stdout


def test_a_code_of_no_notice_is_refused(office: Office) -> None:
    none = str(make_code("00000000", date(2026, 11, 5), ["新办"], []))
    assert "没有一个和这个核验码对得上" in office.notice("--verify", none, code=1).stderr
    assert "抄错了" in office.notice("--verify", "1234-5678-9ABC", code=2).stderr
    both = office.notice("permit", "--verify", none, code=2).stderr
    assert "写一个条目名" in both
    asked = office.notice("--verify", none, "--situation", "新办", code=2).stderr
    assert "都在核验码里" in asked


def test_without_a_history_only_the_present_can_be_confirmed(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    for slug, fields in {"permit": PERMIT, "procedure": PROCEDURE}.items():
        head = yaml.safe_dump(json.loads(json.dumps(fields)), allow_unicode=True)
        (tmp_path / "policies" / f"{slug}.md").write_text(f"---\n{head}---\n\n正文\n", "utf-8")
    library = load_library(tmp_path / "policies")
    assert last_commits(library.root) == {}
    notice = make_notice(sources_of_library(library), "permit", ["延续"], date(2026, 11, 5))
    assert "还没有提交" in notice.about["version"]
    origin = find_origin(read_code(notice.code), library)
    assert (origin.slug, origin.chosen, origin.commit) == ("permit", ("延续",), None)
    with pytest.raises(NotProven, match=r"又查不了历史：.*不在 git 仓库里"):
        find_origin(make_code("00000000", date(2026, 11, 5), [], []), library)


def test_a_content_has_the_name_that_git_gives_it_whatever_its_line_ends(office: Office) -> None:
    data = (office.root / "policies" / "permit.md").read_bytes()
    name = blob_id(data)
    assert read_blobs(office.root, [name]) == {name: data}
    assert blob_id(data.replace(b"\n", b"\r\n")) == name
