"""The data folder: files that only the person's rows named, copies of outgoing mail, leavings of the database."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction

from helpdesk import blobs
from helpdesk.actions.erasing.mails import is_text, redact_event, redact_file
from helpdesk.actions.erasing.task import Task
from helpdesk.actions.erasing.tickets import blank_event
from helpdesk.models import Attachment, InboundEvent
from helpdesk.signs import Signs

#: A file younger than this may belong to a row that is just being committed.
SETTLED = timedelta(minutes=1)
#: One that no row names and nothing is known of waits longer.
ORPHAN = timedelta(minutes=10)
_KEYS = 500
#: A database larger than this is not rewritten while the desk runs (docs/personal-data.md).
VACUUM_BYTES = 1_000_000_000
_MERGE_PAGES = 500
_CHECKPOINTS = 50


def search_files(*, task: Task) -> None:
    """Look into every file for the person, as its bytes stand, and clean those that may be changed."""
    if task.signs.is_empty:
        return
    for key in list(blobs.all_keys()):
        try:
            content = blobs.get(key)
        except FileNotFoundError:
            continue
        if _may_hold(content, task.signs) and task.signs.found_in_bytes(content):
            _clean(key, task)


def _may_hold(content: bytes, signs: Signs) -> bool:
    lowered = content.lower()
    return any(needle.encode() in lowered for needle in signs.needles)


@transaction.atomic
def _clean(key: str, task: Task) -> None:
    owned = False
    for event in InboundEvent.objects.filter(blob=key).select_related("message"):
        owned = True
        message = getattr(event, "message", None)
        if message is None and (event.is_social or _is_from(event, task.signs)):
            blank_event(event, task)
        else:
            redact_event(event, message, task)
    for file in Attachment.objects.filter(blob=key):
        owned = True
        if is_text(file.content_type):
            redact_file(file, task)
            file.save(update_fields=["blob", "size"])
        else:
            task.count("files to look at")
    if not owned:
        task.old_blobs.add(key)


def _is_from(event: InboundEvent, signs: Signs) -> bool:
    """Whether a mail that never became a message is the person's own; the header is not asked, anybody can write it."""
    return signs.found_in(str(event.envelope.get("mail_from", "")))


def is_settled(task: Task, *, now: datetime) -> bool:
    """Whether every file that is to go is old enough, so that no row is about to name it."""
    newest = max((_changed_at(key) for key in task.old_blobs), default=0.0)
    return now.timestamp() - newest >= SETTLED.total_seconds()


def _changed_at(key: str) -> float:
    try:
        return blobs.path_of(key).stat().st_mtime
    except (FileNotFoundError, ValueError):
        return 0.0


def remove_files(*, task: Task) -> None:
    """Delete what no row names any more, and the copies of the person's mail in the folder for outgoing mail."""
    for key in sorted(task.old_blobs):
        if not _is_named(key) and blobs.remove(key):
            task.count("files removed")
    for key in orphans(older_than=ORPHAN):
        task.count("files removed", int(blobs.remove(key)))
    for path in Path(settings.BLOB_DIR).glob("*/.*.gone"):
        path.unlink(missing_ok=True)
    for path in list(_copies(task)):
        path.unlink(missing_ok=True)
        task.count("files removed")


def orphans(*, older_than: timedelta) -> list[str]:
    """Files that no row names: what a crash left, and what was sent and never used."""
    limit = time.time() - older_than.total_seconds()
    found = []
    for chunk in batched((key for key in blobs.all_keys() if _changed_at(key) < limit), _KEYS):
        named: set[str] = set()
        for model in _models_with_files():
            named |= set(model.objects.filter(blob__in=chunk).values_list("blob", flat=True))
        found += [key for key in chunk if key not in named]
    return found


def batched(keys: Iterator[str], size: int) -> Iterator[list[str]]:
    """Lists of at most ``size``."""
    while chunk := list(islice(keys, size)):
        yield chunk


def _is_named(key: str) -> bool:
    return any(model.objects.filter(blob=key).exists() for model in _models_with_files())


def _models_with_files() -> Iterator[Any]:
    for model in apps.get_app_config("helpdesk").get_models():
        if any(field.name == "blob" for field in model._meta.local_concrete_fields):
            yield model


def _copies(task: Task) -> Iterator[Path]:
    """Named by the number of the delivery; one that was written by an older desk is looked into."""
    folder = Path(settings.OUTGOING_DIR)
    for path in folder.glob("*.eml") if folder.is_dir() else ():
        number = path.stem.rpartition("-")[2]
        if (number.isdecimal() and int(number) in task.deliveries) or task.signs.found_in_bytes(path.read_bytes()):
            yield path


def traces_in_files(signs: Signs) -> list[str]:
    """Files in which the person still stands, by their names."""
    paths = [blobs.path_of(key) for key in blobs.all_keys()]
    paths += Path(settings.OUTGOING_DIR).glob("*.eml") if Path(settings.OUTGOING_DIR).is_dir() else []
    return [path.name for path in paths if not signs.is_empty and signs.found_in_bytes(path.read_bytes())]


def overwrite_what_was_deleted() -> str:
    """Make the database give up the bytes of deleted rows; what was done: "", "merged" or "rewritten".

    SQLite overwrites deleted rows at once (secure_delete); the search index holds them until its parts are merged, and
    pages that were moved may keep copies until the file is rewritten. PostgreSQL's autovacuum does it in its own time.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return ""
    _merge_search_index()
    is_small = _size_of_database() <= VACUUM_BYTES
    if is_small:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
    _empty_write_ahead_log()
    return "rewritten" if is_small else "merged"


def _merge_search_index() -> None:
    """In small steps, each a transaction of its own: mail goes on arriving."""
    before = -1
    pages = -_MERGE_PAGES  # the first negative one says that all parts are to become one
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO helpdesk_search(helpdesk_search, rank) VALUES ('merge', %s)", [pages])
            cursor.execute("SELECT total_changes()")
            after = cursor.fetchone()[0]
        if before >= 0 and after - before < 2:  # as FTS5's documentation says: then there was nothing left to do
            return
        before, pages = after, _MERGE_PAGES


def _size_of_database() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        return int(cursor.fetchone()[0])


def _empty_write_ahead_log() -> None:
    """Readers of the old state may hold it for a moment."""
    for _ in range(_CHECKPOINTS):
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if cursor.fetchone()[0] == 0:
                return
        time.sleep(0.1)
