"""What other systems tell the desk of customers (orders, invoices). They are masters of it; the desk only shows it."""

import hashlib
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime

from django.db import transaction

from helpdesk.actions import changes
from helpdesk.actions.journal import record as write_down
from helpdesk.models import Agent, Entry, ExternalRecord, ExternalSystem


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFields:
    """A record as its system tells it; each text fits its column. ``owner_*`` or ``domain`` say whose it is."""

    kind: str
    title: str
    at: datetime
    state: str = ""
    amount: str = ""
    url: str = ""
    owner_kind: str = ""
    owner_value: str = ""
    domain: str = ""
    fields: dict[str, str] = field(default_factory=dict)


def hash_of(token: str) -> str:
    """How a token is stored and looked up: it is random and long, so a plain hash can't be guessed back."""
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def put_record(
    *, system: ExternalSystem, external_id: str, fields: RecordFields, at: datetime
) -> tuple[ExternalRecord, bool]:
    """Store what ``system`` says its record is now; returns it, and whether it is new. Again is no change."""
    values = asdict(fields)
    before = ExternalRecord.objects.select_for_update().filter(system=system, external_id=external_id).first()
    has_changed = before is None or any(getattr(before, name) != value for name, value in values.items())
    row, is_new = ExternalRecord.objects.update_or_create(
        system=system, external_id=external_id, defaults={**values, "put_at": at}
    )
    ExternalSystem.objects.filter(pk=system.pk).update(put_at=at, trouble="", trouble_at=None)
    if has_changed:
        _write_down(row, "put", at=at)
    return row, is_new


@transaction.atomic
def remove_record(*, system: ExternalSystem, external_id: str, at: datetime) -> bool:
    """The system has no such record any more. False when there was none."""
    row = ExternalRecord.objects.select_for_update().filter(system=system, external_id=external_id).first()
    if row is None:
        return False
    _write_down(row, "removed", at=at)
    row.delete()
    return True


def note_trouble(*, system: ExternalSystem, words: str, at: datetime) -> None:
    """A call was refused; the page of the systems says why, until one is taken."""
    ExternalSystem.objects.filter(pk=system.pk).update(trouble=words[:300], trouble_at=at)


@transaction.atomic
def add_system(*, name: str, slug: str, by: Agent, at: datetime) -> tuple[ExternalSystem, str]:
    """Let another system tell us of its records; returns it with its token, which nobody sees again."""
    token = secrets.token_urlsafe(32)
    system = ExternalSystem.objects.create(name=name, slug=slug, token_hash=hash_of(token), created_at=at)
    changes.record(what="system", name=name, change="created", by=by, at=at)
    return system, token


@transaction.atomic
def renew_token(*, system: ExternalSystem, by: Agent, at: datetime) -> str:
    """A new token; the old one opens nothing from now on."""
    token = secrets.token_urlsafe(32)
    ExternalSystem.objects.filter(pk=system.pk).update(token_hash=hash_of(token), is_active=True)
    changes.record(what="system", name=system.name, change="token-renewed", by=by, at=at)
    return token


@transaction.atomic
def stop_system(*, system: ExternalSystem, by: Agent, at: datetime) -> None:
    """It tells us nothing more; what it told stays."""
    if ExternalSystem.objects.filter(pk=system.pk, is_active=True).update(is_active=False):
        changes.record(what="system", name=system.name, change="stopped", by=by, at=at)


def _write_down(row: ExternalRecord, change: str, *, at: datetime) -> None:
    """Without whose it is and what it says: that stands in the record, and goes with it."""
    data = {"what": "record", "change": change, "system": row.system.slug, "record": row.pk}
    write_down(kind=Entry.Kind.SETTINGS_CHANGED, data=data, at=at)
