"""One mail on its way through the intake, and what is known of it so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from helpdesk import blobs
from helpdesk.intake.guards import SenderCheck
from helpdesk.intake.matching import Match
from helpdesk.models import Identity, InboundEvent, Message, Ticket
from helpdesk.routing import Placement
from mail_gateway.mail import Attachment, Kind, ParsedMail


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A claimed event and what its raw bytes read as, with its files stored: ``files`` pairs them with their blobs."""

    event: InboundEvent
    mail: ParsedMail
    files: Sequence[tuple[Attachment, str]] = ()

    @classmethod
    def with_files(cls, event: InboundEvent, mail: ParsedMail) -> "ReadMail":
        """Store the files of ``mail``, which can take seconds: before the transaction, since SQLite has one writer.

        Raises OSError when the disk refuses.
        """
        return cls(event, mail, [(each, blobs.put(each.content)) for each in mail.attachments])

    @property
    def recipients(self) -> Sequence[str]:
        """The envelope's; empty for fetched mail."""
        recipients: Sequence[str] = self.event.envelope.get("recipients", [])
        return recipients


@dataclass(slots=True, kw_only=True)
class Passage:
    """A mail between its guards and its journal line. ``placement`` is None when its ticket was there before."""

    read: ReadMail
    check: SenderCheck
    found: Match
    identity: Identity | None
    copies: Sequence[Identity]
    ticket: Ticket
    message: Message
    placement: Placement | None = field(default=None)

    @property
    def event(self) -> InboundEvent:
        return self.read.event

    @property
    def mail(self) -> ParsedMail:
        return self.read.mail

    @property
    def wants_a_person(self) -> bool:
        """Whether somebody has to look at it: an out-of-office or a bounce puts nothing back to work (MAIL.md 22).

        Lists, bulk mail, invitations and what calls itself generated may hold a person's words: order forms and other
        ticket systems send such mail. Old mail that is imported silently asks for nobody.
        """
        if self.event.is_silent:
            return False
        kind, reason = self.mail.automatic.kind, self.mail.automatic.reason
        return kind in {Kind.PERSON, Kind.LIST, Kind.BULK, Kind.CALENDAR} or reason == "auto-generated"
