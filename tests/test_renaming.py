"""Renaming and withdrawing: only the places of the name change, in all files or in none."""

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

from indexer.changeset import JOURNAL, Change, NotWritten, apply_changes, recover
from indexer.clock import today
from indexer.issuers import issuers_in, load_issuers, rename_issuer
from indexer.problems import LexiconError

ROOT = Path(__file__).resolve().parent.parent

ROAD = """---
# 园林绿化、road-excavation 这些字在注释里不动
title: 挖掘城市道路审批（园林绿化）
kind: service
audience: [citizen, enterprise]
topic: [市政道路, 园林绿化]   # 园林绿化也管
level: national
region: 淄博市
issuer: 财政部、税务总局等5部门
summary: 园林绿化，road-excavation。
queries: [园林绿化归谁管]
related:
- "permit"   # 许可
sources:
- {title: 城市道路管理条例, doc_number: 国务院令第198号}
reviewed: 2026-11-23
---

园林绿化的事看[园林绿化](permit.md#fee)，permit.md 这几个字不动，`permit` 也不动，
[网址](https://x.cn/permit.md)。
"""
PERMIT = """---
title: 排水许可
kind: benefit
audience: enterprise
topic: >-
  园林绿化
level: district
region: [淄博市临淄区, 淄博市]
issuer: 税务总局
summary: 一句话说明这一条。
superseded_by: road
expires: 2025-01-01
eligibility:
- text: 在市里
  field: region
  op: in
  value: [淄博市, 淄博市临淄区]
- text: 淄博市
documents:
- {title: 公告, issuer: 财政部、税务总局（转发）, doc_number: 财税〔2024〕1号}
sources:
- {title: 税务总局公告, location: 公开文本}
reviewed: 2026-11-23
---

正文。
"""
FEE = """---
title: 收费
kind: rule
audience: enterprise
topic: 办事规则
level: national
issuer: 国务院
summary: 一句话说明这一条。
expires: 2025-01-01
based_on: permit
bundle:
- {id: permit, entry: permit}
- {id: other, name: permit, after: permit}
sources:
- {title: 条例, location: 公开文本}
reviewed: 2026-11-23
---

正文。
"""


REVIEWS = "".join(
    f"- {{slug: {slug}, content: {'a' * 40}, name: {name}, on: 2026-11-30}}\n"
    for slug, name in (("permit", "张三"), ("permit-fee", "李四"), ("road", "张三"))
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with its own program, lexicon, tests and three entries."""
    root = tmp_path / "office"
    ignored = shutil.ignore_patterns("*.pyc")
    shutil.copytree(ROOT / "indexer", root / "indexer", ignore=ignored)
    shutil.copy(ROOT / "mkdocs.yml", root)
    policies = root / "policies"
    (policies / "approvals").mkdir(parents=True)
    (policies / "templates").mkdir()
    road = ROAD.replace("title:", "supersedes: [permit]\neffective: 2025-01-02\ntitle:", 1)
    (policies / "approvals" / "road.md").write_text(road, "utf-8")
    (policies / "permit.md").write_text(PERMIT, "utf-8")
    (policies / "permit-fee.md").write_text(FEE.replace("\n", "\r\n"), "utf-8", newline="")
    (policies / "templates" / "service.md").write_text(ROAD, "utf-8")
    (policies / "index.md").write_text("看[许可](policies/permit.md)。\n", "utf-8")
    tests = root / "tests"
    (tests / "personas").mkdir(parents=True)
    (tests / "cases").mkdir()
    judged = 'query,slug,grade,why,style\npermit,permit,3,permit,口语\n"甲,乙",permit,2,,\n'
    (tests / "judgements.csv").write_text(judged, "utf-8")
    (tests / "personas" / "a.yml").write_text("who: permit\nlikely:\n- permit\n", "utf-8")
    (tests / "cases" / "estimates.yml").write_text("- {entry: permit, name: permit}\n", "utf-8")
    (tests / "test_a.py").write_text('SLUG = "permit"\n', "utf-8")
    pins = root / "indexer" / "lexicon" / "pins.yml"
    pins.write_text("# 置顶\n- {queries: [permit], slug: permit, until: 2030-01-01}\n", "utf-8")
    return root


def run(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "indexer", *words],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def rename(project: Path, *words: str) -> str:
    done = run(project, "rename", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_of(project: Path) -> dict[str, bytes]:
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in sorted(project.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def changed_lines(before: dict[str, bytes], after: dict[str, bytes]) -> dict[str, list[str]]:
    """Return what each file says now on the lines that have changed."""
    return {
        name: [
            new
            for old, new in zip(
                before[name].decode().splitlines(), after[name].decode().splitlines(), strict=True
            )
            if old != new
        ]
        for name in before
        if name in after and before[name] != after[name]
    }


def test_a_topic_is_renamed_where_it_is_a_value_and_nowhere_else(project: Path) -> None:
    before = files_of(project)
    told = rename(project, "topic", "园林绿化", "园林")
    assert changed_lines(
        before,
        files_of(project)
        | {"policies/permit.md": b""}
        | {"policies/permit.md": before["policies/permit.md"]},
    ) == {
        "indexer/lexicon/topics.yml": [
            "- {name: 园林, slug: greening, description: 占绿、砍树、修树、古树名木和配套绿化}"
        ],
        "policies/approvals/road.md": ["topic: [市政道路, 园林]   # 园林绿化也管"],
        "policies/templates/service.md": ["topic: [市政道路, 园林]   # 园林绿化也管"],
    }
    folded = PERMIT.replace("topic: >-\n  园林绿化\n", "topic: 园林\n")
    assert (project / "policies/permit.md").read_text("utf-8") == folded
    assert "+topic: [市政道路, 园林]" in told
    assert "改好了：主题 园林绿化 → 园林，4 个文件。" in told
    assert run(project, "check").returncode == 0


def test_a_region_is_renamed_with_its_conditions_and_the_old_name_is_still_understood(
    project: Path,
) -> None:
    rename(project, "region", "淄博市", "齐都市")
    regions = yaml.safe_load((project / "indexer/lexicon/regions.yml").read_text("utf-8"))
    assert [(row["name"], row.get("within")) for row in regions] == [
        ("山东省", None),
        ("齐都市", "山东省"),
        ("淄博市临淄区", "齐都市"),
    ]
    assert regions[1]["others"][-1] == "淄博市"
    permit = (project / "policies/permit.md").read_text("utf-8")
    assert "region: [淄博市临淄区, 齐都市]\n" in permit
    assert "value: [齐都市, 淄博市临淄区]\n- text: 淄博市\n" in permit
    lexicon = (project / "indexer/lexicon/issuers.yml").read_text("utf-8")
    assert "{name: 淄博市民政局, level: city, region: 齐都市}" in lexicon
    rename(project, "region", "淄博市临淄区", "临淄区")
    text = (project / "indexer/lexicon/regions.yml").read_text("utf-8")
    assert "- {name: 临淄区, within: 齐都市, others: [淄博市临淄区]}" in text
    assert text.startswith("# 地区：within 写它属于哪里。")


def test_an_issuer_is_renamed_beside_others_and_its_old_name_is_kept(project: Path) -> None:
    told = rename(project, "issuer", "税务总局", "国家税务总局")
    assert "- {name: 国家税务总局, level: national, others: [税务总局]}" in told
    road = (project / "policies/approvals/road.md").read_text("utf-8")
    assert "issuer: 财政部、国家税务总局等5部门\n" in road
    permit = (project / "policies/permit.md").read_text("utf-8")
    assert "issuer: 国家税务总局\n" in permit
    assert "issuer: 财政部、国家税务总局（转发）" in permit
    assert "- {title: 税务总局公告" in permit


def test_another_spelling_of_an_issuer_becomes_the_usual_one(project: Path) -> None:
    permit = project / "policies" / "permit.md"
    permit.write_text(PERMIT.replace("issuer: 税务总局", "issuer: 国家税务总局"), "utf-8")
    before = files_of(project)
    rename(project, "issuer", "国家税务总局", "税务总局")
    assert changed_lines(before, files_of(project)) == {"policies/permit.md": ["issuer: 税务总局"]}


def test_an_entry_is_renamed_wherever_it_is_named(project: Path) -> None:
    before = files_of(project)
    told = rename(project, "entry", "permit", "drainage-permit")
    after = files_of(project)
    assert before.keys() - after.keys() == {"policies/permit.md"}
    assert after.keys() - before.keys() == {"policies/drainage-permit.md", "policies/moved.yml"}
    assert after["policies/drainage-permit.md"] == before["policies/permit.md"]
    assert after["policies/permit-fee.md"].count(b"\r\n") == FEE.count("\n")
    assert changed_lines(before, after) == {
        "policies/approvals/road.md": [
            "supersedes: [drainage-permit]",
            "- drainage-permit   # 许可",
            "园林绿化的事看[园林绿化](drainage-permit.md#fee)，permit.md 这几个字不动，"
            "`permit` 也不动，",
        ],
        "policies/templates/service.md": [
            "- drainage-permit   # 许可",
            "园林绿化的事看[园林绿化](drainage-permit.md#fee)，permit.md 这几个字不动，"
            "`permit` 也不动，",
        ],
        "policies/permit-fee.md": [
            "based_on: drainage-permit",
            "- {id: permit, entry: drainage-permit}",
        ],
        "policies/index.md": ["看[许可](policies/drainage-permit.md)。"],
        "indexer/lexicon/pins.yml": [
            "- {queries: [permit], slug: drainage-permit, until: 2030-01-01}"
        ],
        "tests/judgements.csv": [
            "permit,drainage-permit,3,permit,口语",
            '"甲,乙",drainage-permit,2,,',
        ],
        "tests/personas/a.yml": ["- drainage-permit"],
        "tests/cases/estimates.yml": ["- {entry: drainage-permit, name: permit}"],
    }
    assert "tests/test_a.py:1" in told
    moved = yaml.safe_load((project / "policies/moved.yml").read_text("utf-8"))
    day = moved["renamed"][0].pop("date")
    assert date.fromisoformat(day) <= today()
    assert moved == {"renamed": [{"from": "permit", "to": "drainage-permit"}]}


def test_a_second_rename_and_one_back_leave_one_step_for_every_old_name(project: Path) -> None:
    rename(project, "entry", "permit", "b")
    rename(project, "entry", "b", "c")
    text = (project / "policies/moved.yml").read_text("utf-8")
    assert [row["from"] + row["to"] for row in yaml.safe_load(text)["renamed"]] == ["permitc", "bc"]
    refused = run(project, "rename", "entry", "road", "b")
    assert refused.returncode == 2
    assert "“b”已经改名为 c，请用新的条目名。 旧网址还在用" in refused.stderr
    rename(project, "entry", "c", "permit")
    text = (project / "policies/moved.yml").read_text("utf-8")
    assert [row["from"] for row in yaml.safe_load(text)["renamed"]] == ["b", "c"]


def test_a_dry_run_shows_everything_and_writes_nothing(project: Path) -> None:
    before = files_of(project)
    done = run(project, "rename", "entry", "permit", "x", "--dry-run", "--json")
    assert files_of(project) == before
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["written"] is False
    rows = {row["path"]: row for row in told["files"]}
    assert rows["policies/permit.md"] == {
        "path": "policies/permit.md",
        "change": "renamed",
        "to": "policies/x.md",
        "diff": "",
    }
    assert rows["policies/moved.yml"]["change"] == "added"
    assert rows["policies/approvals/road.md"]["change"] == "changed"
    assert "+supersedes: [x]" in rows["policies/approvals/road.md"]["diff"]
    assert "tests/test_a.py:1" in told["mentions"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("topic", "园林", "绿化"), "没有主题“园林”。您是不是想写 园林绿化？"),
        (("topic", "园林绿化", "住房"), "主题“住房”已经有了"),
        (("topic", "园林绿化", "园林绿化"), "新旧名称一样"),
        (("topic", "园林绿化", "园林: {绿}\n- x"), "不能作名称"),
        (("region", "淄博市", "张店区"), "“张店区”是地区“淄博市”的别的写法"),
        (("region", "张店区", "淄博市"), "没有地区“张店区”"),
        (("issuer", "税务总局", "财政部"), "发文机关“财政部”已经有了"),
        (("issuer", "税务总局", "国办"), "“国办”是发文机关“国务院办公厅”的别的写法"),
        (("entry", "permt", "x"), "没有条目“permt”。您是不是想写 permit？"),
        (("entry", "permit", "road"), "条目“road”已经有了"),
        (("entry", "permit", "../../x"), "“../../x”不能作条目名"),
        (("entry", "permit", "许可"), "“许可”不能作条目名"),
        (("entry", "../permit", "x"), "没有条目“../permit”"),
        (("topics", "a", "b"), "收到的是“topics”。您是不是想写 topic？"),
        (("topic", "园林绿化"), "写明改什么、旧名、新名"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(
    project: Path, words: tuple[str, ...], told: str
) -> None:
    before = files_of(project)
    done = run(project, "rename", *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert files_of(project) == before


def test_a_library_with_problems_is_mended_first(project: Path) -> None:
    fee = project / "policies" / "permit-fee.md"
    fee.write_text(FEE.replace("audience: enterprise", "audience: x"), "utf-8")
    before = files_of(project)
    done = run(project, "rename", "topic", "园林绿化", "园林")
    assert done.returncode == 1
    assert "policies/permit-fee.md:4" in done.stderr
    assert files_of(project) == before


# All or nothing


def three(folder: Path) -> list[Change]:
    for name in "ab":
        (folder / name).write_text(f"old {name}\n", "utf-8")
    return [
        Change(folder / "a", "old a\n", "new a\n"),
        Change(folder / "b", "old b\n", None),
        Change(folder / "c", None, "new c\n"),
    ]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_changes_are_written_together_and_leave_nothing_beside_them(tmp_path: Path) -> None:
    apply_changes(three(tmp_path), tmp_path)
    assert names_in(tmp_path) == ["a", "c"]
    assert (tmp_path / "a").read_text("utf-8") == "new a\n"


def test_a_folder_in_the_place_of_a_file_is_told_before_anything_is_written(tmp_path: Path) -> None:
    changes = three(tmp_path)
    (tmp_path / "d" / "full").mkdir(parents=True)  # a folder in the way of the last file
    with pytest.raises(NotWritten, match="刚刚被人改过"):
        apply_changes([*changes, Change(tmp_path / "d", None, "new d\n")], tmp_path)
    assert names_in(tmp_path) == ["a", "b", "d"]
    assert (tmp_path / "a").read_text("utf-8") == "old a\n"


CUT = """
import os, sys
from pathlib import Path
from indexer.changeset import Change, apply_changes
folder, at, how = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
count = 0
def stop(event, arguments):
    global count
    if event in ("os.rename", "os.remove") and Path(str(arguments[0])).parent == folder:
        count += 1
        if count == at and how == "killed":
            os._exit(9)
        if count == at and how == "folder":
            os.mkdir(arguments[1])
            os.mkdir(Path(arguments[1]) / "full")
sys.addaudithook(stop)
changes = [Change(folder / "a", "old a\\n", "new a\\n"), Change(folder / "b", "old b\\n", None),
           Change(folder / "c", None, "new c\\n")]
apply_changes(changes, folder)
"""


def cut(folder: Path, at: int, how: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CUT, str(folder), str(at), how],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_folder_that_gets_in_the_way_at_the_last_moment_undoes_all(tmp_path: Path) -> None:
    three(tmp_path)
    done = cut(tmp_path, 3, "folder")
    assert "NotWritten" in done.stderr
    assert "什么都没有改" in done.stderr
    assert names_in(tmp_path) == ["a", "b", "c"]
    assert (tmp_path / "c").is_dir()
    assert (tmp_path / "a").read_text("utf-8") == "old a\n"
    assert (tmp_path / "b").read_text("utf-8") == "old b\n"


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_program_killed_half_way_leaves_what_is_needed_to_put_all_back(
    tmp_path: Path, at: int
) -> None:
    three(tmp_path)
    assert cut(tmp_path, at, "killed").returncode == 9
    with pytest.raises(NotWritten, match="上次改名或撤下没有写完就断了"):
        apply_changes([Change(tmp_path / "x", None, "x")], tmp_path)
    assert recover(tmp_path) == 3
    assert names_in(tmp_path) == ["a", "b"]
    assert (tmp_path / "a").read_text("utf-8") == "old a\n"
    assert recover(tmp_path) == 0


def test_a_file_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    changes = three(tmp_path)
    (tmp_path / "b").write_text("somebody else\n", "utf-8")
    with pytest.raises(NotWritten, match="刚刚被人改过"):
        apply_changes(changes, tmp_path)
    assert names_in(tmp_path) == ["a", "b"]
    assert (tmp_path / "b").read_text("utf-8") == "somebody else\n"


def test_check_tells_of_half_a_change_and_restore_mends_it(project: Path) -> None:
    journal = project / "policies" / JOURNAL
    journal.mkdir()
    (journal / "000000").write_text(PERMIT, "utf-8")
    path = project / "policies" / "permit.md"
    path.unlink()
    row = {"path": str(path), "kept": "000000"}
    (journal / "files.json").write_text(json.dumps([row]), "utf-8")
    told = run(project, "check")
    assert told.returncode == 1
    assert "policies/.unfinished:1：上次改名或撤下没有写完就断了" in told.stderr
    assert rename(project, "--restore") == "恢复了 1 个文件，和改以前一样。\n"
    assert run(project, "check").returncode == 0
    assert rename(project, "--restore") == "没有断在一半的改名，不用恢复。\n"


# Withdrawal


def test_an_entry_that_others_need_is_not_withdrawn_and_every_place_is_told(project: Path) -> None:
    before = files_of(project)
    done = run(project, "withdraw", "permit", "--reason", "写错了适用范围", "--copy", "../x.md")
    assert done.returncode == 1
    places = [line.partition("：")[0] for line in done.stderr.splitlines()[:-1]]
    assert places == [
        "indexer/lexicon/pins.yml:2 slug",
        "policies/approvals/road.md:3 supersedes.1",
        "policies/approvals/road.md:15 related.1",
        "policies/approvals/road.md:21",
        "policies/index.md:1",
        "policies/permit-fee.md:10 based_on.1",
        "policies/permit-fee.md:12 bundle.1.entry",
    ]
    assert files_of(project) == before


def test_reviews_go_with_the_new_name_and_away_with_the_entry(project: Path) -> None:
    reviews = project / "policies" / "reviews.yml"
    reviews.write_text(f"# 审核记录\n{REVIEWS}", "utf-8")
    assert run(project, "rename", "entry", "permit", "zone").returncode == 0
    rows = REVIEWS.splitlines(keepends=True)
    moved = rows[0].replace("slug: permit,", "slug: zone,")
    assert reviews.read_text("utf-8") == f"# 审核记录\n{rows[1]}{rows[2]}{moved}"
    words = ["withdraw", "permit-fee", "--reason", "这些规定不归政策库收录", "--copy", "../x.md"]
    assert run(project, *words).returncode == 0
    assert reviews.read_text("utf-8") == f"# 审核记录\n{rows[2]}{moved}"


def test_an_entry_is_withdrawn_with_its_reason_and_a_copy(project: Path) -> None:
    words = ["withdraw", "permit-fee", "--reason", "这些规定不归政策库收录", "--instead", "permit"]
    refused = run(project, *words)
    assert refused.returncode == 2
    assert "permit-fee.md 现在的内容没有提交过，撤下就找不回来了" in refused.stderr
    inside = run(project, *words, "--copy", "policies/fee.md")
    assert "--copy 不能放在政策库 policies 里" in inside.stderr
    there = run(project, *words, "--copy", "mkdocs.yml")
    assert "mkdocs.yml 已经有了" in there.stderr
    done = run(project, *words, "--copy", "旧条目/fee.md")
    assert done.returncode == 0, done.stderr
    assert not (project / "policies/permit-fee.md").exists()
    assert (project / "旧条目/fee.md").read_text("utf-8").startswith("---\ntitle: 收费")
    (row,) = yaml.safe_load((project / "policies/moved.yml").read_text("utf-8"))["withdrawn"]
    row.pop("date")
    assert row == {
        "from": "permit-fee",
        "title": "收费",
        "reason": "这些规定不归政策库收录",
        "instead": "permit",
    }
    assert run(project, "check").returncode == 0
    again = run(project, *words)
    assert "“permit-fee”（收费）已经在" in again.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("permit-fee", "--reason", "错"), "--reason：用一句话写明"),
        (("permit-fee", "--reason", "找张三 13812345678 问"), "--reason：这里有手机号码"),
        (("permit-fee", "--reason", "写错了范围", "--instead", "x"), "--instead：没有条目“x”"),
        (("permit-fee", "--reason", "写错了范围", "--instead", "permit-fee"), "不能是它自己"),
        (("fee", "--reason", "写错了范围"), "没有条目“fee”"),
    ],
)
def test_a_withdrawal_without_what_it_needs_is_refused(
    project: Path, words: tuple[str, ...], told: str
) -> None:
    done = run(project, "withdraw", *words)
    assert done.returncode == 2
    assert told in done.stderr


# Issuers


def test_the_names_in_an_issuer_are_told_apart() -> None:
    assert issuers_in("财政部、税务总局等5部门") == ["财政部", "税务总局"]
    assert issuers_in("人力资源社会保障部等") == ["人力资源社会保障部"]
    assert issuers_in("淄博市人大常委会（省人大常委会批准）") == ["淄博市人大常委会"]
    assert rename_issuer("国务院办公厅、国务院", "国务院", "国院") == "国务院办公厅、国院"
    assert rename_issuer("财政部等4部门", "财政部", "甲") == "甲等4部门"


def test_an_issuer_that_is_not_registered_is_a_reminder_and_no_mistake(project: Path) -> None:
    for slug in ("a", "b"):
        head = yaml.safe_dump({**SMALLEST, "issuer": "税务总局、临淄区公园局"}, allow_unicode=True)
        text = f"---\n{head.replace('2024〕3号', f'2024〕{slug}号')}---\n\n正文\n"
        (project / "policies" / f"{slug}.md").write_text(text, "utf-8")
    done = run(project, "check")
    assert done.returncode == 0
    assert done.stderr == (
        "提醒：policies/a.md:4 issuer：没有登记的发文机关“临淄区公园局”（2 个条目）。"
        "名称没有错的，请在 indexer/lexicon/issuers.yml 里加一条。\n"
    )
    told = json.loads(run(project, "check", "--json").stdout)
    assert [row["field"] for row in told["reminders"]] == ["issuer"]


def test_every_issuer_of_the_real_library_is_registered() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "indexer", "check", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert json.loads(done.stdout)["reminders"] == []


def test_every_mistake_in_the_list_of_issuers_is_told(tmp_path: Path) -> None:
    path = tmp_path / "issuers.yml"
    path.write_text(
        "- {name: 财政部, level: national, others: [财政]}\n"
        "- {name: 财政, level: 国家, region: 临淄}\n"
        "- {name: 甲、乙, level: city, regon: 淄博市}\n"
        "- 丙\n",
        "utf-8",
    )
    with pytest.raises(LexiconError) as raised:
        load_issuers(path)
    told = str(raised.value).splitlines()
    assert [line.partition("：")[0] for line in told] == [
        "issuers.yml 第 2 条",
        "issuers.yml 第 2 条",
        "issuers.yml 第 2 条",
        "issuers.yml 第 3 条",
        "issuers.yml 第 3 条",
        "issuers.yml 第 4 条",
    ]
    assert "“财政”在第 1 条已经有了" in told[0]
    assert "您是不是想写 region？" in told[3]
