// At a kiosk (自助机): whoever comes next finds the home page, and nothing of whoever was here.
{
  const WARNING = 20; // s in which one may say that one is still there
  const CHECK = 500; // ms
  const home = new URL("index.html", __md_scope);
  const limit = 60 * (__md_get("minutes") ?? 2);
  const isHome = () => [home.pathname, __md_scope.pathname].includes(location.pathname);

  let last = Date.now();
  let touched = false; // the home page waits as it is
  let open = null;

  // One turn after the other

  /** Return how many seconds are left; whoever listens to the page being read out is there. */
  function secondsLeft() {
    if (window.speechSynthesis?.speaking && !speechSynthesis.paused) last = Date.now();
    return Math.ceil(limit - (Date.now() - last) / 1000);
  }

  function check() {
    const left = secondsLeft();
    if (isHome() && !touched) return;
    if (left <= 0) goHome();
    else if (left <= WARNING) warn(left);
  }

  function stay() {
    last = Date.now();
    touched = true;
    open?.close();
  }

  function warn(left) {
    if (!open) {
      open = ask("还在看吗？", "", [["继续看", stay], ["回到首页", goHome]]);
    }
    open.querySelector("p").textContent = `${left} 秒后回到首页，刚才搜的、填的都会清掉。`;
  }

  function goHome() {
    forget();
    location.replace(home); // the page that was left is not in the history either
  }

  /** Forget all that the browser keeps for this site, but for what makes it a kiosk. */
  function forget() {
    for (const form of document.forms) form.reset();
    try {
      for (const key of Object.keys(localStorage)) {
        const kept = ["mode", "minutes"].map((name) => `${__md_scope.pathname}.${name}`);
        if (key.startsWith(`${__md_scope.pathname}.`) && !kept.includes(key)) localStorage.removeItem(key);
      }
      sessionStorage.clear();
      sessionStorage.setItem("pk-begin", String(place()));
    } catch {
      // Where nothing can be kept there is nothing to forget.
    }
  }

  // The history: “back” must not lead to the pages of those before

  function place() {
    return window.navigation?.currentEntry?.index ?? 0;
  }

  function begin() {
    try {
      return Number(sessionStorage.getItem("pk-begin"));
    } catch {
      return 0;
    }
  }

  function guard() {
    const steps = begin() - place();
    document.documentElement.hidden = steps > 0;
    if (steps > 0) history.go(steps);
  }

  // What a kiosk cannot do

  /** Say what a link would have opened: other sites would not come back, and there is no phone. */
  function hold(event) {
    const link = event.target.closest?.("a[href]");
    if (!link || (link.protocol === location.protocol && link.host === location.host)) return;
    event.preventDefault();
    const phone = link.protocol === "tel:" ? `请打电话：${link.pathname}` : `网址：${link.href}`;
    open?.close();
    open = ask("这台机器只能看政策库", phone, [["知道了", stay]]);
  }

  function ask(title, text, choices) {
    const dialog = document.createElement("dialog");
    dialog.className = "md-typeset pk-kiosk__dialog";
    dialog.setAttribute("role", "alertdialog");
    dialog.setAttribute("aria-labelledby", "kiosk-title");
    dialog.setAttribute("aria-describedby", "kiosk-text");
    const heading = Object.assign(document.createElement("h2"), { id: "kiosk-title", textContent: title });
    const words = Object.assign(document.createElement("p"), { id: "kiosk-text", textContent: text });
    dialog.append(heading, words, ...choices.map(drawChoice));
    dialog.addEventListener("close", () => {
      dialog.remove();
      open = null;
      last = Date.now();
    });
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
  }

  function drawChoice([text, act], at) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = at === 0 ? "pk-button pk-button--main" : "pk-button";
    button.textContent = text;
    button.addEventListener("click", act);
    return button;
  }

  guard();
  for (const name of ["pointerdown", "touchmove", "keydown", "wheel"]) {
    const onTouch = ({ target }) => {
      if (!open || target === open || !open.contains(target)) stay(); // its buttons say what they do
    };
    addEventListener(name, onTouch, { capture: true, passive: true });
  }
  addEventListener("click", hold, true);
  addEventListener("pagehide", () => {
    document.documentElement.hidden = true; // should it come back out of the browser's memory
  });
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) guard();
  });
  setInterval(check, CHECK);
}
