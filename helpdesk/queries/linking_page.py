"""What stands on the page of a customer's addresses and links, and on the pages that merge two and take it back."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from helpdesk.models import Agent, Contact, ContactValue, Entry, Identity, Merge, Organisation
from helpdesk.queries.linking_people import everyone_of
from helpdesk.queries.tickets import visible_to

#: Lines of what happened; people that a search finds.
HISTORY, FOUND = 20, 12


@dataclass(frozen=True, slots=True)
class Tally:
    """What a contact has, in numbers; ``hidden`` are tickets of teams that the agent isn't in."""

    contact: Contact
    identities: Sequence[Identity]
    tickets: int
    hidden: int


def contact_by_id(contact_id: int) -> Contact:
    """One contact with its organisation. Raises Contact.DoesNotExist."""
    return Contact.objects.select_related("organisation").get(pk=contact_id)


def addresses_of(contact: Contact) -> Sequence[Identity]:
    """All addresses, those that have gone to somebody else last."""
    rows = contact.identities.select_related("author").order_by("pk")
    return sorted(rows, key=lambda each: each.retired_at is not None)


def tally(contact: Contact, *, agent: Agent) -> Tally:
    """What would move if the contact were merged into another."""
    tickets = contact.tickets.count()
    seen = visible_to(agent).filter(contact=contact).count()
    return Tally(contact, addresses_of(contact), tickets, tickets - seen)


def merges_of(contact: Contact) -> Sequence[Merge]:
    """Everybody who was merged into the contact or into one of those, newest first; undone ones too."""
    rows = Merge.objects.filter(kept__in=everyone_of(contact.pk)).select_related("folded", "kept", "by", "undone_by")
    return list(rows.order_by("-at", "-pk"))


def values_of(contact: Contact) -> Sequence[ContactValue]:
    """What every source says, by attribute; of one attribute what counts most comes first."""
    rows = ContactValue.objects.filter(contact__in=everyone_of(contact.pk), dismissed_at=None)
    return list(rows.select_related("author", "contact").order_by("attribute", "-rank", "-at"))


def organisation_names(values: Sequence[ContactValue]) -> dict[str, str]:
    """The names of organisations by id, as values name them."""
    ids = {int(each.value) for each in values if each.attribute == "organisation" and each.value.isdecimal()}
    return {str(number): name for number, name in Organisation.objects.filter(pk__in=ids).values_list("pk", "name")}


def history_of(contact: Contact) -> Sequence[Entry]:
    """What people have said about who this is, newest first."""
    rows = Entry.objects.filter(kind=Entry.Kind.PERSON_CHANGED, contact__in=everyone_of(contact.pk))
    return list(rows.select_related("agent").order_by("-pk")[:HISTORY])


def found_by(text: str, *, but: Contact) -> QuerySet[Contact]:
    """People whose name or address holds ``text``; nobody for an empty one."""
    text = text.strip()
    if not text:
        return Contact.objects.none()
    by_address = Identity.objects.filter(Q(value__contains=text.lower()) | Q(display__icontains=text))
    rows = Contact.objects.filter(Q(name__icontains=text) | Q(pk__in=by_address.values("contact")), merged_into=None)
    return (
        rows.exclude(pk=but.pk)
        .select_related("organisation")
        .prefetch_related("identities")
        .order_by("name", "pk")[:FOUND]
    )
