"""What the demo's desk promises: office hours in Finland, and charter companies round the clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from helpdesk.actions.calendars import CalendarFields, OwnDay
from helpdesk.business_time import hours_from_text

_HOUR = 60
_WEEKDAY, _SATURDAY = hours_from_text("8–18"), hours_from_text("10–15")

OFFICE = CalendarFields(
    name="Finland",
    zone="Europe/Helsinki",
    week=(*(_WEEKDAY,) * 5, _SATURDAY, ()),
    country="FI",
    own_days=(OwnDay(date(2026, 12, 23), "Christmas party", hours_from_text("8–13")),),
)


@dataclass(frozen=True)
class Promise:
    """A service policy."""

    slug: str
    name: str
    targets: Mapping[str, Mapping[str, int]]
    in_office_hours: bool = True
    is_default: bool = False


PROMISES = (
    Promise(
        "standard",
        "Standard",
        {
            "first-reply": {"low": 20 * _HOUR, "normal": 8 * _HOUR, "high": 4 * _HOUR, "urgent": _HOUR},
            "next-reply": {"low": 20 * _HOUR, "normal": 10 * _HOUR, "high": 6 * _HOUR, "urgent": 2 * _HOUR},
            "resolution": {"normal": 40 * _HOUR, "high": 20 * _HOUR, "urgent": 8 * _HOUR},
        },
        is_default=True,
    ),
    Promise(
        "charter",
        "Charter companies",
        {
            "first-reply": {"normal": 2 * _HOUR, "high": 2 * _HOUR, "urgent": 30},
            "next-reply": {"normal": 4 * _HOUR, "high": 4 * _HOUR, "urgent": _HOUR},
            "resolution": {"normal": 48 * _HOUR, "high": 24 * _HOUR, "urgent": 8 * _HOUR},
        },
        in_office_hours=False,
    ),
)
