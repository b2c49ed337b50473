"""What the desk asks of the code for one social platform, and in which words it is answered.

A platform is one file beside this one: a class that inherits `SocialConnector`, an instance of it called ``connector``,
one line in `registry.SOCIAL`, and recorded samples (docs/social-channels.md). The desk does the rest: it stores what
arrives before it answers, keeps order and repeats apart, opens tickets, acknowledges, queues what is sent, and repeats.

Connectors read and speak; they change no row. They ask the outside through `connectors.http` only, and raise the errors
of `mail_gateway.errors`: Temporary (with ``retry_after`` in seconds where the platform names it), Permanent,
LoginRefused (the account's credentials are at fault: the channel pauses and its admin is told), OutcomeUnknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol

from django.utils.functional import Promise

from helpdesk.connectors import http
from helpdesk.models import SocialAccount
from mail_gateway.errors import GatewayError, LoginRefused, Permanent, Temporary

ItemKind = Literal["message", "edit", "deletion", "receipt", "echo"]
ReceiptKind = Literal["sent", "delivered", "read", "failed"]

#: What the desk fetches of one file that a customer sent, and for how long.
MAX_MEDIA_BYTES = 25 * 1024 * 1024
MEDIA_LIMITS = http.Limits(connect_s=5.0, read_s=15.0, total_s=60.0)
_REFUSED = frozenset({401, 403})
_PASSING = frozenset({408, 425, 429})
_SERVER_ERRORS = 500


class Forged(Exception):
    """A delivery could not prove that it comes from the platform. The text is for the log and the admin."""


class Unreadable(ValueError):
    """This is no delivery, or no item, of the platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a platform can do; the composer, the desk's checks and the table in the docs derive from it.

    ``attachments``: kinds of files that can be sent ("image", "audio", "video", "file"). ``window``: so long after the
    customer's last message an answer in free words is taken; None: always. ``max_text``: characters of one message.
    ``edits`` and ``receipts``: the platform tells of them. ``private_answers``: what everybody reads can be answered
    to its writer alone, in the conversation that `SocialConnector.private_thread` names.
    """

    public: bool = False
    private: bool = True
    private_answers: bool = False
    threads: bool = False
    typing: bool = False
    receipts: bool = False
    edits: bool = False
    attachments: frozenset[str] = frozenset()
    window: timedelta | None = None
    templates: bool = False
    max_text: int = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of the account's form. Secrets go into ``account.secrets``, the others into ``account.settings``.

    Values are texts; ``choices`` are (value, label) and make a select. ``default`` is shown in a new form.
    """

    name: str
    label: str | Promise
    help: str | Promise = ""
    is_secret: bool = False
    is_required: bool = True
    choices: tuple[tuple[str, str | Promise], ...] = ()
    default: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What trying an account out has shown. ``trouble`` says what is wrong and what to do; '' when ``ok``.

    ``name``: what the account is called there. ``details``: (label, value) lines for the page. ``expires_at``: when
    the credentials end, if the platform says so.
    """

    ok: bool
    name: str = ""
    trouble: str = ""
    details: tuple[tuple[str, str], ...] = ()
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """Who wrote. ``value`` is the id that stays with the person whatever they call themselves; ``name`` is shown.

    ``kind`` is one of Identity.Kind. ``display``: the @nickname of the moment, where there is one beside the id.
    ``mark``: the platform's own id behind a ``value`` that can be given away; where it changes, somebody else has the
    handle now. ``is_verified``: the platform vouches that this is the owner of ``value``.
    """

    kind: str
    value: str
    name: str = ""
    display: str = ""
    mark: str = ""
    picture_url: str = ""
    is_verified: bool = False
    is_bot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file of an item, to be fetched by `SocialConnector.fetch`: by its ``url``, or by the platform's ``reference``.

    ``size`` in bytes, 0 where nobody knows.
    """

    url: str = ""
    name: str = ""
    content_type: str = ""
    size: int = 0
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that happened on the platform.

    message   a customer's words. ``thread``: whatever answers go back to (a chat, a post).
    edit      new ``text`` of the message ``refers_to``
    deletion  the message ``refers_to`` was taken back
    receipt   ``receipt`` of our message ``refers_to``; with ``refers_to`` '' all of ours in ``thread`` up to ``at``
    echo      our own account wrote by another way (the platform's own app): shown in the ticket as ours

    ``extra``: ``language`` (a hint of the platform), ``error`` of a failed receipt, and whatever helps a reader.
    """

    kind: ItemKind
    external_id: str
    thread: str
    at: datetime
    sender: Handle | None = None
    text: str = ""
    media: tuple[Media, ...] = ()
    is_public: bool = False
    reply_to: str = ""
    receipt: ReceiptKind | None = None
    refers_to: str = ""
    url: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that is sent."""

    name: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A text that the platform has approved beforehand, and what stands in its places, named or in order."""

    name: str
    language: str
    values: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """A text that the platform has approved, as people will read it, with ``places`` to fill: "1", "2", … or names."""

    name: str
    language: str
    category: str
    text: str
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingPost:
    """One message to send. ``idempotency_key`` stays the same whenever it is tried again."""

    thread: str
    text: str
    media: tuple[Upload, ...] = ()
    reply_to: str = ""
    is_public: bool = False
    template: Template | None = None
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What the platform calls the message now; receipts and edits refer to it by ``external_id``.

    ``parts``: of one that went out as several, what all of them are called, in order; the first is ``external_id``.
    """

    external_id: str
    url: str = ""
    parts: tuple[str, ...] = ()

    @classmethod
    def of(cls, ids: Sequence[str], *, url: str = "") -> "Sent":
        """What went out as one message or several. ``ids`` in order, at least one."""
        return cls(external_id=ids[0], url=url, parts=tuple(ids) if len(ids) > 1 else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """Secrets that take the place of those of the same names, and when they end."""

    secrets: Mapping[str, str] = field(repr=False)
    expires_at: datetime


def iso_moment(written: object) -> datetime:
    """A date of ISO 8601, of UTC where it names no zone. Raises ValueError."""
    parsed = datetime.fromisoformat(str(written))
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def web_address(address: object) -> str:
    """An address of the web that fits a row; '' for anything else."""
    text = str(address or "")
    return text if text.startswith(("https://", "http://")) and len(text) <= 500 else ""


class SocialConnector(Protocol):
    """The code for one platform. Inherit it: what has a body here is a default that may stay.

    Names of ``headers`` are lower case. ``body`` and ``raw`` are the bytes as they came.
    """

    capabilities: Capabilities
    fields: tuple[Field, ...]
    #: How it is tested, for the table in the docs: "recorded exchanges", "real server: …".
    tested: str

    def check(self, account: SocialAccount) -> Checked:
        """Try the credentials out; the account may not be stored yet. Raises Temporary when nobody answers."""

    def verify(self, account: SocialAccount, headers: Mapping[str, str], body: bytes) -> None:
        """Raises Forged unless the signature is over these very bytes. Compares in constant time, fails closed."""
        raise Forged("This platform delivers nothing by webhook.")

    def handshake(self, account: SocialAccount, query: Mapping[str, str]) -> str | None:
        """What a platform that tries the address out by GET wants to read; None refuses it."""
        return None

    def split(self, account: SocialAccount, body: bytes) -> list[tuple[str, bytes]]:
        """The items of a delivery as (external id, raw bytes), in order. Raises Unreadable if it is none at all.

        The external id is unique in the account and the same whenever the item comes again; it tells an edit from its
        message. An item that makes no sense is passed on as it is, under an id of its own: `read` refuses it, an admin
        finds it in quarantine, and the good ones go on. What is of no interest (typing, joins) is left out.
        """
        raise Unreadable("This platform delivers nothing by webhook.")

    def read(self, account: SocialAccount, raw: bytes) -> Item | None:
        """What one item says; None if there is nothing in it for the desk. No network. Raises Unreadable."""

    def poll_every(self, account: SocialAccount) -> timedelta | None:
        """How often `poll` is to be called; None: never, it comes by webhook."""
        return None

    def poll(self, account: SocialAccount, cursor: str) -> tuple[list[tuple[str, bytes]], str]:
        """What is new since ``cursor`` ('' at first) as `split` gives it, and the next cursor.

        The cursor is stored once the items are. May wait up to 25 s for something to come. Raises Temporary, Permanent.
        """
        raise Unreadable("This platform is not asked.")

    def connect(self, account: SocialAccount, address: str) -> None:
        """Called after an admin has saved a checked account: tell the platform the webhook's ``address``.

        Raises Temporary or Permanent with a sentence for the admin.
        """
        return

    def window_of(self, account: SocialAccount) -> timedelta | None:
        """How long after the customer's last message this account may answer in free words; None: always."""
        return self.capabilities.window

    def templates(self, account: SocialAccount) -> Sequence[Approved]:
        """The texts that the platform has approved for this account. Raises Temporary, Permanent, LoginRefused."""
        return ()

    def renew(self, account: SocialAccount) -> Renewed | None:
        """Newer credentials for those that end some day; None where there is nothing to renew. Called once a day.

        Raises Temporary, Permanent, LoginRefused; the old ones stay then.
        """
        return None

    def introduce(self, account: SocialAccount, handle: Handle) -> Handle:
        """``handle`` with the name that its owner has there, where `read` can't know it. Raises Temporary, Permanent.

        Called for somebody without a name; nothing waits for it.
        """
        return handle

    def fetch(self, account: SocialAccount, media: Media) -> bytes:
        """The content of a file. Raises Temporary, Permanent."""
        return download(media.url)

    def private_thread(self, thread: str) -> str:
        """The private conversation with the customer of a public ``thread``; '' where there is none."""
        return ""

    def can_send(self, account: SocialAccount) -> bool:
        """Whether anything can be answered here at all."""
        return True

    def send(self, account: SocialAccount, post: OutgoingPost) -> Sent:
        """Give one message away. Raises Temporary, Permanent, LoginRefused, OutcomeUnknown."""


def download(url: str, *, headers: Mapping[str, str] | None = None, max_bytes: int = MAX_MEDIA_BYTES) -> bytes:
    """A file of the open web through the guarded door. Raises Temporary, Permanent."""
    answer = http.get(url, headers=headers, redirects=3, max_bytes=max_bytes, limits=MEDIA_LIMITS)
    if not answer.is_good:
        raise refusal(answer.status, "The file is not there.")
    return answer.body


def refusal(status: int, words: str, *, retry_after: float | None = None) -> GatewayError:
    """The error for an answer with this HTTP status: 401 and 403 refuse the login, 429 and 5xx pass, others stay."""
    text = f"{words} (HTTP {status})"
    if status in _REFUSED:
        return LoginRefused(text, code=status)
    if status in _PASSING or status >= _SERVER_ERRORS:
        return Temporary(text, code=status, retry_after=retry_after)
    return Permanent(text, code=status)
