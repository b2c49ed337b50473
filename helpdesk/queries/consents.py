"""What customers allow: how each purpose stands, and which recipients must not be written to."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db.models import F, QuerySet

from helpdesk.models import Channel, Consent, Contact
from helpdesk.models.consent import ALLOWED_UNLESS_REFUSED, Purpose


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
        Verdict(purpose, rows, is_everywhere=len(reasons) == 1)
        for purpose, reasons in found.items()
        for rows in reasons.values()
    ]


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
    said: dict[tuple[str, str], list[Word]] = {}
    found = rows.annotate(address=F("contact__identities__value"))
    columns = ("address", "purpose", "id", "channel_kind", "is_allowed")
    for address, purpose, number, kind, allowed in found.values_list(*columns):
        said.setdefault((address, purpose), []).append(Word(number, kind, allowed))
    return {
        pair for pair in wanted if not is_allowed(said.get(pair, ()), purpose=pair[1], channel_kind=channel_kind)[0]
    }


def standing_of(contact: Contact) -> Sequence[Standing]:
    """Every purpose by every kind of channel that the desk has or something was said of."""
    consents = {each.pk: each for each in _of(contact)}
    kinds = sorted(
        {*Channel.objects.values_list("kind", flat=True), *(each.channel_kind for each in consents.values())}
    )
    standing = []
    for purpose in Purpose:
        words = [
            Word(each.pk, each.channel_kind, each.is_allowed) for each in consents.values() if each.purpose == purpose
        ]
        for kind in filter(None, kinds):
            allowed, word = is_allowed(words, purpose=purpose, channel_kind=kind)
            standing.append(Standing(purpose, kind, allowed, consents[word.id] if word else None))
    return standing


def history_of(contact: Contact) -> Sequence[Consent]:
    """Everything that was said, newest first."""
    return list(_of(contact).order_by("-id"))


def _of(contact: Contact) -> QuerySet[Consent]:
    return contact.consents.select_related("author", "message__ticket")
