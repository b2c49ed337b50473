"""The desk fetches from a real Dovecot, and sends by a real SMTP server, both named in its environment."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mail_gateway.imap import list_uids
from tests.servers.desk_process import Desk, desk, letter, until
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.smtp_server import ScriptedServer, serve


@pytest.fixture
def sink() -> Iterator[ScriptedServer]:
    with serve() as server:
        yield server


@pytest.fixture
def stopped(tmp_path: Path, dovecot: Dovecot, sink: ScriptedServer) -> Iterator[Desk]:
    account = f"imap+plain://desk-{tmp_path.name.lower()}:{PASSWORD}@127.0.0.1:{dovecot.port}"
    with desk(tmp_path, LUOTSI_IMAP_URL=account, LUOTSI_SMTP_URL=f"smtp+plain://127.0.0.1:{sink.port}") as made:
        yield made


def user_of(desk: Desk) -> str:
    return f"desk-{desk.data.name.lower()}"


class TestADeskWithAMailbox:
    def test_fetches_what_lies_there_and_what_comes(
        self, stopped: Desk, dovecot: Dovecot, sink: ScriptedServer
    ) -> None:
        dovecot.deliver(user_of(stopped), letter(1))
        stopped.start()
        until(lambda: stopped.count("ticket") == 1)

        dovecot.deliver(user_of(stopped), letter(2))

        until(lambda: stopped.count("ticket") == 2)
        until(lambda: len(sink.taken) == 2)
        assert {taken.recipients for taken in sink.taken} == {
            ("customer1@customer.example",),
            ("customer2@customer.example",),
        }
        mail = stopped.health()[1]["mail"]
        assert (mail["ok"], mail["folders"], mail["folders_out_of_reach"]) == (True, 1, 0)

    def test_takes_nothing_twice_after_it_was_killed(
        self, stopped: Desk, dovecot: Dovecot, sink: ScriptedServer
    ) -> None:
        for number in range(10):
            dovecot.deliver(user_of(stopped), letter(number))
        stopped.start()
        until(lambda: stopped.count("inboundevent") >= 1)
        stopped.kill()
        dovecot.deliver(user_of(stopped), letter(10))

        stopped.start()
        until(lambda: stopped.count("inboundevent", "state = 'done'") == 11)

        # The cursor follows the receipts (MAIL.md 1), so a quick intake can be done before it does.
        until(lambda: stopped.rows("SELECT last_uid FROM helpdesk_folderstate") == [(11,)])
        assert stopped.count("receipt") == stopped.count("ticket") == 11

    def test_moves_each_mail_once_although_it_is_killed_in_between(self, stopped: Desk, dovecot: Dovecot) -> None:
        stopped.start()
        stopped.kill()
        with closing(sqlite3.connect(stopped.data / "luotsi.sqlite3")) as database, database:
            database.execute("UPDATE helpdesk_mailbox SET after_import = 'move', after_import_folder = 'Done'")
        for number in range(5):
            dovecot.deliver(user_of(stopped), letter(number))
        stopped.extra = {**stopped.extra, "LUOTSI_CRASH_AT": "imap.cleared"}
        stopped.launch()
        until(lambda: stopped.process is not None and stopped.process.poll() is not None)

        stopped.extra = {**stopped.extra, "LUOTSI_CRASH_AT": ""}
        stopped.start()
        until(lambda: stopped.rows("SELECT last_uid, cleared_uid FROM helpdesk_folderstate") == [(5, 5)])
        until(lambda: stopped.count("ticket") == 5)

        account = dovecot.account(user_of(stopped))
        assert list_uids(account)[1] == ()
        assert list_uids(replace(account, folder="Done"))[1] == (1, 2, 3, 4, 5)
        assert stopped.count("receipt") == stopped.count("inboundevent") == 5

    def test_says_so_when_the_password_is_wrong(self, tmp_path: Path, dovecot: Dovecot) -> None:
        account = f"imap+plain://desk-wrong:not-{PASSWORD}@127.0.0.1:{dovecot.port}"
        with desk(tmp_path, LUOTSI_IMAP_URL=account) as running:
            running.start(has_to_be_well=False)
            until(lambda: running.rows("SELECT 1 FROM helpdesk_folderstate WHERE phase = 'refused'"))

            status, report = running.health()

        assert status == 503
        assert not report["mail"]["ok"]
        assert PASSWORD not in str(report) + running.output
