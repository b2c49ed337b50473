"""Sending on WhatsApp: words, files, approved templates."""

import re
from typing import Any

from helpdesk.connectors import meta, meta_graph
from helpdesk.connectors.meta_graph import Access, File
from helpdesk.connectors.social import OutgoingPost, Sent, Template, Upload
from mail_gateway.errors import GatewayError, OutcomeUnknown, Permanent, Temporary

_PHONE = re.compile(r"\+?\d{5,20}")
#: What WhatsApp shows as a picture, plays as a film or as sound; everything else goes as a document.
_KINDS = {
    "image/jpeg": "image",
    "image/png": "image",
    "video/mp4": "video",
    "video/3gpp": "video",
    "audio/aac": "audio",
    "audio/amr": "audio",
    "audio/mpeg": "audio",
    "audio/mp4": "audio",
    "audio/ogg": "audio",
}
_CAPTIONED = frozenset({"image", "video", "document"})
_LONGEST_CAPTION = 1_024


def send(access: Access, number: str, post: OutgoingPost) -> Sent:
    """A template, or words and files.

    A single file takes the words along as its caption. Files are uploaded before anything is sent; once something is
    out, a failure is Permanent, and a person decides: trying the whole again would double it.
    """
    contents = [_template(post.template)] if post.template else _contents(access, number, post)
    ids: list[str] = []
    for content in contents:
        try:
            ids.append(_send_one(access, number, post, content, is_first=not ids))
        except GatewayError as error:
            if not ids:
                raise
            raise Permanent(f"{len(ids)} of {len(contents)} parts were sent. {error}", code=error.code) from error
    return Sent.of(ids)


def _send_one(access: Access, number: str, post: OutgoingPost, content: dict[str, Any], *, is_first: bool) -> str:
    payload = {"messaging_product": "whatsapp", "recipient_type": "individual", **_recipient(post.thread), **content}
    if post.idempotency_key:
        payload["biz_opaque_callback_data"] = post.idempotency_key[:512]
    if post.reply_to and is_first:
        payload["context"] = {"message_id": post.reply_to}
    answer = meta_graph.post(access, f"{number}/messages", payload)
    for message in meta.objects(answer, "messages"):
        if message_id := meta.text(message, "id"):
            return message_id
    raise OutcomeUnknown("WhatsApp took the message without giving it an id.")


def _recipient(thread: str) -> dict[str, str]:
    """A phone number, or the id of a person who hides theirs."""
    return {"to": thread} if _PHONE.fullmatch(thread) else {"recipient": thread}


def _contents(access: Access, number: str, post: OutgoingPost) -> list[dict[str, Any]]:
    files = [_file(access, number, upload) for upload in post.media]
    if len(files) == 1 and files[0]["type"] in _CAPTIONED and len(post.text) <= _LONGEST_CAPTION:
        content = files[0]
        if post.text:
            content[content["type"]]["caption"] = post.text
        return [content]
    words = [{"type": "text", "text": {"body": post.text, "preview_url": False}}] if post.text else []
    return words + files


def _file(access: Access, number: str, upload: Upload) -> dict[str, Any]:
    fields = {"messaging_product": "whatsapp", "type": upload.content_type}
    file = File(upload.name, upload.content_type, upload.content)
    media_id = meta.text(meta_graph.upload(access, f"{number}/media", fields=fields, file=file, part_name="file"), "id")
    if not media_id:
        raise Temporary(f"WhatsApp took the file {upload.name} without giving it an id.")
    kind = _KINDS.get(upload.content_type.partition(";")[0].strip().lower(), "document")
    body = {"id": media_id, "filename": upload.name} if kind == "document" else {"id": media_id}
    return {"type": kind, kind: body}


def _template(template: Template) -> dict[str, Any]:
    """``values`` fill the places of the body in their order; ``places`` names them where they have names."""
    if not template.name or not template.language:
        raise Permanent("The template has no name or no language.")
    names = template.places or ("",) * len(template.values)
    if len(names) != len(template.values):
        raise Permanent("Not every place of the template is filled.")
    parameters = [_parameter(name, value) for name, value in zip(names, template.values, strict=True)]
    body: dict[str, Any] = {"name": template.name, "language": {"code": template.language}}
    if parameters:
        body["components"] = [{"type": "body", "parameters": parameters}]
    return {"type": "template", "template": body}


def _parameter(name: str, value: str) -> dict[str, str]:
    named = {"parameter_name": name} if name and not name.isdecimal() else {}
    return {"type": "text", **named, "text": value}
