"""Mail in by SMTP: which addresses are ours, and one arrival for each channel that a mail is for.

Guarantee: the sender hears 250 only after every one of these arrivals is stored; if one isn't, the sender repeats the
mail, and those that were stored are recognised by their bytes.
"""

import time
from collections.abc import Sequence
from uuid import uuid4

from django.conf import settings
from django.db import close_old_connections

from helpdesk.connectors.base import Arrival, TakeIn
from helpdesk.models import Channel, Mailbox
from helpdesk.text import without_detail
from mail_gateway.crash_points import crash_point
from mail_gateway.receive import Envelope, Protocol, Receiver, start

#: How old the list of our addresses may be; reading it for each recipient would cost more than storing the mail.
FRESH_SECONDS = 2.0


class Directory:
    """Our addresses and their channels, read again when the list is older than ``FRESH_SECONDS``."""

    def __init__(self) -> None:
        self._channels: dict[str, Channel] = {}
        self._read_at = float("-inf")

    def channel_of(self, address: str) -> Channel | None:
        """The active channel that takes mail to ``address``, with or without a +detail (RFC 5233)."""
        if time.monotonic() - self._read_at > FRESH_SECONDS:
            mailboxes = Mailbox.objects.filter(channel__is_active=True).select_related("channel")
            self._channels = {address: mailbox.channel for mailbox in mailboxes for address in mailbox.addresses}
            self._read_at = time.monotonic()
        return self._channels.get(address.lower()) or self._channels.get(without_detail(address))

    def by_channel(self, recipients: Sequence[str]) -> list[tuple[Channel, tuple[str, ...]]]:
        """Which of ``recipients`` each channel answers for; addresses that aren't ours are left out."""
        found: dict[int, tuple[Channel, tuple[str, ...]]] = {}
        for recipient in recipients:
            if (channel := self.channel_of(recipient)) is not None:
                _, others = found.get(channel.pk, (channel, ()))
                found[channel.pk] = (channel, (*others, recipient))
        return list(found.values())


def start_receiver(*, host: str, port: int, take_in: TakeIn, protocol: Protocol = "smtp") -> Receiver:
    """Listen on ``host`` and ``port`` (0: any free one). Raises OSError when it can't."""
    directory = Directory()

    def is_recipient(address: str) -> bool:
        try:
            return directory.channel_of(address) is not None
        finally:
            close_old_connections()

    def accept(envelope: Envelope, raw: bytes) -> None:
        transaction = uuid4()
        crash_point("smtp.received")
        try:
            for channel, recipients in directory.by_channel(envelope.recipients):
                take_in(
                    Arrival(
                        channel=channel,
                        external_id=f"{protocol}:{transaction}",
                        raw=raw,
                        received_at=envelope.received_at,
                        mail_from=envelope.mail_from,
                        recipients=recipients,
                        peer=envelope.peer,
                    )
                )
            crash_point("smtp.stored")
        finally:
            close_old_connections()

    return start(
        host=host,
        port=port,
        accept=accept,
        is_recipient=is_recipient,
        max_bytes=settings.MAX_MAIL_BYTES,
        protocol=protocol,
    )
