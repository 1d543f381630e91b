"""Bundles: the plan of one undertaking, its checks, and where a reader meets it."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from browser import build_project, serve_app
from factories import SMALLEST, make_index, make_library, make_policy, slugs
from hypothesis import given
from hypothesis import strategies as st
from mkdocs.utils.meta import get_data
from playwright.sync_api import Browser, Page, expect

from indexer.bundles import Plan, plan_bundle
from indexer.cli import main
from indexer.index import Index, open_index
from indexer.library import Library
from indexer.loader import inspect_library, load_library
from indexer.pages import build_pages
from indexer.params import SearchParams
from indexer.policy import Policy, Status
from indexer.query import search
from indexer.writing import build_index

ROOT = Path(__file__).resolve().parent.parent
TODAY = date(2026, 11, 30)


def decided(days: int, **fields: Any) -> dict[str, Any]:
    """Return a statutory limit for the decision, in working days unless told otherwise."""
    limit = {"kind": "statutory", "text": f"{days} 日内决定", "value": days, "basis": f"第{days}条"}
    return {**limit, "unit": "working_days", "stage": "decision", **fields}


ROAD = make_policy(
    "road",
    title="挖掘城市道路审批",
    situations=[
        {"question": "是不是抢修", "options": ["计划好的施工", "紧急抢修"]},
        {"question": "挖路做什么", "options": ["埋管线", "做别的工程"]},
    ],
    materials=[
        {"name": "申请表", "copies": 2, "form": "original"},
        {"name": "设计文件", "situation": ["计划好的施工"]},
        {"name": "抢修说明", "situation": ["紧急抢修"]},
        {"name": "管线图", "situation": ["埋管线"]},
    ],
    time_limit=[decided(20)],
    contact=[{"name": "政务服务便民热线", "phone": "12345"}],
)
DRAIN = make_policy(
    "drain",
    title="排水许可",
    materials=[{"name": "申请 表", "copies": 1, "form": "copy", "issued_by": "物业"}],
    time_limit=[decided(15), decided(30, stage="extension"), decided(7, kind="promised")],
    contact=[{"name": "12345 热线", "phone": "12345"}],
)
OLD = make_policy("old", title="老规定", expires="2025-12-31")


def plan_of(*steps: dict[str, Any], others: tuple[Policy, ...] = (ROAD, DRAIN, OLD)) -> Plan:
    """Return the plan of these steps."""
    known = {policy.slug: policy for policy in others}
    return plan_bundle(make_policy("shop", kind="rule", bundle=list(steps)), known.get)


def titles(plan: Plan) -> list[str]:
    return [step.title for step in plan.steps]


# When each step may begin


def test_steps_come_round_by_round_and_first_those_that_others_wait_for() -> None:
    plan = plan_of(
        {"id": "alone", "name": "挂牌子"},
        {"id": "open", "name": "开业", "after": ["road", "drain"]},
        {"id": "road", "entry": "road"},
        {"id": "drain", "entry": "drain", "after": ["road"]},
    )
    assert titles(plan) == ["挖掘城市道路审批", "挂牌子", "排水许可", "开业"]
    assert plan.levels == ((1, 2), (3,), (4,))
    assert [(step.start, step.finish) for step in plan.steps] == [
        (0, 20),
        (0, 0),
        (20, 35),
        (35, 35),
    ]


def test_days_are_the_steps_own_or_those_of_the_entrys_statutory_decision() -> None:
    plan = plan_of(
        {"id": "a", "entry": "drain"},
        {"id": "b", "entry": "drain", "days": 3, "basis": "示例条例第3条"},
        {"id": "c", "entry": "old"},
        {"id": "d", "name": "别处的手续"},
    )
    assert [(step.days, step.basis) for step in plan.steps] == [
        (15, "第15条"),
        (3, "示例条例第3条"),
        (None, None),
        (None, None),
    ]


def test_a_limit_in_other_units_is_no_number_of_working_days() -> None:
    slow = make_policy(
        "slow", time_limit=[decided(45, unit="calendar_days"), decided(2, unit="months")]
    )
    assert plan_of({"id": "a", "entry": "slow"}, others=(slow,)).steps[0].days is None


def test_of_the_limits_that_may_apply_the_longest_counts() -> None:
    gas = make_policy(
        "gas",
        situations=[{"question": "谁要动", "options": ["燃气企业", "工程单位"]}],
        time_limit=[decided(20, situation=["燃气企业"]), decided(30, situation=["工程单位"])],
    )
    chosen = [[], ["燃气企业"], ["工程单位"]]
    plans = [plan_of({"id": "a", "entry": "gas", "situation": s}, others=(gas,)) for s in chosen]
    assert [plan.steps[0].days for plan in plans] == [30, 20, 30]


def test_what_takes_longest_is_every_step_that_cannot_be_late() -> None:
    plan = plan_of(
        {"id": "drain", "entry": "drain"},
        {"id": "road", "entry": "road"},
        {"id": "open", "name": "开业", "days": 1, "after": ["drain"]},
        {"id": "test", "name": "验收", "after": ["road"]},
    )
    assert [step.title for step in plan.steps if step.longest] == ["挖掘城市道路审批", "验收"]
    assert plan.all.days == 20


def test_nothing_takes_longest_while_no_limit_is_known() -> None:
    plan = plan_of({"id": "a", "name": "甲"}, {"id": "b", "name": "乙", "after": ["a"]})
    assert not any(step.longest for step in plan.steps)
    assert str(plan.all) == "时限都没有写明，多久办好请先问窗口"


def test_days_that_are_not_known_are_said_to_be_missing() -> None:
    known = {"id": "a", "entry": "road"}
    assert str(plan_of(known).all) == "要留 20 个工作日"
    more = [{"id": "b", "name": "乙"}, {"id": "c", "name": "丙"}]
    assert str(plan_of(known, *more).all) == "至少要留 20 个工作日，另有 2 项没有写明时限"


def test_optional_steps_are_counted_apart_and_may_be_passed_over() -> None:
    plan = plan_of(
        {"id": "plan", "name": "方案", "days": 5},
        {"id": "road", "entry": "road", "when": "要挖路", "after": ["plan"]},
        {"id": "drain", "entry": "drain", "after": ["road"]},
    )
    assert [step.optional for step in plan.steps] == [False, True, False]
    assert (plan.all.days, plan.all.steps) == (40, 3)
    assert (plan.required.days, plan.required.steps) == (20, 2)


@st.composite
def bundles(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return steps in any order, each of which waits for some written before it."""
    steps: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 8))):
        step: dict[str, Any] = {"id": f"s{number}", "name": f"第{number}样"}
        if steps:
            step["after"] = draw(st.lists(st.sampled_from([s["id"] for s in steps]), unique=True))
        if draw(st.booleans()):
            step["days"] = draw(st.integers(0, 30))
        if draw(st.booleans()):
            step["when"] = "有时"
        steps.append(step)
    return draw(st.permutations(steps))


@given(bundles())
def test_no_step_begins_before_those_it_waits_for_and_the_longest_chain_has_no_gap(
    steps: list[dict[str, Any]],
) -> None:
    plan = plan_of(*steps)
    by_id = {step.step.id: step for step in plan.steps}
    assert len(by_id) == len(steps)
    for step in plan.steps:
        before = [by_id[name] for name in step.step.after]
        assert all(other.number < step.number and other.level < step.level for other in before)
        assert step.start == max((other.finish for other in before), default=0)
        if step.longest and step.start:
            assert any(other.longest and other.finish == step.start for other in before)
    assert plan.all.days == max(step.finish for step in plan.steps)
    assert plan.required.days <= plan.all.days
    assert any(step.longest for step in plan.steps) == (plan.all.days > 0)


# Situations, materials, whom to ask


def test_a_material_that_several_steps_want_stands_once_and_each_wants_its_own() -> None:
    plan = plan_of({"id": "r", "entry": "road"}, {"id": "d", "entry": "drain", "when": "要排水"})
    form = plan.materials[0]
    assert (form.name, form.copies) == ("申请表", 3)
    assert [want.to_dict() for want in form.wants] == [
        {
            "step": 1,
            "title": "挖掘城市道路审批",
            "optional": False,
            "copies": 2,
            "form": "original",
        },
        {
            "step": 2,
            "title": "排水许可",
            "optional": True,
            "copies": 1,
            "form": "copy",
            "issued_by": "物业",
        },
    ]


def test_copies_are_only_counted_where_every_step_says_how_many() -> None:
    unsaid = make_policy("unsaid", materials=[{"name": "申请表"}])
    plan = plan_of(
        {"id": "r", "entry": "road"}, {"id": "u", "entry": "unsaid"}, others=(ROAD, unsaid)
    )
    assert plan.materials[0].copies is None


def test_the_situation_of_a_step_leaves_out_materials_and_what_is_open_is_asked() -> None:
    plan = plan_of({"id": "r", "entry": "road", "situation": ["计划好的施工"]})
    assert [material.name for material in plan.materials] == ["申请表", "设计文件", "管线图"]
    (question,) = plan.questions
    assert (question.step, question.question) == (1, "挖路做什么")
    assert question.options == ("埋管线", "做别的工程")


def test_a_step_without_a_list_of_materials_is_named() -> None:
    plan = plan_of({"id": "r", "entry": "road"}, {"id": "o", "name": "别处的手续"})
    assert plan.unlisted == (2,)


def test_one_number_to_call_is_told_once() -> None:
    plan = plan_of({"id": "r", "entry": "road"}, {"id": "d", "entry": "drain"})
    assert [contact.phone for contact in plan.contacts] == ["12345"]


def test_an_entry_that_has_ended_shows_it_in_the_plan_of_that_day() -> None:
    plan = plan_of({"id": "o", "entry": "old"}, {"id": "r", "entry": "road"})
    assert [step["status"] for step in plan.to_dict(TODAY)["steps"]] == ["expired", "in_force"]
    assert plan.to_dict(date(2025, 1, 1))["steps"][0]["status"] == "in_force"


# Checks

STEP = {"id": "drain", "name": "排水"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"kind": "service", "bundle": [STEP]},
            ["bundle：只有 kind 是 rule 的条目能写 bundle，这里是 service。"],
        ),
        ({"bundle": [STEP, STEP]}, ["bundle.2.id：代号“drain”用了两次，请改一个。"]),
        (
            {"bundle": [{**STEP, "after": ["rood"]}, {"id": "road", "name": "挖路"}]},
            ["bundle.1.after.1：bundle 里没有代号“rood”。您是不是想写 road？"],
        ),
        (
            {"bundle": [{**STEP, "after": ["zzz"]}]},
            ["bundle.1.after.1：bundle 里没有代号“zzz”。已有的代号：drain。"],
        ),
        (
            {"bundle": [{**STEP, "after": ["drain"]}]},
            ["bundle：after 绕成了一圈，谁也办不了：drain 等 drain，请核对。"],
        ),
        (
            {"bundle": [{**STEP, "after": ["b"]}, {"id": "b", "name": "乙", "after": ["drain"]}]},
            ["bundle：after 绕成了一圈，谁也办不了：b 等 drain 等 b，请核对。"],
        ),
        ({"bundle": [{"id": "a", "entry": "shop"}]}, ["bundle.1.entry：不能指向自己。"]),
        (
            {"bundle": [{"id": "a", "entry": "permot"}]},
            ["bundle.1.entry：政策库里没有“permot”。您是不是想写 permit？"],
        ),
        (
            {"bundle": [{"id": "a", "entry": "permit", "situation": ["施工排谁"]}]},
            [
                "bundle.1.situation.1：permit 的 situations 里没有“施工排谁”。"
                "您是不是想写 施工排水？",
            ],
        ),
        (
            {"bundle": [{"id": "a", "entry": "permit", "situation": ["搬家"]}]},
            [
                "bundle.1.situation.1：permit 的 situations 里没有“搬家”。"
                "能写的有：施工排水、开店排水。"
            ],
        ),
        (
            {"bundle": [{**STEP, "situation": ["施工排水"]}]},
            ["bundle.1.situation：没有写 entry（办哪一项），就不能写 situation。"],
        ),
        ({"bundle": [{"id": "a", "entry": "permit", "situation": ["施工排水"]}]}, []),
    ],
)
def test_a_bundle_that_cannot_be_followed_is_explained(
    tmp_path: Path, fields: dict[str, Any], told: list[str]
) -> None:
    permit = {
        "situations": [{"question": "排什么水", "options": ["施工排水", "开店排水"]}],
        "materials": [{"name": "图纸", "situation": ["施工排水"]}],
    }
    for slug, own in {"shop": {"kind": "rule", **fields}, "permit": permit}.items():
        head = json.loads(json.dumps({**SMALLEST, **own}))  # copies, so that YAML has no anchors
        text = f"---\n{yaml.safe_dump(head, allow_unicode=True)}---\n正文\n"
        (tmp_path / f"{slug}.md").write_text(text, encoding="utf-8")
    found = inspect_library(tmp_path)[1]
    assert [f"{problem.field}：{problem.message}" for problem in found] == told


# The command and the service


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library(ROOT / "policies")


@pytest.fixture(scope="module")
def index_dir(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundles") / "index"
    build_index(library, path)
    return path


@pytest.fixture(scope="module")
def index(index_dir: Path) -> Iterator[Index]:
    with open_index(index_dir) as opened:
        yield opened


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(index_dir: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command on the index of the real library; return exit code, output, errors."""

    def run_command(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit_:
            main(["bundle", *words, "--index", str(index_dir)])
        out, err = capsys.readouterr()
        assert isinstance(exit_.value.code, int)
        return exit_.value.code, out, err

    return run_command


def test_the_command_prints_order_days_and_materials(run: Run) -> None:
    code, out, _ = run("dig-for-utilities", "--as-of", "2026-11-30")
    assert code == 0
    for words in (
        "沿街开挖接水电气要办哪些手续：一共 16 项，至少要留 33 个工作日，另有 7 项没有写明时限。",
        "只办一定要办的 8 项：至少要留 20 个工作日，另有 5 项没有写明时限。",
        "第 2 项办完才能办",
        "□ 城市规划部门批准签发的文件：第 12 项",
        "时效按 2026-11-30 判断",
    ):
        assert words in out


def test_the_command_and_the_index_agree_with_the_entries(run: Run, library: Library) -> None:
    for policy in (policy for policy in library.policies if policy.bundle):
        code, out, _ = run(policy.slug, "--json", "--as-of", "2026-11-30")
        entries = {slug: entry.policy for slug, entry in library.by_slug.items()}
        expected = plan_bundle(policy, entries.get).to_dict(TODAY)
        told = {"slug": policy.slug, "title": policy.title, "as_of": "2026-11-30", **expected}
        assert (code, json.loads(out)) == (0, json.loads(json.dumps(told)))


@pytest.mark.parametrize(
    ("slug", "message"),
    [
        (
            "open-restaurent",
            "没有条目“open-restaurent”。您是不是想写 open-restaurant？"
            "用 policykb search 可以查条目名。",
        ),
        ("road-excavation", "road-excavation 不是一件事：它没有写 bundle（要办的几项）。"),
    ],
)
def test_the_command_says_what_is_no_bundle(run: Run, slug: str, message: str) -> None:
    assert run(slug) == (2, "", f"policykb：{message}\n")


# The real bundles


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("我要开饭店", "open-restaurant"),
        ("开饭店要办哪些手续", "open-restaurant"),
        ("开饭店", "open-restaurant"),
        ("小区装电梯", "add-lift"),
        ("工地开工要办什么", "start-construction"),
        ("沿街开挖", "dig-for-utilities"),
    ],
)
def test_a_bundle_is_found_first_by_what_one_wants_to_do(
    index: Index, query: str, slug: str
) -> None:
    answer = search(index, SearchParams(q=query), TODAY)
    assert (slugs(answer)[0], answer.confident) == (slug, True)


def test_the_steps_of_a_bundle_can_be_searched() -> None:
    steps = [{"id": "a", "name": "扬尘备案", "note": "找窗口", "when": "要拆房子"}]
    index = make_index(make_policy("site", kind="rule", bundle=steps), make_policy("other"))
    for words in ("扬尘备案", "找窗口", "要拆房子"):
        assert slugs(search(index, SearchParams(q=words), TODAY)) == ["site"]


def test_every_step_of_the_real_bundles_leads_to_an_entry_in_force(library: Library) -> None:
    for policy in (policy for policy in library.policies if policy.bundle):
        for step in policy.bundle:
            if step.entry:
                item = library.by_slug[step.entry].policy
                assert item.status_on(TODAY) is Status.IN_FORCE, (policy.slug, step.entry)


def test_every_order_and_every_number_of_days_in_the_real_bundles_has_its_ground(
    library: Library,
) -> None:
    for policy in library.policies:
        for step in policy.bundle:
            if step.days is not None or step.basis:
                assert step.basis, (policy.slug, step.id)
                assert step.source, (policy.slug, step.id)
            if step.after:
                assert step.basis or step.note, (policy.slug, step.id)


# The pages


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with one bundle, two permits, one of them over, and a rule."""
    shop = {
        "title": "开店要办哪些手续",
        "kind": "rule",
        "body": "先问清楚。",
        "aliases": ["开店"],
        "contact": [{"name": "政务服务便民热线", "phone": "12345"}],
        "bundle": [
            {"id": "others", "name": "别的部门管的证照", "note": "打 12345 问清"},
            {"id": "road", "entry": "road", "name": "挖路", "situation": ["计划好的施工"]},
            {
                "id": "drain",
                "entry": "drain",
                "after": ["road"],
                "basis": "示例条例第1条",
                "source": ["L"],
            },
            {"id": "old", "entry": "old", "when": "门口有老树", "days": 5},
        ],
    }
    entries: dict[str, dict[str, Any]] = {"shop": shop}
    for policy in (ROAD, DRAIN, OLD):
        record = policy.public_record()
        entries[policy.slug] = {k: v for k, v in record.items() if k != "slug"}
    return build_project(tmp_path_factory.mktemp("bundle-site"), entries, TODAY)


def test_home_and_the_lists_of_services_and_rules_lead_to_the_bundles(
    page: Page, disk: str
) -> None:
    for name in ("index.html", "service.html", "rule.html"):
        page.goto(f"{disk}{name}")
        link = page.get_by_role("region", name="一件事一次办").get_by_role("link")
        expect(link).to_have_text("开店4 项")
        link.click()
        expect(page.locator("h1")).to_have_text("开店要办哪些手续")
    page.goto(f"{disk}citizen.html")
    expect(page.get_by_role("region", name="一件事一次办")).to_have_count(0)


def test_a_bundle_that_is_over_is_not_offered(tmp_path: Path) -> None:
    shop = make_policy("shop", kind="rule", bundle=[STEP], expires="2026-11-30")
    library = make_library(shop, tmp_path=tmp_path / "policies")
    for day, offered in ((TODAY, ["shop"]), (date(2026, 12, 1), [])):
        build_pages(library, tmp_path / "pages", day)
        _, head = get_data((tmp_path / "pages" / "index.md").read_text(encoding="utf-8"))
        assert [bundle["slug"] for bundle in head["bundles"]] == offered


def test_without_scripts_the_page_tells_the_steps_in_order(browser: Browser, disk: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{disk}policies/shop.html")
    plan = page.get_by_role("region", name="要办的几项")
    names = plan.locator("ol > li > .pk-item__name").all_text_contents()
    assert names == ["挖路", "别的部门管的证照", "老规定", "排水许可"]
    expect(plan.locator(".pk-plan__sum")).to_contain_text(
        "4 项都要办的：至少要留 35 个工作日，另有 1 项没有写明时限。 "
        "只办一定要办的 3 项：至少要留 35 个工作日，另有 1 项没有写明时限。"
    )
    expect(plan.locator("ol > li").first).to_contain_text("先办，第 4 项等它")
    expect(plan.locator("ol > li").nth(1)).to_contain_text("先后没有写明")
    last = plan.locator("ol > li").last
    expect(last).to_contain_text("15 个工作日第 1 项办完才能办")
    expect(last).to_contain_text("依据：示例条例第1条；第15条")
    expect(plan.locator("ol > li").nth(2)).to_contain_text("只在这种情形要办：门口有老树")
    context.close()


def test_each_step_leads_to_its_entry_which_leads_back(page: Page, disk: str) -> None:
    page.goto(f"{disk}policies/shop.html")
    page.get_by_role("region", name="要办的几项").get_by_role("link", name="挖路").first.click()
    expect(page.locator("h1")).to_have_text("挖掘城市道路审批")
    expect(page.locator(".pk-relations h3")).to_have_text(["属于一件事"])
    page.locator(".pk-relations").get_by_role("link", name="开店要办哪些手续").click()
    expect(page.locator("h1")).to_have_text("开店要办哪些手续")


def test_a_step_whose_entry_is_over_says_so_on_the_day(page: Page, disk: str) -> None:
    page.goto(f"{disk}policies/shop.html")
    steps = page.get_by_role("region", name="要办的几项").locator("ol > li")
    expect(steps.nth(2).locator(".pk-status")).to_have_text("已失效")
    expect(steps.nth(0).locator(".pk-status")).to_have_count(0)


def test_the_merged_materials_can_be_ticked_and_say_which_step_wants_them(
    page: Page, disk: str
) -> None:
    page.goto(f"{disk}policies/shop.html")
    plan = page.get_by_role("region", name="要办的几项")
    box = plan.get_by_role("checkbox", name="申请表")
    box.check()
    expect(box).to_be_checked()
    row = plan.locator(".pk-items--checklist > li").first
    expect(row).to_contain_text("一共 3 份")
    expect(row.locator(".pk-plan__want")).to_contain_text(
        ["第 1 项 挖路 2 份 原件", "第 4 项 排水许可 1 份 复印件 由物业出具"]
    )
    expect(plan).not_to_contain_text("抢修说明")
    expect(plan).to_contain_text("第 1 项（挖路）挖路做什么：埋管线 / 做别的工程")
    expect(plan).to_contain_text("别的部门管的证照、老规定：材料没有列出来")


def test_the_style_of_bundles_is_loaded_with_them_only(page: Page, disk: str) -> None:
    style = page.locator("link[href$='bundle.css']")
    page.goto(f"{disk}policies/road.html")
    expect(style).to_have_count(0)
    page.goto(f"{disk}policies/shop.html")
    expect(style).to_have_count(1)


TOO_WIDE = """all => all.filter((svg) => svg.checkVisibility()).flatMap((svg) =>
  [...svg.querySelectorAll("g")].flatMap((group) => {
    const box = group.querySelector("rect").getBBox();
    return [...group.querySelectorAll("text")].filter((text) => {
      const { x, y, width, height } = text.getBBox();
      return x < box.x || y < box.y
        || x + width > box.x + box.width || y + height > box.y + box.height;
    }).map((text) => text.textContent);
  }))"""


@pytest.mark.parametrize(("width", "shown"), [(1280, "wide"), (360, "narrow")])
def test_the_diagram_fits_the_screen_and_its_words_fit_their_boxes(
    page: Page, disk: str, width: int, shown: str
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{disk}policies/shop.html")
    expect(page.get_by_role("img", name="先后顺序图")).to_have_count(1)
    expect(page.locator(f".pk-plan__{shown} svg")).to_be_visible()
    assert page.locator(".pk-plan__svg").evaluate_all(TOO_WIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_service_tells_the_plan_of_a_bundle_and_of_nothing_else(project: Path) -> None:
    with serve_app(project, TODAY) as address:
        shop = httpx.get(f"{address}api/policies/shop").json()
        road = httpx.get(f"{address}api/policies/road").json()
    assert [step["id"] for step in shop["bundle"]] == ["others", "road", "drain", "old"]
    assert [step["id"] for step in shop["plan"]["steps"]] == ["road", "others", "old", "drain"]
    assert shop["plan"]["all"]["days"] == 35
    assert shop["plan"]["steps"][2]["status"] == "expired"
    assert "plan" not in road
