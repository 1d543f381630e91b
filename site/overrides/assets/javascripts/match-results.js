// The results of the questionnaire: three groups of entries with every reason, and the sheet to
// take along. Whatever is shown becomes text, never markup.
window.policyKb.matchResults = (() => {
  const { describeDeadline } = window.policyKb;
  const SHOWN = 20; // of each group, until more are asked for
  const GROUPS = {
    likely: { mark: "✔", title: "很可能符合", none: "还没有。多答几个问题，就能看出来。" },
    more_information: { mark: "？", title: "还需补充信息", none: "没有了，能定的都定下来了。" },
    not_eligible: { mark: "✘", title: "不符合", none: "还没有。" },
  };
  const OUTCOMES = new Map([
    [true, { mark: "✔", word: "符合", state: "true" }],
    [false, { mark: "✘", word: "不符合", state: "false" }],
    [null, { mark: "？", word: "还不清楚", state: "open" }],
  ]);
  const LEADS = {
    all: "下面的条件都要符合：",
    any: "下面的条件符合一个就行：",
    not: "不能有下面的情形：",
  };
  const shown = {}; // how many of each group
  const unfolded = new Set();

  /** Return an element; text and elements in `parts` become its content. */
  function make(tag, className, ...parts) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...parts.filter((part) => part || part === 0).map((part) => (part instanceof Node ? part : String(part))));
    return element;
  }

  function button(className, text, onClick) {
    const element = make("button", className, text);
    element.type = "button";
    element.addEventListener("click", onClick);
    return element;
  }

  function link(href, text, className = "") {
    const element = make("a", className, text);
    element.href = href;
    return element;
  }

  const hidden = (text) => make("span", "pk-hidden", text);
  const entryPage = (rule, anchor) => `policies/${rule.slug}.html${anchor ? `#${anchor}` : ""}`;

  /** Let a button show and hide what it names; `key` remembers it while the list is drawn anew. */
  function foldable(key, control, panel) {
    const show = (open) => {
      control.setAttribute("aria-expanded", String(open));
      panel.hidden = !open;
    };
    panel.id = `panel-${key}`;
    panel.classList.add("pk-panel");
    control.setAttribute("aria-controls", panel.id);
    control.dataset.focus = key;
    control.addEventListener("click", () => {
      const open = panel.hidden;
      if (open) unfolded.add(key);
      else unfolded.delete(key);
      show(open);
    });
    show(unfolded.has(key));
  }

  // One condition

  function drawFinding({ condition, outcome, answer, children }, rule, reversed) {
    const said = reversed && outcome !== null ? !outcome : outcome;
    const { mark, word, state } = OUTCOMES.get(said);
    const lead = reversed && said !== null ? (said ? "没有：" : "有：") : "";
    const row = make("li", "pk-condition", makeMark(mark, word));
    const body = make("div", "", make("span", "pk-condition__text", lead + condition.text));
    const turned = condition.group === "not" ? !reversed : reversed;
    const [first] = children;
    row.dataset.outcome = state;
    row.append(body);
    if (condition.question) body.append(drawAnswer(condition, answer, reversed));
    if (condition.group === "not" && children.length === 1 && first.condition.question) {
      // “Not in such a trade” says it all: what it denies needs no line of its own.
      body.append(drawAnswer(first.condition, first.answer, turned));
      body.append(...drawWords({ ...first.condition, ...condition }, rule));
      return row;
    }
    body.append(...drawWords(condition, rule));
    if (children.length > 0) {
      body.append(make("p", "pk-condition__more", LEADS[condition.group]));
      body.append(make("ul", "", ...children.map((child) => drawFinding(child, rule, turned))));
    }
    return row;
  }

  function drawAnswer(condition, answer, reversed) {
    const given = answer ? `您的回答：${answer.text}` : "还没有回答";
    return make("p", "pk-condition__more", `${given}；${describeThreshold(condition, reversed)}`);
  }

  /** Say what an answer is compared with; below “none of these” the opposite is wanted. */
  function describeThreshold({ question, threshold = "有" }, reversed) {
    if (question.type === "flag") return `标准：${reversed ? "否" : "是"}`;
    return `${reversed ? "不能是" : "标准"}：${threshold}`;
  }

  function makeMark(mark, word) {
    const sign = make("span", "pk-mark", mark);
    sign.setAttribute("aria-hidden", "true");
    return make("span", "", sign, hidden(`${word}：`));
  }

  /** Return the note and the clause of a condition, with the way to its paragraph. */
  function drawWords({ note, basis, at }, rule) {
    const parts = [];
    if (note) parts.push(make("p", "pk-condition__more", note));
    const line = make("p", "pk-condition__more", basis && `依据：${basis}　`);
    if (at) line.append(link(entryPage(rule, at), "看这一条", "pk-condition__link"));
    if (basis || at) parts.push(line);
    return parts;
  }

  function drawUnchecked(condition, rule) {
    const body = make("div", "", make("span", "pk-condition__text", condition.text), ...drawWords(condition, rule));
    if (condition.conditions) {
      body.append(make("p", "pk-condition__more", LEADS[condition.group]));
      body.append(make("ul", "", ...condition.conditions.map((child) => drawUnchecked(child, rule))));
    }
    return make("li", "pk-condition", makeMark("○", "由部门核查"), body);
  }

  // One entry

  function drawCard(found, { day, questions, onAsk }) {
    const { rule, outcome } = found;
    const { mark, title } = GROUPS[outcome];
    const badge = make("span", "pk-outcome", `${mark} ${title}`);
    const card = make(
      "li",
      "pk-card pk-match__card",
      make("div", "pk-card__head", make("h3", "pk-card__title", link(entryPage(rule), rule.title)), badge),
      make("p", "pk-card__summary", rule.summary),
      drawGain(rule),
      drawEstimates(found, questions, onAsk),
      drawTags(rule, day),
    );
    card.dataset.slug = rule.slug;
    card.dataset.outcome = outcome;
    if (found.reasons.length > 0) {
      const lead = outcome === "not_eligible" ? "不符合的地方：" : "";
      card.append(make("p", "pk-match__reason", lead + found.reasons.join("；")));
    }
    if (found.missing.length > 0) card.append(drawMissing(found, questions, onAsk));
    card.append(...drawWhy(found));
    return card;
  }

  /** Return about how much it comes to, how that was worked out, and what to answer for it. */
  function drawEstimates({ rule, estimates }, questions, onAsk) {
    if (estimates.length === 0) return false;
    const rows = estimates.map(({ name, text, words, inputs, missing, reason, basis, note }) => {
      if (missing.length > 0) {
        const row = make("li", "", `想估算${name}，还要知道：`);
        for (const key of missing) {
          const ask = button("pk-chiplet", questions[key].label, () => onAsk(key));
          ask.dataset.focus = `${rule.slug}-estimate-${key}`;
          row.append(ask);
        }
        return row;
      }
      const given = inputs.map(({ label, answer }) => `${label} ${answer}`).join("，");
      const about = [`算法：${words}`, given && `您答的是 ${given}`, `依据：${basis}`, note].filter(Boolean);
      const amount = text ? make("strong", "", text) : reason;
      return make("li", "", `${name}：`, amount, make("span", "pk-match__cap", about.join("；")));
    });
    const caution = estimates.some(({ text }) => text) && make("li", "pk-match__cap", "只是估算，以主管部门核定为准。");
    return make("ul", "pk-match__gain pk-match__estimates", ...rows, caution);
  }

  /** Return what one gets. */
  function drawGain({ benefits = [] }) {
    const rows = benefits.map(({ type, text, cap, note }) =>
      make(
        "li",
        "",
        make("span", "pk-tag", type),
        text,
        (cap || note) && make("span", "pk-match__cap", [cap && `上限：${cap}`, note].filter(Boolean).join("；")),
      ),
    );
    return rows.length > 0 && make("ul", "pk-match__gain", ...rows);
  }

  function drawTags({ mode, window: when, deadline }, day) {
    const tags = make("ul", "pk-tags");
    if (mode) tags.append(make("li", "pk-tags__mode", mode));
    if (when) tags.append(make("li", "", `申报时间：${when}`));
    if (deadline) {
      const tag = make("li", "pk-tags__deadline", describeDeadline(day, deadline));
      tag.classList.toggle("pk-over", deadline < day);
      tags.append(tag);
    }
    tags.setAttribute("aria-label", "享受方式和时间");
    return tags.childElementCount > 0 && tags;
  }

  function drawMissing({ rule, missing }, questions, onAsk) {
    const row = make("p", "pk-match__missing", "还要知道：");
    for (const key of missing) {
      const ask = button("pk-chiplet", questions[key].label, () => onAsk(key));
      ask.dataset.focus = `${rule.slug}-${key}`;
      row.append(ask);
    }
    return row;
  }

  function drawWhy({ rule, findings }) {
    const count = (outcome) => findings.filter((finding) => finding.outcome === outcome).length;
    const number = [...OUTCOMES]
      .filter(([outcome]) => count(outcome) > 0)
      .map(([outcome, { mark, word }]) => [make("span", "", `${mark} ${count(outcome)}`), hidden(` 条${word}`)]);
    const control = make("button", "pk-fold", "逐条看条件，怎么办 ", make("span", "pk-fold__more", ...number.flat()));
    control.type = "button";
    const panel = make("div", "");
    if (findings.length > 0) {
      panel.append(make("ul", "pk-conditions", ...findings.map((finding) => drawFinding(finding, rule, false))));
    }
    if (rule.unchecked) {
      panel.append(make("p", "pk-match__part", "下面的提问核对不了，由部门核查："));
      panel.append(make("ul", "pk-conditions", ...rule.unchecked.map((each) => drawUnchecked(each, rule))));
    }
    panel.append(drawWay(rule));
    foldable(rule.slug, control, panel);
    return [control, panel];
  }

  /** Return how and where one applies. */
  function drawWay(rule) {
    const way = make("p", "pk-match__way", make("strong", "", "怎么办："));
    way.append(link(entryPage(rule, rule.procedure && "procedure"), "看办理流程和材料"));
    for (const { name, address, hours, url } of rule.counters ?? []) {
      way.append("；", url ? link(url, name) : name, [address, hours].filter(Boolean).map((text) => ` ${text}`).join(""));
    }
    for (const { name, phone, url } of rule.contacts ?? []) {
      const words = phone ? ` ${phone}` : "";
      const told = name.includes(phone) ? name : name + words;
      way.append("；", phone ? link(`tel:${phone}`, told) : url ? link(url, name) : name);
    }
    return way;
  }

  // All of them

  /** Draw the groups; `first` is the entry that the reader came from. */
  function drawGroups(root, found, { first, ...about }) {
    const focused = root.contains(document.activeElement) ? document.activeElement.dataset.focus : "";
    const all = Object.keys(GROUPS).flatMap((outcome) => found[outcome]);
    const own = all.find(({ rule }) => rule.slug === first);
    const parts = [];
    if (own) {
      const title = make("h2", "pk-group__title", "您要看的这一条");
      parts.push(make("section", "pk-match__own", title, make("ul", "pk-cards", drawCard(own, about))));
    }
    for (const outcome of Object.keys(GROUPS)) parts.push(drawGroup(outcome, found[outcome], own, about));
    root.replaceChildren(...parts);
    if (focused) root.querySelector(`[data-focus="${focused}"]`)?.focus();
  }

  function drawGroup(outcome, matches, own, about) {
    const { mark, title, none } = GROUPS[outcome];
    const section = make("section", "pk-match__group");
    const heading = make("h2", "pk-group__title");
    const list = make("ul", "pk-cards");
    const body = make("div", "", list);
    const words = [`${mark} ${title}`, make("span", "pk-group__count", matches.length)];
    section.dataset.group = outcome;
    heading.id = `group-${outcome}`;
    heading.tabIndex = -1;
    if (outcome === "not_eligible" && matches.length > 0) {
      const control = make("button", "pk-fold", ...words);
      control.type = "button";
      foldable(heading.id, control, body);
      heading.append(control);
    } else {
      heading.append(...words);
    }
    section.append(heading, body);
    if (matches.length === 0) body.append(make("p", "pk-quiet", none));
    const draw = () => {
      const limit = shown[outcome] ?? SHOWN;
      const others = matches.filter((found) => found !== own);
      list.replaceChildren(...others.slice(0, limit).map((found) => drawCard(found, about)));
      body.querySelector(":scope > .pk-more")?.remove();
      if (others.length <= limit) return;
      const rest = make("p", "pk-more", make("span", "pk-quiet", `另有 ${others.length - limit} 条没有列出。`));
      rest.append(
        button("pk-button", "显示更多", () => {
          shown[outcome] = limit + SHOWN;
          draw();
          list.children[limit].querySelector("a").focus();
        }),
      );
      body.append(rest);
    };
    draw();
    return section;
  }

  function drawCounts(root, found) {
    root.replaceChildren(
      ...Object.entries(GROUPS).map(([outcome, { mark, title }]) => {
        const go = button("pk-counts__go", "", () => {
          const heading = document.getElementById(`group-${outcome}`);
          heading.scrollIntoView();
          heading.focus({ preventScroll: true });
        });
        go.append(make("strong", "", found[outcome].length), make("span", "", `${mark} ${title}`));
        go.dataset.outcome = outcome;
        return make("li", "", go);
      }),
    );
  }

  // The sheet

  /** Return each material once, with the entries that want it, the most wanted first. */
  function mergeMaterials(matches) {
    const merged = new Map();
    for (const { rule } of matches) {
      for (const { name, when, tags = [], note } of rule.materials ?? []) {
        const row = merged.get(name) ?? { name, uses: [], notes: new Set() };
        merged.set(name, row);
        const about = [when && `${when}的`, ...tags].filter(Boolean);
        row.uses.push(`${rule.title}${about.length > 0 ? `（${about.join("，")}）` : ""}`);
        if (note) row.notes.add(note);
      }
    }
    return [...merged.values()].sort((a, b) => b.uses.length - a.uses.length);
  }

  /** Return the deadlines ahead of what one may get, the nearest first. */
  function findDeadlines(found) {
    return [...found.likely, ...found.more_information]
      .filter(({ daysLeft }) => daysLeft !== null)
      .sort((a, b) => a.daysLeft - b.daysLeft);
  }

  function drawSheet(root, found, actions) {
    const title = make("h2", "pk-group__title", "带走这份结果");
    title.id = "sheet-title";
    const parts = [title, ...actions];
    const materials = mergeMaterials(found.likely);
    if (materials.length > 0) {
      parts.push(make("h3", "", "要带的材料"));
      parts.push(make("p", "pk-quiet", "按很可能符合的政策合在一起，一样的只列一次；以窗口一次告知为准。"));
      parts.push(make("ul", "pk-materials", ...materials.map(drawMaterial)));
    }
    const deadlines = findDeadlines(found);
    if (deadlines.length > 0) {
      parts.push(make("h3", "", "截止日期"));
      parts.push(
        make(
          "ul",
          "pk-dates",
          ...deadlines.slice(0, SHOWN).map(({ rule, daysLeft }) =>
            make("li", "", make("strong", "", rule.deadline), `　${rule.title}（${daysLeft === 0 ? "今天截止" : `还有 ${daysLeft} 天`}）`),
          ),
        ),
      );
    }
    root.replaceChildren(...parts);
  }

  function drawMaterial({ name, uses, notes }) {
    const row = make("li", "", make("strong", "", name), make("span", "pk-materials__uses", `用于：${uses.join("、")}`));
    if (notes.size > 0) row.append(make("span", "pk-materials__uses", [...notes].join("；")));
    return row;
  }

  return { GROUPS, make, button, drawGroups, drawCounts, drawSheet, findDeadlines };
})();
