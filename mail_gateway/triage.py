"""A guess at the first bytes of a mail, before anybody reads it: did a machine send it?

It only decides who goes first. What a mail is, `mail_gateway.automatic` says once it has been read.
"""

import re

#: Headers beyond these don't change the guess.
_GLANCE_BYTES = 32 * 1024
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_SIGNS = re.compile(
    rb"^(?:auto-submitted:[ \t]*+(?!no\b)"
    rb"|(?:precedence:[ \t]*(?:bulk|list|junk|auto_reply))"
    rb"|(?:list-id|list-unsubscribe|feedback-id|x-failed-recipients|x-autoreply|x-autorespond|x-auto-response-suppress):"
    rb"|return-path:[ \t]*<>"
    rb"|content-type:[ \t]*multipart/report\b"
    rb"|(?:from|sender):[^\r\n]{0,500}\b(?:mailer-daemon|postmaster)@)",
    re.IGNORECASE | re.MULTILINE,
)


def is_from_machine(raw: bytes, *, mail_from: str | None) -> bool:
    """Whether ``raw`` looks like a bounce, an automatic answer or a mailing.

    ``mail_from`` is the envelope's sender: '' for a bounce, None where nobody knows.
    """
    if mail_from == "":
        return True
    head = raw[:_GLANCE_BYTES]
    end = _END_OF_HEADERS.search(head)
    return _SIGNS.search(head, 0, end.start() + 1 if end else len(head)) is not None
