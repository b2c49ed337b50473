"""What WhatsApp tells: messages, their statuses, what was written in the WhatsApp Business app. Bytes in, items out."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from helpdesk.connectors import meta, meta_graph
from helpdesk.connectors.meta import Envelope
from helpdesk.connectors.social import Handle, Item, Media, ReceiptKind, Unreadable

OBJECT = "whatsapp_business_account"
#: Lists of a change, and what one of each is called here.
_LISTS = {"messages": "message", "statuses": "status", "message_echoes": "echo"}
_FILES = {
    "image": "picture",
    "video": "video",
    "audio": "voice",
    "voice": "voice",
    "sticker": "sticker",
    "document": "file",
}
_STATUSES: Mapping[str, ReceiptKind] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}
#: Kinds that say nothing to people: a change of number or id, "hello" without a word.
_SILENT = frozenset({"system", "request_welcome", "ephemeral"})


def split(body: bytes) -> list[tuple[str, bytes]]:
    """Messages, echoes and statuses of one delivery. Raises Unreadable."""
    return meta.named(_envelopes(meta.entries_of(body, of=OBJECT)), name=_name)


def read(raw: bytes, *, own_id: str) -> Item | None:
    """One of them. Raises Unreadable; None for what says nothing to people."""
    envelope = meta.unpacked(raw)
    if not any(meta.part(envelope, name) for name in _LISTS.values()):
        raise Unreadable("It is neither a message nor a status.")
    if (ours := meta.text(envelope, "number")) != own_id:
        raise Unreadable(f"It came for the number {ours[:40] or '?'}, and this channel is {own_id}.")
    if status := meta.part(envelope, "status"):
        return _status(status)
    if message := meta.part(envelope, "message"):
        return _message(message, meta.part(envelope, "contact"))
    return _echo(meta.part(envelope, "echo"), meta.part(envelope, "contact"))


def _envelopes(entries: list[Any]) -> Iterator[Envelope]:
    for entry in entries:
        for change in meta.objects(entry, "changes"):
            value = meta.part(change, "value")
            number = meta.text(meta.part(value, "metadata"), "phone_number_id")
            people = meta.objects(value, "contacts")
            for listed, name in _LISTS.items():
                for one in meta.objects(value, listed):
                    yield {"number": number, name: one, "contact": _contact_of(one, people)}
        if not meta.objects(entry, "changes"):
            yield {"unread": entry}


def _contact_of(one: Any, people: list[Any]) -> dict[str, Any]:
    """The profile that belongs to a message: by number or id, or the only one."""
    wanted = {meta.text(one, name) for name in ("from", "from_user_id", "to", "to_user_id")} - {""}
    for person in people:
        if wanted & {meta.text(person, "wa_id"), meta.text(person, "user_id")}:
            return dict(person)
    return dict(people[0]) if len(people) == 1 and isinstance(people[0], dict) else {}


def _name(envelope: Envelope) -> str:
    if message_id := meta.text(meta.part(envelope, "message"), "id"):
        return f"message:{message_id}"
    if echo_id := meta.text(meta.part(envelope, "echo"), "id"):
        return f"echo:{echo_id}"
    status = meta.part(envelope, "status")
    if status_id := meta.text(status, "id"):
        return f"{meta.text(status, 'status')}:{status_id}"
    return ""


def _message(message: dict[str, Any], contact: dict[str, Any]) -> Item | None:
    kind, message_id = meta.text(message, "type"), _required(message, "id")
    user_id, phone = meta.text(message, "from_user_id") or meta.text(contact, "user_id"), _phone(message, contact)
    thread, at = user_id or phone, meta.moment(message.get("timestamp"))
    if not thread:
        raise Unreadable("It does not say who wrote it.")
    if kind in _SILENT:
        return None
    if change := _change(message, thread):
        return change
    if reaction := meta.part(message, "reaction"):
        extra = {"reaction": meta.text(reaction, "emoji"), "is_taken_back": not meta.text(reaction, "emoji")}
        refers_to = _required(reaction, "message_id")
        return Item(
            kind="receipt",
            external_id=message_id,
            thread=thread,
            at=at,
            receipt="read",
            refers_to=refers_to,
            extra=extra,
        )
    words, media = _content(kind, message)
    context = meta.part(message, "context")
    return Item(
        kind="message",
        external_id=message_id,
        thread=thread,
        at=at,
        sender=_handle(phone, user_id, contact),
        text=words,
        media=media,
        reply_to=meta.text(context, "id"),
        extra=_extra(message, context, phone, user_id),
    )


def _echo(echo: dict[str, Any], contact: dict[str, Any]) -> Item | None:
    """Somebody of ours wrote in the WhatsApp Business app on the phone."""
    kind, echo_id = meta.text(echo, "type"), _required(echo, "id")
    thread = meta.text(echo, "to_user_id") or meta.text(contact, "user_id") or _required(echo, "to")
    if kind in _SILENT or kind == "reaction":
        return None
    if change := _change(echo, thread):
        return change
    words, media = _content(kind, echo)
    at, reply_to = meta.moment(echo.get("timestamp")), meta.text(meta.part(echo, "context"), "id")
    return Item(kind="echo", external_id=echo_id, thread=thread, at=at, text=words, media=media, reply_to=reply_to)


def _change(message: dict[str, Any], thread: str) -> Item | None:
    """A message that changes another, or takes it back."""
    at, message_id = meta.moment(message.get("timestamp")), _required(message, "id")
    if revoke := meta.part(message, "revoke"):
        refers_to = _required(revoke, "original_message_id")
        return Item(kind="deletion", external_id=message_id, thread=thread, at=at, refers_to=refers_to)
    if edit := meta.part(message, "edit"):
        refers_to, newer = _required(edit, "original_message_id"), meta.part(edit, "message")
        words, media = _content(meta.text(newer, "type"), newer)
        return Item(
            kind="edit", external_id=message_id, thread=thread, at=at, text=words, media=media, refers_to=refers_to
        )
    return None


def _status(status: dict[str, Any]) -> Item | None:
    """What became of a message of ours. A failure brings its reason."""
    receipt = _STATUSES.get(meta.text(status, "status"))
    if receipt is None:
        return None
    message_id, extra = _required(status, "id"), {}
    if receipt == "failed":
        extra["error"] = _reason(meta.objects(status, "errors"))
    return Item(
        kind="receipt",
        external_id=f"{receipt}:{message_id}",
        thread=meta.text(status, "recipient_user_id") or meta.text(status, "recipient_id"),
        at=meta.moment(status.get("timestamp")),
        receipt=receipt,
        refers_to=message_id,
        extra=extra,
    )


def _reason(errors: list[Any]) -> str:
    """The first error of a list, in Meta's words; what it means for the agent comes first where it is known."""
    error = errors[0] if errors and isinstance(errors[0], dict) else {}
    code = int(meta.text(error, "code") or 0) if meta.text(error, "code").isdecimal() else 0
    details = meta.text(meta.part(error, "error_data"), "details")
    said = details or meta.text(error, "message") or meta.text(error, "title") or _("no reason given")
    if meta_graph.is_window(code):
        return _("The customer wrote more than 24 hours ago: choose a template. (%s)") % code
    return meta_graph.error_in_words(code, said)


def _content(kind: str, message: Mapping[str, Any]) -> tuple[str, tuple[Media, ...]]:
    """The words and the file of a message; a kind that has neither is said in words."""
    body = meta.part(message, kind)
    if kind in _FILES:
        reference, name = meta.text(body, "id"), meta.text(body, "filename") or _FILES[kind]
        url, content_type = meta.text(body, "url") if not reference else "", meta.text(body, "mime_type")
        return meta.text(body, "caption"), (Media(url=url, name=name, content_type=content_type, reference=reference),)
    said = _words(kind, body, message)
    return said or _("(Something that WhatsApp does not pass on: %s. It can be seen in the app.)") % (kind or "?"), ()


def _words(kind: str, body: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    if kind == "text":
        return meta.text(body, "body")
    if kind == "button":
        return meta.text(body, "text")
    if kind == "interactive":
        chosen = meta.part(body, meta.text(body, "type"))
        parts = [meta.text(chosen, name) for name in ("title", "description", "body")]
        return " – ".join(part for part in parts if part)
    if kind == "location":
        parts = [meta.text(body, "name"), meta.text(body, "address")]
        return ", ".join([f"📍 {body.get('latitude')}, {body.get('longitude')}", *(part for part in parts if part)])
    if kind == "contacts":
        return "\n".join(_card(card) for card in meta.objects(message, "contacts"))
    if kind == "order":
        lines = [_ordered(item) for item in meta.objects(body, "product_items")]
        return "\n".join([line for line in (meta.text(body, "text"), *lines) if line])
    return ""


def _card(card: Any) -> str:
    """A person's card: name, numbers, addresses."""
    name = meta.text(meta.part(card, "name"), "formatted_name")
    phones = [meta.text(phone, "phone") or meta.text(phone, "wa_id") for phone in meta.objects(card, "phones")]
    mails = [meta.text(mail, "email") for mail in meta.objects(card, "emails")]
    return "👤 " + ", ".join(part for part in (name, *phones, *mails) if part)


def _ordered(item: Any) -> str:
    price = f"{item.get('item_price', '')} {meta.text(item, 'currency')}".strip() if isinstance(item, dict) else ""
    return f"{meta.text(item, 'quantity')} × {meta.text(item, 'product_retailer_id')} {price}".strip()


def _extra(message: Mapping[str, Any], context: Mapping[str, Any], phone: str, user_id: str) -> dict[str, Any]:
    """``phone`` and ``user_id`` are two names of one person: a number can be hidden later, the id stays."""
    found = {
        "phone": f"+{phone}" if phone.isdecimal() else "",
        "user_id": user_id,
        "referral": meta.part(message, "referral"),
        "is_forwarded": context.get("forwarded") is True or context.get("frequently_forwarded") is True,
    }
    return {name: value for name, value in found.items() if value}


def _handle(phone: str, user_id: str, contact: Mapping[str, Any]) -> Handle:
    """Who wrote: by the number, which can get a new owner (then the id behind it changes), or by the id alone."""
    profile = meta.part(contact, "profile")
    username = meta.text(profile, "username").lstrip("@")
    number = f"+{phone}" if phone.isdecimal() else ""
    return Handle(
        kind="whatsapp",
        value=number or user_id,
        name=meta.text(profile, "name"),
        display=f"@{username}" if username else number,
        mark=user_id,
        is_verified=True,
    )


def _phone(message: Mapping[str, Any], contact: Mapping[str, Any]) -> str:
    """The number without its plus; '' for people who hide it behind a name."""
    return (meta.text(message, "from") or meta.text(contact, "wa_id")).lstrip("+")


def _required(parent: Mapping[str, Any], name: str) -> str:
    if found := meta.text(parent, name):
        return found
    raise Unreadable(f"It has no “{name}”.")
