"""Where a message belongs: into a ticket of its own, into another one, among the spam; and who takes part."""

from dataclasses import dataclass, field

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from helpdesk import routing
from helpdesk.actions import moves, spam, tickets
from helpdesk.console.access import agent_of
from helpdesk.console.inbox import is_fragment
from helpdesk.console.ticket_page import Place, pane_context
from helpdesk.console.tickets import ticket_or_404
from helpdesk.models import Agent, Identity, Message, Ticket
from helpdesk.queries.conversation import MOVABLE
from helpdesk.queries.tickets import identity_of, message_for, sender_of, ticket_for, visible_to


@dataclass(frozen=True)
class Told:
    """What was done, for the toast: a sentence, where to look, and the form that takes it back."""

    text: str
    look: str = ""
    undo: str = ""
    fields: dict[str, str] = field(default_factory=dict)


@require_POST
def detach(request: HttpRequest, message_id: int) -> HttpResponse:
    """Make a ticket of one message."""
    agent, message = _message_or_404(request, message_id)
    source = message.ticket
    try:
        ticket = routing.detach(message=message, by=agent)
    except moves.CannotMove as error:
        return _refused(request, source, str(error))
    told = Told(_("It is now %(reference)s, in %(team)s.") % {"reference": ticket.reference, "team": ticket.team.name})
    if visible_to(agent).filter(pk=ticket.pk).exists():  # the rules may have placed it where this agent sees nothing
        told = Told(told.text, look=_address(request, ticket), undo=_to("message-move", message), fields=_back(source))
    return _done(request, source, told)


@require_POST
def move(request: HttpRequest, message_id: int) -> HttpResponse:
    """Put a message into another ticket that the agent may see."""
    agent, message = _message_or_404(request, message_id)
    source = message.ticket
    try:
        into = ticket_for(agent, request.POST.get("reference", ""))
        with routing.watched(ticket=into, by=agent):
            moves.move(message=message, into=into, by=agent)
    except Ticket.DoesNotExist:
        return _refused(request, source, _("There is no such ticket, or it is not yours to see."))
    except moves.CannotMove as error:
        return _refused(request, source, str(error))
    told = Told(
        _("Moved to %(reference)s.") % {"reference": into.reference},
        look=_address(request, into),
        undo=_to("message-move", message),
        fields=_back(source),
    )
    # Taken back, it is looked at where it is again.
    is_undo = request.POST.get("shown") == into.reference
    return _done(request, into if is_undo else source, Told(_("Moved back.")) if is_undo else told)


@require_POST
def admit(request: HttpRequest, message_id: int) -> HttpResponse:
    """Let a third party take part from now on, or no more (``takes_part=no``)."""
    agent, message = _message_or_404(request, message_id)
    identity = _sender_or_404(message)
    if request.POST.get("takes_part") == "no":
        tickets.remove_participant(ticket=message.ticket, identity=identity, by=agent)
        return _done(request, message.ticket, Told(_("%(address)s takes no part.") % {"address": identity.value}))
    if message.verdict == Message.Verdict.FAILED:
        return _refused(request, message.ticket, _("The sender is forged: the address may be somebody else's."))
    tickets.add_participant(ticket=message.ticket, identity=identity, by=agent)
    text = _("%(address)s takes part now and gets copies.") % {"address": identity.value}
    return _done(request, message.ticket, Told(text, undo=_to("message-admit", message), fields={"takes_part": "no"}))


@require_POST
def mark_spam(request: HttpRequest, message_id: int) -> HttpResponse:
    """Put the message's ticket among the spam; ``block=yes``: and the sender's later mail as well."""
    agent, message = _message_or_404(request, message_id)
    ticket = message.ticket
    if ticket.merged_into_id is not None:
        return _refused(request, ticket, _("This ticket was merged into another one; change that one."))
    is_blocking = request.POST.get("block") == "yes"
    if is_blocking and message.verdict == Message.Verdict.FAILED:
        return _refused(request, ticket, _("The sender is forged: the address may be somebody else's."))
    sender = _sender_or_404(message) if is_blocking else None
    with routing.watched(ticket=ticket, by=agent):
        spam.mark(ticket=ticket, by=agent, sender=sender)
    text = _("Marked as spam; %(address)s is blocked.") % {"address": sender.value} if sender else _("Marked as spam.")
    return _done(request, ticket, Told(text, undo=reverse("ticket-not-spam", args=[ticket.reference])))


@require_POST
def clear_spam(request: HttpRequest, reference: str) -> HttpResponse:
    """Not spam: the ticket is back where it was, its senders aren't blocked."""
    agent, ticket = ticket_or_404(request, reference)
    with routing.watched(ticket=ticket, by=agent):
        spam.clear(ticket=ticket, by=agent)
    return _done(request, ticket, Told(_("Not spam.")))


@require_POST
def block(request: HttpRequest, reference: str) -> HttpResponse:
    """Block an address of the ticket's customer, or let it in again (``blocked=no``)."""
    agent, ticket = ticket_or_404(request, reference)
    identity = identity_of(ticket, request.POST.get("identity", ""))
    if identity is None:
        raise Http404
    is_blocking = request.POST.get("blocked") == "yes"
    (spam.block if is_blocking else spam.unblock)(identity=identity, ticket=ticket, by=agent)
    text = _("%(address)s is blocked.") if is_blocking else _("%(address)s isn't blocked any more.")
    told = Told(
        text % {"address": identity.value},
        undo=reverse("ticket-block", args=[ticket.reference]),
        fields={"identity": str(identity.pk), "blocked": "no" if is_blocking else "yes"},
    )
    return _done(request, ticket, told)


def _message_or_404(request: HttpRequest, message_id: int) -> tuple[Agent, Message]:
    agent = agent_of(request)
    try:
        return agent, message_for(agent, message_id)
    except Message.DoesNotExist as error:
        raise Http404 from error


def _sender_or_404(message: Message) -> Identity:
    identity = sender_of(message)
    if identity is None or message.kind not in MOVABLE:
        raise Http404
    return identity


def _done(request: HttpRequest, ticket: Ticket, told: Told) -> HttpResponse:
    """The ticket as it is now, with a word about what was done; without scripts the page, with the word alone."""
    if not is_fragment(request):
        messages.success(request, told.text)
        return redirect(_address(request, ticket))
    context = pane_context(request, *ticket_or_404(request, ticket.reference))
    return render(request, "console/ticket/pane_and_toasts.html", {**context, "told_of": told})


def _refused(request: HttpRequest, ticket: Ticket, problem: str) -> HttpResponse:
    template = "console/ticket/problem.html" if is_fragment(request) else "console/ticket/refused.html"
    return render(request, template, {"problem": problem, "ticket": ticket}, status=409)


def _address(request: HttpRequest, ticket: Ticket) -> str:
    return reverse("ticket", args=[ticket.reference]) + Place.of(request).query


def _to(name: str, message: Message) -> str:
    return reverse(name, args=[message.pk])


def _back(source: Ticket) -> dict[str, str]:
    return {"reference": source.reference, "shown": source.reference}
