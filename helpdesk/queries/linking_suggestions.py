"""Who may be the same person, and what speaks for it. Evidence makes suggestions; people decide (docs/adr/0022)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Count, Q

from helpdesk.models import Claim, Contact, Identity, IdentityKind, NotSame
from helpdesk.queries.linking_people import everyone_of

#: Beside a ticket; and on the page of all.
SHOWN, SHOWN_OF_ALL = 4, 50
#: So many addresses, claims and names are looked at, newest first.
LOOK_AT = 500
_PHONES = (IdentityKind.PHONE, IdentityKind.WHATSAPP)


class Ground(StrEnum):
    """What two contacts have in common, strongest first."""

    SAME_PHONE = "same-phone"
    CLAIMED = "claimed"
    BOTH_CLAIM = "both-claim"
    SAME_NAME = "same-name"


@dataclass(frozen=True, slots=True)
class Evidence:
    """``what`` is the address or name; ``by`` who proved it (an identity's kind or source) or where it was said."""

    ground: Ground
    what: str
    by: str = ""
    is_verified: bool = False
    claimant_id: int = 0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``one`` and ``other`` may be one person; the evidence is sorted, strongest first."""

    one: Contact
    other: Contact
    evidence: Sequence[Evidence]

    @property
    def is_verified(self) -> bool:
        """A platform vouches for the address that they share."""
        return any(each.is_verified for each in self.evidence)


_Pairs = dict[tuple[int, int], list[Evidence]]


def suggestions_for(contact: Contact, *, limit: int = SHOWN) -> list[Suggestion]:
    """Who may be the same person as ``contact``, best evidence first."""
    return _suggestions(_pairs(contact), first=contact.pk)[:limit]


def all_suggestions(*, limit: int = SHOWN_OF_ALL) -> list[Suggestion]:
    """The same of everybody: best evidence first, of the newest addresses, claims and names."""
    return _suggestions(_pairs(None), first=0)[:limit]


def open_claims(contact: Contact) -> list[Claim]:
    """Addresses that the contact says are theirs and that nobody has, newest first."""
    rows = Claim.objects.filter(contact=contact, outcome="").exclude(evidence="phone-field").order_by("-at")
    owned = {_key(each.kind, each.value) for each in _current(row.value for row in rows)}
    return [row for row in rows if _key(row.kind, row.value) not in owned]


def _pairs(contact: Contact | None) -> _Pairs:
    found: _Pairs = defaultdict(list)
    identities = _identities(contact)
    claims = _claims(contact, identities)
    owners: dict[tuple[str, str], list[Identity]] = defaultdict(list)
    for identity in [*identities, *_current([*(each.value for each in claims), *_numbers(identities)])]:
        key = _key(identity.kind, identity.value)
        if identity not in owners[key]:
            owners[key].append(identity)
    for key, holders in owners.items():
        for place, one in enumerate(holders):
            for other in holders[place + 1 :]:
                if one.contact_id != other.contact_id:
                    proved = next((each for each in (one, other) if each.verified_at), None)
                    by = proved.kind if proved else ""
                    _add(found, one, other, Evidence(Ground.SAME_PHONE, key[1], by, proved is not None))
    said: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    for claim in claims:
        key = _key(claim.kind, claim.value)
        for owner in owners.get(key, ()):
            _add(found, claim, owner, _claimed(claim, owner))
        if key not in owners:
            for twin in said[key]:
                ground = Ground.SAME_PHONE if claim.kind in _PHONES else Ground.BOTH_CLAIM
                _add(found, claim, twin, Evidence(ground, claim.value, claim.source))
        said[key].append(claim)
    for person, namesake in _namesakes(contact):
        pair = (min(person.pk, namesake.pk), max(person.pk, namesake.pk))
        found[pair].append(Evidence(Ground.SAME_NAME, person.name))
    return found


def _claimed(claim: Claim, owner: Identity) -> Evidence:
    """A number that somebody else has proved to be theirs is strong; an address that anybody can name is not."""
    if claim.kind in _PHONES:
        return Evidence(Ground.SAME_PHONE, claim.value, owner.kind, owner.verified_at is not None)
    return Evidence(Ground.CLAIMED, claim.value, claim.source, claimant_id=claim.contact_id)


def _identities(contact: Contact | None) -> list[Identity]:
    rows = Identity.objects.filter(retired_at=None)
    if contact is not None:
        return list(rows.filter(contact=contact))
    shared = rows.filter(kind__in=_PHONES).values("value").annotate(held=Count("pk")).filter(held__gt=1)
    return list(rows.filter(kind__in=_PHONES, value__in=[each["value"] for each in shared[:LOOK_AT]]))


def _claims(contact: Contact | None, identities: Iterable[Identity]) -> list[Claim]:
    rows = Claim.objects.filter(outcome="")
    if contact is None:
        return list(rows.order_by("-pk")[:LOOK_AT])
    mine = list(rows.filter(contact=contact))
    values = {each.value for each in identities} | {each.value for each in mine}
    others = rows.filter(kind__in=IdentityKind.values, value__in=values).exclude(contact=contact)
    return mine + list(others[:LOOK_AT])


def _current(values: Iterable[str]) -> list[Identity]:
    # With the kinds named, the index of the unique key serves.
    return list(Identity.objects.filter(kind__in=IdentityKind.values, value__in=set(values), retired_at=None))


def _numbers(identities: Iterable[Identity]) -> list[str]:
    return [each.value for each in identities if each.kind in _PHONES]


def _key(kind: str, value: str) -> tuple[str, str]:
    return ("phone" if kind in _PHONES else kind), value


def _add(found: _Pairs, one: Claim | Identity, other: Claim | Identity, evidence: Evidence) -> None:
    if one.contact_id != other.contact_id:
        pair = (min(one.contact_id, other.contact_id), max(one.contact_id, other.contact_id))
        if all((each.ground, each.what) != (evidence.ground, evidence.what) for each in found[pair]):
            found[pair].append(evidence)


def _namesakes(contact: Contact | None) -> Iterable[tuple[Contact, Contact]]:
    """People of one full name, of whom one at least has an address of another kind: two mail addresses say little."""
    rows = Contact.objects.filter(merged_into=None, name__contains=" ")
    if contact is not None:
        if " " not in contact.name:
            return []
        namesakes = Contact.objects.filter(name=contact.name).exclude(pk=contact.pk)[:LOOK_AT]
        return [(contact, each) for each in namesakes if each.merged_into_id is None][:SHOWN]
    shared = rows.values("name").annotate(held=Count("pk")).filter(held__gt=1, held__lt=6).order_by("name")[:LOOK_AT]
    same: dict[str, list[Contact]] = defaultdict(list)
    for each in rows.filter(name__in=[row["name"] for row in shared]).order_by("pk"):
        same[each.name].append(each)
    return [(people[0], other) for people in same.values() for other in people[1:]]


def _suggestions(pairs: _Pairs, *, first: int) -> list[Suggestion]:
    """Of pairs that stand for two people still, without those that somebody has looked at and kept apart."""
    ids = {number for pair in pairs for number in pair}
    people = {each.pk: each for each in Contact.objects.filter(pk__in=ids, merged_into=None)}
    apart = _kept_apart(first)
    found = []
    for (low, high), evidence in pairs.items():
        if low not in people or high not in people or (low, high) in apart:
            continue
        if first not in {0, low, high}:
            continue
        one, other = (high, low) if high == first else (low, high)
        found.append(Suggestion(people[one], people[other], sorted(evidence, key=_weight)))
    return sorted(found, key=lambda each: (_weight(each.evidence[0]), each.other.pk))


def _weight(evidence: Evidence) -> tuple[bool, int]:
    return not evidence.is_verified, list(Ground).index(evidence.ground)


def _kept_apart(contact_id: int) -> set[tuple[int, int]]:
    """Pairs that somebody has kept apart, as they are now: said of a merged contact, it is said of the person.

    With ``contact_id`` (else 0) those of one person.
    """
    rows = NotSame.objects.select_related("one", "other")
    if contact_id:
        everyone = everyone_of(contact_id)
        rows = rows.filter(Q(one__in=everyone) | Q(other__in=everyone))
    pairs = ((_person(row.one), _person(row.other)) for row in rows)
    return {(min(one, other), max(one, other)) for one, other in pairs}


def _person(contact: Contact) -> int:
    while contact.merged_into is not None:
        contact = contact.merged_into
    return contact.pk
