"""Customers as agents see them. Every agent knows who they are; of their tickets each sees those of their teams."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Q, QuerySet

from helpdesk.models import ACTIVE_STATES, Agent, Contact, ContactNote, Identity, Organisation, Rating, Ticket
from helpdesk.queries import inbox
from helpdesk.queries.mailroom import Key, Page, page_of
from helpdesk.queries.matching import contains, words_of
from helpdesk.queries.tickets import visible_to

#: Tickets that stand beside another one of the same customer.
EARLIER = 8
#: What stands of notes and ratings beside a ticket; the rest is on the customer's own page.
NOTES, RATINGS = 6, 5
PAGE = 50


def customer_by_id(*, contact_id: int) -> Contact:
    """One customer, with their organisation loaded. Raises Contact.DoesNotExist."""
    return Contact.objects.select_related("organisation__account_owner").get(pk=contact_id)


def earlier_of(
    contact: Contact, *, agent: Agent, but: Ticket | None = None, limit: int = EARLIER
) -> tuple[inbox.Row, ...]:
    """The customer's tickets that ``agent`` may see, newest first, without the one that is open."""
    tickets = visible_to(agent).filter(contact_id=contact.pk)
    return inbox.rows_of(agent=agent, tickets=tickets.exclude(pk=but.pk) if but else tickets, limit=limit)


@dataclass(frozen=True, slots=True)
class Figures:
    """How much there was with a customer, as far as the agent may see; ``scores``: last ratings, newest first."""

    open: int
    tickets: int
    last_heard_at: datetime | None
    scores: tuple[int, ...]


def figures_of(contact: Contact, *, agent: Agent) -> Figures:
    """A customer in numbers: two queries, whatever there is."""
    tickets = visible_to(agent).filter(contact_id=contact.pk)
    counted = tickets.order_by().aggregate(
        tickets=Count("pk"),
        open=Count("pk", filter=Q(state__in=ACTIVE_STATES)),
        last_heard_at=Max("last_customer_message_at"),
    )
    ratings = Rating.objects.filter(ticket__in=tickets.values("pk")).order_by("-changed_at", "-pk")
    return Figures(**counted, scores=tuple(ratings.values_list("score", flat=True)[:RATINGS]))


def standing_notes(contact: Contact, *, limit: int = NOTES) -> list[ContactNote]:
    """What was written down and still holds: agreed matters first, then the newest notes."""
    rows = ContactNote.objects.filter(contact_id=contact.pk, ended_at=None).select_related("author", "ticket")
    return list(rows.order_by("kind", "-created_at", "-pk")[:limit])


def note_of(contact: Contact, *, note_id: int) -> ContactNote:
    """One note about a customer. Raises ContactNote.DoesNotExist."""
    return ContactNote.objects.select_related("contact").get(pk=note_id, contact_id=contact.pk)


@dataclass(frozen=True, slots=True)
class Line:
    """A customer in a list; tickets are those that the agent may see."""

    contact: Contact
    address: str
    tickets: int
    open_tickets: int
    last_activity_at: datetime | None


def listing(
    *, agent: Agent, query: str = "", within: QuerySet[Contact] | None = None, key: Key | None = None
) -> Page[Line]:
    """Customers, those who came last first; ``query`` looks into names, addresses and organisations.

    ``within``: only these. Three queries a page.
    """
    rows = (Contact.objects.all() if within is None else within).filter(merged_into=None)
    for word in words_of(query):
        addresses = Identity.objects.filter(contains(word, "value", "display"), retired_at=None)
        rows = rows.filter(
            contains(word, "name", "organisation__name", "phone") | Q(pk__in=addresses.values("contact"))
        )
    page = page_of(rows.select_related("organisation"), key=key or Key(), size=PAGE)
    return Page(_lines(page.rows, agent), newer=page.newer, older=page.older)


def _lines(contacts: Sequence[Contact], agent: Agent) -> list[Line]:
    ids = [contact.pk for contact in contacts]
    addresses: dict[int, str] = {}
    for identity in Identity.objects.filter(contact__in=ids, retired_at=None).order_by("pk"):
        addresses.setdefault(identity.contact_id, str(identity))
    tickets = visible_to(agent).filter(contact__in=ids).order_by()
    counted = {
        contact_id: figures
        for contact_id, *figures in tickets.values_list("contact").annotate(
            every=Count("pk"), open=Count("pk", filter=Q(state__in=ACTIVE_STATES)), newest=Max("last_activity_at")
        )
    }
    return [Line(each, addresses.get(each.pk, ""), *counted.get(each.pk, (0, 0, None))) for each in contacts]


def people_of(organisation: Organisation) -> QuerySet[Contact]:
    """The customers who write for an organisation."""
    return Contact.objects.filter(organisation=organisation, merged_into=None)


def classes() -> list[str]:
    """The customer classes that are in use."""
    own = Contact.objects.exclude(customer_class="").values_list("customer_class", flat=True)
    theirs = Organisation.objects.exclude(customer_class="").values_list("customer_class", flat=True)
    return sorted({*own.order_by().distinct(), *theirs.order_by().distinct()})
