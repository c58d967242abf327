"""A post on a WordPress site that others link to: published once, whatever happens, and taken back."""

import threading

import pytest

from appealbridge.channels.email import channel as mail
from appealbridge.channels.wordpress import post
from tests.stories.test_outages import fails
from tests.stories.test_withdrawals import withdraws

CHANNELS = """\
newsroom: { platform: wordpress, api: "https://news.example" }
force_x: { platform: x }
"""
BLOG = """
alias: Appeal
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - action: wordpress_post
    id: blog
    channel: newsroom
    title: "{{ event.data.text }}"
    body: "<p>{{ event.data.text }}</p>"
    tags: [Digbeth]
  - { action: tweet, channel: force_x, text: "{{ event.data.text }} {{ results.blog.url }}" }
approval: none
"""


async def test_a_later_step_has_the_address_of_the_post(story):
    await story.begins({"blog": BLOG}, CHANNELS)
    await story.receives("Missing: <Aisha>, 14")
    blog, tweet = sorted(
        await story.state(2, "delivered"), key=lambda each: each["action"], reverse=True
    )
    assert story.posts("wordpress") == ["Missing: <Aisha>, 14"]
    (post,) = story.posts("x")
    assert post.startswith("Missing: <Aisha>, 14 http://127.0.0.1")
    assert "aisha" not in post.lower().partition("http")[2]
    assert blog["receipt"]["url"] in post
    assert tweet["state"] == "delivered"


@pytest.mark.parametrize(
    ("fault", "how"),
    [
        ("post_then_reset", {"count": 1}),
        ("post_then_500", {"count": 1}),
        ("post_then_hang", {"count": 1}),
        ("truncated", {"count": 3}),
        ("refuse", {"count": 4}),
        ("late_post", {"count": 1, "seconds": 20}),
        ("late_post", {"count": 1, "seconds": 90}),
        ("html", {"seconds": 300}),
        ("http_503", {"seconds": 300}),
        ("http_429", {"count": 1, "seconds": 30}),
        ("token_expired", {"seconds": 60}),
        ("suspended", {"seconds": 60}),
        ("read_only", {"count": 1}),
    ],
)
async def test_whatever_fails_there_is_one_post_and_one_that_links_to_it(story, fault, how):
    await story.begins({"blog": BLOG}, CHANNELS)
    fails(story, "wordpress", fault, **how)
    await story.receives("M6 closed")
    await story.state(2, "delivered", passing=5)
    assert (story.posts("wordpress"), len(story.posts("x"))) == (["M6 closed"], 1)


async def test_a_post_is_gone_for_readers_when_its_withdrawal_says_so(story):
    await story.begins({"blog": BLOG}, CHANNELS)
    await story.receives("M6 closed", subject="APP-1")
    blog = max(await story.state(2, "delivered"), key=lambda each: each["action"])
    fails(story, "wordpress", "delete_lies", count=1)
    await withdraws(story, "APP-1")

    async def is_withdrawn():
        listed = await story.deliveries(channel="newsroom")
        return any(each["id"] == blog["id"] and each["state"] == "withdrawn" for each in listed)

    await story.until(is_withdrawn, passing=10)
    async with story.session.get(blog["receipt"]["url"]) as page:
        assert page.status == 404
    (post,) = (post for post in story.sandbox.shelf.everything() if post.platform == "wordpress")
    assert post.deleted_at


async def test_a_name_in_an_event_notifies_nobody_through_the_site(story):
    recipe = BLOG.replace(
        "<p>{{ event.data.text }}</p>", "<p>By @desk@police.example: {{ event.data.text }}</p>"
    )
    await story.begins({"blog": recipe}, CHANNELS)
    await story.receives("Ask @eve@bad.example")
    await story.state(2, "delivered")
    (shown,) = [
        each.shown()
        for each in story.sandbox.shelf.everything()
        if each.shown()["platform"] == "wordpress"
    ]
    assert shown["title"] == "Ask @ eve@bad.example"
    assert shown["content"] == "<p>By @desk@police.example: Ask @\u200aeve@bad.example</p>"


LONG = """
alias: Long
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: wordpress_post, id: a, channel: newsroom, title: A, body: "<p>{{ event.data.text }}</p>" }
  - { action: wordpress_post, id: b, channel: newsroom, title: B, text: "{{ event.data.text }}" }
  - { action: email, channel: press, to: a@example.org, subject: S, html: "<p>{{ event.data.text }}</p>" }
approval: none
"""


async def test_no_long_text_is_read_or_written_where_all_else_would_wait(story, monkeypatch):
    beside = []

    def watched(owner, name):
        whole = getattr(owner, name)

        def noted(*arguments, **more):
            beside.append((name, threading.current_thread() is not threading.main_thread()))
            return whole(*arguments, **more)

        monkeypatch.setattr(owner, name, noted)

    watched(post, "clean")
    watched(post, "linked")
    watched(mail, "compose")
    press = (
        "press: { platform: email, smtp: 'smtp://mail.example:587', sender: press@example.org }\n"
    )
    await story.begins({"long": LONG}, CHANNELS + press)
    beside.clear()  # at the start nothing has to wait
    await story.receives("https://a.example/ & " * 2000)
    await story.state(3, "delivered")
    assert {name for name, _ in beside} == {"clean", "linked", "compose"}
    assert [name for name, in_thread in beside if not in_thread] == []
