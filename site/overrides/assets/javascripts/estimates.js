// Estimates: works out the trees that indexer/formulas.py reads, exactly like indexer/estimates.py.
// Numbers are fractions of whole numbers; the only rounding is at the end. Nothing here touches the page.
window.PolicyEstimates = (() => {
  const SCALE = 1_000_000n; // answers are millionths of the smallest unit, as matching.js reads them
  const TOO_LARGE = 10n ** 15n;
  const DIVISION_BY_ZERO = "除数是 0，算不出来，请核对填的数。";
  const BEYOND_MEASURE = "算出来的数太大，请核对填的数。";
  const BELOW_ZERO = "算出来不到 0 元，请核对填的数。";

  class NoResult extends Error {}

  // Fractions: {top, bottom} in lowest terms, the bottom above zero.

  const magnitude = (whole) => (whole < 0n ? -whole : whole);

  function divisor(one, other) {
    while (other) [one, other] = [other, one % other];
    return one;
  }

  function fraction(top, bottom) {
    if (bottom < 0n) [top, bottom] = [-top, -bottom];
    const common = divisor(magnitude(top), bottom);
    return { top: top / common, bottom: bottom / common };
  }

  /** Return a number that a formula holds, such as "0.25". */
  function parse(text) {
    const [whole, decimals = ""] = text.split(".");
    return fraction(BigInt(whole + decimals), 10n ** BigInt(decimals.length));
  }

  /** Return the nearest whole number; a half goes away from zero. */
  function nearest({ top, bottom }) {
    const whole = (2n * magnitude(top) + bottom) / (2n * bottom);
    return top < 0n ? -whole : whole;
  }

  const difference = (a, b) => a.top * b.bottom - b.top * a.bottom;

  const COMPARE = {
    lt: (a, b) => difference(a, b) < 0n,
    lte: (a, b) => difference(a, b) <= 0n,
    gt: (a, b) => difference(a, b) > 0n,
    gte: (a, b) => difference(a, b) >= 0n,
    eq: (a, b) => difference(a, b) === 0n,
    ne: (a, b) => difference(a, b) !== 0n,
  };

  const CALCULATE = {
    add: ([a, b]) => fraction(a.top * b.bottom + b.top * a.bottom, a.bottom * b.bottom),
    sub: ([a, b]) => fraction(difference(a, b), a.bottom * b.bottom),
    mul: ([a, b]) => fraction(a.top * b.top, a.bottom * b.bottom),
    div: ([a, b]) => {
      if (b.top === 0n) throw new NoResult(DIVISION_BY_ZERO);
      return fraction(a.top * b.bottom, a.bottom * b.top);
    },
    min: (numbers) => numbers.reduce((a, b) => (difference(b, a) < 0n ? b : a)),
    max: (numbers) => numbers.reduce((a, b) => (difference(b, a) > 0n ? b : a)),
    round: ([a]) => fraction(nearest(a), 1n),
  };

  // One tree being worked out: {value, missing}. A value is null while answers are missing; a number
  // that waits for nothing and still is null does not apply.

  function work(known) {
    const inputs = new Set();

    function answer(key) {
      const value = known[key]?.value ?? null;
      if (value !== null) inputs.add(key);
      return value;
    }

    const open = (...missing) => ({ value: null, missing });
    const done = (value) => ({ value, missing: [] });

    function number({ op, args, ...leaf }) {
      if (op === "number") return done(parse(leaf.value));
      if (op === "answer") {
        const value = answer(leaf.key);
        return value === null ? open(leaf.key) : done(fraction(value, SCALE * BigInt(leaf.scale)));
      }
      if (op === "when") return choose(args);
      const parts = args.map(number);
      const missing = parts.flatMap((part) => part.missing);
      if (missing.length) return open(...missing);
      return done(CALCULATE[op](parts.map((part) => part.value)));
    }

    function choose([asked, then, otherwise]) {
      const { value, missing } = test(asked);
      if (value === null) return open(...missing);
      if (value) return number(then);
      return otherwise ? number(otherwise) : open();
    }

    function test({ op, args, ...leaf }) {
      if (leaf.key !== undefined) {
        const value = holds(op, leaf.values, answer(leaf.key));
        return value === null ? open(leaf.key) : done(value);
      }
      if (op === "not") {
        const { value, missing } = test(args[0]);
        return value === null ? open(...missing) : done(!value);
      }
      const parts = args.map(op === "and" || op === "or" ? test : number);
      const missing = parts.flatMap((part) => part.missing);
      if (op === "and" || op === "or") {
        const decisive = op === "or";
        if (parts.some((part) => part.value === decisive)) return done(decisive);
        return missing.length ? open(...missing) : done(!decisive);
      }
      if (missing.length) return open(...missing);
      return done(COMPARE[op](parts[0].value, parts[1].value));
    }

    return { inputs, number };
  }

  /** Tell whether an answer is the one asked for; one of several that it may be leaves it open. */
  function holds(op, wanted, value) {
    if (value === null || op === "flag") return value;
    const common = wanted.filter((option) => value.has(option));
    if (op === "one_of" && common.length > 0 && common.length < value.size) return null;
    return common.length > 0;
  }

  function inFen(value) {
    if (value.top < 0n) throw new NoResult(BELOW_ZERO);
    if (value.top >= TOO_LARGE * value.bottom) throw new NoResult(BEYOND_MEASURE);
    const digits = nearest(fraction(value.top * 100n, value.bottom)).toString().padStart(3, "0");
    return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
  }

  /**
   * Work out a tree from answers by their keys, {value, text} as `PolicyMatching` reads them.
   *
   * Returns whether it applies at all, the amount in yuan as text with two decimals or null, the
   * keys of the answers that went in and of those still missing, and why else there is no amount.
   */
  function estimate(tree, known) {
    const result = { applies: true, amount: null, inputs: [], missing: [], reason: null };
    const { inputs, number } = work(known);
    try {
      const { value, missing } = number(tree);
      result.missing = [...new Set(missing)];
      if (value !== null) result.amount = inFen(value);
      else if (!missing.length) result.applies = false;
    } catch (error) {
      if (!(error instanceof NoResult)) throw error;
      result.reason = error.message;
    }
    result.inputs = [...inputs];
    return result;
  }

  const plain = (digits) => digits.replace(/\.?0+$/, "");

  /** Return an amount as people say it: in 万元 where that takes at most two decimals. */
  function about(amount, unit) {
    const [whole, fen] = amount.split(".");
    const wan = whole.length > 4 && whole.endsWith("00") && fen === "00";
    const number = plain(wan ? `${whole.slice(0, -4)}.${whole.slice(-4)}` : amount);
    return `约 ${number} ${wan ? "万元" : "元"}${unit.replace(/^元/, "")}`;
  }

  return { estimate, about };
})();
