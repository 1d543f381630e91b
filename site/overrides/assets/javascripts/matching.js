// Matching: reads answers and judges rules exactly as indexer/answers.py, profile.py and matching.py
// do; tests run both over the same cases. Nothing here touches the page, and today is an argument.
window.PolicyMatching = (() => {
  const { statusOn, daysBetween } = window.policyKb;
  const UNSURE = ["不清楚", "不知道", "不确定", "说不清", "未知"];
  const SIZES = ["微型", "小型", "中型", "大型"];
  const FLAGS = { 是: true, 有: true, true: true, 否: false, 没有: false, false: false };
  const AUDIENCES = ["citizen", "enterprise"];
  const TOGETHER = 8; // statements on one screen, at most
  const EARLIEST = "1900-01-01";
  const UNTESTABLE = "这一条的条件不能用提问来核对，要由窗口或者主管部门判断。";
  // Numbers are whole: millionths of the smallest unit, as indexer/questionnaire.py writes them.
  const SCALE = 1_000_000n;
  const PLACES = 6;
  // What Python calls blank; \s of JavaScript is a little different.
  const BLANK = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
  const BLANKS = new RegExp(`${BLANK}+`, "gu");
  const EDGES = new RegExp(`^${BLANK}+|${BLANK}+$`, "gu");
  const NUMBER = new RegExp(
    `^([-+]?)([0-9]{1,15})(?:\\.([0-9]{1,6}))?${BLANK}*(\\P{Nd}{0,6})$`,
    "u",
  );
  const DATE = new RegExp(
    `^${BLANK}*([0-9]{4})[-年./]?([0-9]{1,2})[-月./]?([0-9]{1,2})日?${BLANK}*$`,
    "u",
  );

  /** An answer that does not fit its question; the message is for the reader. */
  class AnswerError extends Error {}

  // Text

  const cut = (text, length) => [...text].slice(0, length).join("");
  const isText = (given) => typeof given === "string";
  const includes = (words, given) => isText(given) && words.includes(fold(given));

  function fold(text) {
    return cut(text, 200).normalize("NFKC").toLowerCase().replace(BLANKS, "");
  }

  /** Return text as a message may quote it: one line, without control characters, not long. */
  function shown(value) {
    const line = cut(String(value), 200).replace(/[\p{C}\p{Z}]/gu, " ");
    const text = line.split(" ").filter(Boolean).join(" ");
    return `“${[...text].length <= 40 ? text : `${cut(text, 40)}……`}”`;
  }

  /** Compare text as Python does, by its characters. */
  function compareText(a, b) {
    const [left, right] = [[...a], [...b]];
    const at = left.findIndex((char, i) => char !== right[i]);
    if (at < 0) return left.length - right.length;
    return at >= right.length ? 1 : left[at].codePointAt(0) - right[at].codePointAt(0);
  }

  // Answers: {value, text}. A value is a whole number, a set, true or false, or text.

  /** Return the answer, or null for “不清楚”; throw AnswerError telling what is wrong. */
  function readAnswer(question, given, day) {
    if (given === null || includes(["", ...UNSURE], given)) return null;
    switch (question.type) {
      case "number":
        return readNumber(question, given);
      case "choice":
        return readChoice(question, given);
      case "choices":
        return readChoices(question, given);
      case "flag":
        return readFlag(given);
      case "date":
        return readDate(given, day);
      default:
        return { value: readOption(question, given), text: given };
    }
  }

  function readNumber(question, given) {
    let unit = question.unit;
    if (typeof given === "object") {
      unit = given.unit ?? unit;
      given = given.value;
    }
    if (includes(UNSURE, given)) return null;
    const [number, said] = splitNumber(given);
    const [name, factor] = unitNamed(question, said || unit);
    const value = number * factor;
    checkRange(question, value, given);
    return { value, text: `${plain(number)}${name === "%" ? "" : " "}${name}` };
  }

  function splitNumber(given) {
    if (!isText(given)) throw new AnswerError(`不是数，看到的是${shown(given)}；请写成 15 或 0.5 这样的数。`);
    const text = cut(given.normalize("NFKC"), 80).replace(EDGES, "");
    const match = NUMBER.exec(text.replace(/(\p{Nd}),(?=\p{Nd}{3}(?!\p{Nd}))/gu, "$1"));
    if (!match) {
      throw new AnswerError(`不是数，看到的是${shown(given)}；请写成 15、0.5 或 5000万元 这样的数。`);
    }
    const [, sign, whole, fraction = "", unit] = match;
    const number = BigInt(whole + fraction.padEnd(PLACES, "0"));
    return [sign === "-" ? -number : number, unit.replace(EDGES, "")];
  }

  function unitNamed(question, unit) {
    const found = Object.entries(question.units).find(([name]) => isText(unit) && fold(name) === fold(unit));
    if (found) return [found[0], BigInt(found[1])];
    const allowed = Object.keys(question.units).join("、");
    throw new AnswerError(`单位只能是 ${allowed}，看到的是${shown(unit)}。`);
  }

  function checkRange({ minimum, maximum, unit, units }, value, given) {
    const scaled = (bound) => BigInt(bound) * BigInt(units[unit]) * SCALE;
    if (minimum !== undefined && value < scaled(minimum)) {
      throw new AnswerError(`不能小于 ${minimum} ${unit}，看到的是${shown(given)}。`);
    }
    if (maximum !== undefined && value > scaled(maximum)) {
      throw new AnswerError(`不能大于 ${maximum} ${unit}，看到的是${shown(given)}。`);
    }
  }

  /** Return a number as people write it. */
  function plain(number) {
    const digits = String(number < 0n ? -number : number).padStart(PLACES + 1, "0");
    const fraction = digits.slice(-PLACES).replace(/0+$/, "");
    const whole = digits.slice(0, -PLACES);
    return `${number < 0n ? "-" : ""}${whole}${fraction ? `.${fraction}` : ""}`;
  }

  /** Return the value chosen; the page offers values, so that no other spelling has to be known. */
  function readOption(question, given) {
    if (isText(given) && question.options.some(([value]) => value === given)) return given;
    const names = question.options.map(([value, name = value]) => name).join("、");
    throw new AnswerError(`只能是 ${names}，看到的是${shown(given)}。`);
  }

  function named(question, wanted) {
    const [value, name = value] = question.options.find(([option]) => option === wanted);
    return name;
  }

  function readChoice(question, given) {
    const value = readOption(question, given);
    return { value: new Set([value]), text: named(question, value) };
  }

  function readChoices(question, given) {
    if (!Array.isArray(given)) {
      const [, name = question.options[0][0]] = question.options[0];
      throw new AnswerError(`要写成列表，例如 [${name}]；都不是的写 []。`);
    }
    const value = new Set(given.map((part) => readOption(question, part)));
    const chosen = question.options.map(([option]) => option).filter((option) => value.has(option));
    return { value, text: chosen.map((option) => named(question, option)).join("、") || "都没有" };
  }

  function readFlag(given) {
    const word = isText(given) ? fold(given) : "";
    if (!Object.hasOwn(FLAGS, word)) {
      throw new AnswerError(`只能是“是”或“否”（true 或 false），看到的是${shown(given)}。`);
    }
    return { value: FLAGS[word], text: FLAGS[word] ? "是" : "否" };
  }

  function readDate(given, day) {
    const match = isText(given) ? DATE.exec(cut(given, 40)) : null;
    if (!match) throw new AnswerError(`不是日期，请写成 2024-03-01，看到的是${shown(given)}。`);
    const [year, month, date] = match.slice(1);
    const value = `${year}-${month.padStart(2, "0")}-${date.padStart(2, "0")}`;
    if (!isDay(value)) throw new AnswerError(`${shown(given)}在日历上没有，请核对。`);
    if (value < EARLIEST || value > day) {
      throw new AnswerError(`日期要在 ${EARLIEST} 到 ${day} 之间，看到的是${shown(given)}。`);
    }
    return { value, text: value };
  }

  /** Tell whether text is a day of the calendar, written as 2024-03-01. */
  function isDay(text) {
    const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
    return Number(year) > 0 && Number(day) > 0 && Number(day) <= monthLength(year, month);
  }

  function monthLength(year, month) {
    const last = new Date(0);
    last.setUTCFullYear(Number(year), Number(month), 0);
    return month >= 1 && month <= 12 ? last.getUTCDate() : 0;
  }

  // Facts: the answers and what follows from them on one day; what was answered itself goes first.

  function learn(data, answers, day) {
    const facts = { data, answers, day, known: { ...answers } };
    facts.known.enterprise_size ??= workOutSize(facts);
    facts.known.years_since_registration ??= workOutYears(facts);
    return facts;
  }

  function workOutYears({ answers, day }) {
    const registered = answers.registration_date;
    if (!registered) return undefined;
    const halves = halfMonthsBetween(registered.value, day);
    const years = Math.floor(Math.trunc(halves / 2) / 12);
    return {
      value: (BigInt(halves) * SCALE) / 2n,
      text: `满 ${years} 年（${registered.text} 领执照）`,
    };
  }

  /** Return the months between two days, a month begun counting half, in halves. */
  function halfMonthsBetween(start, end) {
    const [[fromYear, fromMonth, fromDay], [year, month, day]] = [start, end].map((text) =>
      text.split("-").map(Number),
    );
    const months = (year - fromYear) * 12 + month - fromMonth;
    const due = Math.min(fromDay, monthLength(year, month));
    return months * 2 + Math.sign(day - due);
  }

  function workOutSize({ data, answers }) {
    const [industry, bounds] = findBounds(data, answers);
    if (!bounds) return undefined;
    const indicators = Object.entries(bounds).map(([name, lower]) => ({ lower, name, answer: answers[name] }));
    const classes = indicators.map(({ name, lower, answer }) => {
      if (!answer) return lower.length;
      const { unit, units } = data.byKey[name];
      const factor = BigInt(units[unit]) * SCALE;
      return lower.filter((bound) => answer.value >= BigInt(bound) * factor).length;
    });
    const highest = Math.min(...classes);
    const lowest = indicators.every(({ answer }) => answer) ? highest : 0;
    const possible = SIZES.slice(lowest, highest + 1);
    return {
      value: new Set(possible),
      text: `${possible.join("或")}（${industry}，按国统字〔2017〕213号算）`,
    };
  }

  /** Return the industry, and the row of the table of sizes for it, as far as they are known. */
  function findBounds(data, answers) {
    const [industry] = answers.industry?.value ?? [];
    return [industry, Object.hasOwn(data.sizes, industry ?? "") ? data.sizes[industry] : undefined];
  }

  /** Return what to ask in order to learn the answer to a question. */
  function openQuestions({ data, answers }, question) {
    const unanswered = (keys) => keys.filter((key) => !answers[key]);
    if (question.key === "enterprise_size") {
      const [industry, bounds] = findBounds(data, answers);
      if (industry !== undefined && !bounds) return ["enterprise_size"];
      const names = bounds ? Object.keys(bounds) : ["headcount", "annual_revenue", "total_assets"];
      return unanswered(["industry", ...names]);
    }
    const sources = unanswered(question.derived_from ?? []);
    return sources.length > 0 ? sources : [question.key];
  }

  // Judging: true, false or null, which is open

  const negate = (outcome) => (outcome === null ? null : !outcome);

  function every(outcomes) {
    if (outcomes.includes(false)) return false;
    return outcomes.includes(null) ? null : true;
  }

  function holds({ op, value, question }, given, regions) {
    switch (question.type) {
      case "number":
      case "date":
        return holdsInOrder(op, value, given);
      case "region":
        return holdsOfPlace(op, value, given, regions);
      case "flag":
        return given;
      default:
        return holdsOfSet(op, value, given, question.type === "choices");
    }
  }

  function holdsInOrder(op, value, given) {
    return { eq: given === value, lt: given < value, lte: given <= value, gt: given > value, gte: given >= value }[op];
  }

  /** A choice is the set of what it may be; of several choices, one in common is enough. */
  function holdsOfSet(op, value, given, several) {
    if (op === "exists") return given.size > 0;
    const common = [...given].filter((each) => value.has(each)).length;
    const open = !several && common > 0 && common < given.size;
    const inside = open ? null : common > 0;
    return op === "not_in" ? negate(inside) : inside;
  }

  /** Inside holds, apart does not; a wider place than asked for leaves it open. */
  function holdsOfPlace(op, value, given, regions) {
    const within = (place) => (Object.hasOwn(regions, place) ? regions[place] : [place]);
    const wanted = [...value];
    let inside = wanted.some((place) => within(place).includes(given));
    if (!inside && wanted.some((place) => within(given).includes(place))) inside = null;
    return op === "not_in" ? negate(inside) : inside;
  }

  function judge(condition, facts) {
    const children = (condition.conditions ?? []).map((child) => judge(child, facts));
    if (children.length > 0) {
      return { condition, outcome: combine(condition.group, children), children, answer: null };
    }
    const answer = (condition.question && facts.known[condition.question.key]) || null;
    const outcome = answer ? holds(condition, answer.value, facts.data.regions) : null;
    return { condition, outcome, children, answer };
  }

  function combine(group, children) {
    const outcomes = children.map(({ outcome }) => outcome);
    if (group === "all") return every(outcomes);
    const some = negate(every(outcomes.map(negate)));
    return group === "not" ? negate(some) : some;
  }

  // Which questions can still change an outcome: outcomes are ordered false, open, true, and a
  // condition matters if it can still move within the bounds that its neighbours leave to it.

  const [FALSE, OPEN, TRUE] = [0, 1, 2];

  /** Return the lowest and the highest outcome that further answers can lead to. */
  function reach({ condition, outcome, children }) {
    if (outcome !== null) return outcome ? [TRUE, TRUE] : [FALSE, FALSE];
    if (children.length === 0) return condition.question ? [FALSE, TRUE] : [OPEN, OPEN];
    const reaches = children.map(reach);
    const lows = reaches.map(([low]) => low);
    const highs = reaches.map(([, high]) => high);
    if (condition.group === "all") return [Math.min(...lows), Math.min(...highs)];
    if (condition.group === "any") return [Math.max(...lows), Math.max(...highs)];
    return [TRUE - Math.max(...highs), TRUE - Math.max(...lows)];
  }

  /** Add what to ask about a finding whose outcome matters only within `bounds`. */
  function collect(finding, bounds, facts, asked) {
    const [low, high] = reach(finding);
    if (Math.max(low, bounds[0]) >= Math.min(high, bounds[1])) return;
    const { condition, children } = finding;
    if (condition.question) {
      for (const key of openQuestions(facts, condition.question)) asked.add(key);
    }
    const inner = condition.group === "not" ? [TRUE - bounds[1], TRUE - bounds[0]] : bounds;
    collectOfAll(children, condition.group === "all", inner, facts, asked);
  }

  function collectOfAll(findings, all, bounds, facts, asked) {
    const reaches = findings.map(reach);
    findings.forEach((finding, place) => {
      let [low, high] = bounds;
      reaches.forEach(([otherLow, otherHigh], other) => {
        if (other === place) return;
        if (all) high = Math.min(high, otherHigh);
        else low = Math.max(low, otherLow);
      });
      collect(finding, [low, high], facts, asked);
    });
  }

  // Matches

  function matchOne(rule, facts) {
    const { day, data } = facts;
    const findings = rule.conditions.map((condition) => judge(condition, facts));
    const met = every(findings.map(({ outcome }) => outcome));
    const waiting = waitFor(rule, day);
    const settled = rule.testable && waiting.length === 0;
    const outcome = met === false ? "not_eligible" : met && settled ? "likely" : "more_information";
    const asked = new Set();
    // Where nothing better than “more information” can be said, a question matters if it refuses.
    collectOfAll(findings, true, [FALSE, settled ? TRUE : OPEN], facts, asked);
    const place = (key) => data.byKey[key].place;
    const failed = findings.filter((finding) => finding.outcome === false);
    const reasons =
      failed.length > 0
        ? failed.map(({ condition }) => condition.text)
        : [...waiting, ...(rule.testable ? [] : [UNTESTABLE])];
    return {
      rule,
      outcome,
      findings,
      missing: outcome === "more_information" ? [...asked].sort((a, b) => place(a) - place(b)) : [],
      reasons,
      daysLeft: rule.deadline && rule.deadline >= day ? daysBetween(day, rule.deadline) : null,
      // What one cannot get is not estimated; what an estimate asks never decides an outcome.
      estimates: outcome === "not_eligible" ? [] : estimateAll(rule, facts),
    };
  }

  /** Return the estimates of an entry that apply, each with its answers and what else to ask. */
  function estimateAll({ estimates = [] }, facts) {
    const { byKey } = facts.data;
    return estimates
      .map((row) => ({ row, result: window.PolicyEstimates.estimate(row.tree, facts.known) }))
      .filter(({ result }) => result.applies)
      .map(({ row, result }) => ({
        ...row,
        text: result.amount === null ? null : window.PolicyEstimates.about(result.amount, row.unit),
        amount: result.amount,
        inputs: result.inputs.map((key) => ({ key, label: byKey[key].label, answer: facts.known[key].text })),
        missing: [...new Set(result.missing.flatMap((key) => openQuestions(facts, byKey[key])))],
        reason: result.reason,
      }));
  }

  /** Return why one cannot apply on `day`, whoever one is. */
  function waitFor({ opens, closes }, day) {
    const reasons = [];
    if (closes && day > closes) reasons.push(`申报已于 ${closes} 截止，以后还有没有，要等新的通知。`);
    if (opens && day < opens) reasons.push(`申报要到 ${opens} 才开始。`);
    return reasons;
  }

  /**
   * Order: what answers can settle before what they cannot, fewer questions still to answer, nearer
   * deadline (none comes last), title, slug.
   */
  function compareMatches(a, b) {
    const beyond = ({ outcome, missing }) => Number(outcome === "more_information" && missing.length === 0);
    const deadline = ({ rule, daysLeft }) => (daysLeft === null ? "9999-12-31" : rule.deadline);
    return (
      beyond(a) - beyond(b) ||
      a.missing.length - b.missing.length ||
      compareText(deadline(a), deadline(b)) ||
      compareText(a.rule.title, b.rule.title) ||
      compareText(a.rule.slug, b.rule.slug)
    );
  }

  /** Return what to ask next and how many entries wait for it, the most informative first. */
  function nextQuestions(open, audience, byKey) {
    const found = new Map();
    for (const { missing } of open) {
      const keys = audience.length > 0 ? missing : ["audience", ...missing];
      for (const key of keys) {
        const { weight, entries } = found.get(key) ?? { weight: 0, entries: 0 };
        found.set(key, { key, weight: weight + 1 / keys.length, entries: entries + 1 });
      }
    }
    const later = ({ key }) => Number(key !== "audience");
    return [...found.values()]
      .sort((a, b) => later(a) - later(b) || b.weight - a.weight || byKey[a.key].place - byKey[b.key].place)
      .map(({ key, entries, weight }) => ({ question: byKey[key], entries, weight }));
  }

  /**
   * Return the questions of the next screen, of those in the order of `nextQuestions`: one by itself,
   * or the statements of a group, which are asked together and count together. What settles most
   * comes first; who asks comes before everything.
   */
  function chooseScreen(rows) {
    const screens = new Map();
    for (const row of rows) {
      const { key, group = key } = row.question;
      const screen = screens.get(group) ?? [];
      screens.set(group, screen);
      if (screen.length < TOGETHER) screen.push(row);
    }
    const [first] = rows;
    if (!first || first.question.key === "audience") return first ? [first.question] : [];
    const weigh = (screen) => screen.reduce((sum, { weight }) => sum + weight, 0);
    const best = [...screens.values()].reduce((a, b) => (weigh(b) > weigh(a) ? b : a));
    return best.map(({ question }) => question);
  }

  /** Return what was answered by whoever said that the statement of a question is not so. */
  function denied({ type, otherwise }) {
    return { flag: "否", choices: [] }[type] ?? otherwise;
  }

  /** Tell whether a rule is in force on `day` and serves the audience; any does while it is open. */
  function concerns(rule, audience, day) {
    const served = audience.length === 0 || rule.audience.some((who) => audience.includes(who));
    return served && statusOn(day, rule) === "in_force";
  }

  /** Judge every rule that concerns the answers on `day`. */
  function match(data, rules, answers, day) {
    const facts = learn(data, answers, day);
    const audience = AUDIENCES.filter((who) => answers.audience?.value.has(who));
    const groups = { likely: [], more_information: [], not_eligible: [] };
    for (const rule of rules) {
      if (!concerns(rule, audience, day)) continue;
      const found = matchOne(rule, facts);
      groups[found.outcome].push(found);
    }
    for (const group of Object.values(groups)) group.sort(compareMatches);
    const questions = nextQuestions(groups.more_information, audience, data.byKey);
    return { day, audience, ...groups, questions };
  }

  // Data

  /** Return the questions by key, the regions and the sizes, as the functions above need them. */
  function readLexicon({ questions, measures, regions, sizes }) {
    const unitsOf = (unit) => measures.find((measure) => Object.hasOwn(measure, unit));
    const rows = questions.map((question, place) => ({ ...question, units: unitsOf(question.unit), place }));
    return { questions: rows, byKey: Object.fromEntries(rows.map((row) => [row.key, row])), regions, sizes };
  }

  /** Return rules whose thresholds can be compared. */
  function readRules(rules, { byKey }) {
    const read = (condition) => {
      const question = byKey[condition.field];
      return {
        ...condition,
        question,
        value: question && readValue(question.type, condition.value),
        conditions: condition.conditions?.map(read),
      };
    };
    return rules.map((rule) => ({
      ...rule,
      testable: rule.testable ?? false,
      conditions: (rule.conditions ?? []).map(read),
    }));
  }

  function readValue(type, value) {
    if (type === "number") return BigInt(value);
    return Array.isArray(value) ? new Set(value) : value;
  }

  return { AnswerError, readAnswer, readLexicon, readRules, match, chooseScreen, denied, isDay };
})();
