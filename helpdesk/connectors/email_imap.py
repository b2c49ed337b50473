"""Mail in by IMAP: one thread for each folder that is read, a lease so that one process follows each.

Guarantee: a mail is stored before the cursor moves, and only who holds the lease moves it; a process that dies leaves
its folders to others after ``LEASE``.
"""

import logging
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import close_old_connections, connections
from django.db.models import Q
from django.utils import timezone

from helpdesk.connectors.base import Arrival, TakeIn
from helpdesk.connectors.email import imap_account
from helpdesk.connectors.imap_books import Books, receipt_prefix
from helpdesk.models import AfterImport, Channel, FolderState, Mailbox, OlderMail
from mail_gateway.crash_points import crash_point
from mail_gateway.imap import Fetched, ImapAccount, Pulse, follow

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
#: How often mailboxes are compared with their threads; a new or changed one is followed within this time.
LOOK_SECONDS = 5.0
#: A loop that says nothing for so long is stuck: its line is cut and it begins anew (MAIL.md 4). Each wait for a server
#: has a time limit of its own; this is for a server that sends a letter now and then, and for faults of ours.
STUCK_SECONDS = 600.0


def take_lease(*, mailbox: Mailbox, folder: str, owner: str, now: datetime) -> FolderState | None:
    """Become or stay the one who follows ``folder`` of ``mailbox``; None while another process does."""
    state, _ = FolderState.objects.get_or_create(mailbox=mailbox, folder=folder)
    free = Q(lease_owner__in=("", owner)) | Q(lease_until=None) | Q(lease_until__lt=now)
    state.lease_owner, state.lease_until = owner, now + LEASE
    is_ours = FolderState.objects.filter(free, pk=state.pk).update(lease_owner=owner, lease_until=state.lease_until)
    return state if is_ours else None


@dataclass(frozen=True, slots=True)
class Follower:
    """What one thread needs to follow one folder. Followers of the same account and settings are equal."""

    account: ImapAccount
    books: Books
    channel: Channel
    import_since: datetime | None

    def run(self, *, take_in: TakeIn, stop: threading.Event, pulse: Pulse) -> None:
        """Follow until ``stop``."""
        try:
            follow(
                self.account,
                load_cursor=self.books.load_cursor,
                take=lambda mail: self.take(mail, take_in),
                save_cursor=self.books.save_cursor,
                report=self.books.report,
                stop=stop,
                max_bytes=settings.MAX_MAIL_BYTES,
                housekeeping=self.books,
                pulse=pulse,
            )
        finally:
            connections.close_all()

    def take(self, mail: Fetched, take_in: TakeIn) -> None:
        """Hand one mail to the intake. Raises Temporary."""
        crash_point("imap.fetched")
        take_in(self._arrival(mail))
        crash_point("imap.taken")

    def _arrival(self, mail: Fetched) -> Arrival:
        received_at = mail.received_at or timezone.now()
        prefix = receipt_prefix(folder=self.account.folder, uidvalidity=mail.uidvalidity)
        return Arrival(
            channel=self.channel,
            external_id=f"{prefix}{mail.uid}",
            raw=mail.raw,
            received_at=received_at,
            is_truncated=mail.is_truncated,
            is_silent=self.import_since is not None and received_at < self.import_since,
        )


@dataclass(slots=True)
class _Thread:
    follower: Follower
    stop: threading.Event
    pulse: Pulse
    thread: threading.Thread

    def end(self, timeout_s: float) -> None:
        self.stop.set()
        self.thread.join(timeout_s)


def follow_all(stop: threading.Event, *, take_in: TakeIn, owner: str) -> None:
    """Follow every chosen folder of every active mailbox until ``stop``; new, changed and freed ones are noticed."""
    threads: dict[int, _Thread] = {}
    try:
        while not stop.is_set():
            _compare(threads, take_in=take_in, owner=owner)
            close_old_connections()
            stop.wait(LOOK_SECONDS)
    finally:
        for running in threads.values():
            running.stop.set()
        for running in threads.values():
            running.end(timeout_s=3.0)
        FolderState.objects.filter(lease_owner=owner).update(lease_owner="", lease_until=None)


def _compare(threads: dict[int, _Thread], *, take_in: TakeIn, owner: str) -> None:
    wanted, requested = _wanted(owner)
    for state_id, running in list(threads.items()):
        if running.pulse.silence_s() > STUCK_SECONDS:
            log.error("folder %s: its loop is stuck and is started again", state_id)
            running.pulse.cut()
            running.end(timeout_s=1.0)
            del threads[state_id]
        elif running.follower != wanted.get(state_id) or not running.thread.is_alive():
            running.end(timeout_s=30.0)
            del threads[state_id]
    for state_id, follower in wanted.items():
        if state_id not in threads:
            threads[state_id] = _begin(state_id, follower, take_in)
        elif state_id in requested:
            threads[state_id].pulse.nudge()


def _wanted(owner: str) -> tuple[dict[int, Follower], set[int]]:
    """The folders that this process should follow now, their leases renewed, and those where somebody wants a check.

    Both by the id of their state.
    """
    found: dict[int, Follower] = {}
    requested: set[int] = set()
    started = Mailbox.objects.filter(channel__is_active=True, imap_started_at__isnull=False).exclude(imap_host="")
    rows = started.select_related("channel")
    for mailbox, folder in [(each, folder) for each in rows for folder in each.imap_folders]:
        state = take_lease(mailbox=mailbox, folder=folder, owner=owner, now=timezone.now())
        follower = follower_of(mailbox, state) if state is not None else None
        if state is not None and follower is not None:
            found[state.pk] = follower
            requested |= {state.pk} if state.check_requested_at else set()
    return found, requested


def follower_of(mailbox: Mailbox, state: FolderState) -> Follower | None:
    """What follows the folder of ``state``, whose lease is held; None without an account."""
    account = imap_account(mailbox, folder=state.folder)
    if account is None:
        return None
    books = Books(
        state_id=state.pk,
        channel_id=mailbox.channel_id,
        folder=state.folder,
        owner=state.lease_owner,
        leaves_before=mailbox.import_since if mailbox.older_mail == OlderMail.LEAVE else None,
        clears_into=clears_into(mailbox),
    )
    return Follower(account, books, mailbox.channel, mailbox.import_since)


def clears_into(mailbox: Mailbox) -> str | None:
    """Where imported mail goes: a folder, '' for nowhere, None when it stays."""
    if mailbox.after_import == AfterImport.DELETE:
        return ""
    target = mailbox.after_import_folder
    # Into a folder that is read itself it would only go round in circles.
    return target if mailbox.after_import == AfterImport.MOVE and target not in {"", *mailbox.imap_folders} else None


def _begin(state_id: int, follower: Follower, take_in: TakeIn) -> _Thread:
    stop, pulse = threading.Event(), Pulse()

    def run() -> None:
        try:
            follower.run(take_in=take_in, stop=stop, pulse=pulse)
        except Exception:
            log.exception("folder %s: its loop died and is started again", state_id)

    thread = threading.Thread(target=run, name=f"imap-{state_id}", daemon=True)
    thread.start()
    return _Thread(follower, stop, pulse, thread)
