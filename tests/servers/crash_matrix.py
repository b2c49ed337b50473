"""Drives one desk from crash to crash: mails in by SMTP and IMAP, answers out, and what everybody got."""

from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from http.client import HTTPException  # noqa: TID251  # the test is the browser here

from helpdesk.crash_points import OF_THE_CHILD
from helpdesk.references import reference_of
from mail_gateway.errors import GatewayError
from tests.servers.desk_browser import Browser, make_admin
from tests.servers.desk_process import Desk, letter, until
from tests.servers.dovecot import Dovecot
from tests.servers.smtp_server import ScriptedServer, TakenMail

USER = "matrix"
#: A desk that has not come to its point after so long has passed it.
REACH_S = 30.0
#: Between these the desk can't know whether a mail is out.
IN_DOUBT = (
    "outbox.begun",
    "send.announced",
    "send.before-dot",
    "send.after-dot",
    "outbox.handed-over",
    "outbox.settling",
)
#: Of those, the ones at which it is out.
OUT = IN_DOUBT[3:]


@dataclass(frozen=True)
class Case:
    """A point, and the work by which the desk comes to it: smtp, imap, reply, or none."""

    point: str
    work: str

    @property
    def is_calm(self) -> bool:
        """What lay about is settled before its work begins."""
        return self.point.startswith(("smtp.received", "blob.", "accept.event", "accept.uncommitted", "reply."))


@dataclass
class Matrix:
    """One data folder, one customer a mail. `reached` are the cases whose desk died where it should."""

    desk: Desk
    dovecot: Dovecot | None
    sink: ScriptedServer | None
    reached: list[Case] = field(default_factory=list)
    unsent: list[int] = field(default_factory=list)
    customers: int = 0
    answers: list[int] = field(default_factory=list)
    starts: int = 0
    _browser: Browser | None = None
    _reference: str = ""

    def begin(self) -> None:
        """A first life without a crash: an admin, and a ticket that is answered again and again."""
        self._start("")
        make_admin(self.desk)
        self._work("smtp")
        self.settle()
        self._browser = Browser(self.desk)
        self._browser.log_in()
        if self.dovecot is not None:
            self.desk.write("UPDATE helpdesk_mailbox SET after_import = 'delete'")
        self._reference = reference_of(*self.desk.rows("SELECT id FROM helpdesk_ticket")[0], prefix="LU")
        self.desk.kill()

    def visit(self, case: Case) -> None:
        """Start the desk with this point, give it work, and see it die there."""
        if self._has_to_settle(case):
            self._start("")
            self.settle()
            self.desk.kill()
        self._start(case.point)
        if case.is_calm or case.work == "reply":
            until(lambda: self._is_dead() or self._is_settled())
        if not self._is_dead():
            self._work(case.work)
        with suppress(TimeoutError):
            until(lambda: self._has_died_at(case.point), deadline_s=REACH_S)
            self.reached.append(case)
        self.desk.kill()

    def end(self) -> None:
        """A last life without a crash, until nothing is left to do."""
        self._start("")
        self.settle()

    def settle(self) -> None:
        """Repeat what the desk gave no answer to, as mail servers and people do, until it has done everything."""
        until(self._is_up)
        self._send_all()
        for number in self.answers:
            self._answer(number)
        until(self._is_settled)

    def sent_to(self, number: int) -> int:
        """How many acknowledgements a customer got."""
        address = f"customer{number}@customer.example"
        return sum(
            address in mail.recipients and b"\r\nAuto-Submitted: auto-replied\r\n" in mail.raw for mail in self._taken()
        )

    def copies_of(self, answer: int) -> list[str]:
        """The Message-IDs of an answer, one for each time that the mail server got it."""
        return [
            str(message_from_bytes(mail.raw, policy=default)["Message-ID"])
            for mail in self._taken()
            if f"\r\nAnswer {answer}.\r\n".encode() in mail.raw
        ]

    def _taken(self) -> list[TakenMail]:
        assert self.sink is not None
        return self.sink.taken

    def _start(self, point: str) -> None:
        self.starts += 1
        self.desk.extra = {**self.desk.extra, "LUOTSI_CRASH_AT": point}
        self.desk.launch()
        until(lambda: self._is_dead() or self._is_up())

    def _is_dead(self) -> bool:
        assert self.desk.process is not None
        return self.desk.process.poll() is not None

    def _is_up(self) -> bool:
        assert not (self._is_dead() and not self.desk.extra["LUOTSI_CRASH_AT"]), self.desk.output
        with suppress(OSError, ValueError, HTTPException):
            return self.desk.health()[0] == 200
        return False

    def _has_died_at(self, point: str) -> bool:
        if point in OF_THE_CHILD:  # the desk lives on and tries again, until it is killed here
            return "the reader ended with status -9" in self.desk.output
        return self._is_dead() and f"crash point {point}\n" in self.desk.output

    def _work(self, work: str) -> None:
        if work == "reply":
            self.answers.append(len(self.answers) + 1)
            self._answer(self.answers[-1])
        elif work:
            self.customers += 1
        if work == "smtp":
            self.unsent.append(self.customers)
            self._send_all()
        elif work == "imap":
            assert self.dovecot is not None
            self.dovecot.deliver(USER, letter(self.customers))

    def _send_all(self) -> None:
        with suppress(GatewayError, OSError):
            while self.unsent:
                self.desk.send(letter(self.unsent[0]))
                self.unsent.pop(0)

    def _answer(self, number: int) -> None:
        """As a person who saw no "sent": look whether the answer is there, else write it again."""
        if self.desk.count("message", f"kind = 'reply' AND text = 'Answer {number}.'"):
            return
        assert self._browser is not None
        with suppress(OSError, HTTPException):
            self._browser.answer(self._reference, f"Answer {number}.", to="customer1@customer.example")

    def _has_to_settle(self, case: Case) -> bool:
        """Before an answer is to be caught, and before a mail would come to its third crash."""
        if not self.starts:
            return False
        if case.work == "reply" and case.point != "reply.uncommitted":
            return not self._is_settled()
        is_worn = self.desk.count("inboundevent", "attempts >= 2 AND state <> 'done'")
        has_answer = self.desk.count("delivery", "state IN ('queued', 'retry', 'sending') AND NOT is_automatic")
        return bool(is_worn or (has_answer and not case.is_calm))

    def _is_settled(self) -> bool:
        return (
            self.desk.count("inboundevent", "state <> 'done'") == 0
            and self.desk.count("delivery", "state IN ('queued', 'retry', 'sending')") == 0
            and self.desk.count("receipt") >= self.customers - len(self.unsent)
        )
