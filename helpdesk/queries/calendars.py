"""Business calendars and service policies as their pages list them."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import Count, Q

from helpdesk.business_time import is_open, next_opening
from helpdesk.models import BusinessCalendar, Organisation, ServicePolicy, Team

#: Days to come that a calendar's page lists.
_AHEAD = 12


@dataclass(frozen=True, slots=True)
class CalendarLine:
    """A calendar in the list. ``next_day`` is its next day with hours of its own."""

    calendar: BusinessCalendar
    is_open: bool
    opens_at: datetime | None
    next_day: tuple[date, str] | None
    policies: int


def calendar_lines(*, now: datetime) -> list[CalendarLine]:
    """All calendars."""
    rows = BusinessCalendar.objects.select_related("current").annotate(used=Count("policies"))
    return [_line(row, now) for row in rows]


def _line(row: BusinessCalendar, now: datetime) -> CalendarLine:
    hours = row.hours
    today = now.astimezone(ZoneInfo(hours.zone)).date()
    coming = sorted(day for day in hours.days if day >= today)
    return CalendarLine(
        calendar=row,
        is_open=is_open(hours, now),
        opens_at=next_opening(hours, now),
        next_day=(coming[0], hours.days[coming[0]].name) if coming else None,
        policies=row.used,  # type: ignore[attr-defined]  # annotated
    )


def calendar_by_id(*, number: int) -> BusinessCalendar:
    """A calendar with its newest version. Raises BusinessCalendar.DoesNotExist."""
    return BusinessCalendar.objects.select_related("current").get(pk=number)


def days_ahead(*, days: dict[date, str], today: date) -> list[tuple[date, str]]:
    """The next of ``days``, in order."""
    return [(day, days[day]) for day in sorted(days) if day >= today][:_AHEAD]


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """A policy in the list; ``live`` counts its clocks that run or are paused."""

    policy: ServicePolicy
    live: int
    serves: tuple[str, ...]


def policy_lines() -> list[PolicyLine]:
    """All policies, the default one first."""
    live = Count("clocks", filter=Q(clocks__state__in=["running", "paused"]))
    rows = ServicePolicy.objects.select_related("calendar").annotate(live=live).order_by("-is_default", "name")
    served: dict[int, list[str]] = {}
    for model in (Organisation, Team):
        for number, name in model.objects.exclude(service_policy=None).values_list("service_policy", "name"):
            served.setdefault(number, []).append(name)
    return [PolicyLine(row, row.live, tuple(sorted(served.get(row.pk, ())))) for row in rows]


def policy_by_id(*, number: int) -> ServicePolicy:
    """A policy with its calendar. Raises ServicePolicy.DoesNotExist."""
    return ServicePolicy.objects.select_related("calendar__current").get(pk=number)
