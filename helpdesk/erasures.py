"""Carries erasures out, step by step, each of which can be done again: rows of Erasure are the queue.

Guarantee: the ledger has the erasure before anything is gone. A step that was begun is done again after a crash, and
finds what is left. A row that is done holds nothing personal.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import IntegrityError, OperationalError, close_old_connections, transaction
from django.db.models import Q
from django.utils import timezone

from helpdesk.actions import changes
from helpdesk.actions.erasing import files, ledger, mails, person, sweep, tickets
from helpdesk.actions.erasing.task import Task, names_of, signs_of
from helpdesk.models import Agent, Delivery, Erasure, ErasureReason, InboundEvent, Message, Ticket
from helpdesk.models.transport import DeliveryState, EventState

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=30)
#: What can't go on yet is looked at again after so long.
PAUSE = timedelta(seconds=5)
POLL_SECONDS = 5.0


class NotAllowed(Exception):
    """Only admins erase people."""


@transaction.atomic
def ask(
    *, contacts: list[int], names: list[str], reason: ErasureReason, by: Agent | None, at: datetime, uid: str = ""
) -> Erasure:
    """Have the person of these contacts erased; ``names`` are looked for in others' data.

    Raises NotAllowed unless ``by`` is an admin; None is the desk, which does again what a backup undid.
    """
    if by is not None and not by.is_admin:
        raise NotAllowed
    erasure = Erasure(reason=reason, by=by, created_at=at, hashes=ledger.hashes_of(contacts))
    if uid:
        erasure.uid = uid
        erasure.full_clean(exclude=["by", "signs", "report", "hashes"])
    erasure.signs = Task(contacts, signs_of(contacts, mark=erasure.mark, names=names)).as_text()
    erasure.save()
    changes.record(what="personal data", name=f"#{erasure.pk}", change="erasure asked for", by=by, at=at)
    return erasure


def run_due(now: datetime) -> int:
    """Carry out what waits; how many were finished."""
    return sum(_carry_out(erasure, now) for erasure in iter(lambda: _claim(now), None))


@transaction.atomic
def _claim(now: datetime) -> Erasure | None:
    free = Q(state=Erasure.State.WAITING, lease_until=None) | Q(lease_until__lt=now)
    row = Erasure.objects.select_for_update(skip_locked=True).filter(free).exclude(state=Erasure.State.DONE).first()
    if row is not None:
        row.state, row.lease_until = Erasure.State.WORKING, now + LEASE
        row.save(update_fields=["state", "lease_until"])
    return row


def _carry_out(erasure: Erasure, now: datetime) -> int:
    """Every step that is not done yet; 0 when it has to wait for something."""
    ledger.ensure(erasure)
    task = Task.of(erasure)
    names = list(_STEPS)
    for name in names[names.index(erasure.step) + 1 if erasure.step else 0 :]:
        if not _STEPS[name](erasure, task, now):
            _wait(erasure, task, now)
            return 0
        task.save(erasure, step=name)
    _finish(erasure, task)
    return 1


def _own(erasure: Erasure, task: Task, _now: datetime) -> bool:
    """The person's tickets, and what they wrote in others'. What they have just sent is read first."""
    waiting = InboundEvent.objects.filter(state__in=(EventState.WAITING, EventState.WORKING)).values_list("envelope")
    if any(task.signs.found_in(str(envelope.get("mail_from", ""))) for (envelope,) in waiting):
        return False
    if _is_being_sent(Ticket.objects.filter(contact__in=task.contacts).values("pk")):
        return False
    own = Ticket.objects.filter(contact__in=task.contacts).order_by("pk")
    for number in list(own.values_list("pk", flat=True)):
        tickets.erase_ticket(ticket_id=number, task=task)
        task.save(erasure)  # its files are named nowhere else any more
    elsewhere = Message.objects.filter(contact__in=task.contacts).order_by().values_list("ticket_id", flat=True)
    for number in sorted(set(elsewhere)):
        tickets.erase_words(ticket_id=number, task=task)
        task.save(erasure)
    return True


def _others(erasure: Erasure, task: Task, _now: datetime) -> bool:
    found = sweep.touched_messages(task.signs)
    for ticket_id, message_id in found.items():
        task.quoted_from(ticket_id, message_id)
    if _is_being_sent(task.quoted_in):
        return False
    for ticket_id, since in task.quoted_in.items():
        if Ticket.objects.filter(pk=ticket_id).exists():
            mails.redact_ticket(ticket_id=ticket_id, since=since, task=task)
            task.save(erasure)
    sweep.blank_notices(task=task)
    return True


def _is_being_sent(ticket_ids: Any) -> bool:
    """A mail that a worker holds is as it is until its outcome is known."""
    return Delivery.objects.filter(message__ticket__in=ticket_ids, state=DeliveryState.SENDING).exists()


def _person(_erasure: Erasure, task: Task, _now: datetime) -> bool:
    person.erase_person(task=task)
    return True


def _sweep(_erasure: Erasure, task: Task, _now: datetime) -> bool:
    files.search_files(task=task)  # first: by its envelope it is known whose mail in quarantine is
    sweep.sweep(task=task)
    return True


def _files(_erasure: Erasure, task: Task, now: datetime) -> bool:
    if not files.is_settled(task, now=now):
        return False
    files.remove_files(task=task)
    return True


#: In this order; each is done once for good, and can be begun again.
_STEPS: dict[str, Callable[[Erasure, Task, datetime], bool]] = {
    "own": _own,
    "others": _others,
    "person": _person,
    "sweep": _sweep,
    "files": _files,
}


def _wait(erasure: Erasure, task: Task, now: datetime) -> None:
    """Something has to happen first; the next look goes on."""
    erasure.signs, erasure.state, erasure.lease_until = task.as_text(), Erasure.State.WAITING, now + PAUSE
    erasure.save(update_fields=["signs", "state", "lease_until"])


def _finish(erasure: Erasure, task: Task) -> None:
    """Look once more, write the report, forget whom it was about, and let the database give up the bytes."""
    left = [*sweep.traces(task.signs), *files.traces_in_files(task.signs)]
    with transaction.atomic():
        erasure.report = {"counts": task.counts, "left": len(left), "places": left[:50]}
        erasure.signs, erasure.state, erasure.lease_until = "", Erasure.State.DONE, None
        erasure.finished_at = timezone.now()
        erasure.save()
        name = f"#{erasure.pk}"
        changes.record(what="personal data", name=name, change="erased", by=erasure.by, at=erasure.finished_at)
    done = files.overwrite_what_was_deleted()
    Erasure.objects.filter(pk=erasure.pk).update(report={**erasure.report, "database": done})
    log.info("erasure %s is done; %s places are left to look at", erasure.pk, len(left))


def reapply(*, ledger_file: Path | None = None, at: datetime) -> int:
    """Ask again for what the ledger knows and this database doesn't: a backup was restored. How many people.

    What was chosen by hand, other spellings of a name, is not in the ledger: names are those of the contact.
    """
    count = 0
    for uid, (line, people) in ledger.restored(ledger_file).items():
        if not people:
            _note_nothing_to_do(uid, line)
        for number, contacts in enumerate(people):
            ask(
                contacts=contacts,
                names=names_of(contacts),
                reason=ErasureReason.LEDGER,
                by=None,
                at=at,
                uid=uid if number == 0 else "",
            )
            count += 1
    return count


def _note_nothing_to_do(uid: str, line: ledger.Line) -> None:
    Erasure.objects.create(
        uid=uid,
        reason=ErasureReason.LEDGER,
        state=Erasure.State.DONE,
        hashes=sorted(line.hashes),
        created_at=line.at,
        finished_at=timezone.now(),
    )


def run(stop: threading.Event) -> None:
    """Carry out what is asked for until ``stop``; first of all what a restored backup has undone."""
    try:
        if count := reapply(at=timezone.now()):
            log.warning("a backup was restored: %s people are erased again", count)
    except (ValueError, OSError, IntegrityError) as error:  # the last: another process was first
        log.error("the ledger of erasures was not looked through: %s", error)  # noqa: TRY400  # said in its words
    while not stop.is_set():
        try:
            run_due(timezone.now())
        except OperationalError as error:
            log.warning("erasures wait for the database: %s", error)
        close_old_connections()
        stop.wait(POLL_SECONDS)
