"""What customers allow: how each purpose stands, and which recipients must not be written to."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet

from helpdesk.models import Channel, Consent, Contact, Merge, Participant
from helpdesk.models.consent import ALLOWED_UNLESS_REFUSED, Purpose

CONSENTS = "helpdesk.Consent.contact"


@dataclass(frozen=True, slots=True)
class Word:
    """What a customer has said of one purpose; ``channel_kind`` '' is said of all kinds."""

    id: int
    channel_kind: str
    is_allowed: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How one purpose stands by one kind of channel, and the word that decides; None: nobody has said anything."""

    purpose: Purpose
    channel_kind: str
    is_allowed: bool
    consent: Consent | None

    @property
    def kind_label(self) -> str:
        """The kind of channel in words."""
        return str(Channel.Kind(self.channel_kind).label)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One purpose, with all kinds of channel for which it stands in the same way; ``is_everywhere``: these are all."""

    purpose: Purpose
    standing: Sequence[Standing]
    is_everywhere: bool

    @property
    def is_allowed(self) -> bool:
        return self.standing[0].is_allowed

    @property
    def consent(self) -> Consent | None:
        """The word that decides; None: nobody has said anything."""
        return self.standing[0].consent


def verdicts(standing: Iterable[Standing]) -> Sequence[Verdict]:
    """What is so for several kinds for the same reason is told once; purposes stay in their order."""
    found: dict[Purpose, dict[tuple[bool, int | None], list[Standing]]] = {}
    for each in standing:
        reason = (each.is_allowed, each.consent.pk if each.consent else None)
        found.setdefault(each.purpose, {}).setdefault(reason, []).append(each)
    return [
        Verdict(purpose, rows, is_everywhere=len(reasons) == 1 and not _is_of_one_kind(rows[0].consent))
        for purpose, reasons in found.items()
        for rows in reasons.values()
    ]


def _is_of_one_kind(consent: Consent | None) -> bool:
    return consent is not None and bool(consent.channel_kind)


def is_allowed(words: Iterable[Word], *, purpose: str, channel_kind: str) -> tuple[bool, Word | None]:
    """Whether a purpose may be served by a kind of channel, and which word decides.

    What was said of this very kind is stronger than what was said of all: a ban on it stays until it is lifted for it.
    A ban on all kinds ends what was allowed before it, and leaves what is allowed after it.
    """
    special = general = None
    for word in sorted(words, key=lambda each: each.id):
        if word.channel_kind == "":
            general = word
        elif word.channel_kind == channel_kind:
            special = word
    if special is not None and not special.is_allowed:
        return False, special
    if general is not None and not general.is_allowed and (special is None or special.id < general.id):
        return False, general
    granted = special or general
    return (True, granted) if granted is not None else (purpose in ALLOWED_UNLESS_REFUSED, None)


@dataclass(frozen=True, slots=True)
class Union:
    """A merge that stands: words of ``moved`` were said of ``folded``, later ones than ``newest`` of both."""

    kept: int
    folded: int
    newest: int
    moved: frozenset[int]


def unions_into(contacts: Iterable[int]) -> list[Union]:
    """The merges that stand behind these contacts, over any number of steps, the first of them first."""
    found: list[Union] = []
    open_ = set(contacts)
    while open_:
        rows = Merge.objects.filter(kept__in=open_, undone_at=None).order_by("pk")
        new = [
            Union(row.kept_id, row.folded_id, row.newest.get(CONSENTS, 0), frozenset(row.moved.get(CONSENTS, ())))
            for row in rows
        ]
        found = [*new, *found]
        open_ = {each.folded for each in new}
    return found


def strictest(
    words: Sequence[Word], *, contact_id: int, unions: Sequence[Union], purpose: str, channel_kind: str
) -> tuple[bool, Word | None]:
    """As `is_allowed`, for a contact that others were merged into: each of them is asked by what was said of them.

    What was said before a merge counts for whom it was said of, what was said since for all; one refusal is enough.
    Whoever has said nothing has no part in it.
    """
    verdicts = [
        is_allowed(said, purpose=purpose, channel_kind=channel_kind) for said in _by_person(words, contact_id, unions)
    ]
    said = sorted((each for each in verdicts if each[1] is not None), key=lambda each: each[0])
    return said[0] if said else is_allowed((), purpose=purpose, channel_kind=channel_kind)


def _by_person(words: Sequence[Word], contact_id: int, unions: Sequence[Union]) -> list[list[Word]]:
    first_said_of: dict[int, int] = {}
    for each in unions:  # the innermost first: there the word was said
        for number in each.moved:
            first_said_of.setdefault(number, each.folded)
    above = {each.folded: each for each in unions}
    found = []
    for person in (contact_id, *above):
        counted = [word for word in words if first_said_of.get(word.id, contact_id) == person]
        at = person
        while (union := above.get(at)) is not None:
            at = union.kept
            since = (word for word in words if first_said_of.get(word.id, contact_id) == at)
            counted += [word for word in since if word.id > union.newest]
        found.append(counted)
    return found


def refusing(wanted: Collection[tuple[str, str]], *, channel_kind: str) -> set[tuple[str, str]]:
    """Those of ``(address in lower case, purpose)`` that must not be served by this kind of channel. One query."""
    if not wanted:
        return set()
    rows = Consent.objects.filter(
        purpose__in={purpose for _address, purpose in wanted},
        channel_kind__in=("", channel_kind),
        contact__identities__value__in={address for address, _purpose in wanted},
        contact__identities__retired_at=None,
    )
    merges = Merge.objects.filter(kept=OuterRef("contact"), undone_at=None)
    found = rows.annotate(address=F("contact__identities__value"), is_merged=Exists(merges))
    said: dict[tuple[str, str], dict[int, list[Word]]] = {}
    merged = set()
    columns = ("address", "purpose", "contact", "is_merged", "id", "channel_kind", "is_allowed")
    for address, purpose, contact, is_merged, number, kind, allowed in found.values_list(*columns):
        said.setdefault((address, purpose), {}).setdefault(contact, []).append(Word(number, kind, allowed))
        merged |= {contact} if is_merged else set()
    unions = unions_into(merged)
    return {
        (address, purpose)
        for address, purpose in wanted
        if not all(
            strictest(words, contact_id=contact, unions=unions, purpose=purpose, channel_kind=channel_kind)[0]
            for contact, words in said.get((address, purpose), {0: []}).items()
        )
    }


def may_refuse(participants: QuerySet[Participant]) -> QuerySet[Any]:
    """With ``may_refuse``: whether the person behind the address has ever refused answers. Most have not."""
    words = Consent.objects.filter(contact=OuterRef("identity__contact"), purpose=Purpose.SERVICE, is_allowed=False)
    return participants.annotate(may_refuse=Exists(words))


def service_refused_by(addresses: Iterable[str], *, channel_kind: str) -> list[str]:
    """Those of these addresses that take no answers by this kind of channel. One query, none for no address."""
    wanted = {(address.lower(), str(Purpose.SERVICE)) for address in addresses if address}
    return sorted(address for address, _purpose in refusing(wanted, channel_kind=channel_kind))


def refusals_of(contacts: Sequence[int]) -> list[Consent]:
    """The words by which these contacts, together one person, refuse something: of one kind of channel or of all."""
    rows = {each.pk: each for each in Consent.objects.filter(contact__in=contacts)}
    unions, found = unions_into(contacts), {}
    for purpose in Purpose:
        words = [Word(each.pk, each.channel_kind, each.is_allowed) for each in rows.values() if each.purpose == purpose]
        for kind in {word.channel_kind for word in words}:
            said = {"purpose": purpose, "channel_kind": kind}
            is_fine, word = strictest(words, contact_id=contacts[0], unions=unions, **said)
            if not is_fine and word is not None:
                found[(purpose, word.channel_kind)] = rows[word.id]
    return list(found.values())


def standing_of(contact: Contact) -> Sequence[Standing]:
    """Every purpose by every kind of channel that the desk has or something was said of."""
    consents = {each.pk: each for each in _of(contact)}
    kinds = sorted(
        {*Channel.objects.values_list("kind", flat=True), *(each.channel_kind for each in consents.values())}
    )
    unions, standing = unions_into([contact.pk]) if consents else [], []
    for purpose in Purpose:
        words = [
            Word(each.pk, each.channel_kind, each.is_allowed) for each in consents.values() if each.purpose == purpose
        ]
        for kind in filter(None, kinds):
            allowed, word = strictest(words, contact_id=contact.pk, unions=unions, purpose=purpose, channel_kind=kind)
            standing.append(Standing(purpose, kind, allowed, consents[word.id] if word else None))
    return standing


def history_of(contact: Contact) -> Sequence[Consent]:
    """Everything that was said, newest first."""
    return list(_of(contact).order_by("-id"))


def _of(contact: Contact) -> QuerySet[Consent]:
    return contact.consents.select_related("author", "message__ticket")
