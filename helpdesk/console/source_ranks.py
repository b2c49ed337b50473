"""Which source is master of what: an admin says how much each counts, for everything or for one attribute."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from helpdesk.actions import attributes
from helpdesk.console.access import agent_of
from helpdesk.console.linking_words import attribute_word, source_word
from helpdesk.models import ContactValue, SourceRank


class RankForm(forms.Form):
    """How much one source counts."""

    source = forms.ChoiceField(label=gettext_lazy("Source"))
    attribute = forms.ChoiceField(label=gettext_lazy("For"), required=False)
    rank = forms.IntegerField(
        label=gettext_lazy("Rank"),
        min_value=0,
        max_value=1000,
        widget=forms.NumberInput(attrs={"min": 0, "max": 1000}),
    )

    def __init__(self, *args: object, sources: list[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        every = [("", _("everything")), *((each, attribute_word(each)) for each in attributes.FIELDS)]
        for name, choices in (("source", [(each, source_word(each)) for each in sources]), ("attribute", every)):
            self.fields[name] = forms.ChoiceField(
                label=self.fields[name].label, required=self.fields[name].required, choices=choices
            )


@require_http_methods(["GET", "HEAD", "POST"])
def ranks(request: HttpRequest) -> HttpResponse:
    """The table, what an admin has said besides, and the form to say more."""
    said = list(SourceRank.objects.order_by("attribute", "source"))
    told = ContactValue.objects.order_by().values_list("source", flat=True).distinct()
    sources = sorted({*attributes.RANKS, *told, *(each.source for each in said)})
    form = RankForm(request.POST or None, sources=sources)
    if request.method == "POST":
        if request.POST.get("do") == "remove":
            row = next((each for each in said if str(each.pk) == request.POST.get("row")), None)
            if row is not None:
                attributes.set_rank(source=row.source, attribute=row.attribute, rank=None, by=agent_of(request))
            return redirect("source-ranks")
        if form.is_valid():
            given = form.cleaned_data
            attributes.set_rank(
                source=given["source"], attribute=given["attribute"], rank=given["rank"], by=agent_of(request)
            )
            messages.success(request, _("Saved. What is known was weighed anew."))
            return redirect("source-ranks")
    lines = [(source_word(each), attributes.rank_of(source=each, attribute="")) for each in sources]
    context = {
        "lines": sorted(lines, key=lambda line: -line[1]),
        "said": [(each, source_word(each.source), attribute_word(each.attribute)) for each in said],
        "form": form,
    }
    return render(request, "console/customer/ranks.html", context, status=422 if form.errors else 200)
