// Where the Tab key stops on a page, and `look()`: which stop has the focus, and what is wrong.
() => {
  const WANTED = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
  const groups = new Set(); // of radio buttons one is a stop, and the arrows lead to the others

  function isStop(element) {
    if (element.tabIndex < 0 || element.disabled) return false;
    if (!element.checkVisibility({ visibilityProperty: true })) return false;
    if (element.type !== "radio") return true;
    const own = `[type=radio][name="${element.name}"]:checked`;
    const checked = document.querySelector(own);
    if (groups.has(own) || (checked && checked !== element)) return false;
    return Boolean(groups.add(own));
  }

  /** Return the elements on which the focus may show: its own, its label, its box. */
  function around(element) {
    const { nextElementSibling: next, parentElement: parent } = element;
    return [element, next, parent, parent.parentElement, element.closest("form")].filter(Boolean);
  }

  function marksOn(element) {
    return around(element).map((each) => {
      const style = getComputedStyle(each);
      const outline = style.outlineStyle === "none" ? "" : `${style.outlineWidth} ${style.outlineColor}`;
      return `${outline} ${style.boxShadow}`;
    });
  }

  function problemOf(element) {
    if (element === document.body) return "";
    const plain = before.get(element);
    if (!plain) return "不该停在这里";
    const now = marksOn(element);
    const marked = around(element).find((each, i) => now[i] !== plain[i] && each.offsetWidth > 0);
    if (!marked) return "看不出焦点";
    const { top, bottom } = marked.getBoundingClientRect();
    return bottom > 0 && top < innerHeight ? "" : "焦点在屏幕外";
  }

  const describe = (element) => element.outerHTML.slice(0, 120);
  document.activeElement.blur();
  const stops = [...document.querySelectorAll(WANTED)].filter(isStop);
  const before = new Map(stops.map((element) => [element, marksOn(element)]));
  window.look = () => {
    const element = document.activeElement;
    return { at: stops.indexOf(element), problem: problemOf(element), html: describe(element) };
  };
  return stops.map(describe);
}
