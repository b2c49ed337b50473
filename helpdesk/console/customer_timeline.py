"""The timeline of a customer or an organisation: what its templates need."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from helpdesk.console import linking_words
from helpdesk.models import Agent, Channel
from helpdesk.queries import timeline
from helpdesk.queries.timeline import Wanted
from helpdesk.queries.timeline_sources import Whose

_MAX_QUERY = 200


def timeline_context(request: HttpRequest, agent: Agent, whose: Whose) -> dict[str, Any]:
    """For ``console/customer/happened.html``, and for ``timeline.html`` alone where a script asks for the next page."""
    given = request.GET
    wanted = Wanted(
        only=given.get("only", ""),
        channel=given.get("channel", ""),
        query=given.get("q", "").strip()[:_MAX_QUERY],
        before=given.get("before", ""),
    )
    page = timeline.page(agent=agent, whose=whose, wanted=wanted)
    return {
        "page": page,
        "wanted": wanted,
        "is_first": not wanted.before,
        "here_address": request.path,
        "older": _address(request, wanted, before=page.older) if page.older else "",
        "nothing": _nothing(wanted),
        "shows_names": whose.contact is None,
        "link_words": linking_words.happened,
        "evidence_word": linking_words.evidence_word,
        "kind_label": kind_label,
        "now": timezone.now(),
        "tabs": _tabs(request, wanted, timeline.channel_kinds(agent=agent, whose=whose)) if not wanted.before else (),
    }


def _tabs(request: HttpRequest, wanted: Wanted, kinds: list[str]) -> list[tuple[str, str, bool]]:
    words = {
        timeline.EVERYTHING: _("Everything"),
        timeline.TICKETS: _("Tickets"),
        timeline.OPEN: _("Open"),
        timeline.RATED: _("Rated"),
        "notes": _("Notes"),
        "records": _("Records"),
        "promises": _("Promises"),
        "consent": _("Consent"),
        "links": _("Links and merges"),
    }
    tabs = [
        (text, _address(request, wanted, only=only, channel=""), only == wanted.only and not wanted.channel)
        for only, text in words.items()
    ]
    labels = dict(Channel.Kind.choices)
    return tabs + [
        (str(labels.get(kind, kind)), _address(request, wanted, only="", channel=kind), kind == wanted.channel)
        for kind in (kinds if len(kinds) > 1 else ())
    ]


def _address(request: HttpRequest, wanted: Wanted, **changes: str) -> str:
    values = {"only": wanted.only, "channel": wanted.channel, "q": wanted.query, "before": ""} | changes
    query = urlencode({name: value for name, value in values.items() if value})
    return f"{request.path}?{query}" if query else request.path


def kind_label(kind: str) -> str:
    """A kind of channel in words; '' is every kind."""
    return str(Channel.Kind(kind).label) if kind in Channel.Kind.values else kind or _("every channel")


def _nothing(wanted: Wanted) -> str:
    if wanted.query or wanted.only or wanted.channel:
        return _("Nothing of the kind, as far as you may see.")
    return _("Nothing yet. What they write, and what is promised, agreed and told of them, will stand here.")
