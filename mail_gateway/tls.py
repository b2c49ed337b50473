"""How a connection to a mail server is protected: verified, or not made at all."""

import ssl
from pathlib import Path
from typing import Literal

Security = Literal["tls", "starttls", "none"]
"""`tls`: from the first byte. `starttls`: plain greeting, then required. `none`: plain, only if configured."""


def make_context(*, ca_file: Path | None) -> ssl.SSLContext:
    """A client context that checks the certificate and the host name.

    `ca_file` (PEM) replaces the system's authorities, for servers with a certificate of their own.
    Raises OSError if the file cannot be read.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
