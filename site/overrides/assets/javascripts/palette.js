// Take over the reader's choice of colours before the page is painted.
{
  const choice = __md_get("__palette");
  if (choice?.color) {
    const { color } = choice;
    if (color.media === "(prefers-color-scheme)") {
      const light = matchMedia("(prefers-color-scheme: light)").matches;
      const media = `(prefers-color-scheme: ${light ? "light" : "dark"})`;
      const input = document.querySelector(`[data-md-color-media='${media}']`);
      for (const name of ["media", "scheme", "primary", "accent"]) {
        color[name] = input.getAttribute(`data-md-color-${name}`);
      }
    }
    for (const [name, value] of Object.entries(color)) {
      document.body.setAttribute(`data-md-color-${name}`, value);
    }
  } else {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    document.body.setAttribute("data-md-color-scheme", dark ? "slate" : "default");
  }
}
