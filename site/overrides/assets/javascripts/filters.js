// On a list: filter its cards in the browser and keep the filters in the address.
(() => {
  const { FIELDS, STATUS_LABELS, isChosen, countFacets, readChoice, writeAddress, drawFacets, make } =
    window.policyKb;
  const panel = document.querySelector("[data-filters]");
  const count = document.querySelector("[data-count]");
  const labels = { ...JSON.parse(panel.dataset.labels), status: STATUS_LABELS };
  const rows = [...document.querySelectorAll("[data-card]")].map((card) => ({
    card,
    words: `${card.textContent} ${card.dataset.words}`.toLowerCase(),
    status: [card.querySelector("[data-status]").dataset.status],
    ...Object.fromEntries(
      FIELDS.filter((field) => field !== "status").map((field) => [
        field,
        card.dataset[field].split("|").filter(Boolean),
      ]),
    ),
  }));
  if (rows.length === 0) return;

  const box = make("input", "pk-textfilter");
  box.type = "search";
  box.placeholder = "在这一页里找";
  box.maxLength = 100;
  box.setAttribute("aria-label", "在这一页里找");
  count.before(box);

  let chosen;
  readAddress();
  draw();

  box.addEventListener("input", () => {
    store(true);
    draw();
  });
  addEventListener("popstate", () => {
    readAddress();
    draw();
  });

  function readAddress() {
    const params = new URLSearchParams(location.search);
    chosen = readChoice(params);
    box.value = params.get("q") ?? "";
  }

  function store(replace) {
    const params = new URLSearchParams();
    if (box.value.trim()) params.set("q", box.value.trim());
    for (const field of FIELDS) for (const value of chosen[field]) params.append(field, value);
    writeAddress(params, replace);
  }

  function draw() {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = rows.filter((row) => words.every((word) => row.words.includes(word)));
    const shown = new Set(found.filter((row) => isChosen(row, chosen)));
    for (const row of rows) row.card.hidden = !shown.has(row);
    for (const group of document.querySelectorAll("[data-group]")) {
      const number = group.querySelectorAll("[data-card]:not([hidden])").length;
      group.hidden = number === 0;
      group.querySelector("[data-group-count]").textContent = String(number);
    }
    document.querySelector("[data-empty]").hidden = shown.size > 0;
    count.textContent =
      shown.size === rows.length ? `共 ${rows.length} 条` : `${rows.length} 条中有 ${shown.size} 条符合`;
    drawFacets(panel, countFacets(found, chosen, labels), chosen, labels.fields, (choice) => {
      chosen = choice;
      store(false);
      draw();
    });
  }
})();
