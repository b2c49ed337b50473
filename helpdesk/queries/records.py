"""Reads of what other systems told."""

import hmac

from django.db.models import Count, QuerySet

from helpdesk.models import ExternalRecord, ExternalSystem


def system_by_token(*, slug: str, token_hash: str) -> ExternalSystem | None:
    """The system of that name, if the token is its own and it may still speak."""
    system = ExternalSystem.objects.filter(slug=slug, is_active=True).first()
    return system if system is not None and hmac.compare_digest(system.token_hash, token_hash) else None


def record_of(system: ExternalSystem, *, external_id: str) -> ExternalRecord | None:
    """A record by its number in its system."""
    return ExternalRecord.objects.filter(system=system, external_id=external_id).first()


def systems() -> QuerySet[ExternalSystem]:
    """All systems, with ``number``: how many records each has told of."""
    return ExternalSystem.objects.annotate(number=Count("records")).order_by("name")


def system_by_id(*, system_id: int) -> ExternalSystem:
    """One system. Raises ExternalSystem.DoesNotExist."""
    return ExternalSystem.objects.get(pk=system_id)
