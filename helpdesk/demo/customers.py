"""What the demo knows of its customers besides their mail: notes, agreed matters, orders of the shop, a segment."""

from datetime import datetime, timedelta
from email.utils import parseaddr

from helpdesk.actions.customers import add_note
from helpdesk.actions.records import RecordFields, add_system, put_record
from helpdesk.actions.segments import save_segment
from helpdesk.demo import people
from helpdesk.models import Agent, Identity
from helpdesk.queries.segments import Criteria

#: (customer, text, whether it was agreed, days ago)
_NOTES = (
    (people.TUOMAS, "Deliveries to Nauvo go with our own van on Tuesdays.", True, 12),
    (people.TUOMAS, "Decides over the fleet; orders in autumn for the next season.", False, 30),
    (people.LIISA, "Call after four, she teaches until then.", False, 9),
)

#: (number, customer, what, state, amount, days ago)
_ORDERS = (
    ("448655", people.TUOMAS, "12 life jackets, size L", "shipped", "1,188.00 EUR", 5),
    ("448790", people.INGRID, "Dry suit, size M", "packed", "649.00 EUR", 3),
    ("447012", people.LIISA, "Chartplotter 9 inches", "delivered", "899.00 EUR", 26),
)


def know_customers(*, by: Agent, now: datetime) -> None:
    """Write all of it down, as of some days before ``now``."""
    for customer, text, is_agreed, days in _NOTES:
        contact = Identity.objects.mail([_address(customer)]).get().contact
        add_note(contact=contact, text=text, is_agreed=is_agreed, by=by, at=now - timedelta(days=days))
    shop, _token = add_system(name="Web shop", slug="shop", by=by, at=now - timedelta(days=31))
    for number, customer, what, state, amount, days in _ORDERS:
        at = now - timedelta(days=days)
        fields = RecordFields(
            kind="order",
            title=what,
            state=state,
            amount=amount,
            at=at,
            owner_kind=Identity.Kind.EMAIL,
            owner_value=_address(customer),
            fields={"Carrier": "Posti"},
        )
        put_record(system=shop, external_id=number, fields=fields, at=at)
    criteria = Criteria(classes=("vip", "dealer"), open_at_least=1)
    save_segment(segment=None, name="Key customers who wait", criteria=criteria, by=by, at=now - timedelta(days=30))


def _address(person: str) -> str:
    return parseaddr(person)[1].lower()
