"""The pictures of agents: chosen and taken away by themselves, seen by colleagues and by the visitors they talk to."""

import logging

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from helpdesk.actions import people, portraits
from helpdesk.models import Agent, Entry, Portrait, Team
from helpdesk.widget.frames import VisitorsDoor
from tests import make
from tests.flows.chat_clients import Console, Visitor, scene, site
from tests.unit.test_portraits import GOOD, PLAIN, pixels_of

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
PROFILE = "/settings/profile/"


def of(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend=BACKEND)
    return client


def send(client: Client, content: bytes, name: str = "me.png") -> HttpResponse:
    return client.post("/settings/portrait/", {"picture": SimpleUploadedFile(name, content)})  # type: ignore[return-value]


class TestAnAgent:
    def test_chooses_a_picture_and_takes_it_away(self, ben: Agent, cleo: Agent) -> None:
        client = of(ben)
        send(client, GOOD)
        ben.refresh_from_db()
        key = ben.portrait_id or ""

        page = client.get(PROFILE)
        assert f"/portraits/{key}/" in page.content.decode()
        shown = of(cleo).get(f"/portraits/{key}/")
        assert pixels_of(shown.content) == PLAIN
        assert shown["Content-Type"] == "image/png"
        assert shown["Cache-Control"] == "private, max-age=86400, immutable"
        assert shown["X-Content-Type-Options"] == "nosniff"

        answer = client.post("/settings/portrait/", {"remove": "yes"}, follow=True)
        ben.refresh_from_db()
        assert "Your picture is gone." in answer.content.decode()
        assert (ben.portrait_id, Portrait.objects.count()) == (None, 0)
        assert of(cleo).get(f"/portraits/{key}/").status_code == 404
        told = (
            Entry.objects.filter(kind=Entry.Kind.SETTINGS_CHANGED).order_by("pk").values_list("data__change", flat=True)
        )
        assert list(told) == ["portrait-chosen", "portrait-removed"]

    def test_leaves_nothing_of_the_picture_before(self, ben: Agent) -> None:
        send(of(ben), GOOD)
        first = Portrait.objects.get().key
        send(of(ben), GOOD)

        assert Portrait.objects.get().key != first

    def test_who_leaves_the_desk_takes_the_picture_along(self, ben: Agent, dora: Agent) -> None:
        portraits.choose(agent=ben, content=GOOD, at=make.NOON)
        people.update_agent(agent=ben, values={"is_active": False}, teams=None, by=dora, at=make.NOON)

        ben.refresh_from_db()
        assert (ben.portrait_id, Portrait.objects.count()) == (None, 0)

    def test_cannot_take_away_that_of_a_colleague_but_an_admin_can(self, ben: Agent, eli: Agent, dora: Agent) -> None:
        portraits.choose(agent=ben, content=GOOD, at=make.NOON)
        address = f"/people/{ben.pk}/portrait/"

        assert of(eli).post(address).status_code == 403
        assert Portrait.objects.exists()
        assert address in of(dora).get(f"/people/{ben.pk}/").content.decode()
        page = of(dora).post(address, follow=True).content.decode()
        assert "The picture of Ben is gone." in page
        assert address not in page
        assert not Portrait.objects.exists()
        assert Entry.objects.order_by("pk").last().agent == dora  # type: ignore[union-attr]

    def test_without_a_picture_may_take_it_away(self, ben: Agent) -> None:
        of(ben).post("/settings/portrait/", {"remove": "yes"})

        assert not Entry.objects.exists()


class TestAFileThatIsNoPicture:
    @pytest.mark.parametrize(
        "content",
        [
            b"rubbish",
            b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
            b"\xff\xd8\xff\xe0<?php system($_GET[0]);",
            GOOD[:-30],
            b"%PDF-1.7" + GOOD,
        ],
    )
    def test_is_refused_in_words_and_changes_nothing(
        self, content: bytes, ben: Agent, caplog: pytest.LogCaptureFixture
    ) -> None:
        portraits.choose(agent=ben, content=GOOD, at=make.NOON)
        before = Portrait.objects.get().key
        with caplog.at_level(logging.INFO, logger="helpdesk.console.profile"):
            answer = send(of(ben), content)

        assert answer.status_code == 422
        assert "your browser did not make a small picture of it. Nothing was changed." in answer.content.decode()
        assert Portrait.objects.get().key == before
        assert f"picture of agent {ben.pk} refused" in caplog.text

    def test_may_have_fifty_megabytes(self, ben: Agent) -> None:
        answer = send(of(ben), bytes(50 * 1024 * 1024))

        assert answer.status_code == 422
        assert "Nothing was changed." in answer.content.decode()
        assert not Portrait.objects.exists()

    def test_may_be_none_at_all(self, ben: Agent) -> None:
        answer = of(ben).post("/settings/portrait/", {})

        assert answer.status_code == 422
        assert "Choose a picture first." in answer.content.decode()


@pytest.mark.django_db(transaction=True)
class TestAVisitor:
    def test_sees_who_speaks_and_nobody_else(self, support: Team, billing: Team, ben: Agent, eli: Agent) -> None:
        where = site(team=billing)
        for agent in (ben, eli):
            portraits.choose(agent=agent, content=GOOD, at=make.NOON)
        eli.refresh_from_db()
        numbers: list[int] = []
        addresses: list[str] = []

        async def play() -> None:
            visitor = await Visitor.come()
            await visitor.send("Where is my order?")
            other = await Visitor.come(address="192.0.2.8")
            await other.send("Hello")
            console = await Console.come(ben)
            await console.say(type="watch", conversation=visitor.reference, since=0)
            await console.until("watching")
            await console.say(type="send", id="ben-says-it", conversation=visitor.reference, text="I look for it.")
            line = await visitor.until_line("I look for it.")
            seen = await console.until_line("I look for it.")
            talk = next(each for each in reversed(visitor.frames) if each["type"] == "conversation")
            while not talk["conversation"]["agent"]:
                talk = await visitor.until("conversation")
            addresses.extend([line["agent"]["picture"], talk["conversation"]["agent"]["picture"]])
            addresses.append(seen["agent"]["picture"])
            again = await Visitor.come(token=visitor.token)
            addresses.append(again.welcome["conversation"]["agent"]["picture"])
            await again.until_line("I look for it.")
            addresses.append(again.lines[line["seq"]]["agent"]["picture"])
            for each in (visitor, other, console, again):
                await each.leave()

        scene(play)
        ben.refresh_from_db()
        numbers = list(where.channel.visitors.order_by("pk").values_list("pk", flat=True))
        line, talk, console, later, later_line = addresses
        assert line == talk == later == later_line, "browsers keep it by its address"
        assert console == f"/portraits/{ben.portrait_id}/"
        assert "ben" not in line.lower()
        assert "%40" not in line

        nobody = Client()
        shown = nobody.get(line)
        assert pixels_of(shown.content) == PLAIN
        assert shown["Cache-Control"] == "private, max-age=86400, immutable"
        assert shown["Cross-Origin-Resource-Policy"] == "same-origin"
        assert not shown.cookies
        # Of another agent, for another visitor, made up; and the colleagues' address
        first, second = numbers
        assert nobody.get(VisitorsDoor(first).portrait(eli.portrait_id or "")).status_code == 404
        assert nobody.get(VisitorsDoor(second).portrait(ben.portrait_id or "")).status_code == 404
        assert nobody.get(line[:-3] + "xx/").status_code == 404
        assert nobody.get(reverse("chat-portrait", args=["1-x.y"])).status_code == 404
        assert nobody.get(console).status_code == 302

        portraits.remove(agent=ben, by=ben, at=make.NOON)
        assert nobody.get(line).status_code == 404
