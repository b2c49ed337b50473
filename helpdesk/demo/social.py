"""The demo on other people's platforms: four accounts, and what came in there, each in the platform's own form.

Nothing of it reaches a platform: the accounts are staged (`connectors.staged`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from helpdesk.actions import social_accounts, social_posts, social_replies, social_templates
from helpdesk.connectors.base import Named
from helpdesk.connectors.registry import account_connector
from helpdesk.connectors.social import Approved, Checked
from helpdesk.connectors.staged import MARK
from helpdesk.demo import people
from helpdesk.intake.accept import accept
from helpdesk.intake.social_process import process_item
from helpdesk.models import Agent, Channel, SocialAccount, Team, Ticket
from helpdesk.routing import Rulebook

_Kind = Channel.Kind
_INSTAGRAM, _NUMBER = "17841400000000142", "105550142000142"


@dataclass(frozen=True, slots=True)
class _Account:
    """One of the desk's own accounts, named as it is called there."""

    kind: Channel.Kind
    name: str
    shown: str
    team: str
    settings: Mapping[str, str]


_ACCOUNTS = (
    _Account(_Kind.TELEGRAM, "Telegram", "@luotsi_boats_bot", "support", {"mode": "webhook"}),
    _Account(_Kind.WHATSAPP, "WhatsApp", "Luotsi +358 20 555 0100", "support", {"phone_number_id": _NUMBER}),
    _Account(
        _Kind.INSTAGRAM, "Instagram", "luotsi.boats", "support", {"instagram_id": _INSTAGRAM, "login": "instagram"}
    ),
    _Account(_Kind.MASTODON, "Mastodon", "@luotsi@meri.example", "support", {"server": "https://meri.example"}),
)
#: What WhatsApp lets the desk say when its window is closed.
_APPROVED = (
    Approved(
        name="order_on_its_way",
        language="en",
        category="UTILITY",
        text="Hello {{1}}, your order {{2}} is on its way. Answer here if anything is unclear.",
        places=("1", "2"),
    ),
    Approved(
        name="we_have_an_answer",
        language="en",
        category="UTILITY",
        text="Hello {{1}}, we have an answer to your question. Write here and we will send it to you.",
        places=("1",),
    ),
    Approved(
        name="vastaus_valmis",
        language="fi",
        category="UTILITY",
        text="Hei {{1}}, meillä on vastaus kysymykseesi. Kirjoita tähän, niin lähetämme sen.",
        places=("1",),
    ),
)


@dataclass(frozen=True, slots=True)
class _Talk:
    """Who writes by which platform, hours before now; lines with "> " before them are ours.

    ``person``: the platform's id of the writer, name and @nickname, as the platform would tell them.
    """

    kind: Channel.Kind
    person: tuple[str, str, str]
    hours: float
    lines: tuple[str, ...]


_TALKS = (
    _Talk(
        _Kind.TELEGRAM,
        ("700142", "Mary W.", "marywhitfield"),
        26,
        (
            "Hi, it's Mary Whitfield. Can I collect my order at the harbour on Friday instead?",
            "> Hello Mary, of course. It is at the counter in Linnankatu from Friday nine o'clock.",
            "Lovely. And is there somewhere to moor for half an hour?",
        ),
    ),
    _Talk(
        _Kind.INSTAGRAM,
        ("9180000000000142", "Kaisa Virtanen", "kaisa.virtanen"),
        20.4,
        ("Hi! I love the yellow dry bag in your story. Does it come in 40 litres too, and is it in stock?",),
    ),
    _Talk(
        _Kind.WHATSAPP,
        ("358405550142", "Liisa L.", ""),
        30,
        ("Hello, the parcel was left in the rain and the box is soaked. Can somebody ring me after four?",),
    ),
    _Talk(
        _Kind.MASTODON,
        ("pekka@saaristo.example", "pekka", "pekka"),
        3,
        (
            "@luotsi@meri.example third week without an answer about my propeller. "
            "Is anybody there, or do I have to sail over?",
        ),
    ),
)


def open_social(*, now: datetime) -> None:
    """Connect the accounts and let people write."""
    admin, teams = Agent.objects.get(email=people.LOGIN), {each.slug: each for each in Team.objects.all()}
    accounts = {each.kind: _connect(each, teams[each.team], admin, at=now - timedelta(days=20)) for each in _ACCOUNTS}
    social_templates.store(account=accounts[_Kind.WHATSAPP], found=_APPROVED, by=admin, at=now - timedelta(days=20))
    for talk in _TALKS:
        _play(talk, accounts[talk.kind], admin, now=now)
    # As the daily look would have left them.
    SocialAccount.objects.update(checked_at=now - timedelta(hours=2))


def _connect(own: _Account, team: Team, by: Agent, *, at: datetime) -> SocialAccount:
    wanted = social_accounts.Wanted(
        name=own.name, team=team, is_active=True, settings={**own.settings, MARK: "yes"}, secrets={}
    )
    draft = social_accounts.draft_account(account=None, provider=own.kind, wanted=wanted, at=at)
    return social_accounts.save_account(account=draft, checked=Checked(ok=True, name=own.shown), by=by, at=at)


def _play(talk: _Talk, account: SocialAccount, agent: Agent, *, now: datetime) -> None:
    at, ticket = now - timedelta(hours=talk.hours), None
    for place, line in enumerate(talk.lines):
        if line.startswith("> "):
            ticket = _answer(ticket, agent, line.removeprefix("> "), at)
        else:
            ticket = _hear(talk, account, line, place, at)
        at += timedelta(minutes=9)
    social_accounts.note_event(account=account, at=at)


def _hear(talk: _Talk, account: SocialAccount, line: str, place: int, at: datetime) -> Ticket | None:
    """One message of a customer, through the platform's reader and the intake."""
    raw = json.dumps(_FORMS[talk.kind](talk, line, place, at)).encode()
    name = f"social:demo:{place}"
    event = accept(channel=account.channel, external_id=name, raw=raw, received_at=at, is_social=True)
    item = account_connector(account).read(account, raw)
    if item is None or item.sender is None:
        raise RuntimeError(f"{account.provider} does not read its own form")
    _id, shown, nickname = talk.person
    # What the platform says of a person when the desk asks it.
    sender = replace(item.sender, name=shown, display=item.sender.display or (f"@{nickname}" if nickname else ""))
    message = process_item(
        event=event,
        account=account,
        item=replace(item, sender=sender),
        files=(),
        problems=(),
        rulebook=Rulebook.load(),
        is_last_try=True,
        now=at,
    )
    return message.ticket if message is not None else None


def _answer(ticket: Ticket | None, agent: Agent, text: str, at: datetime) -> Ticket | None:
    if ticket is None:
        return None
    answer = social_replies.reply(
        ticket=ticket, agent=agent, text=text, seen_cursor=0, is_forced=True, at=at, send_at=at
    )
    social_posts.note_sent(names={answer.pk: Named(f"demo-{answer.pk}")})
    return ticket


def _telegram(talk: _Talk, line: str, place: int, at: datetime) -> dict[str, Any]:
    person, shown, nickname = talk.person
    sender = {"id": int(person), "is_bot": False, "first_name": shown, "username": nickname}
    chat = {"id": int(person), "type": "private"}
    told = {"message_id": 40 + place, "from": sender, "chat": chat, "date": int(at.timestamp()), "text": line}
    return {"update_id": 5_000 + place, "message": told}


def _whatsapp(talk: _Talk, line: str, place: int, at: datetime) -> dict[str, Any]:
    person, shown, _nickname = talk.person
    told = {
        "from": person,
        "id": f"wamid.demo{place}",
        "timestamp": str(int(at.timestamp())),
        "type": "text",
        "text": {"body": line},
    }
    return {"number": _NUMBER, "message": told, "contact": {"profile": {"name": shown}, "wa_id": person}}


def _instagram(talk: _Talk, line: str, place: int, at: datetime) -> dict[str, Any]:
    said = {"mid": f"m_demo{place}", "text": line}
    between = {"sender": {"id": talk.person[0]}, "recipient": {"id": _INSTAGRAM}}
    return {"entry": _INSTAGRAM, "event": {**between, "timestamp": int(at.timestamp() * 1000), "message": said}}


def _mastodon(talk: _Talk, line: str, place: int, at: datetime) -> dict[str, Any]:
    person, shown, _nickname = talk.person
    account = {"acct": person, "display_name": shown, "url": f"https://saaristo.example/@{shown}", "bot": False}
    status = {
        "id": f"11480142{place}",
        "created_at": at.isoformat(),
        "account": account,
        "visibility": "public",
        "content": f"<p>{line}</p>",
        "url": f"https://saaristo.example/@{shown}/11480142{place}",
        "language": "en",
    }
    return {"what": "message", "thread": f"11480142{place}:1701", "domain": "meri.example", "status": status}


_FORMS = {
    _Kind.TELEGRAM: _telegram,
    _Kind.WHATSAPP: _whatsapp,
    _Kind.INSTAGRAM: _instagram,
    _Kind.MASTODON: _mastodon,
}
