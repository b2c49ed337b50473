"""Stored mail through today's reader: what differs is said, nothing is written unless asked, nothing stops it."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from helpdesk import blobs
from helpdesk.actions.indexing import forget
from helpdesk.actions.rereading import renew
from helpdesk.intake.child import LENGTH
from helpdesk.intake.reader import Reader
from helpdesk.intake.rereading import Outcome, renewal_of, reread, stored_events
from helpdesk.models import Agent, Attachment, Channel, Entry, InboundEvent, Message
from helpdesk.queries import ledger
from helpdesk.queries.invariants.proof import prove
from helpdesk.queries.search import search
from tests import make
from tests.flows import desk

PICTURE = (
    b"From: Ann <ann@customer.example>\r\nTo: support@desk.example\r\nSubject: The screen\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee the picture.\r\n"
    b"--b\r\nContent-Type: image/png; name=screen.png\r\nContent-Disposition: attachment\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--\r\n"
)


@pytest.fixture
def mails(channel: Channel) -> list[Message]:
    """Three mails that became messages, the last one with a file; the second reads otherwise than it was stored."""
    for number in (1, 2):
        make.arrive(
            channel,
            make.mail(
                subject=f"Order {number}",
                text=f"Where is parcel {number}? It should have been here on Monday.\n\nAnn\n",
            ),
        )
    make.arrive(channel, PICTURE)
    make.process_all()
    found = list(Message.objects.exclude(event=None).order_by("event"))
    Message.objects.filter(pk=found[1].pk).update(text="Where is p=E4rcel 2?", language="xx", subject="Re: Order")
    return found


def replay(**options: Any) -> tuple[str, int]:
    """What `replay` prints, and its exit status."""
    printed = StringIO()
    try:
        call_command("replay", stdout=printed, stderr=StringIO(), no_color=True, **options)
    except SystemExit as end:
        return printed.getvalue(), int(str(end.code))
    return printed.getvalue(), 0


def everything() -> list[object]:
    """All that replaying could change."""
    tables = (Message, Attachment, InboundEvent, Entry)
    return [list(table.objects.order_by("pk").values()) for table in tables]


class TestReplay:
    def test_names_what_differs_and_counts_the_rest(self, mails: list[Message]) -> None:
        printed, status = replay()

        assert status == 0
        assert printed.splitlines() == [
            f"#{mails[1].event_id} {mails[1].ticket.reference}: subject, language, text",
            "3 mails read, 2 the same, 1 differ, 0 unreadable",
        ]

    def test_shows_the_lines_when_asked(self, mails: list[Message]) -> None:
        lines = replay(diff=True)[0].splitlines()

        assert "  -Where is p=E4rcel 2?" in lines
        assert "  +Where is parcel 2? It should have been here on Monday." in lines

    def test_writes_nothing(self, mails: list[Message]) -> None:
        before = everything()

        replay(diff=True, check=True)

        assert everything() == before

    def test_ends_with_1_when_it_is_a_check(self, mails: list[Message]) -> None:
        assert replay(check=True)[1] == 1
        assert replay(check=True, event=mails[0].event_id)[1] == 0

    def test_looks_only_at_what_was_asked_for(self, mails: list[Message]) -> None:
        InboundEvent.objects.filter(message=mails[0]).update(received_at=make.NOON)
        other = make.mailbox("sales@desk.example").channel

        assert "2 mails read" in replay(since="30d")[0]
        assert "1 mails read" in replay(event=mails[1].event_id)[0]
        assert "3 mails read" in replay(channel="support")[0]
        assert "0 mails read" in replay(channel=other.slug)[0]

    @pytest.mark.parametrize("wrong", [{"since": "soon"}, {"since": "999999w"}, {"channel": "nowhere"}])
    def test_says_what_is_wrong_with_a_question(self, channel: Channel, wrong: dict[str, str]) -> None:
        with pytest.raises(CommandError, match=r"no duration|longer ago|There are: support"):
            replay(**wrong)

    def test_speaks_json_to_machines(self, mails: list[Message]) -> None:
        differing, totals = (json.loads(line) for line in replay(json=True, diff=True)[0].splitlines())

        assert differing["event"] == mails[1].event_id
        assert differing["differs"] == ["subject", "language", "text"]
        assert differing["lines"]["language"] == ["-xx", "+en"]
        assert totals["totals"] == {"read": 3, "same": 2, "differs": 1, "unreadable": 0, "readable": 0}

    def test_says_which_mail_in_quarantine_can_be_read_now(self, channel: Channel) -> None:
        event = desk.quarantined(channel=channel, raw=make.mail())

        assert replay()[0].splitlines() == [
            f"#{event.pk} in quarantine: can be read now",
            "1 mails read, 0 the same, 0 differ, 0 unreadable, 1 in quarantine can be read now",
        ]

    def test_finds_what_differs_in_files_and_in_who_wrote(self, mails: list[Message]) -> None:
        Attachment.objects.update(filename="screen.jpg")
        Message.objects.filter(pk=mails[2].pk).update(kind="machine", sender_name="", recipients={}, message_id="x")

        printed, _status = replay(event=mails[2].event_id)

        assert "sender, recipients, message_id, automatic, files" in printed


class TestMailThatBringsTheReaderDown:
    class Fragile(Reader):
        """Its child dies over mail that says so, before it has the whole of it."""

        def _send(self, raw: bytes) -> bool:
            if b"killer" not in raw:
                return super()._send(raw)
            child = self._start()
            assert child.stdin is not None
            child.stdin.write(LENGTH.pack(1 << 20))
            child.stdin.flush()
            child.kill()
            child.wait()
            return True

    @pytest.fixture
    def reader(self) -> Iterator[Reader]:
        reader = self.Fragile()
        yield reader
        reader.close()

    def test_is_named_and_does_not_stop_the_others(self, channel: Channel, reader: Reader) -> None:
        for text in ("one", "killer", "killer too", "gone", "last"):
            make.arrive(channel, make.mail(text=text))
        make.process_all()
        gone = InboundEvent.objects.order_by("pk")[3]
        blobs.path_of(gone.blob).unlink()

        outcomes = {each.event.pk: each for each in reread(reader, stored_events())}

        assert [outcomes[key].outcome for key in sorted(outcomes)] == [
            Outcome.SAME,
            Outcome.UNREADABLE,
            Outcome.UNREADABLE,
            Outcome.UNREADABLE,
            Outcome.SAME,
        ]
        assert "can't be read" in outcomes[gone.pk].problem


class TestApplying:
    def test_replaces_what_is_shown_and_leaves_who_wrote_and_where(self, mails: list[Message]) -> None:
        printed, _status = replay(apply=True, yes=True)

        mails[1].refresh_from_db()
        assert "1 messages changed" in printed
        assert mails[1].text.startswith("Where is parcel 2?")
        assert mails[1].language == "en"
        assert mails[1].subject == "Re: Order"

    def test_is_written_down_and_found(self, mails: list[Message], dora: Agent) -> None:
        Message.objects.filter(pk=mails[0].pk).update(text="rubbish")
        forget(message_ids=[mails[0].pk])

        replay(apply=True, yes=True)

        entries = Entry.objects.filter(kind=Entry.Kind.MESSAGE_REREAD).order_by("pk")
        assert [(each.message_id, each.data["changed"]) for each in entries] == [
            (mails[0].pk, ["text"]),
            (mails[1].pk, ["text", "language"]),
        ]
        assert mails[0].ticket in [hit.ticket for hit in search(agent=dora, query="parcel").hits]

    def test_changes_nothing_the_second_time(self, mails: list[Message]) -> None:
        Message.objects.filter(pk=mails[1].pk).update(subject=mails[1].subject)
        replay(apply=True, yes=True)
        before = everything()

        printed, status = replay(apply=True, yes=True, check=True)

        assert (printed.splitlines(), status) == (["3 mails read, 3 the same, 0 differ, 0 unreadable"], 0)
        assert everything() == before

    @pytest.mark.parametrize(("answer", "changed"), [("y\n", True), ("\n", False), ("no\n", False)])
    def test_asks_first(
        self, mails: list[Message], monkeypatch: pytest.MonkeyPatch, answer: str, changed: bool
    ) -> None:
        monkeypatch.setattr("sys.stdin", StringIO(answer))

        printed, _status = replay(apply=True)

        assert "Use today's reading for 1 messages?" in printed
        assert ("1 messages changed" in printed) is changed

    def test_keeps_the_addresses_of_files_that_are_the_same(self, mails: list[Message], eli: Agent) -> None:
        message = mails[2]
        picture = message.attachments.get()
        wrong = Attachment.objects.create(message=message, filename="winmail.dat", size=4, blob=blobs.put(b"tnef"))

        replay(apply=True, yes=True)

        assert list(message.attachments.values_list("pk", flat=True)) == [picture.pk]
        assert not Attachment.objects.filter(pk=wrong.pk).exists()

    def test_leaves_what_a_mail_was_taken_for(self, channel: Channel) -> None:
        message = make.deliver(channel, make.mail(text="Hello"))
        taken_for = ["machine mail: auto-reply: subject"]
        Message.objects.filter(pk=message.pk).update(kind=Message.Kind.MACHINE, problems=taken_for, text="Hel")

        replay(apply=True, yes=True)

        message.refresh_from_db()
        assert (message.kind, message.problems, message.text.strip()) == ("machine", taken_for, "Hello")

    def test_brings_the_first_words_in_the_lists_up_to_date(self, mails: list[Message]) -> None:
        replay(apply=True, yes=True)

        mails[1].ticket.refresh_from_db()
        assert mails[1].ticket.preview.startswith("Where is parcel 2?")

    def test_never_touches_an_answer_of_ours(self, mails: list[Message], eli: Agent) -> None:
        ours = make.message(ticket=mails[0].ticket, kind=Message.Kind.REPLY, text="Ours")
        parsed = make.reader().read(make.mail(text="Theirs"))

        assert renew(renewals=[renewal_of(ours, parsed)], by=eli) == 0
        ours.refresh_from_db()
        assert ours.text == "Ours"

    def test_breaks_no_invariant(self, mails: list[Message]) -> None:
        replay(apply=True, yes=True)

        proofs = prove(ledger.invariants(has_files=True), now=timezone.now())
        assert [finding.sentence for proof in proofs for finding in proof.findings] == []
