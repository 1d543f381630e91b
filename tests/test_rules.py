"""The rules of the real entries, one condition at a time: every option, every single refusal."""

from datetime import date
from functools import cache
from typing import Any

import pytest
from factories import real_rules

from indexer.matching import Outcome, Rule, match
from indexer.profile import parse_profile
from indexer.questions import load_questions

DAY = date(2026, 11, 24)
WINDOWS = {  # days on which one could apply
    "little-giant": date(2026, 5, 25),
    "tech-sme-evaluation-2026": date(2026, 8, 31),
    "shandong-hitech-first-subsidy": date(2026, 7, 31),
    "social-insurance-rate-relief": date(2025, 12, 31),
}
HERE = {"region": "临淄区"}
SMES = {"中型", "小型", "微型"}
POOR = {"特困人员", "低保对象", "低保边缘家庭", "刚性支出困难家庭"}


@cache
def rules() -> dict[str, Rule]:
    return {rule.record["slug"]: rule for rule in real_rules()}


def outcome(slug: str, profile: dict[str, Any]) -> Outcome:
    day = WINDOWS.get(slug, DAY)
    matches = match([rules()[slug]], parse_profile(profile, day), day)
    (found,) = (found for group in Outcome for found in matches.group(group))
    return found.outcome


# Entry, question, what is answered besides, and the options with which it is likely.
OPTIONS: list[tuple[str, str, dict[str, Any], set[str]]] = [
    (
        "advanced-manufacturing-vat-credit",
        "industry",
        {
            "taxpayer_type": "一般纳税人",
            "titles": ["高新技术企业"],
            "manufacturing_sales_ratio": 60,
            "on_vat_credit_list": "是",
        },
        {"制造业", "烟草制造业"},
    ),
    (
        "appliance-tradein-2026",
        "purchases",
        {**HERE, "grade_one_appliance": "是", "digital_price": 7000},
        {"冰箱", "洗衣机", "电视", "空调", "电脑", "热水器"},
    ),
    (
        "appliance-tradein-2026",
        "purchases",
        {**HERE, "grade_one_appliance": "否", "digital_price": 6000},
        {"手机", "平板", "智能手表手环", "智能眼镜"},
    ),
    ("car-tradein-2026", "car_renewal", {}, {"报废更新", "置换更新"}),
    ("consumer-loan-subsidy", "personal_loans", {}, {"个人消费贷款", "信用卡账单分期"}),
    (
        "declaration-free-benefits",
        "entity_type",
        HERE,
        {"企业", "个体工商户", "农民专业合作社"},
    ),
    (
        "deposit-guarantee-relief",
        "enterprise_size",
        {"construction_project": "是", "general_contractor": "否"},
        SMES,
    ),
    (
        "disabled-employer-vat-refund",
        "tax_credit_rating",
        {
            "disabled_employee_ratio": 25,
            "disabled_employee_count": 10,
            "contract_years": 1,
            "five_insurances": "是",
        },
        {"A", "B", "M"},
    ),
    ("disabled-two-allowances", "disability_level", HERE, {"一级", "二级"}),
    (
        "disabled-two-allowances",
        "disability_level",
        {**HERE, "assistance_status": ["低保对象"]},
        {"一级", "二级", "三级", "四级"},
    ),
    (
        "education-housing-employment-assist",
        "assistance_status",
        {"family_difficulties": ["上学有困难"]},
        POOR,
    ),
    (
        "education-housing-employment-assist",
        "family_difficulties",
        {"assistance_status": ["低保对象"]},
        {"上学有困难", "住房有困难", "有劳动能力的人失业"},
    ),
    (
        "elderly-care-voucher",
        "care_level",
        {"care_services": ["居家养老服务"]},
        {"中度失能", "重度失能", "完全失能"},
    ),
    (
        "elderly-care-voucher",
        "care_services",
        {"care_level": "重度失能"},
        {"居家养老服务", "机构养老服务"},
    ),
    (
        "employment-hardship-help",
        "assistance_status",
        {**HERE, "employment_status": "失业没有登记"},
        POOR,
    ),
    (
        "employment-hardship-help",
        "employment_status",
        {**HERE, "assistance_status": ["低保对象"]},
        {"已登记失业并在找工作", "失业没有登记", "正在领失业保险金"},
    ),
    ("employment-hardship-help", "person_groups", HERE, {"零就业家庭成员"}),
    (
        "equipment-loan-subsidy-2026",
        "business_loans",
        {},
        {"设备更新的固定资产贷款", "科技创新类贷款"},
    ),
    (
        "flexible-employment-social-subsidy",
        "employment_status",
        {**HERE, "person_groups": ["就业困难人员"], "self_insured": "是"},
        {"灵活就业"},
    ),
    (
        "flexible-employment-social-subsidy",
        "person_groups",
        {**HERE, "employment_status": "灵活就业", "self_insured": "是"},
        {"就业困难人员"},
    ),
    (
        "gov-procurement-sme",
        "procurement_kind",
        {"enterprise_size": "小型", "procurement_budget": 200},
        {"货物", "服务", "工程"},
    ),
    (
        "gov-procurement-sme",
        "procurement_kind",
        {"enterprise_size": "小型", "procurement_budget": 400},
        {"工程"},
    ),
    (
        "gov-procurement-sme",
        "procurement_kind",
        {"enterprise_size": "小型", "procurement_budget": 401},
        set(),
    ),
    (
        "gov-procurement-sme",
        "enterprise_size",
        {"procurement_kind": "服务", "procurement_budget": 1},
        SMES,
    ),
    (
        "hard-to-employ-social-subsidy",
        "hire_groups",
        {**HERE, "contract_years": 1, "hire_insured_months": 1},
        {"就业困难人员"},
    ),
    (
        "heating-price-subsidy",
        "assistance_status",
        {**HERE, "central_heating": "是"},
        POOR,
    ),
    ("iit-individual-business-half", "entity_type", {}, {"个体工商户"}),
    (
        "iit-special-deductions",
        "deduction_items",
        {},
        {
            "3岁以下照护",
            "子女教育",
            "继续教育",
            "大病医疗",
            "住房贷款利息",
            "住房租金",
            "赡养老人",
        },
    ),
    (
        "key-groups-tax-deduction",
        "person_groups",
        {"entity_type": "个体工商户"},
        {"脱贫人口", "登记失业人员", "毕业年度高校毕业生"},
    ),
    (
        "key-groups-tax-deduction",
        "hire_groups",
        {"entity_type": "企业", "contract_years": 1, "hire_insured_months": 1},
        {"脱贫人口", "登记失业人员", "16—24岁登记失业青年"},
    ),
    ("lift-addition-renewal", "lift_work", {}, {"加装电梯", "老旧电梯更新"}),
    ("lu-dan-hui-nong", "person_groups", HERE, {"农户"}),
    ("medical-assistance", "assistance_status", {}, POOR),
    (
        "one-off-expansion-subsidy",
        "entity_type",
        {"hire_groups": ["高校毕业生"], "contract_years": 1, "hire_insured_months": 3},
        {"企业", "社会组织"},
    ),
    (
        "one-off-expansion-subsidy",
        "hire_groups",
        {"entity_type": "企业", "contract_years": 1, "hire_insured_months": 3},
        {"高校毕业生", "16—24岁登记失业青年"},
    ),
    (
        "orphan-difficult-children",
        "person_groups",
        HERE,
        {"孤儿", "重点困境儿童", "事实无人抚养儿童"},
    ),
    (
        "public-rental-subsidy",
        "assistance_status",
        {"family_difficulties": ["住房有困难"]},
        POOR,
    ),
    (
        "rd-super-deduction",
        "industry",
        {"has_rd_expense": "是"},
        set(load_questions().by_key["industry"].values)
        - {
            "烟草制造业",
            "住宿业",
            "餐饮业",
            "批发业",
            "零售业",
            "房地产开发经营",
            "物业管理",
            "其他房地产业",
            "租赁和商务服务业",
            "娱乐业",
        },
    ),
    ("shandong-hitech-first-subsidy", "enterprise_size", HERE, SMES),
    (
        "shandong-technical-transformation",
        "industry",
        {**HERE, "project_in_directory": "是"},
        {"制造业", "烟草制造业", "其他工业"},
    ),
    (
        "skill-upgrade-subsidy",
        "certificate_level",
        {"employment_status": "正在领失业保险金", "ui_months": 12},
        {"初级", "中级", "高级"},
    ),
    (
        "sme-financing-coordination",
        "enterprise_size",
        {"fixed_premises": "是", "financing_need": "是"},
        {"小型", "微型"},
    ),
    (
        "sme-loan-subsidy-2026",
        "enterprise_size",
        {"ownership": "民营", "loan_date": "2026-01-01", "business_loans": ["固定资产贷款"]},
        SMES,
    ),
    (
        "sme-loan-subsidy-2026",
        "business_loans",
        {"enterprise_size": "小型", "ownership": "民营", "loan_date": "2026-01-01"},
        {"设备更新的固定资产贷款", "其他固定资产贷款"},
    ),
    (
        "sme-loan-subsidy-2026",
        "ownership",
        {
            "enterprise_size": "小型",
            "loan_date": "2026-01-01",
            "business_loans": ["固定资产贷款"],
        },
        {"民营"},
    ),
    ("sme-payment-protection", "enterprise_size", {"debtors": ["机关"]}, SMES),
    (
        "sme-payment-protection",
        "debtors",
        {"enterprise_size": "微型"},
        {"机关", "事业单位", "大型企业"},
    ),
    (
        "special-equipment-credit",
        "special_equipment",
        {"pays_corporate_income_tax": "是"},
        {"环保专用设备", "节能节水专用设备", "安全生产专用设备"},
    ),
    (
        "stabilize-jobs-loan-shandong",
        "enterprise_size",
        {**HERE, "entity_type": "企业", "workforce_decreased": "否"},
        {"小型", "微型"},
    ),
    (
        "startup-guarantee-loan-sme",
        "enterprise_size",
        {"headcount": 10, "new_hire_ratio": 10},
        {"小型", "微型"},
    ),
    (
        "ui-skill-subsidy-workers",
        "certificate_level",
        {"employment_status": "企业在职职工", "ui_months": 12},
        {"初级", "中级", "高级"},
    ),
    (
        "ui-skill-subsidy-workers",
        "employment_status",
        {"certificate_level": "初级", "ui_months": 12},
        {"企业在职职工"},
    ),
    (
        "unemployment-benefit",
        "employment_status",
        {"involuntary_unemployment": "是", "ui_months": 12},
        {"已登记失业并在找工作", "正在领失业保险金"},
    ),
    (
        "urban-rural-dibao",
        "disability_level",
        {"assistance_status": ["低保边缘家庭"]},
        {"一级", "二级"},
    ),
    ("veteran-lump-sum", "person_groups", HERE, {"自主就业退役士兵", "其他退役士兵"}),
    (
        "veteran-tax-deduction",
        "person_groups",
        {"entity_type": "个体工商户"},
        {"自主就业退役士兵"},
    ),
    ("veteran-tax-deduction", "hire_groups", {"entity_type": "企业"}, {"自主就业退役士兵"}),
    (
        "zibo-job-creation-subsidy",
        "hire_groups",
        {**HERE, "contract_years": 1},
        {"登记失业人员", "16—24岁登记失业青年"},
    ),
]


@pytest.mark.parametrize(("slug", "field", "besides", "likely"), OPTIONS)
def test_an_entry_is_likely_with_exactly_these_options(
    slug: str, field: str, besides: dict[str, Any], likely: set[str]
) -> None:
    options = load_questions().by_key[field].values
    found = {o for o in options if outcome(slug, {**besides, field: o}) is Outcome.LIKELY}
    assert found == likely


# Entry, answers with which it is likely, and for each question an answer that alone refuses.
NEEDED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "advanced-manufacturing-vat-credit",
        {
            "taxpayer_type": "一般纳税人",
            "titles": ["高新技术企业"],
            "industry": "制造业",
            "manufacturing_sales_ratio": "50.01",
            "on_vat_credit_list": "是",
        },
        {
            "taxpayer_type": "小规模纳税人",
            "titles": [],
            "industry": "建筑业",
            "manufacturing_sales_ratio": 50,
            "on_vat_credit_list": "否",
        },
    ),
    ("childcare-allowance", {"child_age": "35个月"}, {"child_age": "36个月"}),
    ("childcare-service", {"runs_nursery": "是"}, {"runs_nursery": "否"}),
    (
        "cit-small-low-profit",
        {
            "pays_corporate_income_tax": "是",
            "restricted_industry": "否",
            "annual_taxable_income": 300,
            "headcount": 300,
            "total_assets": 5000,
        },
        {
            "pays_corporate_income_tax": "否",
            "restricted_industry": "是",
            "annual_taxable_income": "300.01",
            "headcount": 301,
            "total_assets": "5000.01",
        },
    ),
    (
        "deposit-guarantee-relief",
        {"enterprise_size": "大型", "construction_project": "是", "general_contractor": "是"},
        {"construction_project": "否", "general_contractor": "否"},
    ),
    (
        "disability-fund-tiered",
        {"entity_type": "企业", "headcount": 31, "disabled_employee_ratio": 1},
        {"disabled_employee_ratio": "1.5"},
    ),
    (
        "disability-fund-tiered",
        {"entity_type": "企业", "headcount": 30, "disabled_employee_ratio": 2},
        {"entity_type": "社会组织", "headcount": 31},
    ),
    (
        "disabled-employer-vat-refund",
        {
            "disabled_employee_ratio": 25,
            "disabled_employee_count": 10,
            "blind_massage": "否",
            "contract_years": 1,
            "five_insurances": "是",
            "tax_credit_rating": "A",
        },
        {
            "disabled_employee_ratio": "24.9",
            "disabled_employee_count": 9,
            "contract_years": "11个月",
            "five_insurances": "否",
            "tax_credit_rating": "D",
        },
    ),
    (
        "disabled-wage-deduction",
        {"pays_corporate_income_tax": "是", "disabled_employee_count": 1},
        {"pays_corporate_income_tax": "否", "disabled_employee_count": 0},
    ),
    (
        "elderly-care-voucher",
        {"care_level": "中度失能", "care_services": ["居家养老服务"]},
        {"care_level": "轻度失能", "care_services": []},
    ),
    (
        "equipment-one-time-deduction",
        {
            "pays_corporate_income_tax": "是",
            "bought_equipment": "是",
            "equipment_unit_price": 500,
        },
        {
            "pays_corporate_income_tax": "否",
            "bought_equipment": "否",
            "equipment_unit_price": "5,000,001元",
        },
    ),
    (
        "first-set-insurance",
        {"first_set_product": "是", "first_set_insured": "是"},
        {"first_set_product": "否", "first_set_insured": "否"},
    ),
    (
        "flexible-employment-social-subsidy",
        {
            **HERE,
            "person_groups": ["就业困难人员"],
            "employment_status": "灵活就业",
            "self_insured": "是",
        },
        {
            "region": "其他地区",
            "person_groups": [],
            "employment_status": "退休",
            "self_insured": "否",
        },
    ),
    (
        "free-preschool-2025",
        {"child_in_final_kindergarten_year": "是"},
        {"child_in_final_kindergarten_year": "否"},
    ),
    (
        "hard-to-employ-social-subsidy",
        {**HERE, "hire_groups": ["就业困难人员"], "contract_years": 1, "hire_insured_months": 1},
        {
            "region": "其他地区",
            "hire_groups": [],
            "contract_years": 0,
            "hire_insured_months": 0,
        },
    ),
    (
        "heating-temperature-refund",
        {
            **HERE,
            "central_heating": "是",
            "room_temperature": "17.9",
            "heating_outage_hours": "23.9",
            "stopping_heating": "否",
        },
        {"region": "其他地区", "central_heating": "否", "room_temperature": 18},
    ),
    (
        "hitech-enterprise-15",
        {
            "registration_date": "2025-11-24",
            "owns_core_ip": "是",
            "rd_staff_ratio": 10,
            "domestic_rd_share": 60,
            "hitech_income_ratio": 60,
            "major_violation_last_year": "否",
        },
        {
            "registration_date": "2025-11-25",
            "owns_core_ip": "否",
            "rd_staff_ratio": "9.9",
            "domestic_rd_share": "59.9",
            "hitech_income_ratio": "59.9",
            "major_violation_last_year": "是",
        },
    ),
    ("internship-subsidy", {**HERE, "takes_interns": "是"}, {"takes_interns": "否"}),
    (
        "key-groups-tax-deduction",
        {
            "entity_type": "企业",
            "hire_groups": ["登记失业人员"],
            "contract_years": 1,
            "hire_insured_months": 1,
        },
        {"entity_type": "社会组织", "contract_years": 0, "hire_insured_months": 0},
    ),
    (
        "little-giant",
        {
            "titles": ["专精特新中小企业"],
            "annual_revenue": 5000,
            "main_business_ratio": 90,
            "debt_ratio": 75,
            "rd_expense_2y_total": 1200,
            "class1_ip_count": 4,
            "market_share": "9.9",
            "top_three_in_niche": "是",
        },
        {
            "titles": ["科技和创新型中小企业"],
            "annual_revenue": "4999.99",
            "main_business_ratio": "89.9",
            "debt_ratio": "75.1",
            "rd_expense_2y_total": "1199.99",
            "class1_ip_count": 3,
            "top_three_in_niche": "否",
        },
    ),
    (
        "one-off-expansion-subsidy",
        {
            "entity_type": "企业",
            "hire_groups": ["高校毕业生"],
            "contract_years": "1个月",
            "hire_insured_months": 3,
        },
        {
            "entity_type": "个体工商户",
            "hire_groups": [],
            "contract_years": 0,
            "hire_insured_months": 2,
        },
    ),
    (
        "sme-financing-coordination",
        {"enterprise_size": "微型", "fixed_premises": "是", "financing_need": "是"},
        {"enterprise_size": "中型", "fixed_premises": "否", "financing_need": "否"},
    ),
    (
        "sme-loan-subsidy-2026",
        {
            "enterprise_size": "中型",
            "ownership": "民营",
            "loan_date": "2026-01-01",
            "business_loans": ["其他固定资产贷款"],
        },
        {
            "enterprise_size": "大型",
            "ownership": "国有",
            "loan_date": "2025-12-31",
            "business_loans": [],
        },
    ),
    (
        "special-equipment-credit",
        {"pays_corporate_income_tax": "是", "special_equipment": ["环保专用设备"]},
        {"pays_corporate_income_tax": "否", "special_equipment": []},
    ),
    (
        "specialized-sme",
        {
            "titles": ["科技和创新型中小企业"],
            "annual_revenue": 1499,
            "equity_financing": 2000,
            "main_business_ratio": 80,
            "debt_ratio": 80,
            "rd_expense_each_year": 100,
            "rd_expense_ratio": 3,
            "class1_ip_count": 1,
        },
        {
            "titles": [],
            "equity_financing": "1999.99",
            "main_business_ratio": "79.9",
            "debt_ratio": "80.1",
            "rd_expense_each_year": "99.99",
            "rd_expense_ratio": "2.99",
        },
    ),
    (
        "shandong-technical-transformation",
        {**HERE, "industry": "制造业", "project_in_directory": "是"},
        {"region": "其他地区", "industry": "餐饮业", "project_in_directory": "否"},
    ),
    ("shandong-hitech-first-subsidy", {**HERE, "enterprise_size": "中型"}, {"region": "其他地区"}),
    (
        "skill-upgrade-subsidy",
        {"employment_status": "正在领失业保险金", "ui_months": 12, "certificate_level": "中级"},
        {"employment_status": "企业在职职工", "ui_months": 11, "certificate_level": "没有证书"},
    ),
    (
        "startup-guarantee-loan-sme",
        {"enterprise_size": "小型", "headcount": 101, "new_hire_ratio": 5},
        {"enterprise_size": "中型", "headcount": 100, "new_hire_ratio": "4.9"},
    ),
    (
        "startup-subsidy",
        {**HERE, "first_startup": "是", "registration_date": "2025-11-24"},
        {"region": "其他地区", "first_startup": "否", "registration_date": "2025-11-25"},
    ),
    (
        "tech-sme-evaluation-2026",
        {
            "headcount": 500,
            "annual_revenue": 20000,
            "total_assets": "2亿元",
            "titles": ["高新技术企业"],
        },
        {"headcount": 501, "annual_revenue": "20000.01", "total_assets": "200,000,001元"},
    ),
    (
        "ui-job-stability-refund",
        {"entity_type": "企业", "ui_paid_months": 12, "headcount": 30, "layoff_rate": 20},
        {"ui_paid_months": 11},
    ),
    (
        "ui-skill-subsidy-workers",
        {"employment_status": "企业在职职工", "ui_months": 12, "certificate_level": "高级"},
        {"employment_status": "退休", "ui_months": 11, "certificate_level": "技师以上"},
    ),
    (
        "unemployment-benefit",
        {
            "employment_status": "已登记失业并在找工作",
            "ui_months": 12,
            "involuntary_unemployment": "是",
        },
        {
            "employment_status": "失业没有登记",
            "ui_months": 11,
            "involuntary_unemployment": "否",
        },
    ),
    (
        "vat-small-scale-1pct",
        {
            "taxpayer_type": "小规模纳税人",
            "sells_real_estate": "否",
            "vat_filing": "按次（日）",
            "sale_amount": 1000,
        },
        {
            "taxpayer_type": "一般纳税人",
            "sells_real_estate": "是",
            "sale_amount": "999.99",
        },
    ),
    (
        "vat-threshold-small-scale",
        {"taxpayer_type": "小规模纳税人", "vat_filing": "按次（日）", "sale_amount": "999.99"},
        {"taxpayer_type": "一般纳税人", "sale_amount": 1000},
    ),
    (
        "zibo-job-creation-subsidy",
        {**HERE, "hire_groups": ["登记失业人员"], "contract_years": 1},
        {"region": "其他地区", "contract_years": "11个月"},
    ),
]


@pytest.mark.parametrize(("slug", "answers", "refusals"), NEEDED)
def test_each_of_these_answers_alone_refuses(
    slug: str, answers: dict[str, Any], refusals: dict[str, Any]
) -> None:
    assert outcome(slug, answers) is Outcome.LIKELY
    for field, answer in refusals.items():
        assert outcome(slug, {**answers, field: answer}) is Outcome.NOT_ELIGIBLE, field


# Where a text that only a person can judge offers another way, nothing is refused.
@pytest.mark.parametrize(
    ("slug", "profile"),
    [
        ("specialized-sme", {"class1_ip_count": 0}),
        (
            "tech-sme-evaluation-2026",
            {"headcount": 9, "annual_revenue": 9, "total_assets": 9, "titles": []},
        ),
        (
            "ui-job-stability-refund",
            {"entity_type": "社会组织", "ui_paid_months": 12, "layoff_rate": 0},
        ),
        ("ui-job-stability-refund", {"headcount": 31, "layoff_rate": 21}),
        ("gov-procurement-sme", {"enterprise_size": "微型", "procurement_budget": 401}),
        (
            "stabilize-jobs-loan-shandong",
            {"entity_type": "个体工商户", "workforce_decreased": "是"},
        ),
        ("zibo-job-creation-subsidy", {"hire_groups": ["高校毕业生"]}),
        ("key-groups-tax-deduction", {"entity_type": "个体工商户", "person_groups": []}),
        ("disabled-two-allowances", {"disability_level": "四级", "assistance_status": []}),
        ("heating-price-subsidy", {"central_heating": "是", "assistance_status": []}),
    ],
)
def test_another_way_that_only_a_person_can_judge_keeps_an_entry_open(
    slug: str, profile: dict[str, Any]
) -> None:
    assert outcome(slug, profile) is Outcome.MORE_INFORMATION
