"""Mail that was written to fool the desk, or that once did."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client

from helpdesk import blobs
from helpdesk.actions import replies
from helpdesk.intake import queue
from helpdesk.intake.queue import work_once
from helpdesk.intake.standing import Outlook
from helpdesk.models import Agent, Channel, Contact, InboundEvent, Mailbox, Message
from helpdesk.queries.progress import progress_for, token_for
from tests import make

pytestmark = pytest.mark.django_db

#: Not one of the hosts that are believed about senders.
STRANGER = "203.0.113.9"


def _from(sender: str, **how: Any) -> bytes:
    """A mail whose From is written as it stands, whatever the standard library thinks of it."""
    return make.mail(**how).replace(b"From: Ann Archer <ann@customer.example>", f"From: {sender}".encode())


class TestASenderInCapitals:
    def test_is_the_same_customer_as_in_small_letters(self, channel: Channel) -> None:
        first = make.deliver(channel, _from("Ann <Ann@Customer.Example>", text="One"))
        second = make.deliver(channel, make.mail(text="Two"))

        assert first.contact is not None
        assert first.contact == second.contact
        assert first.sender_address == "ann@customer.example"
        assert first.acknowledgement == "full"

    def test_takes_part_in_the_own_ticket(self, channel: Channel) -> None:
        first = make.deliver(channel, make.mail(message_id="first@customer.example"))
        raw = _from("ANN@CUSTOMER.EXAMPLE", text="More", in_reply_to="first@customer.example")

        message = make.deliver(channel, raw)

        assert message.ticket == first.ticket
        assert not message.is_third_party

    def test_in_copy_takes_part_once(self, channel: Channel) -> None:
        raw = make.mail(headers=[("Cc", "Bo@Other.example, bo@other.example, ANN@customer.example")])

        message = make.deliver(channel, raw)

        addresses = message.ticket.participants.order_by("identity__value").values_list("identity__value", flat=True)
        assert list(addresses) == ["ann@customer.example", "bo@other.example"]


class TestASenderBeyondAscii:
    def test_with_such_a_domain_is_acknowledged_at_its_ascii_form(self, channel: Channel) -> None:
        message = make.deliver(channel, _from("Jörg <joerg@exämple.de>"))

        assert message.acknowledgement == "full"
        acknowledgement = message.ticket.messages.get(kind=Message.Kind.AUTOMATIC)
        assert "<joerg@xn--exmple-cua.de>" in bytes(acknowledgement.delivery.mime).decode()

    def test_before_the_at_becomes_a_ticket_without_an_acknowledgement(self, channel: Channel) -> None:
        message = make.deliver(channel, _from("Jörg <jörg@example.de>"))

        assert message.event is not None
        assert message.event.state == InboundEvent.State.DONE
        assert message.acknowledgement == "unwritable"

    @pytest.mark.parametrize(
        "address", ["jörg@example.de", "a..b@example.de", "a@-b.example", "back\\slash@example.de"]
    )
    def test_is_refused_in_words_as_a_recipient(self, channel: Channel, dora: Agent, address: str) -> None:
        ticket = make.deliver(channel, make.mail()).ticket

        with pytest.raises(replies.NotSendable, match="isn't a mail address"):
            replies.reply(ticket=ticket, agent=dora, text="Hi", to=[address], seen_cursor=ticket.message_cursor)


class TestAMailThatClaimsToBeTheParentOfAnothers:
    """Mallory wrote to Ann; Ann forwarded that to the desk, with words of her own; Mallory knows the Message-ID."""

    @pytest.fixture
    def words_of_ann(self, channel: Channel) -> Message:
        return make.deliver(channel, make.mail(text="Is this real? My PIN is 4711.", in_reply_to="bait@evil.example"))

    @pytest.fixture
    def bait(self) -> bytes:
        copy = [("Cc", "ann@customer.example")]
        return make.mail(sender="m@evil.example", text="Hello desk", message_id="bait@evil.example", headers=copy)

    def test_does_not_show_her_words_on_his_page(self, channel: Channel, words_of_ann: Message, bait: bytes) -> None:
        parent = make.deliver(channel, bait, mail_from="m@evil.example")

        found = progress_for(token_for(parent.ticket_id), now=datetime.now(UTC))

        assert found is not None
        assert parent.ticket.messages.filter(pk=words_of_ann.pk).exists()
        assert not [message for message in found.messages if "4711" in message.text]

    def test_does_not_get_her_words_quoted_to_him(
        self, channel: Channel, words_of_ann: Message, bait: bytes, dora: Agent
    ) -> None:
        parent = make.deliver(channel, bait, mail_from="m@evil.example")

        answer = replies.reply(
            ticket=parent.ticket, agent=dora, text="We look into it", to=["m@evil.example"], seen_cursor=10**9
        )

        sent = bytes(answer.delivery.mime).decode()
        assert "4711" not in sent
        assert "> Hello desk" in sent

    def test_gathers_nothing_when_its_sender_is_forged(
        self, channel: Channel, words_of_ann: Message, mailbox: Mailbox
    ) -> None:
        mailbox.authserv_id = "mx.desk.example"
        mailbox.save()
        results = ("Authentication-Results", "mx.desk.example; dmarc=fail header.from=customer.example")
        raw = make.mail(text="I am Ann", message_id="bait@evil.example", headers=[results])

        forged = make.deliver(channel, raw, peer=STRANGER)

        words_of_ann.refresh_from_db()
        assert words_of_ann.ticket != forged.ticket


class TestTheProgressPage:
    def test_leaves_out_an_answer_that_went_to_somebody_else_only(self, channel: Channel, dora: Agent) -> None:
        ticket = make.deliver(channel, make.mail()).ticket
        for text, to in (("For Ann", "ann@customer.example"), ("For the supplier", "sales@supplier.example")):
            replies.reply(ticket=ticket, agent=dora, text=text, to=[to], seen_cursor=10**9)

        found = progress_for(token_for(ticket.pk), now=datetime.now(UTC) + timedelta(hours=1))

        assert found is not None
        shown = [message.text for message in found.messages]
        assert "For Ann" in shown
        assert "For the supplier" not in shown


class TestAForgedMail:
    def test_does_not_name_its_supposed_sender(self, channel: Channel, mailbox: Mailbox) -> None:
        mailbox.authserv_id = "mx.desk.example"
        mailbox.save()
        results = ("Authentication-Results", "mx.desk.example; dmarc=fail header.from=customer.example")

        forged = make.deliver(channel, _from("Pay me <ann@customer.example>", headers=[results]), peer=STRANGER)
        genuine = make.deliver(channel, make.mail())

        assert forged.contact is not None
        assert forged.contact == genuine.contact
        assert Contact.objects.get(pk=forged.contact.pk).name == "Ann Archer"

    def test_that_is_our_own_and_came_back_is_not_acknowledged(self, channel: Channel, dora: Agent) -> None:
        ticket = make.deliver(channel, make.mail()).ticket
        answer = replies.reply(ticket=ticket, agent=dora, text="Hi", to=["bo@other.example"], seen_cursor=10**9)
        raw = make.mail(sender="bo@other.example", text="Hi", message_id=answer.message_id)

        assert make.deliver(channel, raw).acknowledgement == "own-message-id"


class TestANeutralAcknowledgement:
    def test_repeats_nothing_that_the_sender_could_choose(self, channel: Channel) -> None:
        raw = _from(
            "Cheap pills at evil.example <victim@customer.example>",
            subject="Cheap pills",
            text="Buy cheap pills",
            message_id="1@evil.example",
            references=("cheap-pills-at@evil.example",),
        )

        message = make.deliver(channel, raw, peer=STRANGER)

        assert message.acknowledgement == "neutral"
        sent = bytes(message.ticket.messages.get(kind=Message.Kind.AUTOMATIC).delivery.mime).decode()
        assert "pills" not in sent
        assert "In-Reply-To: <1@evil.example>" in sent


class TestAMailThatCostsMuch:
    @pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)
    def test_by_its_files_stores_them_before_anybody_has_to_wait(
        self, channel: Channel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each file is on disk before the transaction that names it begins."""
        put, seen = blobs.put, []

        def watched(content: bytes) -> str:
            if not blobs.path_of(blobs.key_of(content)).exists():
                seen.append(connection.in_atomic_block)
            return put(content)

        part = "--b\r\nContent-Type: application/x\r\nContent-Disposition: attachment; filename=f\r\n\r\n{}\r\n"
        body = "".join(part.format(number) for number in range(30))
        head = "From: ann@customer.example\r\nTo: support@desk.example\r\nContent-Type: multipart/mixed; boundary=b\r\n"
        make.arrive(channel, f"{head}\r\n{body}--b--\r\n".encode())
        monkeypatch.setattr(blobs, "put", watched)

        make.process_all()

        assert Message.objects.get(kind=Message.Kind.CUSTOMER).attachments.count() == 30
        assert seen == [False] * 30

    def test_by_its_size_is_read_when_it_is_its_turn(self, channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
        for number in range(6):
            make.arrive(channel, make.mail(text=f"Mail {number}"))
        get, done_when_read = blobs.get, []

        def watched(key: str) -> bytes:
            done_when_read.append(InboundEvent.objects.filter(state=InboundEvent.State.DONE).count())
            return get(key)

        monkeypatch.setattr(blobs, "get", watched)
        monkeypatch.setattr(queue, "TOGETHER_BYTES", 1)
        work_once(make.reader(), Outlook())

        assert done_when_read == [0, 0, 1, 2, 3, 4]

    def test_by_its_length_is_shown_by_its_beginning(self, client: Client, channel: Channel, dora: Agent) -> None:
        client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")
        message = make.deliver(channel, make.mail(text="word " * 150_000 + "the end"))

        page = client.get(f"/tickets/{message.ticket.reference}/").content.decode()
        progress = client.get(f"/p/{token_for(message.ticket_id)}/").content.decode()

        assert len(page) < 120_000
        assert len(progress) < 120_000
        assert f"/messages/{message.pk}/text/" in page
        assert "the end" in client.get(f"/messages/{message.pk}/text/").content.decode()
