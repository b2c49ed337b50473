"""Reminders: set, come to their time, put away. Each comes once, whatever workers look (docs/adr/0024).

Who is reminded sees a card on every page until they put it away; who is away besides gets it by mail, once.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from helpdesk import live
from helpdesk.actions import notices
from helpdesk.actions.journal import record
from helpdesk.jinja import exact
from helpdesk.models import Agent, Entry, Mailbox, Promise, Reminder, Ticket
from helpdesk.queries.promises import Card, cards_of, substitute_of, ticket_of, unseen
from helpdesk.queries.workload import presence_of
from helpdesk.text import clean
from routing_rules.assignment import Presence

_GONE = frozenset({Presence.AWAY, Presence.OFFLINE})
#: Reminders that one mail tells of; the rest wait for the console.
MAILED = 50


class CannotRemind(ValueError):
    """The time is no time to come; the text says why."""


@transaction.atomic
def remind(*, ticket: Ticket, agent: Agent, due_at: datetime, at: datetime, text: str = "") -> Reminder:
    """Remind ``agent`` of the ticket then. Raises CannotRemind."""
    if due_at <= at:
        raise CannotRemind(_("That time has passed."))
    purpose, text = Reminder.Purpose.TICKET, clean(text, max_length=300)
    data = {"event": "set", "due": due_at.isoformat(), "text": text}
    record(kind=Entry.Kind.REMINDED, ticket=ticket, by=agent, data=data, at=at)
    return Reminder.objects.create(purpose=purpose, ticket=ticket, agent=agent, text=text, due_at=due_at, created_at=at)


@transaction.atomic
def take_back(*, reminder: Reminder, by: Agent, at: datetime) -> bool:
    """Not needed any more; False when it has come meanwhile."""
    mine = Reminder.objects.filter(pk=reminder.pk, outcome="", purpose=Reminder.Purpose.TICKET)
    if not mine.update(outcome=Reminder.Outcome.BY_HAND, settled_at=at):
        return False
    data = {"event": "taken-back", "text": reminder.text}
    record(kind=Entry.Kind.REMINDED, ticket=reminder.ticket, by=by, data=data, at=at)
    return True


@transaction.atomic(savepoint=False)
def drop(*, promise: Promise, why: Reminder.Outcome, at: datetime) -> None:
    """The promise is settled, or has other times: what waits is over, and cards about it go."""
    promise.reminders.filter(outcome="").update(outcome=why, settled_at=at)
    shown = promise.reminders.filter(outcome=Reminder.Outcome.CAME, seen_at=None)
    agents = set(shown.exclude(agent=None).values_list("agent", flat=True))
    shown.update(seen_at=at)
    _hint(agents)


@transaction.atomic
def put_away(*, reminder: Reminder, at: datetime) -> None:
    """The agent has seen it."""
    Reminder.objects.filter(pk=reminder.pk, seen_at=None).update(seen_at=at)
    _hint([reminder.agent_id])


@transaction.atomic
def again(*, reminder: Reminder, due_at: datetime, at: datetime) -> Reminder:
    """Put it away and remind once more, then. Raises CannotRemind."""
    if due_at <= at:
        raise CannotRemind(_("That time has passed."))
    put_away(reminder=reminder, at=at)
    names = ("purpose", "ticket", "promise", "agent", "text")
    values = {name: getattr(reminder, name) for name in names}
    return Reminder.objects.create(**values, due_at=due_at, created_at=at)


def come(*, reminder: Reminder, now: datetime) -> bool:
    """Its time has come: show it to whom it is for, in the caller's transaction. False: somebody else just did."""
    mine = Reminder.objects.filter(pk=reminder.pk, outcome="")
    if not mine.update(outcome=Reminder.Outcome.CAME, settled_at=now):
        return False
    promise, agent = reminder.promise, reminder.agent
    is_outrun = False
    if promise is not None:  # one card for one promise: that it is due, or else that it soon will be
        agent = _who_keeps(promise, now)
        is_outrun = reminder.purpose == Reminder.Purpose.PROMISE and promise.due_at <= now
        if reminder.purpose == Reminder.Purpose.DUE:
            shown = promise.reminders.filter(outcome=Reminder.Outcome.CAME, seen_at=None)
            shown.exclude(pk=reminder.pk).update(seen_at=now)
    is_lost = is_outrun or agent is None or not agent.is_active
    mine_now = {"agent": None if is_lost else agent, "seen_at": now if is_lost else None}
    Reminder.objects.filter(pk=reminder.pk).update(**mine_now)
    ticket = ticket_of(reminder)
    if ticket is not None:
        kind = Entry.Kind.PROMISED if promise is not None else Entry.Kind.REMINDED
        text = promise.text if promise is not None else reminder.text
        event = "due" if reminder.purpose != Reminder.Purpose.PROMISE else "soon"
        data = {"event": event, "text": text, "to": agent.name if agent is not None else ""}
        record(kind=kind, ticket=ticket, data=data, at=now)
    if agent is not None:
        _hint([agent.pk])
    return True


def _who_keeps(promise: Promise, now: datetime) -> Agent | None:
    """Its owner; while they are absent who stands in for them, and once they are gone who has the ticket."""
    owner = promise.owner
    if owner is not None and owner.is_active:
        is_absent, substitute = substitute_of(agent=owner, now=now)
        return substitute if is_absent and substitute is not None and substitute.is_active else owner
    holder = promise.ticket.owner if promise.ticket is not None else None
    return holder if holder is not None and holder.is_active else None


@transaction.atomic
def mail(*, agent: Agent, mailbox: Mailbox, now: datetime) -> int:
    """Tell ``agent`` by mail what waits for them and wasn't mailed yet; how many reminders that were."""
    mine = unseen().filter(agent=agent, mailed_at=None).select_for_update().order_by("id").values_list("pk", flat=True)
    locked = list(mine[:MAILED])
    cards = cards_of(agent=agent, limit=MAILED, among=locked)
    if not cards:
        return 0
    Reminder.objects.filter(pk__in=locked).update(mailed_at=now)
    with notices.eyes_of(agent):
        count = len(cards)
        several = ngettext("%(count)d reminder", "%(count)d reminders", count) % {"count": count}
        subject = _headline(cards[0]) if count == 1 else several
        text = "\n\n".join([*map(_paragraph, cards), *_end()])
        notices.post(to=agent, mailbox=mailbox, subject=f"[{settings.DESK_NAME}] {subject}", text=text, at=now)
    return count


def is_gone(agent: Agent, *, now: datetime) -> bool:
    """Whether a card would be seen by nobody: away, or without an open console."""
    where, _since = presence_of(chosen=agent.presence, since=agent.presence_since, seen_at=agent.seen_at, now=now)
    return where in _GONE


def _headline(card: Card) -> str:
    promise = card.reminder.promise
    about = promise.text if promise is not None else card.reminder.text
    if card.reminder.purpose == Reminder.Purpose.DUE:
        return _("Promised for now: %(text)s") % {"text": about}
    if card.reminder.purpose == Reminder.Purpose.PROMISE:
        return _("Promised, due soon: %(text)s") % {"text": about}
    return _("Reminder: %(text)s") % {"text": about or (card.ticket.subject if card.ticket else "")}


def _paragraph(card: Card) -> str:
    promise, ticket = card.reminder.promise, card.ticket
    lines = [_headline(card)]
    if promise is not None:
        lines.append(_("Due %(when)s.") % {"when": exact(promise.due_at)})
    if ticket is not None:
        lines.append(f"{ticket.reference} {ticket.subject}")
        lines.append(settings.SITE_URL + reverse("ticket", args=[ticket.reference]))
    return "\n".join(lines)


def _end() -> Sequence[str]:
    why = _("You get this by mail because you were away from the console. Answers to it are read by nobody.")
    return [why, settings.DESK_NAME]


def _hint(agents: Iterable[int | None]) -> None:
    """Every open page of theirs shows the change within the second."""
    live.publish(groups=[f"agent.{pk}" for pk in agents if pk is not None], cursor=0)
