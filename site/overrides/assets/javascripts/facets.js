// Filters: counting, drawing, and keeping them in the address; lists and search share them.
Object.assign(window.policyKb, (() => {
  const FIELDS = ["kind", "audience", "topic", "level", "status", "benefit_mode"];
  const OPEN_VALUES = 8; // further values of a filter stay folded away

  /** Tell whether a row has one of the chosen values of every field, leaving out `except`. */
  function isChosen(row, chosen, except) {
    return FIELDS.every(
      (field) =>
        field === except ||
        chosen[field].length === 0 ||
        chosen[field].some((value) => row[field].includes(value)),
    );
  }

  /** Count every value; a field's counts ignore its own choice: each is the total after choosing. */
  function countFacets(rows, chosen, labels) {
    const facets = {};
    for (const field of FIELDS) {
      const counts = new Map();
      for (const row of rows) {
        if (isChosen(row, chosen, field)) {
          for (const value of row[field]) counts.set(value, (counts.get(value) ?? 0) + 1);
        }
      }
      const known = Object.keys(labels[field] ?? {});
      facets[field] = [...counts]
        .map(([value, count]) => ({ value, label: labels[field]?.[value] ?? value, count }))
        .sort((a, b) => known.indexOf(a.value) - known.indexOf(b.value) || b.count - a.count);
    }
    return facets;
  }

  function readChoice(params) {
    return Object.fromEntries(FIELDS.map((field) => [field, params.getAll(field)]));
  }

  /** Put the choice into the address, so that the link brings back the same view. */
  function writeAddress(params, replace = false) {
    const query = params.toString();
    const address = `${location.pathname}${query ? `?${query}` : ""}`;
    try {
      history[replace ? "replaceState" : "pushState"](null, "", address);
    } catch {
      // Some browsers keep the address of file:// pages fixed; the view itself still works.
    }
  }

  /** Draw the filters into `panel`; `onChange` gets the new choice. */
  function drawFacets(panel, facets, chosen, titles, onChange) {
    const focused = panel.contains(document.activeElement) ? document.activeElement.id : "";
    const unfolded = new Set([...panel.querySelectorAll("details[open]")].map((d) => d.dataset.key));
    const first = !panel.firstChild;
    const number = FIELDS.reduce((sum, field) => sum + chosen[field].length, 0);
    const box = make("details", "pk-filters__box");
    box.dataset.key = "box";
    const wide = matchMedia("(min-width: 60em)").matches && !document.querySelector("html.pk-large");
    box.open = first ? wide : unfolded.has("box");
    box.append(make("summary", "", number ? `筛选（已选 ${number} 项）` : "筛选"));
    const fields = FIELDS.filter((field) => facets[field]?.length > 1 || chosen[field].length > 0);
    for (const field of fields) {
      box.append(drawField(field, facets[field] ?? [], chosen, titles[field], unfolded, onChange));
    }
    if (number > 0) {
      const clear = make("button", "pk-button pk-filters__clear", "清除筛选");
      clear.type = "button";
      clear.id = "facet-clear";
      clear.addEventListener("click", () => onChange(readChoice(new URLSearchParams())));
      box.append(clear);
    }
    panel.replaceChildren(box);
    panel.removeAttribute("data-waiting");
    panel.hidden = fields.length === 0;
    if (focused) (document.getElementById(focused) ?? box.firstChild).focus();
  }

  function drawField(field, values, chosen, title, unfolded, onChange) {
    const missing = chosen[field]
      .filter((value) => !values.some((known) => known.value === value))
      .map((value) => ({ value, label: value, count: 0 }));
    const rows = [...values, ...missing].map((facet, index) => {
      const row = make("label", "pk-facet");
      const input = make("input");
      input.type = "checkbox";
      input.id = `facet-${field}-${facet.value}`;
      input.name = field;
      input.value = facet.value;
      input.checked = chosen[field].includes(facet.value);
      input.addEventListener("change", () => {
        const others = chosen[field].filter((value) => value !== facet.value);
        onChange({ ...chosen, [field]: input.checked ? [...others, facet.value] : others });
      });
      row.append(
        input,
        make("span", "pk-facet__label", facet.label),
        make("span", "pk-facet__count", String(facet.count)),
      );
      return { row, folded: index >= OPEN_VALUES && !input.checked };
    });
    const group = make("fieldset", "pk-filters__group");
    group.append(make("legend", "", title));
    group.append(...rows.filter(({ folded }) => !folded).map(({ row }) => row));
    const folded = rows.filter((entry) => entry.folded);
    if (folded.length > 0) {
      const more = make("details", "pk-filters__more");
      more.dataset.key = field;
      more.open = unfolded.has(field);
      more.append(make("summary", "", `另外 ${folded.length} 项`), ...folded.map(({ row }) => row));
      group.append(more);
    }
    return group;
  }

  function make(tag, className = "", text = "") {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text) element.textContent = text;
    return element;
  }

  return { FIELDS, isChosen, countFacets, readChoice, writeAddress, drawFacets, make };
})());
