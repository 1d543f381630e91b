// A page read out (朗读) by the browser's own voice. Loaded when “读给我听” is pressed first.
(() => {
  // What is not read: controls, where something comes from, and what the eye alone needs.
  const LEFT_OUT = [
    "[hidden], [aria-hidden=true], script, noscript, svg, dialog, nav, form, button, input, select, aside",
    ".pk-hidden, .pk-actions, .pk-speech, .pk-sort, .pk-counts, .pk-keys, .pk-printed, .pk-part",
    ".pk-ref, .pk-item__basis, .pk-sources, .pk-relations, .pk-facts__more, .pk-condition__link, .pk-sheet",
    ".pk-card .pk-tags, .pk-card .pk-status[data-status=in_force]",
  ].join(", ");
  const LONGEST = 60; // characters at a time: some voices break off in long texts
  const PATIENCE = 1500; // ms until the voices are known
  const NO_VOICE =
    "这台设备没有中文语音，读不出来。可以在系统设置的“语音”里添加中文，或者打 12345 请人讲给您听。";

  let pieces = []; // { text, nodes } in the order of reading
  let at = 0;
  let turn = 0; // what was said in an earlier one has no say any more
  let voice = null;
  let utterance = null; // kept, or a browser may clear it away before it ends
  let bar = null;
  let opener = null;

  // What is read

  const isInline = (node) =>
    node.nodeType === Node.TEXT_NODE || /^inline|^contents$/.test(getComputedStyle(node).display);
  const isRead = (node) =>
    node.nodeType === Node.TEXT_NODE ||
    (node.nodeType === Node.ELEMENT_NODE && !node.matches(LEFT_OUT) && node.checkVisibility());

  /** Return the paragraphs below an element: runs of words, table rows, terms with their meaning. */
  function paragraphsOf(element) {
    if (element.matches("tr")) return [readRow(element)];
    const found = [];
    let run = [];
    const close = () => {
      if (run.length > 0) found.push({ nodes: run, text: run.map(textOf).join("").trim() });
      run = [];
    };
    for (const node of [...element.childNodes].filter(isRead)) {
      if (isInline(node) && !node.querySelector?.("p, li, dd, tr")) run.push(node);
      else {
        close();
        found.push(...paragraphsOf(node));
      }
    }
    close();
    const spoken = found.filter(({ text }) => /[\p{L}\p{N}]/u.test(text));
    if (element.matches("dl > div") && spoken.length > 0) return [joinTerm(spoken)];
    if (element.matches("ol > li") && spoken.length > 0) spoken[0].text = numberOf(element) + spoken[0].text;
    return spoken;
  }

  function joinTerm([term, ...meaning]) {
    const text = `${term.text}：${meaning.map((each) => each.text).join("，")}`;
    return { nodes: [term, ...meaning].flatMap(({ nodes }) => nodes), text };
  }

  /** Return a row with each cell after the name of its column. */
  function readRow(row) {
    const heads = [...row.closest("table").rows[0].cells];
    const cells = [...row.cells].map((cell, column) => {
      const named = cell.tagName === "TD" && heads[column]?.tagName === "TH";
      return named ? `${textOf(heads[column])}：${textOf(cell)}` : textOf(cell);
    });
    return { nodes: [...row.cells], text: cells.join("；") };
  }

  function numberOf(item) {
    const number = 1 + [...item.parentElement.children].indexOf(item);
    return item.closest(".pk-items--steps") === item.parentElement ? `第 ${number} 步，` : `第 ${number}，`;
  }

  function textOf(node) {
    if (node.nodeType === Node.TEXT_NODE) return node.data.replace(/\s+/g, " ");
    return [...node.childNodes].filter(isRead).map(textOf).join("").trim();
  }

  /** Say dates as dates, and telephone numbers digit by digit. */
  function sayNumbers(text) {
    return text
      .replace(/(\d{4})-(\d{2})-(\d{2})/g, (_, year, month, day) => `${year}年${+month}月${+day}日`)
      .replace(/(?<!\d)(?:123\d{2}|1\d{10}|0\d{2,3}-?\d{7,8})(?!\d)/g, (number) =>
        [...number.replace("-", "")].join(" "),
      );
  }

  /** Return a text by sentences, and where those are long by their commas. */
  function cut(text) {
    const sentences = text.match(/[^。！？；]+[。！？；]*/g) ?? [];
    return sentences.flatMap((sentence) =>
      sentence.length <= LONGEST ? [sentence] : sentence.match(/[^，、：]{1,60}[，、：]*/g),
    );
  }

  function collect(root) {
    return paragraphsOf(root).flatMap(({ nodes, text }) =>
      cut(text).map((part) => ({ nodes, text: sayNumbers(part.trim()) })),
    );
  }

  // Reading

  /** Return a Chinese voice of this device, if there is one. */
  async function findVoice() {
    if (speechSynthesis.getVoices().length === 0) {
      await new Promise((known) => {
        speechSynthesis.addEventListener("voiceschanged", known, { once: true });
        setTimeout(known, PATIENCE);
      });
    }
    const rank = ({ lang, localService }) => (/CN|Hans/.test(lang) ? 2 : 0) + (localService ? 1 : 0);
    const chinese = speechSynthesis.getVoices().filter(({ lang }) => /^(zh|cmn)\b/.test(lang.replace("_", "-")));
    return chinese.sort((a, b) => rank(b) - rank(a))[0];
  }

  async function start(button) {
    stop();
    opener = button;
    drawBar();
    const mine = turn;
    voice ??= await findVoice();
    if (mine !== turn) return;
    if (!voice) return refuse(NO_VOICE);
    pieces = collect(document.querySelector(button.dataset.read));
    at = 0;
    go();
  }

  function go() {
    const mine = turn;
    while (pieces[at] && !pieces[at].nodes[0].isConnected) at += 1; // was drawn anew meanwhile
    if (at >= pieces.length) return stop();
    mark(pieces[at].nodes);
    utterance = new SpeechSynthesisUtterance(pieces[at].text);
    Object.assign(utterance, { lang: "zh-CN", voice });
    utterance.addEventListener("end", () => {
      if (mine !== turn) return;
      at += 1;
      go();
    });
    utterance.addEventListener("error", () => {
      if (mine === turn) refuse("读不下去了。请停止，再点一次“读给我听”。");
    });
    speechSynthesis.speak(utterance);
    show("正在朗读", "暂停");
  }

  function hush() {
    turn += 1;
    speechSynthesis.cancel();
  }

  /** Pause or go on, from the beginning of the sentence: not every browser can within one. */
  function turnOver() {
    if (bar.dataset.state === "暂停") {
      hush();
      show("已暂停", "继续");
    } else go();
  }

  function stop() {
    hush();
    unmark();
    if (bar?.contains(document.activeElement)) opener.focus();
    bar?.remove();
    bar = null;
  }

  // What is seen

  function mark(nodes) {
    unmark();
    const range = new Range();
    range.setStartBefore(nodes[0]);
    range.setEndAfter(nodes.at(-1));
    if (window.CSS?.highlights) CSS.highlights.set("pk-reading", new Highlight(range));
    const { top, bottom } = range.getBoundingClientRect();
    const element = nodes[0].nodeType === Node.TEXT_NODE ? nodes[0].parentElement : nodes[0];
    if (top < 0 || bottom > innerHeight - bar.offsetHeight) element.scrollIntoView({ block: "center" });
  }

  function unmark() {
    window.CSS?.highlights?.delete("pk-reading");
  }

  function drawBar() {
    bar = document.createElement("div");
    bar.className = "pk-speech";
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "朗读");
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    bar.append(said, makeButton("暂停", turnOver), makeButton("停止", stop));
    opener.after(bar); // so that the Tab key leads there
    show("正在准备……", "");
  }

  function makeButton(text, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "pk-button";
    button.textContent = text;
    button.addEventListener("click", act);
    return button;
  }

  /** Say what is going on; `action` is what the first button does next. */
  function show(text, action) {
    const [said, first] = bar.children;
    if (said.textContent !== text) said.textContent = text;
    bar.dataset.state = action;
    first.hidden = !action;
    first.textContent = action;
  }

  function refuse(text) {
    hush();
    unmark();
    show(text, "");
  }

  __pk_need("assets/stylesheets/speech.css");
  addEventListener("pagehide", () => speechSynthesis.cancel());
  addEventListener("keydown", ({ key, defaultPrevented }) => {
    if (key === "Escape" && bar && !defaultPrevented) stop();
  });
  window.policyKb.readAloud = start;
})();
