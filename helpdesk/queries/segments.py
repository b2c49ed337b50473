"""Segments: customers with something in common, looked up whenever somebody asks. Rules know them as a fact.

They are the same for everybody: whether a customer is in one may rest on tickets that an agent doesn't see.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BooleanField, Case, Count, Exists, OuterRef, Q, QuerySet, Value, When

from helpdesk.models import ACTIVE_STATES, Contact, Rating, Segment, State, Ticket

#: Beyond this nobody wants the exact number.
COUNT_CAP = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What all customers of a segment have in common; what is empty is not asked. Days reach back from now."""

    classes: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    rating_below: int | None = None
    rating_days: int | None = None
    tickets_at_least: int | None = None
    tickets_days: int | None = None
    open_at_least: int | None = None
    silent_days: int | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Criteria":
        """As `as_data` wrote it; what this version doesn't know is left out."""
        known = {field.name for field in fields(cls)}
        given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()}
        return cls(**{name: value for name, value in given.items() if name in known})

    def as_data(self) -> dict[str, Any]:
        """As JSON, without what is not asked."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items() if v not in (None, ())}

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked, so that everybody would be in it."""
        return not self.as_data().keys() - {"rating_days", "tickets_days"}


def members(criteria: Criteria, *, at: datetime) -> QuerySet[Contact]:
    """The customers who are in a segment of these ``criteria`` now."""
    return Contact.objects.filter(_condition(criteria, at), merged_into=None)


def count_of(criteria: Criteria, *, at: datetime) -> int:
    """How many they are, at most COUNT_CAP + 1."""
    return len(members(criteria, at=at).order_by().values_list("pk")[: COUNT_CAP + 1])


def all_segments() -> list[Segment]:
    """Every segment, by name."""
    return list(Segment.objects.select_related("author"))


def criteria_by_slug() -> dict[str, Criteria]:
    """The criteria of every segment, as rules name them."""
    return {slug: Criteria.of(stored) for slug, stored in Segment.objects.values_list("slug", "criteria")}


def segments_of(contact: Contact | None, *, among: Mapping[str, Criteria], at: datetime) -> frozenset[str]:
    """In which of these segments a customer is: one query, none where there are no segments or is no customer."""
    if contact is None or not among:
        return frozenset()
    names = list(among)
    tests = [
        Case(When(_condition(among[name], at), then=Value(True)), default=Value(False), output_field=BooleanField())  # noqa: FBT003
        for name in names
    ]
    row = Contact.objects.filter(pk=contact.pk).values_list(*tests).first() or ()
    return frozenset(name for name, is_member in zip(names, row, strict=False) if is_member)


def segment_by_id(*, segment_id: int) -> Segment:
    """One segment. Raises Segment.DoesNotExist."""
    return Segment.objects.select_related("author").get(pk=segment_id)


def _condition(criteria: Criteria, at: datetime) -> Q:
    asked = criteria
    found = Q(pk__isnull=False)
    tickets = Ticket.objects.filter(contact=OuterRef("pk")).exclude(state=State.SPAM).order_by()
    if asked.classes:
        theirs = Q(customer_class="", organisation__customer_class__in=asked.classes)
        found &= Q(customer_class__in=asked.classes) | theirs
    if asked.languages:
        found &= Q(language__in=asked.languages)
    if asked.channels:
        found &= Q(Exists(tickets.filter(channel__kind__in=asked.channels)))
    if asked.rating_below is not None:
        ratings = Rating.objects.filter(ticket__contact=OuterRef("pk"), score__lt=asked.rating_below)
        found &= Q(Exists(ratings.filter(_since("changed_at", asked.rating_days, at))))
    if asked.tickets_at_least is not None:
        recent = tickets.filter(_since("created_at", asked.tickets_days, at))
        found &= _at_least(recent, asked.tickets_at_least)
    if asked.open_at_least is not None:
        found &= _at_least(tickets.filter(state__in=ACTIVE_STATES), asked.open_at_least)
    if asked.silent_days is not None:
        heard = tickets.filter(_since("last_customer_message_at", asked.silent_days, at))
        found &= Q(Exists(tickets)) & ~Q(Exists(heard))
    return found


def _since(field: str, days: int | None, at: datetime) -> Q:
    return Q() if days is None else Q(**{f"{field}__gte": at - timedelta(days=days)})


def _at_least(tickets: QuerySet[Ticket], number: int) -> Q:
    counted = tickets.values("contact").annotate(number=Count("pk")).filter(number__gte=number)
    return Q(Exists(counted.values("contact")))


def names_of(slugs: Iterable[str]) -> list[str]:
    """The names of segments, in their order."""
    return list(Segment.objects.filter(slug__in=list(slugs)).values_list("name", flat=True))
