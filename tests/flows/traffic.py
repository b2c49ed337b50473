"""A desk with traffic: every kind of arrival and departure once, by the code that real mail goes through."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from helpdesk import outbox, routing
from helpdesk.actions import moves, quarantine, replies, tickets
from helpdesk.actions.quarantine import Decision
from helpdesk.intake.process import process
from helpdesk.intake.standing import Standing
from helpdesk.models import Agent, Channel, Delivery, Heartbeat, InboundEvent, Message, Team, Ticket
from mail_gateway.parse import parse
from tests import make


@dataclass(frozen=True)
class Traffic:
    """What happened; the names say what each is."""

    channel: Channel
    now: datetime
    ticket: Ticket
    merged: Ticket
    mail: Message
    early_reply: Message
    waiting: InboundEvent
    quarantined: InboundEvent
    sent: Delivery
    failed: Delivery
    held: Delivery


def arrive(channel: Channel, raw: bytes, *, at: datetime) -> Message:
    """Accept and process one mail, read in this process."""
    event = make.arrive(channel, raw, received_at=at)
    message = process(event=event, mail=parse(raw), standing=Standing.load(), now=at)
    assert message is not None
    return message


def happen(*, admin: Agent, agent: Agent) -> Traffic:
    """A day of a desk. ``agent`` is in the team that takes everything."""
    now = timezone.now()
    begin = now - timedelta(hours=20)
    team = Team.objects.get(is_default=True)
    agent.teams.add(team)
    channel = make.mailbox("help@desk.example", trusted_networks=["127.0.0.0/8"]).channel
    for loop in ("intake", "outbox", "timers"):
        Heartbeat.objects.create(process="test:1", loop=loop, started_at=begin, beat_at=now)
    mail = arrive(channel, _mail("ann", 1), at=begin)
    make.arrive(channel, _mail("ann", 1), external_id="imap:INBOX:7:12", received_at=begin)
    early = arrive(channel, _mail("ivan", 3, in_reply_to="mail-2@customer.example"), at=begin + timedelta(hours=1))
    arrive(channel, _mail("liisa", 2), at=begin + timedelta(hours=2))
    robot = make.mail(
        sender="robot@shop.example", to="help@desk.example", headers=[("Auto-Submitted", "auto-generated")]
    )
    arrive(channel, robot, at=begin + timedelta(hours=3))
    sent = _answer(mail.ticket, agent, at=begin + timedelta(hours=4))
    replies.note(ticket=mail.ticket, agent=agent, text="She called as well.", at=begin + timedelta(hours=4))
    outbox.deliver_due(begin + timedelta(hours=5))
    arrive(channel, _mail("ann", 4, in_reply_to=sent.message_id), at=begin + timedelta(hours=6))
    other = arrive(channel, _mail("bea", 5), at=begin + timedelta(hours=7)).ticket
    failed = Delivery.objects.get(message=_answer(other, agent, at=begin + timedelta(hours=7)))
    Delivery.objects.filter(pk=failed.pk).update(state="failed", error="550 5.1.1 User unknown", attempts=1)
    held = Delivery.objects.get(message__ticket=other, is_automatic=True)
    Delivery.objects.filter(pk=held.pk).update(state="held")
    merged = arrive(channel, _mail("bea", 6), at=begin + timedelta(hours=9)).ticket
    tickets.join(ticket=merged, into=other, by=agent, at=begin + timedelta(hours=10))
    outbox.deliver_due(begin + timedelta(hours=11))
    _move_about(channel, agent, begin + timedelta(hours=12), into=other)
    outbox.deliver_due(begin + timedelta(hours=16))
    for number, reason in ((7, "crashed"), (8, "bug")):
        stopped = make.arrive(channel, _mail("eve", number), received_at=begin)
        InboundEvent.objects.filter(pk=stopped.pk).update(
            state="quarantined", reason=reason, attempts=3, quarantined_at=begin
        )
    quarantined, discarded = InboundEvent.objects.filter(state="quarantined").order_by("pk")
    quarantine.decide(decision=Decision.DISCARD, events=[discarded.pk], by=admin, at=now)
    waiting = make.arrive(channel, _mail("olga", 9), received_at=now)
    for each in (merged, failed, held):
        each.refresh_from_db()
    return Traffic(
        channel=channel,
        now=now,
        ticket=mail.ticket,
        merged=merged,
        mail=mail,
        early_reply=early,
        waiting=waiting,
        quarantined=quarantined,
        sent=Delivery.objects.get(message=sent),
        failed=failed,
        held=held,
    )


def _move_about(channel: Channel, agent: Agent, at: datetime, *, into: Ticket) -> None:
    """Agents say where messages belong: one is split off, one is taken back, the only one of a ticket is moved."""
    first = arrive(channel, _mail("carl", 20), at=at)
    answer = arrive(channel, _mail("carl", 21, in_reply_to="mail-20@customer.example"), at=at + timedelta(hours=1))
    routing.detach(message=answer, by=agent, at=at + timedelta(hours=2))
    replies.note(ticket=first.ticket, agent=agent, text="Belongs to the other one.", at=at + timedelta(hours=2))
    moves.move(message=first, into=into, by=agent, at=at + timedelta(hours=3))


def _mail(name: str, number: int, *, in_reply_to: str = "") -> bytes:
    return make.mail(
        sender=f"{name.title()} Customer <{name}@customer.example>",
        to="help@desk.example",
        subject=f"Enquiry {number}",
        text=f"Hello, this is mail {number}.\n",
        message_id=f"mail-{number}@customer.example",
        in_reply_to=in_reply_to,
    )


def _answer(ticket: Ticket, agent: Agent, *, at: datetime) -> Message:
    to = ticket.participants.get(role="requester").identity.value
    return replies.reply(
        ticket=ticket, agent=agent, text="Here you are.", to=[to], seen_cursor=0, is_forced=True, at=at
    )
