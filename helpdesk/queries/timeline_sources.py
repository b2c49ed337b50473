"""What a timeline has besides tickets: each kind of line with its rows, its time, and where a word may stand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from helpdesk.models import (
    Agent,
    Channel,
    Consent,
    Contact,
    ContactNote,
    Entry,
    ExternalRecord,
    Identity,
    Organisation,
    Promise,
    Purpose,
    Ticket,
)
from helpdesk.queries.linking_people import everyone_of
from helpdesk.queries.matching import any_of, contains, words_of
from helpdesk.queries.promises import promises_of
from helpdesk.queries.tickets import visible_to

#: What the journal says of who a customer is, by the word that its line has: the rest (a name, a language) is no event.
_LINK_WORDS = ("merge", "undone", "linked", "untied", "retired")


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose timeline: a customer's, or that of everybody in an organisation."""

    contact: Contact | None = None
    organisation: Organisation | None = None

    def of(self, field: str) -> Q:
        """Rows whose ``field`` names them."""
        if self.contact is not None:
            return Q(**{field: self.contact.pk})
        return Q(**{f"{field}__organisation": self.organisation})

    def tickets(self, agent: Agent) -> QuerySet[Ticket]:
        """Their tickets that ``agent`` may see."""
        if self.contact is not None:
            return visible_to(agent).filter(contact_id=self.contact.pk)
        people = Contact.objects.filter(organisation=self.organisation)
        return visible_to(agent).filter(contact__in=people.values("pk"))


@dataclass(frozen=True, slots=True)
class RowItem:
    """One line besides tickets: what was written down, promised, allowed, told, or found out about who it is."""

    id: int
    at: datetime
    kind: str
    row: Any


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of line. ``only`` is its filter; ``time`` the column by which its lines stand."""

    kind: str
    only: str
    time: str
    rows: Callable[[Agent, Whose], QuerySet[Any]]
    has_word: Callable[[str], Q]

    def items(self, agent: Agent, whose: Whose, query: str, after: Q, limit: int) -> Sequence[RowItem]:
        """The newest ``limit`` of them with every word of ``query``. One query."""
        rows = self.rows(agent, whose)
        for word in words_of(query):
            rows = rows.filter(self.has_word(word))
        found = rows.filter(after).order_by(f"-{self.time}", "-id")[:limit]
        return [RowItem(each.pk, getattr(each, self.time), self.kind, each) for each in found]


def _notes(_agent: Agent, whose: Whose) -> QuerySet[ContactNote]:
    return ContactNote.objects.filter(whose.of("contact")).select_related("author", "ended_by", "contact")


def _records(_agent: Agent, whose: Whose) -> QuerySet[ExternalRecord]:
    addresses = Identity.objects.filter(whose.of("contact"), retired_at=None)
    rows = ExternalRecord.objects.filter(owner_value__in=addresses.values("value")).filter(
        Exists(addresses.filter(kind=OuterRef("owner_kind"), value=OuterRef("owner_value")))
    )
    if whose.organisation is not None:
        domains = whose.organisation.domains.values("name")
        rows = ExternalRecord.objects.filter(Q(pk__in=rows.values("pk")) | Q(domain__in=domains))
    return rows.select_related("system")


def _promises(agent: Agent, whose: Whose) -> QuerySet[Promise]:
    """A promise stands where it was last touched: when it was made, then when it was kept or dropped."""
    tickets = Ticket.objects.filter(whose.of("contact")).values("pk")
    rows = promises_of(agent).filter(whose.of("contact") | Q(ticket__in=tickets))
    rows = rows.annotate(happened_at=Coalesce("settled_at", "created_at"))
    return rows.select_related("owner", "settled_by", "contact", "ticket__contact")


def _consents(_agent: Agent, whose: Whose) -> QuerySet[Consent]:
    return Consent.objects.filter(whose.of("contact")).select_related("author", "contact")


def _links(_agent: Agent, whose: Whose) -> QuerySet[Entry]:
    """The journal goes on naming who it was then, so all who were merged into the customer are asked for."""
    owners = whose.of("contact") if whose.contact is None else Q(contact__in=everyone_of(whose.contact.pk))
    rows = Entry.objects.filter(owners, kind=Entry.Kind.PERSON_CHANGED, data__has_any_keys=list(_LINK_WORDS))
    return rows.select_related("agent", "contact")


def _in_consent(word: str) -> Q:
    """By what stands on the screen: the purpose and the kind of channel in the reader's language, and the proof."""
    purposes = [value for value, label in Purpose.choices if word.lower() in str(label).lower()]
    kinds = [value for value, label in Channel.Kind.choices if word.lower() in str(label).lower()]
    return any_of([contains(word, "proof"), Q(purpose__in=purposes), Q(channel_kind__in=kinds)])


def _in_link(word: str) -> Q:
    return contains(word, *(f"data__{name}" for name in ("from", "into", "evidence", *_LINK_WORDS[1:])))


def _in(*columns: str) -> Callable[[str], Q]:
    return lambda word: contains(word, *columns)


#: Rows of the same moment stand in this order, behind tickets.
SOURCES = (
    Source("note", "notes", "created_at", _notes, _in("text")),
    Source("record", "records", "at", _records, _in("title", "external_id", "state", "kind", "amount")),
    Source("promise", "promises", "happened_at", _promises, _in("text", "owner__name")),
    Source("consent", "consent", "given_at", _consents, _in_consent),
    Source("link", "links", "created_at", _links, _in_link),
)
