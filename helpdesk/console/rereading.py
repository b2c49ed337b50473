"""A stored mail read again by today's reader: what differs, side by side, and the button that uses it (MAIL.md 10)."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from helpdesk.actions.rereading import renew
from helpdesk.console.access import agent_of
from helpdesk.console.customer_look import language_name
from helpdesk.console.wording import field_name, noticed
from helpdesk.intake.compared_lines import Row, compared
from helpdesk.intake.reader import Reader
from helpdesk.intake.rereading import Difference, Outcome, Rereading, renewal_of, reread
from helpdesk.models import InboundEvent, Message
from helpdesk.queries.tickets import message_for

#: Somebody waits for the page, and others for the thread that makes it; `manage.py replay` has more patience.
PATIENCE_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Shown:
    """A difference for people. ``stays``: using today's reading leaves it as it was."""

    label: str
    rows: tuple[Row, ...]
    stays: bool


@require_safe
def compare(request: HttpRequest, message_id: int) -> HttpResponse:
    """What today's reader makes of the mail, beside what the message has; nothing is changed by looking."""
    message, event = _mail_or_404(request, message_id)
    found = _read_again(event)
    context = {
        "message": message,
        "event": event,
        "found": found,
        "is_unreadable": found.outcome is Outcome.UNREADABLE,
        "shown": [_shown(each, found) for each in found.differences],
    }
    return render(request, "console/ticket/reread.html", context)


@require_POST
def use(request: HttpRequest, message_id: int) -> HttpResponse:
    """Put today's reading in the place of the stored one."""
    message, event = _mail_or_404(request, message_id)
    found = _read_again(event)
    if found.mail is None:
        return redirect("message-reread", message.pk)  # which says why it can't be read
    try:
        changed = renew(renewals=[renewal_of(message, found.mail)], by=agent_of(request))
    except OSError:
        messages.error(request, _("A file of this mail could not be stored; nothing was changed."))
        return redirect("message-reread", message.pk)
    if changed:
        messages.success(request, _("The message shows what today's parser reads."))
    else:
        messages.info(request, _("Nothing was changed: the message reads the same already."))
    return redirect(f"{reverse('ticket', args=[message.ticket.reference])}#m{message.pk}")


def _mail_or_404(request: HttpRequest, message_id: int) -> tuple[Message, InboundEvent]:
    try:
        message = message_for(agent_of(request), message_id)
    except Message.DoesNotExist as error:
        raise Http404 from error
    if message.event is None or message.event.is_social:
        raise Http404
    return message, message.event


def _read_again(event: InboundEvent) -> Rereading:
    reader = Reader(wall_seconds=PATIENCE_SECONDS)
    try:
        return next(reread(reader, [event]))
    finally:
        reader.close()


def _shown(difference: Difference, found: Rereading) -> Shown:
    before, after = difference.before, difference.after
    match difference.field:
        case "problems" | "automatic":
            before, after = ("\n".join(map(_in_words, each.splitlines())) for each in (before, after))
        case "language":
            before, after = language_name(before), language_name(after)
        case "new_text" if found.message and found.mail:  # empty when everything is new
            before, after = before or found.message.text, after or found.mail.text
    return Shown(field_name(difference.field), tuple(compared(before, after)), not difference.is_applied)


def _in_words(line: str) -> str:
    return str(Message.Kind(line).label) if line in Message.Kind.values else noticed(line)
