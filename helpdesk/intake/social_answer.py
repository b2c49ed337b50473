"""Does what came in on a social channel get an acknowledgement, and which? Caps and words for "no" are those of mail.

It goes out in the channel itself, once for each ticket, in the customer's language: the reference, and what the FAQ
says. Nothing is ever acknowledged in public.
"""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from helpdesk import mail_texts
from helpdesk.actions import breakers, social_posts
from helpdesk.actions.indexing import index_message
from helpdesk.actions.journal import record
from helpdesk.connectors.registry import social_connector
from helpdesk.connectors.social import Item
from helpdesk.intake.acknowledgement import MAX_AGE, Verdict
from helpdesk.intake.caps import Cap, Caps
from helpdesk.models import Entry, Identity, Message, SocialAccount, SocialThread, State, Template, Ticket
from helpdesk.queries.knowledge import Match, articles_for
from helpdesk.queries.progress import link_to
from helpdesk.routing import Placement
from helpdesk.text import excerpt, fill

_SENT = frozenset({Verdict.FULL, Verdict.HELD})


def decide(
    *,
    account: SocialAccount,
    item: Item,
    ticket: Ticket,
    identity: Identity | None,
    placement: Placement,
    now: datetime,
) -> Verdict:
    """The verdict on the first message of a ticket; the first reason against it wins."""
    if ticket.state == State.SPAM:
        return Verdict.BLOCKED if identity is not None and identity.blocked_at is not None else Verdict.SPAM
    if item.sender is None or identity is None:
        return Verdict.NO_SENDER
    connector = social_connector(account.provider)
    if not connector.can_send(account):
        return Verdict.ONE_WAY
    if item.sender.is_bot:
        return Verdict.BOT
    if item.is_public:
        return Verdict.PUBLIC
    if placement.wants_no_acknowledgement:
        return Verdict.RULE
    if now - item.at > MAX_AGE:
        return Verdict.TOO_OLD
    window = connector.capabilities.window
    if window is not None and now - item.at > window:
        return Verdict.TOO_OLD
    caps = Caps.of(addresses=[identity.value], channels=[account.channel], now=now)
    # The platform brings an answer to whoever wrote, so nobody else can be pestered by a made-up sender.
    cap = caps.on(address=identity.value, is_verified=True, ticket=None, channel=account.channel)
    return Verdict.FULL if cap is None else Verdict(Cap(cap).value)


def carry_out(
    *,
    thread: SocialThread,
    ticket: Ticket,
    message: Message,
    verdict: Verdict,
    placement: Placement,
    item: Item,
    now: datetime,
) -> None:
    """Queue what was decided on, now that ticket and message are stored, and write the verdict into the journal."""
    data: dict[str, object] = {"verdict": verdict.value}
    if verdict in _SENT:
        data["articles"] = _queue(thread, ticket, message, placement, item, is_held=verdict == Verdict.HELD, now=now)
    if verdict == Verdict.HELD:
        breakers.trip_full(channel=thread.account.channel, at=now)
    kind = Entry.Kind.ACKNOWLEDGED if verdict == Verdict.FULL else Entry.Kind.NOT_ACKNOWLEDGED
    record(kind=kind, ticket=ticket, message=message, data=data, at=now)


def _queue(
    thread: SocialThread,
    ticket: Ticket,
    message: Message,
    placement: Placement,
    item: Item,
    *,
    is_held: bool,
    now: datetime,
) -> Sequence[str]:
    """The slugs of the articles that it links to."""
    language = ticket.language or settings.LANGUAGE_CODE
    found = list(articles_for(text=message.said, subject=ticket.subject, language=language))
    most = social_connector(thread.account.provider).capabilities.max_text
    own = Message.objects.create(
        ticket=ticket,
        kind=Message.Kind.AUTOMATIC,
        sender_name=settings.DESK_NAME,
        recipients={"to": [[message.sender_name, message.sender_address]], "cc": []},
        text=_text(ticket, message, placement, found, language, most=most),
        language=language,
        created_at=now,
    )
    index_message(message=own)
    social_posts.queue_post(
        message=own,
        thread=thread,
        content=social_posts.Content(text=own.text),
        at=now,
        send_at=now,
        is_automatic=True,
        is_held=is_held,
    )
    return [match.slug for match in found]


def _text(
    ticket: Ticket, message: Message, placement: Placement, found: list[Match], language: str, *, most: int
) -> str:
    """The words of the rule's template, else the desk's own; without the articles if all would be too long."""
    body = _body(placement, language)
    whole = fill(body, _values(ticket, message, found, language)).strip()
    if len(whole) <= most:
        return whole
    short = fill(body, _values(ticket, message, [], language)).strip()
    return short if len(short) <= most else excerpt(short, max_length=most)


def _body(placement: Placement, language: str) -> str:
    if placement.acknowledgement:
        kind = Template.Kind.ACKNOWLEDGEMENT
        rows = {row.language: row for row in Template.objects.filter(kind=kind, slug=placement.acknowledgement)}
        row = rows.get(language) or rows.get(settings.LANGUAGE_CODE) or rows.get("en")
        if row is not None:
            return row.body
    return mail_texts.in_language(mail_texts.SOCIAL, language, fallback=settings.LANGUAGE_CODE)


def _values(ticket: Ticket, message: Message, found: list[Match], language: str) -> dict[str, str]:
    links = "\n".join(f"· {match.title}\n  {settings.SITE_URL}{match.url_path}" for match in found)
    intro = mail_texts.in_language(mail_texts.ARTICLES_INTRO, language, fallback=settings.LANGUAGE_CODE)
    return {
        "contact_name": message.sender_name,
        "reference": ticket.reference,
        "subject": excerpt(ticket.subject, max_length=120),
        "message": "",
        "articles": f"{intro}\n{links}\n" if links else "",
        "progress_url": link_to(ticket.pk),
        "desk_name": settings.DESK_NAME,
    }
