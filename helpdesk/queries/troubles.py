"""What is wrong with the desk right now: everything red, as code and values. Reads only; a handful of indexed rows.

The health page, the alarms and `/health/` judge by this and by nothing else. Not here: what merely waits for its time
(a retry in half an hour), and what is somebody's everyday work (a failed mail has reopened its ticket).
"""

import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet

from helpdesk.models import (
    AlarmCode,
    Channel,
    Delivery,
    FolderState,
    Heartbeat,
    InboundEvent,
    SocialAccount,
    SocialTrouble,
)
from helpdesk.models.conditions import OneOf
from helpdesk.models.transport import EventState
from helpdesk.queries.oauth import connections
from helpdesk.queries.social import EXPIRY_NOTICE

#: As helpdesk.supervisor has it: loops beat every 10 s.
LOST_AFTER = timedelta(seconds=35)
WORKER_LOOPS = (
    "intake",
    "intake-slow",
    "social",
    "social-polls",
    "social-care",
    "outbox",
    "assignment",
    "timers",
    "rules",
    "rehearsals",
    "rule-reviews",
    "erasures",
)
#: What came in is normally processed within a second, what is due out within two.
LONGEST_WAIT = timedelta(minutes=5)
#: An IMAP loop looks at least once a minute.
LONGEST_SILENCE = timedelta(minutes=10)
#: A mail server that takes no mail is told from a single mailbox that is full by nothing else going through either.
HOPELESS_ATTEMPTS = 3
LEAST_FREE_BYTES = 1024**3
LEAST_FREE_FILES = 10_000
LARGEST_SKEW = timedelta(seconds=30)

EVENT_WAITS = OneOf("state", (EventState.WAITING, EventState.WORKING))
DELIVERY_WAITS = OneOf("state", Delivery.DUE_STATES)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong. ``code`` and ``about`` are its key; ``values`` are what its sentence names.

    ``since`` is None where only looking again and again can tell. ``stops`` is the channel that can't send because of
    it, ``concerns`` the one that it is about.
    """

    code: AlarmCode
    about: str = ""
    values: Mapping[str, str | int] = field(default_factory=dict)
    since: datetime | None = None
    stops: int | None = None
    concerns: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.code.value, self.about


def troubles(*, now: datetime) -> Sequence[Trouble]:
    """Look at everything once, the worst first."""
    return (
        *of_loops(names=(*WORKER_LOOPS, *mail_loops()), now=now),
        *of_the_disk(),
        *of_folders(now=now),
        *of_logins(now=now),
        *of_accounts(now=now),
        *of_sending(now=now),
        *of_incoming(now=now),
        *of_outgoing(now=now),
        *of_people_work(),
        *of_clocks(now=now),
    )


def mail_loops() -> tuple[str, ...]:
    """The loops at the mail edges that these settings ask for."""
    wanted = {"imap": True, "smtp": bool(settings.SMTP_ADDRESS), "lmtp": bool(settings.LMTP_ADDRESS)}
    return tuple(name for name, is_wanted in wanted.items() if is_wanted)


def of_loops(*, names: Collection[str], now: datetime) -> Iterator[Trouble]:
    """Loops that run in no process, or that die again and again wherever they run."""
    beats = list(Heartbeat.objects.filter(loop__in=names).order_by("-beat_at"))
    for name in names:
        own = [beat for beat in beats if beat.loop == name]
        fresh = [beat for beat in own if now - beat.beat_at <= LOST_AFTER]
        if any(not beat.error for beat in fresh):
            continue
        error = own[0].error if own else ""
        since = own[0].beat_at if own and not fresh else None
        yield Trouble(AlarmCode.LOOP, name, {"loop": name, "error": error}, since)


def followed_folders() -> QuerySet[FolderState]:
    """Folders that should be followed now."""
    return (
        FolderState.objects.filter(mailbox__channel__is_active=True, mailbox__imap_started_at__isnull=False)
        .exclude(mailbox__imap_host="")
        .select_related("mailbox__channel")
        .order_by("mailbox__channel__name", "folder")
    )


def is_out_of_reach(state: FolderState, *, now: datetime) -> bool:
    """A refused login at once, everything else when the server hasn't answered for a while."""
    if state.error and (state.phase == "refused" or state.last_contact_at is None):
        return True
    return state.last_contact_at is not None and now - state.last_contact_at > LONGEST_SILENCE


def of_folders(*, now: datetime) -> Iterator[Trouble]:
    """Folders that nobody reaches, or that hold mail which nobody can explain."""
    for state in followed_folders():
        channel = state.mailbox.channel
        values: dict[str, str | int] = {"channel": channel.name, "folder": state.folder}
        if is_out_of_reach(state, now=now):
            yield Trouble(
                AlarmCode.FOLDER,
                str(state.pk),
                values | {"error": state.error[:500], "channel_id": channel.pk},
                state.last_contact_at,
                concerns=channel.pk,
            )
        if state.unexplained:
            found = values | {"count": len(state.unexplained), "channel_id": channel.pk}
            yield Trouble(AlarmCode.UNEXPLAINED, str(state.pk), found, state.checked_at, concerns=channel.pk)


def of_logins(*, now: datetime) -> Iterator[Trouble]:
    """Mailboxes whose connection at Google or Microsoft a person has to mend. They neither fetch nor send."""
    for each in connections(now=now):
        if each.needs_attention:
            channel = each.channel
            values: dict[str, str | int] = {
                "channel": channel.name,
                "provider": each.provider,
                "error": " ".join(filter(None, (each.trouble, each.detail)))[:500],
                "channel_id": channel.pk,
            }
            yield Trouble(AlarmCode.LOGIN, str(channel.pk), values, each.expires_at, channel.pk, channel.pk)


def of_accounts(*, now: datetime) -> Iterator[Trouble]:
    """Accounts on social platforms whose credentials are refused, or end within a week: only a person can help."""
    rows = SocialAccount.objects.filter(channel__is_active=True).select_related("channel").order_by("channel__name")
    for row in rows.filter(Q(trouble=SocialTrouble.REFUSED) | Q(expires_at__lt=now + EXPIRY_NOTICE)):
        is_refused = row.trouble == SocialTrouble.REFUSED
        values: dict[str, str | int] = {
            "channel": row.channel.name,
            "error": row.trouble_detail if is_refused else "",
            "channel_id": row.channel_id,
            "count": 0 if is_refused or row.expires_at is None else max((row.expires_at - now).days, 0),
        }
        code = AlarmCode.ACCOUNT if is_refused else AlarmCode.EXPIRY
        yield Trouble(code, str(row.channel_id), values, row.trouble_at, concerns=row.channel_id)


def of_sending(*, now: datetime) -> Iterator[Trouble]:
    """Channels that send nothing: paused, or their server has taken nothing since it began to refuse."""
    for channel in Channel.objects.filter(is_active=True).exclude(paused_reason="").order_by("name"):
        values: dict[str, str | int] = {"channel": channel.name, "error": channel.paused_reason}
        yield Trouble(AlarmCode.PAUSED, str(channel.pk), values, None, channel.pk, channel.pk)
    later = Delivery.objects.filter(channel=OuterRef("channel"), state=Delivery.State.SENT, pk__gt=OuterRef("pk"))
    stuck = (
        Delivery.objects.filter(state=Delivery.State.RETRY, channel__is_active=True, channel__paused_reason="")
        .filter(attempts__gte=HOPELESS_ATTEMPTS)
        .exclude(Exists(later))
        .order_by()
        .values("channel", "channel__name")
        .annotate(count=Count("pk"), since=Min("created_at"), error=Max("error"))
    )
    for row in stuck:
        found: dict[str, str | int] = {
            "channel": row["channel__name"],
            "count": row["count"],
            "error": row["error"][:500],
            "channel_id": row["channel"],
        }
        yield Trouble(AlarmCode.SENDING, str(row["channel"]), found, row["since"], row["channel"], row["channel"])


def due_in(*, now: datetime) -> QuerySet[InboundEvent]:
    """Arrived mail that should be being read."""
    return InboundEvent.objects.filter(EVENT_WAITS, next_attempt_at__lte=now)


def of_incoming(*, now: datetime) -> Iterator[Trouble]:
    """The oldest event that is due has waited too long to become a message."""
    first = due_in(now=now).aggregate(first=Min("next_attempt_at"))["first"]
    if first is not None and now - first > LONGEST_WAIT:
        yield Trouble(AlarmCode.INCOMING, values={"count": due_in(now=now).count()}, since=first)


def due_out(*, now: datetime) -> QuerySet[Delivery]:
    """Mail that should be being sent. Channels that were stopped don't count."""
    closed = Channel.objects.filter(~Q(paused_reason="") | Q(is_active=False))
    return Delivery.objects.filter(DELIVERY_WAITS, next_attempt_at__lte=now).exclude(channel__in=closed.values("pk"))


def of_outgoing(*, now: datetime) -> Iterator[Trouble]:
    """The oldest mail that is due has waited too long to be sent."""
    first = due_out(now=now).aggregate(first=Min("next_attempt_at"))["first"]
    if first is not None and now - first > LONGEST_WAIT:
        yield Trouble(AlarmCode.OUTGOING, values={"count": due_out(now=now).count()}, since=first)


def of_people_work() -> Iterator[Trouble]:
    """Mail that stands still until a person decides."""
    stopped = InboundEvent.objects.filter(state=EventState.QUARANTINED).aggregate(count=Count("pk"), first=Min("id"))
    if stopped["count"]:
        since = InboundEvent.objects.filter(pk=stopped["first"]).values_list("received_at", flat=True).first()
        yield Trouble(AlarmCode.QUARANTINE, values={"count": stopped["count"]}, since=since)
    held = Delivery.objects.filter(state=Delivery.State.HELD).aggregate(count=Count("pk"), first=Min("created_at"))
    if held["count"]:
        yield Trouble(AlarmCode.HELD, values={"count": held["count"]}, since=held["first"])


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk of the data folder. ``free_files`` is None where the file system counts none."""

    total: int
    free: int
    free_files: int | None

    @property
    def is_low(self) -> bool:
        return self.free < LEAST_FREE_BYTES or (self.free_files is not None and self.free_files < LEAST_FREE_FILES)


def disk() -> Disk:
    """How full it is. Raises OSError when the folder can't be looked at."""
    folder = Path(settings.DATA_DIR)
    usage, counts = shutil.disk_usage(folder), os.statvfs(folder)
    return Disk(usage.total, usage.free, counts.f_favail if counts.f_files else None)


def of_the_disk() -> Iterator[Trouble]:
    """A full disk is the commonest way to lose mail: nothing more can be written down."""
    try:
        found = disk()
    except OSError:
        found = Disk(total=0, free=0, free_files=None)
    if found.is_low:
        yield Trouble(AlarmCode.DISK, values={"free": found.free, "folder": str(settings.DATA_DIR)})


def skew(*, now: datetime) -> timedelta:
    """How far the clocks that the desk can see are apart: this machine's, the database's, and those of its loops."""
    ahead = (Heartbeat.objects.aggregate(last=Max("beat_at"))["last"] or now) - now
    if connection.vendor != "postgresql":
        return max(ahead, timedelta(0))
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        apart = timedelta(seconds=abs(float(cursor.fetchone()[0]) - now.timestamp()))
    return max(ahead, apart)


def of_clocks(*, now: datetime) -> Iterator[Trouble]:
    """Leases, retries and caps are times: processes that disagree about the time take each other's work."""
    apart = skew(now=now)
    if apart > LARGEST_SKEW:
        yield Trouble(AlarmCode.CLOCK, values={"seconds": int(apart.total_seconds())})
