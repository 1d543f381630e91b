// Check codes of notices: the same as in indexer/checkcodes.py, where the parts are explained.
window.policyKb.checkCodes = (() => {
  const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; // Crockford's Base32
  const DIGEST = 8;
  const DAY = 3;
  const FIRST_DAY = Date.UTC(2020, 0, 1);
  const DAY_MS = 86400000;

  /** Return the code of a content, a day (YYYY-MM-DD) and the places of the ticked options. */
  function make(digest, day, ticked) {
    const days = BigInt((Date.parse(day) - FIRST_DAY) / DAY_MS);
    const bits = ticked.reduce((sum, place) => sum | (1n << BigInt(place)), 0n);
    const text = digest + inBase32(days, DAY) + (bits ? inBase32(bits, 1) : "");
    return (text + checkCharacter(text)).match(/.{1,4}/g).join("-");
  }

  /** Return what a code says, or nothing if it is none. */
  function read(text) {
    const code = text.toUpperCase().replace(/[-\s]/g, "").replaceAll("O", "0").replace(/[IL]/g, "1");
    if (![...code].every((character) => ALPHABET.includes(character))) return null;
    if (code.length < DIGEST + DAY + 1) return null;
    if (checkCharacter(code.slice(0, -1)) !== code.at(-1)) return null;
    const days = Number(fromBase32(code.slice(DIGEST, DIGEST + DAY)));
    const ticked = [];
    for (let bits = fromBase32(code.slice(DIGEST + DAY, -1)), place = 0; bits; bits >>= 1n, place++) {
      if (bits & 1n) ticked.push(place);
    }
    const day = new Date(FIRST_DAY + days * DAY_MS).toISOString().slice(0, 10);
    return { digest: code.slice(0, DIGEST), day, ticked };
  }

  function inBase32(number, width) {
    let text = "";
    for (let rest = number; rest || text.length < width; rest >>= 5n) {
      text = ALPHABET[Number(rest & 31n)] + text;
    }
    return text;
  }

  const fromBase32 = (text) =>
    [...text].reduce((sum, character) => sum * 32n + BigInt(ALPHABET.indexOf(character)), 0n);

  /** Luhn mod N, N = 32. */
  function checkCharacter(text) {
    const sum = [...text].reverse().reduce((total, character, place) => {
      const value = ALPHABET.indexOf(character) * (place % 2 ? 1 : 2);
      return total + Math.floor(value / 32) + (value % 32);
    }, 0);
    return ALPHABET[(32 - (sum % 32)) % 32];
  }

  return { make, read };
})();
