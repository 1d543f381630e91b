"""Formulas (算式): how an editor writes them, and what they say in words.

A formula is arithmetic over answers. Python's own parser reads it and a whitelist decides what may
stand in it; nothing is ever run. What comes out is a tree of JSON values, which Python and the
browser work out alike: `{"op": "mul", "args": [{"op": "answer", …}, {"op": "number", …}]}`.
"""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from indexer.answers import plain
from indexer.policy import Audience, Estimate, label
from indexer.problems import did_you_mean, shown
from indexer.questions import Question, QuestionType, load_questions, units_of

Tree = dict[str, Any]

MAX_PARTS = 100  # numbers, questions and operations of one formula
MAX_DEPTH = 20  # of brackets inside brackets
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,6})?")
_FULL_WIDTH = re.compile(r"[（），。×÷＊％“”‘’＜＞＝≤≥]|[0-9.]\s*%")
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "lt",
    ast.LtE: "lte",
    ast.Gt: "gt",
    ast.GtE: "gte",
    ast.Eq: "eq",
    ast.NotEq: "ne",
}
FUNCTIONS = {"min": range(2, 11), "max": range(2, 11), "round": range(1, 2), "when": range(3, 4)}
_EXAMPLES = {
    "min": "min(a, b)",
    "max": "max(a, b)",
    "round": "round(a)",
    "when": "when(情形, 是的按这个, 不是的按那个)",
}
_TYPES = {
    QuestionType.NUMBER: "数",
    QuestionType.CHOICE: "选项",
    QuestionType.CHOICES: "选项",
    QuestionType.FLAG: "是或否",
    QuestionType.DATE: "日期",
    QuestionType.REGION: "地区",
}
CAUTION = "只是估算，以主管部门核定为准。"
ALLOWED = "能写的是：数、questions.yml 里的 key、+ - * / 和括号、min、max、round、when。"


class FormulaError(ValueError):
    """A formula that cannot be followed, with every reason in Chinese."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("".join(self.problems))


@cache
def read_formula(text: str) -> Tree:
    """Return the tree of a formula that gives a number; raise FormulaError."""
    return _read(text, test=False)


@cache
def read_test(text: str) -> Tree:
    """Return the tree of a formula that holds or does not; raise FormulaError."""
    return _read(text, test=True)


def read_estimate(formula: str, only_if: str | None) -> Tree:
    """Return the one tree of an estimate; one that does not apply comes to nothing at all."""
    amount = read_formula(formula)
    return {"op": "when", "args": [read_test(only_if), amount]} if only_if else amount


def keys_in(tree: Tree) -> Iterator[str]:
    """Yield the keys of the questions that a tree asks, in the order of the formula."""
    if "key" in tree:
        yield tree["key"]
    for part in tree.get("args", ()):
        yield from keys_in(part)


def check_estimate(estimate: Estimate, audience: Iterable[Audience]) -> Iterator[tuple[str, str]]:
    """Yield the part and the Chinese message of each mistake in an estimate.

    `audience` is whom the entry serves: all of them must be asked the questions.
    """
    parts = (("formula", estimate.formula, False), ("only_if", estimate.only_if, True))
    for part, text, test in parts:
        if text is None:
            continue
        try:
            tree = read_test(text) if test else read_formula(text)
        except FormulaError as error:
            yield from ((part, problem) for problem in error.problems)
            continue
        yield from ((part, message) for message in _check_audience(tree, tuple(audience)))
        if not test and _power_of_money(tree) not in (None, 1):
            yield (
                part,
                f"算出来的不是钱，单位却写的是{shown(estimate.unit)}；"
                "请核对是不是漏乘了单价，或者多乘、多除了一个金额。",
            )


def _check_audience(tree: Tree, audience: tuple[Audience, ...]) -> Iterator[str]:
    for key in dict.fromkeys(keys_in(tree)):
        question = load_questions().by_key[key]
        missing = [label(who) for who in audience if who not in question.audience]
        if missing:
            yield (
                f"{key}（{question.label}）不问{'、'.join(missing)}，本条的适用对象里却有；"
                "请换一项，或者在 questions.yml 里补上 audience。"
            )


# Reading


def _read(text: str, *, test: bool) -> Tree:
    text = " ".join(text.split())
    reader = _Reader(text)
    node = _parse(text)
    tree = reader.test(node, 0) if test else reader.number(node, 0)
    if not reader.problems:
        reader.problems.extend(_mixed_units(tree))
    if reader.problems:
        raise FormulaError(reader.problems)
    return tree


def _parse(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a number run into a word: refused below
            return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        hint = (
            "括号、逗号、引号和运算符号要用英文的，百分数写成小数（15% 写 0.15）。"
            if _FULL_WIDTH.search(text)
            else f"请核对括号和逗号。{ALLOWED}"
        )
        raise FormulaError([f"{shown(text)}不是算式。{hint}"]) from None


class _Reader:
    """Turns what Python's parser saw into a tree, and gathers what is wrong with it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: list[str] = []
        self._parts = 0

    def number(self, node: ast.expr, depth: int) -> Tree:
        """Return the tree of something that is a number."""
        if self._is_too_much(depth):
            return _ZERO
        match node:
            case ast.Constant():
                return self._literal(node)
            case ast.Name(id=name):
                return self._number_asked(name)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                args = [self.number(left, depth + 1), self.number(right, depth + 1)]
                return {"op": _ARITHMETIC[type(op)], "args": args}
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return {"op": "sub", "args": [_ZERO, self.number(operand, depth + 1)]}
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self._call(name, args, depth)
            case _:
                return self._refuse(node)

    def test(self, node: ast.expr, depth: int) -> Tree:
        """Return the tree of something that holds or does not."""
        if self._is_too_much(depth):
            return _ZERO
        match node:
            case ast.BoolOp(op=op, values=values):
                name = "and" if isinstance(op, ast.And) else "or"
                return {"op": name, "args": [self.test(value, depth + 1) for value in values]}
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return {"op": "not", "args": [self.test(operand, depth + 1)]}
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._compare(left, ops, others, depth)
            case ast.Name(id=name):
                return self._flag_asked(name)
            case _:
                return self._refuse(node)

    def _is_too_much(self, depth: int) -> bool:
        self._parts += 1
        if depth <= MAX_DEPTH and self._parts <= MAX_PARTS:
            return False
        self.problems.append("算式太长，或者括号套得太深，请拆成几个。")
        return True

    def _refuse(self, node: ast.expr) -> Tree:
        self.problems.append(f"{shown(self._source(node))}不能这样写。{ALLOWED}")
        return _ZERO

    def _source(self, node: ast.expr) -> str:
        return ast.get_source_segment(self.text, node) or self.text

    def _literal(self, node: ast.Constant) -> Tree:
        text = self._source(node)
        if isinstance(node.value, str) or not _NUMBER.fullmatch(text):
            self.problems.append(
                f"{shown(text)}不是数，只写阿拉伯数字，例如 15 或 0.5；选项只能和提问比较。"
            )
        return {"op": "number", "value": text}

    def _question(self, name: str, *types: QuestionType) -> Question | None:
        questions = load_questions()
        question = questions.by_key.get(name)
        if question is None:
            found = questions.find(name)
            hint = did_you_mean(name, questions.by_key)
            hint = f"您是不是想写 {found.key}？" if found else hint
            self.problems.append(
                f"questions.yml 里没有{shown(name)}这一项。"
                f"{hint or '能写的见 indexer/lexicon/questions.yml。'}"
            )
        elif question.type not in types:
            wanted = "或者".join(dict.fromkeys(_TYPES[wanted] for wanted in types))
            self.problems.append(
                f"{name}（{question.label}）问的是{_TYPES[question.type]}，这里要{wanted}。"
            )
        else:
            return question
        return None

    def _number_asked(self, name: str) -> Tree:
        question = self._question(name, QuestionType.NUMBER)
        if question is None:
            return _ZERO
        return {"op": "answer", "key": name, "scale": _scale(question)}

    def _flag_asked(self, name: str) -> Tree:
        self._question(name, QuestionType.FLAG)
        return {"op": "flag", "key": name}

    def _call(self, name: str, args: list[ast.expr], depth: int) -> Tree:
        if name not in FUNCTIONS:
            hint = did_you_mean(name, FUNCTIONS)
            self.problems.append(f"没有 {name} 这种算法。{hint or ALLOWED}")
            return _ZERO
        if len(args) not in FUNCTIONS[name]:
            self.problems.append(f"{name} 要写成 {_EXAMPLES[name]}，最多 10 项。")
            return _ZERO
        first = self.test if name == "when" else self.number
        rest = [self.number(arg, depth + 1) for arg in args[1:]]
        return {"op": name, "args": [first(args[0], depth + 1), *rest]}

    def _compare(
        self, left: ast.expr, ops: list[ast.cmpop], others: list[ast.expr], depth: int
    ) -> Tree:
        words = _words_of(others[0])
        if isinstance(left, ast.Name) and len(ops) == 1 and words is not None:
            return self._chosen(left.id, ops[0], words)
        if any(type(op) not in _COMPARISONS for op in ops):
            return self._refuse(others[0])
        numbers = [self.number(part, depth + 1) for part in (left, *others)]
        tests: list[Tree] = [
            {"op": _COMPARISONS[type(op)], "args": [one, other]}
            for op, one, other in zip(ops, numbers, numbers[1:], strict=False)
        ]
        return tests[0] if len(tests) == 1 else {"op": "and", "args": tests}

    def _chosen(self, name: str, op: ast.cmpop, words: list[str]) -> Tree:
        question = self._question(name, QuestionType.CHOICE, QuestionType.CHOICES)
        for word in words:
            if question is not None and word not in question.values:
                hint = did_you_mean(word, question.values)
                self.problems.append(
                    f"{name}（{question.label}）没有选项{shown(word)}，"
                    f"只能是：{'、'.join(question.values)}。{hint}"
                )
        if not isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn):
            self.problems.append(f"选项不能比大小，请写成 {name} == “……” 或 {name} in (……)。")
        several = question is not None and question.type is QuestionType.CHOICES
        tree: Tree = {"op": "some_of" if several else "one_of", "key": name, "values": words}
        return {"op": "not", "args": [tree]} if isinstance(op, ast.NotEq | ast.NotIn) else tree


_ZERO: Tree = {"op": "number", "value": "0"}


def _words_of(node: ast.expr) -> list[str] | None:
    """Return the options written in quotes, one or a list of them."""
    parts = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
    words = [part.value for part in parts if isinstance(part, ast.Constant)]
    if not parts or len(words) < len(parts):
        return None
    texts = [word for word in words if isinstance(word, str)]
    return list(dict.fromkeys(texts)) if len(texts) == len(words) else None


# Units: money counts in yuan, percentages as fractions, everything else in its question's unit.


def _is_money(question: Question) -> bool:
    return "元" in units_of(question.unit or "")


def _scale(question: Question) -> int:
    """Return how many of the answer's smallest unit make one in a formula."""
    if _is_money(question):
        return 1
    return 100 if question.unit == "%" else units_of(question.unit or "")[question.unit or ""]


Measure = Mapping[str, int]  # unit → power; a bare number has none


def _measure(tree: Tree) -> Measure | None:
    """Return the units of a tree; None when a bare number in it may stand for any.

    `headcount * 2000` may be yuan, as 2000 may be yuan a head. What is already money stays so:
    numbers that it is multiplied with are rates.
    """
    if tree["op"] == "answer":
        question = load_questions().by_key[tree["key"]]
        unit = "元" if _is_money(question) else question.unit or ""
        return {} if unit == "%" else {unit: 1}
    if tree["op"] == "number":
        return None
    parts = [_measure(part) for part in _amounts(tree)]
    if tree["op"] in ("mul", "div"):
        return _product(parts[0], parts[1], 1 if tree["op"] == "mul" else -1)
    return next((part for part in parts if part is not None), None)


def _product(left: Measure | None, right: Measure | None, sign: int) -> Measure | None:
    if left is None or right is None:
        known = left if right is None else right
        if known is None or not known.get("元"):
            return None
    one, other = left or {}, right or {}
    powers = {unit: one.get(unit, 0) + sign * other.get(unit, 0) for unit in (*one, *other)}
    return {unit: power for unit, power in powers.items() if power}


def _amounts(tree: Tree) -> list[Tree]:
    """Return the parts of an operation that are numbers, less what `when` asks."""
    args: list[Tree] = tree.get("args", [])
    return args[1:] if tree["op"] == "when" else args


def _power_of_money(tree: Tree) -> int | None:
    measure = _measure(tree)
    return None if measure is None else measure.get("元", 0)


_ALIKE = ("add", "sub", "min", "max", "when", "lt", "lte", "gt", "gte", "eq", "ne")


def _mixed_units(tree: Tree) -> Iterator[str]:
    """Yield where unlike things are added or compared."""
    if tree["op"] in _ALIKE:
        known = [m for part in _amounts(tree) if (m := _measure(part)) is not None]
        if any(measure != known[0] for measure in known):
            yield f"{shown(say(tree))}里单位不一样，不能相加减、比大小。"
    for part in tree.get("args", ()):
        yield from _mixed_units(part)


# In words

_SIGNS = {"add": "+", "sub": "−", "mul": "×", "div": "÷"}
_BINDING = {"add": 1, "sub": 1, "mul": 2, "div": 2}
_COMPARED = {
    "lt": "小于",
    "lte": "不超过",
    "gt": "大于",
    "gte": "不低于",
    "eq": "等于",
    "ne": "不等于",
}
_MIRRORED = {"lt": "gt", "lte": "gte", "gt": "lt", "gte": "lte", "eq": "eq", "ne": "ne"}
_JOINTS = {"and": "，并且", "or": "，或者"}
_EXTREMES = {"min": ("最多", "最小"), "max": ("最少", "最大")}


def describe(tree: Tree) -> str:
    """Return what an estimate does, in words: “车价 × 12%，最多 2 万元”."""
    if tree["op"] == "when" and len(tree["args"]) == 2:
        return f"{say(tree['args'][0])}的，按 {describe(tree['args'][1])}"
    if tree["op"] == "min" and _is_limit(tree["args"]):
        inner, limit = tree["args"]
        return f"{say(inner)}，最多 {say_yuan(limit['value'])}"
    return say(tree)


def describe_estimate(estimate: Estimate) -> str:
    """Return how an estimate is worked out, for the page of its entry."""
    words = describe(read_estimate(estimate.formula, estimate.only_if))
    note = f"（{estimate.note}）" if estimate.note else ""
    return f"{estimate.name}：{words}{note}。{CAUTION}依据：{estimate.basis}"


def say(tree: Tree) -> str:
    """Return any part of a formula in words."""
    op, args = tree["op"], tree.get("args", [])
    if op == "number":
        return _say_number(tree["value"])
    if "key" in tree:
        return _say_question(tree)
    if op in _SIGNS:
        left, right = (_bracket(part, op, last) for part, last in zip(args, (0, 1), strict=True))
        return f"{left} {_SIGNS[op]} {right}"
    if op in _COMPARED:
        if args[0]["op"] == "number":
            op, args = _MIRRORED[op], args[::-1]
        left, right = _say_alike(args)
        return f"{left}{_COMPARED[op]} {right}"
    if op in _JOINTS:
        other = "or" if op == "and" else "and"
        return _JOINTS[op].join(
            f"（{say(part)}）" if part["op"] == other else say(part) for part in args
        )
    if op == "not":
        return f"不是（{say(args[0])}）"
    if op == "round":
        return f"{_bracket(args[0], 'div', 1)}（四舍五入到整数）"
    if op == "when":
        return f"（{say(args[0])}的按 {say(args[1])}，不然按 {say(args[2])}）"
    return _say_extreme(op, args)


def _say_extreme(op: str, args: list[Tree]) -> str:
    at_most, smallest = _EXTREMES[op]
    if _is_limit(args):
        inner, limit = _say_alike(args)
        return (
            f"{inner}（{at_most}按 {limit}）"
            if args[0]["op"] == "answer"
            else f"（{inner}，{at_most}按 {limit}）"
        )
    return f"（{'、'.join(say(part) for part in args)} 中{smallest}的）"


def _is_limit(args: list[Tree]) -> bool:
    """Tell whether the arguments are something and the number that bounds it."""
    return len(args) == 2 and args[0]["op"] != "number" == args[1]["op"]


def _say_question(tree: Tree) -> str:
    question = load_questions().by_key[tree["key"]]
    if tree["op"] in ("answer", "flag"):
        return question.label
    names = "、".join(question.named(value) for value in tree["values"])
    one = "" if len(tree["values"]) == 1 else "之一"
    return f"“{question.label}”{'有' if tree['op'] == 'some_of' else '是'}{names}{one}"


def _bracket(part: Tree, op: str, last: int) -> str:
    binding = _BINDING.get(part["op"], 3)
    loose = binding < _BINDING[op] or (last and binding == _BINDING[op] and op in ("sub", "div"))
    return f"（{say(part)}）" if loose else say(part)


def _say_alike(args: list[Tree]) -> list[str]:
    """Say two parts of one measure: a bare number takes the unit of the question beside it."""
    asked = next((part for part in args if part["op"] == "answer"), None)
    if asked is None:
        return [say(part) for part in args]
    question = load_questions().by_key[asked["key"]]
    return [
        _in_unit(part["value"], question) if part["op"] == "number" else say(part) for part in args
    ]


def _in_unit(value: str, question: Question) -> str:
    unit = question.unit or ""
    if _is_money(question):
        return say_yuan(value)
    return _say_number(value, percent=True) if unit == "%" else f"{value} {unit}"


def _say_number(value: str, *, percent: bool = False) -> str:
    """Say a bare number; one below 1 is a rate."""
    number = Decimal(value)
    return f"{plain(number * 100)}%" if percent or 0 < number < 1 else plain(number)


def say_yuan(value: str | Decimal) -> str:
    """Return an amount of yuan as people say it: in 万元 where that takes at most two decimals."""
    amount = Decimal(value)
    if abs(amount) >= 10_000 and amount % 100 == 0:
        return f"{plain(amount / 10_000)} 万元"
    return f"{plain(amount)} 元"
