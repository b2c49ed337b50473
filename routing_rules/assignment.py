"""Who gets a ticket: inputs in, a choice with every reason out. Pure; the same inputs always give the same choice.

`choose` passes over candidates that can't take the ticket now (each with a reason as code and values), gives it to the
person that it is meant for if there is one, and else ranks those who are free by the team's strategy.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Strategy(StrEnum):
    """How a team shares its tickets out."""

    LEAST_LOAD = "least-load"
    ROUND_ROBIN = "round-robin"
    WEIGHTED = "weighted"
    MOST_IDLE = "most-idle"
    MANUAL = "manual"


class Presence(StrEnum):
    """Where an agent is. Away and do-not-disturb are chosen by hand, online and offline are seen by their sockets."""

    ONLINE = "online"
    AWAY = "away"
    DND = "dnd"
    OFFLINE = "offline"


class Excluded(StrEnum):
    """Why a candidate was passed over. The values beside it are named in brackets."""

    ABSENT = "absent"  # until: last day
    OUTSIDE_HOURS = "outside-hours"  # until: moment, or none
    LACKS_SKILL = "lacks-skill"  # skill, level, has
    AWAY = "away"  # since
    DND = "dnd"  # since
    OFFLINE = "offline"  # since, or none
    NO_SHARE = "no-share"  # weight 0 in this team
    HAD_IT = "had-it"  # gave it back, or did not react
    AT_CAPACITY = "at-capacity"  # load, capacity: units
    AT_CHANNEL_CAPACITY = "at-channel-capacity"  # load, capacity: tickets of the kind


#: These pass by themselves, perhaps soon: whoever the ticket is meant for may be waited for.
PASSING = frozenset(
    {
        Excluded.OUTSIDE_HOURS,
        Excluded.AWAY,
        Excluded.DND,
        Excluded.OFFLINE,
        Excluded.AT_CAPACITY,
        Excluded.AT_CHANNEL_CAPACITY,
    }
)


class Reason(StrEnum):
    """Why this agent, or why nobody."""

    STRATEGY = "strategy"
    RULE = "rule"
    ACCOUNT_OWNER = "account-owner"
    KNOWS_CUSTOMER = "knows-customer"
    SUBSTITUTE = "substitute"
    MANUAL = "manual"
    WAITS_FOR = "waits-for"
    NOBODY_FREE = "nobody-free"
    NO_MEMBERS = "no-members"
    NOT_WANTED = "imported"


class TieBreak(StrEnum):
    """What decided between candidates whom the strategy ranks alike."""

    NONE = ""
    LONGEST_WITHOUT = "longest-without"
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Need:
    """A skill that the ticket asks for, from `level` (1 to 6; languages: A1 to C2) on."""

    skill: str
    level: int = 1
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """Somebody whom the ticket is meant for: RULE, ACCOUNT_OWNER or KNOWS_CUSTOMER."""

    agent_id: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Request:
    """What the ticket asks for. `is_live`: somebody waits at the other end, so only agents who are online count."""

    kind: str
    since: dt.datetime
    is_live: bool = False
    needs: tuple[Need, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    had_it: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member of the team as they are now.

    `load` and `capacity` are units over all channels, `kind_load` and `kind_limit` tickets of the request's kind.
    `turn` is where the member stands in the rotation, `newest` grows with each ticket given, `idle_since` is when they
    last got one or came back. `opens_at` is set outside working hours; an `is_closed` without it has no next opening.
    """

    agent_id: int
    name: str
    load: int = 0
    capacity: int = 20
    kind_load: int = 0
    kind_limit: int | None = None
    presence: Presence = Presence.ONLINE
    present_since: dt.datetime | None = None
    absent_until: dt.date | None = None
    substitute_id: int | None = None
    is_closed: bool = False
    opens_at: dt.datetime | None = None
    skills: Mapping[str, int] = field(default_factory=dict)
    weight: int = 1
    turn: float | None = None
    newest: int = 0
    idle_since: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """How a team assigns. `patience_s`: so long a ticket waits for the person whom it is meant for."""

    strategy: Strategy = Strategy.LEAST_LOAD
    needs_online: bool = False
    patience_s: int = 0


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why somebody was passed over: the code, and the values that its sentence names."""

    code: Excluded
    values: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """`agent_id` is None when the queue keeps the ticket. `exclusions` stand beside the candidates, one for each.

    `tied` are those whom the strategy ranked alike; `waits_for` and `waits_until` go with Reason.WAITS_FOR; `for_id` is
    who the chosen substitute stands in for.
    """

    agent_id: int | None
    reason: Reason
    exclusions: tuple[Exclusion | None, ...] = ()
    tie_break: TieBreak = TieBreak.NONE
    tied: tuple[int, ...] = ()
    for_id: int | None = None
    waits_for: int | None = None
    waits_until: dt.datetime | None = None


def choose(request: Request, candidates: Sequence[Candidate], policy: Policy, now: dt.datetime) -> Choice:
    """Choose between the members of one team."""
    required = [need for need in request.needs if need.is_required]
    needs_online = policy.needs_online or request.is_live
    exclusions = tuple([_exclusion(each, request, required, needs_online=needs_online) for each in candidates])
    if not candidates:
        return Choice(None, Reason.NO_MEMBERS)
    meant = _meant_for(request, candidates, exclusions, policy, now)
    if meant is not None:
        return meant
    if policy.strategy is Strategy.MANUAL:
        return Choice(None, Reason.MANUAL, exclusions)
    free = [each for each, why in zip(candidates, exclusions, strict=True) if why is None]
    if not free:
        return Choice(None, Reason.NOBODY_FREE, exclusions)
    floor = _floor(candidates)
    ranks = [(_unmet(request.needs, each), _rank(each, policy.strategy, floor)) for each in free]
    best = min(ranks)
    tied = [each for each, rank in zip(free, ranks, strict=True) if rank == best]
    chosen = min(tied, key=lambda each: (each.newest, each.agent_id))
    return Choice(
        chosen.agent_id,
        Reason.STRATEGY,
        exclusions,
        tie_break=_tie_break(chosen, tied),
        tied=tuple(each.agent_id for each in tied) if len(tied) > 1 else (),
    )


def next_turn(candidate: Candidate, candidates: Sequence[Candidate], strategy: Strategy) -> float | None:
    """Where `candidate` stands in the rotation once the strategy has given them a ticket; None: it has no rotation."""
    if strategy not in {Strategy.ROUND_ROBIN, Strategy.WEIGHTED}:
        return None
    return _rank(candidate, strategy, _floor(candidates))


def _meant_for(
    request: Request,
    candidates: Sequence[Candidate],
    exclusions: Sequence[Exclusion | None],
    policy: Policy,
    now: dt.datetime,
) -> Choice | None:
    """The person whom the ticket is meant for, their substitute, a while of waiting for them; None: anybody else."""
    of = {each.agent_id: (each, why) for each, why in zip(candidates, exclusions, strict=True)}
    why_all = tuple(exclusions)
    for wanted in request.wanted:
        is_by_rule = wanted.reason is Reason.RULE
        if wanted.agent_id not in of or (policy.strategy is Strategy.MANUAL and not is_by_rule):
            continue
        person, why = of[wanted.agent_id]
        if why is None:
            return Choice(person.agent_id, wanted.reason, why_all)
        if why.code is Excluded.HAD_IT:
            continue
        if person.absent_until is not None:
            stand_in, obstacle = of.get(person.substitute_id or 0, (None, None))
            if stand_in is not None and obstacle is None:
                return Choice(stand_in.agent_id, Reason.SUBSTITUTE, why_all, for_id=person.agent_id)
            continue
        if is_by_rule:  # a rule means what it says: to a full or a resting desk as well
            return Choice(person.agent_id, wanted.reason, why_all)
        until = request.since + dt.timedelta(seconds=policy.patience_s)
        if now < until and why.code in PASSING and (person.opens_at is None or person.opens_at <= until):
            return Choice(None, Reason.WAITS_FOR, why_all, waits_for=person.agent_id, waits_until=until)
    return None


def _exclusion(
    candidate: Candidate, request: Request, required: Sequence[Need], *, needs_online: bool
) -> Exclusion | None:
    """The first reason that stands against `candidate`, what lasts longest before what passes."""
    if candidate.absent_until is not None:
        return Exclusion(Excluded.ABSENT, {"until": candidate.absent_until.isoformat()})
    if candidate.agent_id in request.had_it:
        return Exclusion(Excluded.HAD_IT)
    for need in required:
        if (has := candidate.skills.get(need.skill, 0)) < need.level:
            return Exclusion(Excluded.LACKS_SKILL, {"skill": need.skill, "level": need.level, "has": has})
    if candidate.weight <= 0:
        return Exclusion(Excluded.NO_SHARE)
    if candidate.is_closed or candidate.opens_at is not None:
        return Exclusion(Excluded.OUTSIDE_HOURS, _moment("until", candidate.opens_at))
    is_here = candidate.presence is Presence.ONLINE
    gone = None if is_here else _not_there(candidate, needs_online=needs_online)
    return gone or _too_busy(candidate, request)


def _not_there(candidate: Candidate, *, needs_online: bool) -> Exclusion | None:
    if candidate.presence is Presence.AWAY:
        return Exclusion(Excluded.AWAY, _moment("since", candidate.present_since))
    if candidate.presence is Presence.DND:
        return Exclusion(Excluded.DND, _moment("since", candidate.present_since))
    if candidate.presence is Presence.OFFLINE and needs_online:
        return Exclusion(Excluded.OFFLINE, _moment("since", candidate.present_since))
    return None


def _too_busy(candidate: Candidate, request: Request) -> Exclusion | None:
    if candidate.load >= candidate.capacity:
        return Exclusion(Excluded.AT_CAPACITY, {"load": candidate.load, "capacity": candidate.capacity})
    if candidate.kind_limit is not None and candidate.kind_load >= candidate.kind_limit:
        load, limit = candidate.kind_load, candidate.kind_limit
        return Exclusion(Excluded.AT_CHANNEL_CAPACITY, {"load": load, "capacity": limit, "kind": request.kind})
    return None


def _meets(candidate: Candidate, need: Need) -> bool:
    return candidate.skills.get(need.skill, 0) >= need.level


def _unmet(needs: Sequence[Need], candidate: Candidate) -> int:
    """How many of the preferred skills are missing: asked before the strategy, since who can answers better."""
    return sum(1 for need in needs if not need.is_required and not _meets(candidate, need))


def _rank(candidate: Candidate, strategy: Strategy, floor: float) -> float:
    """What the strategy compares; the lowest is next."""
    if strategy is Strategy.LEAST_LOAD:
        return candidate.load
    if strategy is Strategy.MOST_IDLE:
        return candidate.idle_since.timestamp() if candidate.idle_since is not None else 0.0
    return _turn(candidate, floor, candidate.weight if strategy is Strategy.WEIGHTED else 1)


def _floor(candidates: Sequence[Candidate]) -> float:
    return max((each.turn for each in candidates if each.turn is not None), default=0.0)


def _turn(candidate: Candidate, floor: float, weight: int) -> float:
    """Fair queueing: each ticket moves its taker on by one over their weight.

    Nobody starts behind `floor`, the newest turn taken: who joins or comes back gets their share from now on, not a
    flood of what they have missed.
    """
    return floor if candidate.turn is None else max(floor, candidate.turn + 1 / weight)


def _tie_break(chosen: Candidate, tied: Sequence[Candidate]) -> TieBreak:
    if len(tied) == 1:
        return TieBreak.NONE
    is_alone = sum(1 for each in tied if each.newest == chosen.newest) == 1
    return TieBreak.LONGEST_WITHOUT if is_alone else TieBreak.ORDER


def _moment(name: str, moment: dt.datetime | None) -> dict[str, str | int]:
    return {} if moment is None else {name: moment.isoformat()}
