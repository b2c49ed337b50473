"""The desk's own screens and the customers' pages in a real browser: accessible, readable on a phone, alive."""

import re
import threading
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from helpdesk import rehearsals as rehearsing
from helpdesk.actions import chat_sites, inbound_hooks, people, quarantine, rehearsals, rule_plans
from helpdesk.actions.calendars import OwnDay
from helpdesk.actions.quarantine import Decision
from helpdesk.models import Agent, Channel, Delivery, Identity, MailService, Message, State, Team
from helpdesk.queries.progress import token_for
from routing_rules.models import Rule, RulePlan
from tests import make
from tests.browser.conftest import Opener, violations
from tests.flows import desk, promises

RULES = {
    "rules": "/rules/",
    "new rule": "/rules/new/",
    "rule versions": "/rules/versions/",
    "rule differences": "/rules/versions/compare/?from=0&to=2",
    "rule import": "/rules/import/",
}
FAQ = {
    "login": "/login/",
    "faq": "/faq/en/",
    "search": "/faq/en/?q=password",
    "faq article": "/faq/en/reset-password/",
    "no article": "/faq/fi/reset-password/",
}
LOOKS = [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]
LONG = "A very long name that somebody has pasted from somewhere without thinking about narrow screens"


def a_planned_rule(by: Agent) -> None:
    """A rule with a long name in a folder, and a plan that changes it."""
    rule = desk.rule(by=by, name=LONG, folder="Billing/Reminders", once_per_ticket=True, comment=LONG)
    draft = [rule.snapshot() | {"name": f"Soon: {LONG}", "is_stop": True, "folder": ""}]
    soon = timezone.now() + timedelta(days=3)
    rule_plans.plan_rules(rules=draft, base_version=1, activate_at=soon, reason=LONG, by=by)


def a_nested_rule(by: Agent) -> Rule:
    paper = {"field": "body", "operator": "contains_any", "value": ["printer", "toner"]}
    finnish = {"field": "language", "operator": "is_any_of", "value": ["fi"]}
    saturday = {"field": "arrived_at", "operator": "on_days", "value": {"days": ["sat"], "zone": "UTC"}}
    nested = {"all": [{"any": [paper, finnish]}, saturday]}
    return desk.rule(by=by, name="Weekend", condition=nested, is_stop=True)


def service_levels() -> dict[str, str]:
    """Something is promised; the addresses of its screens."""
    calendar = promises.calendar(country="FI", days=(OwnDay(date(2026, 12, 23), LONG, promises.NINE_TO_FIVE),))
    policy = promises.policy(calendar=calendar)
    promises.policy(name=LONG[:80], is_default=False, is_active=False, targets={})
    return {
        "policies": "/service/",
        "policy": f"/service/{policy.pk}/",
        "calendars": "/calendars/",
        "calendar": f"/calendars/{calendar.pk}/",
        "due soonest": "/inbox/all/?state=due",
    }


def of_assignment(team: Team, agent: Agent) -> dict[str, str]:
    """The screens that say who gets what."""
    return {
        "sharing": f"/people/teams/{team.pk}/sharing/",
        "skills": "/people/skills/",
        "absences": f"/people/{agent.pk}/absences/",
        "shifts": f"/people/{agent.pk}/shifts/",
        "handover": f"/people/{agent.pk}/handover/",
        "fairness": f"/reports/fairness/?team={team.slug}",
    }


@pytest.fixture
def lively(dora: Agent, channel: Channel, billing: Team, ann: Identity) -> dict[str, str]:
    """Something on every screen; the addresses of the screens by a word for each."""
    promised = service_levels()
    ticket = make.ticket(channel=channel, team=billing, identity=ann, subject=LONG, state=State.WAITING)
    make.message(ticket=ticket, text="Hello,\n\nwhere is my order?")
    held = desk.delivery(ticket=ticket, state=Delivery.State.HELD, subject=LONG)
    desk.delivery(ticket=ticket, state=Delivery.State.FAILED, error="550 5.1.1 User unknown")
    event = desk.quarantined(channel=channel)
    discarded = desk.quarantined(channel=channel, raw=make.mail(subject=LONG, sender=f"{LONG} <ann@customer.example>"))
    quarantine.decide(decision=Decision.DISCARD, events=[discarded.pk], by=dora)
    letter = make.deliver(channel, make.mail(subject=LONG))
    Message.objects.filter(pk=letter.pk).update(text="<p>Hello</p>" * 40, subject="Short", language="fi")
    desk.article(by=dora)
    desk.article(by=dora, language="fi", title="Salasanan vaihtaminen", is_published=False)
    text = desk.template(by=dora)
    a_planned_rule(dora)
    rule = a_nested_rule(dora)
    inbound_hooks.use_service(mailbox=channel.mailbox, service=MailService.SENDGRID, secret="", by=dora)
    Channel.objects.filter(pk=channel.pk).update(paused_reason="The login was refused.")
    return {
        **FAQ,
        "progress": f"/p/{token_for(ticket.pk)}/",
        "outgoing": "/outgoing/",
        "held": "/outgoing/?state=held",
        "outgoing mail": f"/outgoing/{held.pk}/",
        "quarantine": "/quarantine/",
        "quarantined mail": f"/quarantine/{event.pk}/",
        "just discarded": f"/quarantine/?undo={discarded.pk}",
        "discarded": "/quarantine/?state=discarded",
        "discarded mail": f"/quarantine/{discarded.pk}/",
        "tried again": "/quarantine/?state=read",
        "source": f"/messages/{letter.pk}/source/",
        "mail read again": f"/messages/{letter.pk}/reread/",
        **RULES,
        "rule": f"/rules/{rule.pk}/",
        "rule plan": f"/rules/plans/{RulePlan.objects.get().pk}/",
        **rehearsed(letter, rule=rule, by=dora),
        **desk.reviewed(rule=rule, ticket=ticket),
        "channels": "/channels/",
        **of_chat(dora),
        "channel": f"/channels/{channel.pk}/",
        "mail service": f"/channels/{channel.pk}/service/",
        **promised,
        "clocks": f"/tickets/{letter.ticket.reference}/",
        "articles": "/articles/",
        "article": "/articles/reset-password/edit/",
        "texts": "/templates/",
        "text": f"/templates/{text.pk}/",
        "people": "/people/",
        "agent": f"/people/{dora.pk}/",
        "team": f"/people/teams/{billing.pk}/",
        **of_assignment(billing, dora),
        "profile": "/settings/profile/",
        "status": "/settings/status/",
        "ledger": "/settings/ledger/",
        "never seen": "/settings/ledger/?q=nobody@nowhere.example",
    }


def rehearsed(letter: Message, *, rule: Rule, by: Agent) -> dict[str, str]:
    """The screens of a finished rehearsal that would change the ticket of ``letter``, and why that ticket is there."""
    everything = {**rule.snapshot(), "condition": {"all": []}, "effects": [{"kind": "add_tag", "value": LONG[:40]}]}
    tried = rehearsals.request(rules=[everything], title=LONG, days=30, by=by)
    assert rehearsing.work_once(threading.Event())
    assert tried.changes.filter(ticket=letter.ticket).exists()
    placed = letter.ticket.decisions.get()
    return {
        "rehearsals": "/rules/rehearsals/",
        "rehearsal": f"/rules/rehearsals/{tried.pk}/",
        "both traces": f"/rules/rehearsals/{tried.pk}/decisions/{placed.pk}/",
        "trial": "/rules/try/",
        "tried ticket": f"/rules/try/?ticket={letter.ticket.reference}",
        "why here": f"/tickets/{letter.ticket.reference}/why/",
        "every rule": f"/tickets/{letter.ticket.reference}/why/{placed.pk}/",
    }


def of_chat(dora: Agent) -> dict[str, str]:
    """A chat channel with a key, and its form."""
    chat = chat_sites.save_chat_channel(site=None, values={"name": LONG[:80], "slug": "shop"}, by=dora, at=make.NOON)
    chat_sites.make_key(site=chat, by=dora, at=make.NOON)
    return {"chat channel": f"/channels/chat/{chat.channel_id}/", "form": "/chat/shop/write/"}


PUBLIC = {"login", "form", "faq", "search", "faq article", "progress"}


def is_too_wide(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
class TestEveryScreen:
    def test_breaks_no_rule_of_accessibility_and_fits_its_window(
        self, open_page: Opener, dora: Agent, lively: dict[str, str], width: int, scheme: str
    ) -> None:
        found: dict[str, list[str]] = {}
        page = open_page(dora, "/outgoing/", width=width, scheme=scheme)
        visitor = open_page(None, "/login/", width=width, scheme=scheme)
        for name, address in lively.items():
            if name == "no article":
                continue  # answers 404, which the browser reports as an error
            shown = visitor if name in PUBLIC else page
            shown.goto(address)
            shown.wait_for_load_state("networkidle") if name == "article" else None
            complaints = violations(shown) + (["wider than the window"] if is_too_wide(shown) else [])
            if complaints:
                found[name] = complaints

        assert found == {}


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
class TestScreensBeforeAnythingHappened:
    def test_say_what_will_appear_there(self, open_page: Opener, dora: Agent, width: int, scheme: str) -> None:
        page = open_page(dora, "/outgoing/", width=width, scheme=scheme)
        found: dict[str, list[str]] = {}
        for address in (
            "/outgoing/",
            "/quarantine/",
            "/rules/",
            "/rules/findings/",
            "/rules/suggestions/",
            "/channels/",
            "/articles/",
            "/templates/",
            "/faq/fi/",
        ):
            page.goto(address)
            found[address] = violations(page) + (["wider than the window"] if is_too_wide(page) else [])

        assert {address: complaints for address, complaints in found.items() if complaints} == {}

    def test_welcome_a_new_agent(self, open_page: Opener, ben: Agent, width: int, scheme: str) -> None:
        link = f"/welcome/{ben.pk}/{people.invitation_token(agent=ben)}/"
        page = open_page(None, link, width=width, scheme=scheme)

        assert violations(page) == []
        page.get_by_label("New password").fill("a long enough phrase")
        page.get_by_role("button", name="Set password").click()
        expect(page.get_by_role("heading", name="My settings")).to_be_visible()
        expect(page.locator(".toast")).to_have_text("Your password is set.")


class TestTheRuleEditor:
    @pytest.fixture
    def editor(self, open_page: Opener, eli: Agent, lively: dict[str, str]) -> Page:
        return open_page(eli, "/rules/new/")

    def test_makes_a_rule_with_a_nested_group(self, editor: Page, billing: Team) -> None:
        editor.get_by_label("Name").fill("Printers")
        editor.get_by_role("button", name="Add a condition").click()
        editor.get_by_label("Value", exact=True).fill("printer")
        editor.get_by_role("button", name="Add a group").click()
        group = editor.locator("#group-c-1")
        group.get_by_label("What is looked at").select_option("language")
        group.get_by_label("suomi").check()
        editor.get_by_role("button", name="Add an action").click()
        editor.locator("#row-e-0").get_by_label("Value").select_option("billing")

        expect(editor.locator("#verdict")).to_contain_text(
            "When subject contains “printer” and language is suomi, then team Billing."
        )
        editor.get_by_role("button", name="Save").last.click()
        expect(editor.locator("#rules")).to_contain_text("Printers")

    def test_keeps_what_was_typed_when_its_shape_changes(self, editor: Page) -> None:
        editor.get_by_role("button", name="Add a condition").click()
        editor.get_by_label("Value", exact=True).fill("first")

        editor.get_by_role("button", name="Add a condition").click()
        expect(editor.locator(".test")).to_have_count(2)
        editor.locator("#row-c-1").get_by_label("What is looked at").select_option("has_attachments")

        expect(editor.locator("#row-c-1").get_by_label("How it is compared")).to_contain_text("yes")
        expect(editor.locator("#i-c-0-value")).to_have_value("first")

    def test_says_how_many_recent_tickets_it_would_have_caught(
        self, open_page: Opener, eli: Agent, channel: Channel
    ) -> None:
        for number in range(3):
            make.deliver(
                channel, make.mail(subject=f"Invoice {number}" if number else "Printer", message_id=f"{number}@x")
            )
        page = open_page(eli, "/rules/new/")

        page.get_by_role("button", name="Add a condition").click()
        page.get_by_label("Value", exact=True).press_sequentially("invoice")

        expect(page.locator("#verdict .figure")).to_have_text("2")
        expect(page.locator("#verdict")).to_contain_text("of the last 3 tickets")


class TestTheOrderOfRules:
    @pytest.fixture
    def page(self, open_page: Opener, eli: Agent) -> Page:
        for name in ("One", "Two", "Three"):
            desk.rule(by=eli, name=name)
        return open_page(eli, "/rules/")

    @staticmethod
    def order(page: Page) -> Callable[[str], None]:
        return lambda text: expect(page.locator(".rules h2 a")).to_have_text(text.split())

    def test_changes_by_the_arrows(self, page: Page) -> None:
        page.get_by_role("button", name="Move “Three” up").click()

        self.order(page)("One Three Two")

    def test_changes_by_keys_and_keeps_the_focus(self, page: Page) -> None:
        page.get_by_role("button", name="Move “One” down").focus()

        page.keyboard.press("Alt+ArrowDown")

        self.order(page)("Two One Three")
        expect(page.get_by_role("button", name="Move “One” down")).to_be_focused()

    def test_changes_by_dragging(self, page: Page) -> None:
        rows = page.locator(".rule")
        rows.nth(2).locator(".place").drag_to(rows.nth(0), target_position={"x": 60, "y": 4})

        self.order(page)("Three One Two")
        page.reload()
        self.order(page)("Three One Two")


class TestTheQuarantine:
    def test_discards_several_at_once_and_takes_it_back(self, open_page: Opener, eli: Agent, channel: Channel) -> None:
        for number in range(3):
            desk.quarantined(channel=channel, raw=make.mail(subject=f"Odd {number}"))
        page = open_page(eli, "/quarantine/")
        rows = page.locator("tbody tr")

        page.get_by_label("Select all").check()
        page.get_by_label("Odd 1").uncheck()
        expect(page.get_by_label("Select all")).not_to_be_checked()
        page.get_by_role("button", name="Discard").click()

        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("Odd 1")
        page.get_by_role("button", name="Undo").click()
        expect(rows).to_have_count(3)

    def test_follows_a_mail_that_is_read_again_to_its_ticket(
        self, open_page: Opener, dora: Agent, channel: Channel
    ) -> None:
        event = desk.quarantined(channel=channel, raw=make.mail(subject="Odd no more"))
        page = open_page(dora, f"/quarantine/{event.pk}/")

        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#fate")).to_contain_text("being read again")
        make.process_all()

        expect(page.locator("#fate").get_by_role("link")).to_be_visible()
        page.locator("#fate").get_by_role("link").click()
        expect(page.get_by_role("heading", name="Odd no more")).to_be_visible()


class TestPreviews:
    def test_follow_the_typed_markdown(self, open_page: Opener, eli: Agent) -> None:
        desk.article(by=eli)
        page = open_page(eli, "/articles/reset-password/edit/")

        page.get_by_label("Text", exact=True).first.fill("Now **bold** words")

        expect(page.locator(".preview .prose strong").first).to_have_text("bold")

    def test_fill_a_text_with_examples_and_name_what_nothing_fills(self, open_page: Opener, eli: Agent) -> None:
        page = open_page(eli, "/templates/new/")

        page.get_by_label("Text", exact=True).fill("Dear {{contact_name}}, {{salutation}}")

        expect(page.locator("#example")).to_contain_text("Dear Liisa Laine,")
        expect(page.locator("#example")).to_contain_text("{{salutation}}")


class TestTestConnection:
    def test_answers_beside_the_form_and_stores_nothing(self, open_page: Opener, dora: Agent, channel: Channel) -> None:
        page = open_page(dora, f"/channels/{channel.pk}/")

        page.get_by_role("button", name="Test connection").click()

        expect(page.locator("#trial")).to_contain_text("No server is set")
        expect(page).to_have_url(re.compile(rf"/channels/{channel.pk}/$"))


class TestTheWayFromTheLogin:
    def test_leads_to_the_page_that_was_asked_for(self, open_page: Opener, eli: Agent) -> None:
        eli.set_password("a long enough phrase")
        eli.save()
        page = open_page(None, "/rules/")

        page.get_by_label("E-mail address").fill("Eli@Desk.example")
        page.get_by_label("Password").fill("a long enough phrase")
        page.get_by_role("button", name="Log in").click()

        expect(page.get_by_role("heading", name="Rules", exact=True)).to_be_visible()
