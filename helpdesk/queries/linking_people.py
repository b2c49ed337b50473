"""Which contacts are one person, and what points at a contact: read from the models, so that no table is forgotten."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import connection
from django.db.models import Exists, ManyToOneRel, Model, OuterRef, Q, QuerySet, UniqueConstraint

from helpdesk.models import Contact, Identity, IdentityKind, Message, Participant, Ticket, Visitor

IDENTITIES, VISITORS, TICKETS = "helpdesk.Identity.contact", "helpdesk.Visitor.contact", "helpdesk.Ticket.contact"
MESSAGES = "helpdesk.Message.contact"
#: Rows hang on addresses, visitors, tickets and messages: these move first, in this order.
_FIRST = (IDENTITIES, VISITORS, TICKETS, MESSAGES)

#: Links that a merge leaves alone, and why.
STAYS = {
    "helpdesk.Contact.merged_into": "it says who was merged into whom",
    "helpdesk.Merge.kept": "it says who was merged into whom",
    "helpdesk.Merge.folded": "it says who was merged into whom",
    "helpdesk.Entry.contact": "the journal says who it was then, and is never altered",
    "helpdesk.ContactValue.contact": "values are derived over everyone who is the same person",
    "helpdesk.NotSame.one": "it was said of these two",
    "helpdesk.NotSame.other": "it was said of these two",
}


@dataclass(frozen=True, slots=True)
class Link:
    """A column that points at a contact."""

    model: type[Model]
    field: str

    @property
    def label(self) -> str:
        """``helpdesk.Ticket.contact``."""
        return f"{self.model._meta.label}.{self.field}"

    @property
    def rows(self) -> QuerySet[Any]:
        """All rows of the table, whatever a manager of its own hides."""
        return self.model._base_manager.all()

    def of(self, contact_id: int) -> QuerySet[Any]:
        """The rows that point at this contact."""
        return self.rows.filter(**{f"{self.field}_id": contact_id})

    def movable(self, *, source: int, target: int) -> QuerySet[Any]:
        """Rows of ``source`` that can point at ``target`` as well: no unique key has such a row there already."""
        rows = self.of(source)
        for others, condition in self._keys():
            same = {name: OuterRef(name) for name in others}
            rows = rows.exclude(condition, Exists(self.of(target).filter(condition, **same)))
        return rows

    def _keys(self) -> Iterator[tuple[tuple[str, ...], Q]]:
        """The other columns of each unique key that the link is part of, and for which rows the key holds."""
        meta = self.model._meta
        if getattr(meta.get_field(self.field), "unique", False):
            yield (), Q()
        keys = [(tuple(each), Q()) for each in meta.unique_together]
        unique = (each for each in meta.constraints if isinstance(each, UniqueConstraint))
        keys += [(tuple(each.fields), each.condition or Q()) for each in unique]
        for fields, condition in keys:
            if self.field in fields:
                yield tuple(name for name in fields if name != self.field), condition


def all_links() -> list[Link]:
    """Every foreign key to a contact, of every model there is, those without a way back among them."""
    back = (each for each in Contact._meta.get_fields(include_hidden=True) if isinstance(each, ManyToOneRel))
    found = [Link(each.related_model, each.field.name) for each in back]
    return sorted(found, key=lambda link: link.label)


def moving_links() -> list[Link]:
    """Those that follow a merge, each after those that its rows hang on."""
    found = [link for link in all_links() if link.label not in STAYS]
    return sorted(found, key=lambda link: _FIRST.index(link.label) if link.label in _FIRST else len(_FIRST))


def came_by(link: Link, rows: QuerySet[Any], *, gone: Mapping[str, Sequence[int]], contact_id: int) -> QuerySet[Any]:
    """Those of ``rows`` that came by an address that leaves ``contact_id``.

    ``gone`` are the ids that leave so far, by link: identities, visitors, tickets, messages. A ticket follows its
    requester, a message its sender, any other row its identity, its message or its ticket: the first of these that its
    table has. What hangs on none of them stays.
    """
    identities = gone.get(IDENTITIES, ())
    leaving = Identity.objects.filter(pk__in=identities)
    if link.model is Identity:
        return rows.none()  # a new address was given to the person as they are now
    if link.model is Visitor:
        return rows.filter(verified_address__in=leaving.filter(kind=IdentityKind.EMAIL).values("value"))
    if link.model is Ticket:
        requested = Participant.objects.filter(role=Participant.Role.REQUESTER, identity__in=identities)
        by_chat = Q(conversation__visitor__in=gone.get(VISITORS, ()))
        return rows.filter(Q(pk__in=requested.values("ticket")) | by_chat)
    tickets = Q(ticket__in=gone.get(TICKETS, ()))
    if link.model is Message:
        gone_values = set(leaving.values_list("value", flat=True))
        staying = Identity.objects.filter(contact=contact_id).exclude(pk__in=identities)
        kept_values = set(staying.values_list("value", flat=True))
        # A handle can be spelt like a mail address: where a name tells nothing, the ticket does.
        theirs, others = (
            Q(sender_address__in=gone_values - kept_values),
            Q(sender_address__in=kept_values - gone_values),
        )
        return rows.filter(theirs | tickets & ~others)
    if _has(link, "identity"):
        return rows.filter(identity__in=identities)
    if _has(link, "message"):
        return rows.filter(message__in=gone.get(MESSAGES, ()))
    return rows.filter(tickets) if _has(link, "ticket") else rows.none()


def _has(link: Link, name: str) -> bool:
    try:
        link.model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


def root_of(contact: Contact) -> Contact:
    """The contact that stands for the person now: this one, or whom it was merged into; read anew."""
    found = Contact.objects.select_related("organisation").get(pk=contact.pk)
    while found.merged_into_id is not None:
        found = Contact.objects.select_related("organisation").get(pk=found.merged_into_id)
    return found


#: However long the chain is, in one question.
_EVERYONE = """
    WITH RECURSIVE person(id) AS (
        SELECT id FROM helpdesk_contact WHERE id = %s
        UNION
        SELECT folded.id FROM helpdesk_contact AS folded JOIN person ON folded.merged_into_id = person.id
    )
    SELECT id FROM person
"""


def everyone_of(contact_id: int) -> list[int]:
    """The ids of a contact and of all that were merged into it, itself first.

    Rows that can't move by a unique key stay with a merged one: who must miss none (a ban, say) asks for all of these.
    """
    with connection.cursor() as cursor:
        cursor.execute(_EVERYONE, [contact_id])
        return [contact_id, *sorted(number for (number,) in cursor.fetchall() if number != contact_id)]
