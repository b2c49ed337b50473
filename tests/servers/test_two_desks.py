"""Two real desks whose mail goes to each other: the acknowledgement of an acknowledgement is never written."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from email.message import EmailMessage
from pathlib import Path

import pytest

from mail_gateway.smtp import SmtpAccount, send
from tests.servers.desk_process import Desk, desk, until

FIRST, SECOND = "support@first.example", "help@second.example"


@pytest.fixture
def desks(tmp_path: Path) -> Iterator[tuple[Desk, Desk]]:
    """The desk of FIRST and the desk of SECOND; what one sends, the other receives."""
    with ExitStack() as stack:
        made = []
        for address in (FIRST, SECOND):
            folder = tmp_path / address.partition("@")[0]
            folder.mkdir()
            made.append(stack.enter_context(desk(folder, LUOTSI_MAIL_ADDRESS=address)))
        with ThreadPoolExecutor() as pool:
            list(pool.map(Desk.start, made))  # each migrates a database of its own
        send_to(made[0], made[1])
        send_to(made[1], made[0])
        yield made[0], made[1]


def send_to(sender: Desk, receiver: Desk) -> None:
    """From now on what ``sender`` sends goes to ``receiver``."""
    with closing(sqlite3.connect(sender.data / "luotsi.sqlite3", timeout=20)) as database:
        database.execute(
            "UPDATE helpdesk_mailbox SET smtp_host = '127.0.0.1', smtp_security = 'none', smtp_port = ?",
            (receiver.smtp,),
        )
        database.commit()


class TestTwoDesks:
    def test_stop_after_the_first_acknowledgement(self, desks: tuple[Desk, Desk]) -> None:
        first, second = desks
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = SECOND, FIRST, "A question of theirs"
        mail["Message-ID"] = "<question@second.example>"
        mail.set_content("Can you help us with our order?\n")

        send(SmtpAccount("127.0.0.1", first.smtp, "none"), mail_from=SECOND, recipients=[FIRST], raw=mail.as_bytes())

        until(lambda: second.count("inboundevent", "state = 'done'") and first.count("delivery", "state = 'sent'"))
        assert first.count("delivery") == 1
        [(verdict,)] = second.rows("SELECT acknowledgement FROM helpdesk_message WHERE event_id IS NOT NULL")
        assert verdict == "empty-return-path"
        assert second.count("delivery") == 0  # the question and one acknowledgement: two mails, and silence
