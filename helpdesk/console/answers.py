"""Replies and notes: what an agent types, sends, keeps as a draft, and takes back."""

import re
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from helpdesk import routing
from helpdesk.actions import replies, social_replies, tickets
from helpdesk.console import chats
from helpdesk.console.access import agent_of
from helpdesk.console.inbox import is_fragment
from helpdesk.console.ticket_page import Attempt, Newer, Place, composer_context, head_context, pane_context
from helpdesk.console.tickets import ticket_or_404
from helpdesk.models import Agent, Message, State, Ticket
from helpdesk.queries.canned import canned_for
from helpdesk.queries.chat_desk import chat_of
from helpdesk.queries.conversation import conversation_of
from helpdesk.queries.social import templates_for, way_of
from helpdesk.queries.tickets import message_for

KINDS = ("reply", "note")
#: Shown of what arrived meanwhile; the rest stands in the conversation.
_STOPPED_SHOWN, _STOPPED_LETTERS = 3, 2_000


@require_POST
def send(request: HttpRequest, reference: str) -> HttpResponse:
    """Send a reply (after the undo time) or add a note. A send that is stopped comes back as the composer."""
    agent, row = ticket_or_404(request, reference)
    kind = "note" if request.POST.get("kind") == "note" else "reply"
    try:
        message = _note(request, agent, row) if kind == "note" else _reply(request, agent, row)
    except replies.NewerMessages as error:
        return _back(request, agent, row, _attempt(request, kind, newer=error.messages), status=409)
    except replies.NotSendable as error:
        return _back(request, agent, row, _attempt(request, kind, errors=(str(error),)), status=422)
    return _done(request, agent, row, message)


@require_POST
def draft(request: HttpRequest, reference: str) -> HttpResponse:
    """Keep what is typed so far; an empty text forgets the draft."""
    agent, row = ticket_or_404(request, reference)
    for kind in KINDS:
        if kind in request.POST:
            replies.save_draft(ticket=row, agent=agent, kind=kind, text=request.POST[kind])
    return HttpResponse(status=204)


@require_safe
def canned(request: HttpRequest, reference: str) -> HttpResponse:
    """The ready answers for this customer, to be put into the composer."""
    agent, row = ticket_or_404(request, reference)
    template = "console/ticket/canned.html" if is_fragment(request) else "console/ticket/canned_page.html"
    return render(request, template, {"canned": canned_for(row, agent=agent), "ticket": row})


@require_POST
def undo(request: HttpRequest, message_id: int) -> HttpResponse:
    """Take back a reply that hasn't left; its text stands in the composer again."""
    agent = agent_of(request)
    try:
        message = message_for(agent, message_id)
    except Message.DoesNotExist as error:
        raise Http404 from error
    row = message.ticket
    try:
        replies.undo(message=message, agent=agent)
    except replies.TooLate:
        messages.error(request, _("Too late: the mail is on its way."))
    if not is_fragment(request):
        return redirect(reverse("ticket", args=[row.reference]) + Place.of(request).query)
    return render(
        request, "console/ticket/pane_and_toasts.html", pane_context(request, *ticket_or_404(request, row.reference))
    )


def _reply(request: HttpRequest, agent: Agent, row: Ticket) -> Message:
    seen, then = request.POST.get("seen", ""), request.POST.get("then", "")
    uploads = cast("list[UploadedFile[Any]]", request.FILES.getlist("files"))
    replies.require_room(sizes=[file.size or 0 for file in uploads])
    chat = chat_of(row, now=timezone.now())
    if chat is not None and chat.is_live:
        return chats.answer(request, agent=agent, row=row, chat=chat, files=uploads)
    by_platform = request.POST.get("via") in {"platform", "private"} and way_of(row) is not None
    files = [
        replies.File(filename=file.name or "file", content_type=file.content_type or "", content=file.read())
        for file in uploads
    ]
    with routing.watched(ticket=row, by=agent) as watch:
        common: dict[str, Any] = {
            "ticket": row,
            "agent": agent,
            "text": request.POST.get("reply", ""),
            "seen_cursor": int(seen) if seen.isdecimal() and len(seen) < 19 else 0,
            "is_forced": request.POST.get("is_forced") == "yes",
            "state": State(then) if then in State.values else None,
            "files": files,
        }
        if by_platform:
            message = social_replies.reply(**common, **_of_platform(request, row))
        else:
            to, cc = _addresses(request.POST.get("to", "")), _addresses(request.POST.get("cc", ""))
            message = replies.reply(**common, to=to, cc=cc)
        watch.replied(message)
    return message


def _of_platform(request: HttpRequest, row: Ticket) -> dict[str, Any]:
    """What only an answer on a social platform has."""
    chosen = request.POST.get("template", "")
    templates = [each for each in templates_for(row) if str(each.pk) == chosen] if chosen else []
    if chosen and not templates:
        raise replies.NotSendable(_("This approved text is not there any more. Choose another."))
    return {
        "is_public_meant": request.POST.get("is_public") == "yes",
        "is_private": request.POST.get("via") == "private",
        "template": templates[0] if templates else None,
    }


def _note(request: HttpRequest, agent: Agent, row: Ticket) -> Message:
    return replies.note(ticket=row, agent=agent, text=request.POST.get("note", ""))


def _done(request: HttpRequest, agent: Agent, row: Ticket, message: Message) -> HttpResponse:
    row.refresh_from_db(fields=["message_cursor"])
    tickets.mark_read(ticket=row, agent=agent, cursor=row.message_cursor)  # one's own words are no news
    if "X-Chat" in request.headers:  # the page brings the line by itself, and keeps its place
        return HttpResponse(status=204)
    if not is_fragment(request):
        return redirect(reverse("ticket", args=[row.reference]) + Place.of(request).query)
    context = pane_context(request, *ticket_or_404(request, row.reference))
    is_undoable = bool(message.message_id) or hasattr(message, "social_post")
    context["sent"] = message if message.kind == Message.Kind.REPLY and is_undoable else None
    context["undo_seconds"] = settings.UNDO_SECONDS
    return render(request, "console/ticket/pane_and_toasts.html", context)


def _back(request: HttpRequest, agent: Agent, row: Ticket, attempt: Attempt, *, status: int) -> HttpResponse:
    agent, row = ticket_or_404(request, row.reference)  # as it is now: what stopped the answer is shown
    if is_fragment(request):
        context = head_context(request, agent, row)
        conversation = conversation_of(row)
        context |= {"conversation": conversation, **composer_context(agent, row, conversation, attempt)}
        return render(request, "console/ticket/composer.html", context, status=status)
    place = Place.of(request)
    around = {"view": place.view.value, "heading": place.view.label, "rows": None, "first": place.address, "query": ""}
    context = {**pane_context(request, agent, row, attempt=attempt), **around}
    return render(request, "console/inbox.html", context, status=status)


def _attempt(request: HttpRequest, kind: str, *, newer: object = (), errors: tuple[str, ...] = ()) -> Attempt:
    return Attempt(
        kind=kind,
        texts={each: request.POST.get(each, "") for each in KINDS},
        to=request.POST.get("to", ""),
        cc=request.POST.get("cc", ""),
        errors=errors,
        via=request.POST.get("via", ""),
        stopped=tuple(
            Newer(author=each.sender_name or each.sender_address, text=each.said[:_STOPPED_LETTERS], at=each.created_at)
            for each in cast(list[Message], newer)[-_STOPPED_SHOWN:]
        ),
    )


def _addresses(value: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,;\n]", value) if part.strip()]
