"""Does this mail get an acknowledgement, and which (MAIL.md 19-21)? The verdict is stored with the message.

Headers and envelope are judged by `mail_gateway.automatic.may_acknowledge`; here stand the rest of the table and the
letter itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk import keys, mail_texts
from helpdesk.actions import breakers, letters
from helpdesk.actions.journal import Line, Placed, record_many
from helpdesk.intake.caps import Cap, Caps
from helpdesk.intake.guards import SenderCheck
from helpdesk.models import Entry, Identity, Mailbox, Message, State, Template, Ticket
from helpdesk.queries.knowledge import Match, articles_for
from helpdesk.queries.progress import link_to
from helpdesk.routing import Placement
from helpdesk.text import clean, excerpt, fill
from mail_gateway.addresses import ascii_address
from mail_gateway.automatic import AckReason, may_acknowledge
from mail_gateway.crash_points import crash_point
from mail_gateway.mail import Address, ParsedMail

#: After an outage nobody wants yesterday's "your mail has arrived".
MAX_AGE = timedelta(hours=24)
#: What is quoted of the customer's own words, if the whole mail stays below 10 kB with it (MAIL.md 21).
MAX_QUOTE = 3000
MAX_BYTES = 10 * 1024
MAX_NEUTRAL_ID = 100
#: Header lines without the references, the HTML frame and what stands between the parts.
_FRAME_BYTES = 2_700


class Verdict(models.TextChoices):
    """Every answer to "why (no) acknowledgement?", each with a sentence for the agent."""

    FULL = "full", _("Acknowledged.")
    NEUTRAL = "neutral", _("Acknowledged neutrally: nobody vouches for the sender.")
    HELD = "held", _("Held: too much automatic mail went out within an hour. It can be released under Outgoing mail.")
    FOLLOW_UP = "follow-up", _("No: it is an answer in a ticket that exists.")
    RULE = "rule", _("No: a rule said so.")
    BLOCKED = "blocked", _("No: the sender is blocked.")
    IMPORTED = "imported", _("No: old mail that was imported silently.")
    TOO_OLD = "too-old", _("No: it arrived more than a day ago.")
    NO_SENDER = "no-sender", _("No: the sender can't be told from the mail.")
    FORGED = "forged", _("No: the sender's own domain says that the mail is forged.")
    SENDER_PAUSE = "sender-pause", _("No: this sender had one within ten minutes.")
    SENDER_DAY = "sender-day", _("No: this sender had five within a day.")
    UNVERIFIED_DAY = "unverified-day", _("No: nobody vouches for the sender, and this address had one within a day.")
    TICKET_HOUR = "ticket-hour", _("No: this ticket had three automatic mails within an hour.")
    UNDELIVERABLE = "undeliverable", _("No: mail to this address has come back for good.")
    UNWRITABLE = "unwritable", _("No: our mail can't be sent to an address with such letters before the @.")
    # Of social channels.
    PUBLIC = "public", _("No: it was said in public.")
    ONE_WAY = "one-way", _("No: nothing can be answered in this channel.")
    BOT = "bot", _("No: it was written by a bot.")
    # From headers and envelope; the values are those of mail_gateway.automatic.AckReason.
    EMPTY_RETURN_PATH = "empty-return-path", _("No: a bounce or another mail that nobody may answer.")
    DELIVERY_REPORT = "delivery-report", _("No: it is a report of a mail server.")
    MAIL_SYSTEM_SENDER = "mail-system-sender", _("No: it is from a mail server.")
    AUTO_SUBMITTED = "auto-submitted", _("No: it was sent by a machine (Auto-Submitted).")
    MAILING_LIST = "mailing-list", _("No: it came through a mailing list.")
    BULK_PRECEDENCE = "bulk-precedence", _("No: it is bulk mail (Precedence).")
    FEEDBACK_ID = "feedback-id", _("No: it is a campaign mail (Feedback-ID).")
    RESPONSE_SUPPRESSED = "response-suppressed", _("No: the sender asks for no automatic answers.")
    AUTORESPONDER = "autoresponder", _("No: it is an automatic reply.")
    LOOP_MARK = "loop-mark", _("No: it carries the mark of an automatic answer that came back.")
    OWN_MESSAGE_ID = "own-message-id", _("No: it is our own mail that came back.")
    OWN_ADDRESS = "own-address", _("No: it is from one of our own addresses.")
    ROLE_SENDER = "role-sender", _("No: the sender's address doesn't take answers.")
    NOT_ADDRESSED = "not-addressed", _("No: none of our addresses is among its recipients.")
    MALFORMED = "malformed", _("No: the mail is malformed.")
    SPAM = "spam", _("No: it is marked as spam.")
    CALENDAR = "calendar", _("No: it is a calendar invitation.")


#: These have a letter.
_WRITTEN = frozenset({Verdict.FULL, Verdict.NEUTRAL, Verdict.HELD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that the decision looks at."""

    mail: ParsedMail
    ticket: Ticket
    message: Message
    mailbox: Mailbox
    identity: Identity | None
    check: SenderCheck
    placement: Placement | None
    templates: Sequence[Template]
    envelope_from: str | None
    envelope_to: Sequence[str]
    our_addresses: frozenset[str]
    is_silent: bool
    received_at: datetime
    now: datetime


def decide_all(cases: Sequence[Case], *, now: datetime) -> list[Verdict]:
    """The verdicts on mails of one moment, in their order: each acknowledgement counts towards the caps of the next."""
    addresses = [case.identity.value for case in cases if case.identity is not None]
    caps = Caps.of(addresses=addresses, channels=[case.mailbox.channel for case in cases], now=now)
    return [decide(case, caps) for case in cases]


def decide(case: Case, caps: Caps) -> Verdict:
    """The table of MAIL.md 19, first match wins. What will be written counts in ``caps``."""
    if case.is_silent:
        return Verdict.IMPORTED
    if case.ticket.state == State.SPAM:
        return Verdict.BLOCKED if case.identity is not None and case.identity.blocked_at is not None else Verdict.SPAM
    reason = may_acknowledge(
        case.mail,
        envelope_from=case.envelope_from,
        envelope_to=case.envelope_to,
        our_addresses=case.our_addresses,
        keys=keys.mail_keys(),
    )
    if reason is not AckReason.YES:
        return Verdict(reason.value)
    if case.placement is None and (case.message.is_third_party or not case.mailbox.acknowledges_answers):
        return Verdict.FOLLOW_UP
    if case.identity is None:
        return Verdict.NO_SENDER
    if case.check.verdict == Message.Verdict.FAILED:
        return Verdict.FORGED
    if case.placement is not None and case.placement.wants_no_acknowledgement:
        return Verdict.RULE
    if case.now - case.received_at > MAX_AGE:
        return Verdict.TOO_OLD
    if not ascii_address(case.identity.value):
        return Verdict.UNWRITABLE
    if case.identity.undeliverable_at is not None:
        return Verdict.UNDELIVERABLE
    return _within_caps(case, case.identity.value, caps)


def _within_caps(case: Case, address: str, caps: Caps) -> Verdict:
    is_verified = case.check.verdict == Message.Verdict.VERIFIED
    channel = case.mailbox.channel
    ticket = case.ticket if case.placement is None else None
    cap = caps.on(address=address, is_verified=is_verified, ticket=ticket, channel=channel)
    if cap in {None, Cap.HELD}:
        caps.count(address=address, channel=channel, is_held=cap is Cap.HELD)
    if cap is not None:
        return Verdict(cap.value)
    return Verdict.FULL if is_verified else Verdict.NEUTRAL


def carry_out_all(decided: Iterable[tuple[Case, Verdict]], *, now: datetime) -> None:
    """Send what was decided, now that tickets and messages are stored, and write the verdicts into the journal."""
    decided = [(case, verdict) for case, verdict in decided if verdict is not Verdict.FOLLOW_UP]
    written = {id(case): _write(case) for case, verdict in decided if verdict in _WRITTEN}
    Message.objects.bulk_create(each.message for each in written.values())
    letters.post_all(
        deliveries=[
            letters.finish(
                message=each.message,
                mailbox=case.mailbox,
                letter=each.letter,
                parents=each.parents,
                at=now,
                send_at=now,
                is_held=verdict is Verdict.HELD,
            )
            for case, verdict in decided
            if (each := written.get(id(case))) is not None
        ]
    )
    if written:
        crash_point("process.acknowledged")
    for channel in {case.mailbox.channel for case, verdict in decided if verdict is Verdict.HELD}:
        breakers.trip_full(channel=channel, at=now)
    record_many([Placed(case.ticket, now, _line(case, verdict, written.get(id(case)))) for case, verdict in decided])


def _line(case: Case, verdict: Verdict, written: "_Written | None") -> Line:
    is_sent = verdict in {Verdict.FULL, Verdict.NEUTRAL}
    data: dict[str, object] = {"verdict": verdict.value}
    if written is not None:
        data["articles"] = written.articles
    kind = Entry.Kind.ACKNOWLEDGED if is_sent else Entry.Kind.NOT_ACKNOWLEDGED
    return Line(kind=kind, message=case.message, data=data)


@dataclass(frozen=True, slots=True)
class _Written:
    """An acknowledgement before it is stored. ``articles`` are the slugs of those that it links to."""

    message: Message
    letter: letters.Letter
    parents: Sequence[str]
    articles: Sequence[str]


def _write(case: Case) -> _Written:
    assert case.identity is not None  # noqa: S101  # decide() has seen to it
    is_full = case.check.verdict == Message.Verdict.VERIFIED
    language = case.ticket.language or settings.LANGUAGE_CODE
    # Who can't be verified gets no links chosen by their words either: those would repeat what they wrote about.
    found = _articles(case, language) if is_full else []
    subject, body = _text(case, language, is_full=is_full)
    # To somebody who may not have written to us goes not a word of the one who did: no name, no list of references.
    name = _own_name(case) if is_full else ""
    values = {**_values(case, found, language), "contact_name": name}
    if is_full:
        values["message"] = _quoted_beside(fill(body, values), case)
    text = fill(body, values).strip() + "\n"
    message_ids = (*case.mail.references, case.mail.message_id) if is_full else (_short_id(case.mail.message_id),)
    message = Message(
        ticket=case.ticket,
        kind=Message.Kind.AUTOMATIC,
        sender_name=letters.sender_name(case.mailbox),
        sender_address=case.mailbox.address,
        recipients={"to": [[name, case.identity.value]], "cc": []},
        subject=letters.with_reference(clean(fill(subject, values), max_length=200), case.ticket),
        message_id=letters.new_message_id(ticket=case.ticket, recipient=case.identity.value, mailbox=case.mailbox),
        text=text,
        language=language,
        created_at=case.now,
    )
    letter = letters.Letter(
        sender_name=message.sender_name,
        to=(Address(name=name, addr=case.identity.value),),
        subject=message.subject,
        text=text,
        language=language,
        automatic="auto-replied",
    )
    return _Written(message, letter, [each for each in message_ids if each], [match.slug for match in found])


def _short_id(message_id: str) -> str:
    """A Message-ID that threads the neutral answer (RFC 3834, 3.1.5); none that is long enough to be a letter."""
    return message_id if len(message_id) <= MAX_NEUTRAL_ID else ""


def _articles(case: Case, language: str) -> list[Match]:
    return list(articles_for(text=case.message.said, subject=case.ticket.subject, language=language))


def _text(case: Case, language: str, *, is_full: bool) -> tuple[str, str]:
    """Subject and body: a rule's template, the default one, or the desk's own words, in the customer's language."""
    if not is_full:
        return (
            mail_texts.in_language(mail_texts.NEUTRAL_SUBJECT, language, fallback=settings.LANGUAGE_CODE),
            mail_texts.in_language(mail_texts.NEUTRAL, language, fallback=settings.LANGUAGE_CODE),
        )
    slug = case.placement.acknowledgement if case.placement else ""
    rows = {row.language: row for row in case.templates if (row.slug == slug if slug else row.is_default)}
    row = rows.get(language) or rows.get(settings.LANGUAGE_CODE) or rows.get("en")
    own_subject = mail_texts.in_language(mail_texts.SUBJECT, language, fallback=settings.LANGUAGE_CODE)
    if row is not None:
        return row.subject or own_subject, row.body
    return own_subject, mail_texts.in_language(mail_texts.ACKNOWLEDGEMENT, language, fallback=settings.LANGUAGE_CODE)


def _values(case: Case, found: list[Match], language: str) -> dict[str, str]:
    links = "\n".join(f"· {match.title}\n  {settings.SITE_URL}{match.url_path}" for match in found)
    intro = mail_texts.in_language(mail_texts.ARTICLES_INTRO, language, fallback=settings.LANGUAGE_CODE)
    return {
        "reference": case.ticket.reference,
        "subject": excerpt(case.ticket.subject, max_length=120),
        "message": "",
        "articles": f"{intro}\n\n{links}\n" if links else "",
        "progress_url": link_to(case.ticket.pk),
        "desk_name": settings.DESK_NAME,
    }


def _own_name(case: Case) -> str:
    """What the sender, who is verified, is called: as they say, since anybody may have named their address before."""
    return case.message.sender_name or (case.identity.contact.name if case.identity else "")


def _quoted_beside(text: str, case: Case) -> str:
    """What is quoted of the mail in an acknowledgement that says ``text`` besides."""
    words = case.message.said
    is_ascii = text.isascii() and words[:MAX_QUOTE].isascii()
    references = sum(len(each) + 3 for each in case.mail.references[-letters.MAX_REFERENCES :])
    room = MAX_BYTES - _FRAME_BYTES - references - _size(text, is_ascii=is_ascii)
    return _quoted(words, room=room, is_ascii=is_ascii)


def _quoted(words: str, *, room: int, is_ascii: bool) -> str:
    """The customer's own words, as many lines of them as have room, in bytes of the finished mail."""
    lines, kept = words[:MAX_QUOTE].splitlines(), list[str]()
    for line in lines:
        room -= _size(f"> {line}", is_ascii=is_ascii)
        if room < 0:
            break
        kept.append(f"> {line}")
    is_whole = len(kept) == len(lines) and len(words) <= MAX_QUOTE
    return "\n".join(kept if is_whole else [*kept, "> …"])


def _size(text: str, *, is_ascii: bool) -> int:
    """At most so many bytes do these lines take in both halves of a mail, with the marks of the HTML half."""
    size = 0
    for line in text.split("\n"):
        html = escape(line) * (2 if "://" in line else 1)
        size += len(line.encode()) + len(html.encode()) + 60
    # Quoted-printable makes three bytes of one for a third of them at most; beyond that base64 is taken.
    return size if is_ascii else size * 17 // 10
