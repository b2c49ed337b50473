"""Looking by index leaves out nobody: after each look, asking every ticket finds nothing more."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from helpdesk import rule_timers
from helpdesk.actions import tickets
from helpdesk.models import Agent, Channel, RuleTurn, State, Team, Ticket
from helpdesk.queries import ripening
from helpdesk.routing import Rulebook
from tests import make
from tests.flows import desk

START = datetime(2026, 3, 25, 10, 0, tzinfo=UTC)  # the clocks change on the 29th
FIELDS = ("state_since", "created_at", "last_customer_message_at", "last_reply_at")


def random_test(random_: random.Random) -> dict[str, object]:
    unit = random_.choice(("minutes", "hours", "days"))
    amount = random_.randint(*{"minutes": (20, 4_000), "hours": (1, 90), "days": (1, 4)}[unit])
    value = {"amount": amount, "unit": unit, **({"zone": "Europe/Helsinki"} if unit == "days" else {})}
    return {
        "field": random_.choice(FIELDS),
        "operator": random_.choice(("at_least_ago", "at_least_ago", "less_than_ago")),
        "value": value,
    }


def random_condition(random_: random.Random) -> dict[str, object]:
    """Durations in groups of every kind, besides states, tags and the clock."""
    others: list[dict[str, object]] = [
        {"field": "state", "operator": "is_any_of", "value": random_.sample(["open", "waiting", "solved"], 2)},
        {"field": "tags", "operator": "has_any", "value": ["vip"]},
        {
            "field": "now",
            "operator": "between",
            "value": {"from": "08:00", "to": "16:00", "zone": "Europe/Helsinki"},
        },
    ]
    parts = [random_test(random_), *random_.sample(others, random_.randint(0, 2))]
    if random_.random() < 0.5:
        parts.append({random_.choice(("any", "none")): [random_test(random_), random_.choice(others)]})
    return {random_.choice(("all", "all", "any")): parts}


def change(random_: random.Random, ticket: Ticket, at: datetime) -> None:
    if random_.random() < 0.5:
        state = random_.choice((State.OPEN, State.WAITING, State.SOLVED, State.CLOSED))
        tickets.set_state(ticket=ticket, state=state, by=None, at=at)
    else:
        tickets.set_tags(ticket=ticket, names=random_.choice(([], ["vip"])), by=None, at=at)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_look_finds_all_that_asking_every_ticket_would(
    seed: int, channel: Channel, billing: Team, support: Team, dora: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    random_ = random.Random(seed)
    monkeypatch.setattr(ripening, "OVERLAP", 0)  # nobody else writes; or all would be asked as just changed
    for number in range(5):
        condition = random_condition(random_)
        wanted = [{"kind": "add_note", "value": f"{number}"}]
        desk.rule(by=dora, name=f"{number}", condition=condition, effects=wanted, events=["time_passed"])

    def moment() -> datetime:
        return START - timedelta(minutes=random_.randint(0, 1_500))

    rows = [
        make.ticket(
            channel=channel,
            team=billing,
            state=random_.choice((State.OPEN, State.WAITING, State.SOLVED)),
            at=moment(),
            state_since=moment(),
            last_customer_message_at=random_.choice((None, moment())),
            last_reply_at=random_.choice((None, moment())),
        )
        for _ in range(15)
    ]
    now, everybody = START, [row.pk for row in rows]
    for _ in range(16):
        now += timedelta(minutes=random_.choice((1, 30, 180, 400, 900)))
        for row in random_.sample(rows, random_.choice((0, 0, 1))):
            change(random_, Ticket.objects.get(pk=row.pk), now)

        rule_timers.look(now=now)

        rulebook = Rulebook.load()
        live = Ticket.objects.exclude(state__in=[State.CLOSED, State.SPAM]).filter(pk__in=everybody)
        left = rule_timers.ask([*live.values_list("pk", flat=True)], rulebook.ruleset.rules, rulebook, now)
        assert left == 0, f"{left} missed at {now}"
    assert RuleTurn.objects.count() > 10
