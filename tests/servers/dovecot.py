"""A private Dovecot on free ports: every user name exists, the password is `secret`, mails are Maildir files.

Tokens (XOAUTH2) are good if the provider of tests/servers/oauth_provider.py says so.
"""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path

from mail_gateway.imap import ImapAccount
from mail_gateway.tls import Security
from tests.servers.certificates import Certificates, make_certificates

PROGRAM = shutil.which("dovecot", path=f"{os.defpath}:/usr/sbin:/usr/local/sbin")
PASSWORD = "secret"
_START_S = 20.0

_CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
mail_location = maildir:~/Maildir
first_valid_uid = 1
ssl = yes
ssl_cert = <{server_file}
ssl_key = <{key_file}
disable_plaintext_auth = no
auth_failure_delay = 0
auth_mechanisms = plain xoauth2
{internal}
namespace inbox {{
  inbox = yes
}}
passdb {{
  driver = static
  mechanisms = plain
  args = password={password}
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/homes/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
  {chroot}
}}
# Nobody waits longer for each refused login of the same address, as all of ours are.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
  {chroot}
}}
"""

_TOKENS = """
introspection_mode = post
introspection_url = {url}
username_attribute = username
active_attribute = active
active_value = true
"""
_NOBODY = "http://127.0.0.1:9/introspect"


@dataclass
class Dovecot:
    """The running server. `port` speaks plain text and STARTTLS, `tls_port` TLS."""

    folder: Path
    port: int
    tls_port: int
    certificates: Certificates
    owner: pwd.struct_passwd
    _numbers: Iterator[int] = field(default_factory=count)

    def account(self, user: str, *, security: Security = "tls", password: str = PASSWORD) -> ImapAccount:
        """The way into the INBOX of `user`."""
        port = self.tls_port if security == "tls" else self.port
        ca_file = self.certificates.ca_file
        return ImapAccount("127.0.0.1", port, security, user, password, timeout_s=10.0, ca_file=ca_file)

    def deliver(self, user: str, raw: bytes, *, received_at: datetime | None = None, is_seen: bool = False) -> None:
        """Put a mail into the INBOX, as a delivery agent does."""
        folder = self._mailbox(user)
        name = f"{int(time.time())}.M{next(self._numbers):06d}P{os.getpid()}.test"
        unfinished = folder / "tmp" / name
        unfinished.write_bytes(raw)
        self._give(unfinished)
        if received_at is not None:
            os.utime(unfinished, (received_at.timestamp(), received_at.timestamp()))
        unfinished.rename(folder / "cur" / f"{name}:2,S" if is_seen else folder / "new" / name)

    def seen_mails(self, user: str) -> int:
        """How many mails carry the flag \\Seen."""
        return sum("S" in path.name.rpartition(":2,")[2] for path in (self._mailbox(user) / "cur").iterdir())

    def mails(self, user: str) -> int:
        """How many mails lie in the INBOX."""
        return sum(1 for name in ("new", "cur") for _ in (self._mailbox(user) / name).iterdir())

    def renumber(self, user: str, *, uidvalidity: int, next_uid: int = 1) -> None:
        """Forget all UIDs, as a server does that was restored from a backup."""
        folder = self._mailbox(user)
        for path in folder.glob("dovecot*"):
            path.unlink()
        numbers = folder / "dovecot-uidlist"
        numbers.write_text(f"3 V{uidvalidity} N{next_uid}\n")
        self._give(numbers)

    def _mailbox(self, user: str) -> Path:
        home = self.folder / "homes" / user
        for path in (home, home / "Maildir", *(home / "Maildir" / name for name in ("cur", "new", "tmp"))):
            if not path.exists():
                path.mkdir()
                self._give(path)
        return home / "Maildir"

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self.owner.pw_uid, self.owner.pw_gid)


@contextmanager
def run_dovecot(folder: Path, *, introspection_url: str = _NOBODY) -> Iterator[Dovecot]:
    """Run the server with all its files in `folder`, whose path must be short and open to other users."""
    assert PROGRAM is not None
    # Dovecot opens mails as anybody but root, and as root it wants users of its own for the rest.
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    server = Dovecot(folder, _free_port(), _free_port(), make_certificates(folder), owner)
    for name in ("run", "state", "homes"):
        (folder / name).mkdir()
    server._give(folder / "homes")
    config = folder / "dovecot.conf"
    config.write_text(_config_of(server))
    (folder / "oauth2.conf").write_text(_TOKENS.format(url=introspection_url))
    process = subprocess.Popen([PROGRAM, "-F", "-c", str(config)], stderr=subprocess.PIPE, text=True)
    try:
        _wait_until_open(server, process)
        yield server
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _config_of(server: Dovecot) -> str:
    is_root = os.geteuid() == 0
    name = server.owner.pw_name
    return _CONFIG.format(
        folder=server.folder,
        server_file=server.certificates.server_file,
        key_file=server.certificates.key_file,
        internal="" if is_root else f"default_internal_user = {name}\ndefault_login_user = {name}",
        chroot="" if is_root else "chroot =",
        password=PASSWORD,
        uid=server.owner.pw_uid,
        gid=server.owner.pw_gid,
        port=server.port,
        tls_port=server.tls_port,
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_until_open(server: Dovecot, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", server.tls_port), timeout=1):
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    log = server.folder / "dovecot.log"
    raise RuntimeError(f"Dovecot did not start: {log.read_text() if log.exists() else process.stderr}")
