// Due dates on an entry's page: what is filled in stays in the page; duedates.js does the counting.
(() => {
  const { today, daysBetween, saveCalendar } = window.policyKb;
  const { readCalendar, calculate, weekday } = window.PolicyDueDates;
  const KINDS = { statutory: "法定时限", promised: "承诺时限" };
  const YEARS = ["2000-01-01", "2099-12-31"];
  const NOTICE = 3; // days before, as indexer/reminders.py has it
  const root = document.querySelector("[data-due]");
  const { slug, title } = root.dataset;
  const terms = JSON.parse(root.dataset.due);
  const calendar = readCalendar(window.PolicyDays);
  const part = (name) => root.querySelector(`[data-${name}]`);
  const accepted = root.querySelector("#due-accepted");
  let found = null;
  let rows = 0; // so that each pause has names of its own

  function make(tag, name, ...children) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    element.append(...children.filter((child) => child !== ""));
    return element;
  }

  const inWords = (day) => {
    const [year, month, number] = day.split("-").map(Number);
    return `${year} 年 ${month} 月 ${number} 日`;
  };

  // What is filled in

  /** Ask only what a time limit depends on. */
  function drawQuestions() {
    const named = new Set(terms.limits.flatMap(({ situation }) => situation));
    const asked = terms.situations.filter(({ options }) => options.some((option) => named.has(option)));
    part("situations").replaceChildren(
      ...asked.map(({ question, options }, number) => {
        const choices = ["", ...options].map((option) => {
          const input = make("input");
          Object.assign(input, { type: "radio", name: `due-situation-${number}`, value: option });
          input.checked = option === "";
          return make("label", "pk-due__check", input, make("span", "", option || "还没定"));
        });
        return make("fieldset", "pk-due__choices", make("legend", "", question), ...choices);
      }),
    );
  }

  function drawExtension() {
    const lengths = terms.limits.filter(({ stage }) => stage === "extension").map(({ length }) => length);
    part("extension").hidden = lengths.length === 0;
    part("length").textContent = [...new Set(lengths.filter(Boolean))].join("，或者 ") || "多少天条目里没有写";
  }

  function addPause() {
    rows += 1;
    const number = rows;
    const field = (name, label, input) => {
      input.id = `due-${name}-${number}`;
      input.className = "pk-ask__box";
      input.dataset[name] = "";
      const caption = make("label", "", label);
      caption.htmlFor = input.id;
      return make("div", "pk-due__field", caption, input);
    };
    const day = () => {
      const input = make("input");
      [input.min, input.max] = YEARS;
      return Object.assign(input, { type: "date", autocomplete: "off" });
    };
    const reason = make("select", "", ...terms.reasons.map((name) => new Option(name, name)));
    reason.value = "检测";
    const remove = make("button", "pk-button", "去掉");
    remove.type = "button";
    const row = make(
      "div",
      "pk-due__pause",
      field("reason", "因为什么", reason),
      field("first", "从哪天", day()),
      field("last", "到哪天", day()),
      remove,
    );
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", `不算的时间，第 ${number} 段`);
    row.dataset.pause = "";
    remove.addEventListener("click", () => {
      row.remove();
      part("add").focus();
      draw();
    });
    part("add").before(row);
    reason.focus();
  }

  /** Return the filing as it is filled in, with what is still missing or cannot be. */
  function readForm() {
    const errors = [];
    const isDay = (day) => day !== "" && YEARS[0] <= day && day <= YEARS[1];
    if (!isDay(accepted.value)) errors.push("请写受理日，年份在 2000 到 2099 之间。");
    const pauses = [];
    for (const row of root.querySelectorAll("[data-pause]")) {
      const [reason, first, last] = ["reason", "first", "last"].map(
        (name) => row.querySelector(`[data-${name}]`).value,
      );
      const broken = [...row.querySelectorAll("input")].some((input) => input.validity.badInput);
      if (isDay(first) && isDay(last)) pauses.push({ first, last, reason });
      else if (first || last || broken) errors.push(`${reason}：从哪天、到哪天都要写，年份在 2000 到 2099 之间。`);
    }
    const chosen = [...part("situations").querySelectorAll(":checked")].map(({ value }) => value);
    const filing = {
      accepted: accepted.value,
      pauses,
      extended: part("extended").checked,
      chosen: chosen.filter(Boolean),
    };
    return { filing, errors };
  }

  // What comes out

  function draw() {
    const { filing, errors } = readForm();
    found = errors.length > 0 ? null : calculate(terms, filing, calendar);
    if (found?.errors) {
      errors.push(...found.errors.map(({ message }) => message));
      found = null;
    }
    part("weekday").textContent = weekday(filing.accepted);
    part("errors").replaceChildren(...errors.map((message) => make("li", "", message)));
    part("found").hidden = found === null;
    if (found === null) {
      part("said").textContent = "";
      return;
    }
    const told = found.results.map(({ name, due }) => (due ? `${name}${inWords(due)}到期` : `${name}算不出来`));
    part("said").textContent = `${told.join("，")}。`;
    part("dates").replaceChildren(...Object.keys(KINDS).flatMap(drawKind));
    part("line").replaceChildren(...found.timeline.map(drawStep));
    part("notes").replaceChildren(...found.notes.map((note) => make("li", "", note)));
    part("save").hidden = !found.results.some(({ due }) => due);
  }

  function drawKind(kind) {
    const results = found.results.filter((result) => result.kind === kind);
    if (results.length > 0) return results.map(drawResult);
    const name = make("dt", "", KINDS[kind]);
    return [make("div", "pk-due__date pk-due__date--none", name, make("dd", "", "条目里没有写"))];
  }

  function drawResult({ name, length, due, weekday: day, unknown, text }) {
    const last = due
      ? make("dd", "pk-due__day", make("strong", "", inWords(due)), " ", make("span", "", day))
      : make("dd", "pk-due__day", make("strong", "", "算不出来"));
    const left = due ? make("dd", "pk-due__left", howFar(daysBetween(today(), due))) : "";
    return make(
      "div",
      `pk-due__date${due ? "" : " pk-due__date--unknown"}`,
      make("dt", "", name, length ? make("span", "pk-tag", length) : ""),
      last,
      left,
      unknown ? make("dd", "", unknown) : "",
      make("dd", "pk-due__text", text),
    );
  }

  function howFar(days) {
    if (days === 0) return "就是今天";
    return days > 0 ? `离今天还有 ${days} 天` : `已经过去 ${-days} 天`;
  }

  function drawStep({ day, event, text, weekday: name }) {
    const when = day ? make("time", "", `${day} ${name}`) : make("span", "", "哪天不知道");
    if (day) when.dateTime = day;
    return make("li", `pk-due__step pk-due__step--${event}`, when, make("span", "", text));
  }

  function save() {
    const known = found.results.filter(({ due }) => due);
    const url = location.protocol === "file:" ? "" : location.href.replace(/[?#].*$/, "");
    const events = known.map(({ kind, name, due, length }) => ({
      // Two applicants under one entry are two events: what differs between them is in the name.
      id: `${slug}-${kind}-${found.accepted}-${due}`,
      day: due,
      notice: NOTICE,
      title: `${name}到期：${title}`,
      text: `${found.accepted} 受理，${length}。仅供参考，以窗口答复为准。`,
      url,
    }));
    saveCalendar(events, `${slug}-due.ics`);
  }

  accepted.value = today();
  drawQuestions();
  drawExtension();
  draw();
  root.hidden = false;
  document.querySelector("[data-due-link]").hidden = false;
  root.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  root.querySelector("form").addEventListener("input", () => {
    root.dataset.used = ""; // what was filled in is printed with the page, the example is not
    draw();
  });
  part("add").addEventListener("click", addPause);
  part("save").addEventListener("click", save);
})();
