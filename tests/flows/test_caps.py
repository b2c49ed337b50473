"""How much automatic mail a sender, a ticket, a mailbox and the desk may cause, and what holds it back."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.db import connection, connections, transaction
from pytest_django import Settings

from helpdesk.actions import breakers
from helpdesk.intake.process import process
from helpdesk.intake.standing import Standing
from helpdesk.models import Agent, Breaker, Channel, Delivery, Entry, Mailbox, Message, Team
from helpdesk.queries.breakers import gauges
from helpdesk.text import counted_as
from mail_gateway.parse import parse
from tests import make
from tests.servers.desk_process import until

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TRUSTED, STRANGE = "127.0.0.1", "192.0.2.7"


def write(
    channel: Channel,
    sender: str = "Ann Archer <ann@customer.example>",
    *,
    at: datetime = NOW,
    peer: str = TRUSTED,
    **mail: str,
) -> Message:
    """One mail that arrives and is processed at one moment, without a child process and without a clock."""
    raw = make.mail(sender=sender, **{"message_id": f"{uuid4().hex}@customer.example", **mail})  # type: ignore[arg-type]
    event = make.arrive(channel, raw, external_id=uuid4().hex, peer=peer, received_at=at)
    message = process(event=event, mail=parse(raw), standing=Standing.load(), now=at)
    assert message is not None
    return message


def verdicts(*messages: Message) -> list[str]:
    return [message.acknowledgement for message in messages]


class TestCountedAs:
    @pytest.mark.parametrize(
        "address",
        [
            "VICTIM@x.example",
            "victim+1@x.example",
            "victim+a+b@X.example",
            '"victim"@x.example',
            '"vic\\tim+3"@x.example',
        ],
    )
    def test_is_one_name_for_one_mailbox(self, address: str) -> None:
        assert counted_as(address) == "victim@x.example"

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("v.i.c.t.i.m@gmail.com", "victim+x@googlemail.com"),
            ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ],
    )
    def test_knows_two_spellings_of_a_domain(self, one: str, other: str) -> None:
        assert counted_as(one) == counted_as(other)

    def test_keeps_people_apart_elsewhere(self) -> None:
        assert len({counted_as(each) for each in ("a.b@x.example", "ab@x.example", "ab@y.example", "ab")}) == 4


@pytest.mark.django_db
class TestASender:
    def test_has_one_in_ten_minutes(self, channel: Channel) -> None:
        minutes = [0, 9, 10, 11, 21]

        written = [write(channel, at=NOW + timedelta(minutes=each)) for each in minutes]

        assert verdicts(*written) == ["full", "sender-pause", "full", "sender-pause", "full"]

    def test_has_five_a_day(self, channel: Channel) -> None:
        written = [write(channel, at=NOW + timedelta(hours=each)) for each in range(7)]
        next_day = write(channel, at=NOW + timedelta(hours=24, minutes=1))

        assert verdicts(*written) == ["full"] * 5 + ["sender-day"] * 2
        assert next_day.acknowledgement == "full"

    @pytest.mark.parametrize(
        "spelling", ["ANN@customer.example", "ann+2@customer.example", '"Somebody else" <ann@Customer.Example>']
    )
    def test_is_the_same_one_in_another_spelling(self, channel: Channel, spelling: str) -> None:
        first, second = write(channel), write(channel, spelling)

        assert verdicts(first, second) == ["full", "sender-pause"]

    def test_is_not_told_from_another_by_the_reply_to(self, channel: Channel) -> None:
        raw = make.mail(headers=[("Reply-To", "else@customer.example")], message_id="a@customer.example")
        make.deliver(channel, raw)

        assert write(channel, at=datetime.now(UTC)).acknowledgement == "sender-pause"

    def test_that_nobody_vouches_for_has_one_a_day(self, channel: Channel) -> None:
        hours = [0, 1, 23, 25]

        written = [write(channel, at=NOW + timedelta(hours=each), peer=STRANGE) for each in hours]

        assert verdicts(*written) == ["neutral", "unverified-day", "unverified-day", "neutral"]

    def test_is_counted_over_all_mailboxes(self, channel: Channel) -> None:
        sales = make.mailbox("sales@desk.example", trusted_networks=["127.0.0.0/8"]).channel

        first, second = write(channel), write(sales, to="sales@desk.example")

        assert verdicts(first, second) == ["full", "sender-pause"]


@pytest.mark.django_db
class TestATicket:
    @pytest.fixture
    def chatty(self, mailbox: Mailbox) -> Channel:
        """A mailbox that acknowledges answers too."""
        mailbox.acknowledges_answers = True
        mailbox.save()
        return mailbox.channel

    def test_has_no_second_acknowledgement_for_an_answer(self, channel: Channel) -> None:
        first = write(channel)
        again = write(channel, subject=f"Re: {first.ticket.reference}", at=NOW + timedelta(hours=1))

        assert again.ticket == first.ticket
        assert again.acknowledgement == "follow-up"

    def test_has_them_where_the_mailbox_wants_it_but_three_an_hour(self, chatty: Channel) -> None:
        first = write(chatty)
        others = [f"ann+{number}@customer{number}.example" for number in range(3)]
        for address in others:
            first.ticket.participants.create(identity=make.identity(address), role="copy")

        answers = [
            write(chatty, address, subject=first.ticket.reference, at=NOW + timedelta(minutes=number))
            for number, address in enumerate(others, start=1)
        ]
        later = write(chatty, others[2], subject=first.ticket.reference, at=NOW + timedelta(minutes=62))

        assert {each.ticket_id for each in (*answers, later)} == {first.ticket_id}
        assert verdicts(*answers) == ["full", "full", "ticket-hour"]
        assert later.acknowledgement == "full"

    def test_has_none_for_a_third_party(self, chatty: Channel) -> None:
        write(chatty, message_id="first@customer.example")

        stranger = write(chatty, "Eve <eve@other.example>", in_reply_to="first@customer.example")

        assert stranger.is_third_party
        assert stranger.acknowledgement == "follow-up"


def write_many(channel: Channel, number: int, *, at: datetime = NOW) -> list[Message]:
    return [write(channel, f"c{uuid4().hex}@customer.example", at=at) for _ in range(number)]


@pytest.mark.django_db
class TestABreaker:
    @pytest.fixture(autouse=True)
    def _small_limits(self, settings: Settings) -> None:
        settings.AUTOMATIC_MAIL_PER_HOUR, settings.DESK_AUTOMATIC_MAIL_PER_HOUR = 3, 5

    def test_holds_what_is_beyond_the_limit_and_drops_nothing(
        self, channel: Channel, caplog: pytest.LogCaptureFixture
    ) -> None:
        written = write_many(channel, 5)

        assert verdicts(*written) == ["full", "full", "full", "held", "held"]
        states = list(Delivery.objects.order_by("id").values_list("state", flat=True))
        assert states == ["queued", "queued", "queued", "held", "held"]
        tripped = Entry.objects.get(kind=Entry.Kind.SETTINGS_CHANGED)
        assert (tripped.data["what"], tripped.data["change"]) == ("breaker", "tripped")
        assert [record.levelname for record in caplog.records] == ["ERROR"]

    def test_shows_on_its_gauge(self, channel: Channel) -> None:
        write_many(channel, 2)
        desk, own = gauges(now=NOW)
        assert (own.channel, own.sent, own.limit, own.percent, own.is_tripped) == (channel, 2, 3, 66, False)
        assert (desk.channel, desk.sent, desk.limit) == (None, 2, 5)

        write_many(channel, 3, at=NOW + timedelta(minutes=1))

        desk, own = gauges(now=NOW + timedelta(minutes=2))
        assert (own.sent, own.held, own.tripped_at) == (3, 2, NOW + timedelta(minutes=1))
        assert own.closes_at == NOW + timedelta(minutes=61)
        assert (desk.held, desk.is_tripped) == (2, False)

    def test_lets_mail_through_again_when_its_hour_is_over(self, channel: Channel) -> None:
        write_many(channel, 4)

        before = write_many(channel, 1, at=NOW + timedelta(minutes=59))
        after = write_many(channel, 4, at=NOW + timedelta(minutes=60))

        assert verdicts(*before, *after) == ["held", "full", "full", "full", "held"]

    def test_lets_mail_through_again_when_an_admin_says_so(self, channel: Channel, dora: Agent) -> None:
        write_many(channel, 4)

        assert breakers.close(channel=channel, by=dora, at=NOW + timedelta(minutes=1))
        assert not breakers.close(channel=channel, by=dora, at=NOW + timedelta(minutes=1))
        after = write_many(channel, 2, at=NOW + timedelta(minutes=2))

        assert verdicts(*after) == ["full", "full"]
        assert gauges(now=NOW + timedelta(minutes=2))[1].sent == 2
        assert Entry.objects.filter(data__change="closed", agent=dora).count() == 1

    def test_of_one_mailbox_does_not_stop_another(self, channel: Channel) -> None:
        sales = make.mailbox("sales@desk.example", trusted_networks=["127.0.0.0/8"]).channel
        write_many(channel, 4)

        other = write(sales, to="sales@desk.example", sender="bob@customer.example")

        assert other.acknowledgement == "full"

    def test_of_the_desk_stops_all_mailboxes(self, channel: Channel, settings: Settings) -> None:
        settings.DESK_AUTOMATIC_MAIL_PER_HOUR = 2
        sales = make.mailbox("sales@desk.example", trusted_networks=["127.0.0.0/8"]).channel
        write_many(channel, 2)

        other = write(sales, to="sales@desk.example", sender="bob@customer.example")

        assert other.acknowledgement == "held"
        assert [gauge.is_tripped for gauge in gauges(now=NOW)] == [True, False, False]

    def test_is_there_once_for_the_desk(self, support: Team) -> None:
        first, _ = Breaker.objects.get_or_create(channel=None)

        assert Breaker.objects.bulk_create([Breaker(channel=None)], ignore_conflicts=True)
        assert list(Breaker.objects.all()) == [first]


@pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)
class TestTwoWorkersAtOnce:
    def test_cannot_both_pass_the_last_place_of_a_sender(self, channel: Channel) -> None:
        mails = [
            make.mail(sender=sender, message_id=f"{sender[:5]}@customer.example")
            for sender in ("ann+1@customer.example", "ann+2@customer.example")
        ]
        events = [make.arrive(channel, raw) for raw in mails]
        standing = Standing.load()

        def second_worker() -> None:
            try:
                process(event=events[1], mail=parse(mails[1]), standing=standing, now=NOW)
            finally:
                connections.close_all()

        other = threading.Thread(target=second_worker)
        with transaction.atomic():
            process(event=events[0], mail=parse(mails[0]), standing=standing, now=NOW)
            other.start()
            until(_somebody_waits)
        other.join(timeout=20)

        assert sorted(Message.objects.filter(kind="customer").values_list("acknowledgement", flat=True)) == [
            "full",
            "sender-pause",
        ]
        assert Delivery.objects.count() == 1


def _somebody_waits() -> bool:
    if connection.vendor == "sqlite":
        return True  # one writer at a time: the other can't even begin
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(cursor.fetchone()[0])
