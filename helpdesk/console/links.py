"""Addresses and links: which addresses a customer has and why, who may be the same person, merging and undoing."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from helpdesk.actions import attributes, identities, merging
from helpdesk.actions.contacts import BadAddress
from helpdesk.console import linking_words as words
from helpdesk.console.access import agent_of
from helpdesk.console.customer_look import Look, language_name
from helpdesk.models import Claim, Contact, ContactValue, Identity, IdentityKind, Merge
from helpdesk.queries import linking_page
from helpdesk.queries.linking_people import root_of
from helpdesk.queries.linking_suggestions import all_suggestions, open_claims, suggestions_for


class AddressForm(forms.Form):
    """An address that an agent knows to be the customer's."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=IdentityKind.choices)
    value = forms.CharField(label=gettext_lazy("Address or handle"), max_length=320)
    evidence = forms.CharField(
        label=gettext_lazy("How do you know?"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": gettext_lazy("said so on the phone")}),
    )


def section(look: Look) -> Mapping[str, Any] | None:
    """Who may be the same person, beside a ticket and on the customer's page."""
    return {
        "contact": look.contact,
        "suggestions": suggestions_for(look.contact),
        "reference": look.ticket.reference if look.ticket else "",
        "words": words,
    }


@require_safe
def show(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Everything about who this is; somebody who was merged is shown as whom they were merged into."""
    contact = _contact_or_404(contact_id)
    root = root_of(contact)
    if root.pk != contact.pk:
        return redirect("links", root.pk)
    return _page(request, contact, AddressForm())


@require_POST
def add(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Link an address by hand; if somebody else has it, the page offers to merge the two."""
    contact = root_of(_contact_or_404(contact_id))
    form = AddressForm(request.POST)
    if not form.is_valid():
        return _page(request, contact, form, status=422)
    try:
        return _linked(request, contact, **form.cleaned_data)
    except BadAddress:
        form.add_error("value", _("That is no address of this kind."))
        return _page(request, contact, form, status=422)


def _linked(request: HttpRequest, contact: Contact, *, kind: str, value: str, evidence: str) -> HttpResponse:
    """Link it; where somebody else has the address, to the page that merges the two. Raises BadAddress."""
    try:
        identities.link(contact=contact, kind=kind, value=value, evidence=evidence, by=agent_of(request))
    except identities.Taken as taken:
        place = reverse("customer-merge", args=[contact.pk])
        return redirect(f"{place}?with={taken.identity.contact_id}&taken={taken.identity.pk}")
    messages.success(request, _("Linked."))
    return redirect("links", contact.pk)


@require_POST
def change(request: HttpRequest, identity_id: int) -> HttpResponse:
    """An address was never theirs, or has a new owner."""
    identity = _or_404(Identity.objects.select_related("contact"), identity_id)
    contact = identity.contact
    if request.POST.get("do") == "retire":
        identities.give_up(identity=identity, by=agent_of(request))
        messages.success(request, _("Who writes from it next is a new customer."))
        return redirect("links", contact.pk)
    try:
        apart = identities.untie(identity=identity, by=agent_of(request))
    except identities.CannotUntie as error:
        messages.error(request, str(error))
        return redirect("links", contact.pk)
    messages.success(request, _("The address has a customer of its own now, with what came by it."))
    return redirect("links", apart.pk)


@require_POST
def settle_claim(request: HttpRequest, claim_id: int) -> HttpResponse:
    """What somebody says of themselves is right, or isn't."""
    claim = _or_404(Claim.objects.select_related("contact"), claim_id)
    if request.POST.get("do") == "dismiss":
        identities.dismiss(claim=claim, by=agent_of(request))
        return redirect("links", claim.contact_id)
    return _linked(request, claim.contact, kind=claim.kind, value=claim.value, evidence=claim.evidence)


@require_POST
def settle_value(request: HttpRequest, value_id: int) -> HttpResponse:
    """A suggestion becomes what counts, said by the agent; or is put away."""
    value = _or_404(ContactValue.objects.select_related("contact"), value_id)
    agent, contact = agent_of(request), root_of(value.contact)
    if request.POST.get("do") == "use":
        attributes.offer(contact=contact, attribute=value.attribute, value=value.value, source="agent", by=agent)
        messages.success(request, _("Saved."))
    else:
        attributes.dismiss(value=value, by=agent)
    return redirect("links", contact.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def merge(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Find whom to merge, see what would move, and do it."""
    contact, agent = root_of(_contact_or_404(contact_id)), agent_of(request)
    source = request.POST if request.method == "POST" else request.GET
    other = root_of(_contact_or_404(_number(source["with"]))) if source.get("with") else None
    if request.method == "POST" and other is not None:
        return _merged(request, contact, other)
    query = request.GET.get("q", "")
    shown = [each for each in suggestions_for(contact, limit=50) if other and each.other.pk == other.pk]
    context = {
        "contact": contact,
        "tallies": [linking_page.tally(each, agent=agent) for each in (contact, other)] if other else [],
        "other": other,
        "query": query,
        "found": linking_page.found_by(query, but=contact),
        "suggestions": shown,
        "taken": Identity.objects.filter(pk=_number(source.get("taken", ""))).first(),
        "words": words,
        "language_name": language_name,
    }
    return render(request, "console/customer/merge.html", context)


@require_POST
def keep_apart(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Somebody has looked: these are two people."""
    contact, other = _contact_or_404(contact_id), _contact_or_404(_number(request.POST.get("with", "")))
    identities.keep_apart(one=contact, other=other, by=agent_of(request))
    messages.success(request, _("They are not suggested any more."))
    return _back(request, contact)


@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest, merge_id: int) -> HttpResponse:
    """What goes back and what stays, then the way back."""
    row = _or_404(Merge.objects.select_related("kept", "folded", "by"), merge_id)
    if request.method == "POST":
        try:
            merging.undo(merge=row, by=agent_of(request))
        except merging.CannotUndo as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("They are two customers again, each with their own."))
        return redirect("links", row.folded_id)
    if row.undone_at is not None:
        messages.error(request, _("This merge was undone already."))
        return redirect("links", row.folded_id)
    gone = merging.would_go_back(merge=row)
    told = [(words.link_count(label, len(ids)), len(ids)) for label, ids in gone.ids.items()]
    counts, rest = [text for text, _number in told if text], sum(number for text, number in told if not text)
    root = root_of(row.kept)
    context = {"merge": row, "root": root, "counts": counts, "rest": rest}
    return render(request, "console/customer/unmerge.html", context)


@require_safe
def suggestions(request: HttpRequest) -> HttpResponse:
    """Who may be the same person, all over the desk."""
    return render(request, "console/customer/suggestions.html", {"suggestions": all_suggestions(), "words": words})


def _page(request: HttpRequest, contact: Contact, form: AddressForm, *, status: int = 200) -> HttpResponse:
    values = linking_page.values_of(contact)
    context = {
        "contact": contact,
        "identities": linking_page.addresses_of(contact),
        "claims": open_claims(contact),
        "suggestions": suggestions_for(contact),
        "merges": linking_page.merges_of(contact),
        "values": [(each, each.value == attributes.stored(contact, each.attribute)) for each in values],
        "organisations": linking_page.organisation_names(values),
        "history": linking_page.history_of(contact),
        "form": form,
        "words": words,
    }
    return render(request, "console/customer/links.html", context, status=status)


def _merged(request: HttpRequest, contact: Contact, other: Contact) -> HttpResponse:
    kept, folded = (other, contact) if request.POST.get("keep") == str(other.pk) else (contact, other)
    evidence = request.POST.get("evidence", "").strip()
    if not evidence:
        found = next((each for each in suggestions_for(contact, limit=50) if each.other.pk == other.pk), None)
        evidence = "; ".join(words.why(each, found) for each in found.evidence) if found else ""
    try:
        merging.merge(kept=kept, folded=folded, by=agent_of(request), evidence=evidence)
    except merging.CannotMerge as error:
        messages.error(request, str(error))
        return _back(request, contact)
    text = _("%(folded)s and %(kept)s are one customer now. It can be undone any time.")
    messages.success(request, text % {"folded": folded, "kept": kept})
    return _back(request, kept)


def _back(request: HttpRequest, contact: Contact) -> HttpResponse:
    """To the ticket beside which it was done, to the list of all, or to the customer's links."""
    if request.POST.get("ticket"):
        return redirect("ticket", request.POST["ticket"])
    return redirect("customer-suggestions") if request.POST.get("back") == "all" else redirect("links", contact.pk)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def _contact_or_404(contact_id: int) -> Contact:
    try:
        return linking_page.contact_by_id(contact_id)
    except (Contact.DoesNotExist, OverflowError) as error:
        raise Http404 from error


def _or_404(rows: Any, number: int) -> Any:
    found = rows.filter(pk=number).first()
    if found is None:
        raise Http404
    return found
