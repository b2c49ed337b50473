"""Reads of customers' addresses."""

from collections.abc import Collection, Iterable, Sequence

from django.db.models import F

from helpdesk.models import Contact, Identity, Ticket


def comes_back(*, addresses: Collection[str], known: Iterable[Identity] = ()) -> Sequence[Identity]:
    """Those of ``addresses`` (lower case) that our mail comes back from; ``known`` ones need not be looked up."""
    loaded = {each.value: each for each in known}
    found = [each for value, each in loaded.items() if value in addresses and each.undeliverable_at is not None]
    if others := set(addresses) - loaded.keys() - {""}:
        found += Identity.objects.mail(others).filter(undeliverable_at__isnull=False)
    return sorted(found, key=lambda each: each.value)


def is_named(*, kind: str, value: str) -> bool:
    """Whether somebody with a name has this address."""
    rows = Identity.objects.filter(kind=kind, value=value.strip().lower(), retired_at=None)
    return rows.exclude(contact__name="").exists()


def identity_in(ticket: Ticket, *, identity_id: int) -> Identity:
    """An address that takes part in ``ticket`` or belongs to its customer; raises Identity.DoesNotExist."""
    rows = Identity.objects.filter(pk=identity_id)
    mine = rows.filter(contact_id=ticket.contact_id) if ticket.contact_id else rows.none()
    return (mine | rows.filter(participations__ticket=ticket)).distinct().get()


def mail_addresses(contact: Contact | None) -> list[str]:
    """The mail addresses of a customer, the newest proof first."""
    if contact is None:
        return []
    rows = contact.identities.filter(kind=Identity.Kind.EMAIL, retired_at=None, undeliverable_at=None)
    return list(rows.order_by(F("last_verified_at").desc(nulls_last=True), "id").values_list("value", flat=True))
