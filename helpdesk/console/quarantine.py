"""Quarantine: mail that stopped on its way in, with the reason, and what can be done about it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from helpdesk import blobs
from helpdesk.actions import quarantine as actions
from helpdesk.actions.quarantine import Decision
from helpdesk.console import paging
from helpdesk.console.access import agent_of
from helpdesk.console.raw_mail import PEEK_BYTES, Glance, glance, peek, raw_download
from helpdesk.console.wording import what_to_do
from helpdesk.models import Agent, InboundEvent
from helpdesk.queries import quarantine
from helpdesk.queries.quarantine import Shelf
from helpdesk.queries.tickets import visible_to

#: More than a page holds, so that nothing that was ticked is left out; an address takes them all for the undo.
MAX_CHOSEN = 100
_LABELS = {
    Shelf.STOPPED: gettext_lazy("In quarantine"),
    Shelf.DISCARDED: gettext_lazy("Discarded"),
    Shelf.READ: gettext_lazy("Tried again"),
}


@dataclass(frozen=True, slots=True)
class Item:
    """A mail on the list. ``glance`` is None where what it says isn't to be read here; ``reference`` is its ticket's,
    '' if there is none or the reader may not see it."""

    event: InboundEvent
    glance: Glance | None
    reference: str


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """One shelf, newest first; ``?undo=12``: mails that were discarded just now and can be brought back."""
    word = request.GET.get("state", "")
    shelf = Shelf(word) if word in set(Shelf) else Shelf.STOPPED
    page = quarantine.on_shelf(shelf, key=paging.key_of(request))
    numbers = quarantine.counts()
    context = {
        "items": _items(page.rows, agent_of(request)),
        "pages": paging.links(request, page),
        "shelf": shelf.value,
        "shelves": [(each.value, label, numbers[each]) for each, label in _LABELS.items()],
        "stopped": numbers[Shelf.STOPPED],
        "undo": quarantine.discarded_among(_numbers(request.GET.getlist("undo"))),
    }
    return render(request, "console/quarantine.html", context)


@require_safe
def detail(request: HttpRequest, event_id: int) -> HttpResponse:
    """One mail: why it stopped, and its beginning as plain characters; its structure is not read here."""
    event = _event(event_id)
    beginning = _beginning(event) if quarantine.is_open(event) else None
    [item] = _items([event], agent_of(request))
    context = {
        "item": item,
        "event": event,
        "is_open": quarantine.is_open(event),
        "is_stopped": event.state == InboundEvent.State.QUARANTINED,
        "peek": None if beginning is None else peek(beginning),
        "is_cut": event.size > PEEK_BYTES,
        "what_to_do": what_to_do(event.reason),
    }
    return render(request, "console/quarantined_mail.html", context)


@require_safe
def raw(request: HttpRequest, event_id: int) -> HttpResponse:
    """The mail as it came, byte for byte."""
    event = _event(event_id)
    if not quarantine.is_open(event):
        raise Http404
    try:
        content = blobs.get(event.blob)
    except OSError as error:
        raise Http404 from error
    return raw_download(content, name=f"quarantined-{event_id}.eml")


@require_POST
def decide(request: HttpRequest) -> HttpResponse:
    """Do what ``decision`` says with the mails that the form names; ``retry-all`` with everything in quarantine."""
    agent, word = agent_of(request), request.POST.get("decision", "")
    if word == "retry-all":
        count = actions.retry_all(by=agent)
        _tell(request, Decision.RETRY, count)
        return redirect("quarantine")
    if word not in set(Decision):
        raise Http404
    decision, chosen = Decision(word), _numbers(request.POST.getlist("event"))
    if not chosen:
        messages.warning(request, _("No mail was chosen."))
        return redirect("quarantine")
    done = actions.decide(decision=decision, events=chosen, by=agent)
    if decision is Decision.DISCARD and done:  # the page says so itself, with the undo
        return redirect(f"{reverse('quarantine')}?{urlencode({'undo': done}, doseq=True)}")
    _tell(request, decision, len(done))
    if request.POST.get("back") == "mail":
        return redirect("quarantined-mail", min(chosen))
    return redirect("quarantine")


def _tell(request: HttpRequest, decision: Decision, count: int) -> None:
    if not count:
        messages.warning(request, _("Nothing was changed: the mail has moved on since this page was opened."))
        return
    match decision:
        case Decision.BRING_BACK:
            text = ngettext("%(count)d mail is in quarantine again.", "%(count)d mails are in quarantine again.", count)
        case Decision.OPEN_PLAIN:
            text = ngettext(
                "%(count)d mail becomes a plain ticket: its beginning as text, the whole mail as a file.",
                "%(count)d mails become plain tickets: their beginning as text, the whole mail as a file.",
                count,
            )
        case _:
            text = ngettext("%(count)d mail is being read again.", "%(count)d mails are being read again.", count)
    messages.success(request, text % {"count": count})


def _items(events: Iterable[InboundEvent], agent: Agent) -> list[Item]:
    rows = list(events)
    tickets = {each.message.ticket_id for each in rows if hasattr(each, "message")}
    seen = set(visible_to(agent).filter(pk__in=tickets).values_list("pk", flat=True))
    return [_item(each, seen) for each in rows]


def _item(event: InboundEvent, seen: Collection[int]) -> Item:
    ticket = event.message.ticket if hasattr(event, "message") else None
    is_seen = ticket is not None and ticket.pk in seen
    beginning = _beginning(event) if is_seen or quarantine.is_open(event) else None
    return Item(
        event=event,
        glance=None if beginning is None else glance(beginning),
        reference=ticket.reference if ticket is not None and is_seen else "",
    )


def _event(event_id: int) -> InboundEvent:
    try:
        return quarantine.event_for(event_id=event_id)
    except InboundEvent.DoesNotExist as error:
        raise Http404 from error


def _beginning(event: InboundEvent) -> bytes | None:
    """None when the file is gone: the page then says so instead of failing."""
    try:
        return blobs.beginning(event.blob, PEEK_BYTES)
    except OSError:
        return None


def _numbers(words: Iterable[str]) -> list[int]:
    """The ids among what a form or an address sent, as many as a page can hold."""
    return [int(word) for word in words if word.isascii() and word.isdecimal() and len(word) < 19][:MAX_CHOSEN]
