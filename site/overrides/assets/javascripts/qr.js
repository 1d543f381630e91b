// A QR code (二维码) of a text, drawn in the browser. Numbers are clauses of ISO/IEC 18004:2015.
// Byte mode in UTF-8, error correction level M, versions 1 to 20: up to 666 bytes.
window.policyKb ??= {};
(() => {
  // Table 9, level M, by version: check codewords in a block, and blocks.
  const CHECKS = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26];
  const BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16];
  // Table 10: a mask turns a module over where its term is 0.
  const MASKS = [
    (i, j) => (i + j) % 2,
    (i) => i % 2,
    (i, j) => j % 3,
    (i, j) => (i + j) % 3,
    (i, j) => ((i >> 1) + Math.floor(j / 3)) % 2,
    (i, j) => ((i * j) % 2) + ((i * j) % 3),
    (i, j) => (((i * j) % 2) + ((i * j) % 3)) % 2,
    (i, j) => (((i + j) % 2) + ((i * j) % 3)) % 2,
  ];

  const range = (count) => [...Array(count).keys()];
  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
  const bitsOf = (number, count) => range(count).map((at) => (number >> (count - 1 - at)) & 1);

  window.policyKb.qrMatrix = (text) => {
    const bytes = [...new TextEncoder().encode(text)];
    const version = 1 + CHECKS.findIndex((_, at) => pack(bytes, at + 1));
    if (version === 0) throw new RangeError("内容太长，放不进二维码。");
    const codewords = interleave(pack(bytes, version), version);
    const symbols = MASKS.map((mask) => placeData(drawGround(version), codewords, mask));
    const penalties = symbols.map(penaltyOf);
    const best = penalties.indexOf(Math.min(...penalties));
    drawMarks(symbols[best], version, best);
    return symbols[best].map((row) => row.map(Boolean));
  };

  window.policyKb.qrSvg = (text, title = "二维码") => {
    const matrix = window.policyKb.qrMatrix(text);
    const dark = matrix.flatMap((row, i) => row.map((on, j) => (on ? `M${j} ${i}h1v1h-1z` : "")));
    const side = matrix.length + 8; // four light modules around it (9.1)
    const svg = make("svg", { viewBox: `-4 -4 ${side} ${side}`, role: "img", "aria-label": title });
    svg.append(make("title", {}));
    svg.append(make("path", { d: `M-4-4h${side}v${side}h-${side}`, fill: "#fff" }));
    svg.append(make("path", { d: dark.join(""), "shape-rendering": "crispEdges" }));
    svg.firstChild.textContent = title;
    return svg;
  };

  function make(name, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  }

  // From text to codewords

  /** Return mode, length, text, its end, and fillers (7.4), or nothing if there is no room. */
  function pack(bytes, version) {
    const free = drawGround(version).flat().filter((module) => module === null).length;
    const room = (free >> 3) - CHECKS[version - 1] * BLOCKS[version - 1];
    const head = [...bitsOf(0b0100, 4), ...bitsOf(bytes.length, version < 10 ? 8 : 16)];
    const bits = [...head, ...bytes.flatMap((byte) => bitsOf(byte, 8)), 0, 0, 0, 0]; // whole bytes
    const words = bits.join("").match(/.{8}/g).map((word) => Number.parseInt(word, 2));
    if (words.length > room) return null;
    return range(room).map((at) => words[at] ?? [0xec, 0x11][(at - words.length) % 2]);
  }

  /** Return the codewords of all blocks by turns, the data first (7.6). */
  function interleave(data, version) {
    const [checks, count] = [CHECKS[version - 1], BLOCKS[version - 1]];
    const length = Math.floor(data.length / count);
    const short = count - (data.length % count); // blocks; the rest have one more
    const start = (at) => at * length + Math.max(0, at - short);
    const blocks = range(count).map((at) => data.slice(start(at), start(at + 1)));
    const takeTurns = (parts) =>
      range(parts.at(-1).length).flatMap((at) => parts.flatMap((part) => part[at] ?? []));
    return [...takeTurns(blocks), ...takeTurns(blocks.map((block) => divide(block, checks)))];
  }

  // 7.5.2: the powers of 2 in the field of bytes, modulo x^8 + x^4 + x^3 + x^2 + 1.
  const POWERS = [1];
  while (POWERS.length < 255) POWERS.push((POWERS.at(-1) << 1) ^ (POWERS.at(-1) > 127 ? 0x11d : 0));
  const multiply = (a, b) => (a && b ? POWERS[(POWERS.indexOf(a) + POWERS.indexOf(b)) % 255] : 0);

  /** Return what remains of the data divided by (x - 1)(x - 2)(x - 4)… (7.5.2, Annex A). */
  function divide(data, degree) {
    const times = (terms, root) =>
      [...terms, 0].map((term, at) => term ^ multiply(terms[at - 1], root));
    const divisor = POWERS.slice(0, degree).reduce(times, [1]).slice(1);
    const step = (rest, word) =>
      divisor.map((term, at) => rest[at + 1] ^ multiply(term, word ^ rest[0]));
    return data.reduce(step, Array(degree).fill(0));
  }

  // From codewords to modules: 1 dark, 0 light, null free for data

  /** Draw finders, alignment and timing (6.3), and keep room for the marks, still light. */
  function drawGround(version) {
    const size = 17 + 4 * version;
    const matrix = range(size).map(() => Array(size).fill(null));
    for (const [i, j] of [[3, 3], [3, size - 4], [size - 4, 3]]) drawRings(matrix, i, j, "11010");
    for (const i of centresOf(version)) {
      for (const j of centresOf(version)) if (matrix[i][j] === null) drawRings(matrix, i, j, "101");
    }
    for (let at = 8; at < size - 8; at += 1) matrix[6][at] = matrix[at][6] = 1 - (at % 2);
    drawMarks(matrix, version);
    return matrix;
  }

  /** Return the rows, and columns, of alignment patterns: evenly back from the last (Annex E). */
  function centresOf(version) {
    const last = 10 + 4 * version;
    const gaps = version > 1 ? Math.floor(version / 7) + 1 : 0;
    const step = 2 * Math.ceil((last - 6) / gaps / 2);
    return [6, ...range(gaps).map((at) => last - (gaps - 1 - at) * step)];
  }

  /** Draw rings from the centre outwards; of a finder the last is cut off by the edge. */
  function drawRings(matrix, row, column, rings) {
    const reach = range(2 * rings.length - 1).map((at) => at + 1 - rings.length);
    for (const i of reach.filter((step) => matrix[row + step])) {
      for (const j of reach.filter((step) => column + step in matrix)) {
        matrix[row + i][column + j] = Number(rings[Math.max(Math.abs(i), Math.abs(j))]);
      }
    }
  }

  /** Draw format (7.9.1) and version (7.10), each twice; without a mask, all light. */
  function drawMarks(matrix, version, mask) {
    const size = matrix.length;
    const drawn = mask !== undefined; // level M is 00 before the mask
    const format = bitsOf(drawn && withChecks(mask, 10, 0x537) ^ 0x5412, 15);
    const skip = (at) => at + (at > 5); // the timing pattern
    range(7).forEach((at) => (matrix[8][skip(at)] = matrix[size - 1 - at][8] = format[at]));
    range(8).forEach((at) => (matrix[skip(7 - at)][8] = matrix[8][size - 8 + at] = format[7 + at]));
    matrix[size - 8][8] = Number(drawn); // always dark
    if (version < 7) return;
    bitsOf(drawn && withChecks(version, 12, 0x1f25), 18).forEach((bit, at) => {
      const [i, j] = [5 - Math.floor(at / 3), size - 9 - (at % 3)];
      matrix[i][j] = matrix[j][i] = bit;
    });
  }

  /** Return a number followed by the bits of its BCH code (Annexes C and D). */
  function withChecks(number, count, divisor) {
    const step = (rest) => (rest << 1) ^ ((rest >> (count - 1)) & 1 ? divisor : 0);
    return (number << count) | range(count).reduce(step, number);
  }

  /** Fill the free modules, two columns at a time from the right, up and down by turns (7.7.3). */
  function placeData(matrix, codewords, mask) {
    const bits = codewords.flatMap((word) => bitsOf(word, 8)).values();
    const rows = range(matrix.length);
    for (let right = matrix.length - 1, up = true; right > 0; right -= 2, up = !up) {
      if (right === 6) right = 5; // the timing pattern
      for (const i of up ? [...rows].reverse() : rows) {
        for (const j of [right, right - 1]) {
          if (matrix[i][j] === null) matrix[i][j] = bits.next().value ^ (mask(i, j) === 0);
        }
      }
    }
    return matrix;
  }

  /** Return how hard a symbol is to read (7.8.3.1); it is judged before the marks are drawn. */
  function penaltyOf(matrix) {
    const columns = matrix.map((_, j) => matrix.map((row) => row[j]));
    const lines = [...matrix, ...columns].map((line) => line.join(""));
    const find = (pattern) => lines.flatMap((line) => `0000${line}0000`.match(pattern) ?? []);
    const runs = lines.flatMap((line) => line.match(/0{5,}|1{5,}/g) ?? []);
    const squares = matrix.slice(1).flatMap((row, i) =>
      row.filter((bit, j) => j && 3 * bit === row[j - 1] + matrix[i][j] + matrix[i][j - 1]),
    );
    const share = (100 * sum(matrix.flat())) / matrix.length ** 2;
    return (
      sum(runs.map((run) => run.length - 2)) +
      3 * squares.length +
      40 * find(/(?<=0000)1011101|1011101(?=0000)/g).length + // like a finder, light on a side
      10 * Math.floor(Math.abs(share - 50) / 5)
    );
  }
})();
