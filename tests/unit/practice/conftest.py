"""A practice sandbox on free ports, a clock that is turned by hand, and a client that speaks to it."""

import asyncio
from email.message import EmailMessage

import aiohttp
import aiosmtplib
import pytest
from oauthlib.oauth1 import Client as OAuth1

from appealbridge.practice import Sandbox


class HandClock:
    """Time that passes only when told to; every sleep passes it at once and is noted."""

    def __init__(self, at=1_790_000_000.0):
        self.at = at
        self.slept = []

    def now(self):
        return self.at

    def monotonic(self):
        return self.at

    def passes(self, seconds):
        self.at += seconds

    async def sleep(self, seconds):
        self.slept.append(seconds)
        await asyncio.sleep(0)

    async def wait(self, signal, seconds):
        raise NotImplementedError


class Caller:
    """Speaks to the sandbox as a channel does, and as a trainer does."""

    def __init__(self, sandbox, session):
        self.sandbox = sandbox
        self.session = session

    async def __call__(self, method, path, **options):
        async with self.session.request(method, self.sandbox.url + path, **options) as reply:
            reply.text_read = await reply.text(errors="replace")
            return reply

    async def json(self, method, path, **options):
        async with self.session.request(method, self.sandbox.url + path, **options) as reply:
            return await reply.json(content_type=None)

    async def posts(self, platform=None):
        shown = await self.json("GET", "/posts")
        return [post for post in shown if platform in (None, post["platform"])]

    async def fault(self, platform, fault, **options):
        requested = {"platform": platform, "fault": fault, **options}
        reply = await self("POST", "/faults", json=requested)
        assert reply.status == 201, reply.text_read

    async def tweet(self, text, account="force"):
        headers = {"Authorization": f"Bearer practice-{account}"}
        return await self("POST", "/x/2/tweets", json={"text": text}, headers=headers)

    async def page_post(self, text, **form):
        form = {"message": text, "access_token": "practice-page", **form}
        return await self("POST", "/facebook/v25.0/123456/feed", data=form)

    async def toot(self, text, key=None, account="force"):
        headers = {"Authorization": f"Bearer practice-{account}"} | (
            {"Idempotency-Key": key} if key else {}
        )
        form = {"status": text}
        return await self("POST", "/mastodon/api/v1/statuses", json=form, headers=headers)

    async def mail(
        self, text="Seen her?", to=("news@example.org",), login=False, picture=b"", **headers
    ):
        letter = EmailMessage()
        headers = {"From": "Press Office <press@example.police.uk>", "Subject": "Appeal", **headers}
        for name, value in headers.items():
            letter[name.replace("_", "-")] = value
        letter.set_content(text)
        if picture:
            letter.add_attachment(picture, maintype="image", subtype="png", filename="a.png")
        host, port = self.sandbox.smtp_url.removeprefix("smtp://").split(":")
        account = {"username": "press", "password": "x"} if login else {}
        return await aiosmtplib.send(
            letter, hostname=host, port=int(port), recipients=list(to), timeout=5, **account
        )

    def signed(self, method, path):
        client = OAuth1("key", "secret", "123456-abc", "token-secret")
        return client.sign(self.sandbox.url + path, http_method=method)[1]


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
async def sandbox(clock):
    async with Sandbox(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
async def call(sandbox):
    async with aiohttp.ClientSession() as session:
        yield Caller(sandbox, session)
