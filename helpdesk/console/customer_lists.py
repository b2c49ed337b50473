"""The lists of customers and organisations, and the pages on which they are edited."""

import re
import zoneinfo
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from helpdesk.actions import attributes
from helpdesk.actions import organisations as actions
from helpdesk.console import paging
from helpdesk.console.access import agent_of
from helpdesk.console.customer_look import language_name
from helpdesk.console.customer_timeline import timeline_context
from helpdesk.console.customers import customer_or_404
from helpdesk.console.inbox import is_fragment
from helpdesk.console.rule_choices import LANGUAGES
from helpdesk.models import Agent, Contact, IdentityKind, Organisation, ServicePolicy
from helpdesk.queries import customers, organisations
from helpdesk.queries.timeline_sources import Whose

_MAX_QUERY = 200
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.[a-z0-9-]{2,}")


class CustomerForm(forms.ModelForm):  # type: ignore[type-arg]
    """What an agent may say of a customer. Their word counts above that of every other source (docs/adr/0022)."""

    language = forms.ChoiceField(label=gettext_lazy("Language"), required=False)
    preferred_channel = forms.ChoiceField(label=gettext_lazy("Rather reached by"), required=False)

    class Meta:
        model = Contact
        fields = ("name", "organisation", "customer_class", "language", "time_zone", "preferred_channel", "notes")
        labels = {
            "name": gettext_lazy("Name"),
            "organisation": gettext_lazy("Organisation"),
            "customer_class": gettext_lazy("Class"),
            "time_zone": gettext_lazy("Time zone"),
            "notes": gettext_lazy("Always good to know"),
        }
        help_texts = {"time_zone": gettext_lazy("Such as Europe/Helsinki; empty: the desk's own.")}
        widgets = {"notes": forms.Textarea(attrs={"rows": 4})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        codes = dict.fromkeys([*LANGUAGES, *filter(None, [self.instance.language])])
        self.fields["language"].choices = [("", "–"), *((code, language_name(code)) for code in codes)]  # type: ignore[attr-defined]
        self.fields["preferred_channel"].choices = [("", "–"), *IdentityKind.choices]  # type: ignore[attr-defined]
        self.fields["organisation"].queryset = Organisation.objects.order_by("name")  # type: ignore[attr-defined]
        self.fields["customer_class"].widget.attrs["list"] = "classes"

    def clean_time_zone(self) -> str:
        zone = str(self.cleaned_data["time_zone"]).strip()
        if zone and zone not in zoneinfo.available_timezones():
            raise forms.ValidationError(_("There is no such time zone."))
        return zone

    def said(self) -> dict[str, str]:
        """What was changed, as attributes are said."""
        row = self.cleaned_data
        return {
            name: str(row[name].pk if isinstance(row[name], Organisation) else row[name] or "")
            for name in self.changed_data
        }


class OrganisationForm(forms.ModelForm):  # type: ignore[type-arg]
    """An organisation, as a lead sets it up."""

    domains = forms.CharField(
        label=gettext_lazy("Mail domains"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=gettext_lazy("One a line. Whoever writes from one of them for the first time belongs here."),
    )

    class Meta:
        model = Organisation
        fields = ("name", "domains", "customer_class", "account_owner", "service_policy", "notes")
        labels = {
            "name": gettext_lazy("Name"),
            "customer_class": gettext_lazy("Class"),
            "account_owner": gettext_lazy("Looked after by"),
            "service_policy": gettext_lazy("Service level of its own"),
            "notes": gettext_lazy("Always good to know"),
        }
        widgets = {"notes": forms.Textarea(attrs={"rows": 4})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["domains"] = "\n".join(each.name for each in self.instance.domains.all())
        self.fields["account_owner"].queryset = Agent.objects.filter(is_active=True).order_by("name")  # type: ignore[attr-defined]
        self.fields["service_policy"].queryset = ServicePolicy.objects.filter(is_active=True)  # type: ignore[attr-defined]
        self.fields["customer_class"].widget.attrs["list"] = "classes"
        self.fields["account_owner"].empty_label = _("Nobody")  # type: ignore[attr-defined]
        self.fields["service_policy"].empty_label = _("That of the team")  # type: ignore[attr-defined]

    def clean_domains(self) -> list[str]:
        names = [each.lower().lstrip("@") for each in str(self.cleaned_data["domains"]).replace(",", " ").split()]
        wrong = [name for name in names if len(name) > 190 or not _DOMAIN.fullmatch(name)]
        if wrong:
            raise forms.ValidationError(_("“%(name)s” is no domain.") % {"name": wrong[0]})
        return list(dict.fromkeys(names))


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """All customers, or those that are searched for."""
    query = request.GET.get("q", "").strip()[:_MAX_QUERY]
    page = customers.listing(agent=agent_of(request), query=query, key=paging.key_of(request))
    context = {"page": page, "query": query, **paging.links(request, page)}
    return render(request, "console/customer/list.html", context)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, contact_id: int) -> HttpResponse:
    """What is known of a customer, said anew by an agent."""
    contact, agent = customer_or_404(contact_id), agent_of(request)
    form = CustomerForm(request.POST or None, instance=customer_or_404(contact_id))
    if request.method == "POST" and form.is_valid():
        now = timezone.now()
        for attribute, value in form.said().items():
            attributes.offer(contact=contact, attribute=attribute, value=value, source="agent", by=agent, at=now)
        messages.success(request, _("Saved."))
        return redirect("customer", contact.pk)
    context = {"contact": contact, "form": form, "classes": customers.classes()}
    return render(request, "console/customer/edit.html", context, status=422 if form.errors else 200)


@require_safe
def organisation_list(request: HttpRequest) -> HttpResponse:
    """All organisations, or those that are searched for."""
    query = request.GET.get("q", "").strip()[:_MAX_QUERY]
    page = organisations.listing(agent=agent_of(request), query=query, key=paging.key_of(request))
    context = {"page": page, "query": query, **paging.links(request, page)}
    return render(request, "console/customer/organisations.html", context)


@require_safe
def organisation(request: HttpRequest, organisation_id: int) -> HttpResponse:
    """One organisation: its people, and what happened with any of them."""
    agent, row = agent_of(request), _organisation_or_404(organisation_id)
    happened = timeline_context(request, agent, Whose(organisation=row))
    if is_fragment(request):
        return render(request, "console/customer/timeline.html", happened)
    people = customers.listing(agent=agent, within=customers.people_of(row))
    return render(request, "console/customer/organisation.html", {"organisation": row, "people": people, **happened})


@require_http_methods(["GET", "POST"])
def edit_organisation(request: HttpRequest, organisation_id: int = 0) -> HttpResponse:
    """An organisation, new or not."""
    row = _organisation_or_404(organisation_id) if organisation_id else None
    stored = _organisation_or_404(organisation_id) if organisation_id else None
    form = OrganisationForm(request.POST or None, instance=row)
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        domains = values.pop("domains")
        try:
            saved = actions.save_organisation(
                organisation=stored, values=values, domains=domains, by=agent_of(request), at=timezone.now()
            )
        except actions.DomainTaken as error:
            form.add_error("domains", _("Another organisation has the domain %(name)s.") % {"name": str(error)})
        else:
            messages.success(request, _("Saved."))
            return redirect("organisation", saved.pk)
    context = {"organisation": stored, "form": form, "classes": customers.classes()}
    return render(request, "console/customer/edit_organisation.html", context, status=422 if form.errors else 200)


def _organisation_or_404(organisation_id: int) -> Organisation:
    try:
        return organisations.organisation_by_id(organisation_id=organisation_id)
    except Organisation.DoesNotExist as error:
        raise Http404 from error
