// The site's own search: ranks the entries of assets/search-data.js when no service answers.
Object.assign(window.policyKb, (() => {
  const { FIELDS, statusOn, isChosen, countFacets } = window.policyKb;
  const WEIGHTS = { title: 6, aliases: 5, queries: 4, doc_numbers: 6, summary: 3, issuer: 1, text: 1 };
  const SATURATION = 1.2;
  const SYNONYM = 0.4; // what another word for the same counts beside the word itself
  const KEPT = 0.15; // a hit scores at least this share of the best
  const KEPT_UNSURE = 0.6; // the same, when nothing really answers
  // The best hit answers if it has this share of the query's words, by weight: so it is for 83 of
  // 100 of the entries' own questions with that field left out, and for 1 of 20 on other matters.
  const SURE = 0.4;
  const SNIPPET = 90;
  const prepared = new WeakMap();

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

  function prepare(data) {
    if (prepared.has(data)) return prepared.get(data);
    const frequency = new Map();
    const documents = data.policies.map((policy) => {
      const weights = new Map();
      const parts = {};
      for (const [field, weight] of Object.entries(WEIGHTS)) {
        parts[field] = fold([policy[field]].flat().join(" "));
        const terms = termsOf(parts[field]);
        const share = weight / (field === "text" ? 1 + terms.length / 1000 : 1);
        for (const term of terms) weights.set(term, (weights.get(term) ?? 0) + share);
      }
      for (const term of weights.keys()) frequency.set(term, (frequency.get(term) ?? 0) + 1);
      return { policy, parts, weights };
    });
    const ready = { documents, frequency };
    prepared.set(data, ready);
    return ready;
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

  function rank(data, query) {
    const { documents, frequency } = prepare(data);
    const terms = [...new Set(termsOf(query))];
    const others = otherTerms(data.synonyms, query).filter((term) => !terms.includes(term));
    const weightOf = (term) => Math.log(1 + documents.length / ((frequency.get(term) ?? 0) + 0.5));
    const whole = terms.reduce((sum, term) => sum + weightOf(term), 0);
    const phrase = query.replace(/\s+/g, "");
    const scored = documents.map((document) => {
      let score = 0;
      let covered = 0;
      for (const term of terms) {
        const weight = document.weights.get(term);
        if (weight === undefined) continue;
        score += weightOf(term) * (weight / (weight + SATURATION * WEIGHTS.summary));
        covered += weightOf(term);
      }
      for (const term of others) {
        const weight = document.weights.get(term);
        if (weight === undefined) continue;
        score += SYNONYM * weightOf(term) * (weight / (weight + SATURATION * WEIGHTS.summary));
        covered = Math.min(whole, covered + SYNONYM * weightOf(term));
      }
      if (phrase.length > 1) {
        for (const field of Object.keys(WEIGHTS)) {
          if (document.parts[field].replace(/\s+/g, "").includes(phrase)) {
            score += whole * (WEIGHTS[field] / 6);
            covered = whole;
          }
        }
      }
      return { ...document, score: score * (whole ? covered / whole : 0), share: covered / whole };
    });
    const best = Math.max(0, ...scored.map(({ score }) => score));
    const confident = scored.some(({ share }) => share >= SURE);
    const least = best * (confident ? KEPT : KEPT_UNSURE);
    const found = scored.filter(({ score }) => score > 0 && score >= least);
    return { found, terms: [...terms, ...others], confident };
  }

  /** Answer like GET /api/search: same parameters, same shape. */
  function searchLocally(data, params, day) {
    const query = fold(params.q.trim());
    const { found, terms, confident } = query
      ? rank(data, query)
      : { found: prepare(data).documents.map((d) => ({ ...d, score: 0 })), terms: [], confident: true };
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
      hits: kept.slice(from, from + params.size).map((row) => hitOf(row, terms)),
      confident,
      facets: countFacets(rows, chosen, data.labels),
      suggestions: [],
    };
  }

  /** Return a comparison; whatever the order, what is over comes after what is in force. */
  function orderBy(sort, day) {
    const byTitle = (a, b) => a.policy.title.localeCompare(b.policy.title, "zh");
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

  function hitOf({ policy, status, score }, terms) {
    const { slug, title, summary, kind, audience, topic, level, issuer, doc_number } = policy;
    const { effective, expires, benefit_mode, deadline } = policy;
    return {
      slug, title, summary, kind, audience, topic, level, issuer, doc_number, effective, expires,
      benefit_mode, deadline, score,
      url: `policies/${slug}.html`,
      snippet: snippetOf(policy, terms),
      status: status[0],
    };
  }

  /** Return the part of the text with most of the words, escaped, the words in <mark>. */
  function snippetOf(policy, terms) {
    if (terms.length === 0) return "";
    const text = policy.text;
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
  function suggestLocally(data, text) {
    const wanted = fold(text.trim());
    if (!wanted) return [];
    const found = [];
    for (const { slug, title, aliases, queries } of data.policies) {
      const name = [title, ...aliases, ...queries].find((name) => fold(name).includes(wanted));
      if (name) found.push({ text: name, slug, url: `policies/${slug}.html`, at: fold(name).indexOf(wanted) });
    }
    return found.sort((a, b) => a.at - b.at || a.text.length - b.text.length).slice(0, 8);
  }

  return { searchLocally, suggestLocally };
})());
