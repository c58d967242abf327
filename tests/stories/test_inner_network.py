"""What inside the network may be reached is said in the settings, and nothing a stranger says leads there."""

import socket

import pytest

from appealbridge.testing.server import ScriptedServer
from tests.proxying import PracticeProxy

RSS = """<rss version="2.0"><channel><title>N</title>
<item><guid>1</guid><title>Road closed</title></item>
</channel></rss>"""
HEADERS = {"Content-Type": "application/rss+xml"}

NEWS = """
alias: News
triggers: [{ trigger: feed, feed: news, on: [new, changed] }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.data.title }}" }
approval: none
"""

TOLD = """
people:
  dana: { email: dana@example.police.uk }
notices: { to: [dana] }
"""


@pytest.fixture
async def inner():
    async with ScriptedServer((200, RSS, HEADERS)) as server:
        yield server


def leads_here(host, *rest, **how):
    """Answer as a name server does that leads some names to this machine."""
    return socket.getaddrinfo("127.0.0.1" if str(host).endswith(".example") else host, *rest, **how)


def knows_nothing_outside(host, *rest, **how):
    """Answer as a name server of a network whose proxy looks up everything outside."""
    if str(host).endswith(".example"):
        raise socket.gaierror(socket.EAI_NONAME, "not known here")
    return socket.getaddrinfo(host, *rest, **how)


async def begins(story, url, more="", *, lookup=leads_here):
    """Begin with one feed, whose name leads to this machine."""
    story.lookup = lookup
    await story.begins({})
    with story.stage.config.open("a") as settings:
        settings.write(
            f"feeds: {{ news: {{ url: '{url}', every: 60s, backfill: 1 }} }}\n{TOLD}{more}"
        )
    story.stage.recipe("news", NEWS)
    await story.restarts()


async def test_a_feed_whose_name_leads_inside_is_not_read_until_the_settings_allow_it(story, inner):
    port = inner.url.rpartition(":")[2]
    await begins(story, f"http://news.example:{port}/rss")
    await story.until(lambda: story.logged("source_down"))
    (down,) = story.logged("source_down")
    assert f'add "news.example:{port}" to inside: in appealbridge.yaml' in down["reason"]
    # People are told at the first look: no later one can do better.
    await story.until(lambda: any("to inside:" in mail for mail in story.posts("email")), passing=1)
    await story.clock.passes(minutes=10)
    assert inner.requests == []
    with story.stage.config.open("a") as settings:
        settings.write(f"inside: ['news.example:{port}']\n")
    assert (await story.bridge.reload())["problems"] == []
    await story.until(lambda: story.posts("x") == ["Road closed"], passing=5)
    assert story.logged("source_back")


async def test_a_feed_that_begins_to_point_inside_is_not_followed(story, inner):
    async with ScriptedServer((302, "", {"Location": f"{inner.url}/secret"})) as outer:
        await begins(story, f"{outer.url}/rss")
        await story.until(lambda: story.logged("source_down"))
        await story.clock.passes(minutes=5)
        assert outer.requests
        assert inner.requests == []
        assert "inside your network" in story.logged("source_down")[0]["reason"]


MAIL = """
alias: Mail
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: email, channel: press_office, to: desk@example.org, subject: News, text: "{{ event.data.text }}" }
approval: none
"""
TWO_SERVERS = """\
press_office: { platform: email, smtp: "smtp://mail.example:PORT", sender: press@example.police.uk }
spare: { platform: email, smtp: SMTP, sender: press@example.police.uk }
"""


async def test_what_is_for_an_account_inside_waits_and_goes_out_once_the_settings_allow_it(story):
    story.lookup = leads_here
    await story.begins({"mail": MAIL})
    port = story.sandbox.smtp_url.rpartition(":")[2]
    story.stage.configure(TWO_SERVERS.replace("PORT", port))
    config = story.stage.config
    lines = [line for line in config.read_text().splitlines() if not line.startswith("practice:")]
    config.write_text("\n".join(lines) + TOLD)
    await story.restarts()
    await story.receives("Road closed")
    await story.until(lambda: story.posts("email"), passing=1)
    (mail,) = story.posts("email")
    assert f'add "mail.example:{port}" to inside:' in mail
    await story.clock.passes(minutes=30)
    (waiting,) = await story.deliveries(channel="press_office")
    assert waiting["state"] == "ready"
    assert waiting["attempts"] < 60, "it is tried less and less often"
    with config.open("a") as settings:
        settings.write(f"inside: ['mail.example:{port}']\n")
    assert (await story.bridge.reload())["problems"] == []
    await story.until(lambda: "Road closed" in story.posts("email"), passing=20)


async def test_a_feed_outside_is_read_through_the_proxy_and_its_refusal_is_told_at_once(
    story, inner
):
    place = inner.url.removeprefix("http://")
    async with PracticeProxy({"news.example:8080": place}, login="bridge:word") as proxy:
        await begins(
            story,
            "http://news.example:8080/rss",
            f"proxy: {proxy.url}\n",
            lookup=knows_nothing_outside,
        )
        await story.until(lambda: story.logged("source_down"))
        (down,) = story.logged("source_down")
        assert f"the proxy {proxy.url[7:]} wants a login (407)" in down["reason"]
        await story.until(
            lambda: any("wants a login" in mail for mail in story.posts("email")), passing=1
        )
        assert inner.requests == []
        proxy.login = ""
        await story.until(lambda: story.posts("x") == ["Road closed"], passing=10)
        assert {request.path for request in inner.requests} == {"/rss"}
        # What is published goes to the practice platforms, which are inside.
        assert {line.split()[1] for line in proxy.requests} == {"http://news.example:8080/rss"}


async def test_a_feed_whose_name_leads_inside_here_is_not_asked_for_at_the_proxy(story, inner):
    place = inner.url.removeprefix("http://")
    async with PracticeProxy({"news.example:8080": place}) as proxy:
        await begins(story, "http://news.example:8080/rss", f"proxy: {proxy.url}\n")
        await story.until(lambda: story.logged("source_down"))
        (down,) = story.logged("source_down")
        assert 'add "news.example:8080" to inside: in appealbridge.yaml' in down["reason"]
        assert proxy.requests == []
    assert inner.requests == []
