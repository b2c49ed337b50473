"""Business calendars: each change is a new version, which running clocks follow from then on."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from helpdesk import public_holidays
from helpdesk.actions import changes, service
from helpdesk.business_time import Hours, hours_to_data
from helpdesk.models import Agent, BusinessCalendar, CalendarVersion, ClockCause, DaySource, ServicePolicy
from helpdesk.public_holidays import Holiday

log = logging.getLogger(__name__)

#: Years that a new version knows public holidays of, after the one it is made in.
YEARS_AHEAD = 3


@dataclass(frozen=True)
class OwnDay:
    """A date with hours of its own; without any it is a holiday."""

    date: date
    name: str
    hours: tuple[Hours, ...] = ()


@dataclass(frozen=True)
class CalendarFields:
    """A calendar as people write it. ``week`` has seven days from Monday on; ``language`` names the public holidays."""

    name: str
    zone: str
    week: Sequence[Sequence[Hours]]
    country: str = ""
    subdivision: str = ""
    own_days: Sequence[OwnDay] = ()
    file_days: Sequence[Holiday] = ()
    language: str = "en"


def draft(*, calendar: BusinessCalendar, fields: CalendarFields, by: Agent | None, at: datetime) -> CalendarVersion:
    """The version that ``fields`` make, not stored. Raises KeyError for a country that nobody knows."""
    until = at.year + YEARS_AHEAD
    days: dict[str, dict[str, Any]] = {}
    if fields.country:
        found = public_holidays.of_country(
            country=fields.country,
            subdivision=fields.subdivision,
            years=range(at.year - 1, until + 1),
            language=fields.language,
        )
        days |= {str(each.date): _day(each.date, each.name, (), DaySource.COUNTRY) for each in found}
    days |= {str(each.date): _day(each.date, each.name, (), DaySource.ICAL) for each in fields.file_days}
    days |= {str(each.date): _day(each.date, each.name, each.hours, DaySource.OWN) for each in fields.own_days}
    return CalendarVersion(
        calendar=calendar,
        number=(calendar.current.number if calendar.current else 0) + 1,
        zone=fields.zone,
        week=[hours_to_data(hours) for hours in fields.week],
        country=fields.country,
        subdivision=fields.subdivision,
        language=fields.language,
        days=[days[key] for key in sorted(days)],
        holidays_until=until if fields.country else 0,
        created_by=by,
        created_at=at,
    )


def _day(day: date, name: str, hours: Sequence[Hours], source: DaySource) -> dict[str, Any]:
    return {"date": day.isoformat(), "name": name, "hours": hours_to_data(hours), "source": source.value}


def effect_of(*, calendar: BusinessCalendar, version: CalendarVersion, at: datetime) -> service.Effect:
    """What ``version`` would do to running clocks. Nothing is written."""
    policies = list(ServicePolicy.objects.filter(calendar=calendar.pk))
    for policy in policies:
        policy.calendar = BusinessCalendar(pk=calendar.pk, name=calendar.name, current=version)
    return service.effect_of(policies=policies, at=at)


@transaction.atomic
def save_calendar(
    *, calendar: BusinessCalendar | None, fields: CalendarFields, by: Agent | None, at: datetime | None = None
) -> BusinessCalendar:
    """Write a calendar; what is unchanged makes no version. Raises KeyError for a country that nobody knows."""
    at = at or timezone.now()
    row = _locked(calendar, fields.name)
    version, former = draft(calendar=row, fields=fields, by=by, at=at), row.current
    if former is not None and _content(version) == _content(former):
        return row
    version.save()
    row.current = version
    row.save()
    details = changes.differences(_told(former), _told(version))
    change = "created" if former is None else "changed"
    changes.record(what="calendar", name=row.name, change=change, by=by, at=at, details=details)
    policies = list(ServicePolicy.objects.filter(calendar=row).select_related("calendar__current"))
    service.follow(policies=policies, cause=ClockCause.CALENDAR_CHANGED, detail=row.name, by=by, at=at)
    return row


def _locked(calendar: BusinessCalendar | None, name: str) -> BusinessCalendar:
    if calendar is None:
        return BusinessCalendar.objects.create(name=name)
    rows = BusinessCalendar.objects.select_for_update(of=("self",)).select_related("current")
    row = rows.get(pk=calendar.pk)
    if row.name != name:
        row.name = name
        row.save()
    return row


def _content(version: CalendarVersion) -> tuple[Any, ...]:
    return (version.zone, version.week, version.days, version.country, version.subdivision)


def _told(version: CalendarVersion | None) -> dict[str, Any]:
    if version is None:
        return {}
    days = [f"{day['date']} {day['name']}" for day in version.days if day["source"] != DaySource.COUNTRY]
    return {
        "zone": version.zone,
        "week": version.week,
        "country": f"{version.country} {version.subdivision}".strip(),
        "days": days,
    }


def learn_new_years(*, now: datetime) -> int:
    """Add the public holidays of the years to come to calendars that are near their end; how many were renewed."""
    ending = BusinessCalendar.objects.filter(
        current__holidays_until__gt=0, current__holidays_until__lt=now.year + YEARS_AHEAD - 1
    )
    renewed = 0
    for calendar in ending.select_related("current"):
        try:
            save_calendar(calendar=calendar, fields=fields_of(calendar), by=None, at=now)
        except KeyError:
            log.warning("the holidays of calendar %s can't be renewed: nobody knows its country any more", calendar.pk)
        else:
            renewed += 1
    return renewed


def fields_of(calendar: BusinessCalendar) -> CalendarFields:
    """The newest version as people write it."""
    version = calendar.current
    if version is None:
        return CalendarFields(name=calendar.name, zone="UTC", week=((),) * 7)
    hours = version.hours
    own = [date.fromisoformat(day["date"]) for day in version.days_from(DaySource.OWN)]
    files = [Holiday(date.fromisoformat(day["date"]), day["name"]) for day in version.days_from(DaySource.ICAL)]
    return CalendarFields(
        name=calendar.name,
        zone=version.zone,
        week=hours.week,
        country=version.country,
        subdivision=version.subdivision,
        own_days=[OwnDay(day, hours.days[day].name, hours.days[day].hours) for day in own],
        file_days=files,
        language=version.language,
    )
