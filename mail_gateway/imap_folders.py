"""Folders on an IMAP server: what they are called, what they are for, and how far one is read."""

from collections.abc import Sequence
from dataclasses import dataclass

#: RFC 6154
SPECIAL_USES = ("\\Sent", "\\Drafts", "\\Junk", "\\Trash", "\\Archive", "\\All", "\\Flagged", "\\Important")


@dataclass(frozen=True)
class Cursor:
    """Everything up to `last_uid` was taken, as long as the server keeps `uidvalidity` (RFC 3501 2.3.1.1)."""

    uidvalidity: int
    last_uid: int


@dataclass(frozen=True)
class Folder:
    """A folder as the server lists it. `use` is its special use (RFC 6154), e.g. `\\Sent`; '' for a plain one."""

    name: str
    use: str


def read_folder(flags: Sequence[bytes], name: str) -> Folder | None:
    """A line of LIST; None for a name that only holds other folders, or that can't be sent back in one line."""
    words = {flag.decode("ascii", "replace").lower() for flag in flags}
    if not name or not name.isprintable() or words & {"\\noselect", "\\nonexistent"}:
        return None
    return Folder(name, next((use for use in SPECIAL_USES if use.lower() in words), ""))
