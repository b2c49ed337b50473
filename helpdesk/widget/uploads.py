"""Files of chats: in ahead of the message that names them, out to the parties alone; and the agents' pictures."""

import secrets
import time

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from helpdesk import blobs, pictures
from helpdesk.actions import chats, visitors
from helpdesk.models import ChatSite, Portrait
from helpdesk.queries.chat_lines import file_of, portrait_of
from helpdesk.queries.chats import site_for, visitor_by_token
from helpdesk.text import clean
from helpdesk.widget import frames, identity, limits
from helpdesk.widget.consumers import is_welcome

MAX_BYTES = 10 * 1024 * 1024
MOST_WAITING = 20


@csrf_exempt  # no cookie means anything here: the visitor's token is in a header, which no form can send
@require_POST
def upload(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep one file for a message to come."""
    site = site_for(slug)
    if site is None:
        raise Http404
    if not is_welcome(request.headers.get("Origin", ""), site, request.get_host()):
        return _refused(403, "bad_origin")
    token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    guest = _guest(site, token)
    if guest is None:
        return _refused(401, "bad_token")
    waits = chats.uploads_waiting(token_hash=guest.token_hash)
    buckets = limits.uploads.of(guest.token_hash), limits.uploads_from.of(request.META.get("REMOTE_ADDR", ""))
    if waits >= MOST_WAITING or not all(each.take(time.monotonic()) for each in buckets):
        return _refused(429, "slow_down")
    if int(request.headers.get("Content-Length") or 0) > MAX_BYTES + 64 * 1024:
        return _refused(413, "too_large")
    file = request.FILES.get("file")
    if file is None:
        return _refused(400, "no_file")
    if (file.size or 0) > MAX_BYTES:
        return _refused(413, "too_large")
    return _kept(guest, clean(file.name or "", max_length=200) or "file", file.read())


def _kept(guest: visitors.Guest, filename: str, content: bytes) -> HttpResponse:
    content_type = pictures.type_of(filename, content)
    if not content_type:
        return _refused(415, "type_not_allowed")
    try:
        content = pictures.stripped(content, content_type)
    except pictures.Unreadable:
        return _refused(422, "unreadable")
    width, height = pictures.size_of(content, content_type)
    fields = {
        "visitor_id": guest.visitor_id,
        "token_hash": guest.token_hash,
        "key": secrets.token_urlsafe(18),
        "filename": filename,
        "content_type": content_type,
        "size": len(content),
        "blob": blobs.put(content),
        "width": width or None,
        "height": height or None,
    }
    kept = chats.keep_upload(fields=fields, at=timezone.now())
    answer = {"key": kept.key, "name": filename, "type": content_type, "size": kept.size}
    return JsonResponse({**answer, "width": width, "height": height}, status=201)


def _guest(site: ChatSite, token: str) -> visitors.Guest | None:
    """Whose token it is; somebody who hasn't written yet has none in the tables."""
    if not identity.is_ours(token, site.channel_id):
        return None
    now, token_hash = timezone.now(), visitors.hash_of(token)
    visitor, is_usable = visitor_by_token(token_hash=token_hash, channel_id=site.channel_id, now=now)
    if not is_usable or (visitor is None and site.requires_identity):
        return None
    return visitors.Guest(channel_id=site.channel_id, token=token, visitor_id=visitor.pk if visitor else None)


def _refused(status: int, code: str) -> HttpResponse:
    return JsonResponse({"code": code}, status=status)


@require_safe
def download(_request: HttpRequest, token: str) -> HttpResponse:
    """A file of a line: pictures are shown, everything else is saved. The address is signed, and good for an hour."""
    opened = frames.opened_file(token)
    file = file_of(attachment_id=opened[0], visitor_id=opened[1]) if opened else None
    if file is None:
        raise Http404
    try:
        content = blobs.get(file.blob)
    except FileNotFoundError as error:
        raise Http404 from error
    is_shown = file.content_type in {"image/jpeg", "image/png", "image/gif", "image/webp"}
    response = HttpResponse(content, content_type=file.content_type if is_shown else "application/octet-stream")
    disposition = content_disposition_header(as_attachment=not is_shown, filename=file.filename)
    response["Content-Disposition"] = disposition or "attachment"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, max-age=3600"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


@require_safe
def portrait(_request: HttpRequest, token: str) -> HttpResponse:
    """The picture of an agent who takes part in a chat of the visitor to whom the address was given."""
    opened = frames.opened_portrait(token)
    row = portrait_of(visitor_id=opened[0], key=opened[1]) if opened else None
    if row is None:
        raise Http404
    return portrait_answer(row)


def portrait_answer(row: Portrait) -> HttpResponse:
    """A picture as browsers keep it, for a day: one that was taken away must not be shown for long."""
    response = HttpResponse(bytes(row.content), content_type="image/png")
    response["Cache-Control"] = "private, max-age=86400, immutable"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
