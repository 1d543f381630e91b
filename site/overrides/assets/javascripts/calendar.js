// Calendars: deadlines as a file that phones and computers take over (RFC 5545).
window.policyKb.makeCalendar = (() => {
  const OCTETS = 75; // at most in one line
  const encoder = new TextEncoder();

  /** Return the calendar of events {slug, day, title, text, url}, each for its whole day. */
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

  function describe({ slug, day, title, text, url }, stamp) {
    return [
      "BEGIN:VEVENT",
      `UID:${slug}-deadline@policykb`, // the same each time, so that a calendar updates its event
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
      "TRIGGER:-P7D",
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

  return makeCalendar;
})();
