"""What is due at a time that somebody named: snoozed tickets come back, people are reminded.

Guarantee: each happens once, whatever workers look and wherever they die, since a conditional update in the transaction
of what it does settles its row. What came due while no desk ran happens at the next look; none is ever forgotten, as
the row waits until it is settled. A fault with one row stops that row only, and is tried again later.
"""

import logging
from datetime import datetime, timedelta

from django.db import OperationalError, transaction

from helpdesk.actions import reminders, snoozing
from helpdesk.models import Agent, Reminder, Ticket
from helpdesk.queries.alarms import ways_out
from helpdesk.queries.promises import unseen
from helpdesk.queries.troubles import troubles
from mail_gateway.crash_points import crash_point

log = logging.getLogger(__name__)

BATCH = 100
#: A row that could not be carried out is tried again so long after; those behind it go on.
AFTER_A_FAULT = timedelta(minutes=1)


def carry_out(*, now: datetime) -> int:
    """Do what is due by ``now``, earliest first; how many things were done. One query when nothing is."""
    rows = Reminder.objects.filter(outcome="", due_at__lte=now).order_by("due_at", "pk").values_list("pk", "ticket")
    done = 0
    for number, ticket in rows[:BATCH]:
        try:
            done += _carry_out(number, ticket, now)
        except OperationalError:
            raise
        except Exception:  # a fault of ours: logged with the row's id, and it must not hold up the rest
            log.exception("reminder %s could not be carried out; it is tried again in a minute", number)
            Reminder.objects.filter(pk=number, outcome="").update(due_at=now + AFTER_A_FAULT)
    return done


@transaction.atomic
def _carry_out(number: int, ticket_id: int | None, now: datetime) -> bool:
    # The ticket first, as everybody who changes both does.
    locked = Ticket.objects.select_for_update(of=("self",)).filter(pk=ticket_id).first() if ticket_id else None
    rows = Reminder.objects.select_related("ticket", "promise__ticket__owner", "promise__owner", "agent")
    reminder = rows.filter(pk=number, outcome="", due_at__lte=now).first()
    if reminder is None:
        return False
    if reminder.purpose == Reminder.Purpose.WAKE and locked is not None:
        is_done = snoozing.wake(ticket=locked, why=Reminder.Outcome.CAME, by=None, at=now)
    else:
        is_done = reminders.come(reminder=reminder, now=now)
    crash_point("due.carried-out")
    return is_done


def mail_the_absent(*, now: datetime) -> int:
    """Tell by mail whoever doesn't see their cards; how many reminders were mailed. One query when there are none."""
    waiting = unseen().filter(mailed_at=None, agent__is_active=True).values("agent")
    gone = [agent for agent in Agent.objects.filter(pk__in=waiting) if reminders.is_gone(agent, now=now)]
    if not gone:
        return 0
    mailbox = next(iter(ways_out(troubles=troubles(now=now))), None)
    if mailbox is None:
        return 0  # their cards stay; a way out is looked for again
    return sum(reminders.mail(agent=agent, mailbox=mailbox, now=now) for agent in gone)
