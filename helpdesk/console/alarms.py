"""Alarms above every page of an admin."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from helpdesk.models import Alarm
from helpdesk.queries import alarms as reads
from helpdesk.queries import trouble_words


@dataclass(frozen=True)
class Told:
    """An alarm in the reader's words. ``mailed_by`` is the channel that told the admins, '' as long as none has."""

    sentence: str
    advice: str
    since: datetime
    path: str
    label: str
    mailed_at: datetime | None
    mailed_by: str
    cleared_at: datetime | None


@dataclass(frozen=True)
class Banner:
    """What stands above every page. ``is_blind``: the loop that looks for trouble doesn't run."""

    alarms: tuple[Told, ...]
    is_blind: bool


def told(alarm: Alarm) -> Told:
    """The alarm in words."""
    path, label = trouble_words.link(alarm.code, alarm.values)
    return Told(
        sentence=trouble_words.told(alarm.code, alarm.values),
        advice=trouble_words.advice(alarm.code),
        since=alarm.since,
        path=path,
        label=label,
        mailed_at=alarm.mailed_at,
        mailed_by=alarm.mailed_by.name if alarm.mailed_by else "",
        cleared_at=alarm.cleared_at,
    )


def banner() -> Banner:
    """What is raised now."""
    found = reads.alarms(now=timezone.now())
    return Banner(tuple(told(alarm) for alarm in found.open), found.is_blind)


def of_the_desk(_request: HttpRequest) -> dict[str, Any]:
    """For every template (a context processor of settings.TEMPLATES): looked up only where the banner is shown."""
    return {"banner": SimpleLazyObject(banner)}


@never_cache
@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """The banner alone, for pages that are open already."""
    return render(request, "console/alarms_page.html")
