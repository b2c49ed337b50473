"""The fairness report: who of a team got how much in a week, as a page and as CSV."""

import csv
from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from helpdesk.console.access import agent_of
from helpdesk.models import Team
from helpdesk.queries.fairness import Fairness, Week, fairness_of
from helpdesk.queries.tickets import teams_of

#: A spreadsheet takes what begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """One team's week; the lead's own teams, for an admin all."""
    teams = list(teams_of(agent_of(request)).filter(is_active=True).order_by("name"))
    if not teams:
        return render(request, "console/fairness.html", {"teams": (), "found": None})
    found = _found(request, teams)
    context = {
        "teams": [(team.slug, team.name) for team in teams],
        "found": found,
        "duration": duration,
        "is_now": found.week == Week.of(""),
    }
    return render(request, "console/fairness.html", context)


@require_safe
def download(request: HttpRequest) -> HttpResponse:
    """The same as CSV; times in seconds."""
    found = _found(request, list(teams_of(agent_of(request)).order_by("name")))
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    csv.writer(answer).writerows(_lines(found))
    answer["Content-Disposition"] = f'attachment; filename="fairness-{found.team.slug}-{found.week.name}.csv"'
    return answer


def duration(seconds: float | None) -> str:
    """A length of time as people say it, in the two largest units."""
    if seconds is None:
        return "–"
    minutes = round(seconds / 60)
    if minutes < 60:
        return ngettext("%(num)s min", "%(num)s min", minutes) % {"num": minutes}
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}
    days, hours = divmod(hours, 24)
    return _("%(days)s d %(hours)s h") % {"days": days, "hours": hours}


def _found(request: HttpRequest, teams: list[Team]) -> Fairness:
    wanted = request.GET.get("team", "")
    chosen = [each for each in teams if wanted in {"", each.slug}]
    if not chosen:
        raise Http404
    return fairness_of(team=chosen[0], week=Week.of(request.GET.get("week", "")))


def _lines(found: Fairness) -> Iterator[list[Any]]:
    yield ["team", "week", "agent", "assigned", "taken", "share", "units", "gave_back", "reassigned", "reacted",
           "median_first_reaction_s"]  # fmt: skip
    for each in found.shares:
        median = "" if each.median_s is None else round(each.median_s)
        yield [_plain(found.team.name), found.week.name, _plain(each.agent), each.assigned, each.taken,
               f"{each.share:.4f}", each.units, each.gave_back, each.reassigned, each.reacted, median]  # fmt: skip


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
