"""Mail out: by the mailbox's SMTP account, or into a folder when it has none. Where both accounts are.

A mailbox with a grant (OAuth 2) logs in at its provider's own servers: no page can send a token elsewhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import ClassVar

from django.conf import settings

from helpdesk.connectors.base import NAMELESS, Line, Named, Outgoing
from helpdesk.connectors.oauth import vendor_of
from helpdesk.connectors.tokens import tokens_of
from helpdesk.models import Channel, Mailbox
from mail_gateway.errors import LoginRefused
from mail_gateway.folder import Folder
from mail_gateway.imap import ImapAccount
from mail_gateway.smtp import Connection, SmtpAccount
from mail_gateway.tls import Security

_SECURITIES: dict[str, Security] = {"tls": "tls", "starttls": "starttls", "none": "none"}


def smtp_account(mailbox: Mailbox) -> SmtpAccount | None:
    """The account that sends for ``mailbox``; None: its mail is written to a folder."""
    if (tokens := tokens_of(mailbox)) is not None:
        grant, source = tokens
        server = vendor_of(grant.provider).smtp
        return SmtpAccount(
            host=server.host,
            port=server.port,
            security=server.security,
            username=grant.account,
            local_name=mailbox.address.rpartition("@")[2],
            bearer=source,
        )
    if not mailbox.smtp_host:
        return None
    return SmtpAccount(
        host=mailbox.smtp_host,
        port=mailbox.smtp_port,
        security=_SECURITIES[mailbox.smtp_security],
        username=mailbox.smtp_username,
        password=mailbox.smtp_password,
        local_name=mailbox.address.rpartition("@")[2],
    )


def imap_account(mailbox: Mailbox, *, folder: str = "INBOX") -> ImapAccount | None:
    """The account that mail in ``folder`` of ``mailbox`` is fetched from; None: it only comes by SMTP."""
    if (tokens := tokens_of(mailbox)) is not None:
        grant, source = tokens
        server = vendor_of(grant.provider).imap
        return ImapAccount(
            host=server.host,
            port=server.port,
            security=server.security,
            username=grant.account,
            password="",
            folder=folder,
            bearer=source,
        )
    if not mailbox.imap_host:
        return None
    return ImapAccount(
        host=mailbox.imap_host,
        port=mailbox.imap_port,
        security=_SECURITIES[mailbox.imap_security],
        username=mailbox.imap_username,
        password=mailbox.imap_password,
        folder=folder,
    )


@dataclass(frozen=True, slots=True)
class SmtpLine:
    """One login for many mails."""

    connection: Connection
    is_repeatable: ClassVar[bool] = False

    def hand_over(self, outgoing: Outgoing) -> Named:
        self.connection.send(mail_from=outgoing.sender, recipients=outgoing.recipients, raw=outgoing.raw)
        return NAMELESS

    def flush(self) -> None:
        """Nothing is left to do: the server's answer to each mail was its word."""


@dataclass(frozen=True, slots=True)
class FolderLine:
    """One file a mail. The file's name is made from the delivery, so a repeat replaces the file by itself."""

    folder: Folder
    is_repeatable: ClassVar[bool] = True

    def hand_over(self, outgoing: Outgoing) -> Named:
        self.folder.put(
            name=file_name(outgoing),
            mail_from=outgoing.sender,
            recipients=outgoing.recipients,
            raw=outgoing.raw,
        )
        return NAMELESS

    def flush(self) -> None:
        self.folder.flush()


def file_name(outgoing: Outgoing) -> str:
    """Sorts by time, and is the same at each attempt."""
    created_at = outgoing.created_at.astimezone(UTC)
    return f"{created_at:%Y%m%dT%H%M%SZ}-{outgoing.delivery_id:08d}.eml"


class EmailConnector:
    """The connector of e-mail channels."""

    @contextmanager
    def open_line(self, channel: Channel) -> Iterator[Line]:
        """A login at the mailbox's server, or the outgoing folder. Raises LoginRefused, Temporary."""
        mailbox = Mailbox.objects.filter(channel=channel).first()
        if mailbox is None:
            raise LoginRefused("The channel has no mailbox.")
        account = smtp_account(mailbox)
        if account is None:
            with Folder(Path(settings.OUTGOING_DIR)) as folder:
                yield FolderLine(folder)
            return
        with Connection(account) as connection:
            yield SmtpLine(connection)


connector = EmailConnector()
