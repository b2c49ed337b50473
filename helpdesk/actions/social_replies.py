"""Agents answer on social platforms: the same care as with mail, by another way out."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from helpdesk.actions import replies, social_posts, social_templates
from helpdesk.actions.indexing import index_message
from helpdesk.actions.replies import File, NewerMessages, NotSendable
from helpdesk.connectors.registry import account_connector
from helpdesk.models import Agent, Entry, Message, SocialPost, SocialTemplate, SocialThread, State, Ticket
from helpdesk.queries.social import Way, way_of
from helpdesk.text import clean, clean_text


@transaction.atomic
def reply(
    *,
    ticket: Ticket,
    agent: Agent,
    text: str,
    seen_cursor: int,
    is_forced: bool = False,
    is_public_meant: bool = False,
    is_private: bool = False,
    template: SocialTemplate | None = None,
    state: State | None = None,
    files: Sequence[File] = (),
    at: datetime | None = None,
    send_at: datetime | None = None,
) -> Message:
    """Queue an answer to where the customer wrote; it leaves after the undo time.

    With ``template``, an approved text, each line of ``text`` fills one of its places. As `replies.reply`, whose
    errors it raises; NotSendable too when the answer would be public and ``is_public_meant`` is not, when it is too
    long for the platform, has files that it doesn't take, or comes after its window. ``is_private``: what everybody
    reads is answered to its writer alone, where the platform has a way.
    """
    at = at or timezone.now()
    locked = Ticket.objects.select_for_update(of=("self",)).select_related("channel", "team", "owner", "contact")
    ticket = locked.get(pk=ticket.pk)
    way = way_of(ticket)
    if way is None:
        raise NotSendable(_("Nobody has written on this platform yet."))
    body, approved = _filled(template, clean_text(text))
    if is_private and way.is_public and not way.has_private_way:
        raise NotSendable(_("What is public can't be answered privately here."))
    _check(ticket, way, body, files, template, is_public_meant=is_public_meant or is_private, at=at)
    newer = [] if is_forced else replies.newer_than(ticket, agent, seen_cursor)
    if newer:
        raise NewerMessages(newer)
    if sent := _same_again(ticket, agent, body, seen_cursor):
        return sent
    reply_to = _answered(way.thread) if way.is_public else ""
    thread = _private_thread(way.thread, ticket, at) if is_private and way.is_public else way.thread
    message = _new_message(ticket, thread, agent, body, at)
    content = social_posts.Content(
        text=body,
        files=_attach(message, files),
        reply_to=reply_to,
        template=approved,
    )
    send_at = send_at or at + timedelta(seconds=settings.UNDO_SECONDS)
    social_posts.queue_post(message=message, thread=thread, content=content, at=at, send_at=send_at)
    index_message(message=message)
    replies.settle_answer(ticket, agent, message, state, at)
    return message


def _check(
    ticket: Ticket,
    way: Way,
    body: str,
    files: Sequence[File],
    template: SocialTemplate | None,
    *,
    is_public_meant: bool,
    at: datetime,
) -> None:
    able, platform = way.capabilities, str(ticket.channel.get_kind_display())
    if ticket.merged_into_id is not None:
        raise NotSendable(_("This ticket was merged into another one; answer there."))
    if not way.can_send:
        raise NotSendable(_("Nothing can be answered in this channel. Answer by mail."))
    if not body and not files:
        raise NotSendable(_("The answer is empty."))
    if way.is_public and not is_public_meant:
        raise NotSendable(_("Everybody can read this answer. Say that you mean it, then send again."))
    if len(body) > able.max_text:
        words = ngettext(
            "%(platform)s takes at most %(count)d character; the answer has %(length)d.",
            "%(platform)s takes at most %(count)d characters; the answer has %(length)d.",
            able.max_text,
        )
        raise NotSendable(words % {"platform": platform, "count": able.max_text, "length": len(body)})
    for file in files:
        if _sort_of(file.content_type) not in able.attachments:
            raise NotSendable(
                _("%(platform)s takes no such file: %(name)s")
                % {"platform": platform, "name": clean(file.filename, max_length=80)}
            )
    replies.require_room(sizes=[len(file.content) for file in files])
    if template is not None and (template.account_id != way.thread.account_id or files):
        raise NotSendable(_("An approved text goes alone, and only from its own account."))
    if template is None and not way.is_open(at):
        raise NotSendable(
            _("It is too late to answer freely on %(platform)s. Use an approved text, or answer by mail.")
            % {"platform": platform}
        )


def _sort_of(content_type: str) -> str:
    sort = content_type.partition("/")[0]
    return sort if sort in {"image", "audio", "video"} else "file"


def _new_message(ticket: Ticket, thread: SocialThread, agent: Agent, body: str, at: datetime) -> Message:
    identity = thread.identity
    to = [[identity.contact.name or identity.display, identity.value]] if identity is not None else []
    return Message.objects.create(
        ticket=ticket,
        kind=Message.Kind.REPLY,
        agent=agent,
        contact=ticket.contact,
        sender_name=agent.name,
        sender_address=thread.account.name[:320],
        recipients={"to": to, "cc": []},
        text=body,
        language=ticket.language,
        created_at=at,
    )


def _attach(message: Message, files: Sequence[File]) -> tuple[social_posts.File, ...]:
    rows = replies.store_files(message=message, files=files)
    return tuple(social_posts.File(name=row.filename, content_type=row.content_type, blob=row.blob) for row in rows)


def _private_thread(public: SocialThread, ticket: Ticket, at: datetime) -> SocialThread:
    """Where the writer of something public is answered alone. What they say there goes on in the ticket, unless they
    have another one open there already."""
    account = public.account
    name = account_connector(account).private_thread(public.external_id)[:250]
    fresh = SocialThread(account=account, external_id=name, identity=public.identity, created_at=at)
    SocialThread.objects.bulk_create([fresh], ignore_conflicts=True)
    rows = SocialThread.objects.select_for_update(of=("self",)).select_related("account", "identity__contact", "ticket")
    thread = rows.get(account=account, external_id=name)
    if thread.ticket is None or thread.ticket.state in {State.SOLVED, State.CLOSED}:
        thread.ticket = ticket
        thread.save(update_fields=["ticket"])
    return thread


def _answered(thread: SocialThread) -> str:
    """In public an answer belongs to the post that it answers: the customer's newest."""
    posts = SocialPost.objects.filter(thread=thread, message__kind=Message.Kind.CUSTOMER, deleted_at=None)
    return posts.order_by("-message").values_list("external_id", flat=True).first() or ""


def _filled(template: SocialTemplate | None, body: str) -> tuple[str, dict[str, object] | None]:
    """What the customer will read, and what stands for it on the way to the platform. Raises NotSendable."""
    if template is None:
        return body, None
    values = [line.strip() for line in body.splitlines() if line.strip()]
    try:
        text, ready = social_templates.filled(template=template, values=values)
    except ValueError as error:
        words = ngettext(
            "The approved text has %(count)d place: write one line for each. There are %(given)d.",
            "The approved text has %(count)d places: write one line for each. There are %(given)d.",
            len(template.places),
        )
        raise NotSendable(words % {"count": len(template.places), "given": len(values)}) from error
    return text, asdict(ready)


def _same_again(ticket: Ticket, agent: Agent, body: str, cursor: int) -> Message | None:
    """This very answer, if the agent has sent it since ``cursor``: a second press of the button."""
    own = Entry.objects.filter(ticket=ticket, agent=agent, pk__gt=cursor, message__kind=Message.Kind.REPLY)
    entry = own.filter(message__text=body, message__social_post__isnull=False).select_related("message").first()
    return entry.message if entry is not None else None
