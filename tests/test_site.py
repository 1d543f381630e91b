"""The site: built by MkDocs in strict mode and by Zensical, from the same pages and templates."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from os.path import normpath
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from browser import CANARY, HOSTILE, HOSTILE_SHORT, ROOT, build, run, small_library, write_project
from repository import Repository

from indexer.build import Render, SiteError, SiteReport, build_site, render_here
from indexer.loader import load_library
from indexer.pages import build_pages

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
DAY = date(2026, 11, 24)
ZENSICAL = ("zensical", "build", "--strict", "--config-file", "mkdocs.yml")


class Page(HTMLParser):
    """A page as a browser reads it: elements with attributes, and the text of some of them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {"title": [], "h1": [], "main": []}
        self._open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)
            if tag in self.texts:
                self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        while tag in self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag in self.texts.keys() & set(self._open):
            self.texts[tag][-1] += data

    def values(self, *names: str) -> Iterator[tuple[str, str]]:
        """Yield the element and value of every attribute with one of these names."""
        for tag, attributes in self.elements:
            for name in names:
                if name in attributes:
                    yield tag, attributes[name]

    @property
    def words(self) -> str:
        """The text of the main part, with one blank where there is any space."""
        return " ".join("".join(self.texts["main"]).split())


def pages_of(site: Path) -> dict[str, Page]:
    return {p.relative_to(site).as_posix(): Page(p) for p in sorted(site.rglob("*.html"))}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small library in a repository, so that its entries have a history."""
    folder = write_project(tmp_path_factory.mktemp("site"), small_library())
    Repository(folder).commit("2026-11-20")
    return folder


@pytest.fixture(scope="module")
def site(project: Path) -> Path:
    """The small library built by a bare `mkdocs build --strict`, from a clean state."""
    assert not (project / "build").exists()
    return build(project, "mkdocs", "build", "--strict")


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    return pages_of(site)


@pytest.fixture(scope="module")
def zensical(project: Path, site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same pages built by Zensical, which runs no hooks."""
    folder = tmp_path_factory.mktemp("zensical")
    for name in ("mkdocs.yml", "site", "build/pages"):
        copy = shutil.copy if (project / name).is_file() else shutil.copytree
        copy(project / name, folder / name)
    return build(folder, *ZENSICAL, POLICYKB_PAGES="build/pages")


def test_the_build_empties_only_its_own_folder(project: Path, site: Path) -> None:
    assert site == project / "build" / "site"
    assert (project / "site" / "hooks.py").is_file()
    assert (site / "policies" / "drainage-permit.html").is_file()


def test_a_mistake_in_an_entry_stops_the_build_and_is_named(tmp_path: Path) -> None:
    entries = small_library()
    entries["drainage-permit"]["effective"] = "2024年3月1日"
    done = run(write_project(tmp_path, entries), "mkdocs", "build", "--strict")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "policies/drainage-permit.md:" in said
    assert "“2024年3月1日”不是日期" in said
    assert "Traceback" not in said


def test_pages_that_are_given_are_used_as_they_are(project: Path, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    build_pages(load_library(project / "policies"), pages, date(2026, 11, 24))
    (pages / "policies" / "hostile.md").unlink()
    build(
        project,
        "mkdocs",
        "build",
        "--strict",
        "--site-dir",
        str(tmp_path / "given"),
        POLICYKB_PAGES=str(pages),
    )
    assert (tmp_path / "given" / "policies" / "drainage-permit.html").is_file()
    assert not (tmp_path / "given" / "policies" / "hostile.html").exists()


def test_the_real_library_builds_strictly(real_build: Path) -> None:
    library = load_library(ROOT / "policies")
    built = sorted((real_build / "site" / "policies").glob("*.html"))
    assert [path.stem for path in built] == [policy.slug for policy in library.policies]
    assert max(path.stat().st_size for path in built) < 100_000


def test_every_page_says_its_language_title_and_one_heading(pages: dict[str, Page]) -> None:
    entries = small_library().values()
    notices = sum(entry.get("kind", "service") == "service" for entry in entries)
    assert len(pages) == len(entries) + notices + 41  # home, search, lists, topics, 404 …
    for name, page in pages.items():
        assert ("html", "zh") in page.values("lang"), name
        assert len(page.texts["h1"]) == 1, name
        assert page.texts["h1"][0].strip(), name
        assert page.texts["title"][0].strip(), name
    titles = [page.texts["title"][0].strip() for page in pages.values()]
    assert len(set(titles)) == len(titles)


def test_every_page_has_a_way_past_the_header_and_names_the_owner(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        assert ("a", "#main") in page.values("href"), name
        assert [value for _, value in page.values("id")].count("main") == 1, name
        ids = [value for _, value in page.values("id")]
        assert len(ids) == len(set(ids)), name


def test_every_link_leads_somewhere(site: Path, pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        for _, value in page.values("href", "src", "action"):
            address = urlsplit(value)
            if address.scheme:
                continue
            base = site if address.path.startswith("/") else (site / name).parent
            target = base / unquote(address.path.lstrip("/")) if address.path else site / name
            if target.is_dir():
                target /= "index.html"
            assert target.is_file(), f"{name} → {value}"
            if address.fragment and not address.path:
                ids = [id_ for _, id_ in page.values("id")]
                assert unquote(address.fragment) in [*ids, "__toc"], f"{name} → {value}"


def test_nothing_is_loaded_from_another_host(site: Path, pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        for tag, value in page.values("src", "href", "action", "srcset", "data", "poster"):
            if tag != "a":
                assert not urlsplit(value).netloc, f"{name} → {value}"
    sheets = list(site.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        text = sheet.read_text(encoding="utf-8")
        assert not re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", text), sheet


def test_pages_need_no_inline_script_style_or_handler(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        for tag, attributes in page.elements:
            if tag == "script":
                assert "src" in attributes or attributes["type"] == "application/json", name
            assert tag != "style", name
            assert "style" not in attributes, (name, tag)
            assert not [key for key in attributes if key.startswith("on")], (name, tag)


@pytest.mark.parametrize("builder", ["site", "zensical"])
def test_hostile_text_comes_out_as_text(builder: str, request: pytest.FixtureRequest) -> None:
    pages = pages_of(request.getfixturevalue(builder))
    entry = pages["policies/hostile.html"]
    assert entry.texts["h1"][0].strip() == HOSTILE
    assert entry.texts["title"][0].strip() == f"{HOSTILE} - 政策库"
    assert entry.words.count(HOSTILE) == 11
    for name, page in pages.items():
        for tag, attributes in page.elements:
            assert tag != "script" or attributes.keys() & {"src", "type"}, name
        assert not [tag for tag, _ in page.elements if tag == "img"], name
        assert not [value for _, value in page.values("href") if "javascript:" in value], name
        assert "49" not in page.texts["h1"][0], name
    listed = pages["topics/cityscape.html"]
    assert HOSTILE in listed.words
    assert ("li", f"{HOSTILE_SHORT} {HOSTILE} {HOSTILE_SHORT}") in listed.values("data-words")


@pytest.mark.parametrize("builder", ["site", "zensical"])
def test_internal_notes_reach_no_file(builder: str, request: pytest.FixtureRequest) -> None:
    files = [p for p in request.getfixturevalue(builder).rglob("*") if p.is_file()]
    assert any("城镇污水排入排水管网许可".encode() in path.read_bytes() for path in files)
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []


def test_zensical_shows_the_same_pages_with_the_same_text(
    pages: dict[str, Page], zensical: Path
) -> None:
    others = pages_of(zensical)
    assert others.keys() == pages.keys()
    for name, page in pages.items():
        assert others[name].words == page.words, name
        assert others[name].texts["title"] == page.texts["title"], name
        ours, theirs = (
            sorted(value.removeprefix("./") for tag, value in each.values("href") if tag == "a")
            for each in (page, others[name])
        )
        if name != "404.html":
            assert set(ours) - {"#__skip"} == set(theirs) - {"#__skip"}, name


def test_an_entry_shows_every_section_of_its_record(pages: dict[str, Page]) -> None:
    words = pages["policies/drainage-permit.html"].words
    for expected in (
        "谁要办",
        "办理条件",
        "申请材料",
        "排水许可申请表",
        "2 份",
        "适用情形：重点排污单位",
        "办理流程",
        "法定时限",
        "收费",
        "有效期",
        "办好以后",
        "不办或违反会怎样",
        "要点",
        "特别提醒",
        "办理机关",
        "办理窗口",
        "咨询电话",
        "依据文件",
        "国务院令第641号",
        "依据：示例条例第1条",
        "补充一句",
        "出处",
        "核对日期：2026-11-23",
    ):
        assert expected in words, expected


def test_without_scripts_an_entry_still_says_its_dates_and_successor(
    pages: dict[str, Page],
) -> None:
    page = pages["policies/tax-relief-2024.html"]
    assert "2024-01-01 至 2025-12-31" in page.words
    assert "本条有效到 2025-12-31，之后请看：小微企业税费减免" in page.words
    assert ("a", "tax-relief-2026.html") in page.values("href")
    assert "2027-01-01 起施行" in pages["policies/elderly-allowance.html"].words


def test_without_scripts_search_points_to_the_lists(pages: dict[str, Page]) -> None:
    assert "您也可以从办事事项" in pages["search.html"].words
    assert ("form", "search.html") in pages["index.html"].values("action")


def test_the_search_files_are_those_of_the_search_page(site: Path, pages: dict[str, Page]) -> None:
    script = (site / "assets" / "search" / "entries.js").read_text(encoding="utf-8")
    _, _, table = json.loads(f"[{script.removeprefix('policyKb.take(').rstrip(');' + chr(10))}]")
    assert table["slug"] == sorted(small_library())
    files = {path.name for path in (site / "assets" / "search").iterdir()}
    assert files == {
        "entries.js",
        *(f"words-{n}.js" for n in range(table["shards"])),
        *(f"texts-{n}.js" for n in range(table["blocks"])),
    }
    (version,) = (value for _, value in pages["search.html"].values("data-search-version"))
    assert re.fullmatch("[0-9a-f]{12}", version)


def test_the_site_carries_nothing_that_no_page_loads(site: Path, pages: dict[str, Page]) -> None:
    loaded = {
        Path(name).parent.joinpath(value.split("?")[0]).as_posix().removeprefix("../")
        for name, page in pages.items()
        for tag, value in page.values("src", "href")
        if tag == "script" or value.endswith((".css", ".svg"))
    }
    scripts = [path.read_text(encoding="utf-8") for path in site.glob("assets/javascripts/*.js")]
    needed = re.findall(r'__pk_need\("([^"]+)"\)', "".join(scripts))  # only by some readers
    loaded |= set(needed)
    loaded.add("assets/javascripts/moved.js")  # of pages at former addresses; here are none
    assets = {path.relative_to(site).as_posix() for path in (site / "assets").rglob("*.*")}
    assert {name for name in assets if "assets/search/" not in name} == {
        name for name in map(normpath, loaded) if not name.startswith("/")
    }


def test_scripts_that_change_what_is_seen_run_before_the_first_paint(
    pages: dict[str, Page],
) -> None:
    # What only results need may come after the first question.
    later = ("rules.js", "estimates.js", "calendar.js")
    for name, page in pages.items():
        for tag, attributes in page.elements:
            source = attributes.get("src", "")
            late = name == "match.html" and any(script in source for script in later)
            if tag == "script" and name != "search.html" and not late:
                assert "defer" not in attributes or attributes["blocking"] == "render", name


# Taking over what holds


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A project of its own whose entries a test may change."""
    return new_project(tmp_path / "project", small_library())


def new_project(folder: Path, entries: dict[str, dict[str, Any]]) -> Path:
    folder.mkdir()
    return write_project(folder, entries)


def build_again(project: Path, day: date = DAY, render: Render | None = None) -> SiteReport:
    pages, site = project / "build" / "pages", project / "build" / "site"
    build_pages(load_library(project / "policies"), pages, day)
    return build_site(project, site, pages, render)


def contents(site: Path) -> dict[str, bytes]:
    """Return every file of a site, without the dates of the site map."""
    files = {p.relative_to(site).as_posix(): p.read_bytes() for p in site.rglob("*") if p.is_file()}
    del files["sitemap.xml.gz"]
    return files


def from_nothing(project: Path, folder: Path, day: date = DAY) -> dict[str, bytes]:
    """Return the files of a site that is built without anything to take over."""
    build_pages(load_library(project / "policies"), folder / "pages", day)
    build_site(project, folder / "site", folder / "pages")
    return contents(folder / "site")


def edit(project: Path, slug: str, old: str, new: str) -> None:
    path = project / "policies" / f"{slug}.md"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def change_a_title(project: Path) -> None:
    edit(project, "permit-procedure", "行政许可办理的程序与期限", "行政许可怎么办、要多久")


def change_a_body(project: Path) -> None:
    edit(project, "permit-procedure", "收到材料当场看", "收到材料，当场就看")


def change_a_topic(project: Path) -> None:
    edit(project, "hiring-subsidy", "就业创业", "融资贷款")


def supersede(project: Path) -> None:
    edit(project, "hiring-subsidy", "2026-05-01", "2025-05-01")
    edit(project, "hiring-subsidy", "2026-12-31", "2025-12-31")
    edit(project, "hiring-subsidy", "expires:", "superseded_by: tax-relief-2026\nexpires:")
    edit(project, "tax-relief-2026", "- tax-relief-2024", "- tax-relief-2024\n- hiring-subsidy")


def add(project: Path) -> None:
    text = (project / "policies" / "hiring-subsidy.md").read_text(encoding="utf-8")
    text = text.replace("一次性扩岗补助", "社保补贴")
    (project / "policies" / "a-new-one.md").write_text(text, encoding="utf-8")


def remove(project: Path) -> None:
    (project / "policies" / "elderly-allowance.md").unlink()


def rename(project: Path) -> None:
    old = project / "policies" / "hiring-subsidy.md"
    old.rename(old.with_name("hiring-grant.md"))
    edit(project, "tax-relief-2026", "- hiring-subsidy", "- hiring-grant")


def change_a_template(project: Path) -> None:
    template = project / "site" / "overrides" / "partials" / "feedback.html"
    text = template.read_text(encoding="utf-8")
    template.write_text(text.replace("内容有误？", "写错了？"), encoding="utf-8")


EDITS = (change_a_title, change_a_body, change_a_topic, add, supersede, remove, rename)


def test_after_any_edit_the_site_is_that_of_a_build_from_nothing(
    library: Path, tmp_path: Path
) -> None:
    build_again(library)
    for number, change in enumerate((*EDITS, change_a_template)):
        change(library)
        build_again(library)
        fresh = from_nothing(library, tmp_path / str(number))
        assert contents(library / "build" / "site") == fresh, change.__name__
    site = library / "build" / "site"
    assert not (site / "policies" / "elderly-allowance.html").exists()
    assert not (site / "policies" / "hiring-subsidy.html").exists()
    assert "写错了？" in (site / "policies" / "hostile.html").read_text(encoding="utf-8")


def test_made_in_this_process_again_and_again_the_site_is_the_same(
    library: Path, tmp_path: Path
) -> None:
    build_again(library, render=render_here)
    for number, change in enumerate((change_a_title, add, remove, change_a_template)):
        change(library)
        build_again(library, render=render_here)
        fresh = from_nothing(library, tmp_path / str(number))
        assert contents(library / "build" / "site") == fresh, change.__name__
    edit(library, "permit-procedure", "收到材料当场看", "[看](drainage-permit.md#gone)")
    with pytest.raises(SiteError, match=r"drainage-permit\.md#gone"):
        build_again(library, render=render_here)
    assert contents(library / "build" / "site") == fresh


def test_after_a_night_the_site_is_that_of_a_build_from_nothing(
    library: Path, tmp_path: Path
) -> None:
    build_again(library)
    report = build_again(library, date(2027, 1, 1))  # one ends on the eve, one begins
    assert contents(library / "build" / "site") == from_nothing(library, tmp_path, date(2027, 1, 1))
    assert 0 < report.rendered < 10


def test_an_edit_renders_the_entry_and_the_lists_it_is_in_however_many_there_are(
    tmp_path: Path,
) -> None:
    rendered = []
    for count in (20, 120):
        others = {
            f"other-{n}": {"title": f"第 {n} 条", "topic": ["园林绿化"]} for n in range(count)
        }
        project = new_project(tmp_path / str(count), {**small_library(), **others})
        build_again(project)
        site = project / "build" / "site"
        before = {path: path.stat().st_mtime_ns for path in site.rglob("*.html")}
        change_a_title(project)
        report = build_again(project)
        new = [path for path, stamp in before.items() if path.stat().st_mtime_ns != stamp]
        names = sorted(path.relative_to(site).as_posix() for path in new)
        assert len(names) == report.rendered + 1  # 404.html, which MkDocs always writes
        rendered.append(names)
    assert rendered[0] == [
        "404.html",
        "citizen.html",
        "enterprise.html",
        "levels/national.html",
        "notices/drainage-permit.html",  # it rests on the entry and inherits from it
        "policies/drainage-permit.html",
        "policies/permit-procedure.html",
        "rule.html",
        "search.html",
        "topics/procedures.html",
    ]
    assert len(rendered[1]) <= len(rendered[0]) + 2  # a list's next page may show it too


def test_nothing_is_rendered_when_nothing_changed(library: Path) -> None:
    first, second = build_again(library), build_again(library)
    assert first.rendered == first.total == second.total
    assert second.rendered == 0


def test_a_file_that_somebody_touched_is_made_again(library: Path) -> None:
    build_again(library)
    page = library / "build" / "site" / "policies" / "hostile.html"
    whole = page.read_bytes()
    page.write_text("改坏了", encoding="utf-8")
    assert build_again(library).rendered == 1
    assert page.read_bytes() == whole


def test_a_page_counts_by_what_it_says_and_not_by_the_clock(library: Path) -> None:
    build_again(library)
    source = library / "build" / "pages" / "policies" / "permit-procedure.md"
    before = source.stat()
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace("收到材料当场看", "收到材料，当场就看"), encoding="utf-8")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert render(library).rendered == 1
    page = library / "build" / "site" / "policies" / "permit-procedure.html"
    assert "收到材料，当场就看" in page.read_text(encoding="utf-8")


def test_what_a_broken_off_build_left_does_not_reach_the_site(library: Path) -> None:
    left = library / "build" / ".site-new" / "policies" / "half.html"
    left.parent.mkdir(parents=True)
    left.write_text("半页", encoding="utf-8")
    build_again(library)
    assert not (library / "build" / "site" / "policies" / "half.html").exists()


def test_a_record_that_cannot_be_read_vouches_for_nothing(library: Path) -> None:
    build_again(library)
    record = library / "build" / ".site.json"
    for text in ("", "[]", '{"recipe": "x"}', record.read_text(encoding="utf-8")[:-9]):
        record.write_text(text, encoding="utf-8")
        report = build_again(library)
        assert report.rendered == report.total, text


def test_a_reader_keeps_the_old_page_while_the_new_one_is_written(library: Path) -> None:
    build_again(library)
    page = library / "build" / "site" / "policies" / "permit-procedure.html"
    with page.open(encoding="utf-8") as reader:
        change_a_body(library)
        build_again(library)
        assert "收到材料当场看" in reader.read()
    assert "收到材料，当场就看" in page.read_text(encoding="utf-8")


def link_to(project: Path, slug: str, target: str) -> None:
    with (project / "policies" / f"{slug}.md").open("a", encoding="utf-8") as file:
        file.write(f"\n再看[这里]({target})。\n")


def render(project: Path) -> SiteReport:
    """Build the site from the pages as they are."""
    return build_site(project, project / "build" / "site", project / "build" / "pages")


def test_a_broken_link_in_a_changed_page_stops_the_build(library: Path) -> None:
    build_again(library)
    page = library / "build" / "pages" / "policies" / "hostile.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n[无](nowhere.md)\n", encoding="utf-8")
    with pytest.raises(SiteError, match=r"nowhere\.md"):
        render(library)
    assert "nowhere" not in (library / "build/site/policies/hostile.html").read_text("utf-8")


def test_a_link_from_an_unchanged_page_to_one_that_is_gone_stops_the_build(library: Path) -> None:
    link_to(library, "hostile", "elderly-allowance.md")
    build_again(library)
    (library / "build" / "pages" / "policies" / "elderly-allowance.md").unlink()
    with pytest.raises(SiteError, match=r"policies/hostile\.md.*elderly-allowance\.md"):
        render(library)
    assert (library / "build/site/policies/elderly-allowance.html").is_file()


def test_a_page_that_lost_a_part_stops_the_build_where_another_links_to_it(library: Path) -> None:
    link_to(library, "hostile", "tax-relief-2026.md#_1")
    build_again(library)
    target = library / "build" / "pages" / "policies" / "tax-relief-2026.md"
    whole = target.read_text(encoding="utf-8")
    target.write_text(whole.replace("## 一句话说清", "一句话说清"), encoding="utf-8")
    with pytest.raises(SiteError, match=r"hostile\.md.*#_1"):
        render(library)


def test_a_changed_page_may_not_link_to_a_part_that_an_unchanged_page_lacks(library: Path) -> None:
    link_to(library, "hostile", "tax-relief-2026.md#_1")
    build_again(library)
    source = library / "build" / "pages" / "policies" / "hostile.md"
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace("2026.md#_1", "2026.md#_9"), encoding="utf-8")
    with pytest.raises(SiteError, match=r"hostile\.md.*#_9"):
        render(library)


def test_a_site_is_taken_over_also_where_the_disk_has_no_links(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError("no links here")

    build_again(library)
    before = contents(library / "build" / "site")
    monkeypatch.setattr(os, "link", refuse)
    assert build_again(library).rendered == 0
    assert contents(library / "build" / "site") == before
    assert build_again(library).rendered == 0
