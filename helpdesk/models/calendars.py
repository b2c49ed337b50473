"""Business calendars: when somebody is there. Each change is a new version, so that what was measured stays so."""

from functools import cached_property
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk import business_time
from helpdesk.business_time import ALWAYS, Calendar
from helpdesk.models.people import Agent


class BusinessCalendar(models.Model):
    """A named calendar. Where none is chosen, the desk is open round the clock (`hours_of`)."""

    name = models.CharField(max_length=80, unique=True)
    current = models.OneToOneField(
        "helpdesk.CalendarVersion", null=True, on_delete=models.PROTECT, related_name="current_of"
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def hours(self) -> Calendar:
        """As `helpdesk.business_time` computes with it; load it with ``select_related("current")``."""
        return hours_of(self.current)


class DaySource(models.TextChoices):
    """Where a day with hours of its own comes from; the later in this list wins."""

    COUNTRY = "country", _("Public holiday")
    ICAL = "ical", _("From the uploaded calendar")
    OWN = "own", _("Own day")


class CalendarVersion(models.Model):
    """How a calendar was from one moment on. Never altered: clocks that ran by it refer to it.

    ``days`` holds the dates themselves, so that a new edition of the holidays' library changes nothing that is past.
    """

    calendar = models.ForeignKey(BusinessCalendar, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    zone = models.CharField(max_length=60, help_text="IANA name.")
    week = models.JSONField(help_text="Seven days from Monday on: [[opens, closes], …] in minutes after midnight.")
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166: whose public holidays are in `days`.")
    subdivision = models.CharField(max_length=40, blank=True)
    language = models.CharField(max_length=8, default="en", help_text="In which its public holidays are named.")
    days = models.JSONField(default=list, help_text='[{"date", "name", "hours", "source"}] in their order.')
    holidays_until = models.PositiveSmallIntegerField(default=0, help_text="The last year whose holidays are in it.")
    created_by = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["calendar", "number"], name="calendar_version_once"),
            models.CheckConstraint(condition=~Q(zone=""), name="calendar_has_zone"),
        )

    @cached_property
    def hours(self) -> Calendar:
        """As `helpdesk.business_time` computes with it."""
        return business_time.calendar_from_data(zone=self.zone, week=self.week, days=self.days)

    def days_from(self, source: DaySource) -> list[dict[str, Any]]:
        """Those of its days that come from there."""
        return [day for day in self.days if day["source"] == source]


def hours_of(version: CalendarVersion | None) -> Calendar:
    """The hours of a version; round the clock for none."""
    return ALWAYS if version is None else version.hours
