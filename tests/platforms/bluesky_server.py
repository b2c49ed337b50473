"""A Bluesky network on this machine: PDS and PLC directory of npm's @atproto/dev-env, the AppView where it finds
PostgreSQL (LUOTSI_BLUESKY_POSTGRES, an address of an empty database) and Redis (LUOTSI_BLUESKY_REDIS, host:port)."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from helpdesk.connectors import http
from tests.platforms import PLATFORMS

FOLDER = PLATFORMS / "node"
NODE = shutil.which("node")
_PASSWORD = "a password of the test"


@dataclass(frozen=True, slots=True)
class Network:
    """Where it answers."""

    url: str
    has_app_view: bool


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account there, who uses another program than the desk."""

    url: str
    did: str
    handle: str
    token: str

    @property
    def password(self) -> str:
        return _PASSWORD

    def post(self, text: str, **fields: Any) -> dict[str, str]:
        """A post; its uri and cid."""
        record = {"$type": "app.bsky.feed.post", "text": text, "createdAt": datetime.now(UTC).isoformat(), **fields}
        values = {"repo": self.did, "collection": "app.bsky.feed.post", "record": record}
        told = call(self.url, "com.atproto.repo.createRecord", values, token=self.token)
        return {"uri": told["uri"], "cid": told["cid"]}

    def mention(self, other: "Person", text: str, **fields: Any) -> dict[str, str]:
        """A post that begins with somebody's name."""
        name = f"@{other.handle}"
        feature = {"$type": "app.bsky.richtext.facet#mention", "did": other.did}
        facet = {"index": {"byteStart": 0, "byteEnd": len(name)}, "features": [feature]}
        return self.post(f"{name} {text}", facets=[facet], **fields)

    def delete(self, uri: str) -> None:
        values = {"repo": self.did, "collection": "app.bsky.feed.post", "rkey": uri.rpartition("/")[2]}
        call(self.url, "com.atproto.repo.deleteRecord", values, token=self.token)

    def posts(self) -> list[dict[str, Any]]:
        """All of this person's posts, newest key first."""
        query = {"repo": self.did, "collection": "app.bsky.feed.post", "limit": "100"}
        return list(call(self.url, "com.atproto.repo.listRecords", query=query)["records"])

    def sees(self, post: dict[str, str]) -> bool:
        """Whether the AppView knows a post. It forgets whom to tell of an answer that it gets to know before that."""
        query = {"uris": post["uri"]}
        return bool(call(self.url, "app.bsky.feed.getPosts", query=query, token=self.token)["posts"])

    def hears(self) -> list[dict[str, Any]]:
        """What the AppView tells this person."""
        return list(
            call(self.url, "app.bsky.notification.listNotifications", query={}, token=self.token)["notifications"]
        )


def call(
    url: str, name: str, values: Any = None, *, query: dict[str, str] | None = None, token: str = ""
) -> dict[str, Any]:
    answer = http.send(
        "POST" if values is not None else "GET",
        f"{url}/xrpc/{name}" + (f"?{urlencode(query)}" if query else ""),
        headers={"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {}),
        body=json.dumps(values).encode() if values is not None else b"",
    )
    assert answer.is_good, answer.body
    return dict(answer.json()) if answer.body else {}


def join(network: Network, name: str) -> Person:
    """A new account."""
    values = {"email": f"{name}@mail.example", "handle": f"{name}.test", "password": _PASSWORD}
    told = call(network.url, "com.atproto.server.createAccount", values)
    return Person(network.url, told["did"], told["handle"], told["accessJwt"])


@contextmanager
def run_bluesky(folder: Path) -> Iterator[Network]:
    """The network, until the block ends."""
    postgres, redis = (os.environ.get(f"LUOTSI_BLUESKY_{name}", "") for name in ("POSTGRES", "REDIS"))  # noqa: TID251
    own = {"PATH": os.environ["PATH"], "NODE_ENV": "test"}  # noqa: TID251 - what node needs to run at all
    if postgres and redis:
        own |= {"DB_POSTGRES_URL": postgres, "DB_POSTGRES_SCHEMA": "luotsi", "REDIS_HOST": redis}
    script = FOLDER / "bluesky_server.mjs"
    shutil.copy(Path(__file__).with_name(script.name), script)  # node looks for packages beside the script
    log = (folder / "bluesky.log").open("wb")
    command = [NODE or "node", str(script)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=FOLDER, env=own)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (folder / "bluesky.log").read_text()
        told = json.loads(line)
        yield Network(told["pds"], told["hasAppView"])
    finally:
        process.terminate()
        process.communicate(timeout=20)
        log.close()
