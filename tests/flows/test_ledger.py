"""Everything that came in is accounted for; what isn't is named by the invariant that it breaks."""

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from helpdesk import blobs
from helpdesk.actions.indexing import forget
from helpdesk.models import (
    Agent,
    Attachment,
    AwaitedParent,
    Delivery,
    Entry,
    FolderState,
    InboundEvent,
    Message,
    Participant,
    Receipt,
    Reminder,
    Team,
    Ticket,
)
from helpdesk.queries import ledger
from helpdesk.queries.invariants.proof import prove
from tests import make
from tests.flows.traffic import Traffic, arrive, happen

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def traffic(dora: Agent, eli: Agent, support: Team) -> Traffic:
    return happen(admin=dora, agent=eli)


def check(**options: Any) -> tuple[str, int]:
    """What `check_invariants` prints, and its exit status."""
    printed = StringIO()
    try:
        call_command("check_invariants", stdout=printed, no_color=True, **options)
    except SystemExit as end:
        return printed.getvalue(), int(str(end.code))
    return printed.getvalue(), 0


def found(traffic: Traffic, *numbers: str) -> dict[str, list[str]]:
    """Sentences of what is broken, by the number of the invariant; all of them, or those with these numbers."""
    wanted = [each for each in ledger.invariants(is_deep=True) if not numbers or each.number in numbers]
    proofs = prove(wanted, now=traffic.now)
    return {proof.invariant.number: [each.sentence for each in proof.findings] for proof in proofs if proof.findings}


def without_constraints(table: str) -> None:
    """Put a copy of a table over it that takes any row: as if its file had been edited by other hands."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {table} AS SELECT * FROM {table}")


def doubled(model: type[InboundEvent] | type[Receipt] | type[Message] | type[Delivery], pk: int) -> None:
    """Add a second row like row ``pk``, under another id."""
    table, names = model._meta.db_table, [field.column for field in model._meta.concrete_fields]
    without_constraints(table)
    listed = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(f'"{name}"' if name != "id" else "id + 100000" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({listed}) SELECT {values} FROM {table} WHERE id = %s", [pk])


def of(rows: Any, **values: Any) -> None:
    """Change rows behind the back of the desk."""
    assert rows.update(**values)


def unconstrained(rows: Any, **values: Any) -> None:
    """The same where the database itself would refuse."""
    without_constraints(rows.model._meta.db_table)
    of(rows, **values)


def folder(traffic: Traffic, **values: Any) -> None:
    """A folder of the mailbox, in this state."""
    FolderState.objects.create(mailbox=traffic.channel.mailbox, folder="INBOX", **values)


def lose(rows: Any) -> None:
    assert rows._raw_delete(rows.db)


def _stands_apart(traffic: Traffic) -> None:
    """Its parent came, and nobody brought the two together."""
    raw = make.mail(sender="Olga <olga@customer.example>", to="help@desk.example", in_reply_to="late@customer.example")
    reply = arrive(traffic.channel, raw, at=traffic.now)
    parent = make.mail(sender="Ivan <i@customer.example>", to="help@desk.example", message_id="late@customer.example")
    AwaitedParent.objects.filter(message=reply).update(parent_id="elsewhere@customer.example")
    arrive(traffic.channel, parent, at=traffic.now)
    AwaitedParent.objects.filter(message=reply).update(parent_id="late@customer.example")


def _acknowledged_again(traffic: Traffic, times: int) -> None:
    first = Delivery.objects.get(message__ticket=traffic.ticket, is_automatic=True)
    for number in range(1, times + 1):
        message = make.message(ticket=traffic.ticket, kind=Message.Kind.AUTOMATIC)
        first.pk, first.message = None, message
        first.created_at += timedelta(minutes=number)
        first.save(force_insert=True)


EVENTS, DELIVERIES, TICKETS, MESSAGES = (
    InboundEvent.objects.all(),
    Delivery.objects.all(),
    Ticket.objects.all(),
    Message.objects.all(),
)
DAY, YEAR = timedelta(days=1), timedelta(days=365)
#: The invariant, words of its sentence, and what breaks it.
BREAKS: list[tuple[str, str, Callable[[Traffic], object]]] = [
    ("I1", "never arrived", lambda t: lose(Receipt.objects.filter(event=t.waiting))),
    (
        "I1",
        "another channel",
        lambda t: of(Receipt.objects.filter(event=t.waiting), channel=make.mailbox("x@desk.example").channel),
    ),
    ("I2", "have no message", lambda t: of(EVENTS.filter(pk=t.waiting.pk), state="done")),
    ("I2", "are not done", lambda t: of(EVENTS.filter(message=t.mail), state="waiting")),
    ("I2", "nobody knows why", lambda t: unconstrained(EVENTS.filter(pk=t.quarantined.pk), reason="")),
    ("I2", "state that doesn't exist", lambda t: unconstrained(EVENTS.filter(pk=t.waiting.pk), state="lost")),
    ("I3", "more than once in a channel", lambda t: doubled(InboundEvent, t.waiting.pk)),
    ("I3", "written down more than once", lambda t: doubled(Receipt, t.waiting.receipts.get().pk)),
    ("I3", "more than one message", lambda t: doubled(Message, t.mail.pk)),
    ("I4", "should have been read", lambda t: of(EVENTS.filter(pk=t.waiting.pk), next_attempt_at=t.now - DAY)),
    (
        "I4",
        "a worker that is gone",
        lambda t: of(EVENTS.filter(pk=t.waiting.pk), state="working", lease_until=t.now - DAY),
    ),
    ("I4", "nobody holds them", lambda t: of(EVENTS.filter(pk=t.waiting.pk), state="working")),
    ("I4", "that nobody reads", lambda t: of(EVENTS.filter(pk=t.waiting.pk), lease_until=t.now)),
    (
        "I4",
        "longer than any lease",
        lambda t: of(EVENTS.filter(pk=t.waiting.pk), state="working", lease_until=t.now + YEAR),
    ),
    (
        "I4",
        "folders are held for longer",
        lambda t: folder(t, lease_owner="x:1", lease_until=t.now + YEAR),
    ),
    (
        "I4",
        "folders are held without end",
        lambda t: folder(t, lease_owner="x:1"),
    ),
    ("I5", "raw mails have lost their file", lambda t: blobs.path_of(t.waiting.blob).unlink()),
    ("I5", "raw mails have lost their file", lambda t: unconstrained(EVENTS.filter(pk=t.waiting.pk), blob="../etc")),
    (
        "I5",
        "attachments have lost their file",
        lambda t: Attachment.objects.create(message=t.mail, blob=blobs.key_of(b"never stored"), size=12),
    ),
    (
        "I5",
        "raw mails have another content",
        lambda t: blobs.path_of(t.waiting.blob).write_bytes(b"x" * t.waiting.size),
    ),
    (
        "I5",
        "attachments have another content",
        lambda t: blobs.path_of(
            Attachment.objects.create(message=t.mail, blob=blobs.put(b"a file"), size=6).blob
        ).write_bytes(b"a lief"),
    ),
    ("I6", "a ticket that doesn't exist", lambda t: unconstrained(MESSAGES.filter(pk=t.mail.pk), ticket=10**6)),
    (
        "I6",
        "claim to have arrived",
        lambda t: unconstrained(MESSAGES.filter(delivery=t.sent), event=t.waiting.pk),
    ),
    ("I7", "are not closed", lambda t: unconstrained(TICKETS.filter(pk=t.merged.pk), state="open")),
    (
        "I7",
        "merged itself",
        lambda t: of(TICKETS.filter(pk=t.ticket.pk), merged_into=t.merged, state="closed"),
    ),
    ("I7", "into themselves", lambda t: unconstrained(TICKETS.filter(pk=t.merged.pk), merged_into=F("pk"))),
    ("I7", "stayed behind", lambda t: of(MESSAGES.filter(pk=t.mail.pk), ticket=t.merged)),
    ("I8", "no requester", lambda t: lose(Participant.objects.filter(ticket=t.ticket))),
    ("I8", "no customer", lambda t: of(TICKETS.filter(pk=t.ticket.pk), contact=None)),
    ("I9", "not in the journal", lambda t: lose(Entry.objects.filter(message=t.sent.message_id))),
    ("I9", "newest message", lambda t: of(TICKETS.filter(pk=t.ticket.pk), message_cursor=0)),
    ("I10", "not in the search index", lambda t: forget(message_ids=[t.mail.pk])),
    ("I11", "apart from their parent", _stands_apart),
    (
        "I11",
        "for themselves",
        lambda t: AwaitedParent.objects.create(message=t.mail, parent_id=t.mail.message_id),
    ),
    (
        "I12",
        "more than once",
        lambda t: Entry.objects.create(kind=Entry.Kind.ACKNOWLEDGED, ticket=t.ticket, message=t.mail, created_at=t.now),
    ),
    ("I12", "within ten minutes", lambda t: _acknowledged_again(t, 1)),
    ("I12", "three of a ticket", lambda t: _acknowledged_again(t, 3)),
    ("I13", "replies were never", lambda t: lose(DELIVERIES.filter(pk=t.sent.pk))),
    ("I13", "automatic messages were never", lambda t: lose(DELIVERIES.filter(pk=t.held.pk))),
    ("I13", "never leave the house", lambda t: of(MESSAGES.filter(delivery=t.sent), kind="note")),
    ("I13", "go to nobody", lambda t: of(DELIVERIES.filter(pk=t.sent.pk), recipient="")),
    ("I13", "more than one delivery", lambda t: doubled(Delivery, t.sent.pk)),
    ("I14", "state that doesn't exist", lambda t: unconstrained(DELIVERIES.filter(pk=t.sent.pk), state="lost")),
    ("I14", "sent at no time", lambda t: unconstrained(DELIVERIES.filter(pk=t.sent.pk), sent_at=None)),
    ("I14", "nobody holds them", lambda t: of(DELIVERIES.filter(pk=t.failed.pk), state="sending")),
    ("I14", "that nobody sends", lambda t: of(DELIVERIES.filter(pk=t.failed.pk), lease_until=t.now)),
    ("I14", "nobody knows why", lambda t: of(DELIVERIES.filter(pk=t.failed.pk), error="")),
    ("I14", "held like automatic", lambda t: of(DELIVERIES.filter(pk=t.failed.pk), state="held")),
    ("I14", "the other way round", lambda t: of(DELIVERIES.filter(pk=t.failed.pk), is_automatic=True)),
    (
        "I15",
        "were due an hour ago",
        lambda t: of(DELIVERIES.filter(pk=t.failed.pk), state="queued", next_attempt_at=t.now - DAY),
    ),
    (
        "I15",
        "a worker that is gone",
        lambda t: of(DELIVERIES.filter(pk=t.failed.pk), state="sending", lease_until=t.now - DAY),
    ),
    (
        "I15",
        "longer than any lease",
        lambda t: of(DELIVERIES.filter(pk=t.failed.pk), state="sending", lease_until=t.now + YEAR),
    ),
    ("I16", "nobody can explain", lambda t: folder(t, uidvalidity=7, unexplained=[12])),
    ("I16", "no known UIDVALIDITY", lambda t: folder(t, last_uid=12)),
    ("I18", "nothing will wake them", lambda t: of(TICKETS.filter(pk=t.ticket.pk), snoozed_until=t.now)),
    (
        "I18",
        "were due an hour ago",
        lambda t: Reminder.objects.create(purpose="ticket", ticket=t.ticket, due_at=t.now - DAY, created_at=t.now),
    ),
]


class TestADeskWithTraffic:
    def test_accounts_for_everything(self, traffic: Traffic) -> None:
        printed, status = check(deep=True)

        assert (printed.splitlines()[-1], status) == ("0 unexplained", 0)
        assert "broken" not in printed
        assert "13  arrivals" in printed

    def test_says_the_same_to_machines(self, traffic: Traffic) -> None:
        printed, status = check(json=True)

        said = json.loads(printed)
        assert (said["unexplained"], status) == (0, 0)
        assert said["counts"]["arrivals"] == 13
        assert [each["number"] for each in said["invariants"] if not each["holds"]] == []

    def test_reads_files_only_when_asked_to(self, traffic: Traffic) -> None:
        blobs.path_of(traffic.waiting.blob).unlink()

        assert check()[1] == 0
        assert check(blobs=True)[1] == 1

    @pytest.mark.parametrize("state", ["queued", "retry"])
    def test_waits_with_a_paused_channel_and_with_an_outbox_that_just_started(
        self, traffic: Traffic, state: str
    ) -> None:
        traffic.channel.deliveries.filter(pk=traffic.failed.pk).update(state=state, next_attempt_at=traffic.now - DAY)
        assert "I15" in found(traffic)

        traffic.channel.paused_reason = "535 wrong password"
        traffic.channel.save()

        assert found(traffic) == {}


class TestEachInvariant:
    @pytest.mark.parametrize("number", list(dict.fromkeys(number for number, _, _ in BREAKS)))
    def test_notices_each_way_of_breaking_it(self, traffic: Traffic, number: str) -> None:
        unnoticed = []
        for own, words, break_it in BREAKS:
            if own != number:
                continue
            with transaction.atomic():
                break_it(traffic)
                if not any(words in sentence for sentence in found(traffic, number).get(number, [])):
                    unnoticed.append(words)
                transaction.set_rollback(True)

        assert unnoticed == []

    def test_is_broken_by_at_least_one_test_for_each_of_its_sentences(self) -> None:
        told = {(proof.number, check.sentence) for proof in ledger.invariants(is_deep=True) for check in proof.checks}
        tested = {
            (number, sentence)
            for number, sentence in told
            for n, words, _ in BREAKS
            if n == number and words in sentence
        }

        # A reference to nothing can't be made inside a transaction of either database; clocks, which this traffic has
        # none of, are broken in test_service_clocks.py.
        assert {each for each in told - tested if each[0] != "I17"} == {("I6", "rows point at nothing")}

    def test_stands_in_the_handbook_under_its_number(self) -> None:
        handbook = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")

        for invariant in ledger.invariants(is_deep=True):
            assert f"| {invariant.number} | {invariant.title} |" in handbook


class TestTheCheck:
    def test_names_the_rows_and_ends_with_status_1(self, traffic: Traffic) -> None:
        EVENTS.filter(pk=traffic.waiting.pk).update(state="done")

        printed, status = check()

        assert f"1  raw mails are done, have no message and changed none, such as #{traffic.waiting.pk}" in printed
        assert (printed.splitlines()[-1], status) == ("1 unexplained", 1)

    def test_cannot_write(self, traffic: Traffic) -> None:
        with transaction.atomic():
            proofs = prove(ledger.invariants(), now=traffic.now)
            next(proofs)

            with pytest.raises(DatabaseError, match=r"(?i)read-?only"), transaction.atomic():
                Receipt.objects.all().delete()
            transaction.set_rollback(True)
            proofs.close()
