"""What a visitor's session asks the database, each in one go: sockets hop to a thread for it and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from helpdesk import chats
from helpdesk.actions import chat_letters, visitors
from helpdesk.models import ChatSite, Conversation, Visitor
from helpdesk.models.chat import CHAT_LANGUAGES, clean_page
from helpdesk.queries.chats import (
    EARLIER,
    conversation_for,
    conversations_of,
    presence_of,
    queue_of,
    visitor_by_token,
)
from helpdesk.queries.knowledge import articles_for, search_articles
from helpdesk.text import clean, clean_text, one_address
from helpdesk.widget import frames, identity
from helpdesk.widget.frames import Frame

#: A team's presence is the same for all its visitors for so long.
_FRESH = timedelta(seconds=5)
_presences: dict[tuple[int, int], tuple[datetime, Any]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """A hello frame, read."""

    token: str
    reference: str
    since: int
    identity: Any
    origin: str
    language: str
    page: dict[str, str]
    pages: list[dict[str, str]]

    @classmethod
    def of(cls, frame: Mapping[str, Any]) -> "Greeting":
        """Raises ValueError for a field of the wrong shape."""
        pages = frame.get("pages") or []
        if not isinstance(pages, list):
            raise ValueError("pages")  # noqa: TRY004
        known = [(clean_page(each), each) for each in pages[: visitors.PAGES]]
        language = frames.text_of(frame, "language", most=16)[:2].lower()
        return cls(
            token=frames.text_of(frame, "token", most=200),
            reference=frames.text_of(frame, "conversation", most=40),
            since=frames.number_of(frame, "since") if frame.get("since") is not None else 0,
            identity=frame.get("identity"),
            origin=frames.text_of(frame, "origin", most=300),
            language=language if language in CHAT_LANGUAGES else "",
            page=clean_page(frame.get("page")),
            pages=[{**page, "at": clean(str(each.get("at", "")), max_length=32)} for page, each in known if page],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The answer to a hello. ``conversation`` is the number of the one that is shown, if any."""

    frame: Frame
    guest: visitors.Guest | None = None
    refusal: str = ""
    conversation: int | None = None
    reference: str = ""
    last: int = 0
    presence: Frame | None = None


def greet(site: ChatSite, greeting: Greeting, *, now: datetime, guest: visitors.Guest | None = None) -> Welcome:
    """Who is it, what do they have already? A ``refusal`` is a code; without a guest the connection must end."""
    person = None
    if greeting.identity is not None or site.requires_identity:
        try:
            person = identity.person_of(greeting.identity, site=site, now=now)
        except identity.BadIdentity:
            if site.requires_identity:
                return Welcome(frame={}, refusal="identity_required")
            if guest is not None:
                return Welcome(frame={}, refusal="bad_identity")
    visitor, is_usable = None, False
    if identity.is_ours(greeting.token, site.channel_id):
        token_hash = visitors.hash_of(greeting.token)
        visitor, is_usable = visitor_by_token(token_hash=token_hash, channel_id=site.channel_id, now=now)
    if site.requires_identity and person is not None and visitor is not None and visitor.subject != person.subject:
        visitor, is_usable = None, False  # the token of somebody else, or of nobody in particular
    guest = guest or _guest(site, greeting, visitor, token=greeting.token if is_usable else "")
    if person is not None and (visitor is None or visitor.subject != person.subject):
        visitor = visitors.vouch(guest=guest, person=person, token=identity.new_token(site.channel_id), at=now)
    elif visitor is not None:
        _come_back(guest, visitor, greeting, now)
    refusal = "bad_identity" if greeting.identity is not None and person is None else ""
    return _welcome(site, guest, visitor, greeting, refusal=refusal, now=now)


def _guest(site: ChatSite, greeting: Greeting, visitor: Visitor | None, *, token: str) -> visitors.Guest:
    return visitors.Guest(
        channel_id=site.channel_id,
        token=token or identity.new_token(site.channel_id),
        visitor_id=visitor.pk if visitor else None,
        name=visitor.claimed_name if visitor else "",
        address=visitor.claimed_address if visitor else "",
        subject=visitor.subject if visitor else "",
        verified_address=visitor.verified_address if visitor else "",
        language=greeting.language or (visitor.language if visitor else "") or site.languages[0],
        page=dict(visitor.page) if visitor else greeting.page,
        pages=list(visitor.pages) if visitor else greeting.pages,
    )


def _come_back(guest: visitors.Guest, visitor: Visitor, greeting: Greeting, now: datetime) -> None:
    visitors.use_token(token_hash=guest.token_hash, at=now)
    visitors.go_to(guest=guest, page=greeting.page, at=now)


def _welcome(
    site: ChatSite, guest: visitors.Guest, visitor: Visitor | None, greeting: Greeting, *, refusal: str, now: datetime
) -> Welcome:
    rows = list(conversations_of(visitor_id=visitor.pk)[: EARLIER + 1]) if visitor else []
    shown = next((each for each in rows if each.ticket.reference == greeting.reference), rows[0] if rows else None)
    queue = queue_of(shown, now=now) if shown else None
    there = _presence_of(site, shown, now)
    frame: Frame = {
        "type": "welcome",
        "v": frames.VERSION,
        "now": frames.moment(now),
        "token": guest.token,
        "site": _site(site, guest.language),
        "identity": {
            "is_verified": bool(guest.subject),
            "name": guest.name,
            "address": guest.verified_address or guest.address,
        },
        "presence": frames.presence(there, queue=queue),
        "conversation": frames.conversation(shown, queue=queue) if shown else None,
        "earlier": [frames.conversation(each, queue=None) for each in rows if each is not shown][:EARLIER],
    }
    return Welcome(
        frame=frame,
        guest=guest,
        refusal=refusal,
        conversation=shown.pk if shown else None,
        reference=shown.ticket.reference if shown else "",
        last=shown.last_sequence if shown else 0,
        presence=frame["presence"],
    )


def _site(site: ChatSite, language: str) -> Frame:
    return {
        "title": str(site),
        "greeting": site.greetings.get(language, ""),
        "away_text": site.away_texts.get(language, ""),
        "language": language,
        "is_faq_first": site.is_faq_first,
        "asks_rating": site.asks_rating,
        "pre_chat_fields": site.pre_chat_fields,
    }


def _presence_of(site: ChatSite, conversation: Conversation | None, now: datetime) -> Any:
    team = conversation.ticket.team if conversation else None
    name = (site.pk, team.pk if team else 0)
    at, found = _presences.get(name, (now - 2 * _FRESH, None))
    if found is None or abs(now - at) > _FRESH:
        found = presence_of(site, team=team, now=now)
        _presences[name] = (now, found)
    return found


def fresh_presence(site: ChatSite) -> Frame | None:
    """The presence frame of a connection without a conversation, if it is known without asking the database."""
    at, found = _presences.get((site.pk, 0), (None, None))
    if at is None or found is None or abs(timezone.now() - at) > _FRESH:
        return None
    return frames.presence(found, queue=None)


def presence(site: ChatSite, visitor_id: int, conversation_id: int) -> Frame:
    """The presence frame of a connection."""
    now = timezone.now()
    row = conversations_of(visitor_id=visitor_id).filter(pk=conversation_id).first() if conversation_id else None
    queue = queue_of(row, now=now) if row and site.shows_waiting_time else None
    return frames.presence(_presence_of(site, row, now), queue=queue)


def number_of(visitor_id: int | None, reference: str) -> int | None:
    """The visitor's conversation of that reference; None for anybody else's."""
    row = conversation_for(visitor_id=visitor_id, reference=reference) if visitor_id else None
    return row.pk if row else None


def describe(visitor_id: int, conversation_id: int, *, now: datetime) -> Frame:
    """A conversation of the visitor as it is now."""
    row = conversations_of(visitor_id=visitor_id).get(pk=conversation_id)
    return frames.conversation(row, queue=queue_of(row, now=now))


def answers_of(fields: Any, site: ChatSite) -> dict[str, str]:
    """Answers to the site's pre-chat fields. Raises ValueError for another shape."""
    if fields is None:
        return {}
    if not isinstance(fields, dict) or len(fields) > 20:
        raise ValueError("fields")
    known = {"name", "email", "subject"} | {str(each.get("name", "")) for each in site.pre_chat_fields}
    answers = {name: clean_text(value, max_length=500) for name, value in fields.items() if isinstance(value, str)}
    answers = {name: value for name, value in answers.items() if name in known}
    answers["name"] = clean(answers.get("name", ""), max_length=120)
    answers["email"] = address_in(answers.get("email", "")) or ""
    return answers


def address_in(value: str) -> str | None:
    """A mail address; '' for none, None for something else."""
    try:
        return one_address(value) if value.strip() else ""
    except ValueError:
        return None


def suggestions(text: str, language: str) -> list[Frame]:
    """Articles that may answer what is being asked: those that fit for certain, then what a search for it finds."""
    if len(text.strip()) < 4:
        return []
    fitting = {each.url_path: each.title for each in articles_for(text=text, subject="", language=language, limit=3)}
    for found in search_articles(query=text[:200], language=language, limit=3):
        fitting.setdefault(found.url_path, "".join(span.text for span in found.title))
    return [{"title": title, "url": url} for url, title in list(fitting.items())[:3]]


def rate(visitor_id: int | None, reference: str, given: Mapping[str, Any], *, at: datetime) -> Frame:
    """The visitor's word on a conversation of theirs."""
    row = conversation_for(visitor_id=visitor_id, reference=reference) if visitor_id else None
    if row is None:
        return frames.error("unknown_conversation", "rate")
    rating = chats.rate(conversation=row, at=at, **given)
    return {"type": "rated", "conversation": row.ticket.reference, "score": rating.score, "effort": rating.effort}


def send_transcript(visitor_id: int | None, reference: str, address: str, *, at: datetime) -> Frame:
    """The conversation by mail."""
    row = conversation_for(visitor_id=visitor_id, reference=reference) if visitor_id else None
    if row is None:
        return frames.error("unknown_conversation", "transcript")
    wanted = address_in(address)
    if wanted is None:
        return frames.error("bad_address", "transcript")
    try:
        sent_to = chat_letters.send_transcript(conversation=row, address=wanted, at=at)
    except chat_letters.CannotSend as error:
        return frames.error(error.code, "transcript")
    return {"type": "transcript", "address": sent_to}
