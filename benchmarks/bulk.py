"""Loading tickets by the million: the bulk rows that every desk was measured with, as rows of ours.

What actions would write, is written: contact, identity, ticket, participant, two messages, journal lines, search index.
Bulk row n becomes ticket n with the messages and journal lines 2n-1 and 2n.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from django.db import transaction

from benchmarks import workload
from benchmarks.bulk_writer import Writer, finish, indexes_made_afterwards, moment, relax_durability
from benchmarks.progress import say
from helpdesk.actions.indexing import Document, index_all, index_ticket
from helpdesk.models import (
    Agent,
    Channel,
    Contact,
    Entry,
    Identity,
    Mailbox,
    Membership,
    Message,
    Participant,
    Role,
    State,
    Team,
    Ticket,
)

CHUNK = 10_000
PASSWORD = "a password for the benchmark"
AGENT = "ben@luotsi.example"
TEAMS = ("General", "Billing", "Technical", "Deliveries", "Accounts")
"""The first takes what no rule places; the measured agent is in the first three."""
ANSWERED_AFTER_S = 2 * 3600
LONG_TICKET_SUBJECT = "A long conversation"
LONG_TICKET_MESSAGES = 50

OPEN_STATES = (State.NEW, State.OPEN, State.WAITING)


@dataclass(frozen=True)
class House:
    """What tickets hang on: one channel, five teams, forty agents; the measured agent is in three of the teams."""

    channel: Channel
    teams: Sequence[Team]
    agents: Sequence[Agent]


@dataclass(frozen=True)
class Load:
    """One bulk row with what was drawn for it: ids of its contact, team and owner."""

    row: workload.BulkRow
    contact_id: int
    team_id: int
    owner_id: int | None
    state: State

    @property
    def answered_unix(self) -> int:
        return self.row.created_unix + ANSWERED_AFTER_S


def furnish() -> House:
    """The house, made when it is missing."""
    teams = [
        Team.objects.get_or_create(slug=name.lower(), defaults={"name": name, "is_default": name == TEAMS[0]})[0]
        for name in TEAMS
    ]
    channel, is_new = Channel.objects.get_or_create(slug="support", defaults={"name": "Support", "team": teams[0]})
    if is_new:
        Mailbox.objects.create(channel=channel, address=workload.MAILBOX)
        ben = Agent.objects.create_user(AGENT, PASSWORD, name="Ben", role=Role.AGENT)
        others = Agent.objects.bulk_create(
            Agent(email=f"agent{n}@luotsi.example", name=f"Agent {n}", password="!") for n in range(39)
        )
        Membership.objects.bulk_create(
            [Membership(agent=ben, team=team) for team in teams[:3]]
            + [Membership(agent=other, team=teams[n % len(teams)]) for n, other in enumerate(others)]
        )
    return House(channel=channel, teams=teams, agents=list(Agent.objects.order_by("id")))


def grow_to(size: int) -> None:
    """Load until there are `size` tickets; those that are there already stay."""
    house, there = furnish(), Ticket.objects.count()
    if there >= size:
        return
    relax_durability()
    contacts = dict(Identity.objects.values_list("value", "contact"))
    rows = workload.bulk_rows(first=there + 1, count=size - there)
    with indexes_made_afterwards():
        while chunk := list(islice(rows, CHUNK)):
            with transaction.atomic():
                _add_contacts(chunk, contacts)
                _write([_draw(row, house, contacts[row.address]) for row in chunk], house)
            there += len(chunk)
            if there % 100_000 == 0 or there == size:
                say(f"loaded {there:,} tickets")
    finish(Contact, Identity, Ticket, Participant, Message, Entry)


def visible_numbers(count: int) -> list[int]:
    """Bulk numbers of `count` tickets that the measured agent may see, spread over all of them."""
    newest = Ticket.objects.order_by("-id").values_list("id", flat=True)[0]
    spread = range(1, newest, max(1, newest // (count * 4)))
    visible = Ticket.objects.filter(id__in=spread, team__memberships__agent__email=AGENT)
    return list(visible.order_by("id").values_list("id", flat=True)[:count])


def long_ticket() -> Ticket:
    """One ticket of the measured agent with fifty messages, the subject of the ticket page. Made after all growing."""
    house, rows = furnish(), list(workload.bulk_rows(first=1, count=LONG_TICKET_MESSAGES // 2))
    ben, at = house.agents[0], datetime.now(UTC) - timedelta(days=1)
    contact = Identity.objects.get(value=rows[0].address).contact
    with transaction.atomic():
        ticket = Ticket.objects.create(
            subject=LONG_TICKET_SUBJECT, preview=rows[0].question[:160], state=State.OPEN, channel=house.channel,
            contact=contact, team=house.teams[0], owner=ben, language="en", created_at=at, last_activity_at=at,
        )  # fmt: skip
        for turn, row in enumerate(rows):
            for kind, text in ((Message.Kind.CUSTOMER, row.question), (Message.Kind.REPLY, row.answer)):
                is_reply = kind is Message.Kind.REPLY
                message = Message.objects.create(
                    ticket=ticket, kind=kind, contact=None if is_reply else contact, agent=ben if is_reply else None,
                    sender_name="" if is_reply else rows[0].name, sender_address="" if is_reply else rows[0].address,
                    subject=ticket.subject, text=text, created_at=at + timedelta(minutes=2 * turn + is_reply),
                )  # fmt: skip
                Entry.objects.create(
                    kind=Entry.Kind.MESSAGE_ADDED, ticket=ticket, message=message, created_at=message.created_at
                )
        index_ticket(ticket=ticket)
    return ticket


def _add_contacts(chunk: Sequence[workload.BulkRow], contacts: dict[str, int]) -> None:
    new = {row.address: row.name for row in chunk if row.address not in contacts}
    ids = range(len(contacts) + 1, len(contacts) + len(new) + 1)
    Writer(Contact, "id", "name").write(zip(ids, new.values(), strict=True))
    Writer(Identity, "id", "contact_id", "value").write(zip(ids, ids, new, strict=True))
    contacts.update(zip(new, ids, strict=True))


def _draw(row: workload.BulkRow, house: House, contact_id: int) -> Load:
    """Team, owner and state of a ticket, the same at every load."""
    dice = random.Random(row.number)
    state = dice.choice(OPEN_STATES) if row.is_open else State.CLOSED
    team, owner = dice.choice(house.teams), dice.choice(house.agents)
    return Load(row, contact_id, team.pk, None if state is State.NEW else owner.pk, state)


def _write(loads: Sequence[Load], house: House) -> None:
    Writer(
        Ticket, "id", "subject", "preview", "state", "channel_id", "contact_id", "team_id", "owner_id", "created_at",
        "last_activity_at", "first_reply_at", "solved_at", "message_cursor",
    ).write(
        (
            x.row.number, x.row.subject, x.row.question[:160].replace("\n", " "), x.state.value, house.channel.pk,
            x.contact_id, x.team_id, x.owner_id, moment(x.row.created_unix), moment(x.answered_unix),
            moment(x.answered_unix), None if x.row.is_open else moment(x.answered_unix), 2 * x.row.number,
        )
        for x in loads
    )  # fmt: skip
    Writer(Participant, "id", "ticket_id", "identity_id", "role").write(
        (x.row.number, x.row.number, x.contact_id, Participant.Role.REQUESTER.value) for x in loads
    )
    Writer(
        Message, "id", "ticket_id", "kind", "contact_id", "agent_id", "sender_name", "sender_address", "subject",
        "text", "message_id", "created_at",
    ).write(message for x in loads for message in _messages(x))  # fmt: skip
    index_all(documents=[document for x in loads for document in _documents(x)])
    Writer(Entry, "id", "kind", "ticket_id", "message_id", "agent_id", "contact_id", "is_internal", "created_at").write(
        line for x in loads for line in _journal_lines(x)
    )


def _messages(x: Load) -> Iterator[tuple[object, ...]]:
    second = 2 * x.row.number
    yield (
        second - 1, x.row.number, Message.Kind.CUSTOMER.value, x.contact_id, None, x.row.name, x.row.address,
        x.row.subject, x.row.question, f"bulk.{x.row.number}@bench.example", moment(x.row.created_unix),
    )  # fmt: skip
    yield (
        second, x.row.number, Message.Kind.REPLY.value, None, x.owner_id, "", "",
        x.row.subject, x.row.answer, "", moment(x.answered_unix),
    )  # fmt: skip


def _documents(x: Load) -> Iterator[Document]:
    row, second = x.row, 2 * x.row.number
    people = f"{row.name} {row.address}"
    for number, who, text in ((second - 1, people, row.question), (second, row.name, row.answer)):
        yield Document(
            message_id=number, ticket_id=row.number, team_id=x.team_id, people=who, subject=row.subject, text=text
        )


def _journal_lines(x: Load) -> Iterator[tuple[object, ...]]:
    kind, second = Entry.Kind.MESSAGE_ADDED.value, 2 * x.row.number
    yield second - 1, kind, x.row.number, second - 1, None, x.contact_id, False, moment(x.row.created_unix)
    yield second, kind, x.row.number, second, x.owner_id, None, False, moment(x.answered_unix)
