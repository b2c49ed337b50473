"""Outgoing mail: what left, what waits, what failed and what was held back."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from helpdesk.actions import breakers
from helpdesk.actions import mailroom as actions
from helpdesk.console import paging
from helpdesk.console.access import agent_of
from helpdesk.console.raw_mail import letter_of, raw_download
from helpdesk.models import Agent, Channel, Delivery
from helpdesk.queries import mailroom
from helpdesk.queries.breakers import Gauge, gauges
from helpdesk.queries.channels import channel_by_id

FILTERS = {
    "": gettext_lazy("All"),
    "waiting": gettext_lazy("Waiting"),
    "held": gettext_lazy("Held"),
    "failed": gettext_lazy("Failed"),
    "sent": gettext_lazy("Sent"),
    "discarded": gettext_lazy("Discarded"),
}
TONES = {
    Delivery.State.SENT: "success",
    Delivery.State.FAILED: "danger",
    Delivery.State.UNKNOWN: "warning",
    Delivery.State.HELD: "warning",
    Delivery.State.RETRY: "warning",
    Delivery.State.QUEUED: "accent",
    Delivery.State.SENDING: "accent",
}


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """The list, newest first, one page at a time."""
    agent = agent_of(request)
    only = request.GET.get("state", "")
    only = only if only in FILTERS else ""
    page = mailroom.outgoing(agent=agent, only=only, key=paging.key_of(request))
    counts = mailroom.outgoing_counts(agent=agent)
    context = {
        "deliveries": page.rows,
        "pages": paging.links(request, page),
        "only": only,
        "filters": [(word, label, counts.get(word)) for word, label in FILTERS.items()],
        "meters": _meters(agent) if only == "held" or (counts["held"] and not only) else (),
        "settles": only == "held" and agent.is_lead,
        "tones": TONES,
    }
    return render(request, "console/outgoing.html", context)


@dataclass(frozen=True, slots=True)
class Meter:
    """A breaker's gauge, and how many of its held mails the reader may release."""

    gauge: Gauge
    held: int


def _meters(agent: Agent) -> tuple[Meter, ...]:
    """The desk's gauge and each channel's."""
    waiting = mailroom.held_by_channel(agent=agent)
    return tuple(
        Meter(gauge, waiting.get(gauge.channel.pk, 0) if gauge.channel else sum(waiting.values()))
        for gauge in gauges(now=timezone.now())
    )


@require_safe
def detail(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """One mail: where it stands, its headers and its text."""
    delivery = _delivery_for(request, delivery_id)
    context = {
        "delivery": delivery,
        "tone": TONES.get(Delivery.State(delivery.state), ""),
        "letter": letter_of(bytes(delivery.mime)),
        "may_retry": delivery.state in actions.RETRYABLE,
        "may_release": delivery.state == Delivery.State.HELD and agent_of(request).is_lead,
        "may_discard": delivery.state in actions.STOPPABLE and agent_of(request).is_lead,
    }
    return render(request, "console/outgoing_mail.html", context)


@require_safe
def raw(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """The mail as it goes out, byte for byte."""
    delivery = _delivery_for(request, delivery_id)
    return raw_download(bytes(delivery.mime), name=f"outgoing-{delivery.pk}.eml")


@require_POST
def retry(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Send a mail that failed, or that waits for its next try, now."""
    return _act(request, delivery_id, actions.retry_delivery, done=_("The mail is on its way again."))


@require_POST
def release(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Send a mail that was held back."""
    return _act(request, delivery_id, actions.release, done=_("Released. The mail is on its way."))


@require_POST
def discard(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Never send this mail."""
    return _act(request, delivery_id, actions.discard, done=_("Discarded. The mail will not be sent."))


def _act(request: HttpRequest, delivery_id: int, action: Callable[..., bool], *, done: str) -> HttpResponse:
    delivery = _delivery_for(request, delivery_id)
    if action(delivery=delivery, by=agent_of(request)):
        messages.success(request, done)
    else:
        messages.warning(request, _("Nothing was changed: the mail has moved on since this page was opened."))
    return _to_held() if request.POST.get("back") == "held" else redirect("outgoing-mail", delivery.pk)


@require_POST
def settle_held(request: HttpRequest) -> HttpResponse:
    """Release or discard everything that was held back, of one channel or of all."""
    agent, channel = agent_of(request), _channel_of(request)
    if request.POST.get("verb") == "discard":
        number = actions.discard_held(by=agent, channel=channel)
        said = ngettext("%(count)d mail was discarded.", "%(count)d mails were discarded.", number)
    else:
        number = actions.release_held(by=agent, channel=channel)
        said = ngettext("%(count)d mail is on its way.", "%(count)d mails are on their way.", number)
    messages.success(request, said % {"count": number})
    return _to_held()


@require_POST
def close_breaker(request: HttpRequest) -> HttpResponse:
    """Let the automatic mail of a channel, or of the desk, through again."""
    if breakers.close(channel=_channel_of(request), by=agent_of(request)):
        messages.success(request, _("Automatic mail goes out again. What was held is still here."))
    else:
        messages.warning(request, _("Nothing was changed: automatic mail goes out already."))
    return _to_held()


def _to_held() -> HttpResponse:
    return redirect(f"{reverse('outgoing')}?state=held")


def _channel_of(request: HttpRequest) -> Channel | None:
    """The channel that a form names; None when it means all of them."""
    number = request.POST.get("channel", "")
    if not number:
        return None
    try:
        return channel_by_id(channel_id=int(number))
    except (ValueError, Channel.DoesNotExist) as error:
        raise Http404 from error


def _delivery_for(request: HttpRequest, delivery_id: int) -> Delivery:
    try:
        return mailroom.delivery_for(agent=agent_of(request), delivery_id=delivery_id)
    except Delivery.DoesNotExist as error:
        raise Http404 from error
