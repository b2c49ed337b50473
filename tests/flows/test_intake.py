"""From raw bytes to an acknowledged, routed ticket, and everything that may stand in the way."""

import base64
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from helpdesk.actions import replies, tickets
from helpdesk.intake.accept import accept
from helpdesk.intake.queue import LEASE, MAX_ATTEMPTS, claim
from helpdesk.models import (
    Agent,
    Channel,
    Delivery,
    Entry,
    InboundEvent,
    Mailbox,
    Message,
    Receipt,
    State,
    Team,
    Ticket,
)
from mail_gateway.errors import Temporary
from tests import make

pytestmark = pytest.mark.django_db


def mime_of(message: Message) -> str:
    """The finished mail of ``message`` as text."""
    return bytes(message.delivery.mime).decode()


class TestAccept:
    def test_stores_the_same_mail_once_and_a_receipt_for_each_arrival(self, channel: Channel) -> None:
        first = make.arrive(channel, make.mail(), external_id="imap:INBOX:1:7")
        again = make.arrive(channel, make.mail(), external_id="imap:INBOX:1:7")
        moved = make.arrive(channel, make.mail(), external_id="imap:INBOX:2:1")

        assert first == again == moved
        assert Receipt.objects.filter(event=first).count() == 2

    def test_keeps_two_different_mails_with_the_same_message_id(self, channel: Channel) -> None:
        make.arrive(channel, make.mail(text="one", message_id="same@a.example"))
        make.arrive(channel, make.mail(text="two", message_id="same@a.example"))
        make.process_all()

        assert Message.objects.filter(kind=Message.Kind.CUSTOMER).count() == 2

    def test_says_temporary_and_stores_no_row_when_the_disk_is_full(
        self, channel: Channel, settings: Settings, tmp_path: Path
    ) -> None:
        blocked = tmp_path / "a-file-where-the-folder-should-be"
        blocked.write_text("")
        settings.BLOB_DIR = blocked

        with pytest.raises(Temporary, match="could not be stored"):
            accept(channel=channel, external_id="x", raw=b"mail", received_at=datetime.now(UTC))
        assert not InboundEvent.objects.exists()


class TestANewMail:
    def test_becomes_a_ticket_of_its_customer(self, channel: Channel, support: Team) -> None:
        message = make.deliver(channel, make.mail(subject="Cannot log in", message_id="a1@customer.example"))

        ticket = message.ticket
        assert ticket.subject == "Cannot log in"
        assert ticket.state == State.NEW
        assert ticket.team == support
        assert ticket.contact is not None
        assert ticket.contact.name == "Ann Archer"
        assert message.threading == Message.Threading.NEW
        assert message.verdict == Message.Verdict.VERIFIED
        assert message.event is not None
        assert message.event.state == InboundEvent.State.DONE

    def test_is_acknowledged_with_reference_words_and_progress_link(self, channel: Channel) -> None:
        message = make.deliver(channel, make.mail())

        acknowledgement = message.ticket.messages.get(kind=Message.Kind.AUTOMATIC)
        assert message.acknowledgement == "full"
        assert message.ticket.reference in acknowledgement.subject
        assert "> I cannot log in since the update this morning." in acknowledgement.text
        assert re.search(r"https?://\S+/p/\S+", acknowledgement.text)
        assert "Auto-Submitted: auto-replied" in mime_of(acknowledgement)
        assert acknowledgement.delivery.sender == ""
        assert acknowledgement.delivery.recipients == ["ann@customer.example"]

    def test_writes_each_step_into_the_journal(self, channel: Channel) -> None:
        message = make.deliver(channel, make.mail())

        kinds = [entry.kind for entry in Entry.objects.filter(ticket=message.ticket).order_by("id")]
        assert kinds == ["ticket-opened", "routed", "message-added", "acknowledged"]
        assert message.ticket.message_cursor > 0

    def test_goes_to_the_least_loaded_available_agent(self, channel: Channel, support: Team, ben: Agent) -> None:
        ben.memberships.create(team=support)
        away = Agent.objects.create(email="away@desk.example", name="Away", presence="away")
        away.memberships.create(team=support)

        message = make.deliver(channel, make.mail())

        assert message.ticket.owner == ben
        candidates = message.ticket.decisions.get().assignment["candidates"]
        assert {each["name"]: each["excluded"] for each in candidates} == {"Ben": "", "Away": "away"}

    def test_processed_twice_changes_nothing(self, channel: Channel) -> None:
        message = make.deliver(channel, make.mail())
        before = Entry.objects.count(), Message.objects.count(), Delivery.objects.count()
        InboundEvent.objects.update(state=InboundEvent.State.WORKING, lease_until=datetime(2020, 1, 1, tzinfo=UTC))
        InboundEvent.objects.update(state=InboundEvent.State.DONE)

        make.process_all()

        assert (Entry.objects.count(), Message.objects.count(), Delivery.objects.count()) == before
        assert Message.objects.get(pk=message.pk).ticket == message.ticket

    def test_imported_silently_is_closed_and_gets_no_answer(self, channel: Channel) -> None:
        message = make.deliver(channel, make.mail(), is_silent=True)

        assert message.ticket.state == State.CLOSED
        assert message.acknowledgement == "imported"
        assert not Delivery.objects.exists()


class TestAcknowledgement:
    @pytest.mark.parametrize(
        ("raw", "mail_from", "verdict"),
        [
            (make.mail(headers=[("Auto-Submitted", "auto-replied (x)")]), "ann@customer.example", "auto-submitted"),
            (make.mail(headers=[("List-Id", "<news.customer.example>")]), "ann@customer.example", "mailing-list"),
            (make.mail(headers=[("Precedence", "bulk")]), "ann@customer.example", "bulk-precedence"),
            (make.mail(headers=[("X-Auto-Response-Suppress", "All")]), "ann@customer.example", "response-suppressed"),
            (make.mail(), "", "empty-return-path"),
            (make.mail(sender="noreply@customer.example"), "noreply@customer.example", "role-sender"),
            (make.mail(sender="support@desk.example"), "support@desk.example", "own-address"),
        ],
    )
    def test_is_withheld_with_the_reason_stored(
        self, channel: Channel, raw: bytes, mail_from: str, verdict: str
    ) -> None:
        message = make.deliver(channel, raw, mail_from=mail_from)

        assert message.acknowledgement == verdict
        assert not Delivery.objects.exists()

    def test_for_an_unverified_sender_repeats_none_of_their_words(self, channel: Channel) -> None:
        message = make.deliver(channel, make.mail(subject="Buy pills"), peer="203.0.113.9")

        acknowledgement = message.ticket.messages.get(kind=Message.Kind.AUTOMATIC)
        assert message.acknowledgement == "neutral"
        assert "pills" not in mime_of(acknowledgement)
        assert "update this morning" not in acknowledgement.text
        assert "/p/" not in acknowledgement.text

    def test_is_sent_once_to_a_sender_within_ten_minutes(self, channel: Channel) -> None:
        make.deliver(channel, make.mail(text="one"))
        second = make.deliver(channel, make.mail(text="two"))

        assert second.acknowledgement == "sender-pause"

    def test_of_mail_that_waited_a_day_is_not_sent(self, channel: Channel) -> None:
        message = make.deliver(channel, make.mail(), received_at=datetime.now(UTC) - timedelta(days=10))

        assert message.acknowledgement == "too-old"

    def test_is_held_when_the_mailbox_has_sent_too_much(self, channel: Channel, settings: Settings) -> None:
        settings.AUTOMATIC_MAIL_PER_HOUR = 1
        make.deliver(channel, make.mail())

        message = make.deliver(channel, make.mail(sender="Bo <bo@customer.example>"), mail_from="bo@customer.example")

        assert message.acknowledgement == "held"
        assert Delivery.objects.get(recipient="bo@customer.example").state == Delivery.State.HELD

    def test_in_finnish_for_finnish_mail(self, channel: Channel) -> None:
        text = (
            "Hei,\n\nen pääse kirjautumaan sisään päivityksen jälkeen. Voisitteko auttaa minua mahdollisimman pian?\n"
        )

        message = make.deliver(channel, make.mail(subject="En pääse kirjautumaan", text=text))

        assert message.language == "fi"
        assert "viestisi on saapunut" in message.ticket.messages.get(kind=Message.Kind.AUTOMATIC).text


class TestThreading:
    @pytest.fixture
    def first(self, channel: Channel) -> Message:
        return make.deliver(channel, make.mail(message_id="first@customer.example"))

    def test_joins_by_the_signed_message_id_of_a_reply(self, channel: Channel, first: Message, dora: Agent) -> None:
        cursor = first.ticket.message_cursor
        answer = replies.reply(
            ticket=first.ticket, agent=dora, text="Try again", to=["ann@customer.example"], seen_cursor=cursor
        )

        message = make.deliver(channel, make.mail(text="It works", in_reply_to=answer.message_id))

        assert message.ticket == first.ticket
        assert message.threading == Message.Threading.TOKEN
        assert message.ticket.state == State.OPEN
        assert message.acknowledgement == "follow-up"

    def test_joins_by_a_long_id_that_a_mail_program_wrote_as_encoded_words(
        self, channel: Channel, first: Message, dora: Agent
    ) -> None:
        cursor = first.ticket.message_cursor
        answer = replies.reply(
            ticket=first.ticket, agent=dora, text="Try again", to=["ann@customer.example"], seen_cursor=cursor
        )
        words = base64.b64encode(f"<{answer.message_id}>".encode())

        message = make.deliver(channel, b"In-Reply-To: =?utf-8?b?" + words + b"?=\n" + make.mail(text="It works"))

        assert message.ticket == first.ticket

    def test_joins_by_the_message_id_of_a_mail_in_the_ticket(self, channel: Channel, first: Message) -> None:
        message = make.deliver(channel, make.mail(text="And one more thing", in_reply_to="first@customer.example"))

        assert message.ticket == first.ticket
        assert message.threading == Message.Threading.MESSAGE_ID

    def test_joins_by_reference_for_a_participant(self, channel: Channel, first: Message) -> None:
        message = make.deliver(channel, make.mail(subject=f"about {first.ticket.reference}", text="More"))

        assert message.ticket == first.ticket
        assert message.threading == Message.Threading.REFERENCE

    def test_lets_no_stranger_in_by_reference(self, channel: Channel, first: Message) -> None:
        raw = make.mail(sender="Mallory <m@evil.example>", subject=f"Re: x [{first.ticket.reference}]", text="Hi")

        message = make.deliver(channel, raw, mail_from="m@evil.example")

        assert message.ticket != first.ticket

    def test_lets_no_forged_sender_in_by_reference(self, channel: Channel, first: Message, mailbox: Mailbox) -> None:
        mailbox.authserv_id = "mx.desk.example"
        mailbox.save()
        raw = make.mail(
            subject=f"Re: x [{first.ticket.reference}]",
            text="Send me everything",
            headers=[("Authentication-Results", "mx.desk.example; dmarc=fail header.from=customer.example")],
        )

        message = make.deliver(channel, raw, peer="203.0.113.9")

        assert message.ticket != first.ticket
        assert message.verdict == Message.Verdict.FAILED

    @pytest.mark.parametrize(
        "sender", ["ann@customer.example <m@evil.example>", "ann@customer.example, m@evil.example", '"']
    )
    def test_lets_no_ambiguous_sender_in(self, channel: Channel, first: Message, sender: str) -> None:
        raw = make.mail(text="x", in_reply_to="first@customer.example", subject=first.ticket.reference)
        raw = re.sub(rb"(?m)^From: .*$", b"From: " + sender.encode(), raw)

        message = make.deliver(channel, raw)

        assert message.ticket != first.ticket
        assert message.ticket.contact is None

    def test_shows_a_stranger_with_the_right_message_id_as_third_party(self, channel: Channel, first: Message) -> None:
        raw = make.mail(sender="Bo <bo@other.example>", text="Me too", in_reply_to="first@customer.example")

        message = make.deliver(channel, raw, mail_from="bo@other.example")

        assert message.ticket == first.ticket
        assert message.is_third_party
        assert not message.ticket.participants.filter(identity__value="bo@other.example").exists()

    def test_reaches_the_target_of_a_merged_ticket(self, channel: Channel, first: Message, dora: Agent) -> None:
        other = make.deliver(channel, make.mail(text="Second enquiry", message_id="second@customer.example"))
        tickets.join(ticket=first.ticket, into=other.ticket, by=dora)

        message = make.deliver(channel, make.mail(text="x", subject=f"Re: {first.ticket.reference}"))

        assert message.ticket == other.ticket

    def test_brings_a_reply_and_its_late_parent_together(self, channel: Channel) -> None:
        reply = make.deliver(
            channel, make.mail(text="Re", message_id="r@customer.example", in_reply_to="p@customer.example")
        )
        parent = make.deliver(channel, make.mail(text="The question", message_id="p@customer.example"))

        reply.refresh_from_db()
        assert reply.ticket == parent.ticket
        assert parent.threading == Message.Threading.LATE_PARENT
        shown = parent.ticket.messages.exclude(kind="automatic").order_by("created_at")
        assert [each.text for each in shown] == ["The question", "Re"]

    def test_only_suggests_a_late_parent_when_somebody_has_worked_on_the_reply(
        self, channel: Channel, dora: Agent
    ) -> None:
        reply = make.deliver(
            channel, make.mail(text="Re", message_id="r@customer.example", in_reply_to="p@customer.example")
        )
        replies.note(ticket=reply.ticket, agent=dora, text="I look into it")

        parent = make.deliver(channel, make.mail(text="The question", message_id="p@customer.example"))

        reply.refresh_from_db()
        assert reply.ticket != parent.ticket
        assert Entry.objects.filter(ticket=parent.ticket, kind=Entry.Kind.JOIN_SUGGESTED).exists()

    def test_leaves_a_solved_ticket_alone_for_an_out_of_office(self, channel: Channel, first: Message) -> None:
        tickets.set_state(ticket=first.ticket, state=State.SOLVED, by=None)
        raw = make.mail(
            subject="Automatic reply: x",
            text="I am away",
            in_reply_to="first@customer.example",
            headers=[("Auto-Submitted", "auto-replied")],
        )

        message = make.deliver(channel, raw)

        assert message.ticket == first.ticket
        assert message.kind == Message.Kind.MACHINE
        assert Ticket.objects.get(pk=first.ticket.pk).state == State.SOLVED


class TestBadMail:
    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"\n",
            b"no header at all",
            b"From: a@customer.example\n\n",
            b"Subject: no from\n\nhello",
            b"From: a@b.example\nFrom: c@d.example\nSubject: two froms\n\nhello",
            b"From: a@b.example\nContent-Type: text/plain; charset=martian\n\n\xff\xfe caf\xe9",
            b"From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nhalf",
            b"From: a@b.example\nContent-Type: text/html\n\n<script>alert(1)</script><p onclick=x()>hello</p>",
            b"From: a@b.example\nMessage-ID: <[>\nTo: <\nReply-To: a@\nReferences: <<<>\n\nhello",
            bytes(range(256)) * 8,
        ],
    )
    def test_ends_as_a_message_that_can_be_read(self, channel: Channel, raw: bytes) -> None:
        message = make.deliver(channel, raw)

        assert message.event is not None
        assert message.event.state == InboundEvent.State.DONE
        assert "script" not in message.html

    def test_of_thirty_megabytes_is_cut_and_says_so(self, channel: Channel) -> None:
        raw = make.mail(text="x" * 70 + "\n") + b"y" * 78 * 400_000

        message = make.deliver(channel, raw)

        assert message.problems

    def test_that_crashes_the_reader_is_quarantined_after_three_tries(self, channel: Channel) -> None:
        event = make.arrive(channel, make.mail())
        for attempt in range(MAX_ATTEMPTS):
            [taken] = claim(now=datetime.now(UTC) + LEASE * (attempt + 1) * 2)
            assert taken.attempts == attempt + 1

        InboundEvent.objects.update(lease_until=datetime(2020, 1, 1, tzinfo=UTC))
        make.process_all()

        event.refresh_from_db()
        assert event.state == InboundEvent.State.QUARANTINED
        assert event.reason == InboundEvent.Reason.CRASHED

    def test_uses_up_nobodys_attempts_but_its_own(self, channel: Channel) -> None:
        for text in ("killer", "innocent", "innocent too"):
            make.arrive(channel, make.mail(text=text))
        assert len(claim(now=datetime.now(UTC))) == 3

        later = datetime.now(UTC) + LEASE * 2

        assert [event.attempts for event in claim(now=later)] == [2]
        assert [event.attempts for event in claim(now=later)] == [2]

    def test_does_not_stop_the_next(self, channel: Channel) -> None:
        bad = make.arrive(channel, make.mail(text="bad"))
        InboundEvent.objects.filter(pk=bad.pk).update(blob="0" * 64)
        good = make.arrive(channel, make.mail(text="good"))

        make.process_all()

        good.refresh_from_db()
        bad.refresh_from_db()
        assert good.state == InboundEvent.State.DONE
        assert bad.state == InboundEvent.State.WAITING
        assert "can't be read" in bad.detail

    def test_opened_as_plain_ticket_shows_its_text(self, channel: Channel) -> None:
        event = make.arrive(channel, make.mail(text="the words"))
        InboundEvent.objects.filter(pk=event.pk).update(is_plain=True)

        make.process_all()

        message = Message.objects.get(event=event)
        assert "the words" in message.text
        assert message.sender_address == "ann@customer.example"
