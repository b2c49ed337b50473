"""Every way a hand-over can end, against a real SMTP server that says what the test wants, and into the folder."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from helpdesk.actions import mailroom
from helpdesk.models import Agent, Channel, Delivery, Entry, State, Ticket
from helpdesk.outbox import BACKOFF, BATCH, LEASE, deliver_due
from tests.flows.outgoing import NOW, RAW, mail_channel, queue
from tests.servers.smtp_server import Act, ScriptedServer, serve

pytestmark = pytest.mark.django_db
Kind = Entry.Kind


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.OUTGOING_DIR = tmp_path / "outgoing"
    return tmp_path / "outgoing"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serve() as server:
        yield server


def told(delivery: Delivery) -> list[tuple[str, str]]:
    """What the journal says about the delivery, in order."""
    lines = Entry.objects.filter(message=delivery.message_id, kind=Kind.DELIVERY_CHANGED).order_by("pk")
    return [(line.data["from"], line.data["to"]) for line in lines]


def killed_while_sending(delivery: Delivery, *, open_hand_overs: int) -> None:
    """Leave the row as a worker leaves it that is killed; its lease is over at NOW."""
    Delivery.objects.filter(pk=delivery.pk).update(
        state="sending", attempts=1, open_hand_overs=open_hand_overs, lease_until=NOW, next_attempt_at=NOW
    )


class TestAMailThatGoesWell:
    def test_reaches_the_server_with_its_envelope_and_bytes(self, server: ScriptedServer) -> None:
        delivery = queue(mail_channel(smtp_port=server.port))

        assert deliver_due(NOW) == 1

        delivery.refresh_from_db()
        assert (delivery.state, delivery.sent_at, delivery.attempts) == ("sent", NOW, 1)
        assert (delivery.open_hand_overs, delivery.lease_until, delivery.error) == (0, None, "")
        [taken] = server.taken
        assert (taken.mail_from, taken.recipients) == ("support@luotsi.example", ("ann@customer.example",))
        assert taken.raw == RAW

    def test_is_not_sent_again(self, server: ScriptedServer) -> None:
        queue(mail_channel(smtp_port=server.port))
        deliver_due(NOW)

        assert deliver_due(NOW + timedelta(days=1)) == 0
        assert len(server.taken) == 1

    def test_writes_no_line_into_the_journal(self, server: ScriptedServer) -> None:
        delivery = queue(mail_channel(smtp_port=server.port))

        deliver_due(NOW)

        assert told(delivery) == []

    def test_shares_its_connection_with_others(self, server: ScriptedServer) -> None:
        channel = mail_channel(smtp_port=server.port)
        for _ in range(5):
            queue(channel)

        assert deliver_due(NOW) == 5
        assert (len(server.taken), server.connections) == (5, 1)


class TestAMailThatIsNotDue:
    def test_waits_for_the_undo_window_to_close(self, folder: Path) -> None:
        delivery = queue(mail_channel(), next_attempt_at=NOW + timedelta(seconds=10))

        assert deliver_due(NOW) == 0
        assert deliver_due(NOW + timedelta(seconds=10)) == 1

        delivery.refresh_from_db()
        assert delivery.state == "sent"

    @pytest.mark.parametrize("state", ["held", "cancelled", "failed", "unknown"])
    def test_stays_where_a_person_or_a_breaker_has_put_it(self, folder: Path, state: str) -> None:
        queue(mail_channel(), state=state)

        assert deliver_due(NOW) == 0
        assert list(folder.glob("*")) == []

    def test_waits_while_another_worker_holds_it(self, folder: Path) -> None:
        lease = NOW + timedelta(minutes=1)
        queue(mail_channel(), state="sending", lease_until=lease, next_attempt_at=lease)

        assert deliver_due(NOW) == 0

    def test_waits_while_its_channel_is_switched_off(self, folder: Path) -> None:
        channel = mail_channel()
        queue(channel)
        Channel.objects.update(is_active=False)

        assert deliver_due(NOW) == 0

    def test_is_found_by_the_index_at_any_size_of_the_table(self, folder: Path) -> None:
        queue(mail_channel())
        with CaptureQueriesContext(connection) as queries:
            deliver_due(NOW)
        looks = [
            query["sql"] for query in queries if query["sql"].startswith("SELECT") and '"state" IN' in query["sql"]
        ]

        assert len(looks) == 2
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET LOCAL enable_seqscan = off")  # it would read an empty table as a whole
            for look in looks:
                cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{look}")
                assert "delivery_lane" in " ".join(str(row) for row in cursor.fetchall())


class TestAServerThatAsksToTryLater:
    def test_gets_the_mail_at_the_next_try(self) -> None:
        with serve({"DOT": ["451 greylisted, come again", "250 fine"]}) as server:
            delivery = queue(mail_channel(smtp_port=server.port))

            deliver_due(NOW)
            delivery.refresh_from_db()
            assert (delivery.state, delivery.next_attempt_at) == ("retry", NOW + BACKOFF[0])
            assert "451 greylisted" in delivery.error
            assert deliver_due(NOW + timedelta(seconds=59)) == 0
            deliver_due(NOW + timedelta(seconds=60))

            delivery.refresh_from_db()
            assert (delivery.state, delivery.error, delivery.attempts) == ("sent", "", 2)
            assert len(server.taken) == 1

    def test_is_mentioned_in_the_journal_once(self) -> None:
        with serve({"DOT": ["451 later"]}) as server:
            delivery = queue(mail_channel(smtp_port=server.port))
            deliver_due(NOW)
            deliver_due(NOW + timedelta(minutes=1))

        assert told(delivery) == [("sending", "retry")]

    def test_is_asked_at_growing_intervals_for_two_days(self) -> None:
        with serve({"MAIL": ["451 later"]}) as server:
            delivery = queue(mail_channel(smtp_port=server.port))
            now, waits = NOW, []
            while delivery.state != "failed":
                deliver_due(now)
                delivery.refresh_from_db()
                waits.append((delivery.next_attempt_at - now).total_seconds() / 60)
                now = delivery.next_attempt_at

        assert waits[:9] == [1, 5, 15, 30, 60, 120, 240, 480, 480]
        assert now == NOW + timedelta(hours=48)
        assert told(delivery) == [("sending", "retry"), ("sending", "failed")]

    def test_is_treated_alike_when_nobody_answers_at_all(self) -> None:
        with serve() as server:
            port = server.port
        first, second = queue(channel := mail_channel(smtp_port=port)), queue(channel)

        deliver_due(NOW)

        for delivery in (first, second):
            delivery.refresh_from_db()
            assert (delivery.state, delivery.attempts) == ("retry", 1)


class TestAServerThatRefusesTheMail:
    def test_ends_the_delivery_and_reopens_the_ticket(self) -> None:
        with serve({"RCPT": ["550 5.1.1 no such user"]}) as server:
            delivery = queue(mail_channel(smtp_port=server.port), ticket_state=State.SOLVED)

            deliver_due(NOW)

        delivery.refresh_from_db()
        assert delivery.state == "failed"
        assert "550 5.1.1 no such user" in delivery.error
        assert Ticket.objects.get(messages__delivery=delivery).state == State.OPEN
        assert told(delivery) == [("sending", "failed")]

    def test_does_not_reopen_the_ticket_for_an_acknowledgement(self) -> None:
        with serve({"RCPT": ["550 no such user"]}) as server:
            delivery = queue(mail_channel(smtp_port=server.port), is_automatic=True, ticket_state=State.SOLVED)

            deliver_due(NOW)

        delivery.refresh_from_db()
        assert delivery.state == "failed"
        assert Ticket.objects.get(messages__delivery=delivery).state == State.SOLVED

    def test_does_not_keep_the_next_mail_back(self) -> None:
        with serve({"RCPT": ["550 no such user", "250 fine"]}) as server:
            channel = mail_channel(smtp_port=server.port)
            first, second = queue(channel), queue(channel)

            deliver_due(NOW)

        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.state, second.state) == ("failed", "sent")


class TestAServerThatRefusesTheLogin:
    @pytest.fixture
    def delivery(self) -> Iterator[Delivery]:
        with serve({"EHLO": ["AUTH PLAIN"], "AUTH": ["535 wrong password"]}) as server:
            channel = mail_channel(smtp_port=server.port, smtp_username="desk", smtp_password="wrong")
            delivery = queue(channel)
            deliver_due(NOW)
            delivery.refresh_from_db()
            yield delivery

    def test_pauses_the_channel_with_the_reason(self, delivery: Delivery) -> None:
        assert "535 wrong password" in delivery.channel.paused_reason
        assert Entry.objects.filter(kind=Kind.SETTINGS_CHANGED, data__change="paused").count() == 1

    def test_burns_no_attempt(self, delivery: Delivery) -> None:
        assert (delivery.state, delivery.attempts, delivery.open_hand_overs) == ("queued", 0, 0)
        assert told(delivery) == []

    def test_lets_the_mail_wait_until_somebody_has_looked(self, delivery: Delivery, folder: Path) -> None:
        assert deliver_due(NOW + timedelta(days=3)) == 0

        Channel.objects.update(paused_reason="")
        delivery.channel.mailbox.smtp_host = ""
        delivery.channel.mailbox.save()

        assert deliver_due(NOW + timedelta(days=3)) == 1


class TestALineThatDiesAfterTheFinalDot:
    @pytest.fixture
    def server(self) -> Iterator[ScriptedServer]:
        with serve({"DOT": [Act.HANG_UP, "250 fine"]}) as server:
            yield server

    def test_makes_a_reply_go_once_more_with_the_same_message_id(self, server: ScriptedServer) -> None:
        delivery = queue(mail_channel(smtp_port=server.port))

        deliver_due(NOW)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.open_hand_overs) == ("retry", 1)
        deliver_due(NOW + BACKOFF[0])

        delivery.refresh_from_db()
        assert (delivery.state, delivery.open_hand_overs) == ("sent", 0)
        assert [taken.raw for taken in server.taken] == [RAW]

    def test_leaves_an_automatic_mail_alone(self, server: ScriptedServer) -> None:
        delivery = queue(mail_channel(smtp_port=server.port), is_automatic=True)

        deliver_due(NOW)

        delivery.refresh_from_db()
        assert delivery.state == "unknown"
        assert deliver_due(NOW + timedelta(days=1)) == 0
        assert told(delivery) == [("sending", "unknown")]

    def test_is_not_tried_a_third_time(self) -> None:
        with serve({"DOT": [Act.HANG_UP]}) as server:
            delivery = queue(mail_channel(smtp_port=server.port))
            deliver_due(NOW)
            deliver_due(NOW + BACKOFF[0])
            deliver_due(NOW + timedelta(days=1))

            assert server.verbs().count("DATA") == 2
        delivery.refresh_from_db()
        assert delivery.state == "unknown"


class TestAWorkerThatWasKilled:
    def test_in_the_middle_of_a_reply_lets_it_go_once_more(self, server: ScriptedServer) -> None:
        delivery = queue(mail_channel(smtp_port=server.port))
        killed_while_sending(delivery, open_hand_overs=1)

        deliver_due(NOW)

        delivery.refresh_from_db()
        assert (delivery.state, len(server.taken)) == ("sent", 1)

    def test_in_the_middle_of_a_repeated_reply_leaves_it_to_people(self, server: ScriptedServer) -> None:
        delivery = queue(mail_channel(smtp_port=server.port))
        killed_while_sending(delivery, open_hand_overs=2)

        deliver_due(NOW)

        delivery.refresh_from_db()
        assert (delivery.state, server.taken) == ("unknown", [])

    def test_in_the_middle_of_an_automatic_mail_leaves_it_to_people(self, server: ScriptedServer) -> None:
        delivery = queue(mail_channel(smtp_port=server.port), is_automatic=True)
        killed_while_sending(delivery, open_hand_overs=1)

        deliver_due(NOW)

        delivery.refresh_from_db()
        assert (delivery.state, server.taken) == ("unknown", [])

    @pytest.mark.parametrize("is_automatic", [False, True])
    def test_goes_out_when_a_person_says_so(self, server: ScriptedServer, dora: Agent, is_automatic: bool) -> None:
        delivery = queue(mail_channel(smtp_port=server.port), is_automatic=is_automatic)
        killed_while_sending(delivery, open_hand_overs=2)
        deliver_due(NOW)

        assert mailroom.retry_delivery(delivery=delivery, by=dora, at=NOW)
        deliver_due(NOW)

        delivery.refresh_from_db()
        assert (delivery.state, len(server.taken)) == ("sent", 1)

    def test_before_it_began_loses_nothing(self, server: ScriptedServer) -> None:
        delivery = queue(mail_channel(smtp_port=server.port), is_automatic=True)
        killed_while_sending(delivery, open_hand_overs=0)

        deliver_due(NOW)

        delivery.refresh_from_db()
        assert (delivery.state, len(server.taken)) == ("sent", 1)


class TestTheFolder:
    def test_gets_one_file_with_envelope_and_bytes(self, folder: Path) -> None:
        delivery = queue(mail_channel())

        deliver_due(NOW)

        [file] = folder.iterdir()
        assert file.name == f"20261121T120000Z-{delivery.pk:08d}.eml"
        assert file.read_bytes().startswith(b"Return-Path: <support@luotsi.example>\r\nDelivered-To: ann@customer")
        assert file.read_bytes().endswith(RAW)

    def test_still_has_one_after_a_crash_between_file_and_row(self, folder: Path) -> None:
        delivery = queue(mail_channel(), is_automatic=True)
        deliver_due(NOW)
        killed_while_sending(delivery, open_hand_overs=0)

        deliver_due(NOW)

        delivery.refresh_from_db()
        assert delivery.state == "sent"
        assert len(list(folder.iterdir())) == 1

    def test_makes_the_mail_wait_when_the_disk_refuses(self, folder: Path) -> None:
        folder.parent.mkdir(exist_ok=True)
        folder.write_text("in the way")
        delivery = queue(mail_channel())

        deliver_due(NOW)

        delivery.refresh_from_db()
        assert delivery.state == "retry"
        assert "could not be written" in delivery.error


class TestABatch:
    def test_is_limited_and_the_rest_follows(self, folder: Path) -> None:
        channel = mail_channel()
        for _ in range(BATCH + 3):
            queue(channel, is_automatic=True)

        assert [deliver_due(NOW) for _ in range(3)] == [BATCH, 3, 0]
        assert len(list(folder.iterdir())) == BATCH + 3

    def test_gives_back_what_it_had_no_time_for(self, folder: Path) -> None:
        stop = threading.Event()
        stop.set()
        delivery = queue(mail_channel())

        deliver_due(NOW, stop=stop)

        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts, delivery.lease_until) == ("queued", 0, None)
        assert list(folder.glob("*")) == []

    def test_of_two_channels_goes_over_two_lines(self, server: ScriptedServer, folder: Path) -> None:
        by_server, by_folder = queue(mail_channel(smtp_port=server.port)), queue(mail_channel(slug="sales"))

        deliver_due(NOW)

        assert (len(server.taken), len(list(folder.iterdir()))) == (1, 1)
        assert {Delivery.objects.get(pk=each.pk).state for each in (by_server, by_folder)} == {"sent"}

    def test_parks_a_mail_that_the_desk_cannot_handle_and_goes_on(self, server: ScriptedServer) -> None:
        channel = mail_channel(smtp_port=server.port)
        odd, fine = queue(channel, recipients=["ann@customer.example", 7]), queue(channel)

        deliver_due(NOW)

        odd.refresh_from_db()
        fine.refresh_from_db()
        assert (odd.state, fine.state) == ("failed", "sent")
        assert "See the log" in odd.error

    def test_changes_nothing_once_its_lease_belongs_to_another(self, folder: Path) -> None:
        delivery = queue(mail_channel())
        deliver_due(NOW)
        later = NOW + LEASE
        Delivery.objects.filter(pk=delivery.pk).update(state="sending", lease_until=later, next_attempt_at=later)

        assert deliver_due(NOW) == 0
        delivery.refresh_from_db()
        assert delivery.lease_until == later
