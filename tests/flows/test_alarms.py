"""What stays red reaches every admin, once, by a way that isn't the broken one; and so does its end."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as django_settings
from django.db import connections
from django.test import Client

from helpdesk import outbox
from helpdesk.actions import alarms
from helpdesk.models import Agent, Alarm, AlarmCode, Channel, Delivery, Entry, Role, Watch
from helpdesk.queries.troubles import Trouble
from mail_gateway.parse import parse
from tests.flows.outgoing import mail_channel

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DISK = Trouble(AlarmCode.DISK, values={"free": 4096, "folder": "/var/lib/luotsi"})
MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.django_db


def paused(channel: Channel) -> Trouble:
    """This channel can't send."""
    values: dict[str, str | int] = {"channel": channel.name, "error": "535 refused", "channel_id": channel.pk}
    return Trouble(AlarmCode.PAUSED, str(channel.pk), values, stops=channel.pk, concerns=channel.pk)


class Clock:
    """Looks each minute, as the timers do."""

    def __init__(self) -> None:
        self.now = NOON

    def look(self, *troubles: Trouble, minutes: int = 1) -> None:
        for _ in range(minutes):
            alarms.note(troubles=troubles, now=self.now)
            self.now += MINUTE


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def way_out(dora: Agent) -> Channel:
    """A channel that sends, and Dora to read what it sends."""
    return mail_channel(smtp_port=1)


def notices() -> list[Delivery]:
    return list(Delivery.objects.filter(message=None).order_by("id"))


def texts() -> list[str]:
    return [parse(bytes(each.mime)).text for each in notices()]


class TestAnAlarm:
    def test_is_raised_after_fifteen_minutes_in_a_row(self, clock: Clock) -> None:
        clock.look(DISK, minutes=15)
        assert Alarm.objects.get().raised_at is None

        clock.look(DISK)

        assert Alarm.objects.get().raised_at == NOON + 15 * MINUTE
        assert [entry.data["change"] for entry in Entry.objects.all()] == ["raised"]

    def test_is_not_raised_by_what_comes_and_goes(self, clock: Clock) -> None:
        for _ in range(10):
            clock.look(DISK, minutes=10)
            clock.look(minutes=1)

        assert not Alarm.objects.exists()

    def test_does_not_count_the_time_that_the_desk_was_down(self, clock: Clock) -> None:
        clock.look(DISK, minutes=2)
        clock.now += timedelta(hours=8)
        clock.look(DISK, minutes=15)
        assert Alarm.objects.get().raised_at is None

        clock.look(DISK)

        assert Alarm.objects.get().raised_at is not None

    def test_is_over_after_five_minutes_in_a_row(self, clock: Clock) -> None:
        clock.look(DISK, minutes=16)
        clock.look(minutes=4)
        clock.look(DISK)
        clock.look(minutes=5)
        assert Alarm.objects.get().cleared_at is None

        clock.look()

        assert Alarm.objects.get().cleared_at == clock.now - MINUTE
        assert [entry.data["change"] for entry in Entry.objects.order_by("id")] == ["raised", "cleared"]

    def test_does_not_take_silence_for_health(self, clock: Clock) -> None:
        clock.look(DISK, minutes=16)
        clock.look()
        clock.now += timedelta(hours=8)
        clock.look()

        assert Alarm.objects.get().cleared_at is None

    def test_remembers_when_the_trouble_itself_began(self, clock: Clock) -> None:
        began = NOON - timedelta(hours=3)
        clock.look(Trouble(AlarmCode.INCOMING, values={"count": 4}, since=began), minutes=16)

        assert Alarm.objects.get().since == began

    def test_can_come_a_second_time(self, clock: Clock) -> None:
        clock.look(DISK, minutes=16)
        clock.look(minutes=6)
        clock.look(DISK, minutes=16)

        assert Alarm.objects.count() == 2
        assert Alarm.objects.filter(cleared_at=None, raised_at__isnull=False).count() == 1


class TestOneLookAMinute:
    def test_counts_however_many_processes_look(self, clock: Clock) -> None:
        assert alarms.note(troubles=[DISK], now=NOON)
        assert not alarms.note(troubles=[], now=NOON + timedelta(seconds=30))
        assert not alarms.is_due(now=NOON + timedelta(seconds=30))
        assert Alarm.objects.exists()

        assert alarms.is_due(now=NOON + MINUTE)
        assert alarms.note(troubles=[], now=NOON + MINUTE)

    def test_goes_on_after_a_clock_was_set_back(self) -> None:
        alarms.note(troubles=[], now=NOON + timedelta(days=1))

        assert alarms.note(troubles=[], now=NOON)


@pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)
class TestTwoProcessesAtOnce:
    def test_raise_and_mail_an_alarm_once(self, way_out: Channel) -> None:
        Alarm.objects.create(
            code="disk", values=dict(DISK.values), since=NOON, red_at=NOON, looked_at=NOON + 14 * MINUTE
        )
        Watch.objects.create(name="alarms", looked_at=NOON)
        start, outcomes = threading.Barrier(2), []

        def look() -> None:
            start.wait()
            outcomes.append(alarms.note(troubles=[DISK], now=NOON + 15 * MINUTE))
            connections.close_all()

        threads = [threading.Thread(target=look) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(outcomes) == [False, True]
        assert len(notices()) == 1


class TestTheMail:
    def test_goes_to_every_admin_once_and_in_their_language(self, clock: Clock, way_out: Channel, eli: Agent) -> None:
        Agent.objects.create(email="fanni@desk.example", name="Fanni", role=Role.ADMIN, language="fi")
        Agent.objects.create(email="gone@desk.example", name="Gone", role=Role.ADMIN, is_active=False)

        clock.look(DISK, minutes=60)

        assert [each.recipient for each in notices()] == ["dora@desk.example", "fanni@desk.example"]
        english, finnish = texts()
        assert "The disk is nearly full: 4.0\xa0KB are left in /var/lib/luotsi." in english
        assert "Since 22 Nov 14:00 EET." in english
        assert "/settings/status/" in english
        assert "Levy on melkein täynnä" in finnish
        assert Alarm.objects.get().mailed_by == way_out

    def test_says_that_it_is_automatic_and_has_no_return_path(self, clock: Clock, way_out: Channel) -> None:
        clock.look(DISK, minutes=16)

        raw, row = bytes(notices()[0].mime), notices()[0]
        assert b"Auto-Submitted: auto-generated\r\n" in raw
        assert b"X-Auto-Response-Suppress: All\r\n" in raw
        assert (row.sender, row.is_automatic) == ("", True)

    def test_is_one_for_many_alarms(self, clock: Clock, way_out: Channel) -> None:
        quarantine = Trouble(AlarmCode.QUARANTINE, values={"count": 3})
        clock.look(DISK, quarantine, minutes=16)
        held = Trouble(AlarmCode.HELD, values={"count": 9})
        clock.look(DISK, quarantine, held, minutes=30)

        assert len(notices()) == 2
        assert "3 mails could not be read" in texts()[0]
        assert "disk" not in texts()[1]

    def test_comes_no_more_often_than_every_ten_minutes(self, clock: Clock, way_out: Channel) -> None:
        found = [Trouble(AlarmCode.LOOP, str(number), {"loop": "x", "error": ""}) for number in range(30)]
        for number in range(1, 31):
            clock.look(*found[:number])
        clock.look(*found, minutes=30)

        assert Alarm.objects.exclude(raised_at=None).count() == 30
        assert 3 <= len(notices()) <= 5

    def test_leaves_by_another_channel_than_the_broken_one(self, clock: Clock, way_out: Channel) -> None:
        other = mail_channel(slug="another", smtp_port=1)
        mail_channel(slug="a-folder")

        clock.look(paused(other), minutes=16)

        assert notices()[0].channel == way_out

    def test_prefers_a_channel_without_any_trouble(self, clock: Clock, way_out: Channel) -> None:
        other = mail_channel(slug="another", smtp_port=1)

        clock.look(Trouble(AlarmCode.FOLDER, "1", {"channel": "x", "folder": "INBOX"}, concerns=other.pk), minutes=16)

        assert notices()[0].channel == way_out

    def test_waits_for_a_way_when_there_is_none(self, clock: Clock, way_out: Channel) -> None:
        clock.look(paused(way_out), minutes=20)
        assert notices() == []

        other = mail_channel(slug="other", smtp_port=1)
        clock.look(paused(way_out))

        assert notices()[0].channel == other

    def test_never_goes_to_a_mailbox_of_the_desk_itself(self, clock: Clock, way_out: Channel) -> None:
        Agent.objects.update(email="support@luotsi.example")

        clock.look(DISK, minutes=16)

        assert notices() == []

    def test_says_once_that_all_is_well_again(self, clock: Clock, way_out: Channel) -> None:
        held = Trouble(AlarmCode.HELD, values={"count": 9})
        clock.look(DISK, held, minutes=16)
        clock.look(held, minutes=10)
        assert len(notices()) == 1

        clock.look(minutes=30)

        assert len(notices()) == 2
        assert "All is well again" in notices()[1].subject
        assert "9 automatic mails are held" in texts()[1]

    def test_is_not_sent_about_an_end_when_nobody_heard_of_the_beginning(self, clock: Clock, dora: Agent) -> None:
        clock.look(DISK, minutes=16)
        clock.look(minutes=6)
        mail_channel(smtp_port=1)
        clock.look(minutes=6)

        assert notices() == []

    @pytest.mark.parametrize("gateway", ["folder"])
    def test_goes_out_like_all_mail(self, clock: Clock, dora: Agent, gateway: str) -> None:
        mail_channel()
        clock.look(DISK, minutes=16)

        assert outbox.deliver_due(clock.now) == 1

        assert notices()[0].state == Delivery.State.SENT


class TestANoticeOnTheOutgoingPage:
    @pytest.fixture
    def notice(self, clock: Clock, way_out: Channel) -> Delivery:
        clock.look(DISK, minutes=16)
        return notices()[0]

    def test_is_there_for_admins_alone(self, client: Client, notice: Delivery, dora: Agent, eli: Agent) -> None:
        where = f"/outgoing/{notice.pk}/"
        client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")
        assert "nearly full" in client.get("/outgoing/").content.decode()
        assert "a notice of the desk" in client.get(where).content.decode()

        client.force_login(eli, backend="django.contrib.auth.backends.ModelBackend")
        assert "nearly full" not in client.get("/outgoing/").content.decode()
        assert client.get(where).status_code == 404

    def test_can_be_tried_again_and_fails_without_a_ticket(self, client: Client, notice: Delivery, dora: Agent) -> None:
        client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")
        for _ in range(outbox.FEWEST_ATTEMPTS):
            Delivery.objects.update(next_attempt_at=NOON)
            outbox.deliver_due(NOON + timedelta(days=3))
        notice.refresh_from_db()
        assert notice.state == Delivery.State.FAILED  # nobody listens on that port

        client.post(f"/outgoing/{notice.pk}/retry/")

        notice.refresh_from_db()
        assert notice.state == Delivery.State.QUEUED
        assert Entry.objects.latest("id").data["change"] == "queued"
