"""Trying out a mailbox's accounts before anything is stored: what works, and what would happen (MAIL.md 12)."""

import ssl
from dataclasses import dataclass, replace

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from helpdesk.connectors.email import imap_account, smtp_account
from helpdesk.models import Mailbox
from mail_gateway import imap
from mail_gateway.errors import GatewayError, LoginRefused
from mail_gateway.smtp import Connection, SmtpAccount

#: Somebody waits before the screen; a server that needs longer is told as silent.
TIMEOUT_S = 8.0


@dataclass(frozen=True)
class Outcome:
    """What trying one account gave, in words. ``detail`` quotes the server."""

    title: str
    is_good: bool
    sentences: tuple[str, ...]
    detail: str = ""


@dataclass(frozen=True)
class FoundFolders:
    """The folders of a mailbox; with ``trouble``, in words, there are none. ``detail`` quotes the server."""

    folders: tuple[imap.Folder, ...]
    trouble: tuple[str, ...] = ()
    detail: str = ""


def try_out(mailbox: Mailbox) -> tuple[Outcome, Outcome]:
    """Log in at both accounts, read nothing, send nothing."""
    return _try_imap(mailbox), _try_smtp(mailbox)


def _try_imap(mailbox: Mailbox) -> Outcome:
    title = _("Incoming mail")
    account = imap_account(mailbox)
    if account is None:
        return Outcome(title, is_good=True, sentences=(_("No server is set: mail comes by SMTP only."),))
    sentences = [_("The login works.")]
    for folder in mailbox.imap_folders:
        try:
            found = imap.preview(replace(account, folder=folder, timeout_s=TIMEOUT_S), since=None)
        except GatewayError as error:
            return Outcome(title, is_good=False, sentences=why(error, account), detail=str(error))
        sentences.append(_lying(folder, found))
    return Outcome(
        title, is_good=True, sentences=(*sentences, _("Nothing was fetched, and nothing was changed there."))
    )


def _lying(folder: str, found: imap.Preview) -> str:
    return ngettext("%(count)s mail lies in %(folder)s.", "%(count)s mails lie in %(folder)s.", found.total) % {
        "count": formats.number_format(found.total, use_l10n=True, force_grouping=True),
        "folder": folder,
    }


def look_up_folders(mailbox: Mailbox) -> FoundFolders:
    """The folders on the server, or why they can't be told."""
    account = imap_account(mailbox)
    if account is None:
        return FoundFolders((), trouble=(_("Type the server first."),))
    try:
        return FoundFolders(tuple(imap.list_folders(replace(account, timeout_s=TIMEOUT_S))))
    except GatewayError as error:
        return FoundFolders((), trouble=why(error, account), detail=str(error))


def _try_smtp(mailbox: Mailbox) -> Outcome:
    title = _("Outgoing mail")
    account = smtp_account(mailbox)
    if account is None:
        return Outcome(
            title, is_good=True, sentences=(_("No server is set: mail is written into a folder, not sent."),)
        )
    try:
        with Connection(replace(account, timeout_s=TIMEOUT_S)):
            pass
    except GatewayError as error:
        return Outcome(title, is_good=False, sentences=why(error, account), detail=str(error))
    works = (
        _("The login works.") if account.username else _("The server answers. No user name is set, so none was tried.")
    )
    return Outcome(title, is_good=True, sentences=(works, _("Nothing was sent.")))


def why(error: GatewayError, account: imap.ImapAccount | SmtpAccount) -> tuple[str, ...]:
    """What a failed look at a server means, in words."""
    if isinstance(error, LoginRefused) and account.bearer is not None:
        return (_("The server does not let this account in with its provider's permission."),)
    if isinstance(error, LoginRefused):
        return (_("The server does not accept this user name and password."),)
    if isinstance(error.__cause__, ssl.SSLCertVerificationError):
        return (
            _("The server's certificate can't be trusted: wrong name, expired, or of an unknown authority."),
            _("Write the server's name as in its certificate. SSL_CERT_FILE names your own authorities to the desk."),
        )
    if isinstance(error.__cause__, ssl.SSLError):
        return (
            _("No encrypted connection came about on this port."),
            _("TLS is usual on 993 for IMAP and 465 for SMTP, STARTTLS on 143 and 587."),
        )
    return (_("The server can't be reached like this. Check server, port and encryption."),)
