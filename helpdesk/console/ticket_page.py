"""What the ticket's templates need, put together from queries. Reads only."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from helpdesk.connectors.registry import SOCIAL
from helpdesk.console.customer_look import Look, language_name, local_time, preferred_name
from helpdesk.console.customer_sections import first_sections
from helpdesk.console.promise_sections import later_context, promised_context
from helpdesk.console.returned import meaning_of
from helpdesk.console.service_clocks import service_context
from helpdesk.console.social_composer import Platform, marks_in, platform_of
from helpdesk.console.wording import file_word, leads_to, told
from helpdesk.models import Agent, Channel, Identity, Message, Priority, State, Ticket
from helpdesk.models.transport import DeliveryState
from helpdesk.queries.chat_desk import chat_of
from helpdesk.queries.consents import may_refuse, service_refused_by
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


@dataclass(frozen=True)
class Staff:
    """Whom a ticket can be given to, by name: those of its team, and the teams that the agent sees."""

    members: Sequence[tuple[int, str]]
    teams: Sequence[tuple[int, str]]

    @classmethod
    def of(cls, agent: Agent, ticket: Ticket) -> "Staff":
        """One statement for both."""
        columns = ("kind", "pk", "name")
        agents = ticket.team.agents.filter(is_active=True).order_by().annotate(kind=Value("agent"))
        seen = teams_of(agent).filter(is_active=True).order_by().annotate(kind=Value("team"))
        rows = sorted(agents.values_list(*columns).union(seen.values_list(*columns), all=True), key=lambda row: row[2])
        named = {kind: [row[1:] for row in rows if row[0] == kind] for kind in ("agent", "team")}
        return cls(members=named["agent"], teams=named["team"])


def head_context(
    request: HttpRequest, agent: Agent, ticket: Ticket, *, problem: str = "", staff: Staff | None = None
) -> dict[str, Any]:
    """For ``console/ticket/head.html``: subject, reference and the properties that can be changed in place."""
    place = Place.of(request)
    return {
        "ticket": ticket,
        "reference": ticket.reference,
        "view_query": place.query,
        "back": place.address,
        "choices": _choices(ticket, staff or Staff.of(agent, ticket)),
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
        "worded": gettext,
        "delivery_labels": {state.value: str(state.label) for state in DeliveryState},
    }


def pane_context(
    request: HttpRequest, agent: Agent, ticket: Ticket, *, attempt: Attempt | None = None
) -> dict[str, Any]:
    """For ``console/ticket/pane.html``: everything about one ticket."""
    before, staff = request.GET.get("before", ""), Staff.of(agent, ticket)
    timeline = timeline_context(
        request, agent, ticket, before=int(before) if before.isdecimal() and len(before) < 19 else 0
    )
    return {
        **head_context(request, agent, ticket, staff=staff),
        **timeline,
        **composer_context(agent, ticket, timeline["conversation"], attempt or Attempt()),
        **_customer(request, agent, ticket, staff),
        **later_context(ticket, agent, members=staff.members),
        "receivers": _receivers(ticket, staff),
        "may_take": any(pk == agent.pk for pk, _name in staff.members),
    }


def composer_context(agent: Agent, ticket: Ticket, conversation: Conversation, attempt: Attempt) -> dict[str, Any]:
    """For ``console/ticket/composer.html``: what was typed, else the stored drafts; whom an answer goes to."""
    drafts = {"reply": "", "note": ""}
    drafts |= dict(ticket.drafts.filter(agent=agent).values_list("kind", "text"))
    drafts |= attempt.texts
    to, cc, people, silent = _recipients(ticket, conversation)
    addresses = _addresses_in(attempt.to or to, attempt.cc or cc)
    platform = platform_of(ticket, now=timezone.now())
    return {
        "draft": drafts,
        "kind": attempt.kind or ("note" if drafts["note"] and not drafts["reply"] else "reply"),
        "to": attempt.to or to,
        "cc": attempt.cc or cc,
        "errors": attempt.errors,
        "chat": chat_of(ticket, now=timezone.now()),
        "client_id": uuid.uuid4().hex,
        "comes_back": comes_back(addresses=addresses, known=people),
        "refused_by": service_refused_by(set(addresses) - silent, channel_kind=Channel.Kind.EMAIL),
        "is_platform_refused": _is_platform_refused(ticket, platform, {each.value for each in people} - silent),
        "meaning_of": meaning_of,
        "stopped": attempt.stopped,
        "platform": platform,
        "via": attempt.via,
    }


def _is_platform_refused(ticket: Ticket, platform: Platform | None, people: set[str]) -> bool:
    """Whether one of those whom an answer on the platform goes to takes none there."""
    return platform is not None and bool(service_refused_by(people, channel_kind=ticket.channel.kind))


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


def _choices(ticket: Ticket, staff: Staff) -> list[Choice]:
    """The selects of the head: name, label, options, chosen value, key."""
    owners = [("", str(_("Nobody"))), *_named(staff.members)]
    if ticket.owner is not None and str(ticket.owner.pk) not in dict(owners):
        owners.append((str(ticket.owner.pk), ticket.owner.name))
    teams = _named(staff.teams)
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


def _receivers(ticket: Ticket, staff: Staff) -> list[tuple[str, str]]:
    """Whom a chat can be handed over to: colleagues of its team, and other teams."""
    if ticket.channel.kind != Channel.Kind.CHAT:
        return []
    members = [(pk, name) for pk, name in staff.members if pk != ticket.owner_id]
    teams = [(pk, name) for pk, name in staff.teams if pk != ticket.team_id]
    return [*((f"agent:{pk}", name) for pk, name in members), *((f"team:{pk}", name) for pk, name in teams)]


def _named(rows: Any) -> list[tuple[str, str]]:
    return [(str(key), name) for key, name in rows]


def _recipients(ticket: Ticket, conversation: Conversation) -> tuple[str, str, list[Identity], set[str]]:
    """Whom an answer goes to: the last customer message's sender, with those in copy; ours never among them.

    And the addresses of all who take part, with the values of those that have never refused an answer.
    """
    rows = list(may_refuse(ticket.participants.select_related("identity")).order_by("id"))
    people = [each.identity for each in rows]
    silent = {each.identity.value for each in rows if not each.may_refuse}
    if ticket.channel.kind in SOCIAL:
        return ", ".join(mail_addresses(ticket.contact)[:1]), "", people, silent
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
    return ", ".join(requester), ", ".join(copies), people, silent


def _customer(request: HttpRequest, agent: Agent, ticket: Ticket, staff: Staff) -> dict[str, Any]:
    if ticket.contact is None:
        promised = promised_context(ticket=ticket, agent=agent)
        return {"local_time": "", "preferred": "", "language_name": language_name, "sections": (), **promised}
    now = timezone.now()
    look = Look(
        agent=agent,
        contact=ticket.contact,
        ticket=ticket,
        now=now,
        query=Place.of(request).query,
        members=staff.members,
    )
    return {
        "local_time": local_time(ticket.contact, now=now),
        "preferred": preferred_name(ticket.contact),
        "language_name": language_name,
        "sections": first_sections(look),
    }
