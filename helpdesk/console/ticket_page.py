"""What the ticket's templates need, put together from queries. Reads only."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from helpdesk.connectors.registry import SOCIAL
from helpdesk.console.customer_look import Look, language_name, local_time, preferred_name
from helpdesk.console.customer_sections import first_sections
from helpdesk.console.promise_sections import later_context, promised_context
from helpdesk.console.returned import meaning_of
from helpdesk.console.service_clocks import service_context
from helpdesk.console.social_composer import marks_in, platform_of
from helpdesk.console.wording import file_word, leads_to, told
from helpdesk.models import Agent, Channel, Identity, Message, Priority, State, Ticket
from helpdesk.models.transport import DeliveryState
from helpdesk.queries.chat_desk import chat_of
from helpdesk.queries.contacts import comes_back, mail_addresses
from helpdesk.queries.conversation import Conversation, Said, conversation_of
from helpdesk.queries.inbox import STATE_CHOICES, View
from helpdesk.queries.promises import reminders_of
from helpdesk.queries.tickets import teams_of

#: Tags that are suggested to whoever adds one.
KNOWN_TAGS = 50

Choice = tuple[str, str | Promise, list[tuple[str, str]], str, str]


@dataclass(frozen=True)
class Newer:
    """A message that arrived while the agent wrote."""

    author: str
    text: str
    at: datetime


@dataclass(frozen=True)
class Attempt:
    """What the composer shows when it comes back: what was typed, why it did not go out."""

    kind: str = ""
    texts: dict[str, str] = field(default_factory=dict)
    to: str = ""
    cc: str = ""
    errors: tuple[str, ...] = ()
    stopped: tuple[Newer, ...] = ()
    via: str = ""


@dataclass(frozen=True)
class Place:
    """The list that a ticket was opened from; it travels in the address."""

    view: View
    state: str

    @classmethod
    def of(cls, request: HttpRequest) -> "Place":
        view, state = request.GET.get("view", ""), request.GET.get("state", "")
        return cls(
            view=View(view) if view in list(View) else View.TEAMS,
            state=state if state in STATE_CHOICES else STATE_CHOICES[0],
        )

    @property
    def query(self) -> str:
        """``?view=…&state=…`` for the addresses of tickets in the list."""
        return "?" + urlencode({"view": self.view.value, "state": self.state})

    @property
    def address(self) -> str:
        """The list's own address."""
        return f"{reverse('inbox', args=[self.view.value])}?{urlencode({'state': self.state})}"


def head_context(request: HttpRequest, agent: Agent, ticket: Ticket, *, problem: str = "") -> dict[str, Any]:
    """For ``console/ticket/head.html``: subject, reference and the properties that can be changed in place."""
    place = Place.of(request)
    return {
        "ticket": ticket,
        "reference": ticket.reference,
        "view_query": place.query,
        "back": place.address,
        "choices": _choices(agent, ticket),
        "tags": list(ticket.tags.values_list("name", flat=True)),
        "problem": problem,
        "my_reminders": reminders_of(agent=agent, ticket=ticket),
        **service_context(ticket),
    }


def timeline_context(request: HttpRequest, agent: Agent, ticket: Ticket, *, before: int = 0) -> dict[str, Any]:
    """For ``console/ticket/timeline.html``."""
    conversation = conversation_of(ticket, before=before)
    reading = ticket.readings.filter(agent=agent).values_list("cursor", flat=True).first()
    return {
        "ticket": ticket,
        "reference": ticket.reference,
        "view_query": Place.of(request).query,
        "conversation": conversation,
        "told": told,
        "leads_to": leads_to,
        "file_word": file_word,
        "meaning_of": meaning_of,
        "chat": chat_of(ticket, now=timezone.now()),
        "first_unread": first_unread(ticket, agent, conversation, reading),
        "undoable": _undoable(agent, conversation),
        "social_marks": marks_in(ticket),
        "delivery_labels": {state.value: str(state.label) for state in DeliveryState},
    }


def pane_context(
    request: HttpRequest, agent: Agent, ticket: Ticket, *, attempt: Attempt | None = None
) -> dict[str, Any]:
    """For ``console/ticket/pane.html``: everything about one ticket."""
    before = request.GET.get("before", "")
    timeline = timeline_context(
        request, agent, ticket, before=int(before) if before.isdecimal() and len(before) < 19 else 0
    )
    return {
        **head_context(request, agent, ticket),
        **timeline,
        **composer_context(agent, ticket, timeline["conversation"], attempt or Attempt()),
        **_customer(request, agent, ticket),
        **later_context(ticket, agent),
        "receivers": _receivers(agent, ticket),
        "may_take": ticket.team.agents.filter(pk=agent.pk).exists(),
    }


def composer_context(agent: Agent, ticket: Ticket, conversation: Conversation, attempt: Attempt) -> dict[str, Any]:
    """For ``console/ticket/composer.html``: what was typed, else the stored drafts; whom an answer goes to."""
    drafts = {"reply": "", "note": ""}
    drafts |= dict(ticket.drafts.filter(agent=agent).values_list("kind", "text"))
    drafts |= attempt.texts
    to, cc, people = _recipients(ticket, conversation)
    return {
        "draft": drafts,
        "kind": attempt.kind or ("note" if drafts["note"] and not drafts["reply"] else "reply"),
        "to": attempt.to or to,
        "cc": attempt.cc or cc,
        "errors": attempt.errors,
        "chat": chat_of(ticket, now=timezone.now()),
        "client_id": uuid.uuid4().hex,
        "comes_back": comes_back(addresses=_addresses_in(attempt.to or to, attempt.cc or cc), known=people),
        "meaning_of": meaning_of,
        "stopped": attempt.stopped,
        "platform": platform_of(ticket, now=timezone.now()),
        "via": attempt.via,
    }


def _addresses_in(*lists: str) -> list[str]:
    return [address.strip().lower() for each in lists for address in each.split(",")]


def first_unread(ticket: Ticket, agent: Agent, conversation: Conversation, cursor: int | None) -> int:
    """The first message that the agent hasn't seen; 0 when all is read, or when all of it is new."""
    if cursor is None or ticket.message_cursor <= cursor:
        return 0
    seen = set(ticket.entries.filter(pk__lte=cursor, message__isnull=False).values_list("message_id", flat=True))
    unread = [item for item in conversation.items if isinstance(item, Said) and item.id not in seen]
    foreign = (item.id for item in unread if item.agent_id != agent.pk and item.kind != Message.Kind.AUTOMATIC)
    return next(foreign, 0)


def _undoable(agent: Agent, conversation: Conversation) -> frozenset[int]:
    now = timezone.now()
    return frozenset(
        item.id
        for item in conversation.items
        if isinstance(item, Said)
        and item.agent_id == agent.pk
        and item.delivery_state == DeliveryState.QUEUED
        and item.delivery_due_at is not None
        and item.delivery_due_at > now
    )


def _choices(agent: Agent, ticket: Ticket) -> list[Choice]:
    """The selects of the head: name, label, options, chosen value, key."""
    agents = ticket.team.agents.filter(is_active=True).order_by().annotate(kind=Value("agent"))
    seen = teams_of(agent).filter(is_active=True).order_by().annotate(kind=Value("team"))
    columns = ("kind", "pk", "name")
    # One statement for both lists.
    found = sorted(agents.values_list(*columns).union(seen.values_list(*columns), all=True), key=lambda row: row[2])
    owners = [("", str(_("Nobody"))), *_named(row[1:] for row in found if row[0] == "agent")]
    if ticket.owner is not None and str(ticket.owner.pk) not in dict(owners):
        owners.append((str(ticket.owner.pk), ticket.owner.name))
    teams = _named(row[1:] for row in found if row[0] == "team")
    if str(ticket.team_id) not in dict(teams):
        teams.append((str(ticket.team_id), ticket.team.name))
    return [
        ("state", _("State"), [(each.value, str(each.label)) for each in State], ticket.state, "s"),
        ("team", _("Team"), teams, str(ticket.team_id), "t"),
        ("owner", _("Owner"), owners, str(ticket.owner_id or ""), "a"),
        (
            "priority",
            _("Priority"),
            [(str(each.value), str(each.label)) for each in Priority],
            str(ticket.priority),
            "",
        ),
    ]


def _receivers(agent: Agent, ticket: Ticket) -> list[tuple[str, str]]:
    """Whom a chat can be handed over to: colleagues of its team, and other teams."""
    if ticket.channel.kind != Channel.Kind.CHAT:
        return []
    members = ticket.team.agents.filter(is_active=True).exclude(pk=ticket.owner_id or 0).values_list("pk", "name")
    teams = teams_of(agent).filter(is_active=True).exclude(pk=ticket.team_id).values_list("pk", "name")
    return [*((f"agent:{pk}", name) for pk, name in members), *((f"team:{pk}", name) for pk, name in teams)]


def _named(rows: Any) -> list[tuple[str, str]]:
    return [(str(key), name) for key, name in rows]


def _recipients(ticket: Ticket, conversation: Conversation) -> tuple[str, str, list[Identity]]:
    """Whom an answer goes to: the last customer message's sender, with those in copy; ours never among them.

    And the addresses of all who take part.
    """
    rows = ticket.participants.select_related("identity").order_by("id")
    if ticket.channel.kind in SOCIAL:
        return ", ".join(mail_addresses(ticket.contact)[:1]), "", [each.identity for each in rows]
    ours = ticket.channel.mailbox.addresses if hasattr(ticket.channel, "mailbox") else frozenset()
    requester = [each.identity.value for each in rows if each.role == "requester"]
    copies = [each.identity.value for each in rows if each.role == "copy" and each.identity.value not in ours]
    if not requester:
        senders = (
            item.address
            for item in reversed(conversation.items)
            if isinstance(item, Said) and item.kind == Message.Kind.CUSTOMER
        )
        requester = [address for address in senders if address][:1]
    return ", ".join(requester), ", ".join(copies), [each.identity for each in rows]


def _customer(request: HttpRequest, agent: Agent, ticket: Ticket) -> dict[str, Any]:
    if ticket.contact is None:
        promised = promised_context(ticket=ticket, agent=agent)
        return {"local_time": "", "preferred": "", "language_name": language_name, "sections": (), **promised}
    now = timezone.now()
    look = Look(agent=agent, contact=ticket.contact, ticket=ticket, now=now, query=Place.of(request).query)
    return {
        "local_time": local_time(ticket.contact, now=now),
        "preferred": preferred_name(ticket.contact),
        "language_name": language_name,
        "sections": first_sections(look),
    }
