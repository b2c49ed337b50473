"""Rules tried on the past: watched, looked through, downloaded. Nothing here changes a ticket."""

import csv
from collections.abc import Iterator, Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from helpdesk.actions import rehearsals as actions
from helpdesk.console.access import agent_of
from helpdesk.console.inbox import is_fragment
from helpdesk.console.paging import key_of, links
from helpdesk.console.rule_words import RuleWords, event_name
from helpdesk.models import Rehearsal, RoutingDecision
from helpdesk.queries import rehearsals as queries
from routing_rules.models import RuleVersion
from routing_rules.rehearsal import Change


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """What was tried lately, by anybody."""
    return render(request, "console/rehearsal/listing.html", {"rehearsals": queries.listed()})


@require_safe
def rehearsal(request: HttpRequest, rehearsal_id: int) -> HttpResponse:
    """What would change: totals, groups, tickets. By script only the part that moves on."""
    row = _rehearsal(rehearsal_id)
    template = "console/rehearsal/state.html" if is_fragment(request) else "console/rehearsal/page.html"
    return render(request, template, _context(request, row))


def _context(request: HttpRequest, row: Rehearsal) -> Mapping[str, Any]:
    agent, words = agent_of(request), RuleWords()
    chosen = _chosen(request)
    page = queries.rows_of(row, agent=agent, change=chosen, key=key_of(request))
    return {
        "rehearsal": row,
        "summary": queries.summary_of(row),
        "page": page,
        "hidden": queries.hidden_from(row, agent=agent, change=chosen),
        "chosen": chosen,
        "words": words,
        "event_name": event_name,
        **links(request, page),
    }


@require_POST
def cancel(request: HttpRequest, rehearsal_id: int) -> HttpResponse:
    """End it; what was found so far stays."""
    row = _rehearsal(rehearsal_id)
    actions.cancel(rehearsal=row, at=timezone.now())
    if is_fragment(request):
        return render(request, "console/rehearsal/state.html", _context(request, _rehearsal(rehearsal_id)))
    return redirect("rehearsal", rehearsal_id)


@require_safe
def traces(request: HttpRequest, rehearsal_id: int, decision_id: int) -> HttpResponse:
    """One decision by today's rules and by the tried ones, side by side."""
    row, words = _rehearsal(rehearsal_id), RuleWords()
    try:
        found = queries.traces_of(row, agent=agent_of(request), decision_id=decision_id)
    except (RoutingDecision.DoesNotExist, RuleVersion.DoesNotExist) as error:
        raise Http404 from error
    template = "console/rehearsal/traces.html" if is_fragment(request) else "console/rehearsal/traces_page.html"
    context = {"rehearsal": row, "traces": found, "words": words, "event_name": event_name}
    return render(request, template, context)


@require_safe
def download(request: HttpRequest, rehearsal_id: int) -> HttpResponseBase:
    """Every change of a ticket that the agent may see, as CSV."""
    row = _rehearsal(rehearsal_id)
    lines = csv.writer(_Echo())
    answer = StreamingHttpResponse(
        (lines.writerow(each) for each in _lines(row, request)), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = f'attachment; filename="rehearsal-{row.pk}.csv"'
    return answer


class _Echo:
    """What csv.writer writes to: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def _lines(row: Rehearsal, request: HttpRequest) -> Iterator[tuple[str, ...]]:
    words = RuleWords()
    yield (_("Ticket"), _("Subject"), _("Event"), _("At"), _("What"), _("Before"), _("After"), _("Can't be told"))
    for each in queries.all_rows(row, agent=agent_of(request)):
        for change in each.changes:
            told = words.change(change)
            is_unknown = _("yes") if change.is_unknown else ""
            subject = _harmless(each.subject)
            at = each.at.isoformat(timespec="seconds")
            what, before, after = (_harmless(text) for text in (told.label, told.before, told.after))
            yield (each.reference, subject, event_name(each.event), at, what, before, after, is_unknown)


def _harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: the subject is a stranger's."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text


def _chosen(request: HttpRequest) -> Change | None:
    """The group of the address, None for all."""
    kind = request.GET.get("kind", "")
    if not kind:
        return None
    before, after = request.GET.get("from", ""), request.GET.get("to", "")
    return Change(kind, before, after, is_unknown=request.GET.get("unknown") == "yes")


def _rehearsal(rehearsal_id: int) -> Rehearsal:
    found = Rehearsal.objects.select_related("agent").filter(pk=rehearsal_id).first()
    if found is None:
        raise Http404
    return found
