// The search page: ask the service, or else the site's own search, and draw what comes back.
(() => {
  const kb = window.policyKb;
  const { FIELDS, STATUS_LABELS, make } = kb;
  const SIZE = 10;
  const PATIENCE = 4000; // ms before the site's own search takes over
  const PAUSE = 150; // ms without typing before suggestions are asked for
  const TITLES = {
    kind: "类别",
    audience: "适用对象",
    topic: "主题",
    level: "层级",
    status: "时效",
    benefit_mode: "享受方式",
  };
  const KINDS = { service: "办事事项", benefit: "惠企惠民政策", rule: "规则与依据" };
  const LEVELS = { national: "国家", province: "省", city: "市", district: "区县" };
  const ENTITIES = {
    "&amp;": "&",
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&#39;": "'",
    "&#x27;": "'",
  };

  const page = document.querySelector("[data-search-page]");
  const find = (name) => page.querySelector(`[data-${name}]`);
  const [form, panel, count, sort, notice, hits, empty, pages] = [
    "search-form",
    "filters",
    "count",
    "sort",
    "notice",
    "hits",
    "empty",
    "pages",
  ].map(find);
  const box = form.elements.q;
  const list = document.getElementById("suggestions");

  let state;
  let latest = 0;
  let serviceAnswers = location.protocol !== "file:";

  // The answer

  function readState() {
    const params = new URLSearchParams(location.search);
    const order = params.get("sort");
    state = {
      q: params.get("q") ?? "",
      chosen: kb.readChoice(params),
      sort: [...sort.options].some(({ value }) => value === order) ? order : "relevance",
      page: Math.max(1, Number.parseInt(params.get("page"), 10) || 1),
    };
    box.value = state.q;
    sort.value = state.sort;
  }

  function paramsOf({ q, chosen, sort: order, page: number }) {
    const params = new URLSearchParams();
    if (q) params.set("q", q);
    for (const field of FIELDS) for (const value of chosen[field]) params.append(field, value);
    if (order !== "relevance") params.set("sort", order);
    if (number > 1) params.set("page", String(number));
    return params;
  }

  function change(values) {
    state = { ...state, page: 1, ...values };
    kb.writeAddress(paramsOf(state));
    show();
  }

  async function show() {
    const turn = ++latest;
    page.setAttribute("aria-busy", "true");
    if (!hits.firstChild) count.textContent = "正在搜索…";
    try {
      const answer = await ask();
      if (turn === latest) draw(answer);
    } catch (error) {
      if (turn === latest) drawError(error);
    } finally {
      if (turn === latest) page.removeAttribute("aria-busy");
    }
  }

  async function ask() {
    if (serviceAnswers) {
      const params = paramsOf(state);
      params.set("size", String(SIZE));
      const answer = await askService("api/search", params);
      if (answer) return answer;
    }
    const { q, chosen, sort: order, page: number } = state;
    return kb.searchLocally({ q, ...chosen, sort: order, page: number, size: SIZE }, kb.today());
  }

  /** Return the service's answer; if there is no service, note that and return nothing. */
  async function askService(path, params) {
    let response;
    try {
      response = await fetch(`${path}?${params}`, { signal: AbortSignal.timeout(PATIENCE) });
      if (response.headers.get("content-type")?.includes("application/json")) {
        const answer = await response.json();
        if (response.ok) return answer;
        if (response.status === 422 || response.status === 400) {
          throw new WrongQuery(answer.errors.map(({ message }) => message).join(" "));
        }
      }
    } catch (error) {
      if (error instanceof WrongQuery) throw error;
    }
    serviceAnswers = false;
    return null;
  }

  class WrongQuery extends Error {}

  // Drawing

  function draw(answer) {
    answer.facets.topic.sort((a, b) => b.count - a.count);
    kb.drawFacets(panel, answer.facets, state.chosen, TITLES, (chosen) => change({ chosen }));
    sort.parentElement.hidden = answer.total < 2;
    hits.replaceChildren(...answer.hits.map((hit) => drawHit(hit, answer.query.pinned === hit.slug)));
    count.textContent = describe(answer);
    const notes = answer.query.corrected ? drawCorrection(answer.query) : [];
    const spelling = answer.suggestions.find(({ slug }) => !slug);
    if (spelling) notes.push("您是不是要找：", linkToSearch(spelling.text, spelling.text));
    if (!serviceAnswers) notes.push("正在使用网页自带的搜索。");
    notice.replaceChildren(...notes);
    notice.hidden = notes.length === 0;
    empty.hidden = answer.total > 0 && answer.confident;
    if (!empty.hidden) drawHelp(answer);
    drawPages(answer);
    document.title = `${state.q ? `${state.q} - ` : ""}搜索 - 政策库`;
  }

  /** Say what was searched instead, and offer the words as they were typed, in quotes. */
  function drawCorrection({ corrected }) {
    const original = `"${state.q.replaceAll('"', " ").trim()}"`;
    return [`已按“${corrected}”搜索，`, linkToSearch("仍要搜原词？", original)];
  }

  /** Return a link that searches for other words with the same filters. */
  function linkToSearch(text, q) {
    const link = make("a", "", text);
    link.href = `search.html?${paramsOf({ ...state, q, page: 1 })}`;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      box.value = q;
      change({ q });
    });
    return link;
  }

  function describe({ total, confident, page: number, size }) {
    if (total === 0) return "没有找到符合的条目";
    if (!confident) return "没有找到完全对应的，可能相关：";
    const last = Math.ceil(total / size);
    return `${state.q ? "找到" : "共"} ${total} 条${last > 1 ? `，第 ${number} / ${last} 页` : ""}`;
  }

  function drawHit(hit, pinned) {
    const card = make("li", "pk-card");
    const head = make("div", "pk-card__head");
    const title = make("h2", "pk-card__title");
    const link = make("a", "", hit.title);
    const snippet = readSnippet(hit.snippet);
    const words = new Set(snippet.filter((_, i) => i % 2).map((word) => word.toLowerCase()));
    const query = words.size ? `?${new URLSearchParams({ words: [...words].slice(0, 6).join(" ") })}` : "";
    link.href = `policies/${encodeURIComponent(hit.slug)}.html${query}`;
    title.append(link);
    const badge = make("span", "pk-status", STATUS_LABELS[hit.status]);
    badge.dataset.status = hit.status;
    head.append(title, badge);
    const tags = make("ul", "pk-tags");
    tags.setAttribute("aria-label", "标签");
    if (pinned) tags.append(make("li", "pk-tags__pinned", "推荐"));
    const named = hit.doc_number?.startsWith(hit.issuer);
    const issuer = [named ? "" : hit.issuer, hit.doc_number].filter(Boolean).join(" ");
    for (const name of [KINDS[hit.kind], ...hit.topic, LEVELS[hit.level], issuer].filter(Boolean)) {
      tags.append(make("li", "", name));
    }
    if (hit.deadline) {
      tags.append(make("li", "pk-tags__deadline", kb.describeDeadline(kb.today(), hit.deadline)));
    }
    card.append(head, ...drawTexts(hit.summary, snippet), tags);
    return card;
  }

  /** Show the summary and the snippet; a snippet out of the summary only puts its marks there. */
  function drawTexts(summary, snippet) {
    const parts = [...snippet];
    const last = parts.length - 1;
    parts[0] = parts[0].replace(/^…/, "");
    parts[last] = parts[last].replace(/…$/, "");
    const text = parts.join("");
    const at = summary.indexOf(text);
    if (at < 0) return [drawText("pk-card__summary", [summary]), drawText("pk-card__snippet", snippet)];
    parts[0] = summary.slice(0, at) + parts[0];
    parts[last] += summary.slice(at + text.length);
    return [drawText("pk-card__summary", parts)];
  }

  /** Draw plain and marked text by turns. */
  function drawText(name, parts) {
    const line = make("p", name);
    line.append(...parts.map((text, i) => (i % 2 ? make("mark", "", text) : text)));
    return line;
  }

  /** Return a snippet's plain and marked text by turns; any other markup in it stays plain text. */
  function readSnippet(html) {
    return (html ?? "")
      .split(/<\/?mark>/)
      .map((text) => text.replace(/&(amp|lt|gt|quot|#39|#x27);/g, (entity) => ENTITIES[entity]));
  }

  function drawHelp({ total, suggestions }) {
    empty.replaceChildren();
    const title = total === 0 ? "可以这样试试" : "没有您要找的？可以这样试试";
    empty.append(make("p", "pk-empty__title", title));
    const help = make("ul");
    const add = (...parts) => {
      const row = make("li");
      row.append(...parts);
      help.append(row);
    };
    if (FIELDS.some((field) => state.chosen[field].length > 0)) add("减少几个筛选条件");
    add("换个说法，或者少写几个字，例如把“怎么办理某某手续”改成“某某”");
    for (const { text, slug } of suggestions.filter(({ slug }) => slug)) {
      const link = make("a", "", text);
      link.href = `policies/${encodeURIComponent(slug)}.html`;
      add("您是不是要找：", link);
    }
    const topics = make("a", "", "按主题找");
    topics.href = "topics.html";
    add(topics);
    const phone = make("a", "", "12345");
    phone.href = "tel:12345";
    add("打 ", phone, " 政务服务便民热线，或到政务服务大厅窗口询问");
    empty.append(help);
  }

  function drawPages({ total, size, page: number }) {
    const last = Math.ceil(total / size);
    pages.hidden = last < 2;
    pages.replaceChildren();
    const near = [1, number - 1, number, number + 1, last].filter((n) => n >= 1 && n <= last);
    const add = (text, to, current = false) => {
      const link = make("a", "pk-pages__link", text);
      link.href = `search.html?${paramsOf({ ...state, page: to })}`;
      if (current) link.setAttribute("aria-current", "page");
      link.addEventListener("click", (event) => {
        event.preventDefault();
        change({ page: to });
        page.querySelector(".pk-results").scrollIntoView();
        page.focus({ preventScroll: true });
      });
      pages.append(link);
    };
    if (number > 1) add("上一页", number - 1);
    for (const n of [...new Set(near)]) add(String(n), n, n === number);
    if (number < last) add("下一页", number + 1);
  }

  function drawError(error) {
    hits.replaceChildren();
    pages.hidden = true;
    notice.hidden = true;
    sort.parentElement.hidden = true;
    count.textContent = error instanceof WrongQuery ? error.message : "搜索没有成功";
    drawHelp({ total: 0, suggestions: [] });
    empty.hidden = false;
    if (error instanceof WrongQuery) return;
    const again = make("button", "pk-button", "再试一次");
    again.type = "button";
    again.addEventListener("click", show);
    empty.append(again);
  }

  // Suggestions

  let timer = 0;
  let asked = 0;
  let active = -1;

  function closeSuggestions() {
    clearTimeout(timer);
    asked += 1;
    active = -1;
    list.hidden = true;
    list.replaceChildren();
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  }

  async function suggest() {
    const turn = ++asked;
    const text = box.value.trim();
    if (!text) return closeSuggestions();
    let found = [];
    if (serviceAnswers) {
      const answer = await askService("api/suggest", new URLSearchParams({ q: text })).catch(() => null);
      found = answer?.suggestions ?? [];
    }
    if (!serviceAnswers) found = await kb.suggestLocally(text);
    if (turn !== asked || document.activeElement !== box) return;
    closeSuggestions();
    list.append(...found.map(drawSuggestion));
    list.hidden = found.length === 0;
    box.setAttribute("aria-expanded", String(found.length > 0));
  }

  function drawSuggestion({ text, slug }, index) {
    const option = make("li", "pk-suggestions__option", text);
    option.id = `suggestion-${index}`;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    if (slug) option.dataset.slug = slug;
    option.addEventListener("mousedown", (event) => event.preventDefault());
    option.addEventListener("click", () => take(option));
    return option;
  }

  function take(option) {
    const { slug } = option.dataset;
    if (slug) {
      location.href = `policies/${encodeURIComponent(slug)}.html`;
      return;
    }
    box.value = option.textContent;
    closeSuggestions();
    change({ q: box.value });
  }

  function moveSuggestion(step) {
    const options = [...list.children];
    active = (active + step + options.length + 1) % (options.length + 1);
    options.forEach((option, i) => option.setAttribute("aria-selected", String(i === active)));
    if (options[active]) {
      box.setAttribute("aria-activedescendant", options[active].id);
      options[active].scrollIntoView({ block: "nearest" });
    } else {
      box.removeAttribute("aria-activedescendant");
    }
  }

  // Events

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const option = list.children[active];
    if (option) return take(option);
    closeSuggestions();
    change({ q: box.value.trim() });
  });
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(suggest, PAUSE);
  });
  box.addEventListener("blur", closeSuggestions);
  box.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      closeSuggestions();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!list.hidden) {
        event.preventDefault();
        moveSuggestion(event.key === "ArrowDown" ? 1 : -1);
      } else if (event.key === "ArrowDown") {
        event.preventDefault();
        hits.querySelector("a")?.focus();
      }
    }
  });
  hits.addEventListener("keydown", (event) => {
    const links = [...hits.querySelectorAll(".pk-card__title a")];
    const at = links.indexOf(event.target);
    if (at < 0 || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    (links[at + (event.key === "ArrowDown" ? 1 : -1)] ?? (event.key === "ArrowUp" ? box : links[at])).focus();
  });
  sort.addEventListener("change", () => change({ sort: sort.value }));
  addEventListener("popstate", () => {
    readState();
    show();
  });

  readState();
  show();
  if (!state.q && matchMedia("(hover: hover)").matches) box.focus();
})();
