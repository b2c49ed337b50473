"""Sentences of the assignment ledger: why somebody was passed over, why somebody got it, why nobody has it."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.jinja import clock, short_day
from helpdesk.queries.assignment import Contender, Ledger, SkillName
from routing_rules.assignment import Excluded, Reason, Strategy, TieBreak

_PLAIN: Mapping[str, str | Promise] = {
    Excluded.NO_SHARE: gettext_lazy("takes no share in this team"),
    Excluded.HAD_IT: gettext_lazy("has had it already"),
    Excluded.AWAY: gettext_lazy("away"),
    Excluded.DND: gettext_lazy("not to be disturbed"),
    Excluded.OFFLINE: gettext_lazy("offline"),
    Excluded.OUTSIDE_HOURS: gettext_lazy("outside working hours"),
}
_SINCE: Mapping[str, str | Promise] = {
    Excluded.AWAY: gettext_lazy("away since %(time)s"),
    Excluded.DND: gettext_lazy("not to be disturbed since %(time)s"),
    Excluded.OFFLINE: gettext_lazy("offline since %(time)s"),
    Excluded.OUTSIDE_HOURS: gettext_lazy("outside working hours until %(time)s"),
}
_STRATEGIES: Mapping[str, str | Promise] = {
    Strategy.LEAST_LOAD: gettext_lazy("had least to do"),
    Strategy.ROUND_ROBIN: gettext_lazy("was next in turn"),
    Strategy.WEIGHTED: gettext_lazy("was next in turn by weight"),
    Strategy.MOST_IDLE: gettext_lazy("had been without a new ticket for longest"),
}
_REASONS: Mapping[str, str | Promise] = {
    Reason.RULE: gettext_lazy("a rule named them"),
    Reason.ACCOUNT_OWNER: gettext_lazy("looks after this organisation"),
    Reason.KNOWS_CUSTOMER: gettext_lazy("knows this customer"),
    Reason.NOBODY_FREE: gettext_lazy("Nobody of %(team)s can take it now"),
    Reason.NO_MEMBERS: gettext_lazy("%(team)s has no agents"),
    Reason.MANUAL: gettext_lazy("%(team)s takes its tickets itself"),
}
_TIES: Mapping[str, str | Promise] = {
    TieBreak.LONGEST_WITHOUT: gettext_lazy("Like %(others)s; longest without a new one"),
    TieBreak.ORDER: gettext_lazy("Like %(others)s; first in the list"),
}


def passed_over(contender: Contender, skills: Mapping[str, SkillName]) -> str:
    """Why this one did not get it; '' for who could have."""
    code, values = contender.excluded, contender.values
    if code in {Excluded.AT_CAPACITY, Excluded.AT_CHANNEL_CAPACITY} and "load" in values:
        if code == Excluded.AT_CAPACITY:
            return _("at capacity, %(load)s of %(capacity)s") % values
        return _("at capacity of this channel, %(load)s of %(capacity)s") % values
    if code == Excluded.LACKS_SKILL:
        skill = skills.get(str(values["skill"]), SkillName(str(values["skill"]), is_language=False))
        return _("lacks %(skill)s %(level)s") % {"skill": skill.name, "level": skill.level(int(values["level"]))}
    if code == Excluded.ABSENT:
        return _("absent until %(day)s") % {"day": _day(str(values["until"]))}
    moment = values.get("since") or values.get("until")
    if moment and code in _SINCE:
        return str(_SINCE[code]) % {"time": clock(datetime.fromisoformat(str(moment)))}
    return str(_PLAIN.get(code, {"at-capacity": _("has enough to do")}.get(code, code)))


def why_chosen(ledger: Ledger) -> str:
    """Why the desk gave it to this agent, or why to nobody."""
    if ledger.reason == Reason.SUBSTITUTE:
        return _("stands in for %(agent)s") % {"agent": ledger.stands_in_for}
    if ledger.reason == Reason.WAITS_FOR and ledger.waits_until is not None:
        values = {"agent": ledger.waits_for, "time": clock(ledger.waits_until)}
        return _("Waits for %(agent)s, until %(time)s at most") % values
    if ledger.reason == Reason.STRATEGY:
        return str(_STRATEGIES.get(ledger.strategy, ""))
    return str(_REASONS.get(ledger.reason, "")) % {"team": ledger.team}


def tie_break(ledger: Ledger) -> str:
    """What decided between those whom the strategy ranked alike; '' when nothing had to."""
    if ledger.tie_break not in _TIES:
        return ""
    chosen = next((each.name for each in ledger.contenders if each.is_chosen), "")
    others = [name for name in ledger.tied if name != chosen]
    if len(others) > 3:
        return str(_TIES[ledger.tie_break]) % {"others": _("%(count)s others") % {"count": len(others)}}
    return str(_TIES[ledger.tie_break]) % {"others": ", ".join(others)}


def _day(iso: str) -> str:
    return short_day(date.fromisoformat(iso))


#: For ``console/ticket/assignment.html``.
WORDS: Mapping[str, Any] = {"passed_over": passed_over, "why_chosen": why_chosen, "tie_break": tie_break}
