// What must hold before the first paint, kept in a file so that the page needs no inline script:
// what the browser remembers for this site, the mode of the page, and that scripts run at all.
const __md_scope = new URL("../../", document.currentScript.src);
const __md_get = (key) => {
  try {
    return JSON.parse(localStorage.getItem(`${__md_scope.pathname}.${key}`));
  } catch {
    return null; // storage is closed to this page
  }
};
const __md_set = (key, value) => {
  try {
    localStorage.setItem(`${__md_scope.pathname}.${key}`, JSON.stringify(value));
  } catch {
    // The choice then lasts only as long as the page.
  }
};

/** Add a script or style that few pages need, once; return its element. */
const __pk_added = new Map();
const __pk_need = (name) => {
  if (!__pk_added.has(name)) {
    const isStyle = name.endsWith(".css");
    const element = document.createElement(isStyle ? "link" : "script");
    if (isStyle) element.rel = "stylesheet";
    element[isStyle ? "href" : "src"] = new URL(name, __md_scope).href;
    element.setAttribute("blocking", "render"); // the first paint waits for it
    document.head.append(element);
    __pk_added.set(name, element);
  }
  return __pk_added.get(name);
};

/** Show the page as usual (normal), large and simple (large), or so at a kiosk (kiosk). */
const __pk_show = (mode) => {
  const { classList } = document.documentElement;
  classList.toggle("pk-large", mode !== "normal");
  classList.toggle("pk-kiosk", mode === "kiosk");
  if (mode !== "normal") __pk_need("assets/stylesheets/large.css");
  if (mode === "kiosk") __pk_need("assets/javascripts/kiosk.js");
};

document.documentElement.classList.replace("no-js", "js");
{
  const address = new URL(location.href);
  const isMode = (mode) => ["normal", "large", "kiosk"].includes(mode);
  const asked = address.searchParams.get("mode");
  if (isMode(asked)) {
    __md_set("mode", asked);
    const minutes = Number(address.searchParams.get("minutes"));
    if (asked === "kiosk") __md_set("minutes", minutes >= 1 && minutes <= 60 ? minutes : null);
    address.searchParams.delete("mode");
    address.searchParams.delete("minutes");
    try {
      history.replaceState(history.state, "", address); // so that no link carries it on
    } catch {
      // Some browsers keep the address of file:// pages fixed.
    }
  }
  const remembered = __md_get("mode");
  __pk_show(isMode(asked) ? asked : isMode(remembered) ? remembered : "normal");
}
