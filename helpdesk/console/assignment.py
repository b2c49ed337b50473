"""Who takes what: one's own presence, the next ticket, and handing everything over."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from helpdesk import routing
from helpdesk.actions import dealing, handover
from helpdesk.actions import presence as actions
from helpdesk.actions.handover import Way
from helpdesk.console.access import agent_of
from helpdesk.models import Agent, PresenceChoice
from helpdesk.queries import people


@require_POST
def presence(request: HttpRequest) -> HttpResponse:
    """Say where one is, then back to where it was said."""
    chosen = request.POST.get("presence", "")
    if chosen in PresenceChoice.values:
        actions.choose_presence(agent=agent_of(request), presence=PresenceChoice(chosen), at=timezone.now())
    return redirect(_own_address(request.POST.get("next", ""), request))


@require_POST
def take_next(request: HttpRequest) -> HttpResponse:
    """Take the ticket whose turn it is, and open it."""
    ticket = dealing.take_next(agent=agent_of(request), at=timezone.now(), around=routing.watched)
    if ticket is None:
        messages.info(request, _("Nothing waits for you: every ticket of your teams has an owner."))
        return redirect("inbox", "mine")
    return redirect(f"{reverse('ticket', args=[ticket.reference])}?view=mine")


class HandoverForm(forms.Form):
    """Where somebody's tickets go."""

    way = forms.ChoiceField(
        label=gettext_lazy("Where to"),
        choices=[
            (Way.SPREAD.value, gettext_lazy("Share them out as their teams do")),
            (Way.PERSON.value, gettext_lazy("To one person")),
            (Way.QUEUE.value, gettext_lazy("Back into the queues of their teams")),
        ],
        widget=forms.RadioSelect,
        initial=Way.SPREAD.value,
    )
    person = forms.ModelChoiceField(
        label=gettext_lazy("Person"), queryset=Agent.objects.none(), required=False, empty_label="–"
    )

    def __init__(self, *args: Any, leaver: Agent, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["person"].queryset = people.colleagues_of(leaver)  # type: ignore[attr-defined]  # a model's field

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("way") == Way.PERSON and not values.get("person") and "person" not in self.errors:
            self.add_error("person", _("Choose who gets them."))
        return values


@require_http_methods(["GET", "POST"])
def hand_over(request: HttpRequest, agent_id: int) -> HttpResponse:
    """Everything that an agent holds, in one step: first what would happen, then it."""
    by = agent_of(request)
    try:
        leaver = people.handover_from(agent=by, agent_id=agent_id)
    except Agent.DoesNotExist as error:
        raise Http404 from error
    values = request.POST or ({"way": Way.SPREAD.value} if not request.GET.get("way") else request.GET)
    form = HandoverForm(values, leaver=leaver)
    shares = None
    if form.is_valid():
        way, person, now = Way(form.cleaned_data["way"]), form.cleaned_data["person"], timezone.now()
        if request.method == "POST":
            done = handover.hand_over(agent=leaver, way=way, person=person, by=by, at=now)
            said = ngettext("%(num)s ticket is handed over.", "%(num)s tickets are handed over.", len(done))
            messages.success(request, said % {"num": len(done)})
            return redirect("agent", leaver.pk) if by.is_admin else redirect("profile")
        shares = handover.shares(handover.plan(agent=leaver, way=way, person=person, now=now))
    count = handover.held_by(leaver).count()
    context = {"form": form, "person": leaver, "shares": shares, "count": count, "is_own": leaver == by}
    return render(request, "console/handover.html", context, status=422 if request.method == "POST" else 200)


def _own_address(where: str, request: HttpRequest) -> str:
    is_ours = url_has_allowed_host_and_scheme(
        where, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return where if is_ours else reverse("home")
