// “纠错、补充”: a draft that tells which page, content and day it is about, sent as the office chose.
(() => {
  const { STATUS_LABELS, today, copyText } = window.policyKb;
  const box = document.querySelector("[data-feedback]");
  const { feedback: kind, slug, version, subject, head, tail } = box.dataset;
  const QUOTE = 200; // characters of what the reader marked
  const LONGEST = { email: 1900, issue: 6000 }; // of an address that programs and services take
  const PATIENCE = 10000; // milliseconds
  const WAIT = 3000;
  let quoted = "";

  document.addEventListener("selectionchange", () => {
    const selection = getSelection();
    const { anchorNode: from, focusNode: to } = selection;
    if (box.contains(from)) return; // what was marked before stays marked for the draft
    const main = document.getElementById("main");
    const inside = !selection.isCollapsed && main.contains(from) && main.contains(to);
    quoted = inside ? shorten(selection.toString().replace(/\s+/g, " ").trim(), QUOTE) : "";
  });

  const link = box.querySelector("[data-feedback-link]");
  if (link) offerLink();
  else offerForm();

  function offerLink() {
    const fill = () => {
      link.href = fittingAddress();
    };
    for (const event of ["pointerdown", "focus", "click"]) link.addEventListener(event, fill);
    fill();
  }

  /** Return where the draft is written, with as much of the quotation as there is room for. */
  function fittingAddress() {
    let quote = quoted;
    while (quote && addressWith(quote).length > LONGEST[kind]) {
      quote = shorten(quote, [...quote].length - 5);
    }
    return addressWith(quote);
  }

  function addressWith(quote) {
    const { address, titleName, bodyName } = link.dataset;
    const body = `${about(quote)}\n\n${tail}`;
    if (kind === "email") {
      const lines = encodeURIComponent(body.replaceAll("\n", "\r\n"));
      return `mailto:${address}?subject=${encodeURIComponent(subject)}&body=${lines}`;
    }
    const url = new URL(address);
    url.searchParams.set(titleName, subject);
    url.searchParams.set(bodyName, body);
    return url.href;
  }

  /** Return the lines that say what a draft is about. */
  function about(quote) {
    const badge = slug && document.querySelector(".pk-tags__status [data-status]");
    return [
      head,
      `网页：${pageAddress()}`,
      badge ? `时效：${STATUS_LABELS[badge.dataset.status]}（按 ${today()} 判断）` : "",
      quote ? `选中的文字：“${quote}”` : "",
    ]
      .filter(Boolean)
      .join("\n");
  }

  /** Return the address of the page; one on a disk would tell whose disk it is. */
  function pageAddress() {
    if (location.protocol !== "file:") return `${location.origin}${location.pathname}`;
    return decodeURIComponent(location.pathname.slice(__md_scope.pathname.length));
  }

  function shorten(text, length) {
    const signs = [...text];
    return signs.length > length ? `${signs.slice(0, Math.max(0, length - 1)).join("")}…` : text;
  }

  // The form, for the service; where there is none it makes a text to copy.

  function offerForm() {
    const fold = box.querySelector("[data-fold]");
    const form = box.querySelector("[data-form]");
    fold.hidden = false;
    fold.addEventListener("toggle", () => {
      const { text } = form.elements;
      if (fold.open && quoted && !text.value) text.value = `“${quoted}”\n`;
    });
    if (location.protocol === "file:") box.querySelector("[data-send]").textContent = "写好了";
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      tell(form, []);
      if (form.elements.text.value.trim()) send(form);
      else tell(form, [{ field: "text", message: "请写上哪里不对、应该是什么。" }]);
    });
    box.querySelector("[data-copy-draft]").addEventListener("click", copyDraft);
  }

  async function send(form) {
    const { kind, text, basis } = Object.fromEntries(new FormData(form));
    const proposal = { slug, kind, text, basis, version };
    const button = form.querySelector("[data-send]");
    button.disabled = true;
    const answer = location.protocol === "file:" ? null : await post(proposal);
    button.disabled = false;
    if (answer?.number) finish(form, answer.message);
    else if (answer?.errors) tell(form, answer.errors);
    else offerDraft(form, proposal);
  }

  /** Return what the service says, or nothing where it takes no proposals. */
  async function post(proposal) {
    try {
      const answer = await fetch(new URL("api/corrections", __md_scope), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(proposal),
        signal: AbortSignal.timeout(PATIENCE),
      });
      return [201, 413, 422, 429].includes(answer.status) ? await answer.json() : null;
    } catch {
      return null;
    }
  }

  function finish(form, message) {
    form.reset();
    form.hidden = true;
    box.querySelector("[data-draft]").hidden = true;
    const done = box.querySelector("[data-done]");
    done.textContent = message;
    done.focus();
  }

  function tell(form, errors) {
    const fields = ["text", "basis"].map((name) => form.elements[name]);
    for (const field of fields) field.removeAttribute("aria-invalid");
    const rows = errors.map(({ field, message }) => {
      const row = document.createElement("li");
      row.textContent = message;
      fields.find(({ name }) => name === field)?.setAttribute("aria-invalid", "true");
      return row;
    });
    box.querySelector("[data-errors]").replaceChildren(...rows);
    fields.find((field) => field.hasAttribute("aria-invalid"))?.focus();
  }

  function offerDraft(form, { kind, text, basis }) {
    const chosen = form.querySelector(`[value="${kind}"]`).nextElementSibling.textContent;
    const lines = [about(""), `情况：${chosen}`, text.trim(), basis ? `依据：${basis.trim()}` : ""];
    const area = box.querySelector("[data-draft-text]");
    area.value = lines.filter(Boolean).join("\n");
    box.querySelector("[data-draft]").hidden = false;
    area.focus();
    area.select();
  }

  async function copyDraft() {
    const label = box.querySelector("[data-copy-label]");
    const copied = await copyText(box.querySelector("[data-draft-text]").value);
    label.textContent = copied ? "已复制" : "没有复制成，请选中文字复制";
    setTimeout(() => {
      label.textContent = "复制这段话";
    }, WAIT);
  }
})();
