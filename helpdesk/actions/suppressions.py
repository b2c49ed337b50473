"""Refusals and bans that outlive the person (docs/adr/0030): keyed hashes, heeded when the address comes back."""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

from helpdesk import keys
from helpdesk.actions import consents
from helpdesk.actions.consents import Said
from helpdesk.models import ConsentSource, Identity, LegalBasis, Purpose, Suppression
from helpdesk.queries.consents import refusals_of


def keep(*, contacts: list[int]) -> int:
    """Before they are erased: what each address of these contacts refuses, and whether it is blocked; how many rows.

    What was kept of an address before gives way to what holds now.
    """
    addresses = list(Identity.objects.filter(contact__in=contacts, retired_at=None))
    refused = refusals_of(contacts)
    Suppression.objects.filter(address_hash__in=[each for one in addresses for each in _hashes(one)]).delete()
    rows: list[Suppression] = []
    for address in addresses:
        name = _hashes(address)[0]
        if address.blocked_at is not None:
            rows.append(Suppression(address_hash=name, at=address.blocked_at))
        for each in refused:
            said: dict[str, Any] = {"purpose": each.purpose, "channel_kind": each.channel_kind, "at": each.given_at}
            rows.append(Suppression(address_hash=name, **said))
    Suppression.objects.bulk_create(rows)
    return len(rows)


def heed(*, identities: Iterable[Identity]) -> None:
    """These addresses have just got a row: those that refused before they were erased are blocked and refuse again.

    From then on the address itself and its consents say so, where colleagues see it and can lift it. One query where
    there is nothing to heed.
    """
    by_hash = {name: identity for identity in identities for name in _hashes(identity)}
    for row in Suppression.objects.filter(address_hash__in=by_hash).order_by("pk"):
        # Two workers may meet the address at once: who takes the row heeds it.
        if Suppression.objects.filter(pk=row.pk).delete()[0]:
            _apply(row, by_hash[row.address_hash])


def _apply(row: Suppression, identity: Identity) -> None:
    if not row.purpose:
        Identity.objects.filter(pk=identity.pk).update(blocked_at=row.at)
        identity.blocked_at = row.at
        return
    said = Said(
        purpose=Purpose(row.purpose),
        channel_kind=row.channel_kind,
        is_allowed=False,
        basis=LegalBasis.OBJECTION,
        source=ConsentSource.KEPT,
    )
    consents.note(contact=identity.contact, said=said, by=None, at=row.at)


def _hashes(identity: Identity) -> list[str]:
    """Of one address, by the desk's key and by those it had before."""
    said = f"{identity.kind}:{identity.value}".encode()
    return [hmac.digest(key, said, hashlib.sha256).hex()[:40] for key in keys.suppression_keys()]
