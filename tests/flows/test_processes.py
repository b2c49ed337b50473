"""Loops that die, leases of the dead, and what /health/ says about it."""

import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from helpdesk import blobs, leases
from helpdesk.models import Channel, FolderState, Heartbeat, InboundEvent
from helpdesk.queries import troubles
from helpdesk.supervisor import LOST_AFTER, Loop, Supervisor
from tests import make
from tests.flows.outgoing import mail_channel, queue
from tests.servers.desk_process import until


@pytest.fixture
def supervise() -> Iterator[Callable[..., Supervisor]]:
    """Start a supervisor that is stopped in the end."""
    started: list[Supervisor] = []

    def start(*loops: Loop) -> Supervisor:
        started.append(Supervisor(loops, process="test:1"))
        started[-1].start()
        return started[-1]

    yield start
    for supervisor in started:
        supervisor.stop(grace_s=20)


# Naming the apps lets PostgreSQL empty its search table with the others.
@pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)
class TestASupervisor:
    def test_writes_a_heartbeat_for_each_loop(self, supervise: Callable[..., Supervisor]) -> None:
        supervise(Loop("intake", lambda stop: stop.wait()), Loop("outbox", lambda stop: stop.wait()))

        until(lambda: Heartbeat.objects.count() == 2)
        assert {beat.loop for beat in Heartbeat.objects.filter(process="test:1", error="")} == {"intake", "outbox"}

    def test_takes_its_heartbeats_away_at_the_end(self, supervise: Callable[..., Supervisor]) -> None:
        supervisor = supervise(Loop("intake", lambda stop: stop.wait()))
        until(Heartbeat.objects.exists)

        assert supervisor.stop() == []
        assert not Heartbeat.objects.exists()

    def test_starts_a_dead_loop_again_and_logs_its_reason_once(
        self, supervise: Callable[..., Supervisor], caplog: pytest.LogCaptureFixture
    ) -> None:
        lives = []

        def dies_twice(stop: threading.Event) -> None:
            lives.append(stop)
            if len(lives) < 3:
                raise ConnectionError("no such host")
            stop.wait()

        supervise(Loop("imap", dies_twice))

        until(lambda: len(lives) == 3)
        assert [record.message for record in caplog.records] == ["imap died and is started again"]
        assert caplog.records[0].exc_info is not None

    def test_does_not_wait_for_ever_for_a_loop_that_hangs(self, supervise: Callable[..., Supervisor]) -> None:
        may_end = threading.Event()
        supervisor = supervise(Loop("intake", lambda _stop: may_end.wait()))

        assert supervisor.stop(grace_s=0.05) == ["intake"]
        may_end.set()


@pytest.mark.django_db
class TestLeasesOfTheDead:
    def test_are_over_at_once_and_keep_their_states(self) -> None:
        now = timezone.now()
        later = now + timedelta(minutes=5)
        channel = mail_channel()
        delivery = queue(channel, state="sending", lease_until=later, next_attempt_at=later, open_hand_overs=1)
        event = make.arrive(channel, make.mail())
        InboundEvent.objects.update(state="working", lease_until=later)
        FolderState.objects.create(mailbox=channel.mailbox, folder="INBOX", lease_owner="dead:1", lease_until=later)

        leases.free_all(now=now)

        delivery.refresh_from_db()
        event.refresh_from_db()
        assert (delivery.state, delivery.open_hand_overs) == ("sending", 1)
        assert delivery.lease_until is not None
        assert delivery.lease_until < now
        assert delivery.next_attempt_at < now
        assert event.state == "working"
        assert event.lease_until is not None
        assert event.lease_until < now
        assert FolderState.objects.get().lease_owner == ""

    def test_are_left_alone_while_somebody_lives(self) -> None:
        later = timezone.now() + timedelta(minutes=5)
        delivery = queue(mail_channel(), state="sending", lease_until=later, next_attempt_at=later)

        with leases.held():
            # Another process would open the file anew, as this does. PostgreSQL has no lock, and nothing is freed.
            delivery.refresh_from_db()
            freed = delivery.lease_until != later
            type(delivery).objects.update(lease_until=later, next_attempt_at=later)
            with leases.held():
                delivery.refresh_from_db()

        assert freed == (connection.vendor == "sqlite")
        assert delivery.lease_until == later


class TestFilesOfTheDead:
    def test_go_when_they_are_old_enough(self, settings: Settings) -> None:
        folders = [settings.BLOB_DIR / blobs.UNFINISHED, settings.OUTGOING_DIR]
        for folder in folders:
            folder.mkdir(parents=True)
            (folder / ".old.part").write_text("half a mai")
            (folder / ".young.part").write_text("half a mai")
            (folder / "whole.eml").write_text("a mail")
            os.utime(folder / ".old.part", (0, 0))

        leases.remove_unfinished(older_than_s=3600)

        kept = [sorted(path.name for path in folder.iterdir()) for folder in folders]
        assert kept == [[".young.part", "whole.eml"]] * 2


def alive(*names: str, age: timedelta = timedelta(0), error: str = "") -> None:
    """Heartbeats of these loops."""
    now = timezone.now()
    for name in names:
        Heartbeat.objects.create(process="test:1", loop=name, started_at=now, beat_at=now - age, error=error)


@pytest.mark.django_db
class TestHealth:
    LOOPS = (
        *("intake", "intake-slow", "outbox", "assignment", "timers", "rules", "rehearsals", "rule-reviews"),
        *("erasures", "social", "social-polls", "social-care"),
        *("imap", "smtp"),
    )

    def test_is_good_when_every_loop_lives(self, client: Client) -> None:
        alive(*self.LOOPS)

        answer = client.get("/health/")

        assert (answer.status_code, answer.json()["ok"]) == (200, True)
        assert "no-store" in answer["Cache-Control"]

    @pytest.mark.parametrize(("missing", "part"), [("intake", "worker"), ("outbox", "worker"), ("imap", "mail")])
    def test_is_bad_when_a_loop_has_not_been_seen(self, client: Client, missing: str, part: str) -> None:
        alive(*(name for name in self.LOOPS if name != missing))
        alive(missing, age=LOST_AFTER * 2)

        answer = client.get("/health/")

        assert answer.status_code == 503
        assert [name for name, each in answer.json().items() if name != "ok" and not each["ok"]] == [part]

    def test_is_bad_while_a_loop_keeps_dying(self, client: Client) -> None:
        alive(*self.LOOPS[1:])
        alive("intake", error="OSError: /srv/secret")

        answer = client.get("/health/")

        assert answer.status_code == 503
        assert "secret" not in answer.content.decode()

    def test_needs_no_receiver_where_none_is_wanted(self, client: Client, settings: Settings) -> None:
        settings.SMTP_ADDRESS = ""
        alive(*self.LOOPS[:-1])

        assert client.get("/health/").status_code == 200

    def test_is_bad_when_mail_waits_too_long(self, client: Client) -> None:
        alive(*self.LOOPS)
        make.arrive(mail_channel(), make.mail(), received_at=timezone.now() - timedelta(minutes=10))

        answer = client.get("/health/")

        assert answer.status_code == 503
        assert 600 <= answer.json()["waiting"]["oldest_s"] < 660

    def test_is_bad_when_nothing_leaves_but_not_for_a_paused_channel(self, client: Client) -> None:
        alive(*self.LOOPS)
        queue(mail_channel(), next_attempt_at=timezone.now() - timedelta(minutes=10))
        assert client.get("/health/").status_code == 503

        Channel.objects.update(paused_reason="535 wrong password")

        answer = client.get("/health/")
        assert answer.status_code == 200
        assert answer.json()["outgoing"]["paused_channels"] == 1
        assert "535" not in answer.content.decode()

    @pytest.mark.parametrize(
        ("contact", "error", "status"),
        [(None, "", 200), (None, "no such host", 503), (timedelta(minutes=1), "x", 200), (timedelta(hours=1), "", 503)],
    )
    def test_tells_a_mailbox_that_is_out_of_reach(
        self, client: Client, contact: timedelta | None, error: str, status: int
    ) -> None:
        alive(*self.LOOPS)
        mailbox = mail_channel(imap_host="mail.example", imap_started_at=timezone.now()).mailbox
        contact_at = None if contact is None else timezone.now() - contact
        FolderState.objects.create(
            mailbox=mailbox, folder="INBOX", last_contact_at=contact_at, error=error, phase="waiting"
        )

        assert client.get("/health/").status_code == status

    def test_is_bad_without_a_database_and_says_nothing_else(self, client: Client) -> None:
        def refuse(*_: object) -> None:
            raise OperationalError("connection to 10.0.0.7 refused")

        with connection.execute_wrapper(refuse):
            answer = client.get("/health/")

        assert answer.status_code == 503
        assert answer.json() == {"ok": False, "database": {"ok": False}}

    def test_names_nothing_of_the_inside_to_strangers(self, client: Client) -> None:
        alive(*self.LOOPS)
        started = timezone.now()
        mailbox = mail_channel(slug="boss-private-example", imap_host="mail.example", imap_started_at=started).mailbox
        FolderState.objects.create(mailbox=mailbox, folder="Secret folder", error="535 no", phase="refused")

        answer = client.get("/health/")

        assert answer.json()["mail"]["folders_out_of_reach"] == 1
        for word in ("boss", "Secret", "535", "mail.example", connection.vendor):
            assert word not in answer.content.decode()

    def test_is_bad_when_the_disk_is_nearly_full(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        alive(*self.LOOPS)
        monkeypatch.setattr(troubles, "LEAST_FREE_BYTES", 2**60)

        answer = client.get("/health/")

        assert (answer.status_code, answer.json()["disk"]) == (503, {"ok": False})

    def test_costs_a_handful_of_queries(self, client: Client, django_assert_max_num_queries: object) -> None:
        alive(*self.LOOPS)

        with django_assert_max_num_queries(8):  # type: ignore[operator]
            client.get("/health/")
