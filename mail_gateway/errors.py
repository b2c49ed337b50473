"""The one tree of errors that leaves this package.

    GatewayError
    ├── Temporary            try again later; nothing was handed over
    │   └── OutcomeUnknown   it may have been handed over: trying again can double it
    └── Permanent            trying again cannot help
        └── LoginRefused     the account's settings are at fault, no single mail is

Callers branch on these classes only. The text of an error quotes the far server and is fit for an
admin's page: it holds no password and no content of a mail.
"""


class GatewayError(Exception):
    """A mail could not be handed over or fetched.

    `code` is the reply code of the SMTP server (RFC 5321 4.2), 0 when it gave none. `retry_after`: so many seconds the
    far side wants to be left alone, None where it doesn't say.
    """

    def __init__(self, message: str, *, code: int = 0, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after


class Temporary(GatewayError):
    """The same call can succeed later: line down, server busy, disk full."""


class Permanent(GatewayError):
    """The same call will fail again: unknown recipient, mail too large."""


class LoginRefused(Permanent):
    """The server does not accept name and password: pause the account and burn no attempts."""


class OutcomeUnknown(Temporary):
    """The line died between the final dot and the answer: the server may or may not have the mail."""
