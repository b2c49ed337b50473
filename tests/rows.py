"""One row of any model, filled by the types of its columns: for tests that must meet tables that don't exist yet."""

from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from django.db import models

from helpdesk.models.tickets import MessageKind
from tests.make import NOON

_numbers = count(1)

#: What a type alone doesn't say, by model.
TAUGHT: dict[str, dict[str, Any]] = {"helpdesk.Message": {"kind": MessageKind.CUSTOMER}}


def row_of(model: type[models.Model], **given: Any) -> models.Model:
    """A stored row: ``given`` columns, what `TAUGHT` says, and for the rest that must be there something that fits."""
    values = {**TAUGHT.get(model._meta.label, {}), **given}
    for field in model._meta.concrete_fields:
        if field.name not in values and not field.primary_key and _is_needed(field):
            values[field.name] = _something(field)
    return model._base_manager.create(**values)


def _is_needed(field: "models.Field[Any, Any]") -> bool:
    if field.null or field.has_default() or getattr(field, "auto_now_add", False) or getattr(field, "auto_now", False):
        return False
    return not field.blank or field.unique


def _something(field: "models.Field[Any, Any]") -> Any:
    number = next(_numbers)
    if isinstance(field, models.ForeignKey):
        found = None if field.unique else field.related_model._base_manager.order_by("pk").first()
        return found or row_of(field.related_model)
    if field.choices:
        return next(value for value, _label in field.flatchoices if value)
    if isinstance(field, models.DateTimeField):
        return NOON + timedelta(minutes=number)
    if isinstance(field, models.DateField):
        return NOON.date()
    if isinstance(field, models.EmailField):
        return f"somebody-{number}@customer.example"
    if isinstance(field, models.BooleanField):
        return False
    if isinstance(field, models.IntegerField | models.FloatField | models.DecimalField):
        return number
    if isinstance(field, models.JSONField):
        return {}
    if isinstance(field, models.UUIDField):
        return UUID(int=number)
    if isinstance(field, models.DurationField):
        return timedelta(minutes=number)
    return f"{field.name}-{number}"[: field.max_length or 40].lower()
