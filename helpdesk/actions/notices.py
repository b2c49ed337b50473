"""Mail of the desk to its own people: it belongs to no ticket, is automatic (RFC 3834), and goes out like all mail."""

import secrets
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation

from helpdesk import live
from helpdesk.actions import letters
from helpdesk.models import Agent, Delivery, Mailbox
from helpdesk.text import clean
from mail_gateway.compose import compose
from mail_gateway.mail import Address, OutgoingMail


def post(*, to: Agent, mailbox: Mailbox, subject: str, text: str, at: datetime) -> Delivery:
    """Queue a notice to one agent in the caller's transaction. Nothing can answer it: its envelope sender is empty."""
    domain = mailbox.address.rpartition("@")[2]
    mime = compose(
        OutgoingMail(
            sender=Address(name=letters.sender_name(mailbox), addr=mailbox.address),
            to=(Address(name=clean(to.name, max_length=120), addr=to.email),),
            subject=subject,
            text=text,
            html=render_to_string("mail/letter.html", {"text": text, "language": to.language}),
            message_id=f"notice.{secrets.token_hex(12)}@{domain}",
            date=at,
            automatic="auto-generated",
            language=to.language,
        )
    )
    delivery = Delivery.objects.create(
        message=None,
        channel_id=mailbox.channel_id,
        sender="",
        recipients=[to.email],
        recipient=to.email,
        subject=subject[:998],
        mime=mime,
        is_automatic=True,
        state=Delivery.State.QUEUED,
        next_attempt_at=at,
        created_at=at,
    )
    live.wake(live.OUTBOX)
    return delivery


@contextmanager
def eyes_of(agent: Agent) -> Iterator[None]:
    """The language and the zone of who reads it."""
    zone = agent.time_zone if agent.time_zone in zoneinfo.available_timezones() else settings.TIME_ZONE
    with translation.override(agent.language), timezone.override(zone):
        yield
