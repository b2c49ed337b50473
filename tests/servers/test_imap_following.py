"""Following a mailbox on a real Dovecot: every mail once and in order, whatever happens between."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from mail_gateway.errors import LoginRefused, Permanent, Temporary
from mail_gateway.imap import Cursor, Pace, State, list_uids, preview
from mail_gateway.tls import Security
from tests.servers.certificates import make_certificates
from tests.servers.dovecot import Dovecot
from tests.servers.mail_intake import QUICK, Intake

_numbers = count(1)


def mail(number: int = 1, *, size: int = 0) -> bytes:
    return f"From: ann@customer.example\r\nSubject: {number}\r\n\r\n".encode() + b"x" * size + b"\r\n"


@pytest.fixture
def user() -> str:
    """A mailbox that no other test uses."""
    return f"user{next(_numbers)}"


@pytest.fixture
def intake() -> Iterator[Intake]:
    made = Intake()
    yield made
    made.stop.set()


class TestPollOnce:
    def test_takes_every_mail_in_order_with_its_bytes(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        for number in range(3):
            dovecot.deliver(user, mail(number))

        assert intake.poll(dovecot.account(user)) == 3

        assert [fetched.raw for fetched in intake.taken] == [mail(0), mail(1), mail(2)]
        assert intake.uids == [1, 2, 3]
        assert intake.cursor is not None
        assert intake.cursor.last_uid == 3

    def test_takes_nothing_twice(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        dovecot.deliver(user, mail(1))
        intake.poll(dovecot.account(user))

        assert intake.poll(dovecot.account(user)) == 0
        dovecot.deliver(user, mail(2))
        assert intake.poll(dovecot.account(user)) == 1
        assert intake.uids == [1, 2]

    def test_takes_nothing_from_an_empty_mailbox(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        assert intake.poll(dovecot.account(user)) == 0

    def test_takes_more_mails_than_one_batch(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        for number in range(120):
            dovecot.deliver(user, mail(number))

        assert intake.poll(dovecot.account(user)) == 120
        assert intake.uids == list(range(1, 121))
        assert [cursor.last_uid for cursor in intake.cursors] == [0, 50, 100, 120]

    def test_takes_mails_that_a_person_has_read(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        dovecot.deliver(user, mail(1), is_seen=True)

        assert intake.poll(dovecot.account(user)) == 1

    def test_marks_no_mail_as_read(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        dovecot.deliver(user, mail(1))
        dovecot.deliver(user, mail(2, size=2_000))

        intake.poll(dovecot.account(user), max_bytes=1_000)

        assert len(intake.taken) == 2
        assert dovecot.seen_mails(user) == 0

    def test_tells_when_the_server_received_a_mail(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        received_at = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
        dovecot.deliver(user, mail(), received_at=received_at)

        intake.poll(dovecot.account(user))

        assert intake.taken[0].received_at == received_at
        assert intake.taken[0].received_at.tzinfo is UTC

    def test_cuts_a_mail_above_the_cap(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        dovecot.deliver(user, mail(1))
        dovecot.deliver(user, mail(2, size=400_000))
        dovecot.deliver(user, mail(3))

        intake.poll(dovecot.account(user), max_bytes=300_000)

        small, large, last = intake.taken
        assert (small.is_truncated, large.is_truncated, last.is_truncated) == (False, True, False)
        assert large.raw == mail(2, size=400_000)[:262_144]
        assert large.size == len(mail(2, size=400_000))

    def test_takes_mails_that_are_too_much_for_one_batch(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        for number in range(3):
            dovecot.deliver(user, mail(number, size=9_000_000))

        intake.poll(dovecot.account(user))

        assert [len(fetched.raw) for fetched in intake.taken] == [len(mail(0, size=9_000_000))] * 3
        assert [cursor.last_uid for cursor in intake.cursors] == [0, 1, 2, 3]

    def test_takes_an_empty_mail(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        dovecot.deliver(user, b"")

        assert intake.poll(dovecot.account(user)) == 1
        assert intake.taken[0].raw.strip() == b""

    def test_starts_behind_a_given_cursor(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        for number in range(4):
            dovecot.deliver(user, mail(number))
        uidvalidity, _ = list_uids(dovecot.account(user))
        intake.cursor = Cursor(uidvalidity, 2)

        intake.poll(dovecot.account(user))

        assert intake.uids == [3, 4]

    def test_scans_again_when_the_server_gave_new_numbers(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        for number in range(3):
            dovecot.deliver(user, mail(number))
        intake.poll(dovecot.account(user))

        dovecot.renumber(user, uidvalidity=12_345, next_uid=4_000_000_000)
        intake.poll(dovecot.account(user))

        again = intake.taken[3:]
        assert {fetched.raw for fetched in again} == {mail(0), mail(1), mail(2)}
        assert {fetched.uidvalidity for fetched in again} == {12_345}
        assert intake.cursor == Cursor(12_345, 4_000_000_002)

    @pytest.mark.parametrize("error", [Temporary("disk full"), Permanent("not ours"), KeyError("bug")])
    def test_stops_before_a_mail_that_could_not_be_taken(
        self, dovecot: Dovecot, user: str, intake: Intake, error: Exception
    ) -> None:
        for number in range(4):
            dovecot.deliver(user, mail(number))
        intake.fails = {3: error}

        with pytest.raises(type(error)):
            intake.poll(dovecot.account(user))
        assert intake.cursor is not None
        assert (intake.uids, intake.cursor.last_uid) == ([1, 2], 2)

        intake.fails = {}
        intake.poll(dovecot.account(user))
        assert intake.uids == [1, 2, 3, 4]

    def test_stops_between_two_mails_when_told(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        for number in range(4):
            dovecot.deliver(user, mail(number))
        intake.stops_after = 2

        intake.poll(dovecot.account(user))

        assert intake.uids == [1, 2]
        assert intake.cursors[-1].last_uid == 2


class TestOpening:
    @pytest.mark.parametrize("security", ["tls", "starttls", "none"])
    def test_opens_by_each_kind_of_security(self, dovecot: Dovecot, user: str, security: Security) -> None:
        dovecot.deliver(user, mail())

        assert list_uids(dovecot.account(user, security=security))[1] == (1,)

    @pytest.mark.parametrize("security", ["tls", "starttls"])
    def test_refuses_a_certificate_of_an_unknown_authority(
        self, dovecot: Dovecot, user: str, security: Security
    ) -> None:
        account = replace(dovecot.account(user, security=security), ca_file=None)

        with pytest.raises(Temporary, match="certificate is not valid"):
            list_uids(account)

    def test_refuses_a_certificate_of_another_authority(self, dovecot: Dovecot, user: str, tmp_path: Path) -> None:
        other = make_certificates(tmp_path)

        with pytest.raises(Temporary, match="certificate is not valid"):
            list_uids(replace(dovecot.account(user), ca_file=other.ca_file))

    def test_does_not_speak_plain_text_to_a_tls_port(self, dovecot: Dovecot, user: str) -> None:
        account = replace(dovecot.account(user, security="none"), port=dovecot.tls_port, timeout_s=0.5)

        with pytest.raises(Temporary):
            list_uids(account)

    def test_a_wrong_password_is_refused(self, dovecot: Dovecot, user: str) -> None:
        with pytest.raises(LoginRefused, match="AUTHENTICATIONFAILED") as caught:
            list_uids(dovecot.account(user, password="wrong-Pa55"))

        assert "wrong-Pa55" not in str(caught.value)

    def test_a_folder_that_is_not_there_is_told(self, dovecot: Dovecot, user: str) -> None:
        with pytest.raises(Temporary, match="folder could not be opened"):
            list_uids(replace(dovecot.account(user), folder="Työt & muut"))

    def test_a_name_cannot_add_a_command(self, dovecot: Dovecot) -> None:
        with pytest.raises(LoginRefused, match="control character"):
            list_uids(dovecot.account('ann" "secret"\r\na1 DELETE INBOX'))

    def test_a_port_that_is_closed_is_temporary(self, dovecot: Dovecot, user: str) -> None:
        with pytest.raises(Temporary, match="cannot connect"):
            list_uids(replace(dovecot.account(user), port=1))


class TestPreview:
    def test_counts_and_takes_nothing(self, dovecot: Dovecot, user: str) -> None:
        for day in (1, 10, 20):
            dovecot.deliver(user, mail(day), received_at=datetime(2026, 3, day, 12, tzinfo=UTC))

        seen = preview(dovecot.account(user), since=datetime(2026, 3, 10, 18, tzinfo=UTC))

        assert (seen.total, seen.newer, seen.left, seen.uidnext) == (3, 1, 2, 4)
        assert seen.start == Cursor(seen.uidvalidity, 2)
        assert dovecot.seen_mails(user) == 0

    def test_counts_all_without_a_day(self, dovecot: Dovecot, user: str) -> None:
        dovecot.deliver(user, mail())

        seen = preview(dovecot.account(user), since=None)

        assert (seen.total, seen.newer, seen.start.last_uid) == (1, 1, 0)

    def test_starts_at_the_end_when_nothing_is_newer(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        dovecot.deliver(user, mail(1), received_at=datetime(2026, 3, 1, tzinfo=UTC))
        seen = preview(dovecot.account(user), since=datetime(2026, 4, 1, tzinfo=UTC))
        intake.cursor = seen.start
        dovecot.deliver(user, mail(2))

        intake.poll(dovecot.account(user))

        assert [fetched.raw for fetched in intake.taken] == [mail(2)]

    def test_an_empty_mailbox_starts_at_its_beginning(self, dovecot: Dovecot, user: str) -> None:
        seen = preview(dovecot.account(user), since=datetime(2026, 4, 1, tzinfo=UTC))

        assert (seen.total, seen.newer, seen.start.last_uid) == (0, 0, 0)


class TestFollow:
    def test_takes_what_lies_there_and_then_idles(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        dovecot.deliver(user, mail(1))
        with intake.following(dovecot.account(user)):
            status = intake.wait_for_state(State.IDLE)

        assert intake.uids == [1]
        assert status.error == ""
        assert status.is_idle_supported is True
        assert status.cursor == Cursor(intake.taken[0].uidvalidity, 1)
        assert status.last_contact_at is not None
        assert (datetime.now(UTC) - status.last_contact_at).total_seconds() < 60

    def test_hears_of_new_mail_long_before_the_next_poll(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        with intake.following(dovecot.account(user)):
            intake.wait_for_state(State.IDLE)
            for number in (1, 2, 3):
                dovecot.deliver(user, mail(number))
                intake.wait_until(lambda number=number: len(intake.taken) == number)  # type: ignore[misc]

        assert intake.uids == [1, 2, 3]

    def test_polls_again_although_idle_says_nothing(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        with intake.following(dovecot.account(user), pace=replace(QUICK, poll_s=0.05)):
            intake.wait_for_state(State.IDLE, times=3)

        assert intake.states.count(State.CONNECTING) == 1

    def test_stops_within_a_second_of_being_told(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        with intake.following(dovecot.account(user)):
            intake.wait_for_state(State.IDLE)
            began_at = time.monotonic()
            intake.stop.set()
            intake.wait_for_state(State.STOPPED)

        assert time.monotonic() - began_at < 1.5

    def test_notices_new_numbers_between_two_polls(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        dovecot.deliver(user, mail(1))
        with intake.following(dovecot.account(user), pace=replace(QUICK, poll_s=0.1)):
            intake.wait_for_state(State.IDLE)
            dovecot.renumber(user, uidvalidity=99, next_uid=50)
            intake.wait_until(lambda: intake.cursor == Cursor(99, 50))

        assert {fetched.raw for fetched in intake.taken} == {mail(1)}

    def test_reports_and_retries_a_mail_that_could_not_be_taken(
        self, dovecot: Dovecot, user: str, intake: Intake
    ) -> None:
        for number in (1, 2, 3):
            dovecot.deliver(user, mail(number))
        intake.fails = {2: Temporary("The disk is full.")}
        with intake.following(dovecot.account(user)):
            status = intake.wait_for_state(State.WAITING, times=2)
            assert intake.uids == [1]
            intake.fails = {}
            after = intake.wait_for_state(State.IDLE)

        assert status.error == "The disk is full."
        assert after.error == ""
        assert intake.uids == [1, 2, 3]

    def test_survives_a_bug_in_the_taker(
        self, dovecot: Dovecot, user: str, intake: Intake, caplog: pytest.LogCaptureFixture
    ) -> None:
        dovecot.deliver(user, mail(1))
        intake.fails = {1: KeyError("bug")}
        with intake.following(dovecot.account(user)):
            intake.wait_for_state(State.WAITING, times=2)
            intake.fails = {}
            intake.wait_for_state(State.IDLE)

        assert intake.uids == [1]
        assert "The mailbox loop of" in caplog.text

    def test_does_not_hammer_with_a_wrong_password(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        with intake.following(dovecot.account(user, password="wrong")):
            status = intake.wait_for_state(State.REFUSED)
            began_at = time.monotonic()

        assert time.monotonic() - began_at < 1
        assert "AUTHENTICATIONFAILED" in status.error
        assert intake.states == [State.CONNECTING, State.REFUSED, State.STOPPED]

    def test_two_loops_do_not_disturb_each_other(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        other = Intake()
        with intake.following(dovecot.account(user)), other.following(dovecot.account(user)):
            intake.wait_for_state(State.IDLE)
            other.wait_for_state(State.IDLE)
            dovecot.deliver(user, mail(1))
            intake.wait_until(lambda: intake.uids == [1])
            other.wait_until(lambda: other.uids == [1])

    def test_leaves_no_thread(self, dovecot: Dovecot, user: str, intake: Intake) -> None:
        before = set(threading.enumerate())
        with intake.following(dovecot.account(user)):
            intake.wait_for_state(State.IDLE)

        assert set(threading.enumerate()) <= before


class TestPace:
    def test_waits_longer_after_each_failure_up_to_a_cap(self) -> None:
        pace = Pace(first_wait_s=2, longest_wait_s=300)

        assert 1.2 <= pace.wait_after(1) <= 2
        assert 2.4 <= pace.wait_after(2) <= 4
        assert 180 <= pace.wait_after(9) <= 300
        assert 180 <= pace.wait_after(10_000) <= 300

    def test_mailboxes_do_not_come_back_together(self) -> None:
        waits = {Pace().wait_after(5) for _ in range(20)}

        assert len(waits) > 15

    def test_leaves_idle_long_before_nine_minutes(self) -> None:
        assert Pace().poll_s <= 60
