"""Every column of every table that can hold a word, looked through for the person.

Which tables there are is read from the models, so a new one is swept from its first day; what is left out stands here,
with the reason.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.db.models.functions import Cast

from helpdesk.actions.erasing.task import Task
from helpdesk.actions.erasing.tickets import tombstone
from helpdesk.models import Delivery, Message
from helpdesk.models.fields import SealedTextField
from helpdesk.references import reference_of
from helpdesk.signs import Signs
from mail_gateway.parse import parse

#: The desk's own people may be called like a customer. Erasures know only numbers and what is sealed. Heartbeats name
#: machines. Sessions and what Django keeps for itself hold numbers of agents.
LEFT_OUT = frozenset({"helpdesk.Agent", "helpdesk.Erasure", "helpdesk.Heartbeat"})
_APPS = ("helpdesk", "routing_rules", "axes")
_BATCH = 200
#: SQLite takes no deeper expression than a thousand.
_NEEDLES = 20
#: Before an erasure so many of the newest messages are looked through for the person, and so many of them listed.
LOOK_AT, NAMED = 10_000, 100


def swept_models() -> list[type[models.Model]]:
    """Every table that is looked through."""
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in _APPS and model._meta.label not in LEFT_OUT and word_fields(model)
    ]


def word_fields(model: type[models.Model]) -> list[models.Field]:  # type: ignore[type-arg]
    """Columns of a table that can hold words in the clear."""
    kinds = (models.CharField, models.TextField, models.JSONField)
    return [
        field
        for field in model._meta.local_concrete_fields
        if isinstance(field, kinds) and not isinstance(field, SealedTextField) and not field.primary_key
    ]


def candidates(
    model: type[models.Model], signs: Signs, *, within: "models.QuerySet[Any] | None" = None
) -> Iterator[models.Model]:
    """Rows in which something like a sign stands; whether it does is for Signs to say. A row may come twice.

    ``within``: only these, in their order.
    """
    names = [field.name for field in word_fields(model)]
    as_text = {f"{name}_as_text": Cast(name, models.TextField()) for name in names}
    for start in range(0, len(signs.needles), _NEEDLES):
        wanted = Q()
        for column in as_text:
            for needle in signs.needles[start : start + _NEEDLES]:
                wanted |= Q(**{f"{column}__icontains": needle})
        every = model._base_manager.order_by("pk") if within is None else within
        rows = every.alias(**as_text).filter(wanted).only(*names)
        yield from rows.iterator(chunk_size=_BATCH)


def names_the_person(row: models.Model, signs: Signs) -> dict[str, object]:
    """The columns of a row in which a sign stands, cleaned."""
    found = {}
    for field in word_fields(type(row)):
        value = getattr(row, field.attname)
        cleaned = signs.without_any(value)
        if cleaned != value:
            found[field.name] = (
                cleaned[: field.max_length] if isinstance(cleaned, str) and field.max_length else cleaned
            )
    return found


def touched_messages(signs: Signs) -> dict[int, int]:
    """Tickets in which others name the person, with the number of the first message that does."""
    found: dict[int, int] = {}
    if signs.is_empty:
        return found
    for row in candidates(Message, signs):
        if isinstance(row, Message) and names_the_person(row, signs):
            ticket_id = Message.objects.values_list("ticket_id", flat=True).get(pk=row.pk)
            found[ticket_id] = min(row.pk, found.get(ticket_id, row.pk))
    return found


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Tickets of others that name the person, newest first; ``is_all``: no more messages need looking at."""

    tickets: tuple[int, ...]
    is_all: bool


def named_elsewhere(signs: Signs, *, contacts: Sequence[int]) -> Elsewhere:
    """Which tickets of others name the person, before anything is done.

    At most `NAMED` of the newest `LOOK_AT` messages; the person's own are not looked at, however many there are.
    """
    newest = Message.objects.order_by("-pk").values_list("pk", flat=True)
    oldest = newest[LOOK_AT : LOOK_AT + 1].first() or 0
    others = Message.objects.filter(pk__gt=oldest).exclude(contact__in=contacts).exclude(ticket__contact__in=contacts)
    found: list[int] = []
    for row in candidates(Message, signs, within=others.order_by("-pk")) if not signs.is_empty else ():
        if names_the_person(row, signs):
            found.append(row.pk)
        if len(found) == NAMED:
            break
    tickets = Message.objects.filter(pk__in=found).order_by("-pk").values_list("ticket_id", flat=True)
    return Elsewhere(tuple(dict.fromkeys(tickets)), is_all=not oldest and len(found) < NAMED)


def sweep(*, task: Task) -> None:
    """Clean every column. Each row in a transaction of its own: nobody waits for all of it."""
    if task.signs.is_empty:
        return
    for model in swept_models():
        for row in list(candidates(model, task.signs)):
            if cleaned := names_the_person(row, task.signs):
                _write(row, cleaned)
                task.count("other places")


def _write(row: models.Model, cleaned: dict[str, object]) -> None:
    """Two names that must differ may have become one: then the number of the row tells them apart."""
    rows = type(row)._base_manager.filter(pk=row.pk)
    try:
        with transaction.atomic():
            rows.update(**cleaned)
    except IntegrityError:
        told_apart = {name: f"{row.pk} {value}" if isinstance(value, str) else value for name, value in cleaned.items()}
        with transaction.atomic():
            rows.update(**told_apart)


def blank_notices(*, task: Task) -> None:
    """Mail of the desk to its own people tells of tickets by reference and subject: what tells of the person's goes."""
    references = [reference_of(number, prefix=settings.REFERENCE_PREFIX) for number in sorted(task.tickets)]
    for notice in Delivery.objects.filter(message=None).iterator(chunk_size=_BATCH):
        mail = parse(bytes(notice.mime))
        words = f"{notice.subject}\n{mail.subject}\n{mail.text}"
        if any(reference in words for reference in references) or task.signs.found_in(words):
            notice.subject, notice.mime = task.signs.mark, tombstone(task.signs.mark)
            notice.save(update_fields=["subject", "mime"])
            task.deliveries.add(notice.pk)
            task.count("notices")


def traces(signs: Signs) -> list[str]:
    """Where the person still stands, as ``table:number``; what is looked through is what `sweep` looks through."""
    if signs.is_empty:
        return []
    return [
        f"{model._meta.label}:{row.pk}"
        for model in swept_models()
        for row in candidates(model, signs)
        if names_the_person(row, signs)
    ]
