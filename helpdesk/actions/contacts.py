"""Customers and their addresses: whoever turns up, in whatever channel, is found or made here."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from helpdesk.actions import suppressions
from helpdesk.actions.indexing import index_contacts
from helpdesk.models import Contact, Identity, IdentityKind, Organisation, OrganisationDomain
from helpdesk.phones import e164
from helpdesk.text import clean


@dataclass(frozen=True, slots=True)
class Person:
    """Who a mail names: an address in any case, and what is said about them, '' for nothing."""

    address: str
    name: str = ""
    language: str = ""


def identity_for(*, address: str, name: str) -> Identity:
    """The identity of one address, as `identities_for` finds or makes it."""
    return identities_for(people=[Person(address, name)])[address.lower()]


@transaction.atomic(savepoint=False)
def identities_for(*, people: Iterable[Person]) -> dict[str, Identity]:
    """The identities of all ``people`` by address in lower case, with their contacts; unknown addresses get both.

    A name is only ever filled in, never replaced: what a mail calls itself doesn't overwrite what an agent has
    written. Two mails of a new customer at once make one contact: the unique key decides, the loser reads.
    """
    wanted: dict[str, Person] = {}
    for person in people:
        address = person.address.lower()
        first = wanted.get(address, person)
        wanted[address] = Person(address, first.name or person.name, first.language or person.language)
    found = _identities(wanted)
    if missing := sorted(wanted.keys() - found.keys()):
        found |= _new_identities([wanted[address] for address in missing])
    for address, identity in found.items():
        _fill_in(identity.contact, wanted[address])
    return found


def _identities(addresses: Iterable[str]) -> dict[str, Identity]:
    rows = Identity.objects.mail(addresses).select_related("contact__organisation")
    return {each.value: each for each in rows}


def _new_identities(people: list[Person]) -> dict[str, Identity]:
    contacts = _new_contacts(people)
    # No savepoint and no error when another worker was first: the row that stands is read.
    Identity.objects.bulk_create(
        [Identity(contact=contact, value=person.address) for contact, person in zip(contacts, people, strict=True)],
        ignore_conflicts=True,
    )
    found = _identities([person.address for person in people])
    used = {identity.contact_id for identity in found.values()}
    if unused := [contact.pk for contact in contacts if contact.pk not in used]:
        Contact.objects.filter(pk__in=unused).delete()
    suppressions.heed(identities=found.values())
    return found


def _new_contacts(people: list[Person]) -> list[Contact]:
    organisations = _organisations_of(people)
    return Contact.objects.bulk_create(
        Contact(
            name=person.name[:160],
            language=person.language,
            organisation=(organisation := organisations.get(_domain(person))),
            customer_class=organisation.customer_class if organisation else "",
        )
        for person in people
    )


def _organisations_of(people: Iterable[Person]) -> Mapping[str, Organisation]:
    domains = {_domain(person) for person in people} - {""}
    rows = OrganisationDomain.objects.filter(name__in=domains).select_related("organisation")
    return {each.name: each.organisation for each in rows}


def _domain(person: Person) -> str:
    return person.address.rpartition("@")[2]


def _fill_in(contact: Contact, person: Person) -> None:
    changed = {
        field: value
        for field, value in (("name", person.name[:160]), ("language", person.language))
        if value and not getattr(contact, field)
    }
    if changed:
        Contact.objects.filter(pk=contact.pk).update(**changed)
        for field, value in changed.items():
            setattr(contact, field, value)
    if "name" in changed:
        index_contacts([contact.pk])


class BadAddress(ValueError):
    """That can't be an address of its kind."""


#: A proof is written down anew after this long, not with every message.
PROOF_LASTS = timedelta(days=7)


#: Who hides the number on WhatsApp is known by an id: "FI.70123456789012345", or "FI.ENT.701…" in groups of companies.
_WHATSAPP_ID = re.compile(r"[a-z]{2}\.(?:ent\.)?[a-z0-9]{1,128}")


def address_of(*, kind: str, value: str) -> str:
    """``value`` as it is stored and compared: lower case, phone numbers as ``+358401234567``. Raises BadAddress.

    A phone number without a country code is of the desk's country. One that no numbering plan knows, such as an
    extension, is stored by its digits.
    """
    found = value.strip().lower()
    is_hidden = kind == IdentityKind.WHATSAPP and _WHATSAPP_ID.fullmatch(found) is not None
    if kind in {IdentityKind.PHONE, IdentityKind.WHATSAPP} and not is_hidden:
        found = _number(found, is_international=kind == IdentityKind.WHATSAPP)
    if not found or len(found) > 320 or not found.isprintable():
        raise BadAddress("not an address")
    if kind == IdentityKind.EMAIL and not re.fullmatch(r"[^\s@]+@[^\s@]+", found):
        raise BadAddress("not a mail address")
    return found


def _number(written: str, *, is_international: bool) -> str:
    """``is_international``: the country code is there, with or without its plus, as platforms write it."""
    begins = written.startswith(("+", "00"))
    try:
        return e164(f"+{written}" if is_international and not begins else written, country=settings.COUNTRY)
    except ValueError:
        digits = re.sub(
            r"\D", "", written.removeprefix("00") if written.startswith("00") else written.replace("(0)", "")
        )
    if not 5 <= len(digits) <= 15:
        raise BadAddress("not a phone number")
    return f"+{digits}" if is_international or begins else digits


@transaction.atomic(savepoint=False)
def contact_for(
    *,
    kind: str,
    value: str,
    name: str = "",
    source: str = "",
    verified: bool = False,
    at: datetime,
    display: str = "",
    mark: str = "",
    language: str = "",
) -> Identity:
    """The address ``value`` with its contact, found or made; two at once make one. Raises BadAddress.

    ``kind`` is of IdentityKind; ``value`` what stays the same while the account does (the platform's id; else the
    address); ``display`` what people call it; ``verified``: the platform or the site vouches that it is theirs.
    ``mark`` is the platform's own id behind a ``value`` that can be given away (a Mastodon address): where it has
    changed, the address has a new owner, who gets a contact of their own and none of the former owner's tickets.
    A name is only ever filled in, never replaced.
    """
    value = address_of(kind=kind, value=value)
    identity = _current(kind, value)
    if identity is not None and mark and identity.mark and identity.mark != mark:
        retire(identity=identity, at=at)
        identity = None
    if identity is None and kind == IdentityKind.WHATSAPP and mark:
        identity = _marked(kind, mark)  # the number behind the id was hidden, or is shown, since
    if identity is None:
        identity = _new_identity(
            Identity(
                kind=kind,
                value=value,
                display=display[:320],
                mark=mark[:320],
                source=source or kind,
                evidence="vouched-for" if verified else "wrote-to-us",
                verified_at=at if verified else None,
                last_verified_at=at if verified else None,
            ),
            Person(value, clean(name, max_length=160), language),
        )
    _note_use(identity, display=display[:320], mark=mark[:320], verified=verified, at=at)
    _fill_in(identity.contact, Person(value, clean(name, max_length=160), language))
    return identity


def retire(*, identity: Identity, at: datetime) -> None:
    """The address is somebody else's from now on. What its former owner wrote stays theirs; it opens nothing more."""
    Identity.objects.filter(pk=identity.pk, retired_at=None).update(retired_at=at)
    identity.retired_at = at


def _current(kind: str, value: str) -> Identity | None:
    rows = Identity.objects.select_related("contact__organisation")
    return rows.filter(kind=kind, value=value, retired_at=None).first()


def _marked(kind: str, mark: str) -> Identity | None:
    rows = Identity.objects.select_related("contact__organisation")
    return rows.filter(kind=kind, mark=mark, retired_at=None).order_by("pk").first()


def _new_identity(identity: Identity, person: Person) -> Identity:
    # A handle such as @liisa@shop.example says nothing of an organisation; only a mail address does.
    contact = _new_contacts([person if identity.kind == IdentityKind.EMAIL else replace(person, address="")])[0]
    identity.contact = contact
    Identity.objects.bulk_create([identity], ignore_conflicts=True)
    found = _current(identity.kind, identity.value)
    if found is None:  # retired by another worker between the two statements: it is looked for once more by the retry
        raise Identity.DoesNotExist(identity.value)
    if found.contact_id != contact.pk:
        contact.delete()
    suppressions.heed(identities=[found])
    return found


def _note_use(identity: Identity, *, display: str, mark: str, verified: bool, at: datetime) -> None:
    """What the platform says of the account now: its name, and that it is its owner who writes."""
    changed: dict[str, object] = {}
    if display and display != identity.display:
        changed["display"] = display
    if mark and not identity.mark:
        changed["mark"] = mark
    if verified and (identity.last_verified_at is None or at - identity.last_verified_at >= PROOF_LASTS):
        changed["last_verified_at"] = at
    if verified and identity.verified_at is None:
        changed["verified_at"] = at
    if changed:
        Identity.objects.filter(pk=identity.pk).update(**changed)
        for field, value in changed.items():
            setattr(identity, field, value)


def note_alive(*, identity: Identity, at: datetime) -> None:
    """Somebody who can be believed wrote from this address: mail to it arrives again, whatever came back before."""
    if identity.undeliverable_at is not None:
        Identity.objects.filter(pk=identity.pk).update(
            undeliverable_at=None, undeliverable_reason="", last_verified_at=at
        )
        identity.undeliverable_at, identity.last_verified_at = None, at
    _note_use(identity, display="", mark="", verified=True, at=at)
