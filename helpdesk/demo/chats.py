"""Two chats of the demo's web shop: one that went well yesterday, and one whose customer waits."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from helpdesk import chats
from helpdesk.actions import tickets, visitors
from helpdesk.actions.chats import read_by_agent, read_by_visitor
from helpdesk.demo import people, shop
from helpdesk.models import Agent, Channel, Conversation, State

_SHOP = "https://shop.luotsi.example"


@dataclass(frozen=True, slots=True)
class _Chat:
    """Who writes from where; lines are the customer's and, with "> " before them, ours; minutes before now."""

    name: str
    address: str
    language: str
    page: str
    title: str
    minutes: int
    lines: tuple[str, ...]
    score: int = 0


_CHATS = (
    _Chat(
        "Aino Hämäläinen",
        "aino.h@posti.example",
        "en",
        "/life-jackets/child",
        "Life jackets for children",
        26 * 60,
        (
            "Hi! Which size of life jacket fits a child of 22 kg?",
            "> Hello Aino! For 22 kg it is the 20–30 kg size. It should sit tight when you lift it by the shoulders.",
            "Great, that one is in stock, so I'll order it. Thank you!",
            "> You're welcome. Have a good time on the water!",
        ),
        score=5,
    ),
    _Chat(
        "",
        "",
        "en",
        "/basket",
        "Your basket",
        4,
        (
            "Hello, my discount code HARBOUR10 doesn't work in the basket",
            "It says that it has expired, but I got it today",
        ),
    ),
)


def play_chats(*, now: datetime) -> None:
    """Let them happen, as the sockets would have stored them."""
    channel, agent = Channel.objects.get(slug=shop.SLUG), Agent.objects.get(email=people.LOGIN)
    for each in _CHATS:
        _play(each, channel, agent, now - timedelta(minutes=each.minutes))


def _play(chat: _Chat, channel: Channel, agent: Agent, at: datetime) -> None:
    guest = visitors.Guest(
        channel_id=channel.pk,
        token=secrets.token_urlsafe(32),  # nobody comes back with it
        name=chat.name,
        address=chat.address,
        language=chat.language,
        page={"url": _SHOP + chat.page, "title": chat.title},
        pages=[{"url": _SHOP + "/", "title": "Luotsi, boats and the outdoors", "at": at.isoformat()}],
    )
    number = 0
    for place, line in enumerate(chat.lines):
        at += timedelta(seconds=40)
        is_ours = line.startswith("> ")
        words = chats.Words(
            client_id=f"demo-{place:04}-{secrets.token_hex(4)}",
            text=line.removeprefix("> "),
            at=at,
            guest=None if is_ours else guest,
            agent_id=agent.pk if is_ours else 0,
            conversation_id=number if is_ours else 0,
        )
        outcome = chats.say(words=words)
        if isinstance(outcome, chats.Stored):
            number = outcome.conversation_id
    if chat.score:
        _end_well(
            Conversation.objects.select_related("ticket__channel", "ticket__owner", "ticket__contact").get(pk=number),
            agent,
            chat.score,
            at,
        )


def _end_well(row: Conversation, agent: Agent, score: int, at: datetime) -> None:
    read_by_visitor(conversation_id=row.pk, visitor_id=row.visitor_id, sequence=row.last_sequence)
    read_by_agent(conversation_id=row.pk, sequence=row.last_sequence)
    tickets.set_state(ticket=row.ticket, state=State.SOLVED, by=agent, at=at)
    chats.rate(conversation=row, score=score, effort=7, comment="", at=at)
