// What must hold before the first paint, kept in a file so that the page needs no inline script:
// what the browser remembers for this site, large text, and that scripts run at all.
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
document.documentElement.classList.replace("no-js", "js");
document.documentElement.classList.toggle("pk-large", __md_get("large-text") === true);
