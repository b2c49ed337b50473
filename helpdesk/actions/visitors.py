"""Visitors of chats: they come into being with their first message, say who they are, and are vouched for."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from helpdesk.actions import attributes, identities
from helpdesk.actions.contacts import identity_for
from helpdesk.actions.journal import record
from helpdesk.models import (
    ChatLine,
    ChatUpload,
    Contact,
    Conversation,
    Entry,
    IdentityKind,
    Ticket,
    Visitor,
    VisitorToken,
)
from helpdesk.models.chat import clean_page, visitor_author
from helpdesk.text import clean

#: A token lasts so long after its last use; that of somebody whom the site vouches for is worth more, and lasts less.
TOKEN_LIFE, VERIFIED_TOKEN_LIFE = timedelta(days=90), timedelta(hours=24)
#: Who hasn't renewed this has gone, however their connection ended.
ONLINE_LIFE = timedelta(seconds=90)
PAGES = 10
#: What customers say of themselves in a chat, as a source of customer data: of the family "claim", below all others.
CLAIMED_IN_CHAT = "claim:chat"
#: These have their place: the claimed name and address, the ticket's subject.
_ASKED_ELSEWHERE = frozenset({"name", "email", "subject"})


@dataclass(slots=True, kw_only=True)
class Guest:
    """Who is at the other end of a visitor's connection, before and after there is a row."""

    channel_id: int
    token: str
    visitor_id: int | None = None
    name: str = ""
    address: str = ""
    subject: str = ""
    verified_address: str = ""
    language: str = ""
    page: dict[str, str] = field(default_factory=dict)
    pages: list[dict[str, str]] = field(default_factory=list)

    @property
    def token_hash(self) -> str:
        return hash_of(self.token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom a site vouches for: its own id of the person, and what else its token says."""

    subject: str
    name: str = ""
    address: str = ""


@contextmanager
def as_before_if_it_fails(*guests: Guest | None) -> Iterator[None]:
    """What a transaction writes into guests holds only if it is committed.

    A visitor's row that was rolled back leaves its number to the next one: whoever kept it would be somebody else.
    """
    kept = [(each, replace(each)) for each in guests if each is not None]
    try:
        yield
    except BaseException:
        for guest, former in kept:
            for known in fields(Guest):
                setattr(guest, known.name, getattr(former, known.name))
        raise


def hash_of(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic(savepoint=False)
def visitor_of(guest: Guest, *, at: datetime) -> Visitor:
    """The guest's row, made now if this is the first thing that they say."""
    token = VisitorToken.objects.select_related("visitor__contact").filter(token_hash=guest.token_hash).first()
    if token is not None:
        guest.visitor_id = token.visitor_id
        return token.visitor
    visitor = Visitor.objects.create(
        channel_id=guest.channel_id,
        contact=Contact.objects.create(name=guest.name, language=guest.language),
        claimed_name=guest.name,
        claimed_address=guest.address,
        language=guest.language,
        page=guest.page,
        pages=guest.pages[:PAGES],
        online_until=at + ONLINE_LIFE,
        created_at=at,
    )
    if guest.address and visitor.contact is not None:
        claim_address(contact=visitor.contact, address=guest.address, at=at)
    _give_token(visitor, guest.token, at=at)
    guest.visitor_id = visitor.pk
    return visitor


def claim_address(*, contact: Contact, address: str, at: datetime) -> None:
    """The address that somebody gives before or in a chat may be another customer's: evidence for agents, no proof."""
    identities.claim(contact=contact, kind=IdentityKind.EMAIL, value=address, source="chat", evidence="pre-chat", at=at)


def note_answers(*, visitor: Visitor, answers: Mapping[str, str], at: datetime) -> None:
    """Keep what the visitor answered to the site's own pre-chat fields; a later answer replaces an earlier one.

    A phone number is besides what they say of the customer: of the lowest rank, so that it never takes the place of
    what anybody else knows.
    """
    own = {name: value for name, value in answers.items() if value and name not in _ASKED_ELSEWHERE}
    if own:
        visitor.fields = {**visitor.fields, **own}
        visitor.save(update_fields=["fields"])
    phone = clean(own.get("phone", ""), max_length=40)
    if phone and visitor.contact is not None:
        attributes.offer(contact=visitor.contact, attribute="phone", value=phone, source=CLAIMED_IN_CHAT, at=at)


def _give_token(visitor: Visitor, token: str, *, at: datetime) -> None:
    life = VERIFIED_TOKEN_LIFE if visitor.is_verified else TOKEN_LIFE
    VisitorToken.objects.create(visitor=visitor, token_hash=hash_of(token), created_at=at, expires_at=at + life)


def vouch(*, guest: Guest, person: Person, token: str, at: datetime) -> Visitor:
    """The site has proved who the guest is: they are that person's visitor now, with a new ``token``.

    What they had said before goes with them. The old token opens nothing any more: somebody else may have known it
    (session fixation). Raises nothing: the proof was checked by the caller.
    """
    with as_before_if_it_fails(guest), transaction.atomic():
        return _vouch(guest, person, token, at)


def _vouch(guest: Guest, person: Person, token: str, at: datetime) -> Visitor:
    rows = Visitor.objects.select_for_update(of=("self",)).select_related("contact")
    visitor = rows.filter(channel_id=guest.channel_id, subject=person.subject).first()
    former = rows.filter(pk=guest.visitor_id, subject="").first() if guest.visitor_id else None
    if visitor is None:
        visitor = former or Visitor(channel_id=guest.channel_id, language=guest.language, created_at=at)
    visitor.subject, visitor.verified_address = person.subject, person.address.lower()
    visitor.claimed_name = clean(person.name, max_length=120) or visitor.claimed_name
    visitor.contact = _contact_of(visitor, person)
    visitor.page, visitor.pages = guest.page or visitor.page, guest.pages[:PAGES] or visitor.pages
    visitor.online_until = at + ONLINE_LIFE
    visitor.save()
    if former is not None and former.pk != visitor.pk:
        _bring_along(former, into=visitor)
    _take_over_tickets(visitor, at=at)
    VisitorToken.objects.filter(token_hash=guest.token_hash).update(revoked_at=at)
    _give_token(visitor, token, at=at)
    guest.token, guest.visitor_id = token, visitor.pk
    guest.name, guest.subject, guest.verified_address = visitor.claimed_name, visitor.subject, visitor.verified_address
    return visitor


def _contact_of(visitor: Visitor, person: Person) -> Contact:
    if person.address:
        return identity_for(address=person.address, name=person.name).contact
    return visitor.contact or Contact.objects.create(name=clean(person.name, max_length=160), language=visitor.language)


def _bring_along(former: Visitor, *, into: Visitor) -> None:
    """Everything of an unknown visitor is this person's; their resent messages stay the same ones."""
    Conversation.objects.filter(visitor=former).update(visitor=into)
    ChatLine.objects.filter(author=visitor_author(former)).update(author=visitor_author(into))
    ChatUpload.objects.filter(visitor=former).update(visitor=into)
    VisitorToken.objects.filter(visitor=former).update(visitor=into)
    former.delete()


def _take_over_tickets(visitor: Visitor, *, at: datetime) -> None:
    """The visitor's tickets are the proved person's, with their history."""
    rows = Ticket.objects.filter(conversation__visitor=visitor).exclude(contact=visitor.contact)
    for ticket in rows.select_related("contact"):
        before, ticket.contact = ticket.contact, visitor.contact
        ticket.save(update_fields=["contact"])
        ticket.messages.filter(contact=before).update(contact=visitor.contact)
        data = {"vouched": visitor.claimed_name or visitor.verified_address or visitor.subject}
        record(kind=Entry.Kind.CHAT_CHANGED, ticket=ticket, contact=visitor.contact, data=data, at=at)


@transaction.atomic(savepoint=False)
def claim(*, guest: Guest, name: str | None = None, address: str | None = None) -> None:
    """What the guest says of themselves: shown to agents as a claim, used for mail to them, proof of nothing."""
    if name is not None:
        guest.name = clean(name, max_length=120)
    if address is not None:
        guest.address = address
    if guest.visitor_id is None or guest.subject:
        return
    Visitor.objects.filter(pk=guest.visitor_id).update(claimed_name=guest.name, claimed_address=guest.address)
    contact = Contact.objects.filter(visitors=guest.visitor_id).first() if address else None
    if contact is not None:
        claim_address(contact=contact, address=guest.address, at=timezone.now())
    if guest.name:
        Contact.objects.filter(visitors=guest.visitor_id, name="").update(name=guest.name)


def go_to(*, guest: Guest, page: Any, at: datetime) -> None:
    """The guest is on another page of the site."""
    wanted = clean_page(page)
    if not wanted or wanted == guest.page:
        return
    if guest.page:
        guest.pages = [{**guest.page, "at": at.isoformat(timespec="seconds")}, *guest.pages][:PAGES]
    guest.page = wanted
    if guest.visitor_id is not None:
        Visitor.objects.filter(pk=guest.visitor_id).update(page=guest.page, pages=guest.pages)


def note_moves(*, came: Collection[int], gone: Collection[int], since: datetime, at: datetime) -> None:
    """Visitors ``came`` are connected; the last connections of those who are ``gone`` to this process have ended.

    The first of these ended at ``since``: whoever has come to another process after that is there.
    """
    if came:
        Visitor.objects.filter(pk__in=came).update(online_until=at + ONLINE_LIFE)
    if gone:
        Visitor.objects.filter(pk__in=gone, online_until__lte=since + ONLINE_LIFE).update(online_until=at)


def use_token(*, token_hash: str, at: datetime) -> None:
    """The token was used: its life begins anew, written down at most once an hour."""
    # Asked for first: an update that changes nothing waits for SQLite's writer like any other.
    found = VisitorToken.objects.filter(token_hash=token_hash).values_list("expires_at", "visitor__subject").first()
    if found is None:
        return
    expires_at, subject = found
    life = VERIFIED_TOKEN_LIFE if subject else TOKEN_LIFE
    if expires_at < at + life - timedelta(hours=1):
        VisitorToken.objects.filter(token_hash=token_hash, expires_at__lt=at + life).update(expires_at=at + life)


def sweep(*, at: datetime) -> None:
    """Forget tokens that are over, and files that no message named within a day."""
    VisitorToken.objects.filter(Q(expires_at__lt=at) | Q(revoked_at__lt=at - TOKEN_LIFE)).delete()
    ChatUpload.objects.filter(message=None, created_at__lt=at - timedelta(days=1)).delete()
