"""The report of promises: a week as a page and as CSV."""

import csv

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from helpdesk.console.access import agent_of
from helpdesk.queries.fairness import Week
from helpdesk.queries.promise_report import FATES, Kept, PromiseReport, report_of

#: A spreadsheet takes what begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """Promises of the lead's teams that were due in a week, for an admin all."""
    found = _found(request)
    context = {"found": found, "percent": percent, "is_now": found.week == Week.of("")}
    return render(request, "console/promise_report.html", context)


@require_safe
def download(request: HttpRequest) -> HttpResponse:
    """The same as CSV."""
    found = _found(request)
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    lines = csv.writer(answer)
    lines.writerow(["week", "owner", *(fate.replace("-", "_") for fate in FATES)])
    for each in found.owners:
        owner = f"'{each.owner}" if each.owner.startswith(_FORMULA) else each.owner
        lines.writerow([found.week.name, owner, *(each.counts[fate] for fate in FATES)])
    answer["Content-Disposition"] = f'attachment; filename="promises-{found.week.name}.csv"'
    return answer


def percent(kept: Kept) -> str:
    """The share that was kept in time, as people read it."""
    return "–" if kept.share is None else f"{kept.share * 100:.0f} %"


def _found(request: HttpRequest) -> PromiseReport:
    week = Week.of(request.GET.get("week", ""))
    return report_of(agent=agent_of(request), week=week, now=timezone.now())
