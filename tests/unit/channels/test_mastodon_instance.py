"""What a Mastodon server allows is what it says itself, and otherwise what Mastodon allows as it comes."""

import pytest

from appealbridge.channels.mastodon.channel import Mastodon
from appealbridge.channels.mastodon.instance import INSTANCES, UNKNOWN, Instance
from appealbridge.plugin.text import mastodon_length
from appealbridge.testing.server import ScriptedServer

mastodon = Mastodon()
ME = (200, {"id": "42", "acct": "force"})
APPLICATION = (200, {"scopes": ["read", "write"]})
LIMITS = {
    "statuses": {
        "max_characters": 5000,
        "max_media_attachments": 6,
        "characters_reserved_per_url": 30,
    },
    "media_attachments": {
        "description_limit": 900,
        "image_size_limit": 8_000_000,
        "image_matrix_limit": 9_000_000,
    },
}


@pytest.fixture
async def server():
    async with ScriptedServer() as server:
        yield server


@pytest.fixture
def account(server):
    return mastodon.account.model_validate(
        {"api": server.url, "credentials": {"access_token": "token"}}
    )


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(INSTANCES, "_known", {})


def measured(account, text):
    return mastodon.measure(account, mastodon.message(text=text))


async def test_until_a_server_has_said_its_limits_a_post_has_500_characters(account):
    assert measured(account, "a" * 500).fits
    assert not measured(account, "a" * 501).fits


async def test_the_limits_are_those_that_the_server_says(server, account, tools):
    server.answers(ME, APPLICATION, (200, {"configuration": LIMITS}))
    await mastodon.check(account, tools)
    assert server.requests[2].path == "/api/v2/instance"
    measure = measured(account, "see https://example.org/a")
    assert (measure.count, measure.limit) == (34, 5000)
    rules = mastodon.image_rules(account)
    assert (rules.most, rules.alt_length) == (6, 900)
    assert (rules.limits.max_bytes, rules.limits.max_pixels) == (8_000_000, 9_000_000)


async def test_what_the_settings_say_overrules_the_server(server, account, tools):
    server.answers(ME, APPLICATION, (200, {"configuration": LIMITS}))
    await mastodon.check(account, tools)
    assert measured(account.model_copy(update={"max_characters": 700}), "a").limit == 700


@pytest.mark.parametrize(
    "answer",
    [
        (404, {"error": "Not Found"}),
        (503, ""),
        (200, "<html>"),
        (200, []),
        (200, {"configuration": None}),
        (200, {"configuration": {"statuses": {"max_characters": 0}}}),
        (200, {"configuration": {"statuses": {"max_characters": True}}}),
        (200, {"configuration": {"statuses": {"max_characters": "5000"}}}),
    ],
)
async def test_a_server_that_does_not_say_them_keeps_those_of_before(
    server, account, tools, answer
):
    server.answers(ME, APPLICATION, answer)
    assert await mastodon.check(account, tools) == "@force"
    assert INSTANCES.of(account.api) == UNKNOWN


def test_a_link_counts_what_the_server_says():
    assert mastodon_length("https://example.org/a", 30) == 30
    assert Instance().link_length == 23
