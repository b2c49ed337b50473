"""How changes of the desk's own settings are written down: what, which, and from what to what, by name.

The lines outlive the rows they tell of, so they carry names instead of ids, and never a secret.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from django.db import models

from helpdesk.actions import journal
from helpdesk.models import Agent, Entry

Subject = Literal[
    "rule",
    "calendar",
    "service policy",
    "channel",
    "team",
    "agent",
    "skill",
    "organisation",
    "segment",
    "system",
    "article",
    "template",
    "quarantine",
    "delivery",
    "breaker",
    "alarm",
    "finding",
    "suggestion",
    "consent",
    "personal data",
    "promise",
]
Change = Literal["created", "changed", "deleted"]


def record(
    *,
    what: Subject,
    name: str,
    change: str,
    by: Agent | None,
    at: datetime,
    details: Mapping[str, Any] | None = None,
) -> Entry:
    """Write one line: ``by`` has done ``change`` to the ``what`` called ``name``."""
    data = {"what": what, "name": name, "change": change, **({"details": dict(details)} if details else {})}
    return journal.record(kind=Entry.Kind.SETTINGS_CHANGED, by=by, data=data, at=at)


def by_name(pair: Mapping[str, Any]) -> dict[str, Any]:
    """``{"from": …, "to": …}`` with rows by their names, fit for the journal."""
    return {side: str(value) if isinstance(value, models.Model) else value for side, value in pair.items()}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """``{field: {"from": …, "to": …}}`` for each field of ``after`` that differs; empty when nothing changed."""
    return {
        field: {"from": _plain(before.get(field)), "to": _plain(value)}
        for field, value in after.items()
        if before.get(field) != value
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
