"""Floods and circles: what a desk does when machines write to it, or others write in somebody's name."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from helpdesk.intake import collecting
from helpdesk.intake.passage import ReadMail
from helpdesk.intake.process import process, process_all
from helpdesk.intake.queue import BATCH, work_once
from helpdesk.intake.standing import Outlook, Standing
from helpdesk.models import Channel, Delivery, InboundEvent, Mailbox, Message, State, Ticket
from mail_gateway.mail import ParsedMail
from mail_gateway.parse import parse
from tests import make
from tests.flows.test_returns import report

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OURS = "support@desk.example"


def take(
    channel: Channel,
    raws: list[bytes],
    *,
    at: datetime = NOW,
    peer: str = "192.0.2.7",
    mail_from: str = "someone@else.example",
) -> list[Message]:
    """Mails that arrive at one moment, processed together, without a child process and without a clock."""
    numbers = count(InboundEvent.objects.count() + 1)
    mails = []
    for raw in raws:
        event = make.arrive(
            channel, raw, external_id=f"storm:{next(numbers)}", peer=peer, mail_from=mail_from, received_at=at
        )
        mails.append(ReadMail.with_files(event, parse(raw)))
    return process_all(mails=mails, standing=Standing.load(), now=at)


class TestAFewReturnedMails:
    def test_have_a_ticket_each_until_it_is_a_storm(self, channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(collecting, "FEW", 3)
        for hour in range(4):
            raws = [report(f"made.up.{hour}.{each}@desk.example") for each in range(2)]
            take(channel, raws, at=NOW + timedelta(hours=hour), mail_from="")

        sizes = sorted(ticket.messages.count() for ticket in Ticket.objects.all())
        assert sizes == [1, 1, 1, 5]


class TestAStormOfForgedBounces:
    @pytest.fixture(autouse=True)
    def _from_the_first_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(collecting, "FEW", 0)

    def storm(self, channel: Channel, number: int, *, at: datetime = NOW) -> list[Message]:
        raws = [report(f"made.up.{at:%d%H}.{each}@desk.example") for each in range(number)]
        return take(channel, raws, at=at, mail_from="")

    def test_is_one_ticket_a_day_with_every_report_in_it(self, channel: Channel) -> None:
        self.storm(channel, 30)
        self.storm(channel, 30, at=NOW + timedelta(hours=2))
        self.storm(channel, 30, at=NOW + timedelta(days=1))

        first, second = Ticket.objects.order_by("id")
        assert (first.messages.count(), second.messages.count()) == (60, 30)
        assert set(Message.objects.values_list("kind", flat=True)) == {"machine"}
        assert "2026-11-22" in first.subject
        assert (first.state, first.owner) == (State.NEW, None)
        assert not Delivery.objects.exists()

    def test_does_not_come_back_once_somebody_closed_it(self, channel: Channel) -> None:
        self.storm(channel, 2)
        Ticket.objects.update(state=State.CLOSED)

        self.storm(channel, 2, at=NOW + timedelta(hours=1))

        ticket = Ticket.objects.get()
        assert (ticket.state, ticket.messages.count()) == (State.CLOSED, 4)

    def test_says_why_each_report_is_there(self, channel: Channel) -> None:
        messages = self.storm(channel, 3)

        assert [each.threading for each in messages] == ["new", "collected", "collected"]

    def test_is_kept_apart_for_each_mailbox(self, channel: Channel) -> None:
        sales = make.mailbox("sales@desk.example").channel

        self.storm(channel, 1)
        self.storm(sales, 1, at=NOW + timedelta(hours=1))

        assert Ticket.objects.count() == 2

    def test_lets_a_person_pass_in_the_very_next_batch(self, channel: Channel) -> None:
        for number in range(2 * BATCH):
            make.arrive(channel, report(f"{number}.made.up@desk.example"), mail_from="")
        person = make.arrive(channel, make.mail(message_id="person@customer.example"))

        taken = work_once(make.reader(), Outlook(seconds=0))

        person.refresh_from_db()
        assert (taken, person.state) == (1, InboundEvent.State.DONE)
        assert InboundEvent.objects.filter(state=InboundEvent.State.WAITING).count() == 2 * BATCH


EVIL = "evil-words"
#: Ways to write one victim as a new sender each time.
DISGUISES: tuple[Callable[[str, int], str], ...] = (
    lambda name, n: f"{name}@victims.example",
    lambda name, n: f"{name.upper()}@Victims.Example",
    lambda name, n: f"{name}+{EVIL}{n}@victims.example",
    lambda name, n: f'"{EVIL}, click here" <{name}+{n}@victims.example>',
    lambda name, n: f'{EVIL} <"{name}"@victims.example>',
    lambda name, n: f"=?utf-8?q?{EVIL}?= <{name}@victims.example>",
    lambda name, n: f"({EVIL}) {name}@victims.example",
)


def forged(victims: int, number: int) -> Iterator[bytes]:
    """``number`` requests in the names of ``victims`` people, each with words that an attacker wants to send on."""
    for each in range(number):
        yield make.mail(
            sender=DISGUISES[each % len(DISGUISES)](f"victim{each % victims}", each),
            subject=f"{EVIL} {each}",
            text=f"{EVIL} http://{EVIL}.example/{each} how do I reset my password?\n",
            message_id=f"{each}.{EVIL}@evil.example",
            references=[f"ref.{each}.{EVIL}@evil.example"],
            headers=[("Reply-To", f"{EVIL}{each}@evil.example")],
        )


class TestAFloodInTheNamesOfVictims:
    def test_brings_each_of_them_one_mail_at_most_without_a_word_of_the_attacker(self, channel: Channel) -> None:
        raws = list(forged(10, 70))
        for start in range(0, len(raws), BATCH):
            take(channel, raws[start : start + BATCH], at=NOW + timedelta(minutes=start))

        sent = list(Delivery.objects.all())
        assert len(sent) == 10
        assert len({each.counted_as for each in sent}) == 10
        for each in sent:
            raw = bytes(each.mime).decode()
            mail = parse(bytes(each.mime))
            assert EVIL not in without_ids(raw, mail)
            assert EVIL not in mail.subject + mail.text + mail.html
            assert (mail.to[0].name, mail.cc, mail.reply_to) == ("", (), ())
            assert len(mail.references) <= 1

    def test_stores_every_request(self, channel: Channel) -> None:
        take(channel, list(forged(3, 20)))

        assert Message.objects.filter(kind=Message.Kind.CUSTOMER).count() == 20


def without_ids(raw: str, mail: ParsedMail) -> str:
    """The mail without the two fields that name what it answers (RFC 3834, 3.1.5), and without whom it goes to."""
    for field in (*mail.in_reply_to, *mail.references, mail.to[0].addr):
        raw = raw.replace(field, "")
    return raw


class Rude:
    """A far side that answers each of our mails at once, and minds none of the rules: no header that tells, a new
    Message-ID, another subject and other words each time."""

    def __init__(self, channel: Channel, *, quotes: bool = False, peer: str = "127.0.0.1") -> None:
        self.channel, self.quotes, self.peer = channel, quotes, peer
        self.seen: set[int] = set()

    def write(self, number: int, subject: str, at: datetime, parent: str = "") -> None:
        raw = make.mail(
            sender="robot@rude.example",
            subject=subject,
            text=f"We have got your mail number {number}, and it matters to us.\n",
            message_id=f"{number}@rude.example",
            in_reply_to=parent,
        )
        event = make.arrive(
            self.channel,
            raw,
            external_id=f"rude:{number}",
            peer=self.peer,
            mail_from="robot@rude.example",
            received_at=at,
        )
        process(event=event, mail=parse(raw), standing=Standing.load(), now=at)

    def answers(self) -> list[Message]:
        """Our mails that it hasn't answered yet."""
        fresh = Message.objects.filter(kind=Message.Kind.AUTOMATIC).exclude(pk__in=self.seen).order_by("id")
        found = list(fresh)
        self.seen |= {each.pk for each in found}
        return found

    def play(self, *, hours: int) -> int:
        """Write once, and every five minutes after that, in answer to what came from us if anything did; how many
        mails it sent."""
        at, number = NOW, 0
        self.write(number, "Hello", at)
        while at < NOW + timedelta(hours=hours):
            at += timedelta(minutes=5)
            number += 1
            ours = self.answers()
            subject = f"Re: {ours[-1].subject}" if ours and self.quotes else f"Automatic {number}"
            self.write(number, subject, at)
        return number + 1


class TestAnAutoresponderThatMindsNoRules:
    @pytest.mark.parametrize(("peer", "most"), [("127.0.0.1", 5), ("192.0.2.7", 1)])
    def test_gets_no_more_than_a_sender_may(self, channel: Channel, peer: str, most: int) -> None:
        sent = Rude(channel, peer=peer).play(hours=2)

        assert sent == 25
        assert Delivery.objects.count() == most

    def test_that_quotes_our_reference_stays_in_one_ticket(self, mailbox: Mailbox) -> None:
        mailbox.acknowledges_answers = True
        mailbox.save()
        rude = Rude(mailbox.channel, quotes=True)
        rude.write(0, "Hello", NOW)
        ticket = Ticket.objects.get()
        for number in range(1, 40):
            at = NOW + timedelta(minutes=number)
            for ours in rude.answers():
                rude.write(number, f"Re: {ours.subject}", at)

        assert Ticket.objects.count() == 1
        assert Delivery.objects.count() <= 3
        assert ticket.messages.filter(kind=Message.Kind.CUSTOMER).count() <= 4

    def test_leaves_a_solved_ticket_alone_when_nobody_writes_to_it(self, channel: Channel) -> None:
        rude = Rude(channel, quotes=True)
        rude.write(0, "Hello", NOW)
        [first] = rude.answers()
        rude.write(1, f"Re: {first.subject}", NOW + timedelta(seconds=2))
        Ticket.objects.update(state=State.SOLVED)

        assert rude.answers() == []  # nothing of ours that it could answer, so it ends here
        assert Ticket.objects.get().state == State.SOLVED


class TestOurAcknowledgements:
    """MAIL.md 21, line by line."""

    def test_are_what_machines_and_people_can_tell(self, channel: Channel) -> None:
        raw = make.mail(message_id="q@customer.example", references=["p@customer.example"], text="x " * 40_000)
        take(channel, [raw], peer="127.0.0.1")
        delivery = Delivery.objects.get()
        mime = bytes(delivery.mime)
        mail = parse(mime)

        assert re.search(rb"^Auto-Submitted: auto-replied\r$", mime, re.MULTILINE)
        assert re.search(rb"^X-Auto-Response-Suppress: All\r$", mime, re.MULTILINE)
        assert (len(mail.to), mail.cc, delivery.recipients) == (1, (), ["ann@customer.example"])
        assert mail.in_reply_to == ("q@customer.example",)
        assert mail.references == ("p@customer.example", "q@customer.example")
        assert b"Content-Type: text/plain" in mime
        assert "sent automatically" in mail.text
        assert "answer it" in mail.text
        assert delivery.sender == ""
        assert len(mime) <= 10 * 1024

    @pytest.mark.parametrize("text", ["ä" * 9_000, "😀 " * 4_000, "a\n" * 5_000])
    def test_stay_below_ten_kilobytes_whatever_they_quote(self, channel: Channel, text: str) -> None:
        take(channel, [make.mail(text=text, subject="ä" * 300)], peer="127.0.0.1")

        assert len(bytes(Delivery.objects.get().mime)) <= 10 * 1024

    def test_speak_the_customers_language(self, channel: Channel) -> None:
        finnish = "Hei, en pääse kirjautumaan sisään päivityksen jälkeen. Voitteko auttaa minua tänään?\n"
        take(channel, [make.mail(subject="Kirjautuminen", text=finnish)], peer="127.0.0.1")

        mail = parse(bytes(Delivery.objects.get().mime))
        assert "automaattisesti" in mail.text
        assert b"Content-Language: fi" in bytes(Delivery.objects.get().mime)


class TestAnOutOfOfficeAnswer:
    """MAIL.md 22."""

    @pytest.mark.parametrize("state", [State.WAITING, State.SOLVED, State.CLOSED])
    def test_changes_neither_state_nor_owner_and_gets_no_answer(
        self, mailbox: Mailbox, state: State, request: pytest.FixtureRequest
    ) -> None:
        mailbox.acknowledges_answers = True
        mailbox.save()
        [question] = take(mailbox.channel, [make.mail(message_id="q@customer.example")], peer="127.0.0.1")
        ben, billing = request.getfixturevalue("ben"), request.getfixturevalue("billing")
        Ticket.objects.update(state=state, owner=ben, team=billing)
        ours = Message.objects.get(kind=Message.Kind.AUTOMATIC)
        away = make.mail(
            subject="Out of office", in_reply_to=ours.message_id, headers=[("Auto-Submitted", "auto-replied")]
        )

        [message] = take(mailbox.channel, [away], at=NOW + timedelta(hours=1), peer="127.0.0.1")

        ticket = Ticket.objects.get()
        assert (message.ticket, message.kind) == (question.ticket, Message.Kind.MACHINE)
        assert (ticket.state, ticket.owner) == (state, ben)
        assert message.acknowledgement == "auto-submitted"
        assert Delivery.objects.count() == 1
