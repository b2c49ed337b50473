"""A person who is everywhere, and eyes that find them wherever they still are, without the product's own search.

Only the columns of the database, the bytes of the files and the lines of the log are looked at.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from axes.models import AccessAttempt
from django.db import connection

from helpdesk import blobs
from helpdesk.actions import consents, notices, replies, tickets
from helpdesk.actions.consents import Said
from helpdesk.actions.indexing import index_message
from helpdesk.models import (
    Agent,
    Attachment,
    Channel,
    ChatLine,
    ChatUpload,
    ConsentSource,
    Contact,
    Conversation,
    Entry,
    Identity,
    InboundEvent,
    LegalBasis,
    Mailbox,
    Merge,
    Message,
    Purpose,
    Rating,
    Rehearsal,
    SocialAccount,
    SocialPost,
    SocialThread,
    Tag,
    Team,
    Ticket,
    Visitor,
    VisitorToken,
)
from mail_gateway.parse import parse
from tests import make
from tests.flows import chat_clients

NAME, ADDRESS, SECOND = "Zyxwanda Quillfeather", "zyxwanda.quillfeather@canary.example", "zyx.private@canary.example"
PHONE, HANDLE, WORD, MESSAGE_ID = "+358 40 555 7788", "zyxwandaq", "qzxcanary", "zyxmail-1@mua.example"
#: What must be nowhere: whole and in parts, in any case.
TRACES = ("zyxwanda", "quillfeather", "zyx.private", "5557788", "555 7788", WORD, "zyxmail")
FILE = f"{WORD} measured 7 mm\n".encode()
SENDER = f"{NAME} <{ADDRESS}>"


def with_file(raw_text: str, *, sender: str, subject: str, filename: str, **headers: Any) -> bytes:
    """A mail with the canary's file, which another may pass on."""
    boundary = "line"
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return (
        f"From: {sender}\r\nTo: support@desk.example\r\nSubject: {subject}\r\n{named}"
        f"Date: Mon, 02 Mar 2026 12:00:00 +0000\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'
        f"--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{raw_text}\r\n"
        f'--{boundary}\r\nContent-Type: text/plain; name="{filename}"\r\n'
        f'Content-Disposition: attachment; filename="{filename}"\r\n\r\n'.encode()
        + FILE
        + f"\r\n--{boundary}--\r\n".encode()
    )


def appear(*, mailbox: Mailbox, team: Team, agent: Agent, admin: Agent) -> Contact:
    """Let the canary write by every way there is, be written to, quoted, noted, searched for and rehearsed."""
    if connection.vendor == "sqlite":  # no model: it stays when the tables are emptied between tests
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM helpdesk_search")
    first = _by_mail(mailbox.channel, agent, admin)
    contact = first.ticket.contact
    assert contact is not None
    _in_mails_of_others(mailbox.channel, agent)
    _by_chat(contact, team)
    _in_a_social_channel(contact, team)
    _in_quarantine(mailbox.channel)
    _in_the_books(contact, first.ticket, agent, admin, mailbox)
    return contact


def _by_mail(channel: Channel, agent: Agent, admin: Agent) -> Message:
    text = f"Hello, my {WORD} is broken. Call me: {PHONE}\r\n\r\n{NAME}\r\n"
    subject = f"{NAME}: {WORD}"
    raw = with_file(
        text,
        sender=SENDER,
        subject=subject,
        filename=f"{WORD}.txt",
        Message_ID=f"<{MESSAGE_ID}>",
        Cc="Bob <bob@b.example>",
    )
    message = make.deliver(channel, raw, mail_from=ADDRESS)
    ticket = message.ticket
    tickets.set_subject(ticket=ticket, subject=f"{NAME} and the {WORD}", by=admin)
    cursor = Entry.objects.order_by("-pk").values_list("pk", flat=True)[0]
    replies.reply(
        ticket=ticket, agent=admin, text=f"Dear {NAME}, a new {WORD} is on its way.", to=[ADDRESS], seen_cursor=cursor
    )
    replies.note(ticket=ticket, agent=admin, text=f"{NAME} rang from {PHONE} about the {WORD}")
    replies.save_draft(ticket=ticket, agent=admin, kind="note", text=f"ask {NAME}")
    ticket.tags.add(Tag.objects.create(name="zyxwanda quillfeather"))
    Rating.objects.create(ticket=ticket, score=5, comment=f"{WORD} works", created_at=make.NOON, changed_at=make.NOON)
    return message


def _in_mails_of_others(channel: Channel, agent: Agent) -> None:
    quoted = f"See below.\r\n\r\nOn Monday {NAME} <{ADDRESS}> wrote:\r\n> my {WORD} is broken\r\n> {NAME}\r\n"
    raw = with_file(
        quoted,
        sender="Bob Builder <bob@b.example>",
        subject="A broken part",
        filename="part.txt",
        References=f"<{MESSAGE_ID}>",
        Message_ID="<bob-1@b.example>",
    )
    elsewhere = make.deliver(channel, raw, mail_from="bob@b.example", external_id="bob:1")
    if not elsewhere.ticket.messages.filter(contact__identities__value=ADDRESS).exists():
        replies.note(ticket=elsewhere.ticket, agent=agent, text=f"quillfeather, zyxwanda? Or {ADDRESS}")
    own = make.mail(
        sender="Bob Builder <bob@b.example>", subject="The bill", text="Where is it?", message_id="bob-2@b.example"
    )
    bill = make.deliver(channel, own, mail_from="bob@b.example", external_id="bob:2")
    joined = make.mail(
        sender=SENDER,
        subject=f"Re: The bill [{bill.ticket.reference}]",
        text=f"Mine has {WORD} on it",
        in_reply_to="bob-2@b.example",
    )
    make.deliver(channel, joined, mail_from=ADDRESS, external_id="zyx:2")
    answer = make.mail(
        sender="Bob Builder <bob@b.example>",
        subject="Re: The bill",
        text=f"So has mine.\n\nOn Tuesday {NAME} wrote:\n> Mine has {WORD} on it\n",
        in_reply_to="bob-2@b.example",
    )
    make.deliver(channel, answer, mail_from="bob@b.example", external_id="bob:3")


def _by_chat(contact: Contact, team: Team) -> None:
    site = chat_clients.site(team=team)
    visitor = Visitor.objects.create(
        channel=site.channel,
        contact=contact,
        subject=HANDLE,
        verified_address=ADDRESS,
        claimed_name=NAME,
        claimed_address=SECOND,
        page={"url": f"https://shop.example/?q={WORD}", "title": WORD},
        fields={"order": WORD},
        created_at=make.NOON,
    )
    VisitorToken.objects.create(visitor=visitor, token_hash="ab" * 32, created_at=make.NOON, expires_at=make.NOON)
    ticket = Ticket.objects.create(
        channel=site.channel, team=team, contact=contact, subject=WORD, created_at=make.NOON, last_activity_at=make.NOON
    )
    ticket.participants.create(identity=contact.identities.get(value=ADDRESS), role="requester")
    conversation = Conversation.objects.create(ticket=ticket, visitor=visitor, last_sequence=1, created_at=make.NOON)
    message = make.message(ticket=ticket, contact=contact, sender_name=NAME, text=f"{WORD} by chat")
    _write_down(message)
    data = {"vouched": NAME, "mailed": True}
    Entry.objects.create(kind="chat-changed", ticket=ticket, data=data, created_at=make.NOON)
    index_message(message=message)
    ChatLine.objects.create(
        conversation=conversation,
        sequence=1,
        message=message,
        author=f"v{visitor.pk}",
        client_id="c1",
        created_at=make.NOON,
    )
    for key, owner in (("used", message), ("unused", None)):
        content = f"{WORD} uploaded {key}".encode()
        blob = blobs.put(content)
        ChatUpload.objects.create(
            visitor=visitor,
            token_hash="ab" * 32,
            key=key,
            filename=f"{WORD}.txt",
            content_type="text/plain",
            size=len(content),
            blob=blob,
            message=owner,
            created_at=make.NOON,
        )
        if owner is not None:
            Attachment.objects.create(message=owner, filename=f"{WORD}.txt", size=len(content), blob=blob)


def _in_a_social_channel(contact: Contact, team: Team) -> None:
    channel = Channel.objects.create(slug="tg", name="Telegram", kind=Channel.Kind.TELEGRAM)
    account = SocialAccount.objects.create(channel=channel, provider="telegram", key="k", created_at=make.NOON)
    identity = Identity.objects.create(contact=contact, kind="telegram", value=HANDLE, display=f"@{HANDLE}")
    ticket = make.ticket(channel=channel, team=team, identity=identity, subject=WORD)
    thread = SocialThread.objects.create(
        account=account, external_id=HANDLE, identity=identity, ticket=ticket, created_at=make.NOON
    )
    raw = json.dumps({"from": HANDLE, "text": WORD}).encode()
    event = InboundEvent.objects.create(
        channel=channel,
        blob=blobs.put(raw),
        size=len(raw),
        state="done",
        is_social=True,
        next_attempt_at=make.NOON,
        received_at=make.NOON,
    )
    event.receipts.create(channel=channel, external_id="update:1", received_at=make.NOON)
    message = make.message(ticket=ticket, contact=contact, event=event, sender_name=NAME, text=WORD)
    _write_down(message)
    index_message(message=message)
    post = SocialPost.objects.create(thread=thread, message=message, external_id=f"{HANDLE}:1")
    for place in range(2):
        post.parts.create(place=place, external_id=f"{HANDLE}:1.{place}")
    edit = json.dumps({"from": HANDLE, "edited": WORD}).encode()
    other = InboundEvent.objects.create(
        channel=channel,
        blob=blobs.put(edit),
        size=len(edit),
        state="ignored",
        reason="applied",
        is_social=True,
        next_attempt_at=make.NOON,
        received_at=make.NOON,
    )
    other.receipts.create(channel=channel, external_id="update:2", received_at=make.NOON)


def _write_down(message: Message) -> None:
    entry = Entry.objects.create(
        kind="message-added", ticket=message.ticket, message=message, is_internal=False, created_at=make.NOON
    )
    Ticket.objects.filter(pk=message.ticket_id).update(message_cursor=entry.pk)


def _in_quarantine(channel: Channel) -> None:
    texts = {
        ADDRESS: f"From: {SENDER}\r\n\r\n{WORD}\r\n",
        "bob@b.example": f"From: bob@b.example\r\nCc: {SENDER}\r\n\r\nHi\r\n",
    }
    for number, (mail_from, text) in enumerate(texts.items()):
        event = make.arrive(channel, text.encode(), mail_from=mail_from, external_id=f"q:{number}")
        InboundEvent.objects.filter(pk=event.pk).update(
            state="quarantined", reason="crashed", detail=f"Crashed on {mail_from}", quarantined_at=make.NOON
        )


def _in_the_books(contact: Contact, ticket: Ticket, agent: Agent, admin: Agent, mailbox: Mailbox) -> None:
    Contact.objects.filter(pk=contact.pk).update(phone=PHONE, notes=f"{NAME} likes {WORD}")
    said = Said(purpose=Purpose.NEWS, is_allowed=True, basis=LegalBasis.CONSENT, source=ConsentSource.FORM, proof=NAME)
    consents.note(contact=contact, said=said, by=admin, at=make.NOON)
    folded = make.identity(SECOND, name=NAME)
    Merge.objects.create(kept=contact, folded=folded.contact, evidence=f"same phone {PHONE}", by=admin, at=make.NOON)
    rules = [{"name": f"for {NAME}", "condition": {"field": "sender", "value": ADDRESS}}]
    Rehearsal.objects.create(
        title=f"Rules for {NAME}",
        agent=agent,
        rules=rules,
        base_version=0,
        days=1,
        since=make.NOON,
        until=make.NOON,
        created_at=make.NOON,
        state="done",
    )
    notices.post(
        to=agent,
        mailbox=mailbox,
        subject=f"Late: {ticket.reference} {WORD}",
        text=f"{ticket.subject} is late",
        at=make.NOON,
    )
    AccessAttempt.objects.create(username=ADDRESS, ip_address="127.0.0.1", failures_since_start=1)


def in_database() -> list[str]:
    """``table.column:trace`` for each trace in any column of any table: text, JSON, bytes, and the search index."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor, include_views=False):
            cursor.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for column, value in zip(columns, row, strict=True):
                    found += [f"{table}.{column}:{trace}:{row[0]}" for trace in traces_in(value)]
    return found


def traces_in(value: object) -> Iterator[str]:
    """The traces in a value as it is stored; mail in bytes is read as mail as well, JSON without its escapes."""
    if isinstance(value, bytes | memoryview):
        raw = bytes(value)
        mail = parse(raw)
        words = "\n".join([raw.decode("latin-1"), mail.subject, mail.text, mail.html, str(mail.attachments)])
    else:
        words = str(value)
        if words.startswith(("{", "[")):
            words += re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), words)
    words = words.lower()
    yield from (trace for trace in TRACES if trace in words)


def in_files(folder: Path) -> list[str]:
    """``file:trace`` for each trace in any file under the data folder."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return [
        f"{path.name}:{trace}" for path in paths for trace in (*traces_in(path.read_bytes()), *traces_in(path.name))
    ]


def in_search_index() -> list[str]:
    """Traces among the terms that the index knows."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT word FROM ts_stat('SELECT document FROM helpdesk_search')")
        else:
            cursor.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, helpdesk_search, row)")
            cursor.execute("SELECT term FROM temp.terms")
        terms = [row[0] for row in cursor.fetchall()]
        if connection.vendor == "sqlite":
            cursor.execute("DROP TABLE temp.terms")
    return [f"{term}:{trace}" for term in terms for trace in traces_in(term)]


def now() -> datetime:
    """Late enough for every file to be settled."""
    return datetime.now(UTC) + timedelta(hours=1)
