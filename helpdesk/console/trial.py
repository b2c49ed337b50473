"""One mail tried on the rules: written in a form, pasted as it came, or the one of a ticket. Nothing is written."""

from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from helpdesk.console.access import agent_of
from helpdesk.console.assignment_words import passed_over
from helpdesk.console.rule_words import RuleWords
from helpdesk.console.why import told
from helpdesk.console.wording import acknowledged
from helpdesk.intake.reader import Reader, Unreadable
from helpdesk.intake.trial import Trial, try_mail, try_ticket
from helpdesk.models import Agent, Channel, Ticket
from helpdesk.queries.assignment import skill_names
from helpdesk.queries.routing import Explanation
from helpdesk.queries.tickets import ticket_for, visible_to
from mail_gateway.mail import ParsedMail

#: Pasted by hand; what is larger has attachments, which rules don't read.
LONGEST = 1_000_000
_KINDS = (
    ("written", gettext_lazy("Write a mail")),
    ("pasted", gettext_lazy("Paste a mail")),
    ("ticket", gettext_lazy("A ticket that is there")),
)


class TrialForm(forms.Form):
    """What is to be tried. Only the fields of the chosen kind count."""

    kind = forms.ChoiceField(choices=_KINDS, initial="written", widget=forms.RadioSelect)
    channel = forms.ModelChoiceField(
        label=gettext_lazy("Mailbox"), queryset=Channel.objects.none(), empty_label=None, required=False
    )
    sender = forms.EmailField(label=gettext_lazy("From"), required=False, max_length=254)
    name = forms.CharField(label=gettext_lazy("Name of the sender"), required=False, max_length=100)
    subject = forms.CharField(label=gettext_lazy("Subject"), required=False, max_length=250)
    text = forms.CharField(
        label=gettext_lazy("Text"), required=False, max_length=100_000, widget=forms.Textarea(attrs={"rows": 8})
    )
    raw = forms.CharField(
        label=gettext_lazy("The mail as it came"),
        help_text=gettext_lazy("With its headers: “Original source” in most mail programs."),
        required=False,
        strip=False,
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false", "class": "input mono"}),
    )
    reference = forms.CharField(
        label=gettext_lazy("Reference"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"placeholder": "LU-…"}),
    )

    def __init__(self, *args: Any, agent: Agent, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._agent = agent
        channel: Any = self.fields["channel"]
        channel.queryset = Channel.objects.filter(mailbox__isnull=False).select_related("mailbox")

    def clean(self) -> dict[str, Any]:
        """Only what the chosen kind needs has to be there."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("kind") == "ticket":
            try:
                data["ticket"] = ticket_for(self._agent, data.get("reference", "").strip())
            except Ticket.DoesNotExist:
                self.add_error("reference", _("There is no such ticket, or you don't see its team."))
            return data
        if data.get("channel") is None and "channel" not in self.errors:
            self.add_error("channel", _("There is no mailbox yet; an admin makes one under Channels."))
        if data.get("kind") == "pasted" and not data.get("raw", "").strip():
            self.add_error("raw", _("Paste the mail here."))
        if data.get("kind") == "written" and not data.get("sender") and "sender" not in self.errors:
            self.add_error("sender", _("Who writes?"))
        return data


@require_http_methods(["GET", "POST"])
def trial(request: HttpRequest) -> HttpResponse:
    """The form, and what the rules would do with what is in it. ``?ticket=LU-…`` tries that one at once."""
    agent, reference = agent_of(request), request.GET.get("ticket", "")
    asked = {"kind": "ticket", "reference": reference} if reference else None
    form = TrialForm(request.POST if request.method == "POST" else asked, agent=agent)
    context: dict[str, Any] = {"form": form}
    if form.is_bound and form.is_valid():
        try:
            context |= _context(agent, _carried_out(form))
        except Unreadable as error:
            form.add_error("raw", _("This can't be read as a mail: %(problem)s") % {"problem": error.detail})
    return render(request, "console/rehearsal/trial.html", context)


def _carried_out(form: TrialForm) -> Trial:
    data = form.cleaned_data
    if data["kind"] == "ticket":
        return try_ticket(ticket=data["ticket"], at=timezone.now())
    raw = data["raw"].encode(errors="surrogateescape") if data["kind"] == "pasted" else _written(data)
    return try_mail(mail=_read(raw), channel=data["channel"], at=timezone.now())


def _read(raw: bytes) -> ParsedMail:
    """In a child that can be killed, like all mail: what is pasted may be what broke a reader. Raises Unreadable."""
    reader = Reader()
    try:
        return reader.read(raw)
    finally:
        reader.close()


def _written(data: dict[str, Any]) -> bytes:
    letter = EmailMessage(policy=SMTP)
    address = data["sender"]
    letter["From"] = f'"{_plain(data["name"])}" <{address}>' if data["name"] else address
    letter["To"] = data["channel"].mailbox.address
    letter["Subject"] = _plain(data["subject"])
    letter.set_content(data["text"] or "\n")
    return letter.as_bytes()


def _plain(text: str) -> str:
    """One line without quotation marks."""
    return " ".join(text.replace('"', "").replace("\\", "").split())


def _context(agent: Agent, done: Trial) -> dict[str, Any]:
    words = RuleWords()
    asked, others = told(Explanation(done.decided, done.steps), words) if done.decided else ([], [])
    return {
        "done": done,
        "words": words,
        "asked": asked,
        "others": others,
        "acknowledged": acknowledged,
        "skills": skill_names(),
        "passed_over": passed_over,
        "joined": done.ticket if done.joins and visible_to(agent).filter(pk=done.ticket.pk).exists() else None,
        "found": Explanation(done.decided, done.steps) if done.decided else None,
    }
