// Approved answers: copying one with its basis and source, and never an outdated one without a warning.
(() => {
  const { STATUS_LABELS, today, copyText } = window.policyKb;
  const WAIT = 3000; // milliseconds that a button says what came of it

  for (const group of document.querySelectorAll("[data-replies]")) {
    const warning = warningOf(group);
    // Until a script says the status, its badge gives the dates itself.
    for (const dates of group.querySelectorAll("[data-dates]")) dates.hidden = false;
    for (const reply of group.querySelectorAll("[data-reply]")) {
      if (warning) warn(reply, warning);
      offerCopy(reply, group, warning);
    }
  }

  // Whoever copies by hand out of an outdated answer takes the warning along.
  document.addEventListener("copy", (event) => {
    if (event.target.closest?.("input, textarea")) return;
    const warnings = selectedWarnings();
    if (warnings.length === 0) return;
    event.clipboardData.setData("text/plain", `${warnings.join("\n")}\n${getSelection()}`);
    event.preventDefault();
  });

  /** Return what must be said before the answers of a group today, if anything. */
  function warningOf(group) {
    const { status } = group.querySelector("[data-status]").dataset;
    return status === "in_force" ? "" : `【${group.dataset[status]}】`;
  }

  function warn(reply, warning) {
    const line = document.createElement("p");
    line.className = "pk-reply__warning";
    line.dataset.warning = "";
    line.textContent = warning;
    reply.querySelector("[data-short]").before(line);
    reply.classList.add("pk-reply--over");
  }

  function offerCopy(reply, group, warning) {
    const button = reply.querySelector("[data-copy-reply]");
    const label = button.querySelector("[data-copy-label]");
    const offer = warning ? `连同${STATUS_LABELS[statusOf(group)].slice(1)}提醒一起复制` : "复制答复";
    label.textContent = offer;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const copied = await copyText(textOf(reply, group, warning));
      label.textContent = copied ? "已复制" : "没有复制成，请选中文字复制";
      setTimeout(() => {
        label.textContent = offer;
      }, WAIT);
    });
  }

  /** Return the text for the clipboard: the long answer as well while it is unfolded. */
  function textOf(reply, group, warning) {
    const text = (name) => reply.querySelector(`[data-${name}]`)?.textContent.trim() ?? "";
    const { title, reviewed } = group.dataset;
    const basis = text("basis") ? `依据：${text("basis")}；` : "";
    const status = STATUS_LABELS[statusOf(group)];
    return [
      `${warning}${text("question")}`,
      text("short"),
      reply.querySelector("details[open]") ? text("long") : "",
      `${basis}来源：政策库《${title}》${addressOf(reply, group)}；核对日期 ${reviewed}；时效：${status}（按 ${today()} 判断）`,
    ]
      .filter(Boolean)
      .join("\n");
  }

  /** Return the address of the answer; a page from the disk has none that others could open. */
  function addressOf(reply, group) {
    if (location.protocol === "file:") return "";
    const page = new URL(group.dataset.page, location.href);
    return ` ${page.origin}${page.pathname}#${reply.id || reply.dataset.reply} `;
  }

  function statusOf(group) {
    return group.querySelector("[data-status]").dataset.status;
  }

  function selectedWarnings() {
    const selection = getSelection();
    if (selection.isCollapsed) return [];
    const range = selection.getRangeAt(0);
    const touched = [...document.querySelectorAll("[data-replies]")].filter((group) =>
      [...group.querySelectorAll("[data-reply]")].some((reply) => range.intersectsNode(reply)),
    );
    return [...new Set(touched.map(warningOf).filter(Boolean))];
  }
})();
