"""Promises as a view of the inbox, each settled or changed in place; and the cards of those who are reminded."""

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from helpdesk.actions import promises as actions
from helpdesk.actions import reminders
from helpdesk.actions.promises import CannotPromise
from helpdesk.actions.reminders import CannotRemind
from helpdesk.console import later
from helpdesk.console.access import agent_of
from helpdesk.console.customers import customer_or_404
from helpdesk.console.inbox import is_fragment
from helpdesk.console.promise_sections import time_choices
from helpdesk.models import Agent, Promise, PromiseState, Reminder, Ticket
from helpdesk.queries import promises as found
from helpdesk.queries.promise_lists import MINE, OPEN, OVERDUE, SETTLED, page
from helpdesk.queries.tickets import ticket_for

_ROWS = "console/inbox/promise_rows.html"


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Promises of the agent's teams, those that are overdue first of all; opened beside the list like tickets."""
    agent, now = agent_of(request), timezone.now()
    tabs = {OVERDUE: _("Overdue"), OPEN: _("To come"), MINE: _("Mine"), SETTLED: _("Settled")}
    which = request.GET.get("state", OVERDUE)
    which = which if which in tabs else OVERDUE
    after, here = request.GET.get("after", ""), reverse("promises")
    shown = page(agent=agent, which=which, now=now, after=after)
    first = f"{here}?{urlencode({'state': which})}"
    context = {
        "view": "promises",
        "heading": _("Promises"),
        "tabs": [(label, f"{here}?{urlencode({'state': each})}", each == which) for each, label in tabs.items()],
        "rows": shown.rows,
        "row_template": _ROWS,
        "older": f"{first}&{urlencode({'after': shown.older})}" if shown.older else "",
        "after": after,
        "first": first,
        "reference": "",
        "query": "",
        "view_query": "?view=teams&state=active",
        "now": now,
        "which": which,
    }
    name = "console/inbox/list.html" if is_fragment(request) else "console/inbox.html"
    return render(request, name, context)


@require_POST
def promise(request: HttpRequest, promise_id: int) -> HttpResponse:
    """Kept, no longer needed, open again, or changed: what the pressed button says."""
    agent = agent_of(request)
    try:
        row = found.promise_for(agent, promise_id)
    except Promise.DoesNotExist as error:
        raise Http404 from error
    step = _STEPS.get(request.POST.get("step", ""))
    try:
        if step is None:
            raise later.CannotDo(_("There is no such action."))
        done = step(request, agent, row)
    except (later.CannotDo, CannotPromise) as error:
        return render(request, "console/ticket/problem.html", {"problem": str(error)}, status=422)
    ticket = _ticket_beside(request, agent, row)
    if ticket is not None:
        return later.answer(request, agent, ticket, done)
    return HttpResponse(status=204) if is_fragment(request) else redirect("promises")


@require_POST
def promise_customer(request: HttpRequest, contact_id: int) -> HttpResponse:
    """A promise that belongs to no ticket: made on the customer's page, kept by who makes it."""
    agent, contact = agent_of(request), customer_or_404(contact_id)
    try:
        due_at = later.time_of(request.POST.get("when", ""))
        terms = actions.Terms(text=request.POST.get("text", ""), due_at=due_at, owner=agent)
        actions.make(terms=terms, by=agent, at=timezone.now(), contact=contact)
    except (later.CannotDo, CannotPromise) as error:
        return render(request, "console/ticket/problem.html", {"problem": str(error)}, status=422)
    return HttpResponse(status=204) if is_fragment(request) else redirect("customer", contact_id)


def _ticket_beside(request: HttpRequest, agent: Agent, row: Promise) -> Ticket | None:
    """The ticket that is open beside the form, whichever ticket the promise is about."""
    reference = request.GET.get("beside", "") or (row.ticket.reference if row.ticket is not None else "")
    try:
        return ticket_for(agent, reference) if reference else None
    except Ticket.DoesNotExist:
        return None


def _settle(state: PromiseState) -> Callable[[HttpRequest, Agent, Promise], str]:
    def settle(_request: HttpRequest, agent: Agent, row: Promise) -> str:
        if not actions.settle(promise=row, state=state, by=agent, at=timezone.now()):
            raise CannotPromise(_("This promise is settled already."))
        return _("Kept: %(text)s") % {"text": row.text} if state == PromiseState.KEPT else _("No longer needed.")

    return settle


def _reopen(_request: HttpRequest, agent: Agent, row: Promise) -> str:
    actions.reopen(promise=row, by=agent, at=timezone.now())
    return _("Open again: %(text)s") % {"text": row.text}


def _change(request: HttpRequest, agent: Agent, row: Promise) -> str:
    if row.ticket is None:
        raise later.CannotDo(_("There is no such action."))
    changed = later.promise_changed(request, agent, row, row.ticket)
    return _("Changed: %(text)s") % {"text": changed.text}


_STEPS: dict[str, Callable[[HttpRequest, Agent, Promise], str]] = {
    "kept": _settle(PromiseState.KEPT),
    "dropped": _settle(PromiseState.DROPPED),
    "reopen": _reopen,
    "change": _change,
}


@require_safe
def cards(request: HttpRequest) -> HttpResponse:
    """What the agent is to be told now; every page of the console asks for it."""
    context = cards_context(agent_of(request))
    return render(request, "console/reminders.html" if is_fragment(request) else "console/reminders_page.html", context)


def cards_context(agent: Agent) -> dict[str, Any]:
    """For ``console/reminders.html``."""
    return {"cards": found.cards_of(agent=agent), "times": time_choices()}


@require_POST
def card(request: HttpRequest, reminder_id: int) -> HttpResponse:
    """Put a card away, have it come again at another time, or say that the promise is kept."""
    agent, now = agent_of(request), timezone.now()
    try:
        row = found.reminder_for(agent, reminder_id)
    except Reminder.DoesNotExist as error:
        raise Http404 from error
    step = request.POST.get("step", "")
    try:
        if step == "again":
            reminders.again(reminder=row, due_at=later.time_of(request.POST.get("when", "")), at=now)
        elif step == "take-back":
            reminders.take_back(reminder=row, by=agent, at=now)
        elif step == "kept" and row.promise is not None:
            actions.settle(promise=row.promise, state=PromiseState.KEPT, by=agent, at=now)
            reminders.put_away(reminder=row, at=now)
        else:
            reminders.put_away(reminder=row, at=now)
    except (later.CannotDo, CannotRemind) as error:
        return render(request, "console/ticket/problem.html", {"problem": str(error)}, status=422)
    if step == "take-back" and row.ticket is not None:
        return later.answer(request, agent, row.ticket, _("No reminder any more."))
    return HttpResponse(status=204) if is_fragment(request) else redirect("reminders")
