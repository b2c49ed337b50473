"""The loop that works on what has arrived of social channels, a lane each (`intake.queue` has the guarantees).

Files are fetched before the transaction: the network must not hold it up. If one can't be had, the item is tried again
like anything else; at the last try it goes on without the file, and says so.
"""

import logging
import threading
from collections.abc import Collection
from dataclasses import replace

from django.utils import timezone

from helpdesk import blobs, live
from helpdesk.actions.contacts import BadAddress
from helpdesk.connectors.registry import account_connector
from helpdesk.connectors.social import MAX_MEDIA_BYTES, Item, Media, SocialConnector, Unreadable
from helpdesk.intake.queue import (
    MAX_ATTEMPTS,
    claim,
    fail,
    is_database_away,
    postpone,
    quarantine_exhausted,
    settle,
    social_due,
)
from helpdesk.intake.social_process import File, TooEarly, process_item
from helpdesk.lanes import Work, run_lanes
from helpdesk.models import InboundEvent, SocialAccount
from helpdesk.queries.contacts import is_named
from helpdesk.routing import Rulebook
from mail_gateway.errors import GatewayError, Temporary

log = logging.getLogger(__name__)

BATCH = 20
_State, _Reason = InboundEvent.State, InboundEvent.Reason


class _NotYet(Exception):
    """It can't be done now; the text says why."""


def run(stop: threading.Event) -> None:
    """Work until ``stop``, each channel in a lane of its own: a media server that hangs holds up no other."""
    work = Work(
        name="social", bell=live.SOCIAL_INTAKE, find=channels_with_work, do=lambda number, _ending: work_once(number)
    )
    run_lanes(work, stop)


def channels_with_work(busy: Collection[int] = ()) -> list[int]:
    """The social channels of which something waits to be worked on."""
    rows = social_due(now=timezone.now()).exclude(channel__in=busy).order_by()
    return list(rows.values_list("channel", flat=True).distinct())


def work_once(channel_id: int) -> int:
    """Work on a batch of what has arrived in a channel; returns how many were taken."""
    claimed = claim(now=timezone.now(), social=channel_id, limit=BATCH)
    quarantine_exhausted(claimed)
    runnable = [event for event in claimed if event.attempts <= MAX_ATTEMPTS]
    if runnable:
        account = SocialAccount.objects.select_related("channel").get(channel_id=channel_id)
        rulebook = Rulebook.load()
        for event in runnable:
            _work_on(event, account, rulebook)
    return len(claimed)


def _work_on(event: InboundEvent, account: SocialAccount, rulebook: Rulebook) -> None:
    event.channel = account.channel
    connector = account_connector(account)
    is_last = event.attempts >= MAX_ATTEMPTS
    try:
        item = connector.read(account, blobs.get(event.blob))
        if item is None:
            settle(event, state=_State.IGNORED, reason=_Reason.OF_NO_INTEREST, processed_at=timezone.now())
            return
        item = _introduced(connector, account, item)
        files, problems = _files(connector, account, item, is_last=is_last)
        process_item(
            event=event,
            account=account,
            item=item,
            files=files,
            problems=problems,
            rulebook=rulebook,
            is_last_try=is_last,
            now=timezone.now(),
        )
    except (Unreadable, BadAddress) as error:
        log.warning("event %s: %s can't be read: %s", event.pk, account.provider, error)
        now = timezone.now()
        settle(event, state=_State.QUARANTINED, reason=_Reason.UNREADABLE, detail=str(error), quarantined_at=now)
    except (_NotYet, TooEarly) as error:
        fail(event, _Reason.UNKNOWN_MESSAGE, str(error))
    except OSError as error:
        log.warning("event %s waits for the disk: %s", event.pk, error)
        postpone(event, f"The disk did not answer: {error.strerror}")
    except Exception as error:  # a fault of ours; it must stop this item only, and be seen
        rulebook.forget_workloads()
        if is_database_away(error):
            log.warning("event %s waits for the database: %s", event.pk, error)
            postpone(event, f"The database did not answer: {error}")
        else:
            log.exception("event %s could not be processed", event.pk)
            fail(event, _Reason.BUG, f"{type(error).__name__}: {error}")


def _introduced(connector: SocialConnector, account: SocialAccount, item: Item) -> Item:
    """The item with the name of who wrote it, asked of the platform for somebody whom the desk doesn't know yet."""
    sender = item.sender
    if sender is None or sender.name or is_named(kind=sender.kind, value=sender.value):
        return item
    try:
        return replace(item, sender=connector.introduce(account, sender))
    except GatewayError as error:
        log.info("social account %s: a name can't be had: %s", account.pk, error)
        return item


def _files(
    connector: SocialConnector, account: SocialAccount, item: Item, *, is_last: bool
) -> tuple[list[File], list[str]]:
    """The files of an item, stored, and what is wrong with those that can't be had. Raises _NotYet, OSError."""
    files, problems = list[File](), list[str]()
    for media in item.media:
        try:
            files.append(_stored(media, _fetched(connector, account, media)))
        except Temporary as error:
            if not is_last:
                raise _NotYet(f"A file could not be fetched: {error}") from error
            problems.append(f"A file could not be fetched: {error}")
        except GatewayError as error:
            problems.append(f"A file could not be fetched: {error}")
    return files, problems


def _fetched(connector: SocialConnector, account: SocialAccount, media: Media) -> bytes:
    if media.size > MAX_MEDIA_BYTES:
        raise GatewayError(f"{media.name or 'It'} is larger than {MAX_MEDIA_BYTES // 1024 // 1024} MB.")
    return connector.fetch(account, media)


def _stored(media: Media, content: bytes) -> File:
    name = media.name or media.reference.rpartition("/")[2] or "file"
    return File(name=name, content_type=media.content_type, size=len(content), blob=blobs.put(content))
