"""The assignment ledger: a choice with all that it was made from, as JSON; `reproduce` makes the same choice again.

Names stand beside ids, because the ledger outlives the rows. What is as usual is left out: most of a team is.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from routing_rules.assignment import (
    Candidate,
    Choice,
    Excluded,
    Exclusion,
    Need,
    Policy,
    Presence,
    Reason,
    Request,
    Strategy,
    Wanted,
    choose,
)

VERSION = 1
#: Fields that are stored as they are.
_PLAIN = ("load", "capacity", "kind_load", "kind_limit", "substitute_id", "is_closed", "weight", "turn", "newest")
_MOMENTS = ("present_since", "opens_at", "idle_since")


def ledger_of(
    request: Request, candidates: Sequence[Candidate], policy: Policy, now: dt.datetime, choice: Choice
) -> dict[str, Any]:
    """What is to be stored about `choice`."""
    names = {each.agent_id: each.name for each in candidates}
    has_turns = policy.strategy in {Strategy.ROUND_ROBIN, Strategy.WEIGHTED}
    shown = _Shown(tuple(need.skill for need in request.needs), has_turns, policy.strategy is Strategy.MOST_IDLE)
    return {
        "v": VERSION,
        "agent": names.get(choice.agent_id or 0, ""),
        "agent_id": choice.agent_id,
        "reason": choice.reason.value,
        **_extras(choice, names),
        "at": now.isoformat(),
        "request": _request(request),
        "policy": {"strategy": policy.strategy.value, "online": policy.needs_online, "patience": policy.patience_s},
        "candidates": [_candidate(each, shown, why) for each, why in zip(candidates, choice.exclusions, strict=True)]
        if choice.exclusions
        else [],
    }


def reproduce(ledger: Mapping[str, Any]) -> Choice:
    """Choose again from what was stored."""
    policy = ledger["policy"]
    return choose(
        read_request(ledger["request"]),
        [read_candidate(each) for each in ledger["candidates"]],
        Policy(Strategy(policy["strategy"]), policy["online"], policy["patience"]),
        dt.datetime.fromisoformat(ledger["at"]),
    )


def read_exclusion(candidate: Mapping[str, Any]) -> Exclusion | None:
    """Why a stored candidate was passed over."""
    code = candidate.get("excluded", "")
    return Exclusion(Excluded(code), candidate.get("values", {})) if code else None


def _extras(choice: Choice, names: Mapping[int, str]) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if choice.tie_break:
        extras |= {"tie_break": choice.tie_break.value, "tied": list(choice.tied)}
    if choice.for_id is not None:
        extras["for"] = names.get(choice.for_id, "")
    if choice.waits_for is not None and choice.waits_until is not None:
        extras |= {"waits_for": names.get(choice.waits_for, ""), "waits_until": choice.waits_until.isoformat()}
    return extras


def _request(request: Request) -> dict[str, Any]:
    stored: dict[str, Any] = {"kind": request.kind, "since": request.since.isoformat()}
    if request.is_live:
        stored["live"] = True
    if request.needs:
        stored["needs"] = [[need.skill, need.level, need.is_required] for need in request.needs]
    if request.wanted:
        stored["wanted"] = [[each.agent_id, each.reason.value] for each in request.wanted]
    if request.had_it:
        stored["had_it"] = list(request.had_it)
    return stored


def read_request(stored: Mapping[str, Any]) -> Request:
    """The request of a ledger."""
    return Request(
        kind=stored["kind"],
        since=dt.datetime.fromisoformat(stored["since"]),
        is_live=stored.get("live", False),
        needs=tuple(Need(*each) for each in stored.get("needs", ())),
        wanted=tuple(Wanted(number, Reason(reason)) for number, reason in stored.get("wanted", ())),
        had_it=tuple(stored.get("had_it", ())),
    )


@dataclass(frozen=True, slots=True)
class _Shown:
    """What besides the usual could decide here: the skills asked for, the rotation, the time without a new ticket."""

    skills: tuple[str, ...]
    has_turns: bool
    has_idle: bool


def _candidate(candidate: Candidate, shown: _Shown, why: Exclusion | None) -> dict[str, Any]:
    """Written out field by field: it runs for every member of the team at every ticket."""
    stored: dict[str, Any] = {
        "agent_id": candidate.agent_id,
        "name": candidate.name,
        "load": candidate.load,
        "capacity": candidate.capacity,
        "excluded": "",
    }
    if why is not None:
        stored["excluded"] = why.code.value
        if why.values:
            stored["values"] = dict(why.values)
    if candidate.newest:
        stored["newest"] = candidate.newest
    if candidate.weight != 1:
        stored["weight"] = candidate.weight
    if candidate.kind_limit is not None:
        stored |= {"kind_limit": candidate.kind_limit, "kind_load": candidate.kind_load}
    if shown.has_turns and candidate.turn is not None:
        stored["turn"] = candidate.turn
    if shown.has_idle and candidate.idle_since is not None:
        stored["idle_since"] = candidate.idle_since.isoformat()
    if candidate.presence is not Presence.ONLINE:
        stored["presence"] = candidate.presence.value
        if candidate.present_since is not None:
            stored["present_since"] = candidate.present_since.isoformat()
    _add_calendar(stored, candidate)
    if shown.skills and candidate.skills:
        # Only the skills that were asked for: others decided nothing.
        stored["skills"] = {skill: has for skill in shown.skills if (has := candidate.skills.get(skill))}
    return stored


def _add_calendar(stored: dict[str, Any], candidate: Candidate) -> None:
    if candidate.is_closed:
        stored["is_closed"] = True
    if candidate.opens_at is not None:
        stored["opens_at"] = candidate.opens_at.isoformat()
    if candidate.absent_until is not None:
        stored["absent_until"] = candidate.absent_until.isoformat()
        if candidate.substitute_id is not None:
            stored["substitute_id"] = candidate.substitute_id


def read_candidate(stored: Mapping[str, Any]) -> Candidate:
    """A candidate of a ledger."""
    absent_until = stored.get("absent_until")
    others: dict[str, Any] = {name: stored[name] for name in _PLAIN if name in stored}
    others |= {name: dt.datetime.fromisoformat(stored[name]) for name in _MOMENTS if name in stored}
    return Candidate(
        agent_id=stored["agent_id"],
        name=stored["name"],
        presence=Presence(stored.get("presence", Presence.ONLINE)),
        absent_until=dt.date.fromisoformat(absent_until) if absent_until else None,
        skills=stored.get("skills", {}),
        **others,
    )
