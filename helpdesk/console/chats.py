"""Chats in the console: answering live, taking one, handing one over, and the tray of one's own."""

import re
import uuid

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from helpdesk import blobs, pictures, routing
from helpdesk import chats as talk
from helpdesk.actions import chats, replies, tickets
from helpdesk.console.access import agent_of
from helpdesk.console.inbox import is_fragment
from helpdesk.console.ticket_page import Place, head_context, pane_context
from helpdesk.console.tickets import ticket_or_404
from helpdesk.models import Agent, ChatLine, Message, State, Ticket
from helpdesk.queries.chat_desk import Chat, tray_of
from helpdesk.queries.tickets import teams_of

_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def answer(request: HttpRequest, *, agent: Agent, row: Ticket, chat: Chat, files: list[UploadedFile]) -> Message:  # type: ignore[type-arg]
    """Say in the chat what the composer holds; the same form once more is the same message. Raises NotSendable."""
    client_id, then = request.POST.get("client_id", ""), request.POST.get("then", "")
    outcome = talk.say(
        words=talk.Words(
            client_id=client_id if _CLIENT_ID.fullmatch(client_id) else uuid.uuid4().hex,
            text=request.POST.get("reply", ""),
            at=timezone.now(),
            agent_id=agent.pk,
            conversation_id=chat.conversation_id,
            attached=tuple(_attached(each) for each in files),
        )
    )
    if isinstance(outcome, talk.Refused):
        raise replies.NotSendable(_why(outcome.code))
    if then in State.values:
        fresh = Ticket.objects.select_related("channel", "team", "owner").get(pk=row.pk)
        with routing.watched(ticket=fresh, by=agent):
            tickets.set_state(ticket=fresh, state=State(then), by=agent)
    line = ChatLine.objects.select_related("message").get(
        conversation=outcome.conversation_id, sequence=outcome.sequence
    )
    assert line.message is not None  # noqa: S101  # what was said is a message
    return line.message


def _attached(file: UploadedFile) -> talk.Attached:  # type: ignore[type-arg]
    content, content_type = file.read(), file.content_type or ""
    width, height = pictures.size_of(content, content_type)
    return talk.Attached(file.name or "file", content_type, len(content), blobs.put(content), width, height)


def _why(code: str) -> str:
    sentences = {
        "empty": _("The answer is empty."),
        "too_long": _("This is too long for a chat message: 8,000 characters are the limit."),
        "unknown_conversation": _("This chat can't be answered any more: it was merged, or goes on by mail."),
    }
    return str(sentences.get(code, _("The message was not sent. Please try again.")))


@require_POST
def accept(request: HttpRequest, reference: str) -> HttpResponse:
    """Take a chat that nobody has."""
    agent, row = ticket_or_404(request, reference)
    problem = ""
    try:
        with routing.watched(ticket=row, by=agent):
            if not chats.accept(ticket=row, agent=agent, at=timezone.now()):
                problem = _("A colleague was quicker.")
    except tickets.NotInTeam as error:
        problem = str(error)
    return _pane(request, reference, problem)


@require_POST
def hand_over(request: HttpRequest, reference: str) -> HttpResponse:
    """Give the chat to a colleague or another team, with a note; the customer is told who helps now."""
    agent, row = ticket_or_404(request, reference)
    kind, _colon, number = request.POST.get("to", "").partition(":")
    owner = row.team.agents.filter(pk=_number(number), is_active=True).first() if kind == "agent" else None
    team = teams_of(agent).filter(pk=_number(number), is_active=True).first() if kind == "team" else None
    if owner is None and team is None:
        return _pane(request, reference, _("Choose a colleague or a team."))
    note = request.POST.get("note", "")
    with routing.watched(ticket=row, by=agent):
        chats.hand_over(ticket=row, owner=owner, team=team, note=note, by=agent, at=timezone.now())
    if team is not None and not teams_of(agent).filter(pk=team.pk).exists():
        return redirect("home")
    return _pane(request, reference, "")


def _number(value: str) -> int:
    return int(value) if value.isdecimal() and len(value) < 19 else 0


def _pane(request: HttpRequest, reference: str, problem: str) -> HttpResponse:
    if not is_fragment(request):
        return redirect(reverse("ticket", args=[reference]) + Place.of(request).query)
    agent, row = ticket_or_404(request, reference)
    context = pane_context(request, agent, row)
    if problem:
        context |= head_context(request, agent, row, problem=problem)
    return render(request, "console/ticket/pane.html", context)


@require_safe
def tray(request: HttpRequest) -> HttpResponse:
    """The agent's open chats and those that wait for somebody."""
    rows = tray_of(agent_of(request))
    template = "console/chats/tray.html" if is_fragment(request) else "console/chats/page.html"
    return render(request, template, {"tray": rows})
