// Due dates: counts from the day of acceptance exactly as indexer/duedates.py does, and by the rules
// that its docstring names; tests run both over the same cases. Nothing here touches the page. Days
// are text (YYYY-MM-DD) and compare as text.
window.PolicyDueDates = (() => {
  const { STATUS_LABELS, statusOn } = window.policyKb;
  const SUSPENDED = ["补正", "中止"];
  const MAX_PAUSES = 20;
  const MOST_DAYS_NAMED = 12; // of holidays in between; more are only counted
  const FARTHEST = 2999; // the last year to count into; a limit beyond it is a slip
  const KINDS = { statutory: "法定时限", promised: "承诺时限" };
  const WEEK = ["星期日", "星期一", "星期二", "星期三", "星期四", "星期五", "星期六"];

  class YearUnknown extends Error {
    constructor(year) {
      super(`${year} 年的放假安排还没有放进政策库`);
      this.year = year;
    }
  }

  /** Why a limit has no last day. */
  class Uncountable extends Error {}

  // Days

  const dayOf = (text) => new Date(`${text}T00:00:00Z`);
  const textOf = (date) => date.toISOString().slice(0, 10);
  const yearOf = (day) => Number(day.slice(0, 4));
  const weekday = (day) => (day ? WEEK[dayOf(day).getUTCDay()] : "");

  function addDays(day, days) {
    const date = dayOf(day);
    date.setUTCDate(date.getUTCDate() + days);
    return textOf(date);
  }

  /** Read what assets/calendar/days.js says: {"2026": ["0101 0102 …", "0104 …"]}. */
  function readCalendar(years) {
    const read = (place) =>
      Object.entries(years).flatMap(([year, lists]) =>
        lists[place].split(" ").filter(Boolean).map((day) => `${year}-${day.slice(0, 2)}-${day.slice(2)}`),
      );
    return { years: new Set(Object.keys(years).map(Number)), off: new Set(read(0)), on: new Set(read(1)) };
  }

  function isWorking(day, { years, off, on }) {
    if (!years.has(yearOf(day))) throw new YearUnknown(yearOf(day));
    const number = dayOf(day).getUTCDay();
    return on.has(day) || (number > 0 && number < 6 && !off.has(day));
  }

  /** Tell whether the notice of a year that is not known yet may still move this day. */
  const mayChange = (day, { years }) => day.slice(5) >= "12-25" && !years.has(yearOf(day) + 1);

  /** Return what there is to count, or throw away the reason why not into `fallback`. */
  function attempt(action, fallback, kind) {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof kind)) throw error;
      return fallback(error);
    }
  }

  // Counting

  /** Return what a filing comes to, or {errors} with all that cannot be in it. */
  function calculate(terms, filing, calendar) {
    const errors = checkFiling(terms, filing);
    if (errors.length > 0) return { errors };
    const dues = pairs(terms, filing).map(([limit, extension]) => workOut(limit, extension, filing, calendar));
    const steps = [...filingSteps(filing), ...dues.flatMap((due) => dueSteps(due, terms, filing, calendar))];
    const last = (step) => step.day ?? "9999-12-31";
    steps.sort((a, b) => (last(a) < last(b) ? -1 : last(a) > last(b) ? 1 : 0));
    return {
      accepted: filing.accepted,
      weekday: weekday(filing.accepted),
      extended: filing.extended,
      situation: filing.chosen,
      pauses: filing.pauses.map(({ first, last: end, reason }) => ({ first, last: end, reason })),
      results: dues.map(describeDue),
      timeline: steps.map((step) => ({ ...step, weekday: weekday(step.day) })),
      notes: [...new Set(notes(terms, filing, dues, calendar))],
    };
  }

  function checkFiling({ reasons }, { accepted, pauses }) {
    const errors = [];
    if (pauses.length > MAX_PAUSES) {
      errors.push({ field: "pause", message: `停算最多写 ${MAX_PAUSES} 段，收到了 ${pauses.length} 段。` });
    }
    for (const { first, last, reason } of pauses) {
      const span = `${reason}的 ${first} 到 ${last}`;
      const field = SUSPENDED.includes(reason) ? "pause" : "excluded";
      if (!reasons.includes(reason)) throw new TypeError(reason); // the page offers no others
      if (last < first) {
        errors.push({ field, message: `${span}前后颠倒了，请核对哪一天写错了。` });
      } else if (first < accepted) {
        const message =
          `${span}早于受理日 ${accepted}。受理以前的时间本来就不算：` + "材料补齐才受理的，受理日写补齐那天。";
        errors.push({ field, message });
      }
    }
    return errors;
  }

  /** Tell whether a part that names these options applies to what was chosen. */
  function applies(named, situations, chosen) {
    return situations.every(({ options }) => {
      const [wanted, ticked] = [named, chosen].map((names) => options.filter((option) => names.includes(option)));
      return wanted.length === 0 || ticked.length === 0 || wanted.some((option) => ticked.includes(option));
    });
  }

  /** Return each decision limit that applies with each extension that may go with it. */
  function pairs(terms, { chosen, extended }) {
    const { limits, situations } = terms;
    const ofStage = (stage) =>
      limits.filter((limit) => limit.stage === stage && applies(limit.situation, situations, chosen));
    const extensions = extended ? ofStage("extension") : [];
    return Object.keys(KINDS).flatMap((kind) =>
      ofStage("decision")
        .filter((limit) => limit.kind === kind)
        .flatMap((limit) => {
          const fitting = extensions.filter(
            (each) => each.kind === kind && applies(each.situation, situations, limit.situation),
          );
          return (fitting.length > 0 ? fitting : [null]).map((extension) => [limit, extension]);
        }),
    );
  }

  function workOut(limit, extension, { accepted, pauses }, calendar) {
    const due = { limit, extension, before: null, lastDay: null, due: null, unknown: "" };
    const count = () => {
      due.lastDay = lastDay(accepted, limit, pauses, calendar);
      if (extension) {
        due.before = due.lastDay;
        due.lastDay = null;
        due.lastDay = extend(accepted, due.before, limit, extension, pauses, calendar);
      }
      const { unit } = extension ?? limit;
      due.due = unit === "working_days" ? due.lastDay : move(due.lastDay, calendar);
    };
    attempt(count, (error) => {
      due.unknown = error.message;
    }, Uncountable);
    return due;
  }

  /** Return the last day with an extension: one count where both have the same unit. */
  function extend(accepted, before, limit, extension, pauses, calendar) {
    if (limit.unit !== extension.unit || limit.value === null || extension.value === null) {
      return lastDay(before, extension, pauses, calendar);
    }
    return lastDay(accepted, { ...limit, value: limit.value + extension.value }, pauses, calendar);
  }

  /** Return the last day of a limit that starts to count on the day after `start`. */
  function lastDay(start, { value, unit }, pauses, calendar) {
    if (value === null || unit === null) throw new Uncountable("条目里没有把这个时限写成数，算不出来。");
    if (unit === "hours") throw new Uncountable("按小时算的时限要看几点受理，这里只按天算。");
    if (unit === "working_days") return walk(start, value, pauses, (day) => isWorking(day, calendar));
    return walk(start, daysIn(start, value, unit), pauses, () => true);
  }

  /** Return how many days a limit in days, months or years has when it starts after `start`. */
  function daysIn(start, value, unit) {
    if (unit === "calendar_days") return value;
    const [startYear, startMonth, startDay] = start.split("-").map(Number);
    const count = startYear * 12 + startMonth - 1 + value * (unit === "years" ? 12 : 1);
    const [year, month] = [Math.floor(count / 12), count % 12];
    if (year > FARTHEST) throw new Uncountable("时限太长，算不出来。");
    const lastOfMonth = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
    const end = Date.UTC(year, month, Math.min(startDay, lastOfMonth));
    return Math.round((end - dayOf(start)) / 86400000);
  }

  function walk(start, days, pauses, counts) {
    let day = start;
    let counted = 0;
    const count = () => {
      while (counted < days) {
        day = addDays(day, 1);
        if (!isPaused(day, pauses) && counts(day)) counted += 1;
      }
      return day;
    };
    return attempt(count, (error) => {
      throw new Uncountable(whyStopped(error, counted, days));
    }, YearUnknown);
  }

  function whyStopped({ message, year }, counted, days) {
    const known = counted ? `；到 ${year - 1} 年底数了 ${counted} 个工作日，还差 ${days - counted} 个` : "";
    return `${message}，算不出到期日${known}。`;
  }

  const isPaused = (day, pauses) => pauses.some(({ first, last }) => first <= day && day <= last);

  /** Return the first working day from the last day of a limit that is not in working days. */
  function move(last, calendar) {
    const find = () => {
      let day = last;
      while (!isWorking(day, calendar)) day = addDays(day, 1);
      return day;
    };
    return attempt(find, (error) => {
      throw new Uncountable(`数到 ${last}；${error.message}，不知道那天是不是休息日，是的话还要往后顺延。`);
    }, YearUnknown);
  }

  // What is told

  function nameOf({ kind, situation }) {
    return KINDS[kind] + (situation.length > 0 ? `（${situation.join("、")}）` : "");
  }

  function describeDue({ limit, extension, lastDay: last, due, unknown }) {
    return {
      kind: limit.kind,
      name: nameOf(limit),
      text: limit.text,
      length: [limit, extension].map((each) => each?.length).filter(Boolean).join("，再加 "),
      extended: extension !== null,
      last_day: last,
      due,
      weekday: weekday(due),
      unknown,
    };
  }

  function filingSteps({ accepted, pauses }) {
    const resumed = [...new Set(pauses.map(({ last }) => addDays(last, 1)))].sort();
    return [
      { day: accepted, event: "accepted", text: "受理，当天不算" },
      ...pauses.map(({ first, last, reason }) => ({
        day: first,
        event: "paused",
        text: `${reason}，到 ${last} 都不算`,
      })),
      ...resumed
        .filter((day) => !isPaused(day, pauses))
        .map((day) => ({ day, event: "resumed", text: "接着算" })),
    ];
  }

  function dueSteps(due, terms, filing, calendar) {
    const name = nameOf(due.limit);
    const steps = [];
    if (due.before && due.extension) {
      const text = `${name}原来到这天，经批准再加 ${due.extension.length}`;
      steps.push({ day: due.before, event: "extended", text });
    }
    steps.push({ day: due.due, event: "due", text: `${name}到期` });
    return due.due ? [...steps, ...deliverySteps(due, terms, filing, calendar)] : steps;
  }

  /** Return the days by which a permit decided on the last day is handed over. */
  function deliverySteps({ limit: decision, due }, { limits, situations }, { chosen }, calendar) {
    const known = [...chosen, ...decision.situation];
    return limits
      .filter(({ stage, kind }) => stage === "delivery" && kind === decision.kind)
      .filter(({ situation }) => applies(situation, situations, known))
      .flatMap((limit) => {
        const text = `${nameOf(decision)}到期才决定的，最晚这天送达`;
        const count = () => {
          const last = lastDay(due, limit, [], calendar);
          const day = limit.unit === "working_days" ? last : move(last, calendar);
          return [{ day, event: "delivery", text }];
        };
        return attempt(count, () => [], Uncountable);
      });
  }

  function notes(terms, filing, dues, calendar) {
    const moved = dues.filter(({ due, lastDay: last }) => due && last !== due);
    return [
      ...entryNotes(terms, filing, dues),
      ...pauseNotes(filing, dues),
      ...moved.map(
        ({ limit, lastDay: last, due }) =>
          `${nameOf(limit)}数到 ${last}，那天休息，顺延到 ${due}（参照民法典第203条）；` +
          `从严掌握，就在 ${last} 以前办好。`,
      ),
      ...calendarNotes(filing, dues, calendar),
      ...(dues.length > 0
        ? ["受理当天不算，从第二天数起；工作日不含周末和法定节假日，调休上班的周末要算。"]
        : []),
    ];
  }

  function entryNotes(terms, filing, dues) {
    if (dues.length === 0) return ["条目里没有写决定时限，算不出到期日；请问窗口，或者打 12345。"];
    const told = [];
    const status = statusOn(filing.accepted, terms);
    if (status !== "in_force") {
      told.push(`受理那天这一条${STATUS_LABELS[status]}，期限不一定照它算，请核对。`);
    }
    const kinds = dues.map(({ limit }) => limit.kind);
    if (!kinds.includes("statutory")) told.push("条目里没有写法定的决定时限。");
    if (!kinds.includes("promised")) told.push("条目里没有写承诺时限；窗口承诺了几天的，以窗口公布的为准。");
    if (new Set(kinds).size < kinds.length) told.push("不同情形期限不同，选了情形就只算那一种。");
    told.push(...extensionNotes(filing, dues));
    if (isLater(dues)) told.push("承诺的日期比法定的还晚，以法定的为准，请核对条目。");
    return told;
  }

  function extensionNotes({ extended }, dues) {
    if (!extended) return [];
    const approved = "延长要在原来的期限以内经本机关负责人批准，并把理由告诉申请人。";
    return [
      ...(dues.some(({ extension }) => extension) ? [approved] : []),
      ...dues
        .filter(({ extension }) => !extension)
        .map(({ limit }) => `条目里没有写${KINDS[limit.kind]}能延长多少，按没有延长算。`),
    ];
  }

  /** Tell whether what is promised comes after what the law allows, whatever the situation. */
  function isLater(dues) {
    const daysOf = (kind) => dues.filter(({ limit, due }) => limit.kind === kind && due).map(({ due }) => due).sort();
    const [statutory, promised] = [daysOf("statutory"), daysOf("promised")];
    return statutory.length > 0 && promised.length > 0 && promised[0] > statutory.at(-1);
  }

  function pauseNotes({ pauses }, dues) {
    const reasons = new Set(pauses.map(({ reason }) => reason));
    const told = SUSPENDED.filter((reason) => reasons.has(reason)).map(
      (reason) =>
        `受理以后因${reason}停算，行政许可法没有规定，要有别的依据；` +
        "受理以前补材料的，受理日写补齐那天，不用停算。",
    );
    if ([...reasons].some((reason) => !SUSPENDED.includes(reason))) {
      told.push("听证、检测这类时间不算，但要把需要多久书面告诉申请人（行政许可法第45条）。");
    }
    if (dues.length > 0 && dues.every(({ lastDay: last }) => last)) {
      const end = dues.map(({ lastDay: last }) => last).sort().at(-1);
      for (const { first, last, reason } of pauses) {
        if (first > end) told.push(`${reason}的 ${first} 到 ${last}在期限到了以后，没有影响。`);
      }
    }
    return told;
  }

  function calendarNotes({ accepted }, dues, calendar) {
    const told = attempt(
      () =>
        isWorking(accepted, calendar)
          ? []
          : [`受理日 ${accepted}（${weekday(accepted)}）是休息日，请核对是不是那天受理的。`],
      (error) => [`${error.message}，不知道受理日是不是工作日。`],
      YearUnknown,
    );
    const ends = dues.flatMap(({ lastDay: last, due }) => [last, due]).filter(Boolean).sort();
    if (ends.some((day) => mayChange(day, calendar))) {
      const year = yearOf(ends.at(-1));
      told.push(`${year} 年最后几天可能因 ${year + 1} 年元旦调休有变，放假通知出来以后请再算一次。`);
    }
    return ends.length > 0 ? [...told, ...holidayNotes(accepted, ends.at(-1), calendar)] : told;
  }

  /** Say which days in between are not as their weekday says, so that a person can check. */
  function holidayNotes(first, last, { off, on }) {
    const told = [
      [off, "平日放假"],
      [on, "周末上班"],
    ].flatMap(([days, name]) => {
      const between = [...days].filter((day) => first < day && day <= last).sort();
      if (between.length === 0) return [];
      const named = between.length <= MOST_DAYS_NAMED ? `（${between.map(shortly).join("、")}）` : "";
      return [`${between.length} 个${name}${named}`];
    });
    return told.length > 0 ? [`这段时间里有 ${told.join("，")}。`] : [];
  }

  const shortly = (day) => `${Number(day.slice(5, 7))}月${Number(day.slice(8))}日`;

  return { readCalendar, calculate, weekday, addDays };
})();
