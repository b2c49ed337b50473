"""Phone numbers that were stored without a country code get that of the desk, and are found by any spelling."""

from typing import Any

from django.conf import settings
from django.db import migrations

from helpdesk.phones import e164


def _anew(rows: Any, name: str) -> None:
    for row in rows.exclude(**{f"{name}__startswith": "+"}).iterator():
        written = getattr(row, name)
        try:
            number = e164(written, country=settings.COUNTRY)
        except ValueError:
            continue  # an extension, say: its digits are all there is
        setattr(row, name, number)
        yield_to = _twins(row, name)
        if yield_to is not None and yield_to.exists():
            continue  # somebody has it already: two rows of one number are for people to bring together
        if hasattr(row, "display") and not row.display:
            row.display = written
        row.save()


def _twins(row: Any, name: str) -> Any:
    rows = type(row).objects.exclude(pk=row.pk)
    if hasattr(row, "retired_at"):
        return None if row.retired_at else rows.filter(kind="phone", value=getattr(row, name), retired_at=None)
    if hasattr(row, "outcome"):
        return rows.filter(kind="phone", value=getattr(row, name), contact=row.contact_id)
    return None


def normalise(apps: Any, _schema: object) -> None:
    """Addresses, claims, and records of other systems."""
    for model in ("Identity", "Claim"):
        _anew(apps.get_model("helpdesk", model).objects.filter(kind="phone"), "value")
    _anew(apps.get_model("helpdesk", "ExternalRecord").objects.filter(owner_kind="phone"), "owner_value")


class Migration(migrations.Migration):
    dependencies = (("helpdesk", "0043_contact_name"),)
    operations = (migrations.RunPython(normalise, migrations.RunPython.noop),)
