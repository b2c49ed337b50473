"""Several processes on one mailbox: one reads it at a time, and one that slept through its lease does no harm."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from mail_gateway.imap import list_uids
from tests.databases import ROOT
from tests.servers.desk_process import Desk, desk, letter, until
from tests.servers.dovecot import PASSWORD, Dovecot

Fetch = Callable[[int], "subprocess.Popen[bytes]"]


@pytest.fixture
def data(tmp_path: Path, dovecot: Dovecot) -> Iterator[Desk]:
    """A migrated data folder; no desk runs on it."""
    account = f"imap+plain://{user_of(tmp_path)}:{PASSWORD}@127.0.0.1:{dovecot.port}"
    with desk(tmp_path, LUOTSI_IMAP_URL=account, DJANGO_SETTINGS_MODULE="helpdesk.settings") as made:
        assert made.manage("migrate", "-v0").returncode == 0
        yield made


@pytest.fixture
def fetch(data: Desk) -> Iterator[Fetch]:
    """Starts a fetcher that stops itself after so many mails; its words go to a file of its own."""
    with ExitStack() as stack:

        def start(stops_after: int) -> "subprocess.Popen[bytes]":
            log = stack.enter_context((data.data / f"fetcher{stops_after}.log").open("wb"))
            command = [sys.executable, "-m", "tests.servers.fetcher", str(stops_after)]
            process = subprocess.Popen(command, cwd=ROOT, env=data.environment, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield start


def user_of(folder: Path) -> str:
    return f"shared-{folder.name.lower()}"


def said(data: Desk, stops_after: int) -> str:
    return (data.data / f"fetcher{stops_after}.log").read_text()


def position(data: Desk) -> list[tuple[str, int]]:
    return [
        (str(owner), int(uid)) for owner, uid in data.rows("SELECT lease_owner, last_uid FROM helpdesk_folderstate")
    ]


class TestTwoProcesses:
    def test_read_a_mailbox_one_at_a_time(self, data: Desk, dovecot: Dovecot, fetch: Fetch) -> None:
        for number in range(20):
            dovecot.deliver(user_of(data.data), letter(number))

        owners = {f"fetcher:{process.pid}" for process in (fetch(0), fetch(1_000))}
        until(lambda: [uid for _, uid in position(data)] == [20])
        dovecot.deliver(user_of(data.data), letter(20))
        until(lambda: [uid for _, uid in position(data)] == [21])

        assert data.count("inboundevent") == data.count("receipt") == 21
        assert {owner for owner, _ in position(data)} <= owners

    def test_do_no_harm_when_one_slept_through_its_lease(self, data: Desk, dovecot: Dovecot, fetch: Fetch) -> None:
        for number in range(10):
            dovecot.deliver(user_of(data.data), letter(number))
        sleeper = fetch(4)
        until(lambda: "stopped" in said(data, 4))
        assert [uid for _, uid in position(data)] == [0], "its cursor stands before the batch"

        other = fetch(0)
        until(lambda: position(data) == [(f"fetcher:{other.pid}", 10)])
        sleeper.send_signal(signal.SIGCONT)
        until(lambda: "Another process follows this folder now." in said(data, 4))
        dovecot.deliver(user_of(data.data), letter(10))
        until(lambda: position(data) == [(f"fetcher:{other.pid}", 11)])

        assert data.count("inboundevent") == data.count("receipt") == 11
        assert list_uids(replace(dovecot.account(user_of(data.data)), folder="INBOX"))[1] == tuple(range(1, 12))
