// On the page of recent changes: what has come into force or expired by the day it is read.
(() => {
  const { today, daysBetween } = window.policyKb;
  const section = document.querySelector("[data-turned]");
  const limit = Number(section.dataset.turned);
  const day = today();
  let shown = 0;
  for (const row of section.querySelectorAll("[data-turn]")) {
    const days = daysBetween(row.dataset.turn, day);
    row.hidden = days < 0 || days > limit;
    shown += row.hidden ? 0 : 1;
  }
  const isOld = day > section.dataset.ahead;
  section.querySelector("[data-none]").hidden = shown > 0 || isOld;
  section.querySelector("[data-old]").hidden = !isOld;
})();
