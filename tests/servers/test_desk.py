"""The desk as people start it: one process, which may be killed at any moment."""

import select
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from mail_gateway.errors import Permanent
from mail_gateway.smtp import SmtpAccount, send
from tests.databases import ROOT
from tests.servers.desk_process import DEADLINE_S, Desk, desk, letter, until
from tests.servers.smtp_server import Act, serve


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[Desk]:
    """A desk that nobody has started."""
    with desk(tmp_path) as made:
        yield made


@pytest.fixture
def running(stopped: Desk) -> Desk:
    stopped.start()
    return stopped


def settled(desk: Desk, *, mails: int) -> Callable[[], bool]:
    """Whether this many mails are processed and their acknowledgements out."""
    return lambda: (
        desk.count("inboundevent", "state = 'done'") == mails and desk.count("delivery", "state = 'sent'") == mails
    )


class TestTheDesk:
    def test_on_a_new_machine_turns_a_mail_into_an_acknowledged_ticket(self, stopped: Desk) -> None:
        stopped.has_database = False
        stopped.start()

        stopped.send(letter(1))

        until(settled(stopped, mails=1))
        assert stopped.rows("SELECT subject FROM helpdesk_ticket") == [("Enquiry 1",)]
        [acknowledgement] = stopped.letters()
        assert b"Delivered-To: customer1@customer.example" in acknowledgement.read_bytes()

    def test_says_that_it_is_well(self, running: Desk) -> None:
        status, report = running.health()

        assert (status, report["ok"]) == (200, True)
        assert set(report) == {"ok", "alarms", "database", "disk", "worker", "mail", "waiting", "outgoing"}
        names = {
            "intake",
            "intake-slow",
            "outbox",
            "assignment",
            "timers",
            "rules",
            "rehearsals",
            "rule-reviews",
            "erasures",
            "social",
            "social-polls",
            "social-care",
        }
        assert set(report["worker"]["seen_s_ago"]) == names

    def test_ends_in_order_when_asked(self, running: Desk) -> None:
        status, seconds = running.stop()

        assert status == 0
        assert seconds < 30  # it waits for nothing that may never come
        assert running.count("heartbeat") == 0
        assert "Traceback" not in running.output

    def test_needs_little_memory(self, running: Desk) -> None:
        assert running.process is not None
        status = Path(f"/proc/{running.process.pid}/status")
        if not status.exists():
            return
        resident = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))

        assert int(resident.split()[1]) < 160 * 1024

    def test_refuses_mail_to_others(self, running: Desk) -> None:
        account = SmtpAccount("127.0.0.1", running.smtp, "none")

        with pytest.raises(Permanent, match="somebody@elsewhere"):
            send(account, mail_from="a@b.example", recipients=["somebody@elsewhere.example"], raw=letter(1))


class TestARequestThatIsTooLarge:
    def test_is_refused_before_its_body_comes_or_in_the_middle_of_it(self, running: Desk) -> None:
        with socket.create_connection(("127.0.0.1", running.http), timeout=DEADLINE_S) as line:
            line.sendall(b"POST /login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n")

            assert line.makefile("rb").readline().startswith(b"HTTP/1.1 413 ")

        megabyte, sent = b"100000\r\n" + bytes(1024 * 1024) + b"\r\n", 0
        with socket.create_connection(("127.0.0.1", running.http), timeout=DEADLINE_S) as line:
            line.sendall(b"POST /login/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            with suppress(ConnectionError):
                while sent < 200 and not select.select([line], [], [], 0)[0]:
                    line.sendall(megabyte)
                    sent += 1

        assert sent < 100
        assert running.health()[0] == 200


class TestADeskThatCannotStart:
    def test_says_that_its_port_is_taken(self, stopped: Desk) -> None:
        with closing(socket.create_server(("127.0.0.1", stopped.http))):
            status, words = stopped.run_to_its_end()

        assert status == 1
        assert f"Can't listen on 127.0.0.1:{stopped.http}: Address already in use" in words
        assert "LUOTSI_HTTP=" in words
        assert "Traceback" not in words

    def test_says_that_its_mail_port_is_taken(self, stopped: Desk) -> None:
        with closing(socket.create_server(("127.0.0.1", stopped.smtp))):
            status, words = stopped.run_to_its_end()

        assert status == 1
        assert "LUOTSI_SMTP=" in words
        assert "Traceback" not in words

    def test_says_what_is_wrong_with_a_mail_account_without_its_password(self, tmp_path: Path) -> None:
        with desk(tmp_path, LUOTSI_IMAP_URL="imaps://ann:secret#word@mail.example") as wrong:
            status, words = wrong.run_to_its_end()

        assert status == 1
        assert "LUOTSI_IMAP_URL can't be used" in words
        assert "secret" not in words
        assert "Traceback" not in words


MOMENTS = {
    "a mail is stored": "SELECT 1 FROM helpdesk_inboundevent",
    "a mail is claimed": "SELECT 1 FROM helpdesk_inboundevent WHERE state = 'working'",
    "a ticket is there": "SELECT 1 FROM helpdesk_message",
    "an acknowledgement is claimed": "SELECT 1 FROM helpdesk_delivery WHERE state = 'sending'",
    "an acknowledgement is out": "SELECT 1 FROM helpdesk_delivery WHERE state = 'sent'",
}


class TestADeskThatIsKilled:
    @pytest.mark.parametrize("moment", MOMENTS)
    def test_loses_nothing_and_doubles_nothing(self, running: Desk, moment: str) -> None:
        mails = [letter(number) for number in range(40)]
        running.send(*mails)
        # The moment can be over before anybody sees it; then the kill comes at the end, which must be harmless too.
        until(lambda: running.rows(MOMENTS[moment]) or settled(running, mails=40)())
        running.kill()

        running.start()
        # A client that was cut off sends again what it wasn't sure of; so does one that was not.
        running.send(*mails)
        until(settled(running, mails=40))

        assert running.count("ticket") == running.count("message", "kind = 'customer'") == 40
        assert running.count("message", "kind = 'automatic'") == len(running.letters()) == 40
        addressed = {letter.read_bytes().splitlines()[1] for letter in running.letters()}
        assert addressed == {f"Delivered-To: customer{number}@customer.example".encode() for number in range(40)}
        assert ledger(running) == "0 unexplained"

    def test_while_a_server_thinks_about_an_acknowledgement_leaves_it_to_people(self, tmp_path: Path) -> None:
        with (
            serve({"DATA": [Act.SILENCE, "354 go on"]}) as server,
            desk(tmp_path, LUOTSI_SMTP_URL=f"smtp+plain://127.0.0.1:{server.port}") as running,
        ):
            running.start()
            running.send(letter(1))
            until(lambda: server.verbs().count("DATA") == 1)
            until(lambda: running.rows("SELECT 1 FROM helpdesk_delivery WHERE open_hand_overs = 1"))
            running.kill()

            running.start()
            until(lambda: running.count("delivery", "state = 'unknown'") == 1)

            running.send(letter(2))
            until(lambda: running.count("delivery", "state = 'sent'") == 1)
            assert server.verbs().count("DATA") == 2
            assert [mail.recipients for mail in server.taken] == [("customer2@customer.example",)]

    def test_lets_a_second_process_live(self, running: Desk) -> None:
        """Two processes on one folder: the second must not take the leases of the first for left-overs."""
        worker = subprocess.Popen(
            [sys.executable, "manage.py", "run_worker"],
            cwd=ROOT,
            env=running.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            until(lambda: running.rows("SELECT 1 FROM helpdesk_heartbeat GROUP BY loop HAVING count(*) = 2"))
            running.send(*[letter(number) for number in range(20)])
            until(settled(running, mails=20))
        finally:
            worker.terminate()
            words, _ = worker.communicate(timeout=30)

        assert worker.returncode == 0
        assert b"its leases stand" in words
        assert len(running.letters()) == 20


def ledger(desk: Desk) -> str:
    """The last line of `manage.py check_invariants --blobs`."""
    return desk.manage("check_invariants", "--blobs").stdout.strip().splitlines()[-1]
