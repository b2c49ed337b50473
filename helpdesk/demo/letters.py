"""The customers' mails of the demo, as bytes that any mail program could have sent. Pure."""

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from helpdesk.demo.content import Writes
from helpdesk.demo.files import content_of

_QUOTED_LINES = 8


def mail_of(
    step: Writes, *, sender: str, to: str, subject: str, at: datetime, key: str, answered_id: str, quoted: str
) -> bytes:
    """The mail of one step; ``answered_id`` and ``quoted``: Message-ID and text of what it answers, or empty."""
    # Long Message-IDs stay in one piece: folded, they would be encoded words, which no reader takes for ids.
    letter = EmailMessage(policy=SMTP.clone(max_line_length=900))
    letter["From"], letter["To"], letter["Subject"] = sender, to, subject
    letter["Date"] = format_datetime(at)
    letter["Message-ID"] = f"<{key}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    if answered_id:
        letter["In-Reply-To"] = letter["References"] = f"<{answered_id}>"
    for name, value in step.headers:
        letter[name] = value
    letter.set_content(step.text + _quotation(quoted, at) + "\n")
    if step.html:
        letter.add_alternative(step.html, subtype="html")
    for file in step.files:
        maintype, _, subtype = file.content_type.partition("/")
        letter.add_attachment(content_of(file.filename), maintype=maintype, subtype=subtype, filename=file.filename)
    return letter.as_bytes()


def _quotation(quoted: str, at: datetime) -> str:
    if not quoted:
        return ""
    lines = "\n".join(f"> {line}".rstrip() for line in quoted.splitlines()[:_QUOTED_LINES])
    return f"\n\nOn {at:%d %b %Y}, Luotsi wrote:\n{lines}"
