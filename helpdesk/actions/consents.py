"""What customers allow and forbid, written down with its basis, its source and its proof."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from helpdesk.actions import changes
from helpdesk.models import Agent, Consent, Contact, Message
from helpdesk.models.consent import ConsentSource, LegalBasis, Purpose
from helpdesk.text import clean_text

MAX_PROOF = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A customer's word: on what, by which kind of channel ('' all), and how we know."""

    purpose: Purpose
    channel_kind: str = ""
    is_allowed: bool
    basis: LegalBasis
    source: ConsentSource
    proof: str = ""
    message: Message | None = None


@transaction.atomic
def note(*, contact: Contact, said: Said, by: Agent | None, at: datetime, given_at: datetime | None = None) -> Consent:
    """Write down a customer's word. The journal says that it was, of which number, and not of whom.

    A refusal rests on an objection, whatever was chosen: nobody needs a basis for not writing.
    """
    row = Consent.objects.create(
        contact=contact,
        purpose=said.purpose,
        channel_kind=said.channel_kind,
        is_allowed=said.is_allowed,
        basis=said.basis if said.is_allowed else LegalBasis.OBJECTION,
        source=said.source,
        proof=clean_text(said.proof, max_length=MAX_PROOF),
        message=said.message,
        author=by,
        given_at=given_at or at,
        created_at=at,
    )
    details = {"purpose": row.purpose, "kind": row.channel_kind, "basis": row.basis}
    change = "allowed" if row.is_allowed else "refused"
    changes.record(what="consent", name=f"#{contact.pk}", change=change, by=by, at=at, details=details)
    return row
