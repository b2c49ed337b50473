"""Organisations: whom people write for, by which domains one knows it, and who looks after them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from helpdesk.actions import attributes, changes
from helpdesk.models import Agent, Contact, Identity, IdentityKind, Organisation, OrganisationDomain

FIELDS = ("name", "customer_class", "account_owner", "service_policy", "notes")
#: Customers of a new domain that are looked up at once; whoever is beyond comes with their next mail.
_MOST_PEOPLE = 1_000


class DomainTaken(ValueError):
    """Another organisation has this domain; the text is the domain."""


@transaction.atomic
def save_organisation(
    *, organisation: Organisation | None, values: Mapping[str, Any], domains: Sequence[str], by: Agent, at: datetime
) -> Organisation:
    """Write an organisation, new or not. Raises DomainTaken.

    ``values`` holds FIELDS; ``domains`` are lower case and all that it has. People who have written from a new domain
    and belong nowhere belong to it from now on; so does whoever writes from it for the first time.
    """
    row = organisation or Organisation()
    before = {name: getattr(row, name) for name in FIELDS if name in values} if row.pk else {}
    known = list(row.domains.values_list("name", flat=True)) if row.pk else []
    for name in FIELDS:
        if name in values:
            setattr(row, name, values[name])
    row.save()
    _set_domains(row, domains, known, at=at)
    changed = changes.differences(before, {name: getattr(row, name) for name in FIELDS if name in values})
    details: dict[str, Any] = {name: changes.by_name(pair) for name, pair in changed.items()}
    if sorted(known) != sorted(domains):
        details["domains"] = {"from": sorted(known), "to": sorted(domains)}
    if details:
        change = "changed" if organisation else "created"
        changes.record(what="organisation", name=row.name, change=change, by=by, at=at, details=details)
    return row


def _set_domains(row: Organisation, domains: Sequence[str], known: Sequence[str], *, at: datetime) -> None:
    new = [name for name in dict.fromkeys(domains) if name not in known]
    taken = OrganisationDomain.objects.filter(name__in=new).exclude(organisation=row).first()
    if taken is not None:
        raise DomainTaken(taken.name)
    row.domains.exclude(name__in=domains).delete()
    OrganisationDomain.objects.bulk_create(OrganisationDomain(organisation=row, name=name) for name in new)
    for name in new:
        addresses = Identity.objects.filter(kind=IdentityKind.EMAIL, value__endswith=f"@{name}", retired_at=None)
        people = Contact.objects.filter(pk__in=addresses.values("contact"), organisation=None, merged_into=None)
        for contact in people[:_MOST_PEOPLE]:
            attributes.offer(contact=contact, attribute="organisation", value=str(row.pk), source="domain", at=at)
