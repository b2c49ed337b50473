"""When a platform that has had enough of us wants to be asked again: what its headers say, in seconds."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: Whatever a platform says: nobody waits longer for it without having looked again.
LONGEST_SECONDS = 6 * 3600.0
#: In the order in which they are believed. Mastodon writes a date of ISO 8601, Bluesky seconds since 1970.
_HEADERS = ("retry-after", "x-ratelimit-reset", "ratelimit-reset")
#: Above it a number is a moment, below it a span.
_MOMENTS_FROM = 1_000_000_000


def seconds_to_wait(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """How long to leave it alone; None if it doesn't say. Names of ``headers`` are in lower case."""
    for name in _HEADERS:
        if (value := headers.get(name, "").strip()) and (seconds := _seconds(value, now)) is not None:
            return min(max(seconds, 0.0), LONGEST_SECONDS)
    return None


def _seconds(value: str, now: datetime) -> float | None:
    if value.isascii() and value.isdigit() and len(value) <= 12:
        return float(value) - now.timestamp() if int(value) >= _MOMENTS_FROM else float(value)
    try:
        moment = parsedate_to_datetime(value) if "," in value else datetime.fromisoformat(value)
    except ValueError:
        return None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()
