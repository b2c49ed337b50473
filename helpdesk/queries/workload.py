"""Who works in a team and how busy they are: candidates for routing_rules.assignment, read once for a batch of tickets.

A few queries a team, whatever the number of tickets; assignments within the batch are counted on in memory. Skills,
idle times and shifts are asked for only where they decide something.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db.models import Count, Max, OuterRef, QuerySet, Subquery

from helpdesk import business_time
from helpdesk.models import (
    ACTIVE_STATES,
    Absence,
    Agent,
    AgentSkill,
    Assignment,
    BusinessCalendar,
    Channel,
    ChannelWeight,
    Membership,
    Overflow,
    PresenceChoice,
    Shift,
    Skill,
    State,
    Team,
    Ticket,
    WorkingHours,
)
from helpdesk.models.conditions import OneOf
from routing_rules.assignment import Candidate, Policy, Presence, Strategy

#: A console that hasn't been heard of for so long is closed; its socket says something twice as often at least.
OFFLINE_AFTER = timedelta(seconds=90)
#: Where somebody waits at the other end.
LIVE_KINDS = frozenset({"chat"})
#: Units of capacity that a ticket takes, where nobody has said otherwise.
USUAL_UNITS = {"chat": 3}
#: Members of a small team are loaded together once one of them is needed.
_SMALL_TEAM = 100


def presence_of(
    *, chosen: str, since: datetime | None, seen_at: datetime | None, now: datetime
) -> tuple[Presence, datetime | None]:
    """Where an agent is, and since when: what they say of themselves first, else what their sockets say."""
    if chosen == PresenceChoice.AWAY:
        return Presence.AWAY, since
    if chosen == PresenceChoice.DND:
        return Presence.DND, since
    if seen_at is None or now - seen_at > OFFLINE_AFTER:
        return Presence.OFFLINE, seen_at
    return Presence.ONLINE, since


def local_zone(name: str) -> ZoneInfo:
    """The zone of an agent; the desk's for none, or for one that this machine doesn't know."""
    try:
        return ZoneInfo(name or settings.TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(settings.TIME_ZONE)


@dataclass(slots=True)
class Workload:
    """The members of a team as candidates, and what changes with each ticket that one of them gets."""

    team: Team
    units: Mapping[str, int]
    members: list[Candidate]
    limits: Mapping[int, Mapping[str, int]]
    kind_loads: dict[tuple[int, str], int]
    membership_ids: Mapping[int, int]
    turned: dict[int, float] = field(default_factory=dict)
    _has_skills: bool = False
    _agents: dict[int, Agent] = field(default_factory=dict)

    @classmethod
    def of(cls, *, team: Team, units: Mapping[str, int], kinds: Mapping[int, str], now: datetime) -> "Workload":
        """As the database has it at ``now``; ``kinds`` are those of the channels by id."""
        rows = list(
            Membership.objects.filter(team=team, agent__is_active=True)
            .order_by("agent_id")
            .values_list("pk", "agent_id", "agent__name", "agent__capacity", "agent__channel_limits", "agent__presence",
                         "agent__presence_since", "agent__seen_at", "weight", "turn", "agent__hours",
                         "agent__calendar_id")
        )  # fmt: skip
        numbers = [row[1] for row in rows]
        loads, newest, kind_loads = _loads(team, units, kinds)
        absences = _absences(team, now)
        idle = _idle_since(numbers) if team.strategy == Strategy.MOST_IDLE else {}
        closed = _closed({row[1]: (row[10], row[11] if row[10] == WorkingHours.CALENDAR else team.calendar_id)
                          for row in rows}, now)  # fmt: skip
        members = []
        for _pk, number, name, capacity, _limits, chosen, since, seen_at, weight, turn, *_hours in rows:
            presence, present_since = presence_of(chosen=chosen, since=since, seen_at=seen_at, now=now)
            until, substitute = absences.get(number, (None, None))
            members.append(
                Candidate(
                    agent_id=number,
                    name=name,
                    load=loads.get(number, 0),
                    capacity=capacity,
                    presence=presence,
                    present_since=present_since,
                    absent_until=until,
                    substitute_id=substitute,
                    is_closed=number in closed,
                    opens_at=closed.get(number),
                    skills={},
                    weight=weight,
                    turn=turn,
                    newest=newest.get(number, 0),
                    idle_since=max(filter(None, (idle.get(number), since)), default=None) if idle else since,
                )
            )
        limits = {row[1]: row[4] for row in rows if row[4]}
        return cls(team, units, members, limits, kind_loads, {row[1]: row[0] for row in rows})

    @property
    def policy(self) -> Policy:
        """How the team assigns."""
        team = self.team
        return Policy(Strategy(team.strategy), team.needs_online, team.patience_minutes * 60)

    def units_of(self, kind: str) -> int:
        """What a ticket of this kind takes."""
        return self.units.get(kind, 1)

    def candidates(self, *, kind: str, with_skills: bool) -> list[Candidate]:
        """The members, for a ticket of this kind; in the order of their numbers."""
        if with_skills and not self._has_skills:
            self._learn_skills()
        if not self.limits:
            return self.members
        return [
            replace(each, kind_load=self.kind_loads.get((each.agent_id, kind), 0), kind_limit=limit)
            if (limit := self.limits.get(each.agent_id, {}).get(kind)) is not None
            else each
            for each in self.members
        ]

    def agent(self, number: int) -> Agent:
        """A member as a row."""
        if number not in self._agents:
            wanted = [each.agent_id for each in self.members] if len(self.members) <= _SMALL_TEAM else [number]
            self._agents |= Agent.objects.in_bulk(wanted)
        return self._agents[number]

    def has(self, number: int) -> bool:
        """Whether an agent is a member."""
        return number in self.membership_ids

    def load_of(self, number: int) -> int:
        """How many units a member has now."""
        return next((each.load for each in self.members if each.agent_id == number), 0)

    def take(self, number: int, *, kind: str, at: datetime, turn: float | None = None) -> None:
        """Count a ticket that a member gets now; it has no number yet, but a higher one than all before."""
        newest = max((each.newest for each in self.members), default=0) + 1
        for place, each in enumerate(self.members):
            if each.agent_id == number:
                load, moved_to = each.load + self.units_of(kind), each.turn if turn is None else turn
                self.members[place] = replace(each, load=load, newest=newest, idle_since=at, turn=moved_to)
        self.kind_loads[number, kind] = self.kind_loads.get((number, kind), 0) + 1
        if turn is not None:
            self.turned[self.membership_ids[number]] = turn

    def _learn_skills(self) -> None:
        # Each member has a mapping of their own, so that nobody need be made anew.
        skills = {each.agent_id: cast("dict[str, int]", each.skills) for each in self.members}
        rows = AgentSkill.objects.filter(agent__in=_members(self.team))
        for number, slug, level in rows.values_list("agent", "skill__slug", "level"):
            if number in skills:
                skills[number][slug] = level
        self._has_skills = True


@dataclass(slots=True)
class Staff:
    """Everybody who works here, as the database has it while a batch of tickets is dealt with."""

    workloads: dict[int, Workload] = field(default_factory=dict)
    _units: Mapping[str, int] | None = None
    _kinds: Mapping[int, str] | None = None
    _overflows: dict[int, list[Overflow]] | None = None
    _languages: frozenset[str] | None = None

    def forget(self) -> None:
        """What was counted on did not come to be: ask the database again."""
        self.workloads.clear()

    def of(self, team: Team, *, now: datetime) -> Workload:
        """How busy a team is."""
        if team.pk not in self.workloads:
            self.workloads[team.pk] = Workload.of(team=team, units=self.units, kinds=self.kinds, now=now)
        return self.workloads[team.pk]

    @property
    def units(self) -> Mapping[str, int]:
        """Units of capacity by kind of channel."""
        if self._units is None:
            self._units = USUAL_UNITS | dict(ChannelWeight.objects.values_list("kind", "units"))
        return self._units

    @property
    def kinds(self) -> Mapping[int, str]:
        """Kind of channel by id."""
        if self._kinds is None:
            self._kinds = dict(Channel.objects.order_by().values_list("pk", "kind"))
        return self._kinds

    def overflows_of(self, team: Team) -> Sequence[Overflow]:
        """Where a team's tickets go when it has nobody, in order."""
        if self._overflows is None:
            self._overflows = {}
            for each in Overflow.objects.filter(to_team__is_active=True).select_related("to_team"):
                self._overflows.setdefault(each.team_id, []).append(each)
        return self._overflows.get(team.pk, ())

    def knows_language(self, code: str) -> bool:
        """Whether a language is one of the desk's skills; what nobody can be asked for excludes nobody."""
        if self._languages is None:
            found = Skill.objects.filter(kind=Skill.Kind.LANGUAGE).values_list("slug", flat=True)
            self._languages = frozenset(found)
        return code in self._languages

    def take(self, number: int, *, kind: str, at: datetime, team: Team, turn: float | None = None) -> None:
        """Count a ticket in every team that the agent is in: their load is one."""
        for each in self.workloads.values():
            if each.has(number):
                each.take(number, kind=kind, at=at, turn=turn if each.team.pk == team.pk else None)


def known_agent(*, contact_id: int, among: Sequence[int]) -> int | None:
    """Who of these had the customer's newest ticket that somebody had; spam doesn't count."""
    rows = Ticket.objects.filter(contact=contact_id, owner__in=among).exclude(state=State.SPAM)
    return rows.order_by("-last_activity_at", "-id").values_list("owner", flat=True).first()


def _loads(
    team: Team, units: Mapping[str, int], kinds: Mapping[int, str]
) -> tuple[dict[int, int], dict[int, int], dict[tuple[int, str], int]]:
    """Units, newest ticket, and tickets by kind, of each agent.

    Where all channels are of one kind the index alone answers; else each ticket is looked at.
    """
    rows = Ticket.objects.filter(OneOf("state", ACTIVE_STATES), owner__in=_members(team)).order_by()
    counts = {"count": Count("id"), "newest": Max("id")}
    found: Iterable[tuple[int, str, int, int]]
    if len(only := set(kinds.values())) == 1:
        kind = next(iter(only))
        grouped = rows.values_list("owner").annotate(**counts)
        found = ((number, kind, count, newest) for number, count, newest in grouped)
    else:
        by_channel = rows.values_list("owner", "channel").annotate(**counts)
        found = ((number, kinds[channel], count, newest) for number, channel, count, newest in by_channel)
    loads: dict[int, int] = {}
    newest_of: dict[int, int] = {}
    by_kind: dict[tuple[int, str], int] = {}
    for number, kind, count, newest in found:
        loads[number] = loads.get(number, 0) + count * units.get(kind, 1)
        newest_of[number] = max(newest_of.get(number, 0), newest)
        by_kind[number, kind] = by_kind.get((number, kind), 0) + count
    return loads, newest_of, by_kind


def _members(team: Team) -> QuerySet[Membership, int]:
    """As a condition: hundreds of numbers in a statement cost more than the statement."""
    return Membership.objects.filter(team=team).values_list("agent", flat=True)


def _absences(team: Team, now: datetime) -> dict[int, tuple[date, int | None]]:
    """Last day and substitute of those who are absent today, each on their own calendar on the wall."""
    day = timedelta(days=1)
    rows = Absence.objects.filter(
        agent__in=_members(team), begins_on__lte=(now + day).date(), ends_on__gte=(now - day).date()
    )
    found: dict[int, tuple[date, int | None]] = {}
    for number, begins_on, ends_on, substitute, zone in rows.values_list(
        "agent", "begins_on", "ends_on", "substitute", "agent__time_zone"
    ):
        if begins_on <= now.astimezone(local_zone(zone)).date() <= ends_on:
            found[number] = (ends_on, substitute)
    return found


def _closed(hours: Mapping[int, tuple[str, int | None]], now: datetime) -> dict[int, datetime | None]:
    """Those who don't work now, and when they begin again; hours of work and a calendar by agent."""
    by_shift = [number for number, (kind, _calendar) in hours.items() if kind == WorkingHours.SHIFTS]
    found = _between_shifts(by_shift, now) if by_shift else {}
    wanted = {calendar for kind, calendar in hours.values() if calendar is not None and kind != WorkingHours.SHIFTS}
    if not wanted:
        return found
    rows = BusinessCalendar.objects.filter(pk__in=wanted).select_related("current")
    opening = {
        row.pk: business_time.next_opening(row.hours, now) for row in rows if not business_time.is_open(row.hours, now)
    }
    return found | {
        number: opening[calendar]
        for number, (kind, calendar) in hours.items()
        if kind != WorkingHours.SHIFTS and calendar in opening
    }


def _between_shifts(numbers: Sequence[int], now: datetime) -> dict[int, datetime | None]:
    rows = Shift.objects.filter(agent__in=numbers, ends_at__gt=now).order_by("-begins_at")
    found: dict[int, datetime | None] = dict.fromkeys(numbers)
    found |= dict(rows.values_list("agent", "begins_at"))  # of several the earliest comes last, and stays
    return {number: at for number, at in found.items() if at is None or at > now}


def _idle_since(numbers: Sequence[int]) -> dict[int, datetime]:
    """When each was last given a ticket."""
    newest = Assignment.objects.filter(agent=OuterRef("pk")).order_by("-at").values("at")[:1]
    rows = Agent.objects.filter(pk__in=numbers).annotate(last_at=Subquery(newest)).values_list("pk", "last_at")
    return {number: at for number, at in rows if at is not None}
