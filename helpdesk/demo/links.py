"""Who is who in the demo: a customer who also writes by WhatsApp, one who claims an address, two who were merged."""

from datetime import datetime, timedelta

from helpdesk.actions import attributes, identities, merging
from helpdesk.actions.contacts import contact_for
from helpdesk.demo import people
from helpdesk.models import Agent, Identity, IdentityKind


def introduce(*, now: datetime) -> None:
    """Handles beside the customers of the demo, as they would have come in; nothing where those are missing."""
    agent = Agent.objects.get(email=people.LOGIN)
    known = {each.value: each.contact for each in Identity.objects.mail(_ADDRESSES).select_related("contact")}
    if len(known) < len(_ADDRESSES):
        return
    liisa, _pekka, mary = (known[address] for address in _ADDRESSES)
    attributes.offer(
        contact=liisa, attribute="phone", value="+358 40 555 0142", source="agent", by=agent, at=now - timedelta(days=3)
    )
    attributes.offer(contact=liisa, attribute="name", value="Liisa L.", source="whatsapp", at=now - timedelta(days=2))
    contact_for(
        kind=IdentityKind.WHATSAPP,
        value="358405550142",
        display="+358 40 555 0142",
        name="Liisa L.",
        source="whatsapp",
        verified=True,
        at=now - timedelta(hours=5),
    )
    handle = contact_for(
        kind=IdentityKind.MASTODON, value="pekka@saaristo.example", name="pekka", source="mastodon", at=now
    )
    identities.note_claims(
        contact=handle.contact, text="Write to me at pekka.makinen@verkko.example", source="mastodon", at=now
    )
    handle = contact_for(
        kind=IdentityKind.TELEGRAM, value="700142", display="@marywhitfield", name="Mary W.", verified=True, at=now
    )
    merging.merge(
        kept=mary, folded=handle.contact, by=agent, evidence="Said so on the phone", at=now - timedelta(hours=1)
    )


_ADDRESSES = ("liisa.laine@posti.example", "pekka.makinen@verkko.example", "mary@whitfield.example")
