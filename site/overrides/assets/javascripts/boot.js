// What the theme's own scripts expect before anything else runs, kept in a file so that the page
// needs no inline script, and the two settings that must hold before the first paint.
var __md_scope = new URL("../../", document.currentScript.src);
var __md_hash = (text) => [...text].reduce((hash, char) => (hash << 5) - hash + char.charCodeAt(0), 0);
var __md_get = (key, storage, scope = __md_scope) => {
  try {
    return JSON.parse((storage ?? localStorage).getItem(`${scope.pathname}.${key}`));
  } catch {
    return null; // storage is closed to this page
  }
};
var __md_set = (key, value, storage, scope = __md_scope) => {
  try {
    (storage ?? localStorage).setItem(`${scope.pathname}.${key}`, JSON.stringify(value));
  } catch {
    // The choice then lasts only as long as the page.
  }
};
document.documentElement.classList.toggle("pk-large", __md_get("large-text") === true);
