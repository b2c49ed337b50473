"""Fetches mail by IMAP: in, at least once; deduplicated by who takes it.

The server's mailbox is never a queue and its flags are never state: what was taken is known by a cursor of UIDs,
which moves only after `take` returned for every mail up to it. Nothing here sets or reads `\\Seen`. A crash at any
point repeats work and loses none.
"""

from dataclasses import replace
from datetime import datetime
from threading import Event

from mail_gateway.following import (
    Follower,
    LoadCursor,
    Loop,
    Pace,
    Report,
    SaveCursor,
    State,
    Status,
    Take,
)
from mail_gateway.housekeeping import Check, Housekeeping, Preview, look
from mail_gateway.imap_folders import Cursor, Folder
from mail_gateway.mailbox import Fetched, ImapAccount, Mailbox
from mail_gateway.pulse import Pulse

__all__ = [
    "Check",
    "Cursor",
    "Fetched",
    "Folder",
    "Housekeeping",
    "ImapAccount",
    "Pace",
    "Preview",
    "Pulse",
    "State",
    "Status",
    "follow",
    "list_folders",
    "list_uids",
    "poll_once",
    "preview",
]

MAX_BYTES = 25 * 1024 * 1024


def preview(account: ImapAccount, *, since: datetime | None) -> Preview:
    """Look at a mailbox without taking anything. `since` None counts every mail as newer.

    Raises the errors of `mail_gateway.errors`.
    """
    with Mailbox(account) as mailbox:
        return look(mailbox, since=since)


def list_folders(account: ImapAccount) -> list[Folder]:
    """The folders that can be read. Raises the errors of `mail_gateway.errors`."""
    with Mailbox(replace(account, folder="INBOX")) as mailbox:  # the one folder that every account has
        return mailbox.folders()


def list_uids(account: ImapAccount) -> tuple[int, tuple[int, ...]]:
    """UIDVALIDITY and every UID of the mailbox, ascending: what the ledger is compared with.

    Raises the errors of `mail_gateway.errors`.
    """
    with Mailbox(account) as mailbox:
        return mailbox.uidvalidity, tuple(mailbox.uids_after(0))


def poll_once(
    account: ImapAccount,
    *,
    load_cursor: LoadCursor,
    take: Take,
    save_cursor: SaveCursor,
    stop: Event | None = None,
    max_bytes: int = MAX_BYTES,
) -> int:
    """Connect, take everything after the cursor, leave. Returns how many mails were taken.

    Raises the errors of `mail_gateway.errors`, and whatever `take` raises; the cursor then stands before that mail.
    """
    with Mailbox(account) as mailbox:
        follower = Follower(load_cursor, take, save_cursor, stop or Event(), max_bytes)
        return follower.take_new(mailbox)


def follow(
    account: ImapAccount,
    *,
    load_cursor: LoadCursor,
    take: Take,
    save_cursor: SaveCursor,
    report: Report,
    stop: Event,
    max_bytes: int = MAX_BYTES,
    pace: Pace | None = None,
    housekeeping: Housekeeping | None = None,
    pulse: Pulse | None = None,
) -> None:
    """Take every mail after the cursor, and each new one as it comes, until `stop` is set.

    `load_cursor` is asked before each pass; None, or another UIDVALIDITY than the server's, means from the first
    mail on. `take` gets one mail at a time in the order of UIDs. Whatever it raises ends the pass with the cursor
    before that mail, is reported, and the pass is tried again after a wait: no mail is ever skipped. A refused login
    is reported and tried again only after `pace.refused_wait_s`. `report` gets every change of the status. Returns
    within about a second of `stop`, unless a server leaves a command unanswered: then after `account.timeout_s`.
    `housekeeping` comes after each pass; `pulse` lets others watch the loop, cut its line and wake it.
    """
    follower = Follower(load_cursor, take, save_cursor, stop, max_bytes, housekeeping)
    Loop(account, follower, report, pace or Pace(), pulse or Pulse()).run()
