"""What the intake needs to know of the desk: channels, our addresses, rules, texts (docs/adr/0009).

Read once for the mails of a moment; what an admin changes meanwhile counts from the next look on. Nothing is kept
longer, so there is nothing to reload and nothing to go stale.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from helpdesk.models import Channel, Mailbox, Template
from helpdesk.routing import Rulebook
from helpdesk.text import without_detail


@dataclass(frozen=True, slots=True)
class Standing:
    """How the desk stands at one moment."""

    channels: Mapping[int, Channel]
    our_addresses: frozenset[str]
    rulebook: Rulebook
    acknowledgements: Sequence[Template]

    @classmethod
    def load(cls) -> "Standing":
        """As the database has it now: five small queries. Raises Team.DoesNotExist without a default team."""
        mailboxes = list(Mailbox.objects.select_related("channel"))
        return cls(
            channels={mailbox.channel_id: mailbox.channel for mailbox in mailboxes},
            our_addresses=frozenset().union(*(mailbox.addresses for mailbox in mailboxes)),
            rulebook=Rulebook.load(),
            acknowledgements=list(Template.objects.filter(kind=Template.Kind.ACKNOWLEDGEMENT)),
        )

    def is_ours(self, address: str) -> bool:
        """Whether ``address`` is one of our mailboxes, or a plus-address of one."""
        return without_detail(address) in self.our_addresses or address.lower() in self.our_addresses


class Outlook:
    """Looks at how the desk stands when somebody asks, but not twice within ``seconds``."""

    def __init__(self, *, seconds: float = 0.5) -> None:
        self._seconds = seconds
        self._standing: Standing | None = None
        self._looked_at = 0.0

    def standing(self, *, channels: set[int]) -> Standing:
        """The standing, with these channels in it: a new one is seen by its first mail. Raises like Standing.load."""
        is_fresh = time.monotonic() - self._looked_at < self._seconds
        if self._standing is None or not is_fresh or not channels <= self._standing.channels.keys():
            self._standing, self._looked_at = Standing.load(), time.monotonic()
        return self._standing
