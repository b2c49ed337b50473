"""Runs in the environment of lo-bot-api-emulator: its Bot API on a free port, whose address is the line that it prints.

``GET /__sent`` is what a customer's program would show: what the server has answered to calls that send.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from lo_bot_api_emulator import LoBotApiEmulator

SENT = web.AppKey("SENT", list[dict[str, Any]])


async def _keep_what_is_sent(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    answer = await handler(request)
    method = request.match_info.get("method", "")
    if method.startswith("send") and answer.status == 200 and isinstance(answer, web.Response):
        request.config_dict[SENT].append({"method": method, **json.loads(answer.text or "")["result"]})
    return answer


async def _sent(request: web.Request) -> web.Response:
    return web.json_response(request.config_dict[SENT])


async def _serve() -> None:
    app = LoBotApiEmulator(enable_control=True, allow_insecure_loopback_webhooks=True, max_bots=100).app()
    app.middlewares.append(web.middleware(_keep_what_is_sent))
    app[SENT] = []
    app.router.add_get("/__sent", _sent)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
