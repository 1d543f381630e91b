"""Reminders (日历提醒): due dates as a file that phones and computers take over (RFC 5545)."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from icalendar import Alarm, Calendar, Event

from indexer.duedates import Due, DueDates

NOTICE = timedelta(days=3)  # how long before the day it reminds


def write_reminders(slug: str, title: str, found: DueDates, day: date) -> bytes:
    """Return a calendar file with an event for each due date that is known, written on `day`."""
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//policykb//due//ZH")
    calendar.add("calscale", "GREGORIAN")
    for due, last in known_dues(found):
        calendar.add_component(_event(slug, title, found, due, last, day))
    written: bytes = calendar.to_ical()
    return written


def known_dues(found: DueDates) -> Sequence[tuple[Due, date]]:
    """Return the dues that have a day, with it."""
    return [(due, due.due) for due in found.dues if due.due is not None]


def _event(slug: str, title: str, found: DueDates, due: Due, last: date, day: date) -> Event:
    accepted, name = found.filing.accepted, f"{due.name}到期：{title}"
    event = Event()
    # Two applicants under one entry are two events: what differs between them is in the name.
    event.add("uid", f"{slug}-{due.limit.kind}-{accepted}-{last}@policykb")
    event.add("dtstamp", datetime.combine(day, time(), UTC))
    event.add("dtstart", last)
    event.add("dtend", last + timedelta(days=1))
    event.add("summary", name)
    event.add("description", f"{accepted} 受理，{due.length}。仅供参考，以窗口答复为准。")
    event.add("transp", "TRANSPARENT")
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", name)
    alarm.add("trigger", -NOTICE)
    event.add_component(alarm)
    return event
