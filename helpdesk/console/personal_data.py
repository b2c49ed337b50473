"""A customer's personal data: what they allow, a copy of it, and its erasure with what is said before and after."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from helpdesk import erasures
from helpdesk.actions import consents, exporting
from helpdesk.actions.consents import MAX_PROOF, Said
from helpdesk.actions.erasing.sweep import LOOK_AT, named_elsewhere
from helpdesk.actions.erasing.task import contacts_of, names_of, signs_of
from helpdesk.console.access import agent_of
from helpdesk.console.customer_timeline import kind_label
from helpdesk.models import Channel, ConsentSource, Contact, Erasure, ErasureReason, LegalBasis, Purpose, Ticket
from helpdesk.queries import personal_data as queries
from helpdesk.queries.consents import history_of, standing_of, verdicts
from helpdesk.queries.customers import customer_by_id
from helpdesk.signs import usable_names

#: Tickets of others that are named before an erasure; the admins who read it see every ticket.
SAMPLE = 8
#: The names of what an erasure has counted, in the order of the report.
COUNTED = {
    "tickets": gettext_lazy("Tickets whose words are gone"),
    "tickets of others": gettext_lazy("Tickets of others in which the person wrote"),
    "messages": gettext_lazy("Messages blanked"),
    "messages of others": gettext_lazy("Messages of others gone through"),
    "mails in": gettext_lazy("Raw mails replaced"),
    "mails out": gettext_lazy("Sent mails blanked"),
    "notices": gettext_lazy("Notices to colleagues blanked"),
    "files": gettext_lazy("Files taken from messages"),
    "files removed": gettext_lazy("Files removed from the disk"),
    "files to look at": gettext_lazy("Files of others that name the person and can't be changed"),
    "addresses": gettext_lazy("Addresses deleted"),
    "claims of others": gettext_lazy("Claims of others to an address of theirs deleted"),
    "refusals kept": gettext_lazy("Refusals and bans kept, as hashes of the addresses"),
    "visits": gettext_lazy("Chat visitors blanked"),
    "records of other systems": gettext_lazy("Records of other systems deleted"),
    "journal": gettext_lazy("Lines of the journal blanked"),
    "other places": gettext_lazy("Other rows in which a name or an address stood"),
}


class ConsentForm(forms.Form):
    """A customer's word."""

    purpose = forms.ChoiceField(label=gettext_lazy("Purpose"), choices=Purpose.choices)
    channel_kind = forms.ChoiceField(label=gettext_lazy("By"), required=False)
    word = forms.ChoiceField(
        label=gettext_lazy("The customer"),
        choices=[("yes", gettext_lazy("allows it")), ("no", gettext_lazy("refuses it"))],
    )
    basis = forms.ChoiceField(
        label=gettext_lazy("Legal basis"),
        choices=[each for each in LegalBasis.choices if each[0] != LegalBasis.OBJECTION],
        help_text=gettext_lazy("A refusal needs none."),
    )
    source = forms.ChoiceField(
        label=gettext_lazy("How do we know?"),
        choices=[each for each in ConsentSource.choices if each[0] != ConsentSource.KEPT],
    )
    proof = forms.CharField(
        label=gettext_lazy("Proof"),
        required=False,
        max_length=MAX_PROOF,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("The customer's words, the version of the form, or where it can be found."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = sorted(set(Channel.objects.values_list("kind", flat=True)))
        labels = [(kind, Channel.Kind(kind).label) for kind in kinds]
        self.fields["channel_kind"].choices = [("", _("every channel")), *labels]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("word") == "yes" and values.get("basis") == LegalBasis.CONSENT and not values.get("proof"):
            self.add_error("proof", _("A consent counts only if it can be shown. Say what shows it."))
        return values

    def said(self) -> Said:
        """The word, for the action."""
        values = self.cleaned_data
        return Said(
            purpose=Purpose(values["purpose"]),
            channel_kind=values["channel_kind"],
            is_allowed=values["word"] == "yes",
            basis=LegalBasis(values["basis"]),
            source=ConsentSource(values["source"]),
            proof=values["proof"],
        )


class ErasureForm(forms.Form):
    """The second confirmation: whoever erases says why, and types whom."""

    reason = forms.ChoiceField(
        label=gettext_lazy("Why?"),
        choices=[each for each in ErasureReason.choices if each[0] != ErasureReason.LEDGER],
    )
    more_names = forms.CharField(
        label=gettext_lazy("Other spellings and nicknames, separated by commas"), required=False, max_length=400
    )
    typed = forms.CharField(label=gettext_lazy("Type it here"), max_length=400)

    def __init__(self, *args: Any, word: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.word = word

    def clean_typed(self) -> str:
        typed = " ".join(str(self.cleaned_data["typed"]).split())
        if typed.casefold() != self.word.casefold():
            raise forms.ValidationError(_("That is not what stands above. Nothing was erased."))
        return typed


@require_safe
def page(request: HttpRequest, contact_id: int) -> HttpResponse:
    """What the customer allows; for admins also the ways to a copy and to the erasure."""
    return _show(request, _contact(contact_id), ConsentForm())


@require_POST
def note_consent(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Write down a customer's word."""
    contact, form = _contact(contact_id), ConsentForm(request.POST)
    if not form.is_valid():
        return _show(request, contact, form)
    consents.note(contact=contact, said=form.said(), by=agent_of(request), at=timezone.now())
    messages.success(request, _("Written down. It holds from the next message on."))
    return redirect("personal-data", contact.pk)


def _show(request: HttpRequest, contact: Contact, form: ConsentForm) -> HttpResponse:
    context = {
        "contact": contact,
        "form": form,
        "verdicts": verdicts(standing_of(contact)),
        "history": history_of(contact),
        "kind_label": kind_label,
    }
    return render(request, "console/personal/data.html", context)


@never_cache
@require_POST
def copy(request: HttpRequest, contact_id: int) -> FileResponse:
    """The person's data as an archive."""
    file = exporting.export(
        contact=_contact(contact_id), by=agent_of(request), has_notes="notes" in request.POST, at=timezone.now()
    )
    return FileResponse(file, as_attachment=True, filename=f"customer-{contact_id}.zip", content_type="application/zip")


@never_cache
@require_http_methods(["GET", "POST"])
def erase(request: HttpRequest, contact_id: int) -> HttpResponse:
    """What would go, what stays and why; then, confirmed a second time, the erasure."""
    contact = _contact(contact_id)
    also = _chosen(request.POST.getlist("also") if request.method == "POST" else [])
    contacts = list(dict.fromkeys([*contacts_of(contact), *(pk for each in also for pk in contacts_of(each))]))
    word = contact.name or f"#{contact.pk}"
    form = ErasureForm(request.POST or None, word=" ".join(word.split()))
    if request.method == "POST" and form.is_valid():
        more = form.cleaned_data["more_names"].split(",")
        row = erasures.ask(
            contacts=contacts,
            names=list(usable_names([*request.POST.getlist("name"), *more])),
            reason=ErasureReason(form.cleaned_data["reason"]),
            by=agent_of(request),
            at=timezone.now(),
        )
        return redirect("erasure", row.pk)
    return render(request, "console/personal/erase.html", _preview(contact, contacts, form, also))


def _preview(contact: Contact, contacts: list[int], form: ErasureForm, also: list[Contact]) -> dict[str, Any]:
    names = names_of(contacts)
    called = queries.called(names, contacts=contacts)
    safe = [each.name for each in called if not each.others]
    elsewhere = named_elsewhere(signs_of(contacts, mark="", names=safe), contacts=contacts)
    return {
        "contact": contact,
        "form": form,
        "extent": queries.extent_of(contacts),
        "names": called,
        "lookalikes": list(queries.lookalikes(contacts_of(contact), names=names)),
        "also": {each.pk for each in also},
        "elsewhere": elsewhere,
        "sample": list(Ticket.objects.filter(pk__in=elsewhere.tickets[:SAMPLE]).order_by("-pk")),
        "looked_at": LOOK_AT,
    }


def _chosen(numbers: list[str]) -> list[Contact]:
    return list(Contact.objects.filter(pk__in=[int(each) for each in numbers if each.isdecimal() and len(each) < 19]))


@require_safe
def erasures_page(request: HttpRequest) -> HttpResponse:
    """Who was erased by whom and when: numbers only."""
    return render(request, "console/personal/erasures.html", {"rows": list(queries.erasures()[:200])})


@require_safe
def erasure(request: HttpRequest, erasure_id: int) -> HttpResponse:
    """How far an erasure is, then its report."""
    row = queries.erasures().filter(pk=erasure_id).first()
    if row is None:
        raise Http404
    counts = row.report.get("counts", {})
    told = [(label, counts[name]) for name, label in COUNTED.items() if counts.get(name)]
    context = {"row": row, "told": told, "is_done": row.state == Erasure.State.DONE}
    return render(request, "console/personal/erasure.html", context)


def _contact(contact_id: int) -> Contact:
    try:
        return customer_by_id(contact_id=contact_id)
    except Contact.DoesNotExist as error:
        raise Http404 from error
