"""The outbox's way out of a social channel: what was queued is put together and given to the platform's connector."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from helpdesk import blobs
from helpdesk.connectors.base import Line, Named, Outgoing
from helpdesk.connectors.social import OutgoingPost, SocialConnector, Template, Upload
from helpdesk.models import Channel, SocialAccount
from mail_gateway.errors import LoginRefused, Temporary


@dataclass(frozen=True, slots=True)
class SocialLine:
    """One account of one platform. A repeat may double the message: the platform decides what it does with the key."""

    connector: SocialConnector
    account: SocialAccount
    is_repeatable: ClassVar[bool] = False

    def hand_over(self, outgoing: Outgoing) -> Named:
        sent = self.connector.send(self.account, post_of(outgoing))
        return Named(sent.external_id, sent.url, sent.parts)

    def flush(self) -> None:
        """Nothing is left to do: the platform's answer to each message was its word."""


def post_of(outgoing: Outgoing) -> OutgoingPost:
    """What `actions.social_posts.queue_post` has written down. Raises Temporary when a file can't be read."""
    row = json.loads(outgoing.raw)
    try:
        media = tuple(
            Upload(name=file["name"], content_type=file["content_type"], content=blobs.get(file["blob"]))
            for file in row["files"]
        )
    except OSError as error:
        raise Temporary(f"A file of the message can't be read: {error.strerror}") from error
    template = row["template"]
    return OutgoingPost(
        thread=row["thread"],
        text=row["text"],
        media=media,
        reply_to=row["reply_to"],
        is_public=row["is_public"],
        template=Template(**{**template, "values": tuple(template["values"])}) if template else None,
        idempotency_key=f"luotsi-{outgoing.delivery_id}-{outgoing.created_at:%Y%m%d%H%M%S%f}",
    )


@dataclass(frozen=True, slots=True)
class SocialOutbox:
    """The connector of social channels, as the outbox knows connectors."""

    connector_of: Callable[[SocialAccount], SocialConnector]

    @contextmanager
    def open_line(self, channel: Channel) -> Iterator[Line]:
        """The account of the channel. Raises LoginRefused when it has none."""
        account = SocialAccount.objects.filter(channel=channel).first()
        if account is None:
            raise LoginRefused("The channel has no account.")
        yield SocialLine(self.connector_of(account), account)
