"""What hangs outside, a share or a name server, delays what depends on it and no post."""

import json
import socket
import threading

import aiohttp
import pytest

from appealbridge.clock import SystemClock
from appealbridge.daemon.bridge import Bridge
from appealbridge.practice.app import Sandbox
from appealbridge.triggers.appeal import trigger
from tests.stories import staging

SHARES, FEEDS = 6, 40
PATIENCE = 30.0

CLOCK = SystemClock()


class Outside:
    """Shares and name servers of which those of the sources never answer while a test goes on."""

    def __init__(self):
        self.over = threading.Event()
        self.waiting = set()

    def read(self, folder, now, *, first):
        """Read a folder of case files, as on a share."""
        self.waiting.add(str(folder))
        self.over.wait()
        return [], {}

    def lookup(self, host, *args, **more):
        """Ask name servers, those of the feeds' names among them."""
        if str(host).endswith(".example"):
            self.waiting.add(host)
            self.over.wait()
        return socket.getaddrinfo(host, *args, **more)


@pytest.fixture
def outside(monkeypatch):
    outside = Outside()
    monkeypatch.setattr(trigger, "read_appeals", outside.read)
    yield outside
    outside.over.set()


async def test_shares_and_name_servers_that_hang_delay_no_post(tmp_path, outside):
    async with Sandbox() as sandbox, aiohttp.ClientSession() as session:
        practice = sandbox.url.replace("127.0.0.1", "localhost")
        stage = staging.build(tmp_path / "s", practice, sandbox.smtp_url, {"t": staging.TWEET})
        with stage.config.open("a") as settings:
            settings.write("appeals:\n")
            for number in range(SHARES):
                settings.write(f"  share-{number}: {{ folder: share-{number}, every: 30s }}\n")
            settings.write("feeds:\n")
            for number in range(FEEDS):
                url = f"https://feed-{number}.example/rss"
                settings.write(f"  feed-{number}: {{ url: '{url}', every: 30s }}\n")
        async with Bridge(stage.config, lookup=outside.lookup) as bridge:
            # All shares, and as many names as may be asked for at a time.
            await until(lambda: len(outside.waiting) > SHARES + 1)
            body = json.dumps(
                {"type": "incident", "subject": "INC-1", "text": "Road closed"}
            ).encode()
            headers = staging.signed("msg_1", CLOCK.now(), body)
            url = f"{bridge.url}/hooks/desk"
            async with session.post(url, data=body, headers=headers) as answer:
                assert answer.status == 202
            await until(lambda: [*sandbox.shelf.everything()])
            assert not outside.over.is_set()
            outside.over.set()


async def until(happened):
    end = CLOCK.monotonic() + PATIENCE
    while not happened():
        assert CLOCK.monotonic() < end, "waited in vain"
        await CLOCK.sleep(0.01)
