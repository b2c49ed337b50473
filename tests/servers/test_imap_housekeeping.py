"""After the import: what is moved, deleted or left alone, and the comparison with the ledger."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mail_gateway.imap import Cursor, State, list_folders, list_uids
from tests.servers.dovecot import Dovecot
from tests.servers.imap_server import ImapServer, serve_imap
from tests.servers.mail_intake import QUICK, Intake
from tests.servers.mail_ledger import Ledger

OFTEN = replace(QUICK, poll_s=0.05)
POOR, RICH = "IMAP4rev1", "IMAP4rev1 MOVE UIDPLUS"


def mail(number: int) -> bytes:
    return f"From: ann@customer.example\r\nSubject: {number}\r\n\r\nHello\r\n".encode()


def mails(*uids: int) -> dict[int, bytes]:
    return {uid: mail(uid) for uid in uids}


@pytest.fixture
def intake() -> Iterator[Intake]:
    made = Intake()
    yield made
    made.stop.set()


@pytest.fixture
def ledger(intake: Intake) -> Ledger:
    made = Ledger(intake)
    intake.housekeeping = made
    return made


class TestAfterTheImport:
    @pytest.mark.parametrize("capabilities", [RICH, "IMAP4rev1 UIDPLUS"])
    def test_mails_are_moved(self, intake: Intake, ledger: Ledger, capabilities: str) -> None:
        ledger.clears_into = "Done"
        with serve_imap(ImapServer(mails=mails(1, 2), capabilities=capabilities, folders={"Done": []})) as server:
            with intake.following(server.account(), pace=OFTEN):
                intake.wait_until(lambda: ledger.done_uid == 2)
                server.mails.update(mails(3))
                intake.wait_until(lambda: ledger.done_uid == 3)

        assert intake.uids == server.folders["Done"] == [1, 2, 3]
        assert server.mails == {}

    def test_mails_are_deleted(self, intake: Intake, ledger: Ledger) -> None:
        ledger.clears_into = ""
        with serve_imap(ImapServer(mails=mails(1, 2), capabilities=RICH)) as server:
            with intake.following(server.account(), pace=OFTEN):
                intake.wait_until(lambda: ledger.done_uid == 2)

        assert intake.uids == [1, 2]
        assert server.mails == {}

    def test_nothing_that_others_have_deleted_is_removed(self, intake: Intake, ledger: Ledger) -> None:
        ledger.clears_into, ledger.truncated = "", {2}
        with serve_imap(ImapServer(mails=mails(1, 2, 3), capabilities=RICH, deleted={2})) as server:
            with intake.following(server.account(), pace=OFTEN):
                intake.wait_until(lambda: ledger.done_uid == 3)

        assert set(server.mails) == server.deleted == {2}

    @pytest.mark.parametrize("folder", ["", "Done"])
    def test_a_server_without_uidplus_is_never_told_to_expunge(
        self, intake: Intake, ledger: Ledger, folder: str
    ) -> None:
        ledger.clears_into = folder
        script = ImapServer(mails=mails(1, 2, 3), capabilities=POOR, deleted={2}, folders={"Done": []})
        with serve_imap(script) as server, intake.following(server.account(), pace=OFTEN):
            intake.wait_until(lambda: ledger.done_uid == 3)

        assert server.counted("EXPUNGE") == 0
        assert server.deleted == set(server.mails) == {1, 2, 3}
        assert server.folders["Done"] == ([1, 3] if folder else [])
        assert ledger.outcomes == [True]

    def test_the_folder_is_made_when_it_is_not_there(self, intake: Intake, ledger: Ledger) -> None:
        ledger.clears_into = "Done"
        with serve_imap(ImapServer(mails=mails(1), capabilities=RICH)) as server:
            with intake.following(server.account(), pace=OFTEN):
                intake.wait_until(lambda: ledger.done_uid == 1)

        assert server.folders == {"Done": [1]}

    def test_a_refusal_is_told_and_stops_no_mail(self, intake: Intake, ledger: Ledger) -> None:
        ledger.clears_into = "Done"
        script = ImapServer(mails=mails(1), capabilities=RICH, refusals={"MOVE": "NO over quota"})
        with serve_imap(script) as server, intake.following(server.account(), pace=OFTEN):
            intake.wait_until(lambda: bool(ledger.refusals))
            server.mails.update(mails(2))
            intake.wait_until(lambda: intake.uids == [1, 2])
            server.refusals.clear()
            server.folders["Done"] = []
            intake.wait_until(lambda: ledger.done_uid == 2)

        assert "over quota" in ledger.refusals[0]
        assert server.folders["Done"] == [1, 2]

    def test_a_folder_that_may_only_be_read_is_read(self, intake: Intake, ledger: Ledger) -> None:
        ledger.clears_into = ""
        with serve_imap(ImapServer(mails=mails(1), capabilities=RICH, is_read_only=True)) as server:
            with intake.following(server.account(), pace=OFTEN):
                intake.wait_until(lambda: bool(ledger.refusals))

        assert intake.uids == [1]
        assert set(server.mails) == {1}
        assert "read-only" in ledger.refusals[0]

    def test_a_truncated_mail_stays(self, intake: Intake, ledger: Ledger) -> None:
        ledger.clears_into, ledger.truncated = "", {2}
        with serve_imap(ImapServer(mails=mails(1, 2, 3), capabilities=RICH)) as server:
            with intake.following(server.account(), pace=OFTEN):
                intake.wait_until(lambda: ledger.done_uid == 3)

        assert set(server.mails) == {2}

    @pytest.mark.parametrize("verb", ["COPY", "STORE", "EXPUNGE", "MOVE"])
    @pytest.mark.parametrize("folder", ["", "Done"])
    def test_a_line_that_dies_in_between_loses_and_doubles_no_mail(
        self, intake: Intake, ledger: Ledger, verb: str, folder: str
    ) -> None:
        ledger.clears_into = folder
        capabilities = RICH if verb == "MOVE" else "IMAP4rev1 UIDPLUS"
        script = ImapServer(mails=mails(1, 2), capabilities=capabilities, folders={"Done": []}, cuts_at={verb: 1})
        with serve_imap(script) as server, intake.following(server.account(), pace=OFTEN):
            intake.wait_until(lambda: ledger.done_uid == 2)

        assert intake.uids == [1, 2]
        assert server.mails == {}
        assert set(server.folders["Done"]) == ({1, 2} if folder else set())

    def test_the_folder_is_opened_read_only_when_nothing_is_to_change(self, intake: Intake, ledger: Ledger) -> None:
        with serve_imap(ImapServer(mails=mails(1), capabilities=RICH)) as server:
            with intake.following(server.account(), pace=OFTEN):
                intake.wait_until(lambda: intake.uids == [1])

        assert server.counted("SELECT") == 0

    def test_works_on_a_real_server(self, dovecot: Dovecot, intake: Intake, ledger: Ledger) -> None:
        ledger.clears_into = "Työt & muut"
        for number in (1, 2):
            dovecot.deliver("cleared", mail(number))
        account = dovecot.account("cleared")
        with intake.following(account, pace=OFTEN):
            intake.wait_until(lambda: ledger.done_uid == 2)

        assert list_uids(account)[1] == ()
        assert list_uids(replace(account, folder="Työt & muut"))[1] == (1, 2)
        assert dovecot.seen_mails("cleared") == 0
        assert [folder.name for folder in list_folders(account)] == ["Työt & muut", "INBOX"]


class TestAStart:
    def test_leaves_older_mails_alone(self, intake: Intake, ledger: Ledger, dovecot: Dovecot) -> None:
        for day in (1, 10, 20):
            dovecot.deliver("started", mail(day), received_at=datetime(2026, 3, day, 12, tzinfo=UTC))
        ledger.leaves_before = datetime(2026, 3, 10, 11, tzinfo=UTC)

        with intake.following(dovecot.account("started")):
            intake.wait_for_state(State.IDLE)

        assert intake.uids == [2, 3]
        assert ledger.left_uid == 1

    def test_goes_by_time_and_not_by_day(self, intake: Intake, ledger: Ledger) -> None:
        times = {1: "10-Mar-2026 23:59:59 -0500", 2: "11-Mar-2026 06:00:01 +0100"}
        ledger.leaves_before = datetime(2026, 3, 11, 5, 0, tzinfo=UTC)
        with serve_imap(ImapServer(mails=mails(1, 2), times=times)) as server:
            with intake.following(server.account(), pace=OFTEN):
                intake.wait_for_state(State.WAITING)

        assert intake.uids == [2]


class TestTheComparison:
    def test_explains_every_mail(self, intake: Intake, ledger: Ledger) -> None:
        ledger.wants_check = True
        with serve_imap(ImapServer(mails=mails(1, 2, 3))) as server:
            with intake.following(server.account(), pace=OFTEN):
                intake.wait_until(lambda: bool(ledger.checks))

        assert (ledger.checks[0].server_count, ledger.checks[0].unexplained) == (3, ())

    def test_fetches_a_mail_below_the_cursor_that_was_never_taken(self, intake: Intake, ledger: Ledger) -> None:
        """Servers that give a lower number to a later mail break RFC 3501, and exist."""
        intake.cursor, ledger.wants_check = Cursor(7, 9), True
        with serve_imap(ImapServer(mails=mails(4, 9))) as server:
            with intake.following(server.account(), pace=OFTEN):
                intake.wait_until(lambda: bool(ledger.checks))

        assert intake.uids == [4, 9]
        assert (ledger.checks[0].recovered, ledger.checks[0].unexplained) == ((4, 9), ())
        assert intake.cursor == Cursor(7, 9)

    def test_tells_of_a_mail_that_cannot_be_had(self, intake: Intake, ledger: Ledger) -> None:
        intake.cursor, ledger.wants_check = Cursor(7, 9), True
        with serve_imap(ImapServer(mails=mails(4, 9), lost={4})) as server:
            with intake.following(server.account(), pace=OFTEN):
                intake.wait_until(lambda: bool(ledger.checks))

        assert (ledger.checks[0].recovered, ledger.checks[0].unexplained) == ((9,), (4,))

    def test_does_not_blame_a_mail_that_was_deleted_meanwhile(self, intake: Intake, ledger: Ledger) -> None:
        intake.cursor, ledger.wants_check = Cursor(7, 9), True
        with serve_imap(ImapServer(mails=mails(4, 9), vanished={4})) as server:
            with intake.following(server.account(), pace=OFTEN):
                intake.wait_until(lambda: bool(ledger.checks))

        assert (ledger.checks[0].server_count, ledger.checks[0].unexplained) == (1, ())

    def test_is_not_believed_when_the_line_dies(self, intake: Intake, ledger: Ledger) -> None:
        intake.cursor, ledger.wants_check = Cursor(7, 9), True
        with serve_imap(ImapServer(mails=mails(4, 9), cuts_at={"FETCH": 1})) as server:
            with intake.following(server.account(), pace=OFTEN):
                intake.wait_until(lambda: bool(ledger.checks))

        assert len(ledger.checks) == 1
        assert ledger.checks[0].unexplained == ()
        assert sorted(set(intake.uids)) == [4, 9]

    def test_can_be_asked_for(self, intake: Intake, ledger: Ledger) -> None:
        with serve_imap(ImapServer(mails=mails(1), capabilities="IMAP4rev1 IDLE")) as server:
            with intake.following(server.account()):
                intake.wait_for_state(State.IDLE)
                ledger.wants_check = True
                intake.pulse.nudge()
                intake.wait_until(lambda: bool(ledger.checks))


class TestFolders:
    def test_are_listed_with_their_use_and_without_those_that_hold_no_mail(self) -> None:
        answer = "\r\n".join(
            [
                '* LIST (\\HasNoChildren) "/" INBOX',
                '* LIST (\\Noselect \\HasChildren) "/" "[Gmail]"',
                '* LIST (\\HasNoChildren \\Sent) "/" "[Gmail]/L&AOQ-hetetyt"',
                '* LIST (\\HasNoChildren) "/" "Ty&APY-t &- muut"',
                '* LIST (\\HasNoChildren) "/" 2026',
                '* LIST (\\HasNoChildren) "/" "bad &AP"',
            ]
        )
        with serve_imap(ImapServer(answers={"LIST": answer})) as server:
            found = [(folder.name, folder.use) for folder in list_folders(server.account())]

        assert found[:4] == [("INBOX", ""), ("[Gmail]/Lähetetyt", "\\Sent"), ("Työt & muut", ""), ("2026", "")]
