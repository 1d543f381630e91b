// The tools in the header, ready before the page is painted: the reader's colours, and the switch
// to large print in a simple layout.
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

  /** Tell a screen reader; its place is there a moment before the words, or they are not told. */
  const say = (text) => {
    const said = document.createElement("span");
    said.className = "pk-hidden";
    said.setAttribute("role", "status");
    large.after(said);
    setTimeout(() => {
      said.textContent = text;
    }, 100);
    setTimeout(() => said.remove(), 3000);
  };

  const large = document.querySelector("[data-large]");
  const isLarge = () => document.documentElement.classList.contains("pk-large");
  large.hidden = document.documentElement.classList.contains("pk-kiosk"); // where all is large
  large.setAttribute("aria-pressed", String(isLarge()));
  large.addEventListener("click", () => {
    const mode = isLarge() ? "normal" : "large";
    __pk_show(mode);
    __md_set("mode", mode);
    large.setAttribute("aria-pressed", String(isLarge()));
    say(isLarge() ? "已换成大字版。" : "已换回标准版。");
  });
}
