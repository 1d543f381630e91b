// On the common questions of a topic: find among them while typing.
(() => {
  const count = document.querySelector("[data-count]");
  const total = Number(count.dataset.total);
  const rows = [...document.querySelectorAll("[data-reply]")].map((reply) => {
    const group = reply.closest("[data-replies]");
    const { title, words } = group.dataset;
    return { reply, group, words: `${title} ${words} ${reply.textContent}`.toLowerCase() };
  });

  const box = document.createElement("input");
  box.className = "pk-textfilter";
  box.type = "search";
  box.placeholder = "在这些问题里找";
  box.maxLength = 100;
  box.setAttribute("aria-label", "在这些问题里找");
  count.before(box);
  box.addEventListener("input", draw);
  addEventListener("pageshow", draw); // the browser may have filled the box again

  function draw() {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = rows.filter((row) => words.every((word) => row.words.includes(word)));
    const groups = new Set(shown.map((row) => row.group));
    const replies = new Set(shown.map((row) => row.reply));
    for (const { reply, group } of rows) {
      reply.hidden = !replies.has(reply);
      group.hidden = !groups.has(group);
    }
    document.querySelector("[data-empty]").hidden = shown.length > 0;
    const here = rows.length === total ? `${total} 问` : `这一页 ${rows.length} 问`;
    const all = rows.length === total ? `共 ${total} 问` : `共 ${total} 问，${here}`;
    count.textContent = shown.length === rows.length ? all : `${here}中有 ${shown.length} 问符合`;
  }
})();
