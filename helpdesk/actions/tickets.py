"""What can be done to a ticket. Each action is one transaction and writes its line into the journal.

``by`` is the agent who does it; None means the desk itself (rules, intake, timers).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.actions import assignment, chat_lines, clocks, promises, snoozing
from helpdesk.actions.indexing import index_ticket
from helpdesk.actions.journal import Line, Placed, record, record_many
from helpdesk.actions.rows import change_each
from helpdesk.models import (
    OVER_STATES,
    Agent,
    Assignment,
    Channel,
    Contact,
    Delivery,
    Entry,
    Identity,
    Message,
    Participant,
    Priority,
    Reading,
    Reminder,
    State,
    Tag,
    Team,
    Ticket,
)
from helpdesk.text import clean, excerpt


class NotInTeam(ValueError):
    """The chosen owner isn't a member of the ticket's team and could not see the ticket."""


class CannotJoin(ValueError):
    """These two tickets can't be joined; the text says why."""


def draft_ticket(
    *,
    channel: Channel,
    team: Team,
    subject: str,
    at: datetime,
    contact: Contact | None = None,
    language: str = "",
    state: State = State.NEW,
) -> Ticket:
    """A new ticket in ``team``, not saved: rules look at it and place it first, then `open_tickets` stores it once."""
    return Ticket(
        channel=channel,
        team=team,
        subject=clean(subject, max_length=250),
        contact=contact,
        language=language,
        state=state,
        solved_at=at if state in OVER_STATES else None,
        state_since=at,
        created_at=at,
        last_activity_at=at,
    )


def open_tickets(*, drafts: Sequence[tuple[Ticket, Collection[str]]]) -> None:
    """Store drafts, each with its tags. The caller adds first messages and journal lines in the same transaction."""
    Ticket.objects.bulk_create(ticket for ticket, _ in drafts)
    names = {id(ticket): tag_names(wanted) for ticket, wanted in drafts}
    if not (wanted := set().union(*names.values())):
        return
    Tag.objects.bulk_create([Tag(name=name) for name in sorted(wanted)], ignore_conflicts=True)
    tags = {tag.name: tag for tag in Tag.objects.filter(name__in=wanted)}
    tagged = Ticket.tags.through
    tagged.objects.bulk_create(
        tagged(ticket=ticket, tag=tags[name]) for ticket, _ in drafts for name in sorted(names[id(ticket)])
    )


def participants(
    *, ticket: Ticket, requester: Identity | None, copies: Iterable[Identity] = ()
) -> Iterable[Participant]:
    """Who takes part in a ticket, not stored; the requester is not also a copy."""
    rows = {}
    if requester is not None:
        rows[requester.pk] = Participant(ticket=ticket, identity=requester, role=Participant.Role.REQUESTER)
    for copy in copies:
        rows.setdefault(copy.pk, Participant(ticket=ticket, identity=copy, role=Participant.Role.COPY))
    return rows.values()


def arrival_line(message: Message) -> Line:
    """The journal's line for a new message; nobody outside sees notes and machine mail."""
    return Line(
        kind=Entry.Kind.NOTE_ADDED if message.is_internal else Entry.Kind.MESSAGE_ADDED,
        message=message,
        by=message.agent,
        contact=message.contact,
        is_internal=message.is_internal or message.kind == Message.Kind.MACHINE,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A stored message is new in its ticket; ``lines`` come before it in the journal.

    ``reopens``: a customer wrote, which brings the ticket back to work; ``awaits_reply``: they wait for a person.
    """

    ticket: Ticket
    message: Message
    at: datetime
    reopens: bool = False
    awaits_reply: bool = False
    lines: Sequence[Line] = ()


#: What a new message changes in its ticket.
ARRIVAL_COLUMNS = ("message_cursor", "preview", "last_activity_at", "last_customer_message_at", "last_reply_at")


def note_writer(*, ticket: Ticket, message: Message, at: datetime) -> list[str]:
    """Remember, unsaved, when the customer and when we wrote last; the columns that this changes.

    Notes and machines' mail are no words of either.
    """
    names = {Message.Kind.CUSTOMER: "last_customer_message_at", Message.Kind.REPLY: "last_reply_at"}
    name = names.get(Message.Kind(message.kind), "")
    former = getattr(ticket, name) if name else at
    if former is not None and former >= at:
        return []
    setattr(ticket, name, at)
    return [name]


@transaction.atomic(savepoint=False)
def note_arrivals(*, arrivals: Sequence[Arrival]) -> None:
    """Tickets have new messages: journal, order, preview, unread mark, and back to work when a customer wrote."""
    lines = [[*each.lines, arrival_line(each.message)] for each in arrivals]
    entries = iter(
        record_many(
            [Placed(each.ticket, each.at, line) for each, own in zip(arrivals, lines, strict=True) for line in own]
        )
    )
    wrote: set[str] = set()
    for each, own in zip(arrivals, lines, strict=True):
        ticket, message = each.ticket, each.message
        ticket.message_cursor = [next(entries) for _ in own][-1].pk
        wrote.update(note_writer(ticket=ticket, message=message, at=each.at))
        if not message.is_internal:
            ticket.preview = excerpt(message.said, max_length=160)
            ticket.last_activity_at = max(each.at, ticket.last_activity_at)
    changed = {each.ticket.pk: each.ticket for each in arrivals}.values()
    due = ["due_at"] if _wind_clocks(arrivals) else []
    change_each(changed, [*ARRIVAL_COLUMNS[:3], *sorted(wrote), *due])
    snoozing.customers_wrote((each.ticket for each in arrivals if each.reopens), at=arrivals[-1].at)
    for each in arrivals:
        if each.message.event_id is not None and each.ticket.channel.kind == Channel.Kind.CHAT:
            chat_lines.note_mail(ticket=each.ticket, message=each.message, at=each.at)
        is_resting = each.ticket.state in {State.WAITING, State.SOLVED, State.CLOSED}
        if each.reopens and is_resting and each.ticket.merged_into_id is None:
            set_state(ticket=each.ticket, state=State.OPEN, by=None, at=each.at)


def _wind_clocks(arrivals: Sequence[Arrival]) -> bool:
    """Service clocks follow what was said; whether ``due_at`` is to be stored."""
    said = [
        clocks.Said(each.ticket, each.at, is_answer=each.message.kind == Message.Kind.REPLY, by=each.message.agent)
        for each in arrivals
        if each.message.kind == Message.Kind.REPLY or each.reopens or (each.awaits_reply and each.ticket.is_active)
    ]
    return clocks.note_said(said=said)


@transaction.atomic(savepoint=False)
def set_state(*, ticket: Ticket, state: State, by: Agent | None, at: datetime | None = None) -> None:
    """Change the state; nothing happens when it already is so. A merged ticket stays closed (CannotJoin).

    What is spam gets no automatic mail: what waits to be sent by itself is cancelled.
    """
    if ticket.state == state:
        return
    if ticket.merged_into_id is not None:
        raise CannotJoin(_("This ticket was merged into another one; change that one."))
    at, before = at or timezone.now(), ticket.state
    ticket.state, ticket.state_since = state, at
    ticket.solved_at = (ticket.solved_at or at) if state in OVER_STATES else None
    ticket.save(update_fields=["state", "state_since", "solved_at"])
    record(
        kind=Entry.Kind.STATE_CHANGED,
        ticket=ticket,
        by=by,
        data={"from": before, "to": state},
        is_internal=State.SPAM in {before, state},
        at=at,
    )
    clocks.state_changed(ticket=ticket, by=by, at=at)
    if state in {*OVER_STATES, State.SPAM}:
        snoozing.wake(ticket=ticket, why=Reminder.Outcome.STATE, by=by, at=at)
    if state in OVER_STATES:
        chat_lines.tell_over(ticket=ticket, at=at)
    if state == State.SPAM:
        _cancel_automatic_mail(ticket, by=by, at=at)


def _cancel_automatic_mail(ticket: Ticket, *, by: Agent | None, at: datetime) -> None:
    waiting = (Delivery.State.HELD, Delivery.State.QUEUED, Delivery.State.RETRY)
    rows = Delivery.objects.defer("mime").filter(message__ticket=ticket, is_automatic=True, state__in=waiting)
    for delivery in rows.select_related("message"):
        # Asked for again: the outbox may have taken it since.
        mine = Delivery.objects.filter(pk=delivery.pk, state=delivery.state)
        if mine.update(state=Delivery.State.CANCELLED, lease_until=None):
            data = {"from": delivery.state, "to": Delivery.State.CANCELLED.value, "recipient": delivery.recipient}
            record(kind=Entry.Kind.DELIVERY_CHANGED, ticket=ticket, message=delivery.message, by=by, data=data, at=at)


@transaction.atomic(savepoint=False)
def set_owner(
    *,
    ticket: Ticket,
    owner: Agent | None,
    by: Agent | None,
    at: datetime | None = None,
    handed: assignment.Handed | None = None,
    is_told: bool = True,
) -> None:
    """Hand the ticket to ``owner`` or back to the team's queue; ``handed`` says why when the desk does it.

    A visitor who chats sees it, unless ``is_told`` is False: something else says so already. Raises NotInTeam.
    """
    if ticket.owner_id == (owner.pk if owner else None):
        return
    if owner is not None and not owner.teams.filter(pk=ticket.team_id).exists():
        raise NotInTeam(_("%(agent)s isn't a member of %(team)s.") % {"agent": owner.name, "team": ticket.team.name})
    at, former = at or timezone.now(), ticket.owner
    ticket.owner = owner
    ticket.save(update_fields=["owner"])
    assignment.note_owner(ticket=ticket, former=former, by=by, at=at, handed=handed)
    data = {"from": former.name if former else "", "to": owner.name if owner else ""}
    if handed is not None:
        data["cause"] = handed.cause.value
    record(kind=Entry.Kind.OWNER_CHANGED, ticket=ticket, by=by, data=data, at=at)
    if by is not None and by != owner and handed is None:
        snoozing.wake(ticket=ticket, why=Reminder.Outcome.HANDED_ON, by=by, at=at)
    if is_told:
        chat_lines.tell_owner(ticket=ticket, before=former, at=at)


@transaction.atomic(savepoint=False)
def set_team(*, ticket: Ticket, team: Team, by: Agent | None, at: datetime | None = None) -> None:
    """Move the ticket to ``team``. An owner who isn't a member there loses it, since they could no longer see it."""
    if ticket.team_id == team.pk:
        return
    at, before = at or timezone.now(), ticket.team
    ticket.team = team
    ticket.save(update_fields=["team"])
    record(
        kind=Entry.Kind.TEAM_CHANGED,
        ticket=ticket,
        by=by,
        data={"from": before.name, "to": team.name},
        at=at,
        former_team_id=before.pk,
    )
    index_ticket(ticket=ticket)
    snoozing.wake(ticket=ticket, why=Reminder.Outcome.HANDED_ON, by=by, at=at)
    chat_lines.tell_team(ticket=ticket, at=at)
    if ticket.owner is None:
        assignment.wait(ticket=ticket, since=at)
    elif not ticket.owner.teams.filter(pk=team.pk).exists():
        moved = assignment.Handed(cause=Assignment.Cause.BY_HAND)
        set_owner(ticket=ticket, owner=None, by=by, at=at, handed=moved, is_told=False)


@transaction.atomic(savepoint=False)
def set_priority(*, ticket: Ticket, priority: Priority, by: Agent | None, at: datetime | None = None) -> None:
    """Change how urgent the ticket is."""
    if ticket.priority == priority:
        return
    at, before, ticket.priority = at or timezone.now(), Priority(ticket.priority), priority
    ticket.save(update_fields=["priority"])
    data = {"from": before.slug, "to": priority.slug}
    record(kind=Entry.Kind.PRIORITY_CHANGED, ticket=ticket, by=by, data=data, at=at)
    clocks.priority_changed(ticket=ticket, by=by, at=at)


def tag_names(names: Iterable[str]) -> set[str]:
    """Tags as they are stored: lower case, one line, at most 50 characters, none empty."""
    return {name for raw in names if (name := clean(raw, max_length=50).lower().strip(","))}


@transaction.atomic(savepoint=False)
def set_tags(*, ticket: Ticket, names: Collection[str], by: Agent | None, at: datetime | None = None) -> None:
    """Make ``names`` the tags of the ticket; new words become tags."""
    before, wanted = set(ticket.tags.values_list("name", flat=True)), tag_names(names)
    if wanted == before:
        return
    Tag.objects.bulk_create([Tag(name=name) for name in wanted - before], ignore_conflicts=True)
    ticket.tags.set(Tag.objects.filter(name__in=wanted))
    record(
        kind=Entry.Kind.TAGS_CHANGED,
        ticket=ticket,
        by=by,
        data={"added": sorted(wanted - before), "removed": sorted(before - wanted)},
        at=at or timezone.now(),
    )


@transaction.atomic(savepoint=False)
def set_subject(*, ticket: Ticket, subject: str, by: Agent, at: datetime | None = None) -> None:
    """Give the ticket a better title; mail that is already out keeps the old one."""
    wanted = clean(subject, max_length=250)
    if not wanted or wanted == ticket.subject:
        return
    before, ticket.subject = ticket.subject, wanted
    ticket.save(update_fields=["subject"])
    data, at = {"from": before, "to": wanted}, at or timezone.now()
    record(kind=Entry.Kind.SUBJECT_CHANGED, ticket=ticket, by=by, data=data, at=at)
    index_ticket(ticket=ticket)


@transaction.atomic(savepoint=False)
def add_participant(*, ticket: Ticket, identity: Identity, by: Agent | None) -> None:
    """Let an address take part: its mails join by reference number and count as the customer's from now on."""
    Participant.objects.get_or_create(ticket=ticket, identity=identity, defaults={"role": Participant.Role.COPY})
    ticket.messages.filter(sender_address=identity.value, is_third_party=True).update(is_third_party=False)
    record(
        kind=Entry.Kind.CONTACT_CHANGED,
        ticket=ticket,
        by=by,
        data={"added": identity.value},
        at=timezone.now(),
    )


@transaction.atomic(savepoint=False)
def remove_participant(*, ticket: Ticket, identity: Identity, by: Agent) -> None:
    """Let an address in copy take part no more; its mails are a third party's again. The requester stays."""
    gone, _rows = ticket.participants.filter(identity=identity, role=Participant.Role.COPY).delete()
    if not gone:
        return
    ticket.messages.filter(sender_address=identity.value, kind=Message.Kind.CUSTOMER).update(is_third_party=True)
    record(kind=Entry.Kind.CONTACT_CHANGED, ticket=ticket, by=by, data={"removed": identity.value}, at=timezone.now())


@transaction.atomic(savepoint=False)
def join(*, ticket: Ticket, into: Ticket, by: Agent | None, at: datetime | None = None) -> None:
    """Move every message of ``ticket`` into ``into`` and close it; its reference and reply addresses lead there.

    Its people take part in ``into`` only when an agent joined the two; otherwise their mails show as from a third
    party (MAIL.md 17). Raises CannotJoin.
    """
    if ticket.pk == into.pk or ticket.merged_into_id is not None or into.merged_into_id is not None:
        raise CannotJoin(_("A ticket can't be merged into itself, nor one that is already merged."))
    at = at or timezone.now()
    known = set(into.participants.values_list("identity_id", flat=True))
    newcomers = ticket.participants.exclude(identity_id__in=known).select_related("identity")
    if by is not None:
        copies = [each.identity for each in newcomers]
        Participant.objects.bulk_create(participants(ticket=into, requester=None, copies=copies))
    else:
        strangers = [each.identity.value for each in newcomers]
        ticket.messages.filter(sender_address__in=strangers).update(is_third_party=True)
    ticket.messages.update(ticket=into)
    # Earlier merges into this one now lead to the new place at once: no chains.
    Ticket.objects.filter(merged_into=ticket).update(merged_into=into)
    ticket.state, ticket.merged_into, ticket.owner = State.CLOSED, into, None
    ticket.solved_at, ticket.state_since = ticket.solved_at or at, at
    ticket.save(update_fields=["state", "state_since", "merged_into", "owner", "solved_at"])
    assignment.note_merged(ticket=ticket, at=at)
    promises.joined(ticket=ticket, into=into, by=by, at=at)
    clocks.joined(ticket=ticket, into=into, at=at)
    record(kind=Entry.Kind.JOINED, ticket=ticket, by=by, data={"into": into.reference}, at=at)
    entry = record(kind=Entry.Kind.JOINED, ticket=into, by=by, data={"from": ticket.reference}, at=at)
    into.message_cursor = entry.pk
    into.last_activity_at = max(into.last_activity_at, ticket.last_activity_at)
    for name in ("last_customer_message_at", "last_reply_at"):
        moments = [moment for each in (into, ticket) if (moment := getattr(each, name)) is not None]
        setattr(into, name, max(moments, default=None))
    into.save(update_fields=["message_cursor", "last_activity_at", "last_customer_message_at", "last_reply_at"])
    index_ticket(ticket=into)


def mark_read(*, ticket: Ticket, agent: Agent, cursor: int) -> None:
    """Remember that ``agent`` has seen the ticket up to journal id ``cursor``; it never goes back."""
    reading, is_new = Reading.objects.get_or_create(agent=agent, ticket=ticket, defaults={"cursor": cursor})
    if not is_new and reading.cursor < cursor:
        Reading.objects.filter(pk=reading.pk, cursor__lt=cursor).update(cursor=cursor)
