"""
The bare program: what a decent programmer writes in an hour when nothing has to survive.

It takes the webhook, answers 202, and forwards from memory with a bounded number of workers. No
signature, no store, no retry: whatever is in the queue when it dies is gone.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

import aiohttp
import orjson
import uvloop
from aiohttp import web

WORKERS = 64


async def _forward(queue: asyncio.Queue[Any], session: aiohttp.ClientSession, url: str) -> None:
    while True:
        event = await queue.get()
        post = {"status": f"{event['data']['title']} {event['id']}"}
        async with session.post(url, json=post) as answer:
            answer.raise_for_status()
            orjson.loads(await answer.read())


async def _serve(port: int, sink: str) -> None:
    queue: asyncio.Queue[Any] = asyncio.Queue()

    async def forward(request: web.Request) -> web.Response:
        queue.put_nowait(orjson.loads(await request.read()))
        return web.Response(status=202, text="accepted")

    async def accept(request: web.Request) -> web.Response:
        orjson.loads(await request.read())
        return web.Response(status=202, text="accepted")

    async def ready(request: web.Request) -> web.Response:
        return web.Response(text="ready")

    app = web.Application()
    app.router.add_post("/hooks/bench", forward)
    app.router.add_post("/accept", accept)
    app.router.add_get("/readyz", ready)
    runner = web.AppRunner(app, access_log=None)
    async with (
        aiohttp.ClientSession(
            headers={"Authorization": "Bearer bench"},
            json_serialize=lambda value: orjson.dumps(value).decode(),
            connector=aiohttp.TCPConnector(limit=WORKERS),
        ) as session,
        asyncio.TaskGroup() as tasks,
    ):
        for _ in range(WORKERS):
            tasks.create_task(_forward(queue, session, sink))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--sink", required=True)
    arguments = parser.parse_args()
    uvloop.run(_serve(arguments.port, arguments.sink))


if __name__ == "__main__":
    main()
