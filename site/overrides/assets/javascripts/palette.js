// The tools in the header, ready before the page is painted: the reader's colours and large text.
{
  const SYSTEM = "(prefers-color-scheme)";
  const inputs = [...document.querySelectorAll("[name=__palette]")];
  const dark = matchMedia("(prefers-color-scheme: dark)");

  /** Show the chosen colours, and the button that leads to the next ones. */
  const paint = (input) => {
    const media = `(prefers-color-scheme: ${dark.matches ? "dark" : "light"})`;
    const system = input.dataset.mdColorMedia === SYSTEM;
    const shown = system ? inputs.find(({ dataset }) => dataset.mdColorMedia === media) : input;
    document.body.dataset.mdColorScheme = shown.dataset.mdColorScheme;
    input.checked = true;
    for (const each of inputs) each.nextElementSibling.hidden = each !== input;
  };

  inputs.forEach((input, index) => {
    input.addEventListener("change", () => {
      __md_set("__palette", { index });
      paint(input);
    });
  });
  dark.addEventListener("change", () => paint(inputs.find(({ checked }) => checked)));
  paint(inputs[__md_get("__palette")?.index] ?? inputs[0]);

  const largeText = document.querySelector("[data-large-text]");
  const root = document.documentElement;
  largeText.hidden = false;
  largeText.setAttribute("aria-pressed", String(root.classList.contains("pk-large")));
  largeText.addEventListener("click", () => {
    const on = root.classList.toggle("pk-large");
    largeText.setAttribute("aria-pressed", String(on));
    __md_set("large-text", on);
  });
}
