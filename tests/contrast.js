// What a reader sees of every text: its colour against all that is painted below it (WCAG AA).
() => {
  const OPAQUE = [255, 255, 255];

  function parse(text) {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return [r, g, b, a];
  }

  function over([r, g, b, a], under) {
    return [r, g, b].map((value, i) => value * a + under[i] * (1 - a));
  }

  function lightness(rgb) {
    const [r, g, b] = rgb
      .map((value) => value / 255)
      .map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function ground(element) {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.push(parse(getComputedStyle(at).backgroundColor));
    }
    return layers.reduceRight((under, layer) => over(layer, under), OPAQUE);
  }

  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim();
    const element = walker.currentNode.parentElement;
    const seen = element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    // The large picture of the home page has a gradient, which has no single colour.
    if (!text || !seen || element.closest("script, noscript, .pk-hero, .pk-hidden")) continue;
    const below = ground(element);
    const own = over(parse(getComputedStyle(element).color), below);
    const [dark, light] = [lightness(own), lightness(below)].sort((a, b) => a - b);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${element.className} ${text}`);
  }
  return poor;
}
