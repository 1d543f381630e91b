// On every page: status badges, deadlines, navigation, “/” for the search box, and copying.
(() => {
  const { STATUS_LABELS, today, statusOn, daysBetween, describeDeadline } = window.policyKb;
  const day = today();

  for (const badge of document.querySelectorAll("[data-status]")) {
    const { effective, expires, superseded } = badge.dataset;
    const status = statusOn(day, { effective, expires, superseded: superseded === "true" });
    badge.title = badge.textContent.trim();
    badge.textContent = STATUS_LABELS[status];
    badge.dataset.status = status;
  }

  for (const mark of document.querySelectorAll("[data-deadline]")) {
    const { deadline } = mark.dataset;
    mark.textContent = describeDeadline(day, deadline);
    mark.classList.toggle("pk-over", deadline < day);
  }

  for (const section of document.querySelectorAll("[data-closing]")) {
    const limit = Number(section.dataset.closing);
    const rows = Number(section.dataset.rows);
    let shown = 0;
    for (const row of section.querySelectorAll("[data-closes]")) {
      const days = daysBetween(day, row.dataset.closes);
      row.hidden = days < 0 || days > limit || shown >= rows;
      row.querySelector("[data-days]").textContent = days === 0 ? "今天截止" : `还有 ${days} 天`;
      shown += row.hidden ? 0 : 1;
    }
    section.querySelector("[data-none]").hidden = shown > 0;
  }

  for (const box of document.querySelectorAll("[data-open-wide]")) {
    box.open = matchMedia("(min-width: 60em)").matches && !document.querySelector("html.pk-large");
  }

  // Whoever wants to hear a page loads what reads it; a browser that cannot speak offers nothing.
  for (const button of document.querySelectorAll("[data-read]")) {
    button.hidden = !window.speechSynthesis;
    button.addEventListener("click", () => {
      const script = __pk_need("assets/javascripts/speech.js");
      if (window.policyKb.readAloud) window.policyKb.readAloud(button);
      else script.onload = () => window.policyKb.readAloud(button);
    });
  }

  // On a phone the navigation is wider than the screen: bring the page's own link into view.
  const current = document.querySelector(".pk-nav [aria-current]");
  if (current) {
    const nav = current.closest("ul");
    nav.scrollLeft = current.offsetLeft - (nav.clientWidth - current.offsetWidth) / 2;
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=checkbox]), textarea, select");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const box = [...document.querySelectorAll("[data-search-key], #header-q")].find(
      (input) => input.offsetParent !== null,
    );
    if (box) {
      event.preventDefault();
      box.focus();
      box.select();
    }
  });

  /** Copy `text`; plain http and file:// have no clipboard interface, so fall back to a selection. */
  window.policyKb.copyText = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const focused = document.activeElement;
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "pk-hidden";
      document.body.append(area);
      area.select();
      const copied = document.execCommand("copy");
      area.remove();
      focused?.focus();
      return copied;
    }
  };
})();
