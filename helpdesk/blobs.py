"""Files named by the SHA-256 of their content: raw mail and attachments.

Guarantee: when :func:`put` has returned, the bytes survive a power cut (file and folder are fsynced), and a second
``put`` of the same bytes stores nothing new. Rows are committed after the file, so a crash leaves at worst a file that
no row names, never a row whose file is missing. See docs/adr/0003.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from mail_gateway.crash_points import crash_point

#: Where files grow until they have their name.
UNFINISHED = "unfinished"


def key_of(content: bytes) -> str:
    """The key of ``content``: 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def path_of(key: str) -> Path:
    """Where the blob ``key`` lies. Raises ValueError for anything that is not a key, so no path can be smuggled in."""
    if len(key) != 64 or not set(key) <= set("0123456789abcdef"):
        raise ValueError(f"not a blob key: {key!r}")
    return Path(settings.BLOB_DIR) / key[:2] / key


def put(content: bytes) -> str:
    """Store ``content`` durably and return its key. Raises OSError when the disk refuses (full, read-only)."""
    key = key_of(content)
    path = path_of(key)
    with suppress(FileNotFoundError):
        os.utime(path)  # whoever is about to remove it sees that it is wanted anew
        _sync_folder(path.parent)  # whoever put it first may not have come so far yet
        return key
    if not path.parent.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _sync_folder(path.parent.parent)
    handle, temporary = _unfinished_file()
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        crash_point("blob.unnamed")
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    crash_point("blob.written")
    return key


def remove(key: str) -> bool:
    """Delete blob ``key``, for an erasure only; False when somebody is just putting the same bytes (`put` touches).

    The caller has seen that no row names it, and that it is not so young that a row may be about to.
    """
    path = path_of(key)
    hidden = path.with_name(f".{key}.gone")
    try:
        before = path.stat().st_mtime_ns
        path.rename(hidden)
    except FileNotFoundError:
        return True
    if hidden.stat().st_mtime_ns != before:
        hidden.rename(path)
        return False
    hidden.unlink()
    _sync_folder(path.parent)
    return True


def all_keys() -> Iterator[str]:
    """The keys of all blobs, in no order."""
    for folder in Path(settings.BLOB_DIR).glob("[0-9a-f][0-9a-f]"):
        yield from (entry.name for entry in os.scandir(folder) if len(entry.name) == 64)


def _unfinished_file() -> tuple[int, str]:
    """A new file on the same disk, in one folder for all, so that what a crash leaves is quickly found."""
    folder = Path(settings.BLOB_DIR) / UNFINISHED
    try:
        return tempfile.mkstemp(dir=folder, suffix=".part")
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.mkstemp(dir=folder, suffix=".part")


def get(key: str) -> bytes:
    """The bytes of blob ``key``. Raises FileNotFoundError when there is none."""
    return path_of(key).read_bytes()


def beginning(key: str, size: int) -> bytes:
    """The first ``size`` bytes of blob ``key``, or all of it. Raises FileNotFoundError when there is none."""
    with path_of(key).open("rb") as stream:
        return stream.read(size)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
