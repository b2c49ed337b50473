"""One ticket: the page, its live part, and the properties that are changed in place."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from helpdesk import routing
from helpdesk.actions import returns
from helpdesk.actions import tickets as actions
from helpdesk.console.access import agent_of
from helpdesk.console.inbox import is_fragment
from helpdesk.console.promise_sections import promised_context
from helpdesk.console.ticket_page import KNOWN_TAGS, Place, head_context, pane_context, timeline_context
from helpdesk.models import Agent, Identity, Priority, State, Tag, Team, Ticket
from helpdesk.queries.contacts import identity_in
from helpdesk.queries.tickets import teams_of, ticket_for


def ticket_or_404(request: HttpRequest, reference: str) -> tuple[Agent, Ticket]:
    """The agent and the ticket that they ask for; a ticket that they may not see is not there."""
    agent = agent_of(request)
    try:
        return agent, ticket_for(agent, reference)
    except Ticket.DoesNotExist as error:
        raise Http404 from error


@require_safe
def ticket(request: HttpRequest, reference: str) -> HttpResponse:
    """The ticket's page; for a request by script the pane beside the list, which stays as it is."""
    agent, row = ticket_or_404(request, reference)
    if reference != row.reference:
        return redirect("ticket", row.reference)
    if is_fragment(request):
        return render(request, "console/ticket/pane.html", pane_context(request, agent, row))
    place = Place.of(request)
    # The list is asked for by the page itself: a ticket that is opened by its address need not wait for it.
    around = {"view": place.view.value, "heading": place.view.label, "rows": None, "first": place.address, "query": ""}
    return render(request, "console/inbox.html", {**pane_context(request, agent, row), **around})


@require_safe
def live(request: HttpRequest, reference: str) -> HttpResponse:
    """Head and timeline as they are now, for an open page that was told of a change."""
    agent, row = ticket_or_404(request, reference)
    parts = (head_context(request, agent, row), timeline_context(request, agent, row))
    context = {**parts[0], **parts[1], **promised_context(ticket=row, agent=agent)}
    return render(request, "console/ticket/live.html", context)


@require_safe
def known_tags(request: HttpRequest) -> HttpResponse:
    """Tags to choose from, for whoever is about to add one."""
    names = Tag.objects.values_list("name", flat=True)[:KNOWN_TAGS]
    return render(request, "console/ticket/known_tags.html", {"known_tags": names})


@require_POST
def read(request: HttpRequest, reference: str) -> HttpResponse:
    """The agent has seen the ticket up to a journal id."""
    agent, row = ticket_or_404(request, reference)
    cursor = request.POST.get("cursor", "")
    if cursor.isdecimal() and len(cursor) < 19:
        actions.mark_read(ticket=row, agent=agent, cursor=min(int(cursor), row.message_cursor))
    return HttpResponse(status=204)


@require_POST
def change(request: HttpRequest, reference: str) -> HttpResponse:
    """Change one property. By script the head comes back, else the page; a refusal is said in a sentence."""
    agent, row = ticket_or_404(request, reference)
    problem = ""
    try:
        with routing.watched(ticket=row, by=agent):
            for name, carry_out in _CHANGES.items():
                if name in request.POST:
                    carry_out(agent, row, request.POST[name])
    except (actions.NotInTeam, actions.CannotJoin, _Unknown) as error:
        problem = str(error)
    if not is_fragment(request) and not problem:
        return redirect(f"{request.path.removesuffix('change/')}?{request.META.get('QUERY_STRING', '')}")
    if not is_fragment(request):
        return render(request, "console/ticket/refused.html", {"problem": problem, "ticket": row}, status=409)
    if not _still_sees(agent, row):
        return HttpResponse(status=204, headers={"HX-Redirect": Place.of(request).address})
    context = head_context(request, agent, ticket_for(agent, reference), problem=problem)
    return render(request, "console/ticket/head.html", context, status=409 if problem else 200)


@require_POST
def deliverable(request: HttpRequest, reference: str, identity_id: int) -> HttpResponse:
    """Take the mark off an address that mail came back from: the next answer goes out without a warning."""
    agent, row = ticket_or_404(request, reference)
    try:
        identity = identity_in(row, identity_id=identity_id)
    except Identity.DoesNotExist as error:
        raise Http404 from error
    returns.try_again(ticket=row, identity=identity, by=agent, at=timezone.now())
    # By script the warning goes away and what is typed stays.
    return HttpResponse() if is_fragment(request) else redirect("ticket", row.reference)


class _Unknown(ValueError):
    """A value that no select of ours offers."""


def _still_sees(agent: Agent, row: Ticket) -> bool:
    """Moved to a team that the agent is not in, the ticket is gone for them."""
    return agent.is_admin or agent.teams.filter(pk=row.team_id).exists()


def _set_state(agent: Agent, row: Ticket, value: str) -> None:
    if value not in State.values:
        raise _Unknown(_("There is no such state."))
    actions.set_state(ticket=row, state=State(value), by=agent)


def _set_team(agent: Agent, row: Ticket, value: str) -> None:
    team = _chosen(teams_of(agent).filter(is_active=True), value)
    if not isinstance(team, Team):
        raise _Unknown(_("There is no such team, or it is not yours."))
    actions.set_team(ticket=row, team=team, by=agent)


def _set_owner(agent: Agent, row: Ticket, value: str) -> None:
    owner = _chosen(row.team.agents.filter(is_active=True), value) if value else None
    if value and not isinstance(owner, Agent):
        raise actions.NotInTeam(_("This agent isn't a member of %(team)s.") % {"team": row.team.name})
    actions.set_owner(ticket=row, owner=owner, by=agent)


def _set_priority(agent: Agent, row: Ticket, value: str) -> None:
    if value not in {str(each.value) for each in Priority}:
        raise _Unknown(_("There is no such priority."))
    actions.set_priority(ticket=row, priority=Priority(int(value)), by=agent)


def _add_tag(agent: Agent, row: Ticket, value: str) -> None:
    names = set(row.tags.values_list("name", flat=True))
    actions.set_tags(ticket=row, names=names | actions.tag_names(value.split(",")), by=agent)


def _remove_tag(agent: Agent, row: Ticket, value: str) -> None:
    names = set(row.tags.values_list("name", flat=True))
    actions.set_tags(ticket=row, names=names - {value}, by=agent)


def _chosen(rows: Any, value: str) -> Any:
    return rows.filter(pk=int(value)).first() if value.isdecimal() and len(value) < 19 else None


_CHANGES: Mapping[str, Callable[[Agent, Ticket, str], None]] = {
    "state": _set_state,
    "team": _set_team,
    "owner": _set_owner,
    "priority": _set_priority,
    "add_tag": _add_tag,
    "remove_tag": _remove_tag,
}
