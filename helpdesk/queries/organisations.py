"""Reads of organisations."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q

from helpdesk.models import ACTIVE_STATES, Agent, Contact, Organisation, OrganisationDomain
from helpdesk.queries.mailroom import Key, Page, page_of
from helpdesk.queries.matching import contains, words_of
from helpdesk.queries.tickets import visible_to

PAGE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """An organisation in the list. ``open_tickets`` counts those that the agent may see."""

    organisation: Organisation
    domains: tuple[str, ...]
    people: int
    open_tickets: int


def listing(*, agent: Agent, query: str = "", key: Key | None = None) -> Page[Line]:
    """Organisations, newest first; ``query`` looks into names, domains and classes. Four queries a page."""
    rows = Organisation.objects.select_related("account_owner").prefetch_related("domains")
    for word in words_of(query):
        by_domain = OrganisationDomain.objects.filter(name__icontains=word).values("organisation")
        rows = rows.filter(contains(word, "name", "customer_class") | Q(pk__in=by_domain))
    page = page_of(rows, key=key or Key(), size=PAGE)
    ids = [row.pk for row in page.rows]
    known = Contact.objects.filter(organisation__in=ids, merged_into=None).order_by()
    people = dict(known.values_list("organisation").annotate(number=Count("pk")))
    tickets = visible_to(agent).filter(contact__organisation__in=ids, state__in=ACTIVE_STATES).order_by()
    opened = dict(tickets.values_list("contact__organisation").annotate(number=Count("pk")))
    lines = [
        Line(row, tuple(each.name for each in row.domains.all()), people.get(row.pk, 0), opened.get(row.pk, 0))
        for row in page.rows
    ]
    return Page(lines, newer=page.newer, older=page.older)


def organisation_by_id(*, organisation_id: int) -> Organisation:
    """One organisation, with who looks after it and what it is promised. Raises Organisation.DoesNotExist."""
    rows = Organisation.objects.select_related("account_owner", "service_policy").prefetch_related("domains")
    return rows.get(pk=organisation_id)


def named() -> Sequence[tuple[int, str]]:
    """Every organisation by id and name, for a choice."""
    return list(Organisation.objects.order_by("name", "pk").values_list("pk", "name"))
