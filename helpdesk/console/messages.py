"""Parts of messages, fetched one by one: whole text, HTML in its cage, source, files (MAIL.md 28)."""

import base64
import re
from html import unescape as html_unescape
from urllib.parse import quote, unquote

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import escape
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from helpdesk import blobs
from helpdesk.console.access import agent_of
from helpdesk.console.customer_look import language_name
from helpdesk.console.inbox import is_fragment
from helpdesk.console.raw_mail import PEEK_BYTES, peek, raw_download
from helpdesk.console.ticket_page import Place
from helpdesk.console.wording import acknowledged, noticed, sender_sign
from helpdesk.intake.guards import Sign
from helpdesk.models import Attachment, Message
from helpdesk.queries.conversation import MOVABLE, is_only_one, places_for
from helpdesk.queries.tickets import attachment_for, message_for
from helpdesk.text import REMOTE

#: The cage of a stranger's HTML: an origin of its own, no scripts, no forms, nothing fetched from anywhere.
_CAGE = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src {images}; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
#: Whence pictures may come: out of the mail itself; and from elsewhere, once the reader has asked for them.
_OWN_IMAGES, _ALL_IMAGES = "data:", "data: https:"
#: Not a template: the body is the one thing here that must not be escaped. It was sanitised when it was stored.
_PAGE = (
    '<!doctype html><html lang="{language}"><head><meta charset="utf-8"><meta name="color-scheme" content="light">'
    '<base target="_blank"></head><body>{body}</body></html>'
)

#: A cid: reference as the sanitiser writes it, and the raster pictures that may take its place, by their first bytes.
_CID = re.compile(r'src="cid:([^"]{1,250})"')
_RASTER = ((b"\x89PNG\r\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"), (b"RIFF", "webp"))
#: A remote image as helpdesk.text.sanitise stores it, and the addresses that a reader may ask for: https, and no SVG,
#: which is a document and not a picture.
_REMOTE_IMAGE = re.compile(rf' src="{REMOTE}([^"]*)"')
_SHOWABLE = re.compile(r"https://(?!.*\.svgz?(?:[?#]|$))", re.IGNORECASE)
#: Of one message, all together; what is beyond stays an attachment.
MAX_PICTURE_BYTES = 8 * 1024 * 1024


def _message_or_404(request: HttpRequest, message_id: int) -> Message:
    try:
        return message_for(agent_of(request), message_id)
    except Message.DoesNotExist as error:
        raise Http404 from error


@require_safe
def about(request: HttpRequest, message_id: int) -> HttpResponse:
    """From whom to whom, why it is in its ticket, what was noticed; and what can be done with it."""
    agent, message = agent_of(request), _message_or_404(request, message_id)
    is_mail = message.kind in MOVABLE
    context = {
        "message": message,
        "ticket": message.ticket,
        "acknowledged": acknowledged,
        "sender_sign": sender_sign,
        "noticed": noticed,
        "language_name": language_name,
        "needs_server": message.verdict_reason == Sign.NO_SERVER,
        "is_mail": is_mail,
        "is_only_one": is_only_one(message),
        "places": places_for(message, agent=agent) if is_mail else (),
        "view_query": Place.of(request).query,
        "agent": agent,
    }
    template = "console/ticket/about.html" if is_fragment(request) else "console/ticket/about_page.html"
    return render(request, template, context)


@require_safe
def text(request: HttpRequest, message_id: int) -> HttpResponse:
    """Everything that was written, with quoted history and signature."""
    message = _message_or_404(request, message_id)
    template = "console/ticket/whole_text.html" if is_fragment(request) else "console/ticket/whole_text_page.html"
    return render(request, template, {"message": message})


@require_safe
def frame(request: HttpRequest, message_id: int) -> HttpResponse:
    """The frame around the HTML, to be put into the page; what it may fetch is asked for anew each time."""
    message = _message_or_404(request, message_id)
    if not is_fragment(request):
        return html(request, message_id)
    has_remote = any(_SHOWABLE.match(image[1]) for image in _REMOTE_IMAGE.finditer(message.html))
    context = {"message": message, "has_remote": has_remote, "are_shown": _wants_images(request)}
    return render(request, "console/ticket/frame.html", context)


@require_safe
@xframe_options_sameorigin
def html(request: HttpRequest, message_id: int) -> HttpResponse:
    """The mail's sanitised HTML under a policy of its own: even what the sanitiser let through can do nothing.

    ``?images=shown``: pictures from elsewhere come too, for this one look.
    """
    message = _message_or_404(request, message_id)
    are_shown = _wants_images(request)
    body = _REMOTE_IMAGE.sub(_shown if are_shown else "", _with_pictures(message))
    images = _ALL_IMAGES if are_shown else _OWN_IMAGES
    answer = HttpResponse(_PAGE.format(language=escape(message.language or "und"), body=body))
    answer["Content-Security-Policy"] = _CAGE.format(images=images)
    answer["Referrer-Policy"] = "no-referrer"
    answer["Cache-Control"] = "private, no-store"
    return answer


def _wants_images(request: HttpRequest) -> bool:
    return request.GET.get("images") == "shown"


def _shown(image: re.Match[str]) -> str:
    return f' src="{image[1]}"' if _SHOWABLE.match(image[1]) else ""


def _with_pictures(message: Message) -> str:
    """The HTML with its own pictures in place: ``cid:`` leads to raster parts of this very message and nowhere else.

    A picture counts each time that it is shown: one that a mail names ten thousand times would fill the memory.
    """
    pictures: dict[str, str] = {}
    room = MAX_PICTURE_BYTES
    for part in message.attachments.exclude(content_id="").order_by("id"):
        if part.size > room or not part.content_type.startswith("image/"):
            continue
        content = blobs.get(part.blob)
        # The bytes decide and not what the mail calls them: an SVG can hold anything.
        kind = next((kind for magic, kind in _RASTER if content.startswith(magic)), None)
        if kind is not None:
            room -= part.size
            pictures[part.content_id] = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    left = 2 * MAX_PICTURE_BYTES

    def shown(match: re.Match[str]) -> str:
        nonlocal left
        picture = pictures.get(unquote(html_unescape(match[1])), "")
        left -= len(picture)
        return f'src="{picture if left >= 0 else ""}"'

    return _CID.sub(shown, message.html)


@require_safe
def source(request: HttpRequest, message_id: int) -> HttpResponse:
    """The beginning of the mail as it came, for everybody who may see the ticket: they read its content anyway."""
    message, raw_mail = _raw_or_404(request, message_id)
    head, _blank, rest = peek(raw_mail).partition("\n\n")
    context = {
        "message": message,
        "event": message.event,
        "head": head,
        "rest": rest,
        "is_cut": len(raw_mail) > PEEK_BYTES,
    }
    return render(request, "console/ticket/source.html", context)


@require_safe
def raw(request: HttpRequest, message_id: int) -> HttpResponse:
    """The mail as it came, as a download."""
    message, raw_mail = _raw_or_404(request, message_id)
    return raw_download(raw_mail, name=f"{message.ticket.reference}-{message.pk}.eml")


def _raw_or_404(request: HttpRequest, message_id: int) -> tuple[Message, bytes]:
    message = _message_or_404(request, message_id)
    if message.event is None or not blobs.path_of(message.event.blob).is_file():
        raise Http404
    return message, blobs.get(message.event.blob)


@require_safe
def attachment(request: HttpRequest, attachment_id: int) -> FileResponse:
    """A file as a download, whatever it says it is: no browser may show or run it on our origin."""
    try:
        row = attachment_for(agent_of(request), attachment_id)
    except Attachment.DoesNotExist as error:
        raise Http404 from error
    answer = FileResponse(blobs.path_of(row.blob).open("rb"), content_type="application/octet-stream")
    answer["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(row.filename or 'file')}"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["Cache-Control"] = "private, no-store"
    return answer
