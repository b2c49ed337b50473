"""Customers: their own page, what stands of them beside a ticket, and what colleagues write down about them."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from helpdesk.actions import customers as actions
from helpdesk.console.access import agent_of
from helpdesk.console.customer_facts import notes
from helpdesk.console.customer_look import Look, language_name, local_time, preferred_name
from helpdesk.console.customer_sections import first_sections, more_sections
from helpdesk.console.customer_timeline import timeline_context
from helpdesk.console.inbox import is_fragment
from helpdesk.console.ticket_page import Place
from helpdesk.console.tickets import ticket_or_404
from helpdesk.models import Contact, ContactNote, Ticket
from helpdesk.queries.customers import customer_by_id, note_of
from helpdesk.queries.timeline_sources import Whose


@require_safe
def customer(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Everything that is known of one customer; for a request by script the next page of the timeline."""
    agent, contact = agent_of(request), customer_or_404(contact_id)
    if contact.merged_into_id is not None:
        return redirect("customer", contact.merged_into_id)
    happened = timeline_context(request, agent, Whose(contact=contact))
    if is_fragment(request):
        return render(request, "console/customer/timeline.html", happened)
    look = Look(agent=agent, contact=contact, ticket=None, now=timezone.now())
    context = {
        "contact": contact,
        "language_name": language_name,
        "local_time": local_time(contact, now=look.now),
        "preferred": preferred_name(contact),
        "first": first_sections(look),
        "more": more_sections(look),
        **happened,
    }
    return render(request, "console/customer/page.html", context)


@require_safe
def beside(request: HttpRequest, reference: str) -> HttpResponse:
    """What follows beside a ticket when the conversation is on the screen; without scripts the customer's own page."""
    agent, ticket = ticket_or_404(request, reference)
    if ticket.contact is None:
        raise Http404
    if not is_fragment(request):
        return redirect("customer", ticket.contact.pk)
    look = Look(agent=agent, contact=ticket.contact, ticket=ticket, now=timezone.now(), query=Place.of(request).query)
    return render(request, "console/customer/sections.html", {"sections": more_sections(look)})


@require_POST
def add_note(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Write down what to know, or what was agreed."""
    contact, problem = customer_or_404(contact_id), ""
    try:
        actions.add_note(
            contact=contact,
            text=request.POST.get("text", ""),
            is_agreed=request.POST.get("agreed") == "yes",
            ticket=_beside(request, contact),
            by=agent_of(request),
            at=timezone.now(),
        )
    except actions.BadNote:
        problem = _("A note has between 1 and %(most)s characters. Nothing was written down.") % {
            "most": actions.LONGEST_NOTE
        }
    return _notes(request, contact, problem=problem)


@require_POST
def end_note(request: HttpRequest, contact_id: int, note_id: int) -> HttpResponse:
    """It holds no longer."""
    contact = customer_or_404(contact_id)
    try:
        note = note_of(contact, note_id=note_id)
    except ContactNote.DoesNotExist as error:
        raise Http404 from error
    actions.end_note(note=note, by=agent_of(request), at=timezone.now())
    return _notes(request, contact)


def _notes(request: HttpRequest, contact: Contact, *, problem: str = "") -> HttpResponse:
    ticket = _beside(request, contact)
    if not is_fragment(request) and not problem:
        return redirect("ticket", ticket.reference) if ticket else redirect("customer", contact.pk)
    look = Look(agent=agent_of(request), contact=contact, ticket=ticket, now=timezone.now())
    own = {**notes(look), "problem": problem}
    return render(request, "console/customer/notes_alone.html", {"own": own}, status=422 if problem else 200)


def _beside(request: HttpRequest, contact: Contact) -> Ticket | None:
    """The ticket beside which somebody wrote, if it is one of this customer that they may see."""
    reference = request.POST.get("beside", "")
    ticket = ticket_or_404(request, reference)[1] if reference else None
    return ticket if ticket is not None and ticket.contact_id == contact.pk else None


def customer_or_404(contact_id: int) -> Contact:
    """One customer, or a 404."""
    try:
        return customer_by_id(contact_id=contact_id)
    except Contact.DoesNotExist as error:
        raise Http404 from error
