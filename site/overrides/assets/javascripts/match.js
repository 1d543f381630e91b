// The questionnaire: one screen at a time, of one question or of several statements, and what follows
// from the answers. They live in the fragment of the address and nowhere else:
// #entry=…&as_of=…&q=…&a=2.… (see `writeFragment`).
(() => {
  const { today, copyText, matchResults } = window.policyKb;
  const { make, button, GROUPS } = matchResults;
  const { AnswerError, readAnswer, chooseScreen, denied, isDay } = window.PolicyMatching;
  const VERSION = "2.";
  const READABLE = ["1.", VERSION]; // the first knew no statements asked together
  const OPEN = { "?": "不清楚", "-": "跳过了", "+": "符合，还没有细答" };
  const LONGEST = 20000; // of a fragment: what we write stays far below
  const UNSURE = "?";
  const SKIPPED = "-";
  const TICKED = "+"; // the statement is so, and its question is still to be answered
  const lexicon = window.PolicyMatching.readLexicon(window.PolicyQuestionnaire);
  const root = document.querySelector("[data-match]");
  const part = (name) => root.querySelector(`[data-${name}]`);
  const isQuestion = (key) => Object.hasOwn(lexicon.byKey, key);

  let rules = null; // until they are there
  let state = empty();
  let written = ""; // the fragment that says this state
  let found = null;
  let change = "";

  // State: `rows` are [key, given, answer, joined], in the order in which they were given; a joined
  // one was asked on the same screen as the row before it. `asking` are the keys to ask again.

  function empty() {
    return { rows: [], entry: "", asOf: "", asking: [], notices: [] };
  }

  const day = () => state.asOf || today();
  const rowOf = (key) => state.rows.find(([each]) => each === key);
  const keysOf = (mark) => state.rows.filter(([, given]) => given === mark).map(([key]) => key);

  function answers() {
    return Object.fromEntries(state.rows.flatMap(([key, , answer]) => (answer ? [[key, answer]] : [])));
  }

  /** Return the fragment for a state: the answers as JSON in base64, which every browser keeps. */
  function writeFragment({ rows, entry, asOf, asking }) {
    const parts = [];
    if (entry) parts.push(`entry=${entry}`);
    if (asOf) parts.push(`as_of=${asOf}`);
    if (asking.length > 0) parts.push(`q=${asking.join(",")}`);
    const told = rows.map(([key, given, , joined]) => (joined ? [key, given, 1] : [key, given]));
    if (rows.length > 0) parts.push(`a=${VERSION}${encode(told)}`);
    return parts.join("&");
  }

  function encode(value) {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    const text = btoa(String.fromCharCode(...bytes));
    return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  }

  function decode(text) {
    const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const plain = Uint8Array.from(bytes, (char) => char.charCodeAt(0));
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(plain));
  }

  /** Return the state that a fragment says; what cannot be read is left out, and told. */
  function readFragment(fragment) {
    const next = empty();
    if (!fragment) return next;
    const parts = new Map(fragment.length > LONGEST ? [] : fragment.split("&").map(splitPart));
    const known = ["entry", "as_of", "q", "a"];
    if (parts.size === 0 || [...parts.keys()].some((name) => !known.includes(name))) {
      next.notices.push("链接里有读不出来的内容，已经略过。");
    }
    if (parts.has("entry")) readEntry(parts.get("entry"), next);
    if (parts.has("a")) {
      // The day first: an answer may name no date after it.
      if (parts.has("as_of")) readDay(parts.get("as_of"), next);
      readRows(parts.get("a"), next);
    } else if (parts.has("as_of")) readDay(parts.get("as_of"), next);
    const asked = [...new Set((parts.get("q") ?? "").split(","))];
    if (asked.every(isQuestion) && (asked.length === 1 || asked.every((key) => alike(key, asked[0])))) next.asking = asked;
    return next;
  }

  /** Tell whether two questions may stand on one screen. */
  function alike(key, other) {
    const { group } = lexicon.byKey[key];
    return group !== undefined && group === lexicon.byKey[other].group;
  }

  function splitPart(part) {
    const at = part.indexOf("=");
    return at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
  }

  function readEntry(slug, next) {
    if (/^[a-z0-9-]{1,80}$/.test(slug)) next.entry = slug;
    else next.notices.push("链接里的政策读不出来，已经略过。");
  }

  function readDay(text, next) {
    if (isDay(text)) next.asOf = text;
    else next.notices.push("链接里的日期（as_of）不对，要写成 2026-03-01 这样；现在按今天算。");
  }

  function readRows(text, next) {
    const version = READABLE.find((each) => text.startsWith(each));
    if (!version) {
      next.notices.push("链接里的回答是别的版本，读不出来，请重新回答。");
      return;
    }
    let rows;
    try {
      rows = decode(text.slice(version.length));
    } catch {
      rows = null;
    }
    if (!Array.isArray(rows)) {
      next.notices.push("链接不完整，里面的回答读不出来，请重新回答。");
      return;
    }
    let lost = 0;
    for (const given of rows) {
      const row = readGiven(given, next);
      if (row) next.rows.push(row);
      else lost += 1;
    }
    if (lost > 0) next.notices.push(`链接里有 ${lost} 项回答读不出来，已经略过，请重新回答。`);
  }

  function readGiven(row, { rows, asOf }) {
    if (!Array.isArray(row) || row.length < 2 || row.length > 3) return null;
    const [key, given, mark] = row;
    if (typeof key !== "string" || !isQuestion(key) || rows.some(([each]) => each === key)) return null;
    const joined = mark === 1 && rows.length > 0 && alike(key, rows.at(-1)[0]);
    if (given === UNSURE || given === SKIPPED) return [key, given, null, joined];
    if (given === TICKED) return hasMore(lexicon.byKey[key]) ? [key, given, null, joined] : null;
    try {
      const answer = readAnswer(lexicon.byKey[key], given, asOf || today());
      return answer && [key, given, answer, joined];
    } catch (error) {
      if (error instanceof AnswerError) return null;
      throw error;
    }
  }

  /** Take a new state, and put it into the address so that “back” undoes it. */
  function go(changes) {
    const before = found;
    state = { ...state, notices: [], ...changes };
    written = writeFragment(state);
    if (location.hash.slice(1) !== written) location.hash = written;
    draw(before);
    part("question").querySelector("h2")?.focus(); // there is none until the rules are there
  }

  /** Keep the answers of one screen; what was answered before keeps its place. */
  function putAll(given) {
    const told = new Map(given.map((row) => [row[0], row]));
    const kept = state.rows.map(([key, ...rest]) => (told.has(key) ? [...told.get(key), rest[2]] : [key, ...rest]));
    const fresh = given.filter(([key]) => !rowOf(key)).map((row, at) => [...row, at > 0]);
    go({ rows: [...kept, ...fresh], asking: [] });
  }

  /** Tell whether there is more to a question than that its statement is so. */
  const hasMore = ({ statement, type }) => statement !== undefined && type !== "flag";

  /** Tell whether a row says that the statement of its question is so. */
  function holds([key, given, answer]) {
    return given === TICKED || (answer !== null && !isDenied(key, answer));
  }

  function isDenied(key, answer) {
    const question = lexicon.byKey[key];
    return answer.text === readAnswer(question, denied(question), day()).text;
  }

  // The question

  /** Return the keys to ask now: the chosen ones, or the most informative that were not put off. */
  function nextKeys() {
    if (state.asking.length > 0) return state.asking;
    if (!found) return state.rows.length === 0 ? ["audience"] : [];
    const ticked = found.questions.find(({ question }) => rowOf(question.key)?.[1] === TICKED);
    if (ticked) return [ticked.question.key];
    const wanted = found.questions.filter(({ question }) => !rowOf(question.key));
    const missing = found.more_information.find(({ rule }) => rule.slug === state.entry)?.missing ?? [];
    const own = wanted.filter(({ question }) => missing.includes(question.key));
    const first = own.length > 0 && wanted[0].question.key !== "audience" ? own : wanted;
    return chooseScreen(first).map(({ key }) => key);
  }

  /** Return the screens behind us: each as the keys that were asked on it. */
  function listScreens() {
    const screens = [];
    for (const row of state.rows) {
      if (row[3]) screens.at(-1).push(row);
      else screens.push([row]);
    }
    return screens.flatMap((rows) => {
      const asked = rows.filter((row) => rows.length > 1 && hasMore(lexicon.byKey[row[0]]) && row[2] && holds(row));
      return [rows, ...asked.map((row) => [row])].map((screen) => screen.map(([key]) => key));
    });
  }

  function drawQuestion() {
    const form = part("question");
    const keys = nextKeys();
    const questions = keys.map((key) => lexicon.byKey[key]);
    form.dataset.key = keys.join(",");
    form.replaceChildren(...(keys.length === 0 ? drawDone() : drawAsked(questions)));
  }

  function drawAsked(questions) {
    const [question] = questions;
    const kind = questions.length === 1 ? "one" : question.statement ? "statements" : "numbers";
    const { title, told, inputs, steps } = {
      one: { title: question.question, told: question.help, inputs: drawInputs, steps: drawSteps },
      statements: { title: `${question.group}：下面哪些符合？`, told: "可多选。", inputs: drawStatements, steps: drawStepsTogether },
      numbers: { title: `${question.group}`, told: "不知道的空着。", inputs: drawNumbers, steps: drawSteps },
    }[kind];
    const heading = make("h2", "pk-ask__title", title);
    heading.tabIndex = -1;
    const help = make("p", "pk-ask__help", told);
    help.id = "ask-help";
    const fields = make("fieldset", "pk-ask__fields", make("legend", "", heading), help, inputs(questions));
    fields.setAttribute("aria-describedby", help.id);
    const error = make("p", "pk-ask__error");
    error.id = "ask-error";
    error.setAttribute("role", "alert");
    const keys = questions.map(({ key }) => key);
    return [make("p", "pk-ask__step", describeStep(keys)), fields, error, steps(questions, fields)];
  }

  function describeStep(keys) {
    const asked = found?.more_information.filter(({ missing }) => missing.some((key) => keys.includes(key))).length;
    const left = found?.questions.filter(({ question }) => !rowOf(question.key)).length;
    const parts = [`已答 ${state.rows.filter(([, , answer]) => answer).length} 题`];
    if (change) parts.push(change);
    if (asked > 0) parts.push(`有 ${asked} 条政策要看这${keys.length > 1 ? "几" : "一"}题`);
    if (left > 0) parts.push(`还有 ${left} 题可能改变结果，随时可以停`);
    return parts.join("；");
  }

  function givenFor(key) {
    return rowOf(key)?.[2] ? rowOf(key)[1] : undefined;
  }

  function drawInputs([question]) {
    const given = givenFor(question.key);
    switch (question.type) {
      case "number":
        return drawNumber(question, given);
      case "date":
        return drawDate(given);
      case "flag":
        return drawChoices([["是"], ["否"]], "radio", [given]);
      case "choices":
        return drawSeveral(question, given);
      default:
        return drawChoices(question.options, "radio", [given]);
    }
  }

  function drawNumber({ label, unit, units }, given) {
    const [number, said] = given ? /^(\S*?)(?: |(?=%))(.*)$/.exec(given).slice(1) : ["", unit];
    const input = make("input", "pk-ask__box");
    input.name = "number";
    input.inputMode = "decimal";
    input.autocomplete = "off";
    input.maxLength = 40;
    input.value = number;
    input.setAttribute("aria-label", label);
    input.setAttribute("aria-describedby", "ask-help ask-error");
    // One name for each size of unit, the question's own where it has several.
    const names = Object.keys(units).filter((name) => {
      const own = units[name] === units[unit] ? unit : Object.keys(units).find((other) => units[other] === units[name]);
      return name === own;
    });
    if (names.length === 1) return make("div", "pk-ask__number", input, make("span", "", unit));
    const select = make("select", "pk-ask__box", ...names.map((name) => new Option(name, name)));
    select.name = "unit";
    select.value = names.find((name) => units[name] === units[said]);
    select.setAttribute("aria-label", "单位");
    return make("div", "pk-ask__number", input, select);
  }

  /** Draw several numbers to fill in, each with its unit and what is told about it. */
  function drawNumbers(questions) {
    const rows = questions.map((question) => {
      const { key, label, help } = question;
      const field = drawNumber(question, givenFor(key));
      const [input, unit] = field.children;
      const told = make("span", "pk-ask__told", help);
      input.id = `field-${key}`;
      input.name = key;
      if (unit.name) unit.name = `unit-${key}`;
      if (unit.name) unit.setAttribute("aria-label", `${label}的单位`);
      told.id = `help-${key}`;
      input.setAttribute("aria-describedby", `${told.id} ask-error`);
      const name = make("label", "", label);
      name.htmlFor = input.id;
      return make("div", "pk-ask__row", name, told, field);
    });
    return make("div", "pk-ask__rows", ...rows);
  }

  function drawDate(given) {
    const input = make("input", "pk-ask__box");
    input.type = "date";
    input.name = "date";
    input.min = "1900-01-01";
    input.max = day();
    input.value = given ?? "";
    input.setAttribute("aria-describedby", "ask-help ask-error");
    input.setAttribute("aria-label", "日期");
    return make("div", "pk-ask__number", input);
  }

  function drawSeveral({ key, options }, given) {
    const none = key === "audience" ? [] : [["", "都没有"]];
    const chosen = given?.length === 0 ? [""] : given;
    const box = drawChoices([...options, ...none], "checkbox", chosen ?? []);
    box.addEventListener("change", ({ target }) => {
      if (!target.checked) return;
      for (const other of box.querySelectorAll("input:checked")) {
        if ((target.value === "") !== (other.value === "")) other.checked = false;
      }
    });
    return box;
  }

  function drawChoices(options, type, chosen) {
    const short = options.every(([value, name = value]) => name.length <= 4);
    const close = short || options.length > 8; // side by side on a phone too
    const box = make("div", `pk-ask__choices${close ? " pk-ask__choices--close" : ""}`);
    for (const [value, name = value] of options) {
      const input = make("input");
      input.type = type;
      input.name = "choice";
      input.value = value;
      input.checked = chosen.includes(value);
      box.append(make("label", "pk-ask__choice", input, make("span", "", name)));
    }
    return box;
  }

  // Statements, each so, not so, or not known; only the button that says it makes one not so

  function drawStatements(questions) {
    const box = make("div", "pk-ask__statements", ...questions.map(drawStatement));
    box.addEventListener("change", ({ target }) => {
      const row = target.closest("[data-statement]");
      if (target.checked) {
        for (const other of row.querySelectorAll("input")) other.checked = other === target;
      }
    });
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.target.type !== "checkbox") return;
      event.preventDefault(); // browsers differ in what Enter does here
      submit();
    });
    return box;
  }

  function drawStatement({ key, statement, question, help }) {
    const row = rowOf(key);
    const so = tickBox("so", key, statement, Boolean(row && holds(row)));
    const unsure = tickBox("unsure", key, "这一项说不清楚", row?.[1] === UNSURE);
    const more = make("div", "pk-ask__more", make("p", "", question), make("p", "", help), unsure);
    const why = button("pk-button pk-ask__why", "说明", () => {
      more.hidden = !more.hidden;
      why.setAttribute("aria-expanded", String(!more.hidden));
    });
    more.id = `more-${key}`;
    more.hidden = row?.[1] !== UNSURE;
    why.setAttribute("aria-label", `说明：${statement}`);
    why.setAttribute("aria-expanded", String(!more.hidden));
    why.setAttribute("aria-controls", more.id);
    const element = make("div", "pk-ask__statement", so, why, more);
    element.dataset.statement = key;
    return element;
  }

  function tickBox(name, key, text, checked) {
    const input = make("input");
    Object.assign(input, { type: "checkbox", name, value: key, checked });
    return make("label", "pk-ask__choice", input, make("span", "", text));
  }

  function drawStepsTogether(questions, fields) {
    const keys = questions.map(({ key }) => key);
    const none = button("pk-button pk-button--main", "", () => putStatements(questions, denied));
    const steps = make("div", "pk-ask__steps", none);
    const unsure = button("pk-button", "", () => putStatements(questions, () => UNSURE));
    steps.append(unsure, button("pk-button", "跳过", () => putStatements(questions, () => SKIPPED)));
    addWays(steps, keys);
    const name = () => nameRest(fields, none, unsure);
    fields.addEventListener("change", name);
    name();
    return steps;
  }

  /** Say on the buttons what becomes of the statements that are not ticked. */
  function nameRest(fields, none, unsure) {
    const some = fields.querySelector(":checked") !== null;
    none.textContent = some ? "选好了，其余的都不是" : "都不是";
    unsure.textContent = some ? "选好了，其余的不清楚" : "都不清楚";
  }

  /** Keep what was ticked; `rest` says what is given for what was not. */
  function putStatements(questions, rest) {
    const values = new FormData(part("question"));
    const [so, unsure] = [values.getAll("so"), values.getAll("unsure")];
    putAll(
      questions.map((question) => {
        const { key } = question;
        if (so.includes(key)) return affirm(question);
        const given = unsure.includes(key) ? UNSURE : rest(question);
        return readRow(question, given);
      }),
    );
  }

  /** Return the row of a statement that is so; an answer that says so already is kept. */
  function affirm(question) {
    const row = rowOf(question.key);
    if (row && holds(row)) return row.slice(0, 3);
    return hasMore(question) ? [question.key, TICKED, null] : readRow(question, "是");
  }

  /** Return the row of what was given, as it is kept; throw AnswerError when it is no answer. */
  function readRow(question, given) {
    const { key, type } = question;
    const answer = given === SKIPPED ? null : readAnswer(question, given === UNSURE ? null : given, day());
    if (!answer) return [key, given === SKIPPED ? SKIPPED : UNSURE, null];
    return [key, type === "number" || type === "date" ? answer.text : given, answer];
  }

  function drawSteps(questions) {
    const keys = questions.map(({ key }) => key);
    const putOff = (mark) => () => putAll(keys.map((key) => [key, mark, null]));
    const next = make("button", "pk-button pk-button--main", "下一步");
    const steps = make("div", "pk-ask__steps", next);
    if (keys[0] !== "audience") steps.append(button("pk-button", "不清楚", putOff(UNSURE)));
    steps.append(button("pk-button", "跳过", putOff(SKIPPED)));
    addWays(steps, keys);
    return steps;
  }

  /** Add the ways back to the screen before this one, and on to the results. */
  function addWays(steps, keys) {
    const screens = listScreens();
    const at = screens.findIndex((screen) => screen.join() === keys.join());
    const before = screens.at(at < 0 ? -1 : at - 1);
    if (before && at !== 0) steps.append(button("pk-button", "上一题", () => go({ asking: before })));
    if (state.rows.length > 0) steps.append(button("pk-button pk-ask__peek", "先看结果", showResults));
  }

  function showResults() {
    const heading = document.getElementById("group-likely");
    heading.scrollIntoView();
    heading.focus({ preventScroll: true });
  }

  function drawDone() {
    const heading = make("h2", "pk-ask__title", "问完了");
    heading.tabIndex = -1;
    const skipped = keysOf(SKIPPED);
    const text = found.more_information.length > 0
      ? "剩下的问题要由窗口或者主管部门判断，或者是您说不清楚、跳过的。"
      : "每一条都有结果了。";
    const steps = make("div", "pk-ask__steps");
    if (skipped.length > 0) {
      steps.append(
        button("pk-button pk-button--main", `回答跳过的 ${skipped.length} 题`, () =>
          go({ rows: dropSkipped() }),
        ),
      );
    }
    if (state.rows.length > 0) {
      steps.append(button("pk-button", "上一题", () => go({ asking: listScreens().at(-1) })));
    }
    return [make("p", "pk-ask__step", describeStep([])), heading, make("p", "pk-ask__help", text), steps];
  }

  /** Return the rows without those that were put off; what came behind one stands by itself then. */
  function dropSkipped() {
    return state.rows
      .map(([key, given, answer, joined], at) => [key, given, answer, joined && state.rows[at - 1][1] !== SKIPPED])
      .filter(([, given]) => given !== SKIPPED);
  }

  /** Return what the form says to one question, as `readAnswer` takes it; nothing when it is empty. */
  function readForm({ key, type }, together) {
    const values = new FormData(part("question"));
    if (type === "number") {
      const value = values.get(together ? key : "number").trim();
      return value ? { value, unit: values.get(together ? `unit-${key}` : "unit") ?? undefined } : undefined;
    }
    if (type === "date") return values.get("date") || undefined;
    const chosen = values.getAll("choice");
    if (type !== "choices") return chosen[0];
    return chosen.length > 0 ? chosen.filter(Boolean) : undefined;
  }

  function submit() {
    const form = part("question");
    if (form.querySelector(".pk-ask__statements")) {
      // What was not ticked is denied by the button that says so, never by Enter alone.
      form.querySelector(".pk-button--main").focus();
      return;
    }
    const questions = form.dataset.key.split(",").map((key) => lexicon.byKey[key]);
    const together = questions.length > 1;
    const given = questions.map((question) => readForm(question, together));
    if (given.every((each) => each === undefined)) {
      refuse(questions[0].key === "audience" ? "请先选一项。" : "请先回答，或者点“不清楚”“跳过”。");
      return;
    }
    const rows = [];
    for (const [at, question] of questions.entries()) {
      try {
        rows.push(readRow(question, given[at] ?? UNSURE));
      } catch (error) {
        if (!(error instanceof AnswerError)) throw error;
        refuse(together ? `${question.label}：${error.message}` : error.message, together && question.key);
        return;
      }
    }
    putAll(rows);
  }

  function refuse(message, key) {
    const form = part("question");
    form.querySelector(".pk-ask__error").textContent = message;
    for (const each of form.querySelectorAll("[aria-invalid]")) each.removeAttribute("aria-invalid");
    const field = key ? form.elements[key] : (form.querySelector("[name=number], [name=date]") ?? form.querySelector("input"));
    field.setAttribute("aria-invalid", "true");
    field.focus();
  }

  // A tap chooses and goes on; with the keyboard one chooses first, and Enter goes on.
  function onClick(event) {
    const label = event.target.closest(".pk-ask__choice");
    const input = label?.querySelector("[type=radio]");
    if (!input || event.detail === 0) return;
    event.preventDefault();
    if (event.detail > 1) return; // the second of a double click, which meets the next question
    input.checked = true;
    submit();
  }

  // Answers, notices, results

  function drawAnswers() {
    part("answers").hidden = state.rows.length === 0;
    part("number").textContent = `（${state.rows.length}）`;
    const list = make("dl", "pk-answers__list");
    for (const [key, given, answer] of state.rows) {
      const { label } = lexicon.byKey[key];
      const text = answer?.text ?? OPEN[given];
      const edit = button("pk-button", "改", () => go({ asking: [key] }));
      edit.setAttribute("aria-label", `改：${label}`);
      const row = make("div", answer ? "" : "pk-answers__open", make("dt", "", label), make("dd", "", text, edit));
      list.append(row);
    }
    const restart = button("pk-button", "全部重来", () => go({ ...empty(), entry: state.entry, asOf: state.asOf }));
    part("panel").replaceChildren(list, make("p", "pk-answers__restart", restart));
  }

  function drawNotices() {
    const rows = state.notices.map((text) => make("p", "", text));
    if (state.entry && rules && !rules.some(({ slug }) => slug === state.entry)) {
      rows.push(make("p", "", "没有找到链接里的那条政策，下面是全部政策。"));
    } else if (state.entry && found && !listed(state.entry)) {
      const { title } = rules.find(({ slug }) => slug === state.entry);
      rows.push(make("p", "", `“${title}”这一天不在有效期里，或者不是给您选的对象的，所以没有列出。`));
    }
    if (state.asOf) {
      const back = button("pk-button", "按今天算", () => go({ asOf: "" }));
      rows.push(make("p", "", `下面按 ${state.asOf} 这一天的规定算。`, back));
    }
    part("notice").replaceChildren(...rows);
    part("notice").hidden = rows.length === 0;
  }

  function listed(slug) {
    return Object.keys(GROUPS).some((outcome) => found[outcome].some(({ rule }) => rule.slug === slug));
  }

  function drawResults() {
    const about = { day: day(), questions: lexicon.byKey, first: state.entry, onAsk: (key) => go({ asking: [key] }) };
    matchResults.drawCounts(part("counts"), found);
    matchResults.drawGroups(part("results"), found, about);
    part("found").hidden = false;
    part("sheet").hidden = state.rows.length === 0;
    if (state.rows.length > 0) matchResults.drawSheet(part("sheet"), found, drawActions());
    document.querySelector("[data-print-day]").textContent = day();
  }

  function drawActions() {
    const copy = button("pk-button pk-personal", "复制链接", async () => {
      const address = `${location.href.replace(/#.*$/s, "")}#${writeFragment({ ...state, asking: [] })}`;
      copy.textContent = (await copyText(address)) ? "已复制" : "请从地址栏复制";
      setTimeout(() => {
        copy.textContent = "复制链接";
      }, 3000);
    });
    copy.setAttribute("aria-live", "polite");
    const steps = make("div", "pk-ask__steps", button("pk-button", "打印", () => window.print()), copy);
    if (matchResults.findDeadlines(found).length > 0) {
      steps.append(button("pk-button pk-personal", "截止日期加到日历（.ics）", saveDeadlines));
    }
    const note = "链接里有您的全部回答，没有姓名和证件号；谁拿到链接，谁就看得到这些回答。回答只在链接里，不会发给网站。";
    return [steps, make("p", "pk-quiet pk-sheet__note", note)];
  }

  function saveDeadlines() {
    const events = matchResults.findDeadlines(found).map(({ rule }) => ({
      id: `${rule.slug}-deadline`, // the same each time, so that a calendar updates its event
      day: rule.deadline,
      notice: 7,
      title: `截止：${rule.title}`,
      text: `${rule.summary}\n以窗口答复为准，咨询电话 12345。`,
      url: location.protocol === "file:" ? "" : new URL(`policies/${rule.slug}.html`, location.href).href,
    }));
    window.policyKb.saveCalendar(events, "政策截止日期.ics");
  }

  function say(before) {
    const left = ({ likely, more_information: open }) => likely.length + open.length;
    const gone = before ? left(before) - left(found) : 0;
    change = gone > 0 ? `上一步排除了 ${gone} 条` : "";
    const counts = Object.entries(GROUPS).map(([outcome, { title }]) => `${title} ${found[outcome].length} 条`);
    part("said").textContent = `${change ? `${change}。` : ""}${counts.join("，")}。`;
  }

  /** Draw everything; a question that somebody is answering stays as it is. */
  function draw(before, answering = false) {
    if (rules) {
      found = window.PolicyMatching.match(lexicon, rules, answers(), day());
      say(before);
    }
    drawNotices();
    if (answering) part("question").querySelector(".pk-ask__step").textContent = describeStep(["audience"]);
    else if (rules || state.rows.length === 0) drawQuestion();
    else part("question").replaceChildren(make("p", "pk-quiet", "正在读取政策……"));
    if (!rules) return;
    drawAnswers();
    drawResults();
  }

  // Start

  function follow() {
    const fragment = location.hash.slice(1);
    if (fragment === written) return;
    if (fragment && document.getElementById(fragment)) {
      history.replaceState(null, "", `#${written}`); // “skip to content” takes no answers away
      return;
    }
    written = fragment;
    state = readFragment(fragment);
    change = "";
    draw();
  }

  window.PolicyQuestionnaire.take = (given) => {
    const form = part("question");
    const answering = form.contains(document.activeElement) || form.querySelector(":checked") !== null;
    rules = window.PolicyMatching.readRules(given, lexicon);
    draw(found, answering);
  };
  // Scripts have all run by then, unless one of them could not be had.
  addEventListener("DOMContentLoaded", () => {
    if (!rules) part("question").replaceChildren(make("p", "", "没有读到政策，请刷新网页再试一次。"));
  });
  part("question").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  part("question").addEventListener("click", onClick);
  part("fold").addEventListener("click", () => {
    const open = part("panel").hidden;
    part("panel").hidden = !open;
    part("fold").setAttribute("aria-expanded", String(open));
  });
  addEventListener("hashchange", follow);
  part("app").hidden = false;
  const fragment = location.hash.slice(1);
  state = fragment && document.getElementById(fragment) ? empty() : readFragment(fragment);
  written = fragment;
  draw();
})();
