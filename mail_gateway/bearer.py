"""Logging in with an OAuth 2 access token instead of a password: the SASL mechanism XOAUTH2.

Google describes it (developers.google.com/gmail/imap/xoauth2-protocol), Microsoft and Dovecot speak it too.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from mail_gateway.errors import LoginRefused

MECHANISM = "XOAUTH2"
_Line = TypeVar("_Line")


class TokenSource(Protocol):
    """Knows an access token that is good now. Accounts are compared, so sources of the same token must be equal."""

    def token(self, *, refused: str = "") -> str:
        """A token; never the one that a server has just `refused`.

        Raises LoginRefused when a person has to connect the account again, Temporary when the provider can't be asked.
        """


class TokenRefused(LoginRefused):
    """The server knows the mechanism and does not accept this token."""


def initial_response(username: str, token: str) -> str:
    """What the client says first, before base64. Raises LoginRefused for letters that would break out of it."""
    if not (username + token).isprintable() or not token.isascii():
        raise LoginRefused("The user name or the token holds a control character.")
    return f"user={username}\x01auth=Bearer {token}\x01\x01"


def with_token(source: TokenSource, log_in: Callable[[str], _Line]) -> _Line:
    """Log in, and once more with a newer token when the first is refused: it may have been withdrawn before its time.

    `log_in` opens a line of its own for each try, because some servers hang up after a refusal. Raises what it raises.
    """
    token = source.token()
    try:
        return log_in(token)
    except TokenRefused:
        return log_in(source.token(refused=token))
