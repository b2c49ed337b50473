"""What strangers can send, at the expense of others."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from helpdesk import blobs, routing
from helpdesk.console import messages
from helpdesk.models import Agent, Channel, Delivery, InboundEvent, Message, Ticket
from tests import make

pytestmark = pytest.mark.django_db

MALLORY = "Mallory <mallory@elsewhere.example>"


class TestAMailThatTheDatabaseCannotKeep:
    """PostgreSQL has limits of its own: 2,704 bytes for a row of an index, 1 MB for the words of a text."""

    def test_by_a_message_id_without_end_is_kept(self, channel: Channel) -> None:
        letters = random.Random(1)
        long = "".join(chr(letters.randrange(0x4E00, 0x9FA5)) for _ in range(980)) + "@x"
        raw = make.mail(message_id="short@x").replace(b"<short@x>", f"<{long}>".encode())
        raw = raw.replace(b"MIME-Version", f"References: <{long[1:]}>\nMIME-Version".encode())

        message = make.deliver(channel, raw)

        assert message.event is not None
        assert message.event.state == InboundEvent.State.DONE

    def test_by_letters_that_stand_for_whole_words_is_kept(self, channel: Channel) -> None:
        # One letter, which is 15 letters in the index.
        words = " ".join("\ufdfa" * 6 + chr(0x4E00 + number) for number in range(9_000))

        message = make.deliver(channel, make.mail(text=words))

        assert message.event is not None
        assert message.event.state == InboundEvent.State.DONE


class TestAPictureThatIsShownOften:
    def test_is_carried_once_for_each_of_its_bytes(self, client: Client, channel: Channel, dora: Agent) -> None:
        message = make.deliver(channel, make.mail())
        picture = b"\x89PNG\r\n\x1a\n" + bytes(1024 * 1024)
        message.attachments.create(
            filename="a.png", content_type="image/png", size=len(picture), blob=blobs.put(picture), content_id="a@x"
        )
        Message.objects.filter(pk=message.pk).update(html="<p>Hi</p>" + '<img src="cid:a@x">' * 60)
        client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")

        page = client.get(f"/messages/{message.pk}/html/")

        assert b"data:image/png;base64," in page.content
        assert len(page.content) < 2 * messages.MAX_PICTURE_BYTES


class TestAMailUnderTheMessageIdOfAnother:
    def test_that_an_agent_splits_off_does_not_take_her_answers_along(self, channel: Channel, dora: Agent) -> None:
        make.deliver(channel, make.mail(message_id="hers@customer.example", text="My password is lost"))
        ticket = Ticket.objects.get(contact__identities__value="ann@customer.example")
        ours = ticket.messages.get(kind=Message.Kind.AUTOMATIC)
        baited = make.deliver(
            channel,
            make.mail(sender=MALLORY, message_id="hers@customer.example", in_reply_to=ours.message_id, text="Buy!"),
        )
        assert baited.ticket == ticket
        routing.detach(message=baited, by=dora)

        again = make.deliver(
            channel,
            make.mail(
                text="One more thing",
                in_reply_to="hers@customer.example",
                references=[ours.message_id, "hers@customer.example"],
            ),
        )

        assert again.ticket == ticket


class TestAMailThatComesAfterAWholeConversation:
    def test_and_claims_to_be_an_older_part_of_it_does_not_take_it_over(self, channel: Channel) -> None:
        later = make.mail(
            text="As I said before",
            message_id="second@customer.example",
            references=["between-us@elsewhere.example", "first@customer.example"],
        )
        hers = make.deliver(channel, later)
        make.deliver(channel, make.mail(text="The beginning", message_id="first@customer.example"))

        bait = make.deliver(channel, make.mail(sender=MALLORY, message_id="between-us@elsewhere.example", text="Mine"))

        hers.refresh_from_db()
        assert hers.ticket != bait.ticket
        assert hers.ticket.contact is not None
        assert hers.ticket.contact.name == "Ann Archer"


class TestANameThatSomebodyElseGave:
    BAIT = "Confirm at https://evil.example"

    @pytest.mark.parametrize("sender", ["Ann <ann@customer.example>", "ann@customer.example"])
    def test_to_a_person_in_copy_never_reaches_her_from_us(self, channel: Channel, sender: str) -> None:
        copy = [("Cc", f'"{self.BAIT}" <ann@customer.example>')]
        make.deliver(channel, make.mail(sender=MALLORY, headers=copy), mail_from="mallory@elsewhere.example")

        message = make.deliver(channel, make.mail(sender=sender))

        assert message.acknowledgement == "full"
        assert b"evil.example" not in sent_to("ann@customer.example")

    def test_in_a_mail_that_nobody_vouches_for_is_not_how_we_greet_her(self, channel: Channel) -> None:
        make.deliver(channel, make.mail(sender=f'"{self.BAIT}" <ann@customer.example>'), peer="203.0.113.9")
        Delivery.objects.update(created_at=datetime.now(UTC) - timedelta(hours=1))

        message = make.deliver(channel, make.mail())

        assert message.acknowledgement == "full"
        assert b"Ann Archer" in sent_to("ann@customer.example")
        assert b"evil.example" not in sent_to("ann@customer.example")


def sent_to(address: str) -> bytes:
    """All mail of ours to ``address``."""
    return b"".join(bytes(each.mime) for each in Delivery.objects.filter(recipient=address))


class TestAnAddressOnTheWeb:
    @pytest.mark.parametrize("path", ["/inbound/%00/", "/inbound/%00/mime", "/progress/%00/", "/inbound/%ff%fe/"])
    def test_that_no_database_can_hold_is_simply_not_there(self, client: Client, channel: Channel, path: str) -> None:
        assert client.post(path).status_code in {404, 405}
