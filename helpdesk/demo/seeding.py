"""The seed: the demo's conversations played through the real intake and the real actions, as if they had happened.

So reasons, acknowledgements, threading and journal are those that the desk itself would have written. Nothing is sent:
deliveries are stored as sent at their time, in the transaction that wrote them.
"""

from datetime import datetime, timedelta
from email.utils import parseaddr
from threading import Event
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from helpdesk import rehearsals, routing
from helpdesk.actions import replies, tickets
from helpdesk.actions.rehearsals import request
from helpdesk.demo import people
from helpdesk.demo.chats import play_chats
from helpdesk.demo.content import Answers, Changes, Notes, Writes
from helpdesk.demo.conversations_billing import BILLING
from helpdesk.demo.conversations_deliveries import DELIVERIES
from helpdesk.demo.conversations_support import SUPPORT
from helpdesk.demo.conversations_tech import TECH
from helpdesk.demo.customers import know_customers
from helpdesk.demo.furnishing import furnish
from helpdesk.demo.letters import mail_of
from helpdesk.demo.links import introduce
from helpdesk.demo.promises import promise
from helpdesk.demo.social import open_social
from helpdesk.demo.timeline import Moment, timeline
from helpdesk.escalation import announce_due
from helpdesk.intake.accept import Envelope, accept
from helpdesk.intake.process import process
from helpdesk.intake.reader import Reader
from helpdesk.intake.standing import Standing
from helpdesk.models import Agent, Channel, Delivery, Message, Priority, Role, State, Team, Ticket
from routing_rules.models import Rule

CONVERSATIONS = (*TECH, *BILLING, *DELIVERIES, *SUPPORT)
_OPENED_BEFORE = timedelta(days=31)
#: What is older than this has been read by everybody.
_READ_AFTER = timedelta(hours=6)


class NotEmpty(RuntimeError):
    """The desk has agents already: the demo is only for an empty one."""


def seed(*, now: datetime | None = None) -> None:
    """Fill an empty desk with the demo, in one transaction. Raises NotEmpty. Takes a few seconds."""
    now = now or timezone.now()
    with transaction.atomic():
        if Agent.objects.exists():
            raise NotEmpty("There are agents already; the demo is for an empty desk.")
        channel = furnish(at=now - _OPENED_BEFORE)
        play = Play(channel)
        try:
            for moment in timeline(CONVERSATIONS, now=now, zone=ZoneInfo(settings.TIME_ZONE)):
                announce_due(now=moment.at)  # as the timers would have
                play.step(moment)
            play_chats(now=now)
            open_social(now=now)
            _mark_as_sent()
            introduce(now=now)
            promise(now=now)
            announce_due(now=now)
        finally:
            play.close()
        know_customers(by=Agent.objects.get(email=people.LOGIN), now=now)
        _read_what_is_old(now)
        _try_a_change(now)


class Play:
    """Plays steps in their order and remembers which conversation became which ticket."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._reader = Reader()
        self._agents = {agent.email: agent for agent in Agent.objects.all()}
        self._tickets: dict[int, int] = {}

    def close(self) -> None:
        """End the reader's child."""
        self._reader.close()

    def step(self, moment: Moment) -> None:
        """Let one step happen."""
        match moment.step:
            case Writes() as step:
                self._write(moment, step)
            case Answers() as step:
                self._answer(moment, step)
            case Notes() as step:
                ticket = self._ticket(moment)
                replies.note(ticket=ticket, agent=self._who(ticket, step.by), text=step.text, at=moment.at)
            case Changes() as step:
                self._change(moment, step)
        # Only now: a reply answers what has been sent, and nothing of this may wait for the outbox.
        _mark_as_sent()

    def _write(self, moment: Moment, step: Writes) -> None:
        sender = step.sender or moment.conversation.customer
        subject, answered_id, quoted = step.subject, "", ""
        if moment.number in self._tickets:
            last = self._last_of_ours(moment)
            subject, answered_id, quoted = step.subject or f"Re: {last.subject}", last.message_id, last.text
        raw = mail_of(
            step,
            sender=sender,
            to=people.MAILBOX,
            subject=subject,
            at=moment.at,
            key=f"demo.{moment.number}.{moment.place}",
            answered_id=answered_id,
            quoted=quoted,
        )
        envelope = Envelope(mail_from=parseaddr(sender)[1], recipients=(people.MAILBOX,), peer="127.0.0.1")
        event = accept(
            channel=self._channel,
            external_id=f"demo:{moment.number}:{moment.place}",
            raw=raw,
            envelope=envelope,
            received_at=moment.at,
        )
        message = process(event=event, mail=self._reader.read(raw), standing=Standing.load(), now=moment.at)
        if message is not None:
            self._tickets.setdefault(moment.number, message.ticket_id)

    def _answer(self, moment: Moment, step: Answers) -> None:
        ticket = self._ticket(moment)
        by = self._who(ticket, step.by)
        with routing.watched(ticket=ticket, by=by, at=moment.at) as watch:
            answer = replies.reply(
                ticket=ticket,
                agent=by,
                text=step.text,
                to=[parseaddr(moment.conversation.customer)[1]],
                seen_cursor=0,
                is_forced=True,
                state=State(step.state),
                at=moment.at,
            )
            watch.replied(answer)

    def _change(self, moment: Moment, step: Changes) -> None:
        ticket = self._ticket(moment)
        by = self._who(ticket, step.by)
        if step.team:
            tickets.set_team(ticket=ticket, team=Team.objects.get(slug=step.team), by=by, at=moment.at)
        if step.owner:
            tickets.set_owner(ticket=ticket, owner=self._agents[step.owner], by=by, at=moment.at)
        if step.priority:
            tickets.set_priority(ticket=ticket, priority=Priority[step.priority.upper()], by=by, at=moment.at)
        if step.tag:
            names = [*ticket.tags.values_list("name", flat=True), step.tag]
            tickets.set_tags(ticket=ticket, names=names, by=by, at=moment.at)
        if step.state:
            tickets.set_state(ticket=ticket, state=State(step.state), by=by, at=moment.at)

    def _ticket(self, moment: Moment) -> Ticket:
        rows = Ticket.objects.select_related("channel__mailbox", "team", "owner", "contact")
        return rows.get(pk=self._tickets[moment.number])

    def _who(self, ticket: Ticket, by: str) -> Agent:
        """The agent named, the owner, or whoever of the team is there."""
        if by:
            return self._agents[by]
        return ticket.owner or ticket.team.agents.order_by("presence", "id")[0]

    def _last_of_ours(self, moment: Moment) -> Message:
        ours = (Message.Kind.REPLY, Message.Kind.AUTOMATIC)
        return Message.objects.filter(ticket=self._tickets[moment.number], kind__in=ours).latest("id")


def _mark_as_sent() -> None:
    for delivery in Delivery.objects.filter(state=Delivery.State.QUEUED):
        delivery.state, delivery.attempts = Delivery.State.SENT, 1
        delivery.sent_at = delivery.next_attempt_at + timedelta(seconds=1)
        delivery.save(update_fields=["state", "attempts", "sent_at"])


def _read_what_is_old(now: datetime) -> None:
    """Those who can log in have read what is not of today."""
    readers = [Agent.objects.get(email=each.email) for each in people.COLLEAGUES if each.can_log_in]
    for ticket in Ticket.objects.filter(last_activity_at__lt=now - _READ_AFTER):
        for reader in readers:
            tickets.mark_read(ticket=ticket, agent=reader, cursor=ticket.message_cursor)


def _try_a_change(now: datetime) -> None:
    """Somebody has asked what would become of these tickets if logins went to the support team."""
    rules = [row.snapshot() for row in Rule.objects.all()]
    changed = next(data for data in rules if data["name"] == "Passwords and logins")
    changed["effects"] = [
        {"kind": "set_team", "value": "support"},
        {"kind": "set_priority", "value": "high"},
        {"kind": "add_tag", "value": "login"},
    ]
    lead = Agent.objects.exclude(role=Role.AGENT).earliest("id")
    request(rules=rules, title="Passwords and logins", days=30, by=lead, at=now)
    rehearsals.work_once(Event())
