"""The clock (今天): the only place that asks what day it is; everything else is told."""

from datetime import UTC, date, datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))


def today() -> date:
    """Return the date in China, wherever the server stands."""
    return datetime.now(UTC).astimezone(BEIJING).date()
