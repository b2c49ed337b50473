"""What a mail is, once read: the values that cross every seam of this package.

Nothing here computes; `parse` makes a `ParsedMail`, `compose` takes an `OutgoingMail`. Message-IDs and Content-IDs are
held without angle brackets. All texts are clean: no control characters, no bidirectional overrides, NFC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one mail is looked at. What lies beyond is left out and named in `ParsedMail.problems`."""

    raw_bytes: int = 25 * 1024 * 1024
    header_block_bytes: int = 256 * 1024
    header_bytes: int = 16 * 1024
    parts: int = 1_000
    depth: int = 30
    recipients: int = 500
    text_chars: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: a display name (may be empty) and `local@domain` (empty only when shown, never when used)."""

    name: str
    addr: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not the chosen body; its size is `len(content)`. `filename` is '' when the mail gives none."""

    filename: str
    content_type: str
    content: bytes
    is_inline: bool
    content_id: str


class Kind(StrEnum):
    """Who or what wrote a mail."""

    PERSON = "person"
    AUTO_REPLY = "auto-reply"
    BOUNCE = "bounce"
    DELAY = "delay"
    LIST = "list"
    FEEDBACK_REPORT = "feedback-report"
    READ_RECEIPT = "read-receipt"
    BULK = "bulk"
    CALENDAR = "calendar"


class Sign(StrEnum):
    """What told the kind of a mail. A closed set: people are shown it in their language."""

    NONE = ""
    # of reports of mail servers
    DELIVERY_STATUS = "delivery-status"
    FAILED_RECIPIENTS = "x-failed-recipients"
    MAIL_SYSTEM = "mail-system"
    NULL_SENDER = "null-sender"
    SUBJECT = "subject"
    SES_NOTIFICATION = "ses-notification"
    # of other reports
    DELIVERY_NOTICE = "delivery-notice"
    DISPOSITION_NOTIFICATION = "disposition-notification"
    FEEDBACK_REPORT = "feedback-report"
    COMPLAINT = "complaint"
    # of automatic answers; NULL_SENDER and SUBJECT too
    AUTO_REPLIED = "auto-replied"
    AUTO_GENERATED = "auto-generated"
    AUTO_SUBMITTED = "auto-submitted"
    AUTORESPONDER = "autoresponder"
    PRECEDENCE = "precedence"
    # of the others
    LIST_ID = "list-id"
    LIST_HEADERS = "list-headers"
    LIST_UNSUBSCRIBE = "list-unsubscribe"
    CALENDAR_METHOD = "calendar-method"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Automatic:
    """A kind and the sign that told it; `Sign.NONE` for a person."""

    kind: Kind
    reason: Sign


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """One incoming mail.

    `sender` is None unless there is exactly one From field with one clean mailbox (`sender_problem` says why);
    `from_shown` is the best guess for display and must never be used to find a customer. `html` is as received and
    has to be sanitised before anybody sees it. `reply_text` is the new text without quote and signature; it is empty
    only if `text` is, or quotes nothing but the first lines of other quotes. `suppression` is the header sign that
    forbids an automatic answer (a value of `automatic.AckReason`), or ''. `language` is an ISO 639-1 code or ''.
    `problems` are sentences for people, each of them a filled-in `problems.Problem`.
    """

    sender: Address | None
    from_shown: Address
    sender_problem: str
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    delivered_to: tuple[str, ...]
    subject: str
    date: datetime | None
    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    text: str
    html: str
    reply_text: str
    attachments: tuple[Attachment, ...]
    automatic: Automatic
    bounced_recipients: tuple[str, ...]
    bounced_message_id: str
    authentication_results: tuple[str, ...]
    language: str
    problems: tuple[str, ...]
    is_truncated: bool
    suppression: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMail:
    """One mail to be written. There is no Bcc: blind recipients exist in the envelope only."""

    sender: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...] = ()
    reply_to: Address | None = None
    subject: str
    text: str
    html: str = ""
    message_id: str
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    date: datetime
    automatic: Literal["", "auto-replied", "auto-generated"] = ""
    attachments: tuple[Attachment, ...] = ()
    language: str = ""
