"""Which code serves which kind of channel; imported when the first channel of that kind is used."""

from functools import cache
from importlib import import_module
from typing import cast

from helpdesk.connectors.base import Connector
from helpdesk.connectors.social import SocialConnector
from helpdesk.connectors.social_line import SocialOutbox
from helpdesk.connectors.staged import Staged, is_staged
from helpdesk.models import Channel, SocialAccount

#: A new connector is one file beside this one, one line here, and samples for the contract test.
CONNECTORS = {Channel.Kind.EMAIL: "helpdesk.connectors.email"}

#: Social platforms, in the order of the page on which an admin chooses one: modules with a `connector` of
#: `helpdesk.connectors.social.SocialConnector`.
SOCIAL = {
    Channel.Kind.TELEGRAM: "helpdesk.connectors.telegram",
    Channel.Kind.MESSENGER: "helpdesk.connectors.meta_messenger",
    Channel.Kind.INSTAGRAM: "helpdesk.connectors.meta_instagram",
    Channel.Kind.WHATSAPP: "helpdesk.connectors.meta_whatsapp",
    Channel.Kind.MASTODON: "helpdesk.connectors.mastodon",
    Channel.Kind.BLUESKY: "helpdesk.connectors.bluesky",
    Channel.Kind.GENERIC: "helpdesk.connectors.generic",
}


@cache
def connector_for(kind: str) -> Connector:
    """The connector of ``kind``. Raises KeyError for a kind that nobody has registered."""
    if kind in SOCIAL:
        return SocialOutbox(account_connector)
    return cast("Connector", import_module(CONNECTORS[Channel.Kind(kind)]).connector)


@cache
def social_connector(provider: str) -> SocialConnector:
    """The connector of a social platform. Raises KeyError for one that nobody has registered."""
    return cast("SocialConnector", import_module(SOCIAL[Channel.Kind(provider)]).connector)


def account_connector(account: SocialAccount) -> SocialConnector:
    """The connector of an account: its platform's, or for one of the demo what stays inside the desk."""
    own = social_connector(account.provider)
    return Staged(own) if is_staged(account) else own
