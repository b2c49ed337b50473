"""What Messenger and Instagram tell: both deliver lists of "messaging" events of nearly the same form.

Sources: developers.facebook.com "Messenger Platform: webhook events" (messages, message_echoes, message_edits,
message_deliveries, message_reads, message_reactions, messaging_postbacks, standby), "Instagram Platform: webhook
notification examples", "Instagram post shares: new attachment type". Pure: bytes in, items out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from helpdesk.connectors import meta
from helpdesk.connectors.meta import Envelope
from helpdesk.connectors.social import Handle, Item, Media, Unreadable

#: Kinds of attachments that are files, and how one without a name is called.
_FILES = {"image": "picture", "video": "video", "audio": "voice", "file": "file", "reel": "reel", "ig_reel": "reel"}
_STORIES = frozenset({"story_mention", "ig_story"})
#: Something else that lives on the platform: it has an address and perhaps a title.
_SHARED = frozenset({"share", "ig_post", "post", "fallback", "template", "appointment_booking"})


@dataclass(frozen=True, slots=True)
class Side:
    """Our side of the conversations: the platform, the id of our page or account, and the app that we send with."""

    object_name: str
    identity_kind: str
    own_id: str
    app_id: str = ""


def split(side: Side, body: bytes) -> list[tuple[str, bytes]]:
    """The events of one delivery, each with a name that stays. Raises Unreadable."""
    return meta.named(_envelopes(meta.entries_of(body, of=side.object_name)), name=_name)


def read(side: Side, raw: bytes) -> Item | None:
    """One event. Raises Unreadable; None for what says nothing to people."""
    envelope = meta.unpacked(raw)
    event = meta.part(envelope, "event")
    if not event:
        raise Unreadable("It is no event of a conversation.")
    if (ours := meta.text(envelope, "entry")) != side.own_id:
        raise Unreadable(f"It came for the account {ours[:40] or '?'}, and this channel is {side.own_id}.")
    for name, reader in _READERS.items():
        if isinstance(event.get(name), dict):
            return reader(side, event, event[name])
    return None  # a tap on something, a change of who answers: no words of a person


def _envelopes(entries: list[Any]) -> Iterator[Envelope]:
    """Each event with the id of the account that it came for. ``standby``: another app answers, ours listens."""
    for entry in entries:
        lists = [meta.objects(entry, name) for name in ("messaging", "standby")]
        for event in [event for events in lists for event in events]:
            mids = meta.objects(meta.part(event, "delivery"), "mids")
            for one in _one_each(event, mids) if mids else [event]:
                yield {"entry": meta.text(entry, "id"), "event": one}
        if not any(lists) and not meta.objects(entry, "changes"):
            yield {"entry": meta.text(entry, "id"), "event": {}, "unread": entry}


def _one_each(event: dict[str, Any], mids: list[Any]) -> Iterator[dict[str, Any]]:
    """A notice that several messages were delivered becomes one for each."""
    for mid in mids:
        yield {**event, "delivery": {**event["delivery"], "mids": [mid]}}


def _name(envelope: Envelope) -> str:
    """The name of an arrival: the same whenever Meta repeats it, another for an edit than for its message."""
    event = meta.part(envelope, "event")
    who, at = meta.text(meta.part(event, "sender"), "id"), meta.text(event, "timestamp")
    message, edit = meta.part(event, "message"), meta.part(event, "message_edit")
    if mid := meta.text(message, "mid"):
        return f"{'deletion' if message.get('is_deleted') is True else 'message'}:{mid}"
    if mid := meta.text(edit, "mid"):
        return f"edit:{mid}:{meta.text(edit, 'num_edit') or at}"
    if delivered := meta.part(event, "delivery"):
        mids = meta.objects(delivered, "mids")
        return f"delivery:{mids[0] if mids else who}:{meta.text(delivered, 'watermark')}"
    if seen := meta.part(event, "read"):
        return f"read:{meta.text(seen, 'mid') or who}:{meta.text(seen, 'watermark')}"
    if reaction := meta.part(event, "reaction"):
        return f"reaction:{meta.text(reaction, 'mid')}:{who}:{meta.text(reaction, 'action')}:{at}"
    if postback := meta.part(event, "postback"):
        return f"postback:{meta.text(postback, 'mid') or f'{who}:{at}'}"
    return ""


def _message(side: Side, event: dict[str, Any], message: dict[str, Any]) -> Item | None:
    mid = _required(message, "mid")
    sender, recipient = _people(event)
    is_ours = message.get("is_echo") is True or sender == side.own_id
    if is_ours and side.app_id and meta.text(message, "app_id") == side.app_id:
        return None  # our own answer coming back: its id is known from sending it
    thread = recipient if is_ours else sender
    at = meta.moment(event.get("timestamp"))
    if message.get("is_deleted") is True:
        return Item(kind="deletion", external_id=f"deletion:{mid}", thread=thread, at=at, refers_to=mid)
    words, media = _content(side, message)
    return Item(
        kind="echo" if is_ours else "message",
        external_id=mid,
        thread=thread,
        at=at,
        sender=None if is_ours else _handle(side, sender),
        text=words,
        media=media,
        reply_to=meta.text(meta.part(message, "reply_to"), "mid"),
        extra=_extra(message),
    )


def _content(side: Side, message: Mapping[str, Any]) -> tuple[str, tuple[Media, ...]]:
    """The words and files of a message; what has neither is said in words, so that nobody sees an empty one."""
    lines, media = [meta.text(message, "text")], []
    for attachment in meta.objects(message, "attachments"):
        line, files = _attachment(attachment)
        lines.append(line)
        media += files
    story = meta.part(meta.part(message, "reply_to"), "story")
    if url := meta.text(story, "url"):
        media.append(Media(url=url, name="story"))
    said = "\n".join(dict.fromkeys(line for line in lines if line))  # a shared post comes as two attachments
    if not said and not media:
        name = "Instagram" if side.object_name == "instagram" else "Messenger"
        said = _("(Something that %(platform)s does not pass on. It can be seen in its app.)") % {"platform": name}
    return said, tuple(media)


def _attachment(attachment: Any) -> tuple[str, list[Media]]:
    kind, payload = meta.text(attachment, "type"), meta.part(attachment, "payload")
    url = meta.text(payload, "url") or meta.text(attachment, "url")
    if kind in _FILES and url:
        name = meta.text(payload, "title") if kind == "file" else ""
        return "", [Media(url=url, name=name or _FILES[kind])]
    if kind in _STORIES and url:
        return _("(mentioned us in a story)"), [Media(url=url, name="story")]
    if kind == "location":
        place = meta.part(payload, "coordinates")
        return f"📍 {place.get('lat')}, {place.get('long')}", []
    if kind == "sticker" and url:
        return "", [Media(url=url, name="sticker")]
    if kind in _SHARED or url:
        title = meta.text(payload, "title") or meta.text(attachment, "title")
        return " ".join(part for part in (title, url) if part), []
    return "", []


def _edit(side: Side, event: dict[str, Any], edit: dict[str, Any]) -> Item | None:
    mid, count = _required(edit, "mid"), meta.text(edit, "num_edit")
    if count == "0" or "text" not in edit:
        return None  # Instagram sends one with every new message as well
    sender, recipient = _people(event)
    return Item(
        kind="edit",
        external_id=f"edit:{mid}:{count or meta.text(event, 'timestamp')}",
        thread=recipient if sender == side.own_id else sender,
        at=meta.moment(event.get("timestamp")),
        text=meta.text(edit, "text"),
        refers_to=mid,
    )


def _delivery(side: Side, event: dict[str, Any], delivery: dict[str, Any]) -> Item | None:
    mids = meta.objects(delivery, "mids")
    at = meta.moment(delivery.get("watermark") or event.get("timestamp"))
    return _receipt(event, at, refers_to=str(mids[0]) if mids else "", is_read=False)


def _seen(side: Side, event: dict[str, Any], seen: dict[str, Any]) -> Item | None:
    at = meta.moment(seen.get("watermark") or event.get("timestamp"))
    return _receipt(event, at, refers_to=meta.text(seen, "mid"), is_read=True)


def _reaction(side: Side, event: dict[str, Any], reaction: dict[str, Any]) -> Item | None:
    """A heart on our message is no enquiry, but proves that it was read."""
    mid, sender = _required(reaction, "mid"), _people(event)[0]
    if sender == side.own_id:
        return None
    shown = meta.text(reaction, "emoji") or meta.text(reaction, "reaction")
    extra = {"reaction": shown, "is_taken_back": meta.text(reaction, "action") == "unreact"}
    return _receipt(event, meta.moment(event.get("timestamp")), refers_to=mid, is_read=True, extra=extra)


def _receipt(
    event: dict[str, Any], at: datetime, *, refers_to: str, is_read: bool, extra: Mapping[str, Any] | None = None
) -> Item:
    return Item(
        kind="receipt",
        external_id=f"{'read' if is_read else 'delivered'}:{refers_to}:{int(at.timestamp() * 1000)}",
        thread=_people(event)[0],
        at=at,
        receipt="read" if is_read else "delivered",
        refers_to=refers_to,
        extra=extra or {},
    )


def _postback(side: Side, event: dict[str, Any], postback: dict[str, Any]) -> Item | None:
    """Somebody pressed a button, "Get started" for instance: its words are theirs."""
    sender, stamp = _people(event)[0], meta.text(event, "timestamp")
    return Item(
        kind="message",
        external_id=meta.text(postback, "mid") or f"postback:{sender}:{stamp}",
        thread=sender,
        at=meta.moment(event.get("timestamp")),
        sender=_handle(side, sender),
        text=meta.text(postback, "title") or meta.text(postback, "payload"),
        extra={"payload": meta.text(postback, "payload"), **_extra(postback)},
    )


_READERS = {
    "message": _message,
    "message_edit": _edit,
    "delivery": _delivery,
    "read": _seen,
    "reaction": _reaction,
    "postback": _postback,
}


def _extra(message: Mapping[str, Any]) -> dict[str, Any]:
    """Where somebody came from: an advertisement, a product, a story."""
    story = meta.text(meta.part(meta.part(message, "reply_to"), "story"), "id")
    found = {"referral": meta.part(message, "referral"), "story": story}
    return {name: value for name, value in found.items() if value}


def _handle(side: Side, value: str) -> Handle:
    """Meta vouches for the id, which is of one page or account only; the name has to be asked for."""
    return Handle(kind=side.identity_kind, value=value, is_verified=True)


def _people(event: Mapping[str, Any]) -> tuple[str, str]:
    """Ids of the sender and the recipient."""
    return _required(meta.part(event, "sender"), "id"), meta.text(meta.part(event, "recipient"), "id")


def _required(parent: Mapping[str, Any], name: str) -> str:
    if found := meta.text(parent, name):
        return found
    raise Unreadable(f"It has no “{name}”.")
