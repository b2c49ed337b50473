"""How the desk is doing, in words, for admins: what is wrong and what to do, then everything that was looked at."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from helpdesk.console.alarms import told
from helpdesk.console.channels import PHASES
from helpdesk.queries import alarms, breakers, channels, desk, oauth, trouble_words
from helpdesk.queries.troubles import Trouble, is_out_of_reach, troubles


@dataclass(frozen=True)
class RedLine:
    """One thing that is wrong: what, since when, what the other side said, what to do, and where."""

    sentence: str
    since: datetime | None
    error: str
    advice: str
    path: str
    label: str


@never_cache
@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """The page."""
    now = timezone.now()
    found = troubles(now=now)
    seen = alarms.since(keys={trouble.key for trouble in found})
    lines = channels.lines()
    context = {
        "now": now,
        "red": [_red(trouble, seen.get(trouble.key)) for trouble in found],
        "desk": desk.condition(now=now),
        "lines": lines,
        "lost": {state.pk for line in lines for state in line.folders if is_out_of_reach(state, now=now)},
        "logins": {each.channel.pk: each for each in oauth.connections(now=now)},
        "phases": PHASES,
        "loop_names": trouble_words.LOOPS,
        "gauges": breakers.gauges(now=now),
        "past": [told(alarm) for alarm in alarms.past()],
        "has_second_way": alarms.has_second_way(),
        "has_way": bool(alarms.ways_out(troubles=found)),
    }
    return render(request, "console/status.html", context)


def _red(trouble: Trouble, seen_since: datetime | None) -> RedLine:
    path, label = trouble_words.link(trouble.code, trouble.values)
    return RedLine(
        sentence=trouble_words.told(trouble.code, trouble.values),
        since=trouble.since or seen_since,
        error=str(trouble.values.get("error", "")),
        advice=trouble_words.advice(trouble.code),
        path=path,
        label=label,
    )
