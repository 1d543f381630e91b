// Only `policykb serve --watch` puts this into a page: when the site has been made again, the page
// loads itself again where it stood; while entries have mistakes, it tells them.
(() => {
  const EVERY = 300; // milliseconds
  const SHOWN = 50;
  const PLACE = "policykb-live";
  const { edition } = document.currentScript.dataset;

  /** Go back to where the page stood before it loaded itself again. */
  const returnToPlace = () => {
    const [address, top] = JSON.parse(sessionStorage.getItem(PLACE) ?? "[]");
    sessionStorage.removeItem(PLACE);
    if (address === location.href) window.scrollTo({ top, behavior: "instant" });
  };

  const loadAgain = () => {
    sessionStorage.setItem(PLACE, JSON.stringify([location.href, window.scrollY]));
    location.reload();
  };

  const element = (name, text, className = "") => {
    const made = document.createElement(name);
    made.textContent = text;
    made.className = className;
    return made;
  };

  const panel = document.createElement("section");
  panel.className = "pk-live";
  panel.tabIndex = 0; // a long list can be scrolled with the keyboard
  panel.setAttribute("role", "alert");
  panel.setAttribute("aria-label", "条目的问题");
  let told = "";

  /** Show what is wrong until it is mended. */
  const show = (title, rows, advice) => {
    const news = JSON.stringify([title, rows, advice]);
    if (news === told) return;
    told = news;
    panel.remove();
    if (!title) return;
    const list = document.createElement("ol");
    for (const row of rows.slice(0, SHOWN)) {
      const item = element("li", "");
      item.append(element("strong", `${row.path} 第 ${row.line} 行`));
      item.append(element("span", row.field ? `${row.field}：${row.message}` : row.message));
      list.append(item);
    }
    panel.replaceChildren(element("h2", title), list);
    if (rows.length > SHOWN) panel.append(element("p", `还有 ${rows.length - SHOWN} 处没有列出。`));
    panel.append(element("p", advice));
    document.body.append(panel);
  };

  const tell = ({ count, problems, failure }) => {
    if (failure) show("网站没有更新", [], failure);
    else if (count === 0) show("", [], "");
    else {
      const title = `条目有 ${count} 处问题，网页还是改动前的样子`;
      const mend = "改好后存盘，这里会自己消失。";
      const elsewhere = "问题写在运行 policykb serve --watch 的那台电脑上。";
      show(title, problems, problems.length ? mend : elsewhere);
    }
  };

  const look = async () => {
    try {
      const answer = await fetch("/live/state", { cache: "no-store" });
      const state = await answer.json();
      if (state.edition !== edition) return loadAgain();
      tell(state);
    } catch {
      show("policykb serve --watch 已经停了", [], "重新运行以后，这一页会自己接上。");
    }
    setTimeout(look, EVERY);
  };

  addEventListener("load", returnToPlace);
  look();
})();
