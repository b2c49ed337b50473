"""Service clocks follow their tickets: what starts, pauses, resumes and ends them, and that nothing is lost."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk import routing
from helpdesk.actions import calendars, clocks, moves, replies, service, tickets
from helpdesk.actions.calendars import OwnDay
from helpdesk.models import (
    Agent,
    CalendarVersion,
    Channel,
    ClockCause,
    ClockChange,
    ClockKind,
    ClockState,
    Heartbeat,
    Identity,
    Organisation,
    Priority,
    ServiceClock,
    ServicePolicy,
    State,
    Team,
    Ticket,
)
from helpdesk.models.tickets import MessageKind
from helpdesk.queries.invariants.proof import prove
from helpdesk.queries.invariants.service import KEPT
from helpdesk.queries.service import bars_of, timelines_of
from tests import make
from tests.flows import desk, promises

pytestmark = pytest.mark.django_db

FIRST, NEXT, RESOLUTION = ClockKind.FIRST_REPLY, ClockKind.NEXT_REPLY, ClockKind.RESOLUTION
HELSINKI = ZoneInfo("Europe/Helsinki")
MONDAY = datetime(2026, 3, 2, 10, tzinfo=HELSINKI)
HOUR = timedelta(hours=1)
TABLES = ("helpdesk_serviceclock", "helpdesk_clockchange")


@pytest.fixture
def policy(db: None) -> ServicePolicy:
    """Standard, round the clock."""
    return promises.policy()


@pytest.fixture
def ticket(policy: ServicePolicy, channel: Channel, billing: Team, ann: Identity) -> Ticket:
    """Ann's, opened on Monday at ten."""
    return promises.opened(channel=channel, team=billing, who=ann, policy=policy, at=MONDAY)


def stored(ticket: Ticket) -> datetime | None:
    return Ticket.objects.values_list("due_at", flat=True).get(pk=ticket.pk)


class TestACustomersMail:
    def test_starts_first_reply_and_resolution(self, ticket: Ticket) -> None:
        assert promises.clock(ticket, FIRST).due_at == MONDAY + 4 * HOUR
        assert promises.clock(ticket, RESOLUTION).due_at == MONDAY + 16 * HOUR
        assert stored(ticket) == MONDAY + 4 * HOUR

    def test_after_an_answer_starts_next_reply_once(self, ticket: Ticket, ben: Agent) -> None:
        promises.answered(ticket, ben, MONDAY + HOUR)
        promises.wrote(ticket, MONDAY + 2 * HOUR)
        promises.wrote(ticket, MONDAY + 3 * HOUR)

        assert promises.clock(ticket, NEXT).due_at == MONDAY + 4 * HOUR
        assert ticket.clocks.filter(kind=NEXT).count() == 1
        assert stored(ticket) == MONDAY + 4 * HOUR

    def test_starts_nothing_without_a_policy(self, channel: Channel, billing: Team, ann: Identity) -> None:
        ticket = promises.opened(channel=channel, team=billing, who=ann, policy=None, at=MONDAY)

        assert (ticket.clocks.count(), ticket.due_at) == (0, None)

    def test_starts_nothing_in_spam(
        self, policy: ServicePolicy, channel: Channel, billing: Team, ann: Identity
    ) -> None:
        ticket = make.ticket(channel=channel, team=billing, identity=ann, state=State.SPAM, service_policy=policy)

        promises.wrote(ticket, MONDAY)

        assert ticket.clocks.count() == 0


class TestAnAnswer:
    def test_ends_the_reply_in_time(self, ticket: Ticket, ben: Agent) -> None:
        promises.answered(ticket, ben, MONDAY + HOUR)

        first = promises.clock(ticket, FIRST)
        assert (first.state, first.used, first.breached_at) == (ClockState.DONE, HOUR, None)
        assert stored(ticket) == MONDAY + 16 * HOUR

    def test_that_is_late_is_written_down_as_late(self, ticket: Ticket, ben: Agent) -> None:
        promises.answered(ticket, ben, MONDAY + 5 * HOUR)

        first = promises.clock(ticket, FIRST)
        assert (first.used, first.breached_at, first.event_at) == (5 * HOUR, MONDAY + 4 * HOUR, None)

    def test_and_wait_pauses_resolution_until_the_customer_writes(self, ticket: Ticket, ben: Agent) -> None:
        promises.answered(ticket, ben, MONDAY + HOUR, state=State.WAITING)
        paused = promises.clock(ticket, RESOLUTION)
        assert (paused.state, paused.used, stored(ticket)) == (ClockState.PAUSED, HOUR, None)

        promises.wrote(ticket, MONDAY + 100 * HOUR)

        assert promises.clock(ticket, RESOLUTION).due_at == MONDAY + 115 * HOUR
        assert stored(ticket) == MONDAY + 102 * HOUR  # the next reply

    def test_to_words_of_the_same_moment_leaves_nothing_owed(self, ticket: Ticket, ben: Agent) -> None:
        kinds = (MessageKind.REPLY, MessageKind.CUSTOMER, MessageKind.REPLY)
        words = [make.message(ticket=ticket, kind=kind, agent=None) for kind in kinds]

        tickets.note_arrivals(
            arrivals=[
                tickets.Arrival(ticket=ticket, message=each, at=MONDAY + HOUR, reopens=each.kind == kinds[1])
                for each in words
            ]
        )

        replies_owed = ticket.clocks.exclude(kind=RESOLUTION)
        assert [(each.kind, each.state) for each in replies_owed.order_by("pk")] == [
            (FIRST, ClockState.DONE),
            (NEXT, ClockState.DONE),
        ]

    def test_that_is_taken_back_lets_the_clock_run_on(self, ticket: Ticket, ben: Agent) -> None:
        sent = promises.answered(ticket, ben, MONDAY + HOUR)

        replies.undo(message=sent, agent=ben)

        first = promises.clock(ticket, FIRST)
        assert (first.state, first.used) == (ClockState.RUNNING, HOUR)
        assert Ticket.objects.get(pk=ticket.pk).first_reply_at is None

    def test_waiting_does_not_pause_where_the_policy_says_so(
        self, channel: Channel, billing: Team, ann: Identity, ben: Agent
    ) -> None:
        strict = promises.policy(name="Strict", pauses_while_waiting=False)
        ticket = promises.opened(channel=channel, team=billing, who=ann, policy=strict, at=MONDAY)

        promises.answered(ticket, ben, MONDAY + HOUR, state=State.WAITING)

        assert promises.clock(ticket, RESOLUTION).state == ClockState.RUNNING


class TestAState:
    def test_solved_ends_and_a_new_mail_goes_on_from_there(self, ticket: Ticket, ben: Agent) -> None:
        promises.answered(ticket, ben, MONDAY + HOUR, state=State.SOLVED)
        assert promises.clock(ticket, RESOLUTION).state == ClockState.DONE

        promises.wrote(ticket, MONDAY + 50 * HOUR)

        resolution = promises.clock(ticket, RESOLUTION)
        assert (resolution.state, resolution.used) == (ClockState.RUNNING, HOUR)
        assert ticket.clocks.filter(kind=RESOLUTION).count() == 1
        assert promises.clock(ticket, NEXT).due_at == MONDAY + 52 * HOUR

    def test_spam_stops_all_and_not_spam_brings_them_back(self, ticket: Ticket, ben: Agent) -> None:
        tickets.set_state(ticket=ticket, state=State.SPAM, by=ben, at=MONDAY + HOUR)
        assert set(ticket.clocks.values_list("state", flat=True)) == {ClockState.DROPPED}

        tickets.set_state(ticket=ticket, state=State.NEW, by=ben, at=MONDAY + 3 * HOUR)

        assert promises.clock(ticket, FIRST).due_at == MONDAY + 6 * HOUR

    def test_solved_without_an_answer_and_opened_again_owes_the_first_reply(self, ticket: Ticket, ben: Agent) -> None:
        tickets.set_state(ticket=ticket, state=State.SOLVED, by=ben, at=MONDAY + HOUR)

        promises.wrote(ticket, MONDAY + 2 * HOUR)

        assert promises.clock(ticket, FIRST).due_at == MONDAY + 5 * HOUR
        assert not ticket.clocks.filter(kind=NEXT).exists()


class TestAPriority:
    def test_changes_targets_from_then_on(self, ticket: Ticket, ben: Agent) -> None:
        tickets.set_priority(ticket=ticket, priority=Priority.HIGH, by=ben, at=MONDAY + HOUR)

        assert promises.clock(ticket, FIRST).due_at == MONDAY + 2 * HOUR
        assert promises.clock(ticket, RESOLUTION).due_at == MONDAY + 8 * HOUR

    def test_that_leaves_less_time_than_is_used_is_due_now(self, ticket: Ticket, ben: Agent) -> None:
        tickets.set_priority(ticket=ticket, priority=Priority.URGENT, by=ben, at=MONDAY + HOUR)

        assert promises.clock(ticket, FIRST).due_at == MONDAY + HOUR

    def test_without_a_target_ends_the_clock(self, ticket: Ticket, ben: Agent) -> None:
        tickets.set_priority(ticket=ticket, priority=Priority.LOW, by=ben, at=MONDAY + HOUR)

        assert promises.clock(ticket, RESOLUTION).state == ClockState.DROPPED
        assert stored(ticket) == MONDAY + 8 * HOUR


class TestTicketsThatMeet:
    def test_joined_ones_owe_one_reply(
        self, ticket: Ticket, policy: ServicePolicy, channel: Channel, billing: Team, ann: Identity, ben: Agent
    ) -> None:
        other = promises.opened(channel=channel, team=billing, who=ann, policy=policy, at=MONDAY)
        promises.answered(other, ben, MONDAY + HOUR)

        tickets.join(ticket=ticket, into=other, by=ben, at=MONDAY + 2 * HOUR)

        assert set(ticket.clocks.values_list("state", flat=True)) == {ClockState.DROPPED}
        assert stored(ticket) is None
        assert promises.clock(other, NEXT).due_at == MONDAY + 4 * HOUR

    def test_a_moved_mail_takes_the_owed_reply_along(
        self, ticket: Ticket, policy: ServicePolicy, channel: Channel, billing: Team, ann: Identity, ben: Agent
    ) -> None:
        other = promises.opened(channel=channel, team=billing, who=ann, policy=policy, at=MONDAY)
        promises.answered(other, ben, MONDAY + HOUR)
        promises.answered(ticket, ben, MONDAY + HOUR)
        message = promises.wrote(ticket, MONDAY + 2 * HOUR)

        moves.move(message=message, into=other, by=ben, at=MONDAY + 3 * HOUR)

        assert promises.clock(ticket, NEXT).state == ClockState.DROPPED
        assert promises.clock(other, NEXT).due_at == MONDAY + 4 * HOUR

    def test_a_detached_mail_has_waited_since_it_came(
        self, ticket: Ticket, policy: ServicePolicy, support: Team, ben: Agent
    ) -> None:
        message = promises.wrote(ticket, MONDAY + HOUR)

        detached = routing.detach(message=message, by=ben, at=MONDAY + 2 * HOUR)

        assert promises.clock(detached, FIRST).due_at == MONDAY + 5 * HOUR
        assert detached.due_at == stored(detached) == MONDAY + 5 * HOUR


class TestChoosing:
    @pytest.fixture
    def gold(self, policy: ServicePolicy) -> ServicePolicy:
        return promises.policy(name="Gold", is_default=False, targets={"first-reply": {"normal": 60}})

    def chosen(self, channel: Channel) -> str:
        message = make.deliver(channel, make.mail(), received_at=MONDAY)
        return str(message.ticket.service_policy)

    def test_takes_the_desks_default(self, channel: Channel, policy: ServicePolicy) -> None:
        assert self.chosen(channel) == "Standard"

    def test_prefers_the_teams(self, channel: Channel, support: Team, gold: ServicePolicy) -> None:
        promises.policy(row=gold, name="Gold", is_default=False, targets=gold.targets, teams=[support])

        assert self.chosen(channel) == "Gold"

    def test_prefers_the_organisations(
        self, channel: Channel, ann: Identity, support: Team, policy: ServicePolicy, gold: ServicePolicy
    ) -> None:
        ann.contact.organisation = Organisation.objects.create(name="Archer Oy")
        ann.contact.save()
        promises.policy(row=policy, name="Standard", teams=[support])
        fields = {"targets": gold.targets, "is_default": False, "organisations": [ann.contact.organisation]}
        promises.policy(row=gold, name="Gold", **fields)

        assert self.chosen(channel) == "Gold"

    def test_prefers_a_rules(self, channel: Channel, dora: Agent, gold: ServicePolicy) -> None:
        desk.rule(by=dora, condition={"all": []}, effects=[{"kind": "set_service_policy", "value": "gold"}])

        assert self.chosen(channel) == "Gold"

    def test_a_machines_mail_runs_no_clock(self, channel: Channel, policy: ServicePolicy) -> None:
        raw = make.mail(headers=[("Auto-Submitted", "auto-replied")], subject="Out of office")

        message = make.deliver(channel, raw)

        assert message.ticket.clocks.count() == 0

    def test_another_policy_counts_from_then_on(self, ticket: Ticket, gold: ServicePolicy, ben: Agent) -> None:
        clocks.policy_chosen(ticket=ticket, policy=gold, by=ben, at=MONDAY + HOUR / 2)

        assert promises.clock(ticket, FIRST).due_at == MONDAY + HOUR
        assert promises.clock(ticket, RESOLUTION).state == ClockState.DROPPED


class TestACalendar:
    @pytest.fixture
    def office(self, policy: ServicePolicy) -> ServicePolicy:
        return promises.policy(row=policy, calendar=promises.calendar())

    def test_counts_open_time_alone(
        self, office: ServicePolicy, channel: Channel, billing: Team, ann: Identity
    ) -> None:
        friday = datetime(2026, 3, 27, 15, tzinfo=HELSINKI)  # clocks go forward on Sunday

        ticket = promises.opened(channel=channel, team=billing, who=ann, policy=office, at=friday)

        assert promises.clock(ticket, FIRST).due_at == datetime(2026, 3, 30, 11, tzinfo=HELSINKI)

    def test_a_holiday_added_later_moves_what_runs_and_rewrites_nothing(
        self, office: ServicePolicy, channel: Channel, billing: Team, ann: Identity, dora: Agent
    ) -> None:
        thursday = datetime(2026, 6, 18, 14, tzinfo=HELSINKI)
        ticket = promises.opened(channel=channel, team=billing, who=ann, policy=office, at=thursday)
        calendar = office.calendar
        assert calendar is not None
        fields = calendars.fields_of(calendar)
        fields = calendars.CalendarFields(
            **{**fields.__dict__, "own_days": [OwnDay(date(2026, 6, 19), "Midsummer Eve")]}
        )
        evening = datetime(2026, 6, 18, 18, tzinfo=HELSINKI)
        version = calendars.draft(calendar=calendar, fields=fields, by=dora, at=evening)

        effect = calendars.effect_of(calendar=calendar, version=version, at=evening)
        assert promises.clock(ticket, FIRST).due_at == datetime(2026, 6, 19, 10, tzinfo=HELSINKI)
        calendars.save_calendar(calendar=calendar, fields=fields, by=dora, at=evening)

        assert (effect.open, effect.later, effect.missed) == (1, 1, 0)
        assert effect.moved[0].after == stored(ticket) == datetime(2026, 6, 22, 10, tzinfo=HELSINKI)
        changes = list(promises.clock(ticket, FIRST).changes.order_by("pk"))
        assert [each.cause for each in changes] == [ClockCause.CUSTOMER_WROTE, ClockCause.CALENDAR_CHANGED]
        assert [each.calendar_version.number for each in changes if each.calendar_version] == [1, 2]
        first, _resolution = timelines_of(ticket, now=datetime(2026, 6, 22, 9, 30, tzinfo=HELSINKI))
        assert [(each.kind, each.days) for each in first.stretches] == [
            ("running", ()),
            ("outside", ()),
            ("outside", ("Midsummer Eve",)),
            ("running", ()),
        ]

    def test_shorter_targets_show_what_would_be_overdue(self, policy: ServicePolicy, ticket: Ticket) -> None:
        policy.targets = {"first-reply": {"normal": 60}}
        effect = service.effect_of(policies=[policy], at=MONDAY + 2 * HOUR)

        assert (effect.open, effect.missed, effect.overdue[0].reference) == (1, 1, ticket.reference)
        assert stored(ticket) == MONDAY + 4 * HOUR

    def test_new_years_are_learnt_before_they_come(self, db: None) -> None:
        calendar = promises.calendar(country="FI")
        known = {day["date"] for day in CalendarVersion.objects.get(calendar=calendar).days}
        assert "2027-06-25" in known

        renewed = calendars.learn_new_years(now=datetime(2028, 1, 1, tzinfo=UTC))

        calendar.refresh_from_db()
        assert calendar.current is not None
        assert (renewed, calendar.current.number, calendar.current.holidays_until) == (1, 2, 2031)
        assert calendars.learn_new_years(now=datetime(2028, 1, 2, tzinfo=UTC)) == 0


class TestATimeline:
    @pytest.mark.parametrize("start", ["2026-03-27T13:00", "2026-10-23T09:30", "2026-06-17T16:00"])
    @pytest.mark.parametrize("seed", range(3))
    def test_adds_up_to_elapsed_time_whatever_happens(
        self, start: str, seed: int, channel: Channel, billing: Team, ann: Identity, ben: Agent
    ) -> None:
        chance = random.Random(f"{start} {seed}")
        calendar = promises.calendar(country="FI")
        policy = promises.policy(calendar=calendar)
        at = datetime.fromisoformat(start).replace(tzinfo=HELSINKI)
        ticket = promises.opened(channel=channel, team=billing, who=ann, policy=policy, at=at)
        for _step in range(14):
            at += timedelta(minutes=chance.choice([1, 45, 400, 1700]))
            self.something(chance, ticket, ben, policy, at)
            now = at + timedelta(minutes=chance.randrange(3000))
            self.check(ticket, now)

    def something(self, chance: random.Random, ticket: Ticket, ben: Agent, policy: ServicePolicy, at: datetime) -> None:
        step = chance.randrange(6)
        if step == 0:
            promises.wrote(ticket, at)
        elif step == 1:
            promises.answered(ticket, ben, at, state=chance.choice([None, State.WAITING, State.SOLVED]))
        elif step == 2:
            tickets.set_priority(ticket=ticket, priority=chance.choice(list(Priority)), by=ben, at=at)
        elif step == 3:
            promises.policy(row=policy, calendar=chance.choice([None, policy.calendar]), at=at)
        else:
            tickets.set_state(ticket=ticket, state=chance.choice(list(State)), by=ben, at=at)

    def check(self, ticket: Ticket, now: datetime) -> None:
        lines = timelines_of(ticket, now=now)
        assert lines
        for line in lines:
            end = line.ended_at or now
            assert sum((each.length for each in line.stretches), timedelta()) == end - line.started_at
            assert all(a.end == b.start for a, b in zip(line.stretches, line.stretches[1:], strict=False))
            assert line.used == line.bar.used
        live = ServiceClock.objects.filter(ticket=ticket, due_at__isnull=False)
        assert stored(ticket) == min((clock.due_at for clock in live if clock.due_at), default=None)
        assert (ticket.pk in bars_of(tickets=[ticket.pk], now=now)) is any(c.is_live for c in ticket.clocks.all())


class TestTheProof:
    def broken(self) -> list[str]:
        return [each.sentence for proof in prove([KEPT], now=MONDAY) for each in proof.findings]

    def test_holds_for_what_clocks_have_done(self, ticket: Ticket, ben: Agent) -> None:
        promises.answered(ticket, ben, MONDAY + HOUR, state=State.WAITING)

        assert self.broken() == []

    def test_finds_what_other_hands_have_done(self, ticket: Ticket) -> None:
        Ticket.objects.filter(pk=ticket.pk).update(due_at=None, state=State.SOLVED)
        ClockChange.objects.update(state=ClockState.PAUSED)
        ServiceClock.objects.update(event_at=MONDAY - timedelta(days=2))
        Heartbeat.objects.create(process="p", loop="timers", started_at=MONDAY - timedelta(days=3), beat_at=MONDAY)

        assert set(self.broken()) == {check.sentence for check in KEPT.checks}


class TestMailInBatches:
    def test_is_wound_up_with_a_few_statements(self, channel: Channel, policy: ServicePolicy) -> None:
        senders = [f"p{number}@customer.example" for number in range(8)]
        for sender in senders:
            make.arrive(channel, make.mail(sender=sender, message_id=f"of-{sender}"), mail_from=sender)

        with CaptureQueriesContext(connection) as done:
            make.process_all()

        statements = [each["sql"] for each in done.captured_queries]
        batches = sum(each.startswith('INSERT INTO "helpdesk_ticket" ') for each in statements)
        assert ServiceClock.objects.count() == 2 * len(senders)
        assert batches < len(senders)
        assert sum(any(table in each for table in TABLES) for each in statements) <= 3 * batches

    def test_asks_for_no_clock_without_a_policy(self, channel: Channel) -> None:
        make.arrive(channel, make.mail())

        with CaptureQueriesContext(connection) as done:
            make.process_all()

        assert not [each["sql"] for each in done.captured_queries if any(table in each["sql"] for table in TABLES)]
