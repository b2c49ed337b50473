"""Rules that wait for time to pass: when they fire, how often, and what they cost while nothing is due."""

import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from helpdesk import rule_timers
from helpdesk.actions import rule_watch, tickets
from helpdesk.models import Agent, Channel, Message, RoutingDecision, RuleTurn, RuleWatch, State, Team, Ticket
from helpdesk.queries.ripening import Wait, ripe
from helpdesk.routing import Rulebook
from routing_rules.models import Rule, load_ruleset
from tests import make
from tests.flows import desk

ROOT = Path(__file__).resolve().parents[2]
# Friday, two days before Helsinki puts its clocks on by an hour: 16:00 there.
FRIDAY = datetime(2026, 3, 27, 14, 0, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
HELSINKI = {"unit": "days", "zone": "Europe/Helsinki"}
REMINDED = [{"kind": "add_note", "value": "Remind {{contact_name}}"}]
WAITING: dict[str, object] = {"field": "state", "operator": "is_any_of", "value": ["waiting"]}


def since_days(amount: int, *, field: str = "state_since") -> dict[str, object]:
    return {"field": field, "operator": "at_least_ago", "value": {"amount": amount, **HELSINKI}}


def waiting_rule(by: Agent, *tests: Mapping[str, object], **fields: object) -> Rule:
    condition = {"all": [WAITING, *(tests or (since_days(3),))]}
    return desk.rule(by=by, **{"condition": condition, "effects": REMINDED, "events": ["time_passed"], **fields})  # type: ignore[arg-type]


def reminders(ticket: Ticket) -> int:
    return ticket.messages.filter(kind=Message.Kind.NOTE).count()


@pytest.fixture
def ticket(channel: Channel, billing: Team, support: Team) -> Ticket:
    return make.ticket(channel=channel, team=billing, state=State.WAITING, at=FRIDAY)


@pytest.mark.django_db
class TestARuleThatWaits:
    def test_fires_at_the_same_time_of_day_over_the_change_to_summer_time(self, ticket: Ticket, dora: Agent) -> None:
        waiting_rule(dora)
        monday = datetime(2026, 3, 30, 13, 0, tzinfo=UTC)  # 16:00 in Helsinki again, 71 hours later

        assert rule_timers.look(now=monday - MINUTE) == 0
        assert rule_timers.look(now=monday) == 1
        decision = RoutingDecision.objects.get()
        assert (decision.event, decision.facts["state_since"]) == ("time_passed", FRIDAY.isoformat())

    def test_counts_hours_that_have_passed_where_it_says_hours(self, ticket: Ticket, dora: Agent) -> None:
        hours = {"field": "state_since", "operator": "at_least_ago", "value": {"amount": 72, "unit": "hours"}}
        waiting_rule(dora, hours)

        assert rule_timers.look(now=FRIDAY + timedelta(hours=72) - MINUTE) == 0
        assert rule_timers.look(now=FRIDAY + timedelta(hours=72)) == 1

    def test_fires_once_for_each_wait(self, ticket: Ticket, dora: Agent) -> None:
        waiting_rule(dora)

        for day in range(3, 8):
            rule_timers.look(now=FRIDAY + day * DAY)
        assert reminders(ticket) == 1

        tickets.set_state(ticket=ticket, state=State.OPEN, by=None, at=FRIDAY + 8 * DAY)
        tickets.set_state(ticket=ticket, state=State.WAITING, by=None, at=FRIDAY + 9 * DAY)
        for day in range(8, 16):
            rule_timers.look(now=FRIDAY + day * DAY)
        assert reminders(ticket) == 2

    def test_fires_once_per_ticket_where_it_is_marked_so(self, ticket: Ticket, dora: Agent) -> None:
        waiting_rule(dora, once_per_ticket=True)

        rule_timers.look(now=FRIDAY + 4 * DAY)
        tickets.set_state(ticket=ticket, state=State.OPEN, by=None, at=FRIDAY + 5 * DAY)
        tickets.set_state(ticket=ticket, state=State.WAITING, by=None, at=FRIDAY + 6 * DAY)
        rule_timers.look(now=FRIDAY + 14 * DAY)

        assert reminders(ticket) == 1

    def test_catches_up_on_what_ended_while_no_worker_ran(self, ticket: Ticket, dora: Agent) -> None:
        waiting_rule(dora)
        rule_timers.look(now=FRIDAY)

        rule_timers.look(now=FRIDAY + 30 * DAY)

        assert reminders(ticket) == 1

    def test_fires_when_something_else_comes_true_later(self, ticket: Ticket, dora: Agent) -> None:
        waiting_rule(dora, since_days(3), {"field": "tags", "operator": "has_any", "value": ["vip"]})
        rule_timers.look(now=FRIDAY + 5 * DAY)
        assert reminders(ticket) == 0

        tickets.set_tags(ticket=ticket, names=["vip"], by=None, at=FRIDAY + 6 * DAY)
        rule_timers.look(now=FRIDAY + 6 * DAY)

        assert reminders(ticket) == 1

    def test_waits_for_its_hours(self, ticket: Ticket, dora: Agent) -> None:
        office = {"from": "08:00", "to": "15:00", "zone": "Europe/Helsinki"}
        waiting_rule(dora, since_days(3), {"field": "now", "operator": "between", "value": office})
        due = FRIDAY + 3 * DAY  # 17:00 in Helsinki

        for hours in (0, 1, 14):
            rule_timers.look(now=due + timedelta(hours=hours))
        assert reminders(ticket) == 0
        rule_timers.look(now=due + timedelta(hours=15))

        assert reminders(ticket) == 1

    def test_leaves_tickets_alone_that_are_settled_for_good(self, ticket: Ticket, dora: Agent) -> None:
        waiting_rule(dora, condition={"all": [since_days(3, field="created_at")]})
        tickets.set_state(ticket=ticket, state=State.CLOSED, by=None, at=FRIDAY)

        assert rule_timers.look(now=FRIDAY + 9 * DAY) == 0

    def test_is_looked_after_by_one_worker_and_by_the_next_when_that_one_dies(
        self, ticket: Ticket, dora: Agent
    ) -> None:
        waiting_rule(dora)
        now = FRIDAY + 5 * DAY

        assert rule_watch.claim(now=now) is not None
        assert rule_timers.look(now=now) == 0
        assert rule_timers.look(now=now + rule_watch.LEASE + MINUTE) == 1


@pytest.mark.django_db
class TestLooking:
    def test_costs_one_query_while_no_rule_waits(self, support: Team) -> None:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            rule_timers.look(now=FRIDAY)

        assert len(queries) == 1

    def test_asks_about_tickets_whose_time_has_come_and_no_others(
        self, ticket: Ticket, channel: Channel, billing: Team, dora: Agent
    ) -> None:
        waiting_rule(dora)
        for hours in range(-48, 48, 8):
            make.ticket(channel=channel, team=billing, state=State.WAITING, at=FRIDAY + timedelta(hours=hours))
        rule = load_ruleset().rules[0]
        now = FRIDAY + 3 * DAY

        found = ripe(waits=[Wait(rule, now - MINUTE)], now=now, cursor=10**6)

        assert found == [*Ticket.objects.filter(state_since=FRIDAY).order_by("pk").values_list("pk", flat=True)]

    def test_goes_on_where_it_was_broken_off(self, ticket: Ticket, dora: Agent) -> None:
        waiting_rule(dora)
        stop = threading.Event()
        stop.set()

        rule_timers.look(now=FRIDAY + 2 * DAY)
        rule_timers.look(now=FRIDAY + 4 * DAY, stop=stop)

        watch = RuleWatch.objects.get()
        assert (watch.looked_until, watch.lease_until) == (FRIDAY + 2 * DAY, None)
        assert rule_timers.look(now=FRIDAY + 5 * DAY) == 0
        assert reminders(ticket) == 1


@pytest.mark.django_db(transaction=True, available_apps=settings.INSTALLED_APPS)
class TestTwoWorkers:
    def test_fire_a_rule_once_even_when_both_believe_that_it_is_theirs(self, ticket: Ticket, dora: Agent) -> None:
        waiting_rule(dora)
        start, made, errors = threading.Barrier(2), list[int](), list[Exception]()
        rules = load_ruleset().rules

        def work() -> None:
            try:
                rulebook = Rulebook.load()
                start.wait(timeout=60)
                made.append(rule_timers.ask([ticket.pk], rules, rulebook, FRIDAY + 4 * DAY))
            except Exception as error:  # noqa: BLE001 - told below
                errors.append(error)
            finally:
                connections.close_all()

        workers = [threading.Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(timeout=120)

        assert (errors, sorted(made)) == ([], [0, 1])
        assert (reminders(ticket), RuleTurn.objects.count()) == (1, 1)

    def test_that_die_over_it_leave_it_to_the_next(self, ticket: Ticket, dora: Agent, tmp_path: Path) -> None:
        waiting_rule(dora)
        now = FRIDAY + 4 * DAY
        code = (
            "from django.utils.dateparse import parse_datetime; from helpdesk.rule_timers import look; "
            f"look(now=parse_datetime('{now:%Y-%m-%dT%H:%M:%S+00:00}'))"
        )
        environment = {"DATABASE_URL": address(), "LUOTSI_DATA": str(tmp_path), "LUOTSI_CRASH_AT": "rules.waited"}

        died = subprocess.run(
            [sys.executable, "manage.py", "shell", "-c", code],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

        assert "crash point rules.waited" in died.stderr
        assert (reminders(ticket), RuleTurn.objects.count()) == (0, 0)
        assert [rule_timers.look(now=now + rule_watch.LEASE + MINUTE) for _ in range(2)] == [1, 0]
        assert reminders(ticket) == 1


def address() -> str:
    """The test's own database, for another process."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    return f"postgresql://{values['USER']}:{values['PASSWORD']}@{values['HOST']}:{values['PORT']}/{values['NAME']}"
