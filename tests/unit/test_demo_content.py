"""The demo's content as data: complete, in both languages, and at believable times."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from helpdesk.actions.knowledge import PLACES
from helpdesk.demo import articles_en, articles_fi, people
from helpdesk.demo.content import Writes
from helpdesk.demo.files import content_of, plotter_log
from helpdesk.demo.rules import RULES
from helpdesk.demo.seeding import CONVERSATIONS
from helpdesk.demo.templates import TEMPLATES
from helpdesk.demo.timeline import timeline
from helpdesk.models import Article
from helpdesk.text import places
from routing_rules.conditions import from_json

HELSINKI = ZoneInfo("Europe/Helsinki")


class TestArticles:
    def test_exist_in_both_languages(self) -> None:
        english, finnish = ([text.slug for text in texts.ARTICLES] for texts in (articles_en, articles_fi))

        assert english == finnish
        assert len(english) >= 12
        assert "reset-password" in english

    @pytest.mark.parametrize("text", articles_en.ARTICLES + articles_fi.ARTICLES, ids=lambda text: text.slug)
    def test_fit_into_their_fields(self, text: object) -> None:
        for field in Article._meta.fields:
            if field.name in {"slug", "title", "summary", "keywords"}:
                assert 0 < len(getattr(text, field.name)) <= (field.max_length or 0)


class TestTemplates:
    def test_ask_only_for_what_is_filled_in(self) -> None:
        unknown = {t.slug: places(t.body + t.subject) - set(PLACES[t.kind]) for t in TEMPLATES}

        assert {slug: names for slug, names in unknown.items() if names} == {}

    def test_have_one_default_acknowledgement_a_language(self) -> None:
        assert sorted(t.language for t in TEMPLATES if t.is_default and t.kind == "acknowledgement") == ["en", "fi"]


class TestRules:
    def test_can_be_read(self) -> None:
        assert [from_json(rule.condition) for rule in RULES]

    def test_name_teams_and_templates_that_exist(self) -> None:
        known = {
            "set_team": {slug for slug, _name in people.TEAMS},
            "set_acknowledgement": {t.slug for t in TEMPLATES} | {"none"},
        }

        assert [(k, v) for rule in RULES for k, v in rule.effects if k in known and v not in known[k]] == []


class TestConversations:
    def test_are_forty_of_at_least_fourteen_customers(self) -> None:
        assert len(CONVERSATIONS) == 40
        assert len({conversation.customer for conversation in CONVERSATIONS}) >= 14

    def test_have_what_breaks_pages(self) -> None:
        mails = [step for c in CONVERSATIONS for step in c.steps if isinstance(step, Writes)]

        assert max(len(c.customer) for c in CONVERSATIONS) > 120
        assert max(mail.text.count("\n") for mail in mails) >= 200
        assert any("Здравствуйте" in mail.text for mail in mails)
        assert any(mail.html for mail in mails)
        assert any(mail.files for mail in mails)


class TestTimeline:
    @pytest.mark.parametrize("hour", [0, 3, 9, 13, 20, 23])
    @pytest.mark.parametrize("day", [1, 15, 28])
    def test_begins_every_conversation_and_never_reaches_into_the_future(self, hour: int, day: int) -> None:
        now = datetime(2026, 3, day, hour, 17, tzinfo=UTC)

        moments = timeline(CONVERSATIONS, now=now, zone=HELSINKI)

        assert {moment.number for moment in moments if moment.place == 0} == set(range(len(CONVERSATIONS)))
        assert max(moment.at for moment in moments) < now
        assert min(moment.at for moment in moments) > now - timedelta(days=31)

    def test_keeps_the_steps_of_a_conversation_in_order(self) -> None:
        moments = timeline(CONVERSATIONS, now=datetime(2026, 11, 20, 12, tzinfo=UTC), zone=HELSINKI)

        for number in range(len(CONVERSATIONS)):
            places_ = [moment.place for moment in moments if moment.number == number]
            assert places_ == sorted(places_)

    def test_ends_in_the_last_minutes(self) -> None:
        now = datetime(2026, 11, 20, 12, tzinfo=UTC)

        assert timeline(CONVERSATIONS, now=now, zone=HELSINKI)[-1].at > now - timedelta(minutes=10)


class TestFiles:
    @pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("b.pdf", b"%PDF-1.4"), ("c.txt", b"2.14.00")])
    def test_are_what_their_names_say(self, name: str, start: bytes) -> None:
        assert content_of(name).startswith(start)

    def test_of_another_kind_are_refused(self) -> None:
        with pytest.raises(ValueError, match="no file like"):
            content_of("virus.exe")

    def test_have_a_log_of_two_hundred_lines(self) -> None:
        assert len(plotter_log().splitlines()) == 200
