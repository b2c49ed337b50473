"""What the demo knows of its customers besides their mail: notes, agreed matters, orders and invoices, consent, segments."""

from datetime import datetime, timedelta
from email.utils import parseaddr

from helpdesk.actions.consents import Said, note
from helpdesk.actions.customers import add_note
from helpdesk.actions.records import RecordFields, add_system, put_record
from helpdesk.actions.segments import save_segment
from helpdesk.demo import people
from helpdesk.models import Agent, ConsentSource, Identity, LegalBasis, Purpose
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

#: Invoices of the bookkeeping, by number: whom they are for is told by the company's domain.
_INVOICES = (
    ("2026-1183", "Invoice 2026-1183", "paid", "1,188.00 EUR", 4),
    ("2026-1127", "Invoice 2026-1127", "overdue", "264.50 EUR", 24),
)
_CHARTER_DOMAIN = "saaristocharter.example"

#: (customer, word, days ago); a consent needs what shows it.
_SAID = (
    (
        people.LIISA,
        Said(
            purpose=Purpose.MARKETING,
            is_allowed=False,
            basis=LegalBasis.OBJECTION,
            source=ConsentSource.UNSUBSCRIBED,
            proof="Pressed “unsubscribe” in the spring catalogue.",
        ),
        18,
    ),
    (
        people.LIISA,
        Said(
            purpose=Purpose.FEEDBACK,
            channel_kind="email",
            is_allowed=False,
            basis=LegalBasis.OBJECTION,
            source=ConsentSource.PHONE,
            proof="“Please don't ask me how you did, I'll tell you.”",
        ),
        9,
    ),
    (
        people.TUOMAS,
        Said(
            purpose=Purpose.NEWS,
            channel_kind="email",
            is_allowed=True,
            basis=LegalBasis.CONSENT,
            source=ConsentSource.FORM,
            proof="Dealer form, version 3, box “news about products that we use”.",
        ),
        25,
    ),
)


def know_customers(*, by: Agent, now: datetime) -> None:
    """Write all of it down, as of some days before ``now``."""
    for customer, text, is_agreed, days in _NOTES:
        contact = Identity.objects.mail([_address(customer)]).get().contact
        add_note(contact=contact, text=text, is_agreed=is_agreed, by=by, at=now - timedelta(days=days))
    for customer, said, days in _SAID:
        contact = Identity.objects.mail([_address(customer)]).get().contact
        note(contact=contact, said=said, by=by, at=now - timedelta(days=days))
    _tell_records(by=by, now=now)
    criteria = Criteria(classes=("vip", "dealer"), open_at_least=1)
    save_segment(segment=None, name="Key customers who wait", criteria=criteria, by=by, at=now - timedelta(days=30))


def _tell_records(*, by: Agent, now: datetime) -> None:
    """What the web shop and the bookkeeping would have put."""
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
    books, _token = add_system(name="Bookkeeping", slug="books", by=by, at=now - timedelta(days=31))
    for number, what, state, amount, days in _INVOICES:
        at = now - timedelta(days=days)
        invoice = RecordFields(kind="invoice", title=what, state=state, amount=amount, at=at, domain=_CHARTER_DOMAIN)
        put_record(system=books, external_id=number, fields=invoice, at=at)


def _address(person: str) -> str:
    return parseaddr(person)[1].lower()
