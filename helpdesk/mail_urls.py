"""Mail accounts written as one address: ``imaps://user:password@host:993/INBOX``, ``smtp://user:password@host``.

The scheme says how the line is protected: ``imaps``/``smtps`` TLS from the first byte, ``imap``/``smtp`` STARTTLS,
``imap+plain``/``smtp+plain`` nothing at all, for servers inside one's own network. Letters of the password that mean
something in an address are written as %XX (RFC 3986).
"""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

#: scheme → (how the line is protected, usual port)
IMAP_SCHEMES = {"imaps": ("tls", 993), "imap": ("starttls", 143), "imap+plain": ("none", 143)}
SMTP_SCHEMES = {"smtps": ("tls", 465), "smtp": ("starttls", 587), "smtp+plain": ("none", 25)}


class BadMailUrl(ValueError):
    """The address can't be read; the text says why and never holds the password."""


@dataclass(frozen=True, slots=True)
class MailUrl:
    """What such an address says. ``folder`` is empty when it names none."""

    host: str
    port: int
    security: str
    username: str
    password: str = field(repr=False)
    folder: str = ""


def read_imap_url(url: str) -> MailUrl:
    """Raises BadMailUrl; a fetched mailbox always needs a user."""
    read = _read(url, IMAP_SCHEMES)
    if not read.username:
        raise BadMailUrl("it names no user")
    return read


def read_smtp_url(url: str) -> MailUrl:
    """Raises BadMailUrl."""
    return _read(url, SMTP_SCHEMES)


def _read(url: str, schemes: dict[str, tuple[str, int]]) -> MailUrl:
    scheme, colon, _ = url.partition("://")
    if not colon or scheme.lower() not in schemes:
        raise BadMailUrl(f"it must begin with one of {', '.join(f'{known}://' for known in schemes)}")
    security, usual_port = schemes[scheme.lower()]
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # The message of urlsplit can quote the password.
        raise BadMailUrl("its host or port can't be read; write special letters of the password as %XX") from None
    if not parts.hostname:
        raise BadMailUrl("it names no host")
    return MailUrl(
        host=parts.hostname,
        port=port or usual_port,
        security=security,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        folder=unquote(parts.path.strip("/")),
    )
