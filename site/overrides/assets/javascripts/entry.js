// On an entry: the banner for its status, printing, copying the link, and the words searched for.
(() => {
  const entry = document.querySelector("[data-entry]");
  const { status } = entry.querySelector("[data-status]").dataset;

  for (const banner of entry.querySelectorAll("[data-when]")) {
    if (banner.dataset.when === "superseded") {
      if (status === "superseded") banner.querySelector("strong").textContent = "本条已被替代";
    } else {
      banner.hidden = banner.dataset.when !== status;
    }
  }
  entry.classList.toggle("pk-entry--over", status === "expired" || status === "superseded");

  const address = location.href.replace(/[?#].*$/, "");
  entry.querySelector("[data-page-url]").textContent = address;
  const fillPrintDate = () => {
    entry.querySelector("[data-print-date]").textContent = window.policyKb.today();
  };
  fillPrintDate();
  addEventListener("beforeprint", fillPrintDate);

  const print = entry.querySelector("[data-print]");
  print.hidden = false;
  print.addEventListener("click", () => window.print());

  const copy = entry.querySelector("[data-copy]");
  const copyLabel = entry.querySelector("[data-copy-label]");
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    copyLabel.textContent = (await window.policyKb.copyText(address)) ? "已复制" : "请从地址栏复制";
    setTimeout(() => {
      copyLabel.textContent = "复制链接";
    }, 3000);
  });

  const words = (new URLSearchParams(location.search).get("words") ?? "").split(" ").filter(Boolean);
  if (words.length > 0 && window.CSS?.highlights) {
    const ranges = [];
    const walker = document.createTreeWalker(entry, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode.data.toLowerCase();
      for (const word of words) {
        for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
          const range = new Range();
          range.setStart(walker.currentNode, at);
          range.setEnd(walker.currentNode, at + word.length);
          ranges.push(range);
        }
      }
    }
    CSS.highlights.set("pk-words", new Highlight(...ranges));
  }

  // In the table of contents, mark the last part whose heading has come to the top of the screen.
  const parts = [...document.querySelectorAll("[data-toc] a")].flatMap((link) => {
    const heading = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    return heading ? [{ link, heading }] : [];
  });
  const markPart = () => {
    const reached = parts.filter(({ heading }) => heading.getBoundingClientRect().top < 100);
    parts.forEach(({ link }, i) => {
      link.classList.toggle("md-nav__link--passed", i < reached.length);
      link.classList.toggle("md-nav__link--active", i === reached.length - 1);
    });
  };
  addEventListener("scroll", () => requestAnimationFrame(markPart), { passive: true });
  markPart();
})();
