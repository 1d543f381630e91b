"""Import: what is found in papers of all kinds, how sure that is, and the drafts made of it."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml
from docx import Document
from factories import make_library, make_policy
from hypothesis import given
from hypothesis import strategies as st
from importing import measure
from markdown import Markdown

from indexer.checks import check_body
from indexer.chinesedates import find_dates, last_day, read_date
from indexer.classification import learn_neighbours, suggest_classes
from indexer.cli import main
from indexer.docnumbers import find_numbers
from indexer.drafts import cover_personal_data, make_draft, make_slug, text_of
from indexer.entryfile import split_entry
from indexer.filereading import settle
from indexer.findings import LIKELY, SURE, Findings, Guess, weigh
from indexer.frontmatter import read_front_matter
from indexer.gleaning import glean
from indexer.issuing import body_of_number, is_body, place_of
from indexer.lookalikes import Known, find_alike, fingerprint, fold
from indexer.markup import write_body
from indexer.policy import Level
from indexer.textfiles import read_txt
from indexer.transcript import Block, Link, Shape, Transcript

ROOT = Path(__file__).resolve().parent.parent
PAPERS = yaml.load((ROOT / "tests/cases/gleaning.yml").read_text("utf-8"), Loader=yaml.BaseLoader)
NOTICE = PAPERS[0]["text"]
EXTENSIONS = ["admonition", "attr_list", "nl2br", "sane_lists", "tables"]  # those of mkdocs.yml


def read(text: str, name: str = "文件.txt") -> Transcript:
    return settle(read_txt(text.encode(), name))


def findings_of(text: str) -> Findings:
    return glean(read(text))


# What is found.


@pytest.mark.parametrize("paper", PAPERS, ids=[paper["name"] for paper in PAPERS])
def test_what_a_paper_tells_of_itself_is_found_and_nothing_else(paper: dict[str, Any]) -> None:
    findings = findings_of(paper["text"])
    found = {field: findings.value(field) for field in paper["expect"]}
    assert found == {f: None if v == "null" else v for f, v in paper["expect"].items()}
    unsure = {f for f in found if (g := findings.likely(f)) is not None and not g.is_sure}
    assert unsure == set(paper.get("unsure", []))
    for field in paper.get("doubt", []):
        best = findings.best(field)
        assert best is not None
        assert not best.is_sure


@pytest.mark.parametrize("paper", PAPERS, ids=[paper["name"] for paper in PAPERS])
def test_every_guess_tells_the_words_it_rests_on(paper: dict[str, Any]) -> None:
    text = fold(paper["text"])
    for guess in findings_of(paper["text"]).guesses:
        assert 0 <= guess.confidence <= 1
        assert guess.where
        assert fold(guess.evidence) in text or guess.where in ("附件", "文件名")


def test_there_are_enough_papers_that_no_rule_is_made_for_one() -> None:
    assert len(PAPERS) >= 25


def test_an_old_paper_that_is_abolished_is_named_with_its_number() -> None:
    (found,) = findings_of(PAPERS[2]["text"]).all("repeals")
    assert found.value == "云州市城市供水管理办法（市政府令第9号）"
    text = "关于停用旧标准的通知\n各区：\n《旧办法》（云政发〔2011〕2号）同时废止。\n"
    (found,) = findings_of(text).all("repeals")
    assert found.value == "旧办法（云政发〔2011〕2号）"


def test_cited_papers_are_found_and_the_paper_itself_is_not_among_them() -> None:
    paper = next(paper for paper in PAPERS if paper["name"] == "文号只引用了别人的")
    cited = [guess.value for guess in findings_of(paper["text"]).all("documents")]
    assert cited == ["云州市人民政府关于加强冬季清雪工作的意见（云政发〔2020〕15号）"]


def test_a_short_name_counts_only_if_it_is_the_papers_own() -> None:
    text = (
        "关于落实《云州市人才公寓管理办法》的通知\n各区：\n根据《云州市人才公寓管理办法》（以下简称“公寓办法”）"
        "，请通知入住人员（以下简称“住户”）。\n"
    )
    assert not findings_of(text).all("aliases")
    text = "云州市人才公寓管理办法\n第一条 《云州市人才公寓管理办法》（以下简称“公寓办法”）适用。\n"
    assert [g.value for g in findings_of(text).all("aliases")] == ["公寓办法", "人才公寓管理办法"]


def test_attachments_are_found_by_name() -> None:
    paper = next(paper for paper in PAPERS if paper["name"] == "附件里也有文号和日期")
    names = [guess.value for guess in findings_of(paper["text"]).all("attachments")]
    assert names == ["入学办法", "登记表"]


def test_a_validity_without_a_first_day_is_told_as_it_stands() -> None:
    findings = findings_of("云州市补贴办法\n第一条 为了发补贴，制定本办法。\n本办法有效期3年。\n")
    assert findings.value("expires") is None
    told = findings.best("validity_note")
    assert told is not None
    assert told.value == "有效期3年"


def test_witnesses_that_agree_make_surer_and_a_rival_makes_doubtful() -> None:
    def guess(value: str, confidence: float, where: str) -> Guess:
        return Guess("issued", value, confidence, value, where)

    (one,) = weigh([guess("a", 0.7, "落款"), guess("a", 0.6, "表头")])
    assert one.confidence > SURE
    first, second = weigh([guess("a", 0.95, "落款"), guess("b", 0.9, "表头")])
    assert (first.value, first.is_sure) == ("a", False)
    assert second.confidence < LIKELY
    assert "b" in first.note


# How dates and numbers are written.


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2016年3月11日", "2016-03-11"),
        ("二○○四年十一月十五日", "2004-11-15"),
        ("二〇一二年六月五日", "2012-06-05"),
        ("二零二一年十二月三十一日", "2021-12-31"),
        ("二ΟΟ九年元月二十日", "2009-01-20"),
        ("２０１６年３月１１日", "2016-03-11"),
        ("2016－3－11", "2016-03-11"),
        ("2016.03.11", "2016-03-11"),
        ("2016/3/11", "2016-03-11"),
        ("2016 年 3 月 11 号", "2016-03-11"),
        ("一九九八年四月三十日", "1998-04-30"),
        ("二○○○年二月二十九日", "2000-02-29"),
    ],
)
def test_a_date_is_read_however_it_is_written(text: str, day: str) -> None:
    assert read_date(text) == date.fromisoformat(day)


@pytest.mark.parametrize("text", ["2024年2月30日", "1.2.3", "2024年13月1日", "3月1日", "12345-3-1"])
def test_what_is_no_date_is_not_taken_for_one(text: str) -> None:
    assert not list(find_dates(text))


@given(st.dates(min_value=date(1950, 1, 1), max_value=date(2099, 12, 31)))
def test_every_day_written_in_characters_reads_back(day: date) -> None:
    figures = "〇一二三四五六七八九"

    def count(number: int) -> str:
        tens, ones = divmod(number, 10)
        ten = ("" if tens == 1 else figures[tens]) + "十" if tens else ""
        return ten + (figures[ones] if ones else "")

    year = "".join(figures[int(figure)] for figure in str(day.year))
    written = f"{year}年{count(day.month)}月{count(day.day)}日"
    assert [found.day for found in find_dates(f"于{written}起施行")] == [day]


@pytest.mark.parametrize(
    ("first", "years", "months", "last"),
    [
        ("2020-03-01", 5, 0, "2025-02-28"),
        ("2024-01-01", 2, 0, "2025-12-31"),
        ("2024-02-29", 1, 0, "2025-02-28"),
        ("2024-08-31", 0, 6, "2025-02-28"),
        ("2024-07-15", 0, 6, "2025-01-14"),
    ],
)
def test_the_last_day_is_the_one_before_the_anniversary(
    first: str, years: int, months: int, last: str
) -> None:
    assert last_day(date.fromisoformat(first), years, months).isoformat() == last


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("鲁政发〔2020〕1号", "鲁政发〔2020〕1号"),
        ("鲁政发[2020]1号", "鲁政发〔2020〕1号"),
        ("鲁政发（2020）第1号", "鲁政发〔2020〕1号"),
        ("鲁政发【２０２０】１号", "鲁政发〔2020〕1号"),
        ("鲁政发〔 2020 〕 01 号", "鲁政发〔2020〕1号"),
        ("根据国发〔2014〕8号文件", "国发〔2014〕8号"),
        ("山东省人民政府令第253号", "山东省人民政府令第253号"),
        ("中华人民共和国国务院令 第641号", "国务院令第641号"),
        ("国家发展和改革委员会令第16号", "国家发展和改革委员会令第16号"),
        ("环境保护部第35号令", "环境保护部令第35号"),
        ("财政部 税务总局公告2026年第10号", "财政部 税务总局公告2026年第10号"),
        ("云州市自然资源局公告〔2020〕3号", "云州市自然资源局公告〔2020〕3号"),
        ("1998年4月30日云州市人民政府令第90号修订", "云州市人民政府令第90号"),
    ],
)
def test_a_number_is_read_in_any_form(text: str, number: str) -> None:
    assert [found.number for found in find_numbers(text)] == [number]


@pytest.mark.parametrize(
    "text", ["第12号", "2020年第3号", "〔2020〕1号", "鲁ICP备05051451号", "3号楼"]
)
def test_what_is_no_number_is_not_taken_for_one(text: str) -> None:
    assert not list(find_numbers(text))


# Issuing bodies.


@pytest.mark.parametrize(
    ("body", "level", "region"),
    [
        ("国务院", Level.NATIONAL, None),
        ("财政部", Level.NATIONAL, None),
        ("国家税务总局", Level.NATIONAL, None),
        ("国家税务总局山东省税务局", Level.PROVINCE, "山东省"),
        ("山东省人民政府", Level.PROVINCE, "山东省"),
        ("上海市人民政府", Level.PROVINCE, "上海市"),
        ("广西壮族自治区民政厅", Level.PROVINCE, "广西壮族自治区"),
        ("淄博市人民政府办公室", Level.CITY, "淄博市"),
        ("临淄区市政园林环卫事务服务中心", Level.DISTRICT, "淄博市临淄区"),
        ("淄博市临淄区人民政府", Level.DISTRICT, "淄博市临淄区"),
        ("云州市青禾县民政局", Level.DISTRICT, "云州市青禾县"),
    ],
)
def test_level_and_region_follow_from_the_name(body: str, level: Level, region: str | None) -> None:
    place = place_of(body)
    assert place is not None
    assert (place.level, place.region) == (level, region)


@pytest.mark.parametrize("text", ["各有关单位", "关于开展检查的通知", "有关委局", "附件", "第二部"])
def test_what_is_no_body_is_not_taken_for_one(text: str) -> None:
    assert not is_body(text)


def test_the_mark_of_a_number_stands_for_a_body_where_the_text_names_the_place() -> None:
    found = body_of_number("临政发〔2024〕1号", ["临沂市各单位"])
    assert found is not None
    assert (found.body, found.named) == ("临沂市人民政府", True)
    found = body_of_number("鲁政办发〔2024〕1号", [])
    assert found is not None
    assert (found.body, found.named) == ("山东省人民政府办公厅", False)
    assert body_of_number("云政发〔2024〕1号", []) is not None
    assert body_of_number("某某发〔2024〕1号", []) is None


# The body of a draft.

SIGNS = (
    r"# 不是标题 > 引用 *星号* _线_ `代码` [链接](javascript:alert(1)) "
    r"<script>alert(1)</script> &lt; a|b \ {: #x}"
)


def shown(markdown: str) -> str:
    html: str = Markdown(extensions=EXTENSIONS).convert(markdown)
    assert not re.search(r"<(?:script|a|em|strong|code|img|h1)\b", html)
    return html


def test_text_that_looks_like_markdown_or_html_stays_text() -> None:
    blocks = [
        Block(Shape.PARAGRAPH, text) for text in (SIGNS, "- 减号", "1. 数字", "--- ", "!!! 注意")
    ]
    body = write_body(Transcript("文件.txt", tuple(blocks)))
    html = shown(body)
    assert html.count("<p") == len(blocks)
    assert "<li>" not in html
    assert list(check_body(body, 1)) == []
    read_back = unescape(re.sub("<[^>]+>", "", html))
    assert read_back.split() == " ".join(block.text for block in blocks).split()


@given(st.text(alphabet="#*_`[](){}<>|!&;:-+=\\1. a中\n", min_size=1, max_size=60))
def test_any_text_stays_text(text: str) -> None:
    body = write_body(Transcript("文件.txt", (Block(Shape.PARAGRAPH, text),)))
    assert list(check_body(body, 1)) == []
    html = Markdown(extensions=EXTENSIONS).convert(body)
    assert not re.search(r"<(?!/?p>|br\s?/?>)", html)


def test_a_table_is_written_with_pipes_and_no_cell_is_lost() -> None:
    rows = (("项目", "标准|元"), ("高龄\n津贴", "100"), ("短行",))
    block = Block(Shape.TABLE, "", rows=rows)
    body = write_body(Transcript("文件.txt", (Block(Shape.PARAGRAPH, "见下表"), block)))
    assert body == (
        "见下表\n\n| 项目 | 标准\\|元 |\n| --- | --- |\n| 高龄 津贴 | 100 |\n| 短行 |  |\n"
    )
    assert shown(body).count("<td") == 4


def test_headings_and_lists_keep_their_depth() -> None:
    blocks = (
        Block(Shape.HEADING, "第一章 总则", level=1),
        Block(Shape.ITEM, "（一）甲", level=2),
        Block(Shape.ITEM, "1. 乙", level=3),
        Block(Shape.PARAGRAPH, "完"),
    )
    body = write_body(Transcript("文件.txt", blocks))
    assert body == "## 第一章 总则\n\n- （一）甲\n    - 1\\. 乙\n\n完\n"


def test_only_attachments_on_the_web_become_links() -> None:
    links = (Link("申请[表]", "https://example.gov.cn/a(1).doc"), Link("坏", "javascript:alert(1)"))
    body = write_body(Transcript("网页.html", (Block(Shape.PARAGRAPH, "正文"),), attachments=links))
    assert body.endswith("- [申请表](https://example.gov.cn/a%281%29.doc)\n")
    assert "javascript" not in body
    assert list(check_body(body, 1)) == []


@pytest.mark.parametrize("paper", PAPERS, ids=[paper["name"] for paper in PAPERS])
def test_no_character_of_a_paper_is_lost_in_its_draft(paper: dict[str, Any]) -> None:
    transcript = read(paper["text"])
    assert fold(write_body(transcript)) == fold(text_of(transcript))


# Drafts.


@pytest.fixture
def library(tmp_path: Path) -> Any:
    return make_library(
        make_policy("old-water", title="云州市城市供水管理办法", kind="rule", topic=["水电气暖"]),
        make_policy("road-excavation", title="挖掘城市道路审批", topic=["市政道路"]),
        tmp_path=tmp_path,
    )


def draft_of(text: str, library: Any, *taken: str) -> tuple[dict[str, Any], str, str]:
    """Return the values, the text and the name of the draft of a paper."""
    transcript, covered = cover_personal_data(read(text))
    findings = glean(transcript)
    classes = suggest_classes(transcript, findings, learn_neighbours(library))
    findings = Findings((*findings.guesses, *classes))
    draft = make_draft(transcript, findings, covered, (), library, taken)
    front = read_front_matter(split_entry(draft.text)[0], first_line=2)
    assert not front.mistakes
    return front.values, draft.text, draft.slug


def test_a_draft_holds_what_was_found_and_asks_for_the_rest(library: Any) -> None:
    values, text, slug = draft_of(NOTICE, library)
    assert values["title"] == "云州市人民政府办公室关于进一步做好城市道路挖掘管理工作的通知"
    assert (values["issued"], values["effective"]) == ("2024-04-08", "2024-05-01")
    assert values["sources"] == [
        {
            "id": "A",
            "title": values["title"],
            "doc_number": "云政办发〔2024〕12号",
            "location": "收到的文件 文件.txt",
        }
    ]
    assert "summary" not in values
    assert "reviewed" not in values
    assert "\n# 请填写一句话说明：" in text
    assert re.search(r"\nsummary:\n", text)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*-2024", slug)


def test_a_doubtful_value_has_its_reason_above_it(library: Any) -> None:
    paper = next(paper for paper in PAPERS if paper["name"] == "有效期五年，要算")
    _, text, _ = draft_of(paper["text"], library)
    assert re.search(
        r"# 请核对：按施行日期加 5 年算出来的（依据“有效期五年”，第 \d+ 段，把握 75%）\n"
        r"expires: '2025-02-28'\n",
        text,
    )


def test_what_is_too_doubtful_is_only_told(library: Any) -> None:
    text = "云州市停车办法\n第一条 为了规范停车，制定本办法。\n"
    values, draft, _ = draft_of(text, library)
    assert "issuer" not in values
    assert "可能是“云州市人民政府”" in draft
    assert re.search(r"\nissuer:\n", draft)


def test_an_abolished_paper_is_linked_to_its_entry_or_named(library: Any) -> None:
    values, _, _ = draft_of(PAPERS[2]["text"], library)
    assert values["repeals"] == ["old-water"]
    text = "云州市停车办法\n第一条 为了停车，制定本办法。《云州市旧办法》同时废止。\n"
    values, draft, _ = draft_of(text, library)
    assert "repeals" not in values
    assert "# 文中说废止《云州市旧办法》，政策库里没有这个条目。" in draft


def test_an_issuer_is_written_as_the_register_has_it(library: Any) -> None:
    notice = NOTICE.replace("云州市人民政府办公室", "住房和城乡建设部")
    assert draft_of(notice, library)[0]["issuer"] == "住房城乡建设部"


def test_two_drafts_never_have_the_same_name(library: Any) -> None:
    _, _, slug = draft_of(NOTICE, library)
    assert draft_of(NOTICE, library, slug)[2] == f"{slug}-2"


def test_a_name_is_the_title_in_pinyin_with_the_year() -> None:
    assert make_slug("云州市居住证管理规定", "2019").endswith("-2019")
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", make_slug("关于印发《云州市重要办法》的通知"))
    assert len(make_slug("很长的标题" * 40, "2024")) <= 60
    assert make_slug("★") == ""


IDENTITY = "110101199003070038"


def test_personal_data_is_told_with_its_place_and_is_not_in_the_draft(library: Any) -> None:
    text = f"关于补办证件的通知\n各单位：\n请张某（{IDENTITY}）联系13800138000。\n"
    transcript, covered = cover_personal_data(read(text))
    assert [(piece.kind, piece.where) for piece in covered] == [
        ("身份证号码", "第 3 段"),
        ("手机号码", "第 3 段"),
    ]
    assert IDENTITY not in json.dumps(glean(transcript).to_list())
    _, draft, _ = draft_of(text, library)
    assert IDENTITY not in draft
    assert "13800138000" not in draft
    assert "# 原文第 3 段有身份证号码（110" in draft


def test_hostile_text_cannot_leave_its_comment_or_its_value(library: Any) -> None:
    evil = "关于“---”和title: 假 # 的通知\u2028reviewed: 2026-01-01"
    text = f"{evil}\n各单位：\n本通知自2024年1月1日起施行，有效期三年。\n---\nkind: x\n---\n"
    values, draft, _ = draft_of(text, library)
    assert "reviewed" not in values
    assert values["title"].startswith("关于“---”和title: 假 # 的通知")
    assert "\u2028" not in draft.partition("sources:")[0]


@pytest.mark.parametrize(
    "piece", ["甲（", "《甲", "自2024年1月1日起施行，", "《甲》（", "第1号令", "。"]
)
def test_a_line_without_end_is_read_to_its_end(piece: str) -> None:
    text = f"云州市停车办法\n第一条 {piece * 20_000}本办法自2024年1月1日起施行。\n"
    blocks = tuple(Block(Shape.PARAGRAPH, line) for line in text.splitlines())
    assert glean(Transcript("文件.txt", blocks)).value("title") == "云州市停车办法"


# Lookalikes.


def known(text: str, title: str = "", number: str | None = None, place: str = "a") -> Known:
    return Known(place, title, number, text)


LONG = "".join(
    f"第{n}条 申请人应当在{n * 3}日内向云州市第{n}号窗口提出申请，材料齐全的当场受理。"
    for n in range(80)
)


def test_the_same_text_is_recognised_however_it_is_set_out() -> None:
    (found,) = find_alike(known("  甲，\n乙。"), [known("**甲** 乙")])
    assert (found.same, found.why) == (True, "内容一样")


def test_the_same_number_is_recognised_in_any_brackets() -> None:
    other = known("另外的文字", number="云政发[2024] 1号")
    (found,) = find_alike(known("文字", number="云政发〔2024〕1号"), [other])
    assert found.same


def test_a_text_with_a_few_words_changed_is_alike() -> None:
    (found,) = find_alike(known(LONG.replace("7号窗口", "七号窗口")), [known(LONG)])
    assert not found.same
    assert found.stops


def test_half_of_a_text_is_told_but_stops_nothing() -> None:
    (found,) = find_alike(known(LONG[: len(LONG) // 2]), [known(LONG)])
    assert not found.stops
    assert 0.3 < found.share < 0.7


def test_the_same_title_of_another_year_is_another_paper() -> None:
    new = known("甲", "2025年汽车以旧换新补贴通知", "云商〔2025〕1号")
    assert find_alike(new, [known("乙", "2024年汽车以旧换新补贴通知", "云商〔2024〕1号")]) == ()


def test_other_texts_are_not_alike() -> None:
    assert find_alike(known(LONG, "甲通知"), [known(NOTICE, "乙办法")]) == ()


# The command.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with one entry, and an inbox with two papers."""
    (tmp_path / "policies").mkdir()
    entry = (ROOT / "tests/cases/good.md").read_text("utf-8")
    (tmp_path / "policies/loan.md").write_text(entry, "utf-8")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "道路.txt").write_text(NOTICE, "utf-8")
    paper = Document()
    for line in PAPERS[2]["text"].splitlines():
        paper.add_paragraph(line)
    paper.save(str(inbox / "供水.docx"))
    return tmp_path


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """Run a command in the project, in this process: its start takes longer than its work."""
    monkeypatch.chdir(folder)

    def command(*words: str) -> Done:
        with pytest.raises(SystemExit) as ended:
            main(words)
        shown = capsys.readouterr()
        return Done(int(ended.value.code or 0), shown.out, shown.err)

    return command


def drafts(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "build/drafts").glob("*"))


def files_of(done: Done) -> Iterator[dict[str, Any]]:
    yield from json.loads(done.stdout)["files"]


def test_a_folder_becomes_drafts_that_check_can_read(
    folder: Path, run: Callable[..., Done]
) -> None:
    done = run("import", "inbox")
    assert done.returncode == 0, done.stderr
    assert "2 个文件：写了 2 份草稿。" in done.stdout
    assert len(drafts(folder)) == 2
    assert [name[-8:] for name in drafts(folder)] == ["-2024.md", "-2021.md"]
    checked = run("check", "--policies", "build/drafts", "--json")
    fields = {problem["field"] for problem in json.loads(checked.stdout)["problems"]}
    assert {"summary", "reviewed"} <= fields <= {"summary", "reviewed", "topic", "audience"}


def test_importing_twice_writes_nothing_the_second_time_and_keeps_what_was_edited(
    folder: Path,
    run: Callable[..., Done],
) -> None:
    run("import", "inbox")
    (path,) = (folder / "build/drafts").glob("*-2024.md")
    edited = path.read_text("utf-8").replace("doc_number:", "# doc_number:").replace("一、", "改、")
    path.write_text(edited, "utf-8")
    before = drafts(folder)
    done = run("import", "inbox", "--json")
    assert done.returncode == 0
    assert [outcome["draft"] for outcome in files_of(done)] == [None, None]
    assert [outcome["alike"][0]["why"] for outcome in files_of(done)] == ["内容一样"] * 2
    assert drafts(folder) == before
    assert path.read_text("utf-8") == edited


def test_a_paper_that_is_an_entry_already_is_shown_and_not_written(
    folder: Path, run: Callable[..., Done]
) -> None:
    entry = folder / "policies/loan.md"
    text = entry.read_text("utf-8").replace(
        "reviewed:", "doc_number: 云政办发〔2024〕12号\nreviewed:"
    )
    entry.write_text(text, "utf-8")
    done = run("import", "inbox/道路.txt", "--force", "--json")
    (outcome,) = files_of(done)
    assert outcome["draft"] is None
    assert outcome["alike"][0]["place"] == "policies/loan.md"
    assert outcome["alike"][0]["why"].startswith("文号一样")


def test_the_same_paper_twice_in_a_batch_is_written_once(
    folder: Path, run: Callable[..., Done]
) -> None:
    (folder / "inbox/副本.txt").write_text(f"\n{NOTICE}\n", "utf-8")
    done = run("import", "inbox")
    assert "3 个文件：写了 2 份草稿，1 份已经有了或者很像已有的。" in done.stdout


def test_a_paper_much_like_another_is_written_only_when_forced(
    folder: Path, run: Callable[..., Done]
) -> None:
    (folder / "one.txt").write_text(f"云州市甲办法\n{LONG}", "utf-8")
    (folder / "two.txt").write_text(f"云州市乙办法\n{LONG}", "utf-8")
    assert "写了 1 份草稿" in run("import", "one.txt", "two.txt").stdout
    assert len(drafts(folder)) == 1
    assert "写了 1 份草稿" in run("import", "two.txt", "--force").stdout
    assert len(drafts(folder)) == 2


def test_a_bad_file_is_told_the_others_are_read_and_the_command_exits_1(
    folder: Path, run: Callable[..., Done]
) -> None:
    (folder / "inbox/坏.docx").write_bytes(b"PK\x03\x04 broken")
    (folder / "inbox/空.txt").write_bytes(b"")
    done = run("import", "inbox", "--json")
    assert done.returncode == 1
    problems = {Path(o["file"]).name: o["problem"] for o in files_of(done)}
    assert [name for name, problem in problems.items() if problem] == ["坏.docx", "空.txt"]
    assert len(drafts(folder)) == 2
    assert "2 份没有导入" in run("import", "inbox").stdout


def test_the_json_has_every_guess_with_confidence_and_evidence(
    folder: Path, run: Callable[..., Done]
) -> None:
    (outcome,) = files_of(run("import", "inbox/道路.txt", "--kind", "rule", "--json"))
    by_field = {guess["field"]: guess for guess in outcome["findings"]}
    assert by_field["doc_number"]["value"] == "云政办发〔2024〕12号"
    assert by_field["doc_number"]["evidence"] == "云政办发〔2024〕12号"
    assert by_field["kind"] == {
        "field": "kind",
        "value": "rule",
        "confidence": 1.0,
        "evidence": "--kind rule",
        "where": "命令里写的",
        "note": "",
    }
    assert "kind" not in outcome["doubtful"]


def test_personal_data_never_leaves_the_file(folder: Path, run: Callable[..., Done]) -> None:
    paper = f"{NOTICE}\n请张某（{IDENTITY}）联系13800138000。\n"
    (folder / "inbox/道路.txt").write_text(paper, "utf-8")
    done = run("import", "inbox/道路.txt")
    (draft,) = (folder / "build/drafts").iterdir()
    assert "身份证号码（110" in done.stderr
    for text in (done.stdout, done.stderr, draft.read_text("utf-8")):
        assert IDENTITY not in text
        assert "13800138000" not in text
    told = run("import", "inbox/道路.txt", "--json").stdout
    assert IDENTITY not in told
    assert [piece["kind"] for piece in json.loads(told)["files"][0]["personal"]] == [
        "身份证号码",
        "手机号码",
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("没有.txt",), "没有这个文件：没有.txt"),
        (
            ("inbox", "--kind", "rules"),
            "--kind 只能是 service、benefit、rule，收到的是“rules”。您是不是想写 rule？",
        ),
        (("inbox", "--out", "policies/new"), "草稿不能直接写进政策库"),
        (("inbox", "--out", "inbox/道路.txt"), "--out 要写一个文件夹"),
        (("empty",), "这里没有文件可以导入。"),
        (("inbox", "--policies", "nowhere"), "没有文件夹 nowhere"),
        ((), "缺少参数"),
    ],
)
def test_wrong_use_exits_2_and_writes_nothing(
    folder: Path, run: Callable[..., Done], words: tuple[str, ...], told: str
) -> None:
    (folder / "empty").mkdir()
    done = run("import", *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert not (folder / "build/drafts").exists()


def test_a_folder_that_cannot_be_written_to_is_told(folder: Path, run: Callable[..., Done]) -> None:
    (folder / "build").mkdir()
    (folder / "build/drafts").symlink_to(folder / "nowhere/deeper")
    (folder / "nowhere").write_text("", "utf-8")
    done = run("import", "inbox/道路.txt")
    assert done.returncode == 1
    assert "写不了" in done.stdout.replace("\n", "")


def test_an_edited_draft_keeps_the_fingerprint_of_its_file(library: Any) -> None:
    _, text, _ = draft_of(NOTICE, library)
    assert f"# 原文指纹：{fingerprint(text_of(read(NOTICE)))}" in text


def test_the_benchmark_counts_right_wrong_and_missed(tmp_path: Path) -> None:
    (tmp_path / "道路.txt").write_text(NOTICE, "utf-8")
    row = {
        "file": "道路.txt",
        "title": "云州市人民政府办公室关于进一步做好城市道路挖掘管理工作的通知",
        "doc_number": "云政办发[2024]12号",
        "issuer": "云州市人民政府",
        "issued": "2024-04-08",
        "effective": "",
        "expires": "2029-04-30",
    }
    measured = measure(tmp_path, [row, {**row, "file": "没有.txt"}])
    verdicts = {
        field: [name for name, count in counts.items() if count]
        for field, counts in measured["fields"].items()
    }
    assert verdicts == {
        "title": ["right"],
        "doc_number": ["right"],
        "issuer": ["wrong_and_sure"],
        "issued": ["right"],
        "effective": ["wrong_and_sure"],
        "expires": ["right"],
    }
    assert measured["characters_lost"] == {"道路.txt": 0}
    assert list(measured["unreadable"]) == ["没有.txt"]
