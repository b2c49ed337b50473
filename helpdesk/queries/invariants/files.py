"""What is always true of files: they are there, as long as they should be, and hold what they held.

The only invariant that is looked at row by row, since a database can't read files; keys are read in streams.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db.models import QuerySet

from helpdesk import blobs
from helpdesk.models import Attachment, InboundEvent
from helpdesk.queries.invariants.proof import SHOWN, Broken, Check, Invariant

_CHUNK = 2000


def files(*, is_deep: bool) -> Invariant:
    """I5; ``is_deep`` also reads each file and compares its SHA-256 with its name."""
    title = "The file of every raw mail and attachment is there, and holds what it held"
    raw, attached = InboundEvent.objects.all(), Attachment.objects.all()
    return Invariant(
        "I5",
        title,
        (
            _check("raw mails have lost their file", raw, is_deep=False),
            _check("attachments have lost their file", attached, is_deep=False),
            *((_check("raw mails have another content than they had", raw, is_deep=True),) if is_deep else ()),
            *((_check("attachments have another content than they had", attached, is_deep=True),) if is_deep else ()),
        ),
    )


def _check(sentence: str, rows: QuerySet[Any], *, is_deep: bool) -> Check:
    def look(_now: datetime) -> Broken:
        count = 0
        examples: list[int] = []
        for pk in _changed(rows) if is_deep else _missing(rows):
            count += 1
            if len(examples) < SHOWN:
                examples.append(pk)
        return Broken(count, tuple(examples))

    return Check(sentence, look)


def _missing(rows: QuerySet[Any]) -> Iterator[int]:
    """Files that are not there, or have another size."""
    for pk, key, size in rows.values_list("pk", "blob", "size").order_by("pk").iterator(chunk_size=_CHUNK):
        try:
            is_there = blobs.path_of(key).stat().st_size == size
        except (OSError, ValueError):
            is_there = False
        if not is_there:
            yield pk


def _changed(rows: QuerySet[Any]) -> Iterator[int]:
    for pk, key in rows.values_list("pk", "blob").order_by("pk").iterator(chunk_size=_CHUNK):
        try:
            path = blobs.path_of(key)
        except ValueError:
            continue  # its file is missing, and told as that
        if path.is_file() and _sha256(path) != key:
            yield pk


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
