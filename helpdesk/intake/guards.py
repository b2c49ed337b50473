"""Is the sender who the mail says (MAIL.md 14, 15)? Pure but for the mailbox's settings."""

import ipaddress
import re
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models import Mailbox, Message
from mail_gateway.addresses import ascii_address
from mail_gateway.mail import ParsedMail
from mail_gateway.problems import SenderProblem

Verdict = Message.Verdict


class Sign(models.TextChoices):
    """What led to a verdict, each with a sentence for the agent. ``%(detail)s`` is the word stored with it."""

    TRUSTED_NETWORK = "trusted-network", _("It came from a machine that the mailbox trusts: %(detail)s.")
    DMARC_PASS = "dmarc-pass", _("Our mail server checked it against the sender's domain: dmarc=pass.")
    CHECKS_PASS = "checks-pass", _("Our mail server checked it for the sender's domain: %(detail)s.")
    DMARC_FAIL = "dmarc-fail", _("The sender's own domain says that it is forged: dmarc=fail.")
    NO_PASS = "no-pass", _("No check that our mail server made speaks for the sender's domain.")
    NOT_CHECKED = "not-checked", _("Our mail server did not check it.")
    NO_SERVER = "no-server", _("The mailbox has no authentication server set, so nobody vouches for the sender.")
    NO_MAILBOX = "no-mailbox", _("It came through no mailbox.")
    FROM_UNREADABLE = "from-unreadable", _("The mail could not be read.")
    FROM_MISSING = "from-missing", _("There is no From field.")
    FROM_REPEATED = "from-repeated", _("There is more than one From field.")
    FROM_EMPTY = "from-empty", _("From is empty.")
    FROM_GROUP = "from-group", _("From holds a group instead of one address.")
    FROM_SEVERAL = "from-several", _("From names more than one address.")
    FROM_MALFORMED = "from-malformed", _("From is malformed.")
    FROM_CONTRADICTORY = "from-contradictory", _("From shows one address and gives another.")
    FROM_INCOMPLETE = "from-incomplete", _("From holds no complete address.")


#: Property by method whose domain was checked; clauses hold others too, which the sender may have chosen.
_CHECKED = {"dmarc": "header.from", "dkim": "header.d", "spf": "smtp.mailfrom"}
_RESULT = re.compile(r"\s*(dmarc|dkim|spf)\s*(?:/\s*\d+\s*)?=\s*([a-z]+)", re.IGNORECASE)
_PROPERTY = re.compile(r"(?<=\s)(header\.d|header\.from|smtp\.mailfrom)\s*=\s*([^\s]+)", re.IGNORECASE)
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|\\.|[()]|[^"\\()]+|.', re.DOTALL)
_PLAIN_WORD = re.compile(r'"[\w.@+-]*"')


@dataclass(frozen=True, slots=True)
class SenderCheck:
    """The verdict and the sign that led to it, with a detail where the sign has one."""

    verdict: Message.Verdict
    sign: Sign
    detail: str = ""

    @property
    def reason(self) -> str:
        """As it is stored: the sign's code, and after a colon the detail. `console.wording` makes a sentence of it."""
        return f"{self.sign.value}: {self.detail}" if self.detail else self.sign.value


def check_sender(*, mail: ParsedMail, mailbox: Mailbox | None, peer: str) -> SenderCheck:
    """What is known about the sender of ``mail``; ``peer`` is the address of the SMTP client, '' when fetched."""
    if mail.sender is None:
        return SenderCheck(Verdict.FAILED, _sign_of(mail.sender_problem))
    if mailbox is None:
        return SenderCheck(Verdict.UNVERIFIED, Sign.NO_MAILBOX)
    if peer and is_trusted(peer, mailbox.trusted_networks):
        return SenderCheck(Verdict.VERIFIED, Sign.TRUSTED_NETWORK, peer)
    if not mailbox.authserv_id:
        return SenderCheck(Verdict.UNVERIFIED, Sign.NO_SERVER)
    results = _own_results(mail.authentication_results, mailbox.authserv_id)
    address = ascii_address(mail.sender.addr) or mail.sender.addr
    return _judge(results, address.rpartition("@")[2].lower())


def is_trusted(peer: str, networks: list[str]) -> bool:
    """Whether ``peer`` lies in one of ``networks`` (CIDR); a malformed network trusts nobody."""
    try:
        address = ipaddress.ip_address(peer)
        return any(address in ipaddress.ip_network(network, strict=False) for network in networks)
    except ValueError:
        return False


def _own_results(headers: tuple[str, ...], authserv_id: str) -> str:
    """The topmost result of our own server; a sender can write such headers too, below ours (RFC 8601, 5)."""
    for header in headers:
        server, _, results = header.partition(";")
        words = server.split()
        if words and words[0].lower() == authserv_id.lower():
            return results
    return ""


def _judge(results: str, domain: str) -> SenderCheck:
    plain = _without_free_text(results)
    passed = set()
    for clause in plain.split(";"):
        found = _RESULT.match(clause)
        if found is None:
            continue
        method, value = found[1].lower(), found[2].lower()
        checked = _checked_domains(clause, method)
        if method == "dmarc":
            if value == "fail":
                return SenderCheck(Verdict.FAILED, Sign.DMARC_FAIL)
            if value == "pass" and all(_is_aligned(each, domain) for each in checked):
                return SenderCheck(Verdict.VERIFIED, Sign.DMARC_PASS)
        elif value == "pass" and checked and all(_is_aligned(each, domain) for each in checked):
            passed.add(method)
    if passed:
        return SenderCheck(Verdict.VERIFIED, Sign.CHECKS_PASS, ", ".join(f"{method}=pass" for method in sorted(passed)))
    return SenderCheck(Verdict.UNVERIFIED, Sign.NO_PASS if plain.strip() else Sign.NOT_CHECKED)


def _sign_of(problem: str) -> Sign:
    """The sign for a sender problem of the mail reader."""
    try:
        return Sign(f"from-{SenderProblem(problem).name.lower()}")
    except ValueError:  # it names no sender and doesn't say why
        return Sign.FROM_UNREADABLE


def _without_free_text(results: str) -> str:
    """The results without comments and quoted strings: either can hold anything, also ``; dmarc=pass``.

    A quoted string is most often an envelope sender with an odd local part. One that is a plain word stays, bare.
    """
    kept, depth = [], 0
    for piece in _PIECE.findall(results):
        if piece in {"(", ")"}:
            depth = max(0, depth + (1 if piece == "(" else -1))
            kept.append(" ")
        elif not depth:
            kept.append(piece[1:-1] if _PLAIN_WORD.fullmatch(piece) else "_" if piece[0] in '"\\' else piece)
    return "".join(kept)


def _checked_domains(clause: str, method: str) -> list[str]:
    properties = _PROPERTY.findall(clause)
    return [
        value.rpartition("@")[2].lower().rstrip(".") for name, value in properties if name.lower() == _CHECKED[method]
    ]


def _is_aligned(checked: str, domain: str) -> bool:
    """Whether the checked domain is the sender's or a parent of it (relaxed alignment, RFC 7489, 3.1)."""
    return checked == domain or ("." in checked and domain.endswith("." + checked))
