"""Every place where `LUOTSI_CRASH_AT` can end a process, in the order in which a mail passes them.

A tool for tests: they kill the desk at each of these, start it again, and count what became of every mail. A point that
is in the code and not here, or the other way round, fails a test.
"""

from dataclasses import dataclass

#: What has happened when the process dies there, and what has not.
POINTS: dict[str, str] = {
    # A mail comes in
    "smtp.received": "The sender has sent the final dot; nothing is stored.",
    "imap.fetched": "A mail is fetched; nothing is stored.",
    "blob.unnamed": "The bytes are on disk under a name that nobody knows.",
    "blob.written": "The bytes are on disk under their own name; no row names them.",
    "accept.event-inserted": "The event is inserted, its receipt is not, nothing is committed.",
    "accept.uncommitted": "Event and receipt are inserted, not committed.",
    "accept.committed": "Event and receipt are committed.",
    "smtp.stored": "Everything is stored; the sender hasn't heard its 250.",
    "imap.taken": "A mail is stored; the cursor stands before it.",
    "imap.cursor-moved": "The cursor stands behind the mail.",
    "imap.cleared": "Imported mails are moved or deleted on their server; that is not written down.",
    # It becomes a message
    "intake.claiming": "Events are claimed, not committed.",
    "intake.claimed": "Events are claimed and their attempts counted.",
    "reader.begun": "The reader's child has the raw mail.",
    "reader.parsed": "The reader's child has parsed it, and has not answered.",
    "intake.read": "The parsed mail is back.",
    "intake.files-stored": "Its attachments are on disk; no row names them.",
    "process.begun": "The event is marked as done, not committed.",
    "process.guarded": "The sender was checked.",
    "process.matched": "Its ticket was looked for.",
    "process.routed": "The rules have decided.",
    "process.recorded": "Ticket, message and files are written.",
    "process.joined": "Replies that came before it are joined.",
    "process.acknowledged": "The acknowledgement is written.",
    "process.uncommitted": "All is written, not committed.",
    "process.committed": "All is committed.",
    "live.publishing": "A change is committed; no screen has heard of it.",
    "live.published": "The screens of this process are told.",
    # An answer goes out
    "reply.uncommitted": "An agent's answer is written, not committed.",
    "reply.committed": "An agent's answer is committed; the browser hasn't heard so.",
    "outbox.claiming": "Deliveries are claimed, not committed.",
    "outbox.claimed": "Deliveries are claimed.",
    "outbox.connected": "The line to the mail server is open.",
    "outbox.begun": "The hand-over is marked as begun.",
    "send.announced": "Sender and recipients are accepted; the content is not sent.",
    "send.before-dot": "All but the final dot is sent.",
    "send.after-dot": "The final dot is sent; its answer was not read.",
    "outbox.handed-over": "The server has taken the mail; nothing is written down.",
    "outbox.settling": "The outcome is written, not committed.",
    "outbox.settled": "The outcome is committed.",
    "folder.part-written": "The mail is in the folder under a hidden name.",
    "folder.named": "It has its own name there; nothing is written down.",
    # Time passes
    "timers.swept": "The daily sweep is half done.",
    "rules.waited": "A rule that waited has fired and had its turn, not committed.",
    "due.carried-out": "A snoozed ticket is back or somebody is reminded, not committed.",
    "service.announced": "A missed service level is written down and rules have reacted, not committed.",
}

#: These end the reader's child, not the process that was told.
OF_THE_CHILD = tuple(name for name in POINTS if name.startswith("reader."))


class UnknownPoint(ValueError):
    """There is no such point; the text lists those that there are."""


@dataclass(frozen=True, slots=True)
class Target:
    """The ``visit``-th time that a process comes to ``name``; ``is_pause``: it only stands still there."""

    name: str
    visit: int = 1
    is_pause: bool = False


def read_target(text: str) -> Target | None:
    """``name``, ``name:visit`` or ``name:pause``; None for an empty text. Raises UnknownPoint."""
    if not text:
        return None
    name, _, visit = text.partition(":")
    if name in POINTS and visit == "pause":
        return Target(name, is_pause=True)
    if name not in POINTS or not (visit.isdecimal() if visit else True) or visit == "0":
        raise UnknownPoint(f"LUOTSI_CRASH_AT={text!r} is no crash point. There are: {', '.join(POINTS)}.")
    return Target(name, int(visit or 1))
