"""What is to happen with a ticket later: snooze it, be reminded, promise something. By dialog, and as a page."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from helpdesk import spoken_time
from helpdesk.actions import promises, reminders, snoozing
from helpdesk.actions.promises import CannotPromise, Terms
from helpdesk.actions.reminders import CannotRemind
from helpdesk.actions.snoozing import CannotSnooze
from helpdesk.console import promise_words
from helpdesk.console.access import agent_of
from helpdesk.console.inbox import is_fragment
from helpdesk.console.promise_sections import LEADS, later_context, promised_context
from helpdesk.console.ticket_page import Place, head_context
from helpdesk.console.tickets import ticket_or_404
from helpdesk.jinja import exact, relative_to
from helpdesk.models import Agent, Promise, Reminder, Ticket
from helpdesk.spoken_time import BadTime

#: What a form may ask for; each has a dialog of its own beside the ticket.
WHAT = ("snooze", "remind", "promise")


class CannotDo(ValueError):
    """Nothing was changed; the text says why."""


@require_http_methods(["GET", "HEAD", "POST"])
def later(request: HttpRequest, reference: str) -> HttpResponse:
    """The three forms as a page; a form of them carried out."""
    agent, row = ticket_or_404(request, reference)
    if request.method != "POST":
        return render(request, "console/ticket/later_page.html", _page_context(request, agent, row))
    what = request.POST.get("what", "")
    try:
        done = _carry_out(what, request, agent, row)
    except (CannotDo, CannotSnooze, CannotPromise, CannotRemind) as error:
        return _refused(request, agent, row, str(error))
    return answer(request, agent, row, done)


@require_POST
def wake(request: HttpRequest, reference: str) -> HttpResponse:
    """Bring a snoozed ticket back now."""
    agent, row = ticket_or_404(request, reference)
    snoozing.wake(ticket=row, why=Reminder.Outcome.BY_HAND, by=agent, at=timezone.now())
    return answer(request, agent, row, _("Back in the queue."))


@require_safe
def when(request: HttpRequest) -> HttpResponse:
    """How a time is understood, in a sentence: the moment in the agent's zone, and how far away it is."""
    agent_of(request)
    text = request.GET.get("when", "")
    try:
        at = time_of(text)
    except CannotDo as error:
        return render(request, "console/ticket/when.html", {"problem": str(error) if text.strip() else "", "at": None})
    return render(request, "console/ticket/when.html", {"problem": "", "at": at, "away": relative_to(at)})


def time_of(text: str) -> datetime:
    """The moment that somebody typed, on the clock on their wall. Raises CannotDo."""
    try:
        return spoken_time.read(text, now=timezone.now(), zone=timezone.get_current_timezone())
    except BadTime as error:
        raise CannotDo(promise_words.trouble(error)) from error


def answer(request: HttpRequest, agent: Agent, row: Ticket, done: str) -> HttpResponse:
    """The parts of the ticket's page that have changed, for a script; else the page itself."""
    if not is_fragment(request):
        return redirect(f"{_address(row)}{Place.of(request).query}")
    context = {**head_context(request, agent, row), **promised_context(ticket=row, agent=agent), "done": done}
    return render(request, "console/ticket/later_done.html", context)


def _address(row: Ticket) -> str:
    return f"/tickets/{row.reference}/"


def _page_context(request: HttpRequest, agent: Agent, row: Ticket, problem: str = "") -> dict[str, Any]:
    base = {"ticket": row, "reference": row.reference, "view_query": Place.of(request).query, "problem": problem}
    return {**base, **later_context(row, agent), **promised_context(ticket=row, agent=agent)}


def _refused(request: HttpRequest, agent: Agent, row: Ticket, problem: str) -> HttpResponse:
    """By script the sentence alone, which the dialog shows; what was typed stays where it is."""
    if is_fragment(request):
        return render(request, "console/ticket/problem.html", {"problem": problem}, status=422)
    context = _page_context(request, agent, row, problem)
    return render(request, "console/ticket/later_page.html", context, status=422)


def _carry_out(what: str, request: HttpRequest, agent: Agent, row: Ticket) -> str:
    """Do it; what was done, in a sentence."""
    if what not in WHAT:
        raise CannotDo(_("There is no such action."))
    post, now = request.POST, timezone.now()
    at = time_of(post.get("when", ""))
    if what == "snooze":
        seen = post.get("seen", "")
        cursor = int(seen) if seen.isdecimal() and len(seen) < 19 else None
        snoozing.snooze(ticket=row, until=at, by=agent, at=now, seen=cursor)
        return _("Snoozed until %(when)s.") % {"when": exact(at)}
    if what == "remind":
        reminders.remind(ticket=row, agent=agent, due_at=at, at=now, text=post.get("text", ""))
        return _("You will be reminded: %(when)s.") % {"when": exact(at)}
    promises.make(terms=terms_of(request, agent, row, due_at=at), by=agent, at=now, ticket=row)
    return _("Promised by %(when)s.") % {"when": exact(at)}


def terms_of(request: HttpRequest, agent: Agent, row: Ticket, *, due_at: datetime) -> Terms:
    """What a form says was promised. Raises CannotDo."""
    post = request.POST
    number, lead = post.get("owner", ""), post.get("remind", "0")
    people = {str(each.pk): each for each in [agent, *row.team.agents.filter(is_active=True)]}
    if number and number not in people:
        raise CannotDo(_("Choose who keeps it from the list."))
    if lead not in {str(each) for each in LEADS}:
        raise CannotDo(_("Choose when to be reminded from the list."))
    owner = people[number] if number else None
    return Terms(text=post.get("text", ""), due_at=due_at, owner=owner, remind_minutes=int(lead))


def promise_changed(request: HttpRequest, agent: Agent, promise: Promise, row: Ticket) -> Promise:
    """Another text, time or owner, as a form says; a time that was left alone stays. Raises CannotDo, CannotPromise."""
    text = request.POST.get("when", "").strip()
    due_at = time_of(text) if text else promise.due_at
    terms = terms_of(request, agent, row, due_at=due_at)
    return promises.change(promise=promise, terms=terms, by=agent, at=timezone.now())
