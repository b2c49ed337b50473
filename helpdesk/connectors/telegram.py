"""Telegram: a bot by the Bot API, by webhook or, where the desk has no public address, by asking (getUpdates).

https://core.telegram.org/bots/api. Chats with one person are private; a group is one conversation of several people.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.connectors import http
from helpdesk.connectors.multipart import multipart
from helpdesk.connectors.social import (
    Capabilities,
    Checked,
    Field,
    Forged,
    Handle,
    Item,
    Media,
    OutgoingPost,
    Sent,
    SocialConnector,
    Unreadable,
    Upload,
    download,
)
from helpdesk.models import SocialAccount
from mail_gateway.errors import GatewayError, LoginRefused, Permanent, Temporary

API = "https://api.telegram.org"
#: What a bot is told of; the rest of the platform's events say nothing to a desk.
UPDATES = ("message", "edited_message")
MAX_CAPTION = 1_024
#: So long a look waits for something to come; a desk that is to stop waits for its end.
WAIT_SECONDS = 3
_LIMITS = http.Limits(connect_s=5.0, read_s=20.0, total_s=60.0)
_UNAUTHORIZED, _TOO_MANY, _SERVER_ERRORS = 401, 429, 500
#: Where files stand in a message: field, type if the platform names none, name if it has none.
_FILES = (
    ("document", "application/octet-stream", "file"),
    ("video", "video/mp4", "video.mp4"),
    ("animation", "video/mp4", "animation.mp4"),
    ("audio", "audio/mpeg", "audio.mp3"),
    ("voice", "audio/ogg", "voice.ogg"),
    ("video_note", "video/mp4", "video-note.mp4"),
)
#: How files are sent: (sort of the type, method, field).
_METHODS = (
    ("image/jpeg", "sendPhoto", "photo"),
    ("image/png", "sendPhoto", "photo"),
    ("audio/ogg", "sendVoice", "voice"),
    ("audio/mpeg", "sendAudio", "audio"),
    ("video/mp4", "sendVideo", "video"),
)


class TelegramConnector(SocialConnector):
    """A bot that people write to."""

    capabilities = Capabilities(edits=True, attachments=frozenset({"image", "audio", "video", "file"}), max_text=4_096)
    fields = (
        Field(
            name="token",
            label=gettext_lazy("Bot token"),
            help=gettext_lazy("Write to @BotFather in Telegram, send /newbot, and copy the token from the answer."),
            is_secret=True,
        ),
        Field(
            name="mode",
            label=gettext_lazy("How messages come"),
            choices=(
                ("", gettext_lazy("As this desk's address allows")),
                ("webhook", gettext_lazy("Telegram calls the desk (needs a public https address)")),
                ("poll", gettext_lazy("The desk asks Telegram")),
            ),
            is_required=False,
        ),
        Field(
            name="api_url",
            label=gettext_lazy("Own Bot API server"),
            help=gettext_lazy("Only if you run one. Empty: Telegram's."),
            is_required=False,
        ),
    )
    tested = "real server: Bot API of lo-bot-api-emulator; edits, audio: recorded exchanges"

    def check(self, account: SocialAccount) -> Checked:
        try:
            bot = _call(account, "getMe")
            hook = _call(account, "getWebhookInfo")
        except LoginRefused:
            return Checked(ok=False, trouble=_("Telegram does not know this token. Copy it anew from @BotFather."))
        except Permanent as error:
            return Checked(ok=False, trouble=_("Telegram refuses: %s") % error)
        details = [(_("Bot"), f"@{bot.get('username', '')}")]
        if _is_asked(account):
            details.append((_("Messages come"), _("when the desk asks Telegram, every few seconds")))
        elif hook.get("url"):
            details.append((_("Telegram calls"), str(hook["url"])))
        if hook.get("pending_update_count"):
            details.append((_("Waiting at Telegram"), str(hook["pending_update_count"])))
        if hook.get("last_error_message"):
            details.append((_("Telegram's last trouble with it"), str(hook["last_error_message"])))
        return Checked(ok=True, name=f"@{bot.get('username', '')}", details=tuple(details))

    def connect(self, account: SocialAccount, address: str) -> None:
        if _is_asked(account):
            _call(account, "deleteWebhook")
            return
        values = {
            "url": address,
            "secret_token": secret_of(account),
            "allowed_updates": json.dumps(UPDATES),
            "max_connections": "10",
        }
        _call(account, "setWebhook", values)

    def verify(self, account: SocialAccount, headers: Mapping[str, str], body: bytes) -> None:
        """Telegram signs nothing: it repeats the secret that only we and it know, over a line that is encrypted."""
        if not _token(account):
            raise Forged("the account has no token")
        given = headers.get("x-telegram-bot-api-secret-token", "")
        if not hmac.compare_digest(secret_of(account).encode(), given.encode()):
            raise Forged("the secret token is wrong")

    def split(self, account: SocialAccount, body: bytes) -> list[tuple[str, bytes]]:
        return [(str(_update(body)["update_id"]), body)]

    def poll_every(self, account: SocialAccount) -> timedelta | None:
        return timedelta(seconds=1) if _is_asked(account) else None

    def poll(self, account: SocialAccount, cursor: str) -> tuple[list[tuple[str, bytes]], str]:
        values = {"timeout": str(WAIT_SECONDS), "allowed_updates": json.dumps(UPDATES), "limit": "100"}
        if cursor:
            values["offset"] = cursor  # which tells Telegram that everything before it has arrived
        found = _call(account, "getUpdates", values)
        updates = [each for each in found if isinstance(each, dict) and isinstance(each.get("update_id"), int)]
        items = [(str(each["update_id"]), json.dumps(each, ensure_ascii=False).encode()) for each in updates]
        newest = max((each["update_id"] for each in updates), default=None)
        return items, str(newest + 1) if newest is not None else cursor

    def read(self, account: SocialAccount, raw: bytes) -> Item | None:
        update = _update(raw)
        name = next((each for each in UPDATES if isinstance(update.get(each), dict)), None)
        if name is None:
            return None
        try:
            return _item(update[name], is_edit=name == "edited_message")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
            raise Unreadable(f"not a message of Telegram: {type(error).__name__}: {error}") from error

    def fetch(self, account: SocialAccount, media: Media) -> bytes:
        found = _call(account, "getFile", {"file_id": media.reference})
        path = str(found.get("file_path") or "")
        if not path:
            raise Permanent("Telegram does not hand the file out.")
        return download(f"{_base(account)}/file/bot{_token(account)}/{path}")

    def send(self, account: SocialAccount, post: OutgoingPost) -> Sent:
        """The words, then each file; a single file carries short words along.

        What fails after something is out is Permanent: a repeat would say it twice.
        """
        chat = {"chat_id": post.thread}
        files = list(post.media)
        caption = post.text if len(files) == 1 and len(post.text) <= MAX_CAPTION else ""
        sent: list[Any] = []
        try:
            if post.text and not caption:
                sent.append(_call(account, "sendMessage", chat | {"text": post.text}))
            for file in files:
                sent.append(_send_file(account, chat | ({"caption": caption} if caption else {}), file))  # noqa: PERF401
        except GatewayError as error:
            if not sent:
                raise
            raise Permanent(f"A part of it was sent, a file was not: {error}", code=error.code) from error
        if not sent:
            raise Permanent("There is nothing to send.")
        return Sent.of([_name(each) for each in sent])


def secret_of(account: SocialAccount) -> str:
    """What Telegram repeats at each delivery: made from the address's key and the bot's token, stored nowhere else."""
    return hmac.new(_token(account).encode(), account.key.encode(), hashlib.sha256).hexdigest()


def _is_asked(account: SocialAccount) -> bool:
    mode = account.settings.get("mode") or ("webhook" if settings.SITE_URL.startswith("https://") else "poll")
    return bool(mode == "poll")


def _token(account: SocialAccount) -> str:
    return str(account.secrets.get("token") or "").strip()


def _base(account: SocialAccount) -> str:
    return str(account.settings.get("api_url") or API).rstrip("/")


def _call(
    account: SocialAccount,
    method: str,
    values: Mapping[str, str] | None = None,
    files: Sequence[tuple[str, Upload]] = (),
) -> Any:
    """The result of a method of the Bot API. Errors carry the platform's words and never the token."""
    content_type, body = "application/x-www-form-urlencoded", urlencode(dict(values or {})).encode("ascii")
    if files:
        content_type, body = multipart(values or {}, files)
    answer = http.send(
        "POST",
        f"{_base(account)}/bot{_token(account)}/{method}",
        headers={"Content-Type": content_type, "Accept": "application/json"},
        body=body,
        max_bytes=8 * 1024 * 1024,
        limits=_LIMITS,
    )
    try:
        found = answer.json()
    except Temporary:
        found = {}
    said = found if isinstance(found, dict) else {}
    if answer.is_good and said.get("ok") is True and "result" in said:
        return said["result"]
    words = str(said.get("description") or f"HTTP {answer.status}")[:300]
    raise _refusal(answer.status, words, said.get("parameters"))


def _refusal(status: int, words: str, parameters: object) -> GatewayError:
    wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
    if status == _TOO_MANY or status >= _SERVER_ERRORS:
        return Temporary(words, code=status, retry_after=float(wait) if isinstance(wait, int) else None)
    # 404: the address holds the token, so a token of the wrong shape is no address at all.
    if status in {_UNAUTHORIZED, 404}:
        return LoginRefused(words, code=status)
    return Permanent(words, code=status)


def _send_file(account: SocialAccount, values: Mapping[str, str], file: Upload) -> Any:
    _sort, method, field = next(
        (each for each in _METHODS if each[0] == file.content_type), ("", "sendDocument", "document")
    )
    return _call(account, method, values, [(field, file)])


def _update(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Unreadable("not JSON") from error
    if not isinstance(found, dict) or not isinstance(found.get("update_id"), int):
        raise Unreadable("not an update of Telegram")
    return found


def _name(message: Mapping[str, Any]) -> str:
    return f"{message['chat']['id']}:{message['message_id']}"


def _item(message: Mapping[str, Any], *, is_edit: bool) -> Item | None:
    text = _words(message)
    if message.get("from") is None or (text == "/start" and not is_edit):
        return None  # a post of a channel; or somebody has opened the chat and says nothing yet
    media = _media(message)
    if not text and not media:
        return None  # somebody has joined, the title is new, and the like
    sender, name = message["from"], _name(message)
    answered = message.get("reply_to_message")
    return Item(
        kind="edit" if is_edit else "message",
        external_id=f"{name}:{message['edit_date']}" if is_edit else name,
        refers_to=name if is_edit else "",
        thread=str(message["chat"]["id"]),
        at=datetime.fromtimestamp(message["edit_date"] if is_edit else message["date"], UTC),
        sender=_sender(sender),
        text=text,
        media=() if is_edit else media,
        reply_to=_name(answered) if isinstance(answered, dict) and "chat" in answered else "",
        extra={"language": str(sender.get("language_code") or "")},
    )


def _sender(sender: Mapping[str, Any]) -> Handle:
    nickname = str(sender.get("username") or "")
    return Handle(
        kind="telegram",
        value=str(int(sender["id"])),
        name=" ".join(str(sender[part]) for part in ("first_name", "last_name") if sender.get(part)),
        display=f"@{nickname}" if nickname else "",
        is_verified=True,
        is_bot=sender.get("is_bot") is True,
    )


def _words(message: Mapping[str, Any]) -> str:
    """The text, or what stands for it: a sticker's emoji, a place, a phone number."""
    if text := message.get("text") or message.get("caption"):
        return str(text)
    if sticker := message.get("sticker"):
        return str(sticker.get("emoji") or "")
    if place := message.get("location"):
        where = f"{float(place['latitude']):.6f}, {float(place['longitude']):.6f}"
        return f"{where}\nhttps://www.openstreetmap.org/?mlat={where.replace(', ', '&mlon=')}"
    if card := message.get("contact"):
        return f"{card.get('first_name', '')} {card.get('last_name', '')} {card.get('phone_number', '')}".strip()
    return str((message.get("dice") or {}).get("emoji") or "")


def _media(message: Mapping[str, Any]) -> tuple[Media, ...]:
    if photos := message.get("photo"):
        largest = max(photos, key=lambda each: int(each.get("width", 0)) * int(each.get("height", 0)))
        return (_file(largest, "image/jpeg", "photo.jpg"),)
    if sticker := message.get("sticker"):
        if sticker.get("is_animated"):
            return (_file(sticker, "application/x-tgsticker", "sticker.tgs"),)
        is_video = bool(sticker.get("is_video"))
        return (
            _file(sticker, "video/webm" if is_video else "image/webp", f"sticker.{'webm' if is_video else 'webp'}"),
        )
    # An animation comes as a document too.
    found = next((each for each in reversed(_FILES) if isinstance(message.get(each[0]), dict)), None)
    return (_file(message[found[0]], found[1], found[2]),) if found is not None else ()


def _file(row: Mapping[str, Any], content_type: str, name: str) -> Media:
    size = row.get("file_size")
    return Media(
        reference=str(row["file_id"]),
        name=str(row.get("file_name") or name)[:255],
        content_type=str(row.get("mime_type") or content_type)[:120],
        size=size if isinstance(size, int) else 0,
    )


connector = TelegramConnector()
