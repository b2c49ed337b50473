"""What Meta delivers, after the examples of its documentation, with ids, names and numbers of our own; and the proof.

Builders rather than files: each test says only what it is about.
"""

import hashlib
import hmac
import json
from typing import Any

APP_ID, APP_SECRET, TOKEN = "314159265358979", "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "EAAluotsi"
PAGE, PERSON = "100200300400500", "7270000000000001"
INSTAGRAM, FOLLOWER = "17841400000000001", "9180000000000002"
BUSINESS, NUMBER, PHONE, USER_ID = "220022002200220", "330033003300330", "358401234567", "FI.70123456789012345"
#: 12 March 2026, 08:15:30 UTC.
AT, AT_MS = 1773303330, 1773303330250


def body(value: Any) -> bytes:
    """As Meta writes it: letters beyond ASCII and slashes are escaped, and the signature is over these bytes."""
    return json.dumps(value).replace("/", "\\/").encode()


def signed(raw: bytes, *, secret: str = APP_SECRET) -> dict[str, str]:
    """Headers of a delivery, names in lower case."""
    return {"x-hub-signature-256": "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()}


def messaging(*events: Any, account: str = PAGE, kind: str = "page", listed: str = "messaging") -> bytes:
    """One delivery with events of one page or Instagram account."""
    return body({"object": kind, "entry": [{"id": account, "time": AT_MS, listed: list(events)}]})


def event(*, sender: str = PERSON, recipient: str = PAGE, **parts: Any) -> dict[str, Any]:
    """One event of a conversation."""
    return {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": AT_MS, **parts}


def echo(**message: Any) -> dict[str, Any]:
    """The page wrote."""
    return event(sender=PAGE, recipient=PERSON, message={"mid": "m_echo", "is_echo": True, **message})


def attachment(kind: str, **payload: Any) -> dict[str, Any]:
    """A message with one attachment."""
    return event(message={"mid": f"m_{kind}", "attachments": [{"type": kind, "payload": payload}]})


def change(field: str = "messages", number: str = NUMBER, **value: Any) -> dict[str, Any]:
    """One change of a WhatsApp account."""
    metadata = {"display_phone_number": "358207654321", "phone_number_id": number}
    return {"field": field, "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}


def whatsapp(*changes: Any) -> bytes:
    """One delivery about a WhatsApp account."""
    return body({"object": "whatsapp_business_account", "entry": [{"id": BUSINESS, "changes": list(changes)}]})


def written(kind: str = "text", content: Any = None, *, message_id: str = "wamid.one", **more: Any) -> dict[str, Any]:
    """A message of a customer, with the number and the id of who wrote it."""
    told = {"text": {"body": "Does it come in blue?"}} if content is None else {kind: content}
    sender = {"from": PHONE, "from_user_id": USER_ID}
    return {**sender, "id": message_id, "timestamp": str(AT), "type": kind, **told, **more}


def profile(name: str = "Liisa Laine", **more: Any) -> dict[str, Any]:
    """Whose message it is."""
    return {"profile": {"name": name, **more}, "wa_id": PHONE, "user_id": USER_ID}


def status(state: str, *, message_id: str = "wamid.ours", **more: Any) -> dict[str, Any]:
    """What became of a message of ours."""
    recipient = {"recipient_id": PHONE, "recipient_user_id": USER_ID}
    return {"id": message_id, "status": state, "timestamp": str(AT), **recipient, **more}
