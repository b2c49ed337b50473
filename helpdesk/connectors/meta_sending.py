"""Sending on Messenger and Instagram, whose Send API is one.

Sources: developers.facebook.com "Messenger Platform: Send API", "attachment upload", "message tags", "Instagram
messaging: send a message". A message holds words or one file: what the desk sends as one goes out as several.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from helpdesk.connectors import meta, meta_graph
from helpdesk.connectors.meta_graph import Access, File, WindowClosed
from helpdesk.connectors.social import OutgoingPost, Sent, Upload
from mail_gateway.errors import GatewayError, OutcomeUnknown, Permanent, Temporary

_KINDS = frozenset({"image", "audio", "video"})


@dataclass(frozen=True, slots=True)
class Way:
    """How an account sends: as whom, and to which of its edges."""

    access: Access
    messages: str
    uploads: str
    has_human_agent: bool
    has_metadata: bool = False
    platform: str = ""


def send(way: Way, post: OutgoingPost) -> Sent:
    """Words and files of one message, in this order.

    Files are uploaded before anything is sent: what can be tried again without harm comes first. Once something is
    out, a failure is Permanent, and a person decides: trying the whole again would double it.
    """
    uploaded = [_upload(way, file) for file in post.media]
    contents: list[dict[str, Any]] = [{"text": post.text}] if post.text else []
    contents += [{"attachment": attachment} for attachment in uploaded]
    ids: list[str] = []
    for content in contents:
        try:
            ids.append(_send_one(way, post, content, is_first=not ids))
        except GatewayError as error:
            if not ids:
                raise
            raise Permanent(f"{len(ids)} of {len(contents)} parts were sent. {error}", code=error.code) from error
    return Sent.of(ids)


def _send_one(way: Way, post: OutgoingPost, content: Mapping[str, Any], *, is_first: bool) -> str:
    message = dict(content)
    if way.has_metadata and post.idempotency_key:
        message["metadata"] = post.idempotency_key
    payload: dict[str, Any] = {"recipient": {"id": post.thread}, "message": message}
    answer = _quoting(way, payload, post.reply_to) if post.reply_to and is_first else _in_window(way, payload)
    if mid := meta.text(answer, "message_id"):
        return mid
    raise OutcomeUnknown("Meta took the message without giving it an id.")


def _quoting(way: Way, payload: dict[str, Any], mid: str) -> dict[str, Any]:
    """As an answer to one message; plain where Meta can't find that one any more."""
    try:
        return _in_window(way, {**payload, "reply_to": {"mid": mid}})
    except Permanent as error:
        if error.code != meta_graph.INVALID_PARAMETER:
            raise
        return _in_window(way, payload)


def _in_window(way: Way, payload: dict[str, Any]) -> dict[str, Any]:
    """As an answer; once Meta's 24 hours are over as a person's late answer, if the app may. Meta keeps the clock."""
    try:
        return meta_graph.post(way.access, way.messages, {**payload, "messaging_type": "RESPONSE"})
    except WindowClosed:
        if not way.has_human_agent:
            raise
        tag = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
        return meta_graph.post(way.access, way.messages, {**payload, **tag})


def _upload(way: Way, file: Upload) -> dict[str, Any]:
    main = file.content_type.partition("/")[0]
    kind = main if main in _KINDS else "file"
    attachment = {"type": kind, "payload": {"is_reusable": True}}
    fields = {"message": meta.packed({"attachment": attachment}).decode()}
    if way.platform:
        fields["platform"] = way.platform
    answer = meta_graph.upload(
        way.access,
        way.uploads,
        fields=fields,
        file=File(file.name, file.content_type, file.content),
        part_name="filedata",
    )
    if attachment_id := meta.text(answer, "attachment_id"):
        return {"type": kind, "payload": {"attachment_id": attachment_id}}
    raise Temporary(f"Meta took the file {file.name} without giving it an id.")
