// On the page of a notice: shows what applies to what is ticked, and makes it ready to be printed.
(() => {
  const kb = window.policyKb;
  const page = document.querySelector("[data-notice]");
  const { notice: slug, digest } = page.dataset;
  const boxes = [...page.querySelectorAll("[data-ask] input")];
  const questions = [...page.querySelectorAll("[data-ask] fieldset")].map((field) => ({
    text: field.querySelector("legend").textContent,
    boxes: [...field.querySelectorAll("input")],
  }));
  const address = location.href.replace(/#.*$/, "");

  /** The same rule as `applies` in indexer/situations.py. */
  function applies(options, ticked) {
    return questions.every(({ boxes: asked }) => {
      const own = asked.map((box) => box.value);
      const wanted = own.filter((place) => options.includes(place));
      const chosen = own.filter((place) => ticked.includes(place));
      return !wanted.length || !chosen.length || wanted.some((place) => chosen.includes(place));
    });
  }

  function draw() {
    const ticked = boxes.filter((box) => box.checked).map((box) => box.value);
    questions.forEach((question, number) => {
      const names = question.boxes
        .filter((box) => box.checked)
        .map((box) => box.nextElementSibling.textContent);
      const answer = names.length ? names.join("、") : "没有选，各种情形都列出";
      write(`[data-answer="${number}"]`, `${question.text}：${answer}`);
    });
    for (const section of page.querySelectorAll("[data-section]")) drawSection(section, ticked);
    drawProof(ticked);
    const papers = page.querySelectorAll('.nt-copy:first-child [data-section="materials"] li:not([hidden])');
    page.querySelector("[data-said]").textContent = `现在列出 ${papers.length} 项材料`;
  }

  function drawSection(section, ticked) {
    const rows = [...section.querySelectorAll("li")];
    const usual = rows.filter((row) => !("otherwise" in row.dataset));
    for (const row of usual) {
      row.hidden = !applies(row.dataset.options.split(" ").filter(Boolean), ticked);
    }
    const none = usual.every((row) => row.hidden);
    for (const row of rows) if ("otherwise" in row.dataset) row.hidden = !none;
    const shown = rows.filter((row) => !row.hidden);
    shown.forEach((row, place) => {
      row.querySelector(".nt-no").textContent = `${place + 1}.`;
    });
    section.hidden = shown.length === 0;
  }

  /** Write day, status, check code, link and QR code of this very selection. */
  function drawProof(ticked) {
    const day = kb.today();
    const code = kb.checkCodes.make(digest, day, ticked.map(Number));
    const [year, month, date] = day.split("-").map(Number);
    write('[data-about="day"]', `告知日期：${year} 年 ${month} 月 ${date} 日`);
    write('[data-about="code"]', `核验码：${code}`);
    const { effective, expires, superseded } = page.dataset;
    const status = kb.statusOn(day, { effective, expires, superseded: superseded === "true" });
    write("[data-warning]", page.getAttribute(`data-warning-${status}`) ?? "");
    const link = `${address}#${code}`;
    const online = location.protocol.startsWith("http");
    write('[data-about="link"]', online ? `网址：${link}` : "");
    for (const place of page.querySelectorAll("[data-qr]")) {
      place.replaceChildren(...(online ? [kb.qrSvg(link)] : []));
    }
    history.replaceState(null, "", link);
    for (const file of page.querySelectorAll("[data-file]")) {
      const query = new URLSearchParams({ format: file.dataset.file });
      for (const box of boxes) {
        if (box.checked) query.append("situation", box.nextElementSibling.textContent);
      }
      file.href = new URL(`../api/notice/${slug}?${query}`, address);
    }
    return link;
  }

  function write(places, text) {
    for (const place of page.querySelectorAll(places)) {
      place.textContent = text;
      place.hidden = text === "";
    }
  }

  /** Tick what the address asks for, if it is of this very content; else say that it has changed. */
  function readAddress() {
    const asked = kb.checkCodes.read(decodeURIComponent(location.hash.slice(1)));
    const old = page.querySelector("[data-old]");
    old.hidden = !asked || asked.digest === digest;
    if (!asked) return;
    if (asked.digest === digest) {
      for (const box of boxes) box.checked = asked.ticked.includes(Number(box.value));
    } else {
      for (const box of boxes) box.checked = false;
      old.textContent =
        `您打开的是 ${asked.day} 的告知单，内容后来改过了。下面是现在的内容，请重新勾选；` +
        `要知道当时写的什么，请窗口人员按核验码 ${location.hash.slice(1)} 查。`;
    }
  }

  readAddress();
  draw();
  page.querySelector("[data-ask]")?.addEventListener("change", draw);
  addEventListener("hashchange", () => {
    readAddress();
    draw();
  });
  addEventListener("beforeprint", draw);

  const print = page.querySelector("[data-print]");
  print.hidden = false;
  print.addEventListener("click", () => window.print());
  const copy = page.querySelector("[data-copy]");
  const label = page.querySelector("[data-copy-label]");
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    label.textContent = (await kb.copyText(location.href)) ? "已复制" : "请从地址栏复制";
    setTimeout(() => {
      label.textContent = "复制这一份的链接";
    }, 3000);
  });

  // Word and PDF files come from the service; without it there is printing.
  async function offerFiles() {
    try {
      const answer = await fetch(new URL("../healthz", address), { signal: AbortSignal.timeout(3000) });
      if (!answer.ok || !answer.headers.get("content-type")?.includes("json")) return;
      for (const file of page.querySelectorAll("[data-file]")) file.hidden = false;
    } catch {
      // There is no service.
    }
  }
  if (location.protocol.startsWith("http")) offerFiles();
})();
