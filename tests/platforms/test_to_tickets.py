"""The whole way: somebody writes on a server that others wrote, a ticket opens, the answer arrives there."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from helpdesk import outbox
from helpdesk.actions import social_accounts, social_posts, social_replies
from helpdesk.connectors.registry import social_connector
from helpdesk.intake import social_polling, social_queue
from helpdesk.models import Agent, Channel, Delivery, Message, SocialAccount, SocialPost, Ticket
from helpdesk.queries.social import way_of
from tests import make
from tests.platforms.bluesky_server import Network
from tests.platforms.mastodon_server import Person
from tests.platforms.test_bluesky import somebody, until

pytestmark = pytest.mark.django_db


def connect(
    provider: str, settings: dict[str, str], secrets: dict[str, str], *, is_asked: bool = True
) -> SocialAccount:
    """As an admin does on the channel's page, and the first look where the desk asks."""
    wanted = social_accounts.Wanted(name=provider, team=None, is_active=True, settings=settings, secrets=secrets)
    draft = social_accounts.draft_account(account=None, provider=provider, wanted=wanted, at=timezone.now())
    checked = social_connector(provider).check(draft)
    assert checked.ok, checked.trouble
    account = social_accounts.save_account(account=draft, checked=checked, by=None, at=timezone.now())
    if is_asked:
        look(account)
    return account


def look(account: SocialAccount) -> int:
    """One look at the platform, and all that came of it; how many items came."""
    SocialAccount.objects.filter(pk=account.pk).update(next_poll_at=timezone.now(), lease_until=None)
    count = social_polling.poll_once(account_id=account.pk)
    work()
    account.refresh_from_db()
    assert account.trouble == "", account.trouble_detail
    return count


def work() -> None:
    """All that has come is done."""
    while any(social_queue.work_once(number) for number in social_queue.channels_with_work()):
        pass


def answer(ticket: Ticket, text: str) -> Message:
    """A reply of ours, sent."""
    now = timezone.now()
    message = make.message(ticket=ticket, kind=Message.Kind.REPLY, text=text, created_at=now)
    thread = ticket.social_threads.select_related("account", "identity").get()
    asked = SocialPost.objects.filter(thread=thread).exclude(external_id="").latest("pk")
    content = social_posts.Content(text=text, reply_to=asked.external_id)
    social_posts.queue_post(message=message, thread=thread, content=content, at=now, send_at=now)
    outbox.deliver_due(now + timedelta(seconds=1))
    delivery = Delivery.objects.get(message=message)
    assert delivery.state == Delivery.State.SENT, delivery.error
    return message


@pytest.fixture(autouse=True)
def _desk(support: object) -> None:
    """There is a default team."""


class TestMastodon:
    @pytest.fixture
    def account(self, mastodon: str) -> SocialAccount:
        return connect("mastodon", {"server": mastodon, "visibility": "unlisted"}, {"token": "desk-token"})

    @pytest.fixture
    def ann(self, mastodon: str) -> Person:
        return Person(mastodon, "ann-token")

    def test_goes_there_and_back(self, account: SocialAccount, ann: Person) -> None:
        asked = ann.post("@desk my parcel 4711 is late")
        look(account)

        ticket = Ticket.objects.get()
        answer(ticket, "It is on its way.")
        ann.post("@desk thank you!", in_reply_to_id=asked["id"])
        look(account)

        assert ticket.contact is not None
        assert ticket.contact.name == "Ann"
        assert ticket.subject == "@desk my parcel 4711 is late"
        assert [message.kind for message in ticket.messages.all()] == ["customer", "reply", "customer"]
        assert "It is on its way." in ann.mentions()[0]["content"]
        assert Ticket.objects.count() == 1

    def test_answers_privately_what_was_asked_in_public(self, account: SocialAccount, ann: Person, ben: Agent) -> None:
        asked = ann.post("@desk my parcel 4711 is late")
        look(account)
        ticket = Ticket.objects.get()

        message = social_replies.reply(
            ticket=ticket, agent=ben, text="What is your address?", seen_cursor=0, is_forced=True, is_private=True
        )
        outbox.deliver_due(timezone.now() + timedelta(minutes=5))
        told = ann.mentions()[0]
        ann.post("@desk Harbour Street 7", in_reply_to_id=told["id"], visibility="direct")
        look(account)

        assert (told["visibility"], told["in_reply_to_id"]) == ("direct", asked["id"])
        assert [each["acct"] for each in told["mentions"]] == ["ann"]
        assert not SocialPost.objects.get(message=message).is_public
        assert [each.text for each in ticket.messages.filter(kind="customer")][-1] == "@desk Harbour Street 7"
        assert Ticket.objects.count() == 1
        way = way_of(ticket)
        assert way is not None
        assert not way.is_public

    def test_acknowledges_privately_what_came_privately(self, account: SocialAccount, ann: Person) -> None:
        ann.post("@desk my card was charged twice", visibility="direct")
        look(account)
        outbox.deliver_due(timezone.now() + timedelta(seconds=1))

        ticket = Ticket.objects.get()
        told = ann.mentions()[0]
        assert ticket.reference in told["content"]
        assert told["visibility"] == "direct"
        assert look(account) <= 1  # the mention is young and comes again
        assert ticket.messages.count() == 2

    def test_follows_edits_and_deletions(self, account: SocialAccount, ann: Person) -> None:
        first, second = ann.post("@desk order 4711"), ann.post("@desk and something secret")
        look(account)

        ann.call("PUT", f"/api/v1/statuses/{first['id']}", {"status": "@desk order 4712"})
        ann.call("DELETE", f"/api/v1/statuses/{second['id']}")
        look(account)

        texts = dict(SocialPost.objects.values_list("external_id", "message__text"))
        assert texts == {first["id"]: "@desk order 4712", second["id"]: ""}
        assert look(account) == 1  # the mention that is there still


class TestBluesky:
    @pytest.fixture(autouse=True)
    def _app_view(self, bluesky: Network) -> None:
        if not bluesky.has_app_view:
            pytest.skip(
                "mentions need the AppView: LUOTSI_BLUESKY_POSTGRES and LUOTSI_BLUESKY_REDIS say where it lives"
            )

    def test_goes_there_and_back(self, bluesky: Network) -> None:
        desk, ann = somebody(bluesky, "desk"), somebody(bluesky, "ann")
        settings = {"service": bluesky.url, "handle": desk.handle, "chat": "no"}
        account = connect(Channel.Kind.BLUESKY, settings, {"app_password": desk.password})
        asked = ann.mention(desk, "my parcel 4711 is late")
        until(desk.hears)
        look(account)

        ticket = Ticket.objects.get()
        message = answer(ticket, "It is on its way.")
        [reply] = until(lambda: self._replies(ann))
        ann.post("Thank you!", reply={"root": asked, "parent": {"uri": reply["uri"], "cid": reply["cid"]}})
        until(lambda: len(desk.hears()) == 2)
        look(account)

        assert [each.kind for each in ticket.messages.all()] == ["customer", "reply", "customer"]
        assert reply["uri"] == SocialPost.objects.get(message=message).external_id
        assert ticket.contact is not None
        identity = ticket.contact.identities.get()
        assert (identity.value, identity.display) == (ann.did, f"@{ann.handle}")

        ann.delete(asked["uri"])
        until(lambda: look(account))
        assert ticket.messages.earliest("pk").text == ""

    def _replies(self, person: Any) -> list[dict[str, Any]]:
        return [each for each in person.hears() if each["reason"] == "reply"]
