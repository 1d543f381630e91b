// Calendars: deadlines as a file that phones and computers take over (RFC 5545).
(() => {
  const OCTETS = 75; // at most in one line
  const encoder = new TextEncoder();

  /** Return the calendar of events {id, day, title, text, url, notice}, each for its whole day.

   * `notice` is how many days before it reminds.
   */
  function makeCalendar(events, now) {
    const stamp = now.toISOString().replace(/[-:]|\.\d+/g, "");
    const lines = [
      "BEGIN:VCALENDAR",
      "VERSION:2.0",
      "PRODID:-//policykb//match//ZH",
      "CALSCALE:GREGORIAN",
      ...events.flatMap((event) => describe(event, stamp)),
      "END:VCALENDAR",
    ];
    return lines.map((line) => `${fold(line)}\r\n`).join("");
  }

  function describe({ id, day, title, text, url, notice }, stamp) {
    return [
      "BEGIN:VEVENT",
      `UID:${id}@policykb`,
      `DTSTAMP:${stamp}`,
      `DTSTART;VALUE=DATE:${compact(day)}`,
      `DTEND;VALUE=DATE:${compact(dayAfter(day))}`,
      `SUMMARY:${escape(title)}`,
      `DESCRIPTION:${escape(text)}`,
      ...(url ? [`URL:${url}`] : []),
      "TRANSP:TRANSPARENT",
      "BEGIN:VALARM",
      "ACTION:DISPLAY",
      `DESCRIPTION:${escape(title)}`,
      `TRIGGER:-P${notice}D`,
      "END:VALARM",
      "END:VEVENT",
    ];
  }

  const compact = (day) => day.replaceAll("-", "");
  const dayAfter = (day) => new Date(Date.parse(day) + 86400000).toISOString().slice(0, 10);
  const escape = (text) => text.replace(/[\\;,]/g, "\\$&").replace(/\r\n|\r|\n/g, "\\n");

  /** Break a line where it gets too long, between characters; the next one begins with a blank. */
  function fold(line) {
    let length = 0;
    let folded = "";
    for (const char of line) {
      const size = encoder.encode(char).length;
      if (length + size > OCTETS) {
        folded += "\r\n ";
        length = 1;
      }
      folded += char;
      length += size;
    }
    return folded;
  }

  /** Hand the reader the calendar as a file. */
  function saveCalendar(events, name) {
    const file = new Blob([makeCalendar(events, new Date())], { type: "text/calendar;charset=utf-8" });
    const save = document.createElement("a");
    save.href = URL.createObjectURL(file);
    save.download = name;
    save.click();
    setTimeout(() => URL.revokeObjectURL(save.href), 10000);
  }

  Object.assign(window.policyKb, { makeCalendar, saveCalendar });
})();
