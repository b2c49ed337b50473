"""Rules place a ticket that is being opened, and the desk chooses its owner."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from helpdesk.actions import assignment, rule_effects, tickets
from helpdesk.actions.assignment import NOT_WANTED, Asked, Choice
from helpdesk.actions.journal import record
from helpdesk.models import (
    ACTIVE_STATES,
    OVER_STATES,
    Agent,
    Channel,
    Entry,
    Message,
    Priority,
    RoutingDecision,
    ServicePolicy,
    State,
    Team,
    Ticket,
)
from helpdesk.queries.segments import Criteria, criteria_by_slug, segments_of
from helpdesk.queries.service import facts_of_service, policies_in_force
from helpdesk.queries.workload import Staff
from routing_rules.assignment import Need
from routing_rules.engine import AppliedEffect, Decision, Outcome, Rule, RuleSet, decide
from routing_rules.facts import VERSION, facts_to_json
from routing_rules.models import load_ruleset
from routing_rules.vocabulary import NO_ACKNOWLEDGEMENT, EffectKind, Event


@dataclass(slots=True)
class Rulebook:
    """What deciding needs, as the database had it when a batch of tickets began."""

    ruleset: RuleSet
    teams: Mapping[str, Team]
    default_team: Team
    staff: Staff = field(default_factory=Staff)
    policies: Mapping[str, ServicePolicy] = field(default_factory=dict)
    segments: Mapping[str, Criteria] = field(default_factory=dict)

    @classmethod
    def load(cls) -> "Rulebook":
        """The newest rules and the active teams. Raises Team.DoesNotExist when no team is the default."""
        teams = {team.slug: team for team in Team.objects.filter(is_active=True)}
        default = next((team for team in teams.values() if team.is_default), None)
        if default is None:
            raise Team.DoesNotExist("No team is the default one, which takes what no rule places.")
        return cls(load_ruleset(), teams, default, policies=policies_in_force(), segments=criteria_by_slug())

    def home_of(self, channel: Channel) -> Team:
        """The team that takes what no rule places: the channel's, else the default one."""
        team = next((each for each in self.teams.values() if each.pk == channel.team_id), None)
        return team or self.default_team

    def promised(self, ticket: Ticket) -> ServicePolicy | None:
        """The service policy where no rule chooses one: the organisation's, the team's, else the default one."""
        if not self.policies:
            return None
        by_number = {policy.pk: policy for policy in self.policies.values()}
        organisation = ticket.contact.organisation if ticket.contact else None
        chosen = [organisation.service_policy_id if organisation else None, ticket.team.service_policy_id]
        default = next((policy for policy in self.policies.values() if policy.is_default), None)
        return next((by_number[number] for number in chosen if number in by_number), default)

    def forget_workloads(self) -> None:
        """What was placed did not come to be: ask the database again."""
        self.staff.forget()


@dataclass(slots=True)
class Placement:
    """Where a ticket is to go, effect by effect, and the decision behind it."""

    rulebook: Rulebook
    team: Team
    owner: Agent | None = None
    priority: Priority = Priority.NORMAL
    tags: set[str] = field(default_factory=set)
    acknowledgement: str = ""
    policy: ServicePolicy | None = None
    problems: list[str] = field(default_factory=list)
    fired: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)
    needs: list[Need] = field(default_factory=list)
    prefers: set[str] = field(default_factory=set)
    state: State | None = None
    notes: list[tuple[AppliedEffect, str]] = field(default_factory=list)
    listeners: list[tuple[AppliedEffect, str]] = field(default_factory=list)
    acting: AppliedEffect | None = None
    choice: Choice = NOT_WANTED

    @property
    def wants_no_acknowledgement(self) -> bool:
        """Whether a rule said that nothing is to be sent."""
        return self.acknowledgement == NO_ACKNOWLEDGEMENT

    def follow(self, decision: Decision) -> None:
        """Note what a decision wants. What can't be done is a problem, and hinders nothing else."""
        self.fired = steps_of(decision)
        for effect in decision.effects:
            self.acting = effect
            APPLY[EffectKind(effect.kind)](self, effect.value)

    @property
    def asked(self) -> Asked:
        """What is asked of whoever gets the ticket, besides a name."""
        return Asked(tuple(self.needs), prefers=frozenset(self.prefers))

    def keep_quiet(self) -> None:
        """Leave out what would wake somebody: another state, notes, mails to agents."""
        self.state = None
        self.notes.clear()
        self.listeners.clear()

    @property
    def is_owner_named(self) -> bool:
        """Whether it was a rule that named the owner."""
        return any(effect["kind"] == EffectKind.SET_AGENT for step in self.fired for effect in step["effects"])

    @property
    def fired_rules(self) -> list[Rule]:
        """The rules that fired, in order."""
        return [self.rulebook.ruleset.by_id[step["rule_id"]] for step in self.fired]

    def as_data(self) -> dict[str, object]:
        """For the journal: what was decided, by name."""
        return {
            "team": self.team.name,
            "owner": self.owner.name if self.owner else "",
            "priority": self.priority.slug,
            "tags": sorted(self.tags),
            "rules": [step["rule_name"] for step in self.fired],
            **({"event": event} if (event := self.facts.get("event")) != Event.TICKET_CREATED else {}),
            **({"problems": self.problems} if self.problems else {}),
        }


def _set_team(placement: Placement, slug: str) -> None:
    team = placement.rulebook.teams.get(slug)
    if team is None:
        placement.problems.append(f"There is no active team '{slug}'.")
    else:
        placement.team = team


def _set_agent(placement: Placement, email: str) -> None:
    agent = Agent.objects.filter(email=email.lower(), is_active=True).first()
    if agent is None:
        placement.problems.append(f"There is no active agent '{email}'.")
    else:
        placement.owner = agent


def _set_priority(placement: Placement, slug: str) -> None:
    priority = next((each for each in Priority if each.slug == slug), None)
    if priority is None:
        placement.problems.append(f"There is no priority '{slug}'.")
    else:
        placement.priority = priority


def _add_tag(placement: Placement, name: str) -> None:
    placement.tags |= tickets.tag_names([name])


def _remove_tag(placement: Placement, name: str) -> None:
    placement.tags -= tickets.tag_names([name])


def _set_state(placement: Placement, slug: str) -> None:
    if slug in State.values:
        placement.state = State(slug)
    else:
        placement.problems.append(f"There is no state '{slug}'.")


def _add_note(placement: Placement, text: str) -> None:
    if placement.acting is not None:
        placement.notes.append((placement.acting, text))


def _notify(placement: Placement, listeners: str) -> None:
    if listeners not in rule_effects.LISTENERS:
        placement.problems.append(f"There is nobody called '{listeners}' to tell.")
    elif placement.acting is not None:
        placement.listeners.append((placement.acting, listeners))


def _set_acknowledgement(placement: Placement, slug: str) -> None:
    placement.acknowledgement = slug


def _set_service_policy(placement: Placement, slug: str) -> None:
    policy = placement.rulebook.policies.get(slug)
    if policy is None:
        placement.problems.append(f"There is no active service policy '{slug}'.")
    else:
        placement.policy = policy


def _require_skill(placement: Placement, value: str) -> None:
    _need(placement, value, is_required=True)


def _prefer_skill(placement: Placement, value: str) -> None:
    _need(placement, value, is_required=False)


def _need(placement: Placement, value: str, *, is_required: bool) -> None:
    slug, _colon, level = value.rpartition(":")
    if slug and level.isdecimal():
        placement.needs.append(Need(slug, int(level), is_required))
    else:
        placement.problems.append(f"There is no skill '{value}'.")


def _prefer_person(placement: Placement, value: str) -> None:
    placement.prefers.add(value)


#: Each effect of the vocabulary and what it does; tests/test_architecture.py sees that none is missing.
APPLY: Mapping[EffectKind, Callable[[Placement, str], None]] = {
    EffectKind.SET_TEAM: _set_team,
    EffectKind.SET_AGENT: _set_agent,
    EffectKind.SET_PRIORITY: _set_priority,
    EffectKind.ADD_TAG: _add_tag,
    EffectKind.REMOVE_TAG: _remove_tag,
    EffectKind.SET_STATE: _set_state,
    EffectKind.ADD_NOTE: _add_note,
    EffectKind.NOTIFY: _notify,
    EffectKind.SET_ACKNOWLEDGEMENT: _set_acknowledgement,
    EffectKind.SET_SERVICE_POLICY: _set_service_policy,
    EffectKind.REQUIRE_SKILL: _require_skill,
    EffectKind.PREFER_SKILL: _prefer_skill,
    EffectKind.PREFER_PERSON: _prefer_person,
}


def facts_of(
    *, ticket: Ticket, message: Message, recipient: str, has_attachments: bool, at: datetime
) -> dict[str, object]:
    """What rules may know of a new ticket and its first message; the names are routing_rules.vocabulary.FIELDS."""
    contact, channel = ticket.contact, ticket.channel
    organisation = contact.organisation if contact else None
    return {
        "event": Event.TICKET_CREATED.value,
        "subject": ticket.subject,
        "body": message.text_for_rules,
        "sender": message.sender_address,
        "sender_domain": message.sender_address.rpartition("@")[2],
        "sender_name": message.sender_name,
        "recipient": recipient,
        "channel": channel.slug,
        "channel_kind": channel.kind,
        "language": ticket.language,
        "customer_class": contact.customer_class if contact else "",
        "organisation": organisation.name if organisation else "",
        "tags": frozenset[str](),
        "has_attachments": has_attachments,
        "is_automatic": message.kind == Message.Kind.MACHINE,
        "sender_verdict": message.verdict,
        "arrived_at": at,
        "priority": Priority(ticket.priority).slug,
        "state": ticket.state,
        **facts_of_service(ticket, at=at),
        "state_before": None,
        "team": ticket.team.slug,
        "owner": ticket.owner.email if ticket.owner else "",
        "owner_before": None,
        "changed_by": "customer",
        "created_at": ticket.created_at,
        "state_since": ticket.state_since or ticket.created_at,
        "last_customer_message_at": at if message.kind == Message.Kind.CUSTOMER else None,
        "last_reply_at": None,
        "customer_messages": int(message.kind == Message.Kind.CUSTOMER),
        "replies": 0,
        "rating": None,
    }


def place(
    rulebook: Rulebook, ticket: Ticket, facts: dict[str, object], *, at: datetime, has_owner: bool = True
) -> Placement:
    """Let the rules place a draft ticket and choose its owner, who counts as busier from now on; nothing is written.

    ``has_owner`` False leaves it in its team's queue. Once the ticket is stored, `record_placed` writes down why.
    """
    if "segments" not in facts:  # a ticket that is tried again brings what was true then
        facts["segments"] = segments_of(ticket.contact, among=rulebook.segments, at=at)
    decision = decide(rulebook.ruleset, facts, at)
    placement = Placement(rulebook=rulebook, team=ticket.team, priority=Priority(ticket.priority))
    placement.facts = facts
    placement.follow(decision)
    if ticket.state != State.NEW:  # old mail that is imported, a blocked sender: filed, and nobody is called
        placement.keep_quiet()
    if placement.state is not None:
        ticket.state, ticket.solved_at = placement.state, at if placement.state in OVER_STATES else None
    if has_owner and ticket.state in ACTIVE_STATES:
        placement.choice = _choose(placement, ticket, at)
    placement.owner, placement.team = placement.choice.agent, placement.choice.team or placement.team
    ticket.team, ticket.owner, ticket.priority = placement.team, placement.owner, placement.priority
    ticket.service_policy = placement.policy or rulebook.promised(ticket)
    return placement


def decision_of(placement: Placement, *, ticket: Ticket, message: Message | None, at: datetime) -> RoutingDecision:
    """The record of what was decided and on which facts, not stored."""
    return RoutingDecision(
        ticket=ticket,
        message=message,
        event=str(placement.facts.get("event", "")),
        rules_version=placement.rulebook.ruleset.version,
        facts_version=VERSION,
        facts=facts_to_json({name: value for name, value in placement.facts.items() if name != "body"}),
        fired=placement.fired,
        assignment={**placement.choice.as_data(), "problems": placement.problems},
        created_at=at,
    )


@dataclass(frozen=True, slots=True)
class Placed:
    """A stored ticket with what placed it; ``message`` is its first one."""

    placement: Placement
    ticket: Ticket
    message: Message | None
    at: datetime


def record_placed(placed: Sequence[Placed]) -> None:
    """Store the decisions behind new tickets, who got them, and which of them wait for an agent; a few inserts."""
    decisions = RoutingDecision.objects.bulk_create(
        decision_of(each.placement, ticket=each.ticket, message=each.message, at=each.at) for each in placed
    )
    given = [
        assignment.Placed(each.ticket, each.placement.choice, decision, each.at)
        for each, decision in zip(placed, decisions, strict=True)
    ]
    if given:
        assignment.note_placed(placed=given, staff=placed[0].placement.rulebook.staff)
    for each in placed:
        for rule in each.placement.fired_rules:
            if rule.once_per_ticket:
                rule_effects.take_turn(ticket=each.ticket, uid=rule.uid, occasion="", at=each.at)


def follow_up(placement: Placement, *, ticket: Ticket, at: datetime) -> None:
    """What rules do besides placing a ticket, once it is stored: notes in it, mails to agents."""
    known = len(placement.problems)
    for effect, text in placement.notes:
        rule_effects.note(ticket=ticket, rule_name=effect.rule_name, text=text, at=at)
    for effect, listeners in placement.listeners:
        rule = placement.rulebook.ruleset.by_id[effect.rule_id]
        if problem := rule_effects.notify(ticket=ticket, listeners=listeners, rule=rule, at=at):
            placement.problems.append(problem)
    if new := placement.problems[known:]:
        record(kind=Entry.Kind.ROUTED, ticket=ticket, data={"problems": new}, at=at)


def _choose(placement: Placement, ticket: Ticket, at: datetime) -> Choice:
    """The agent that a rule named if they can see the ticket, else whoever the team's strategy says."""
    staff, named = placement.rulebook.staff, placement.owner
    if named is not None and not staff.of(placement.team, now=at).has(named.pk):
        placement.problems.append(f"{named.name} isn't a member of {placement.team.name}.")
        named = None
    asked = replace(placement.asked, named_id=named.pk if named else None)
    return assignment.choose(staff=staff, team=placement.team, ticket=ticket, now=at, asked=asked)


def steps_of(decision: Decision) -> list[dict[str, Any]]:
    """The rules that fired, as they are stored."""
    return [
        {
            "rule_id": step.rule_id,
            "rule_name": step.rule_name,
            "effects": [{"kind": effect.kind, "value": effect.value} for effect in step.effects],
            "overridden": [{"kind": effect.kind, "value": effect.value} for effect in step.overridden],
            "stopped": decision.stopped_by == step.rule_id,
        }
        for step in decision.trace
        if step.outcome is Outcome.FIRED
    ]


def recipient_of(message: Message) -> str:
    """Our address that a mail was sent to, as the rules know it."""
    recipients = message.event.envelope.get("recipients", ()) if message.event is not None else ()
    channel = message.ticket.channel
    return str(next(iter(recipients), channel.mailbox.address if hasattr(channel, "mailbox") else "")).lower()
