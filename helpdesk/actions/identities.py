"""Whose an address is: linked by hand, claimed, taken away again, or gone to somebody else (docs/adr/0022)."""

import re
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.actions import suppressions
from helpdesk.actions.contacts import BadAddress, address_of, retire
from helpdesk.actions.indexing import index_contacts
from helpdesk.actions.journal import record
from helpdesk.actions.merging import Moved, forget, move
from helpdesk.models import Agent, Claim, Contact, Entry, Identity, IdentityKind, Mailbox, Message, NotSame
from helpdesk.queries.linking_people import IDENTITIES, came_by, everyone_of, moving_links, root_of

#: Of one text; more is a list of addresses, not what somebody says of themselves.
MAX_CLAIMS = 3
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w+])(?:\+|00)[1-9][\d ()-]{6,20}\d")


class Taken(Exception):
    """The address is another customer's: two people may claim it, one has it."""

    def __init__(self, identity: Identity) -> None:
        super().__init__(str(identity))
        self.identity = identity


class CannotUntie(ValueError):
    """The address can't be taken away; the text says why."""


@transaction.atomic
def link(
    *, contact: Contact, kind: str, value: str, by: Agent, evidence: str = "", at: datetime | None = None
) -> Identity:
    """An agent says that the address is the contact's. Raises BadAddress, and Taken if somebody else has it."""
    at = at or timezone.now()
    contact, written, value = root_of(contact), value.strip(), address_of(kind=kind, value=value)
    Identity.objects.bulk_create(
        [
            Identity(
                contact=contact,
                kind=kind,
                value=value,
                display=written if kind == IdentityKind.PHONE and written != value else "",
                source="agent",
                evidence=evidence[:200] or "said-by-agent",
                author=by,
                linked_at=at,
            )
        ],
        ignore_conflicts=True,
    )
    identity = Identity.objects.select_related("contact").get(kind=kind, value=value, retired_at=None)
    if identity.contact_id != contact.pk:
        raise Taken(identity)
    suppressions.heed(identities=[identity])
    Claim.objects.filter(contact=contact, kind=kind, value=value, outcome="").update(
        outcome=Claim.Outcome.LINKED, settled_at=at, settled_by=by
    )
    record(kind=Entry.Kind.PERSON_CHANGED, contact=contact, by=by, data={"linked": str(identity)}, at=at)
    return identity


@transaction.atomic
def untie(*, identity: Identity, by: Agent, at: datetime | None = None) -> Contact:
    """The address was never theirs: it gets a contact of its own, with all that came by it. Raises CannotUntie."""
    at = at or timezone.now()
    owner = Contact.objects.select_for_update().get(pk=identity.contact_id)
    if not owner.identities.exclude(pk=identity.pk).exists():
        raise CannotUntie(_("It is the only address of this customer."))
    said = Message.objects.filter(contact=owner, sender_address=identity.value).exclude(sender_name="")
    name = said.order_by("-pk").values_list("sender_name", flat=True).first() or identity.display
    apart = Contact.objects.create(name=name[:160])
    gone = Moved({IDENTITIES: [identity.pk]})
    for each in moving_links():
        rows = Identity.objects.filter(pk=identity.pk) if each.model is Identity else each.of(owner.pk)
        if each.model is not Identity:
            rows = came_by(each, rows, gone=gone.ids, contact_id=owner.pk)
        if moved := move(each, rows, to=apart.pk):
            gone.ids[each.label] = moved
    Identity.objects.filter(pk=identity.pk).update(author=by, linked_at=at)
    forget(everyone_of(owner.pk), gone)
    index_contacts([apart.pk])
    data = {"untied": str(identity), "from": str(owner)}
    for contact in (owner, apart):
        record(kind=Entry.Kind.PERSON_CHANGED, contact=contact, by=by, data=data, at=at)
    return apart


@transaction.atomic
def give_up(*, identity: Identity, by: Agent, at: datetime | None = None) -> None:
    """The address is somebody else's now: who writes from it next is a new customer."""
    at = at or timezone.now()
    if identity.retired_at is None:
        retire(identity=identity, at=at)
        data = {"retired": str(identity)}
        record(kind=Entry.Kind.PERSON_CHANGED, contact=identity.contact, by=by, data=data, at=at)


def claim(*, contact: Contact, kind: str, value: str, source: str, evidence: str, at: datetime) -> Claim | None:
    """Somebody says that an address is theirs: written down, and proof of nothing. None where it says nothing new."""
    try:
        value = address_of(kind=kind, value=value)
    except BadAddress:
        return None
    if Identity.objects.filter(contact=contact, kind=kind, value=value, retired_at=None).exists():
        return None
    found, is_new = Claim.objects.get_or_create(
        contact=contact,
        kind=kind,
        value=value,
        defaults={"source": source, "evidence": evidence[:200], "at": at},
    )
    return found if is_new else None


def note_claims(*, contact: Contact, text: str, source: str, at: datetime) -> list[Claim]:
    """Mail addresses and phone numbers that somebody writes of themselves ("write to me at ..."), as claims."""
    named = [(IdentityKind.EMAIL, each) for each in _MAIL.findall(text)]
    named += [(IdentityKind.PHONE, each) for each in _PHONE.findall(text)]
    if not named or len(named) > MAX_CLAIMS:
        return []
    ours = set(Mailbox.objects.values_list("address", flat=True))
    named = [(kind, value) for kind, value in named if value.lower() not in ours]
    made = (
        claim(contact=contact, kind=kind, value=value, source=source, evidence="wrote-it", at=at)
        for kind, value in named
    )
    return [each for each in made if each is not None]


@transaction.atomic
def dismiss(*, claim: Claim, by: Agent, at: datetime | None = None) -> None:
    """It isn't theirs, whatever they say."""
    at = at or timezone.now()
    if Claim.objects.filter(pk=claim.pk, outcome="").update(
        outcome=Claim.Outcome.DISMISSED, settled_at=at, settled_by=by
    ):
        data = {"not_theirs": claim.value}
        record(kind=Entry.Kind.PERSON_CHANGED, contact=claim.contact, by=by, data=data, at=at)


@transaction.atomic
def keep_apart(*, one: Contact, other: Contact, by: Agent, at: datetime | None = None) -> None:
    """Somebody has looked: they are two people. They are suggested no more."""
    at = at or timezone.now()
    low, high = sorted((root_of(one), root_of(other)), key=lambda each: each.pk)
    _row, is_new = NotSame.objects.get_or_create(one=low, other=high, defaults={"by": by, "at": at})
    if is_new:
        data = {"apart": str(high), "from": str(low)}
        record(kind=Entry.Kind.PERSON_CHANGED, contact=low, by=by, data=data, at=at)
