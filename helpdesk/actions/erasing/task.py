"""Whom an erasure is about, and what it has met so far: sealed in the erasure's row until the last step."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from helpdesk.actions.contacts import BadAddress, address_of
from helpdesk.models import (
    Claim,
    Contact,
    ContactValue,
    Erasure,
    Identity,
    IdentityKind,
    Merge,
    Message,
    Ticket,
    Visitor,
)
from helpdesk.signs import LEAST_DIGITS, Signs, usable_names, usable_phones
from helpdesk.text import counted_as

_PHONES = (IdentityKind.PHONE, IdentityKind.WHATSAPP)


@dataclass(slots=True)
class Task:
    """One person: the numbers of their rows, their signs, and the files that came to light."""

    contacts: list[int]
    signs: Signs
    #: Tickets that were the person's alone.
    tickets: set[int] = field(default_factory=set)
    #: Files that the person sent: they go wherever they were passed on to.
    files: set[str] = field(default_factory=set)
    #: Files that nothing of the person's needs any more.
    old_blobs: set[str] = field(default_factory=set)
    #: Mails of ours whose copies in the folder for outgoing mail go.
    deliveries: set[int] = field(default_factory=set)
    #: Tickets of others in which the person's words may be quoted, with the first message that can do so.
    quoted_in: dict[int, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, number: int = 1) -> None:
        """Another one for the report."""
        self.counts[name] = self.counts.get(name, 0) + number

    def quoted_from(self, ticket_id: int, message_id: int) -> None:
        """From that message on, words of the person may stand in the ticket."""
        self.quoted_in[ticket_id] = min(message_id, self.quoted_in.get(ticket_id, message_id))

    def as_text(self) -> str:
        """For the sealed column."""
        return json.dumps(
            {
                "contacts": self.contacts,
                "signs": self.signs.as_json(),
                "tickets": sorted(self.tickets),
                "files": sorted(self.files),
                "old_blobs": sorted(self.old_blobs),
                "deliveries": sorted(self.deliveries),
                "quoted_in": list(self.quoted_in.items()),
                "counts": self.counts,
            }
        )

    @classmethod
    def of(cls, erasure: Erasure) -> "Task":
        """What `as_text` wrote."""
        data = json.loads(erasure.signs)
        return cls(
            contacts=data["contacts"],
            signs=Signs.from_json(data["signs"]),
            tickets=set(data["tickets"]),
            files=set(data["files"]),
            old_blobs=set(data["old_blobs"]),
            deliveries=set(data["deliveries"]),
            quoted_in=dict(data["quoted_in"]),
            counts=data["counts"],
        )

    def save(self, erasure: Erasure, *, step: str | None = None) -> None:
        """Write down how far it is, in the caller's transaction."""
        erasure.signs = self.as_text()
        if step is not None:
            erasure.step = step
        erasure.save(update_fields=["signs", "step"])


def contacts_of(contact: Contact) -> list[int]:
    """The contact and everybody who was merged into it, over any number of merges."""
    found, open_ = [contact.pk], [contact.pk]
    while open_:
        rows = Merge.objects.filter(kept__in=open_, undone_at=None).exclude(folded__in=found)
        open_ = list(rows.values_list("folded_id", flat=True))
        found += open_
    return found


def identities_of(contacts: Iterable[int]) -> list[Identity]:
    """Every address that is or was theirs."""
    return list(Identity.objects.filter(contact__in=list(contacts)).order_by("pk"))


def signs_of(contacts: list[int], *, mark: str, names: Iterable[str]) -> Signs:
    """Their addresses and numbers as the desk has them, and the ``names`` that somebody chose.

    What is another's address now is none of them: what somebody claims may be another's, what they had may be given
    away, and the data of whoever has it stays as it is.
    """
    identities = identities_of(contacts)
    said = {each for identity in identities for each in (identity.value, identity.display, identity.mark)}
    for row in Visitor.objects.filter(contact__in=contacts):
        said |= {row.claimed_address, row.verified_address, row.subject}
    own = Message.objects.filter(contact__in=contacts, kind=Message.Kind.CUSTOMER, is_third_party=False)
    said |= set(own.order_by().values_list("sender_address", flat=True).distinct())
    claims = Claim.objects.filter(contact__in=contacts).exclude(outcome=Claim.Outcome.DISMISSED)
    said |= set(claims.values_list("value", flat=True))
    addresses = _of_nobody_else(said, contacts)
    mails = [each for each in addresses if "@" in each.strip("@")]
    # A number with its country code is looked for as a phone: in any spelling.
    handles = [each for each in addresses if "@" not in each.strip("@") and each[0] != "+" and _is_telling(each)]
    return Signs(
        mark=mark,
        addresses=tuple(dict.fromkeys([*mails, *map(counted_as, mails), *handles])),
        names=usable_names(names),
        phones=usable_phones(_of_nobody_else(_numbers_of(contacts, identities), contacts)),
    )


def _numbers_of(contacts: list[int], identities: Iterable[Identity]) -> Iterator[str]:
    """Phone numbers as they are compared, whichever source names them; what is none is looked for as it is written."""
    written = [each.value for each in identities if each.kind in _PHONES]
    written += Claim.objects.filter(contact__in=contacts, kind__in=_PHONES).values_list("value", flat=True)
    written += Contact.objects.filter(pk__in=contacts).exclude(phone="").values_list("phone", flat=True)
    written += ContactValue.objects.filter(contact__in=contacts, attribute="phone").values_list("value", flat=True)
    for each in written:
        try:
            yield address_of(kind=IdentityKind.PHONE, value=each)
        except BadAddress:
            yield each


def names_of(contacts: list[int]) -> list[str]:
    """What they are called, longest first: somebody chooses by which of them others' data is searched."""
    rows = [
        *Contact.objects.filter(pk__in=contacts).values_list("name", flat=True),
        *Visitor.objects.filter(contact__in=contacts).values_list("claimed_name", flat=True),
        *Message.objects.filter(contact__in=contacts, kind=Message.Kind.CUSTOMER)
        .order_by()
        .values_list("sender_name", flat=True)
        .distinct(),
    ]
    return sorted(usable_names(rows), key=lambda name: (-len(name), name))


def is_shared(ticket: Ticket, contacts: list[int]) -> bool:
    """Whether another customer has written in the ticket: then it goes on as theirs."""
    others = ticket.messages.filter(kind=Message.Kind.CUSTOMER, contact__isnull=False, is_third_party=False)
    return others.exclude(contact__in=contacts).exists()


def _of_nobody_else(addresses: Iterable[str], contacts: list[int]) -> list[str]:
    said = {each.lower() for each in addresses} - {""}
    others = Identity.objects.filter(value__in=said, retired_at=None).exclude(contact__in=contacts)
    return sorted(said - set(others.values_list("value", flat=True)))


def _is_telling(handle: str) -> bool:
    """A short number or word stands in too many other places to be looked for."""
    digits = handle.removeprefix("+").isdecimal()
    return len(handle) >= (LEAST_DIGITS if digits else 5)
