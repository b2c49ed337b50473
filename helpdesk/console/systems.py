"""Other systems that tell the desk of orders, invoices and the like: their tokens, and how their calls fare."""

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from helpdesk.actions import records as actions
from helpdesk.console.access import agent_of
from helpdesk.models import ExternalSystem
from helpdesk.queries import records


class SystemForm(forms.ModelForm):  # type: ignore[type-arg]
    """A system by its name, and its word in addresses."""

    class Meta:
        model = ExternalSystem
        fields = ("name", "slug")
        labels = {"name": gettext_lazy("Name"), "slug": gettext_lazy("Word in its address")}
        help_texts = {"slug": gettext_lazy("Small letters, digits and dashes: shop.")}


@never_cache
@require_http_methods(["GET", "POST"])
def listing(request: HttpRequest) -> HttpResponse:
    """All of them; a new one is shown its token here, once."""
    form = SystemForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        system, token = actions.add_system(
            name=values["name"], slug=values["slug"], by=agent_of(request), at=timezone.now()
        )
        return _page(request, SystemForm(), system=system, token=token)
    return _page(request, form)


@never_cache
@require_POST
def renew(request: HttpRequest, system_id: int) -> HttpResponse:
    """A new token, shown once."""
    system = _system_or_404(system_id)
    token = actions.renew_token(system=system, by=agent_of(request), at=timezone.now())
    return _page(request, SystemForm(), system=system, token=token)


@require_POST
def stop(request: HttpRequest, system_id: int) -> HttpResponse:
    """It tells nothing more."""
    actions.stop_system(system=_system_or_404(system_id), by=agent_of(request), at=timezone.now())
    return redirect("systems")


def _page(
    request: HttpRequest, form: SystemForm, *, system: ExternalSystem | None = None, token: str = ""
) -> HttpResponse:
    example = reverse("record", args=[system.slug if system else "shop", "4417"])
    context = {
        "form": form,
        "systems": records.systems(),
        "system": system,
        "token": token,
        "address": f"{settings.SITE_URL.rstrip('/')}{example}",
        "words": _("order"),
    }
    return render(request, "console/customer/systems.html", context, status=422 if form.errors else 200)


def _system_or_404(system_id: int) -> ExternalSystem:
    try:
        return records.system_by_id(system_id=system_id)
    except ExternalSystem.DoesNotExist as error:
        raise Http404 from error
