"""More than can be stored at a time: who cannot be served is told so at once, and nothing that was accepted is lost."""

import asyncio
import json
import re
import resource
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from appealbridge.engine.intake.intake import MOST_WAITING
from appealbridge.store.sqlite.control import read_control
from tests.stories import staging
from tests.stories.processes import daemon, until

CROWD = 3000
SENT_AWAY = 500
"""So many have to be sent away before the writer may go on."""

MEMORY_MB = 100
"""How much 3,000 connections and 2,000 requests that wait may take; the unit allows 384 MB in all."""

HELD = staging.TWEET.replace("approval: none\n", "")


@pytest.fixture(autouse=True)
def enough_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * CROWD:
        pytest.skip(f"this machine lets nobody open {2 * CROWD} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def memory_mb(pid, what):
    lines = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+)", lines)[1]) / 1024


class Crowd:
    """Many senders, each with a connection of its own."""

    def __init__(self, url):
        host, port = re.fullmatch(r"http://(.+):(\d+)", url).groups()
        self.address = host, int(port)
        self.answers = {}

    async def sends(self, number):
        """Send one request and keep the status of its answer, and the headers with it."""
        body = json.dumps({"type": "incident", "subject": f"INC-{number}", "text": "M6"}).encode()
        headers = staging.signed(f"msg_{number}", time.time(), body)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        reader, writer = await asyncio.open_connection(*self.address)
        try:
            writer.write(
                f"POST /hooks/desk HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            answer = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.answers[number] = (int(answer.split()[1]), answer.lower())
        finally:
            writer.close()

    def with_status(self, status):
        return {number for number, (code, _) in self.answers.items() if code == status}


async def test_a_crowd_before_a_store_that_stalls_is_served_or_sent_away_and_none_is_lost(tmp_path):
    """The store stalls because another program holds it, as a clumsy backup would."""
    stage = staging.build(tmp_path / "s", "http://127.0.0.1:1", "smtp://127.0.0.1:1", {"t": HELD})
    async with daemon(stage) as running:
        assert await running.ready()
        crowd = Crowd(read_control(stage.store).url)
        idle = memory_mb(running.process.pid, "VmRSS")
        with closing(sqlite3.connect(stage.store, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            senders = [asyncio.create_task(crowd.sends(number)) for number in range(CROWD)]

            async def sent_away():
                return len(crowd.with_status(503)) >= SENT_AWAY

            await until(sent_away, "answers of 503")
            assert (await running.ask("GET", "/healthz"))[0] == 200
            other.execute("ROLLBACK")
        await asyncio.gather(*senders)

        accepted, refused = crowd.with_status(202), crowd.with_status(503)
        assert accepted | refused == set(range(CROWD))
        assert len(accepted) <= MOST_WAITING * 1.5
        assert len(accepted) > MOST_WAITING / 4
        assert all("\r\nretry-after: " in crowd.answers[number][1] for number in refused)
        assert memory_mb(running.process.pid, "VmHWM") - idle < MEMORY_MB

        # All of them come again, as they were asked to, and now there is room for them.
        again = Crowd(read_control(stage.store).url)
        for first in range(0, CROWD, 100):
            await asyncio.gather(*(again.sends(number) for number in range(first, first + 100)))
        assert again.with_status(200) == accepted  # they were stored
        assert again.with_status(202) == refused  # and of these was nothing
        assert len([line for line in running.lines if '"event":"overloaded"' in line]) == 1
        assert (await running.ask("GET", "/readyz"))[0] == 200


async def test_the_usual_bound_on_open_files_is_no_bound_on_senders(tmp_path):
    stage = staging.build(tmp_path / "s", "http://127.0.0.1:1", "smtp://127.0.0.1:1", {"t": HELD})

    def few_files():
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        )

    async with daemon(stage, before=few_files) as running:
        assert await running.ready()
        crowd = Crowd(read_control(stage.store).url)
        host, port = crowd.address
        silent = [await asyncio.open_connection(host, port) for _ in range(400)]
        await crowd.sends(1)
        assert crowd.with_status(202) == {1}
        for _, writer in silent:
            writer.close()
