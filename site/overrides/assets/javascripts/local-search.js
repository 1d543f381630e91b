// The site's own search: ranks the entries when no service answers. Its files (assets/search/,
// written by indexer/sitesearch.py) are scripts, since a page on the disk may load nothing else.
Object.assign(window.policyKb, (() => {
  const { FIELDS, statusOn, isChosen, countFacets, make } = window.policyKb;
  const WEIGHTS = { title: 6, aliases: 5, queries: 4, doc_numbers: 6, summary: 3, issuer: 1, text: 1 };
  const SEARCHED = Object.keys(WEIGHTS); // in the order in which an entry's places are counted
  const TEXT = SEARCHED.indexOf("text");
  const NAMED = SEARCHED.indexOf("queries"); // suggestions look at the fields up to this one
  const SUGGESTIONS = 8;
  const CANDIDATES = 12; // entries looked at for suggestions
  const SATURATION = 1.2;
  const SYNONYM = 0.4; // what another word for the same counts beside the word itself
  const KEPT = 0.15; // a hit scores at least this share of the best
  const KEPT_UNSURE = 0.6; // the same, when nothing really answers
  // The best hit answers if it has this share of the query's words, by weight: so it is for 83 of
  // 100 of the entries' own questions with that field left out, and for 1 of 20 on other matters.
  const SURE = 0.4;
  const SNIPPET = 90;
  const CHINESE = new Intl.Collator("zh");
  const FOLDER = new URL("../search/", document.currentScript.src);
  const waiting = new Map();

  /** Fold width, case and brackets, character by character, so that places stay the same. */
  function fold(text) {
    return [...text]
      .map((char) => {
        const plain = char.normalize("NFKC").toLowerCase();
        return plain.length === char.length ? plain : char;
      })
      .join("")
      .replace(/[〔［【[]/g, "(")
      .replace(/[〕］】\]]/g, ")");
  }

  /** Cut folded text into terms: pairs of Chinese characters, and whole Latin words and numbers. */
  function termsOf(text) {
    const terms = [];
    for (const [run] of text.matchAll(/\p{Script=Han}+|[a-z0-9.]+/gu)) {
      const chars = [...run];
      if (/[a-z0-9.]/.test(run) || chars.length === 1) terms.push(run);
      else for (let i = 0; i + 1 < chars.length; i++) terms.push(chars[i] + chars[i + 1]);
    }
    return terms;
  }

  // The files

  /** Called by each file with what it holds. */
  function take(part, number, value) {
    waiting.get(`${part}-${number}`)?.resolve(value);
  }

  /** Load a file once; one that fails may be asked for again. */
  function load(part, number, name = `${part}-${number}`) {
    const key = `${part}-${number}`;
    if (!waiting.has(key)) {
      const entry = {};
      entry.promise = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
      waiting.set(key, entry);
      const script = make("script");
      const version = document.querySelector("[data-search-version]")?.dataset.searchVersion ?? "";
      script.src = new URL(`${name}.js?v=${version}`, FOLDER);
      script.addEventListener("error", () => {
        waiting.delete(key);
        entry.reject(new Error(name));
      });
      script.addEventListener("load", () => script.remove());
      document.head.append(script);
    }
    return waiting.get(key).promise;
  }

  /** Return in which of so many files something stands; `_part_of` in sitesearch.py agrees. */
  function partOf(text, parts) {
    return [...text].reduce((number, char) => (number * 31 + char.codePointAt(0)) % parts, 0);
  }

  /** Return the table of all entries, its rows as objects. */
  async function loadTable() {
    const table = await load("entries", 0, "entries");
    table.policies ??= table.slug.map((slug, at) => {
      const lists = (field) => table[field].values[table[field].rows[at]];
      return {
        slug,
        at,
        title: table.title[at],
        superseded: table.superseded[at] === 1,
        ...Object.fromEntries(["audience", "topic"].map((field) => [field, lists(field)])),
        ...Object.fromEntries(
          ["kind", "level", "benefit_mode", "deadline", "effective", "expires"].map((field) => [
            field,
            lists(field)[0],
          ]),
        ),
      };
    });
    return table;
  }

  async function loadText(table, { slug }) {
    return (await load("texts", partOf(slug, table.blocks)))[slug];
  }

  /** Return the places of terms: for each that occurs, a list of [entry, its places]. */
  async function loadPlaces(table, terms) {
    const found = new Map();
    await Promise.all(
      [...new Set(terms)].map(async (term) => {
        const shard = await load("words", partOf(term, table.shards));
        if (Object.hasOwn(shard, term)) found.set(term, decode(shard[term]));
      }),
    );
    return found;
  }

  /** Read numbers of seven bits a byte: the step to the entry, how many places, steps to each. */
  function decode(text) {
    const bytes = atob(text);
    let at = 0;
    const next = () => {
      let number = 0;
      for (;;) {
        const byte = bytes.charCodeAt(at++);
        number = number * 128 + (byte & 127);
        if (byte < 128) return number;
      }
    };
    const rows = [];
    let entry = 0;
    while (at < bytes.length) {
      entry += next();
      const places = new Array(next());
      let place = 0;
      for (let i = 0; i < places.length; i++) places[i] = place += next();
      rows.push([entry, places]);
    }
    return rows;
  }

  // The ranking

  /** Return which of the searched fields a place of an entry is in. */
  function fieldOf(lengths, place) {
    let field = 0;
    for (let end = 0; field < lengths.length; field++) {
      end += lengths[field];
      if (place < end) break;
    }
    return field;
  }

  /** Return how much each place of a term counts, added up for every entry. */
  function weigh(table, rows) {
    return rows.map(([at, places]) => {
      const ofText = 1 / (1 + table.terms[at] / 1000);
      let weight = 0;
      for (const place of places) {
        const field = fieldOf(table.lengths[at], place);
        weight += field === TEXT ? ofText : WEIGHTS[SEARCHED[field]];
      }
      return [at, weight];
    });
  }

  /** Cut a phrase into its terms and where in it they stand, not counting blanks. */
  function partsOf(phrase) {
    const solid = phrase.replace(/\s+/g, "");
    const parts = [];
    let at = 0;
    for (const [run] of phrase.matchAll(/\p{Script=Han}+|[a-z0-9.]+|[^\p{Script=Han}a-z0-9.\s]+/gu)) {
      const before = solid[at - 1] ?? "";
      const after = solid[at + run.length] ?? "";
      if (!/^\p{Script=Han}$/u.test(run)) {
        termsOf(run).forEach((term, step) => parts.push([term, at + step]));
      } else if (/[a-z0-9.]/.test(before + after)) {
        parts.push([`~${run}`, at]);
      } else if (/\P{Script=Han}/u.test(before) && /\P{Script=Han}/u.test(after)) {
        parts.push([run, at]); // elsewhere it may be part of a longer run in an entry
      }
      at += run.length;
    }
    return parts.length ? parts : termsOf(solid).map((term, step) => [term, step]);
  }

  /** Return where a phrase begins: for each entry that has it, its places. */
  function findPhrase(places, [first, ...others]) {
    if (!first) return [];
    let rows = (places.get(first[0]) ?? []).map(([at, found]) => [at, found.map((p) => p - first[1])]);
    for (const [term, step] of others) {
      const next = new Map(places.get(term) ?? []);
      rows = rows.flatMap(([at, begins]) => {
        const there = new Set(next.get(at));
        const kept = begins.filter((begin) => there.has(begin + step));
        return kept.length ? [[at, kept]] : [];
      });
    }
    return rows;
  }

  /** Return the terms of other words for parts of a query, taking the longest part at each place. */
  function otherTerms(synonyms, query) {
    const others = [];
    for (let at = 0; at < query.length; at++) {
      for (let length = Math.min(8, query.length - at); length > 1; length--) {
        const found = synonyms[query.slice(at, at + length)];
        if (!found) continue;
        others.push(...found);
        at += length - 1;
        break;
      }
    }
    return [...new Set(others.flatMap(termsOf))];
  }

  async function rank(table, query) {
    const terms = [...new Set(termsOf(query))];
    const others = otherTerms(table.synonyms, query).filter((term) => !terms.includes(term));
    const parts = partsOf(query);
    const places = await loadPlaces(table, [...terms, ...others, ...parts.map(([term]) => term)]);
    const total = table.policies.length;
    const weightOf = (term) => Math.log(1 + total / ((places.get(term)?.length ?? 0) + 0.5));
    const whole = terms.reduce((sum, term) => sum + weightOf(term), 0);
    const score = new Float64Array(total);
    const covered = new Float64Array(total);
    const add = (term, factor) => {
      const rarity = weightOf(term);
      for (const [at, weight] of weigh(table, places.get(term) ?? [])) {
        score[at] += factor * rarity * (weight / (weight + SATURATION * WEIGHTS.summary));
        covered[at] += factor * rarity;
        if (factor < 1) covered[at] = Math.min(whole, covered[at]);
      }
    };
    for (const term of terms) add(term, 1);
    for (const term of others) add(term, SYNONYM);
    if (query.replace(/\s+/g, "").length > 1) {
      for (const [at, begins] of findPhrase(places, parts)) {
        for (const field of new Set(begins.map((begin) => fieldOf(table.lengths[at], begin)))) {
          score[at] += whole * (WEIGHTS[SEARCHED[field]] / 6);
        }
        covered[at] = whole;
      }
    }
    const scored = table.policies.map((policy, at) => {
      const share = whole ? covered[at] / whole : 0;
      return { policy, score: score[at] * share, share };
    });
    const best = scored.reduce((most, row) => Math.max(most, row.score), 0);
    const confident = scored.some(({ share }) => share >= SURE);
    const least = best * (confident ? KEPT : KEPT_UNSURE);
    const found = scored.filter((row) => row.score > 0 && row.score >= least);
    return { found, terms: [...terms, ...others], confident };
  }

  /** Answer like GET /api/search: same parameters, same shape. */
  async function searchLocally(params, day) {
    const query = fold(params.q.trim());
    const table = await loadTable();
    const { found, terms, confident } = query
      ? await rank(table, query)
      : { found: table.policies.map((policy) => ({ policy, score: 0 })), terms: [], confident: true };
    const rows = found.map((document) => {
      const { policy } = document;
      const status = statusOn(day, policy);
      return {
        ...document,
        status: [status],
        over: status === "expired" || status === "superseded",
        ...Object.fromEntries(
          FIELDS.filter((field) => field !== "status").map((field) => [
            field,
            [policy[field]].flat().filter(Boolean),
          ]),
        ),
      };
    });
    const chosen = Object.fromEntries(FIELDS.map((field) => [field, params[field] ?? []]));
    const kept = rows.filter((row) => isChosen(row, chosen)).sort(orderBy(params.sort, day));
    const from = (params.page - 1) * params.size;
    return {
      query: { text: params.q, normalized: query, corrected: null, pinned: null },
      total: kept.length,
      page: params.page,
      size: params.size,
      as_of: day,
      hits: await Promise.all(
        kept.slice(from, from + params.size).map(async (row) =>
          hitOf(row, await loadText(table, row.policy), terms),
        ),
      ),
      confident,
      facets: countFacets(rows, chosen, table.labels),
      suggestions: [],
    };
  }

  /** Return a comparison; whatever the order, what is over comes after what is in force. */
  function orderBy(sort, day) {
    const byTitle = (a, b) => CHINESE.compare(a.policy.title, b.policy.title);
    const late = (row) => (row.policy.deadline >= day ? row.policy.deadline : "9999");
    const newest = (a, b) => compare(b.policy.effective, a.policy.effective) || byTitle(a, b);
    const orders = {
      newest,
      deadline: (a, b) => compare(late(a), late(b)) || byTitle(a, b),
      title: byTitle,
      relevance: (a, b) => b.score - a.score || newest(a, b),
    };
    const order = orders[sort] ?? orders.relevance;
    return (a, b) => a.over - b.over || order(a, b);
  }

  function compare(a, b) {
    return a < b ? -1 : Number(a > b);
  }

  function hitOf({ policy, status, score }, { summary, issuer, doc_number, text }, terms) {
    const { slug, title, kind, audience, topic, level } = policy;
    const { effective, expires, benefit_mode, deadline } = policy;
    return {
      slug, title, summary, kind, audience, topic, level, issuer, doc_number, effective, expires,
      benefit_mode, deadline, score,
      url: `policies/${slug}.html`,
      snippet: snippetOf(text, terms),
      status: status[0],
    };
  }

  /** Return the part of the text with most of the words, escaped, the words in <mark>. */
  function snippetOf(text, terms) {
    if (terms.length === 0) return "";
    const folded = fold(text);
    let best = { at: 0, count: 0 };
    const places = terms.flatMap((term) => [...folded.matchAll(new RegExp(quote(term), "g"))].map((m) => m.index));
    places.sort((a, b) => a - b);
    places.forEach((at, i) => {
      let count = 0;
      while (i + count < places.length && places[i + count] < at + SNIPPET) count += 1;
      if (count > best.count) best = { at, count };
    });
    if (best.count === 0) return "";
    const start = Math.max(0, best.at - 15);
    const end = Math.min(text.length, start + SNIPPET + 15);
    const marked = new Array(end - start).fill(false);
    for (const term of terms) {
      for (let at = folded.indexOf(term, start); at >= 0 && at < end; at = folded.indexOf(term, at + 1)) {
        marked.fill(true, at - start, at - start + term.length);
      }
    }
    let html = start > 0 ? "…" : "";
    marked.forEach((inside, i) => {
      if (inside && !marked[i - 1]) html += "<mark>";
      html += escapeHtml(text[start + i]);
      if (inside && !marked[i + 1]) html += "</mark>";
    });
    return html + (end < text.length ? "…" : "");
  }

  function quote(text) {
    return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  }

  function escapeHtml(text) {
    const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
    return text.replace(/[&<>"']/g, (char) => names[char]);
  }

  /** Answer like GET /api/suggest: titles, everyday names and questions that hold the text. */
  async function suggestLocally(text) {
    const wanted = fold(text.trim());
    if (!wanted) return [];
    const table = await loadTable();
    const found = await Promise.all(
      (await candidates(table, wanted)).map(async (policy) => {
        const { names } = await loadText(table, policy);
        const name = [policy.title, ...names].find((each) => fold(each).includes(wanted));
        return { text: name, slug: policy.slug, url: `policies/${policy.slug}.html` };
      }),
    );
    return found
      .filter((row) => row.text)
      .map((row) => ({ ...row, at: fold(row.text).indexOf(wanted) }))
      .sort((a, b) => a.at - b.at || a.text.length - b.text.length)
      .slice(0, SUGGESTIONS);
  }

  /** Return the entries to look at: the text in their titles first, then in their other names. */
  async function candidates(table, wanted) {
    const titled = table.policies
      .map((policy) => ({ policy, at: fold(policy.title).indexOf(wanted) }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => a.at - b.at || a.policy.title.length - b.policy.title.length)
      .map(({ policy }) => policy);
    if (titled.length < CANDIDATES) {
      const parts = partsOf(wanted);
      const places = await loadPlaces(table, parts.map(([term]) => term));
      const named = findPhrase(places, parts)
        .filter(([at, begins]) => fieldOf(table.lengths[at], begins[0]) <= NAMED)
        .sort(([, a], [, b]) => a[0] - b[0]); // everyday names stand before questions
      for (const [at] of named) {
        if (!titled.includes(table.policies[at])) titled.push(table.policies[at]);
      }
    }
    return titled.slice(0, CANDIDATES);
  }

  return { take, searchLocally, suggestLocally };
})());
