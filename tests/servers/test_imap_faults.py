"""IMAP servers that are poor, broken or in trouble: nothing is lost, nothing is skipped, and a page can say why."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mail_gateway import imap_meter, mailbox
from mail_gateway.errors import GatewayError, LoginRefused, Permanent, Temporary
from mail_gateway.imap import Cursor, Pace, State, list_uids, preview
from tests.servers.imap_server import ImapServer, serve_imap
from tests.servers.mail_intake import QUICK, Intake


def mails(*uids: int) -> dict[int, bytes]:
    return {uid: f"Subject: {uid}\r\n\r\n{'x' * 500}\r\n".encode() for uid in uids}


@pytest.fixture
def intake() -> Iterator[Intake]:
    made = Intake()
    yield made
    made.stop.set()


class TestPoorServers:
    """Bare IMAP4rev1: no IDLE, MOVE, UIDPLUS, ESEARCH, CONDSTORE, no UIDNEXT, search answers out of order."""

    def test_gives_all_mails_in_order(self, intake: Intake) -> None:
        with serve_imap(ImapServer(mails=mails(3, 9, 4))) as server:
            assert intake.poll(server.account()) == 3

        assert intake.uids == [3, 4, 9]
        assert {fetched.uid: fetched.raw for fetched in intake.taken} == mails(3, 4, 9)

    def test_does_not_take_the_last_mail_for_a_new_one(self, intake: Intake) -> None:
        intake.cursor = Cursor(7, 9)
        with serve_imap(ImapServer(mails=mails(3, 9))) as server:
            assert intake.poll(server.account()) == 0

        assert server.counted("SEARCH") == 1
        assert server.counted("FETCH") == 0

    def test_previews_without_uidnext(self) -> None:
        with serve_imap(ImapServer(mails=mails(3, 9))) as server:
            seen = preview(server.account(), since=None)

        assert (seen.total, seen.uidnext, seen.start) == (2, 10, Cursor(7, 2))

    def test_is_polled_where_it_has_no_idle(self, intake: Intake) -> None:
        with serve_imap(ImapServer(mails=mails(1))) as server:
            with intake.following(server.account(), pace=replace(QUICK, poll_s=0.05)):
                status = intake.wait_for_state(State.WAITING, times=2)
                server.mails.update(mails(2))
                intake.wait_until(lambda: intake.uids == [1, 2])

        assert status.is_idle_supported is False
        assert status.error == ""
        assert server.counted("IDLE") == 0
        assert server.logins == 1

    def test_without_lasting_numbers_it_is_refused(self) -> None:
        with serve_imap(ImapServer(uidvalidity=0)) as server, pytest.raises(Permanent, match="UIDVALIDITY"):
            list_uids(server.account())

    def test_a_large_mailbox_is_searched_in_windows(self, intake: Intake) -> None:
        count = 120_000
        intake.cursor = Cursor(7, 4_000_000_000 + count - 3)
        with serve_imap(ImapServer(mails=dict.fromkeys(range(4_000_000_001, 4_000_000_001 + count), b"x"))) as server:
            _, uids = list_uids(server.account())
            searches = server.counted("SEARCH")
            intake.poll(server.account())

        assert uids == tuple(range(4_000_000_001, 4_000_000_001 + count))
        assert searches == 3
        assert len(intake.taken) == 3

    def test_a_large_mailbox_is_counted_in_every_window(self) -> None:
        script = ImapServer(mails=dict.fromkeys(range(1, 120_001), b"x"), recent={7, 60_000})
        with serve_imap(script) as server:
            seen = preview(server.account(), since=datetime(2026, 3, 1, tzinfo=UTC))

        assert (seen.total, seen.newer, seen.start) == (120_000, 2, Cursor(7, 6))

    def test_is_asked_for_nothing_that_changes_a_flag(self, intake: Intake) -> None:
        with serve_imap(ImapServer(mails={1: b"small", **mails(2)})) as server:
            intake.poll(server.account(), max_bytes=100)

        assert (server.counted("(BODY.PEEK[])"), server.counted("(BODY.PEEK[]<0.262144>)")) == (1, 1)
        assert server.counted("BODY[]") == server.counted("SELECT") == server.counted("STORE") == 0


class TestThePace:
    def test_ends_each_idle_before_nine_minutes_and_looks_each_minute(self) -> None:
        assert Pace().poll_s <= 60


class TestDroppedLines:
    @pytest.mark.parametrize("verb", ["GREETING", "CAPABILITY", "LOGIN", "EXAMINE", "SEARCH", "FETCH"])
    def test_a_line_that_dies_is_temporary_at_every_step(self, intake: Intake, verb: str) -> None:
        with serve_imap(ImapServer(mails=mails(1), cuts_at={verb: 1})) as server:
            with pytest.raises(Temporary):
                intake.poll(server.account())
            assert intake.uids == []

            assert intake.poll(server.account()) == 1

        assert intake.taken[0].raw == mails(1)[1]

    @pytest.mark.parametrize("verb", ["GREETING", "LOGIN", "EXAMINE", "SEARCH", "FETCH", "IDLE", "IDLING"])
    def test_the_loop_comes_back_after_every_cut(self, intake: Intake, verb: str) -> None:
        script = ImapServer(mails=mails(*range(1, 8)), capabilities="IMAP4rev1 IDLE", cuts_at={verb: 3})
        with serve_imap(script) as server, intake.following(server.account()):
            intake.wait_until(lambda: intake.states.count(State.WAITING) >= 3)
            status = intake.wait_for_state(State.IDLE)
            intake.wait_until(lambda: intake.reports[-1].error == "" and intake.reports[-1].state is State.IDLE)

        assert intake.uids == [1, 2, 3, 4, 5, 6, 7]
        assert status.cursor == Cursor(7, 7)
        assert all(f"127.0.0.1:{server.port}" in error for error in intake.errors)

    def test_waits_are_short_again_after_a_pass_that_succeeded(self, intake: Intake) -> None:
        script = ImapServer(mails=mails(1), capabilities="IMAP4rev1 IDLE", cuts_at={"IDLING": 12})
        with serve_imap(script) as server:
            with intake.following(server.account(), pace=replace(QUICK, longest_wait_s=3_600)):
                intake.wait_for_state(State.IDLE, times=13)

        assert server.logins == 13

    @pytest.mark.parametrize("verb", ["CAPABILITY", "LOGIN", "EXAMINE", "SEARCH", "FETCH"])
    def test_a_line_that_is_only_half_open_is_given_up(self, intake: Intake, verb: str) -> None:
        """The peer is gone and nothing says so: each wait for it has an end (MAIL.md 4)."""
        script = ImapServer(mails=mails(1, 2), silent_at={verb})
        with serve_imap(script) as server, intake.following(server.account(timeout_s=0.2)):
            intake.wait_until(lambda: bool(intake.errors))
            server.silent_at.clear()
            intake.wait_until(lambda: intake.uids == [1, 2])

        assert intake.cursor == Cursor(7, 2)

    def test_a_goodbye_in_idle_is_followed_by_a_new_line(self, intake: Intake) -> None:
        script = ImapServer(mails=mails(1), capabilities="IMAP4rev1 IDLE", idles_with="* BYE going down")
        with serve_imap(script) as server, intake.following(server.account(timeout_s=0.5)):
            intake.wait_for_state(State.IDLE)
            intake.wait_until(lambda: bool(intake.errors))
            server.idles_with = ""
            server.mails.update(mails(2))
            intake.wait_until(lambda: intake.uids == [1, 2])

        assert server.logins >= 2

    def test_a_stuck_loop_can_be_cut_from_outside(self, intake: Intake) -> None:
        script = ImapServer(mails=mails(1), silent_at={"SEARCH"})
        with serve_imap(script) as server, intake.following(server.account(timeout_s=60)):
            intake.wait_for_state(State.POLLING)
            intake.wait_until(lambda: server.counted("SEARCH") == 1)
            server.silent_at.clear()
            intake.pulse.cut()
            intake.wait_until(lambda: intake.uids == [1])

        assert server.logins == 2

    def test_silence_is_temporary(self, intake: Intake) -> None:
        with serve_imap(ImapServer(mails=mails(1), capabilities="IMAP4rev1 IDLE")) as server:
            script = replace(QUICK, poll_s=0.05)
            with intake.following(server.account(timeout_s=0.2), pace=script):
                intake.wait_for_state(State.IDLE, times=2)

        assert intake.uids == [1]


class TestLogin:
    @pytest.mark.parametrize("words", ["NO LOGIN failed", "NO [AUTHENTICATIONFAILED] wrong", "NO [EXPIRED] old"])
    def test_a_refused_login_is_tried_once(self, intake: Intake, words: str) -> None:
        with serve_imap(ImapServer(login_answer=words)) as server, intake.following(server.account()):
            status = intake.wait_for_state(State.REFUSED)

        assert server.logins == 1
        assert words.removeprefix("NO ") in status.error

    @pytest.mark.parametrize("words", ["NO [UNAVAILABLE] directory is down", "NO [INUSE] locked"])
    def test_a_login_that_cannot_be_checked_is_tried_again(self, intake: Intake, words: str) -> None:
        with serve_imap(ImapServer(mails=mails(1), login_answer=words)) as server:
            with intake.following(server.account(), pace=replace(QUICK, poll_s=0.05)):
                intake.wait_until(lambda: server.logins >= 2)
                server.login_answer = ""
                intake.wait_until(lambda: intake.uids == [1])

        assert State.REFUSED not in intake.states

    @pytest.mark.parametrize("password", ["pässi", "日本"])
    def test_letters_that_login_cannot_carry_are_told(self, password: str) -> None:
        with serve_imap(ImapServer()) as server, pytest.raises(LoginRefused, match="letters"):
            list_uids(server.account(password=password))

    def test_starttls_that_is_not_offered_sends_no_password(self) -> None:
        with serve_imap(ImapServer()) as server:
            with pytest.raises(Temporary, match="does not offer STARTTLS"):
                list_uids(replace(server.account(), security="starttls"))

        assert server.logins == 0


class TestAnAnswerWithoutEnd:
    """Whoever runs the server, or speaks in its place, could fill the memory of the desk."""

    def test_is_given_up_when_a_mail_is_far_longer_than_was_said(
        self, intake: Intake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mailbox, "_BATCH_BYTES", 1024)
        swollen = b"Subject: x\r\n\r\n" + b"x" * 1024 * 1024
        with serve_imap(ImapServer(mails={1: swollen}, sizes={1: 20})) as server:
            with pytest.raises(Temporary, match="longer than"):
                intake.poll(server.account(), max_bytes=20_000)

        assert intake.taken == []

    def test_is_given_up_when_the_server_never_stops_talking(
        self, intake: Intake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(imap_meter, "MOST_BYTES", 64 * 1024)
        chatter = "\r\n".join(["* OK still looking"] * 10_000)
        with serve_imap(ImapServer(mails=mails(1), answers={"SEARCH": chatter})) as server:
            with pytest.raises(Temporary, match="longer than"):
                intake.poll(server.account())

        assert intake.taken == []


class TestOddAnswers:
    def test_a_mail_that_vanishes_before_the_fetch_is_left_out(self, intake: Intake) -> None:
        with serve_imap(ImapServer(mails=mails(1, 2, 3), vanished={2})) as server:
            assert intake.poll(server.account()) == 2

        assert intake.uids == [1, 3]
        assert intake.cursor == Cursor(7, 3)

    def test_a_mail_that_is_listed_but_not_handed_over_is_never_skipped(self, intake: Intake) -> None:
        with serve_imap(ImapServer(mails=mails(1, 2, 3), lost={2})) as server:
            with pytest.raises(Temporary, match="UID 2"):
                intake.poll(server.account())
            assert intake.cursor == Cursor(7, 1)

            server.lost.clear()
            intake.poll(server.account())

        assert intake.uids == [1, 2, 3]

    @pytest.mark.parametrize(
        ("verb", "answer"),
        [
            ("EXAMINE", "* x EXISTS"),
            ("EXAMINE", "* OK [UIDVALIDITY nonsense]"),
            ("SEARCH", "* SEARCH one two"),
            ("SEARCH", "hello?"),
            ("FETCH", "* 1 FETCH (UID"),
            ("FETCH", "* 1 FETCH (UID x RFC822.SIZE 5)"),
            ("FETCH", "* 1 FETCH nothing"),
            ("FETCH", "* 1 FETCH (UID 1 RFC822.SIZE (5))"),
            ("FETCH", "* 1 FETCH (UID 1 BODY[] NIL)"),
            ("SEARCH", "* BYE going down"),
        ],
    )
    def test_an_answer_that_is_not_imap_is_a_gateway_error(self, intake: Intake, verb: str, answer: str) -> None:
        with serve_imap(ImapServer(mails=mails(1), answers={verb: answer})) as server:
            with pytest.raises(GatewayError):
                intake.poll(server.account())

        assert intake.taken == []
        assert intake.cursor is None or intake.cursor.last_uid == 0
