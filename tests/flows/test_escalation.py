"""Warnings and breaches: announced once, to rules, whoever looks and wherever they die."""

import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection

from helpdesk.actions import tickets
from helpdesk.escalation import announce_due
from helpdesk.models import (
    Agent,
    Channel,
    ClockCause,
    ClockChange,
    ClockKind,
    Entry,
    Identity,
    Priority,
    RoutingDecision,
    ServiceClock,
    ServicePolicy,
    State,
    Team,
    Ticket,
)
from tests import make
from tests.flows import desk, promises

ROOT = Path(__file__).resolve().parents[2]
HOUR = timedelta(hours=1)
START = make.NOON
TO_THE_LEAD = [{"kind": "set_priority", "value": "urgent"}, {"kind": "add_tag", "value": "lead"}]


@pytest.fixture
def policy(db: None) -> ServicePolicy:
    """First reply within four hours, warned of after three; nothing else."""
    return promises.policy(targets={"first-reply": {"normal": 240, "urgent": 30}})


@pytest.fixture
def ticket(policy: ServicePolicy, channel: Channel, billing: Team, ann: Identity) -> Ticket:
    return promises.opened(channel=channel, team=billing, who=ann, policy=policy, at=START)


def announced(ticket: Ticket) -> list[str]:
    marks = ClockChange.objects.filter(clock__ticket=ticket, cause__in=[ClockCause.WARNING, ClockCause.BREACH])
    return list(marks.order_by("pk").values_list("cause", flat=True))


@pytest.mark.django_db
class TestWhatIsDue:
    def test_is_announced_in_its_time_and_once(self, ticket: Ticket) -> None:
        made = [announce_due(now=START + hours * HOUR) for hours in (2, 3, 3.5, 4, 5)]

        assert made == [0, 1, 0, 1, 0]
        assert announced(ticket) == ["warning", "breach"]
        lines = ticket.entries.filter(kind=Entry.Kind.SERVICE_LEVEL).order_by("pk")
        assert [line.data["event"] for line in lines] == ["warning", "breach"]

    def test_that_was_slept_through_is_a_breach_alone(self, ticket: Ticket) -> None:
        assert announce_due(now=START + 9 * HOUR) == 1

        assert announced(ticket) == ["breach"]
        assert promises.clock(ticket, ClockKind.FIRST_REPLY).breached_at == START + 4 * HOUR

    def test_is_an_event_for_rules(self, ticket: Ticket, dora: Agent) -> None:
        state = [{"field": "service_state", "operator": "is_any_of", "value": ["breached"]}]
        desk.rule(by=dora, condition={"all": state}, effects=TO_THE_LEAD, events=["service_breach", "service_warning"])

        announce_due(now=START + 3 * HOUR)
        assert not Ticket.objects.filter(priority=Priority.URGENT).exists()
        announce_due(now=START + 4 * HOUR)

        ticket.refresh_from_db()
        assert (ticket.priority, [tag.name for tag in ticket.tags.all()]) == (Priority.URGENT, ["lead"])
        assert [row.event for row in RoutingDecision.objects.order_by("pk")] == ["service_warning", "service_breach"]

    def test_does_not_come_again_with_the_shorter_target_that_the_rule_brings(
        self, ticket: Ticket, dora: Agent
    ) -> None:
        desk.rule(by=dora, condition={"all": []}, effects=TO_THE_LEAD, events=["service_breach"])

        made = [announce_due(now=START + hours * HOUR) for hours in (4, 5, 6)]

        assert made == [1, 0, 0]

    def test_comes_again_when_a_longer_target_gave_another_chance(self, ticket: Ticket, policy: ServicePolicy) -> None:
        announce_due(now=START + 4 * HOUR)
        longer = {"first-reply": {"normal": 480}}
        promises.policy(row=policy, targets=longer, at=START + 5 * HOUR)

        made = [announce_due(now=START + hours * HOUR) for hours in (5.5, 6, 7, 8, 9)]

        assert made == [0, 1, 0, 1, 0]
        assert announced(ticket) == ["breach", "warning", "breach"]

    def test_is_nothing_while_the_ticket_waits(self, ticket: Ticket, ben: Agent) -> None:
        tickets.set_state(ticket=ticket, state=State.WAITING, by=ben, at=START + HOUR)

        assert announce_due(now=START + 99 * HOUR) == 0

    def test_that_was_missed_before_it_paused_is_still_told(self, ticket: Ticket, ben: Agent) -> None:
        tickets.set_state(ticket=ticket, state=State.WAITING, by=ben, at=START + 5 * HOUR)

        assert announce_due(now=START + 5 * HOUR) == 1
        assert announce_due(now=START + 6 * HOUR) == 0

    def test_is_found_by_its_index(self, ticket: Ticket) -> None:
        if connection.vendor == "postgresql":  # which reads a table of one row as a whole otherwise
            connection.cursor().execute("SET LOCAL enable_seqscan = off")
        plan = ServiceClock.objects.filter(event_at__lte=START).order_by("event_at", "pk").explain()

        assert "clock_event" in plan


@pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)
class TestWorkers:
    def test_that_look_at_once_announce_once(self, ticket: Ticket, dora: Agent) -> None:
        desk.rule(by=dora, condition={"all": []}, effects=TO_THE_LEAD, events=["service_breach"])
        gate, made = threading.Barrier(2), []

        def look() -> None:
            gate.wait(60)
            made.append(announce_due(now=START + 5 * HOUR))
            connection.close()

        workers = [threading.Thread(target=look) for _ in range(2)]
        for each in workers:
            each.start()
        for each in workers:
            each.join(120)

        assert sorted(made) == [0, 1]
        assert announced(ticket) == ["breach"]
        assert RoutingDecision.objects.filter(event="service_breach").count() == 1

    def test_that_die_over_it_leave_it_to_the_next(self, ticket: Ticket, dora: Agent, tmp_path: Path) -> None:
        desk.rule(by=dora, condition={"all": []}, effects=TO_THE_LEAD, events=["service_breach"])
        code = (
            "from django.utils.dateparse import parse_datetime; from helpdesk.escalation import announce_due; "
            f"announce_due(now=parse_datetime('{START + 5 * HOUR:%Y-%m-%dT%H:%M:%S+00:00}'))"
        )
        environment = {
            "DATABASE_URL": _address(),
            "LUOTSI_DATA": str(tmp_path),
            "LUOTSI_CRASH_AT": "service.announced",
        }

        died = subprocess.run(
            [sys.executable, "manage.py", "shell", "-c", code],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

        assert "crash point service.announced" in died.stderr
        assert (announced(ticket), Ticket.objects.get(pk=ticket.pk).priority) == ([], Priority.NORMAL)
        assert [announce_due(now=START + 5 * HOUR) for _ in range(2)] == [1, 0]
        assert Ticket.objects.get(pk=ticket.pk).priority == Priority.URGENT


def _address() -> str:
    """The test's own database, for another process."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    return f"postgresql://{values['USER']}:{values['PASSWORD']}@{values['HOST']}:{values['PORT']}/{values['NAME']}"
