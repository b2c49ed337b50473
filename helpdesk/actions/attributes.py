"""What is known of a contact, by source: each has a rank for each attribute, and a lower one never overwrites a higher.

The contact's own fields hold what won. Everything else that was said stays as a suggestion (docs/adr/0022).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from helpdesk.actions.contacts import BadAddress, address_of
from helpdesk.actions.indexing import index_contacts
from helpdesk.actions.journal import record
from helpdesk.models import Agent, Claim, Contact, ContactValue, Entry, IdentityKind, SourceRank
from helpdesk.queries.linking_people import everyone_of, root_of

#: How much a source counts where an admin has said nothing else; ``record:shop`` is of the family ``record``.
RANKS = {"agent": 100, "record": 70, "site": 60, "import": 50, "before": 40, "claim": 10}
#: Mail, and every platform whose people name themselves.
OTHER_RANK = 30
#: Whoever wrote into the field itself: it may have been a colleague, so that what customers say of themselves is less.
BEFORE = "before"

_NOT_SAID = {"id", "merged_into", "created_at"}
#: The fields of a contact that sources speak of.
_FIELDS = {field.name: field for field in Contact._meta.concrete_fields if field.name not in _NOT_SAID}
FIELDS = tuple(_FIELDS)


def rank_of(*, source: str, attribute: str) -> int:
    """How much ``source`` counts for ``attribute``: an admin's word on both, on the source, else the table."""
    family = source.partition(":")[0]
    said = {
        (row.attribute, row.source): row.rank
        for row in SourceRank.objects.filter(attribute__in=["", attribute], source__in=[source, family])
    }
    places = ((attribute, source), (attribute, family), ("", source), ("", family))
    return next((said[place] for place in places if place in said), RANKS.get(family, OTHER_RANK))


def best(values: Iterable[ContactValue], *, own: int) -> ContactValue | None:
    """The value that counts: highest rank, then proved, then said of this contact (``own``: its id), then newest."""

    def weight(each: ContactValue) -> tuple[int, bool, bool, datetime, int]:
        return each.rank, each.verified_at is not None, each.contact_id == own, each.at, each.pk

    return max(values, key=weight, default=None)


@transaction.atomic
def offer(
    *,
    contact: Contact,
    attribute: str,
    value: str,
    source: str,
    at: datetime | None = None,
    is_verified: bool = False,
    by: Agent | None = None,
) -> bool:
    """``source`` says that ``attribute`` is ``value``. True if that is what counts now; else it is a suggestion.

    ``attribute`` is one of FIELDS (an organisation is said by its id) or a word of the desk's own. '' from an agent
    says that there is none; from anybody else it says nothing. An older word than the source's last changes nothing.
    """
    at = at or timezone.now()
    value = _fitting(attribute, value) if attribute in FIELDS else value
    if not value and source != "agent":
        return False
    contact = _held(root_of(contact))
    note_direct(contact)
    kept = ContactValue.objects.filter(contact=contact, attribute=attribute, source=source).first()
    if kept is not None and kept.at > at:
        return False
    ContactValue.objects.update_or_create(
        contact=contact,
        attribute=attribute,
        source=source,
        defaults={
            "value": value,
            "rank": rank_of(source=source, attribute=attribute),
            "verified_at": at if is_verified else None,
            "author": by,
            "at": at,
            "dismissed_at": None,
        },
    )
    if attribute == "phone" and value:
        claim_phone(contact=contact, value=value, source=source, at=at)
    changed = settle(contact, attributes=[attribute])
    if changed and by is not None:
        data = {"attribute": attribute, "from": changed[0][1], "to": changed[0][2]}
        record(kind=Entry.Kind.PERSON_CHANGED, contact=contact, by=by, data=data, at=at)
    won = best(_values(contact, [attribute]), own=contact.pk)
    return won is not None and won.source == source and won.contact_id == contact.pk


def claim_phone(*, contact: Contact, value: str, source: str, at: datetime) -> None:
    """A number that is said of a contact helps to find who else has it; it is no address of theirs by that."""
    try:
        number = address_of(kind=IdentityKind.PHONE, value=value)
    except BadAddress:
        return
    defaults = {"source": source, "evidence": "phone-field", "at": at}
    Claim.objects.get_or_create(contact=contact, kind=IdentityKind.PHONE, value=number, defaults=defaults)


def dismiss(*, value: ContactValue, by: Agent, at: datetime | None = None) -> None:
    """Nobody wants to see this suggestion again; the same source may say something new."""
    at = at or timezone.now()
    if ContactValue.objects.filter(pk=value.pk, dismissed_at=None).update(dismissed_at=at):
        data = {"attribute": value.attribute, "dismissed": value.value}
        record(kind=Entry.Kind.PERSON_CHANGED, contact=value.contact, by=by, data=data, at=at)


@transaction.atomic
def set_rank(*, source: str, attribute: str, rank: int | None, by: Agent, at: datetime | None = None) -> None:
    """An admin says how much a source counts (None: as the table says); what is known is weighed anew."""
    at = at or timezone.now()
    if rank is None:
        SourceRank.objects.filter(source=source, attribute=attribute).delete()
    else:
        SourceRank.objects.update_or_create(source=source, attribute=attribute, defaults={"rank": rank})
    rows = ContactValue.objects.filter(Q(source=source) | Q(source__startswith=f"{source}:"))
    touched = rows.filter(attribute=attribute) if attribute else rows
    for said_by, name in touched.values_list("source", "attribute").distinct():
        touched.filter(source=said_by, attribute=name).update(rank=rank_of(source=said_by, attribute=name))
    for contact in Contact.objects.filter(pk__in=touched.values("contact"), merged_into=None).iterator():
        note_direct(contact)
        settle(contact)
    data = {"what": "source-rank", "name": f"{source} · {attribute}" if attribute else source, "to": rank}
    record(kind=Entry.Kind.SETTINGS_CHANGED, by=by, data=data, at=at)


def note_direct(contact: Contact) -> None:
    """What stands in a field and nobody is known to have said is written down as said before."""
    said = {(each.attribute, each.value) for each in _values(contact, FIELDS)}
    for attribute in FIELDS:
        value = stored(contact, attribute)
        if value and (attribute, value) not in said:
            ContactValue.objects.update_or_create(
                contact=contact,
                attribute=attribute,
                source=BEFORE,
                defaults={
                    "value": value,
                    "rank": rank_of(source=BEFORE, attribute=attribute),
                    "at": contact.created_at,
                },
            )


def settle(contact: Contact, *, attributes: Sequence[str] = FIELDS) -> list[tuple[str, str, str]]:
    """Write what counts into the contact's fields; returns (attribute, before, after) of those that changed."""
    values: dict[str, list[ContactValue]] = {}
    for each in _values(contact, attributes):
        values.setdefault(each.attribute, []).append(each)
    changed = []
    for attribute in attributes:
        if attribute not in FIELDS:
            continue
        won, before = best(values.get(attribute, ()), own=contact.pk), stored(contact, attribute)
        after = _fitting(attribute, won.value if won else "")
        if after != before:
            setattr(contact, _column(attribute), _for_column(attribute, after))
            changed.append((attribute, before, after))
    if changed:
        contact.save(update_fields=[_column(attribute) for attribute, _before, _after in changed])
    if any(attribute == "name" for attribute, _before, _after in changed):
        index_contacts([contact.pk])
    return changed


def stored(contact: Contact, attribute: str) -> str:
    """What the contact's field holds, as a source would say it."""
    value = getattr(contact, _column(attribute))
    return "" if value is None else str(value)


def _held(contact: Contact) -> Contact:
    return Contact.objects.select_for_update().get(pk=contact.pk)


def _values(contact: Contact, attributes: Iterable[str]) -> list[ContactValue]:
    rows = ContactValue.objects.filter(contact__in=everyone_of(contact.pk), attribute__in=list(attributes))
    return list(rows.order_by("pk"))


def _column(attribute: str) -> str:
    return _field(attribute).attname


def _for_column(attribute: str, value: str) -> object:
    return (int(value) if value else None) if isinstance(_field(attribute), models.ForeignKey) else value


def _fitting(attribute: str, value: str) -> str:
    """``value`` as the field can hold it: cut to its length; nothing where it names a row that is gone."""
    field = _field(attribute)
    if isinstance(field, models.ForeignKey):
        rows = field.related_model._base_manager.all()
        return value if value.isdecimal() and rows.filter(pk=int(value)).exists() else ""
    return value[: field.max_length] if field.max_length else value


def _field(attribute: str) -> "models.Field[Any, Any]":
    return _FIELDS[attribute]
