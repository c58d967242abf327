"""Threads: every post once, each in answer to the one before, whatever happens between two of them."""

import pytest

from tests.stories import staging
from tests.stories.test_outages import fails

HEAD = "triggers: [{ trigger: webhook, webhook_id: desk }]\n"
THREAD = f"""{HEAD}
actions:
  - action: tweet
    id: first
    channel: force_x
    text: "{{{{ event.data.text }}}}"
    overflow: thread
  - action: facebook_post
    channel: force_facebook
    text: "More on X: {{{{ results.first.url }}}}"
approval: none
"""
HELD = THREAD.replace("approval: none\n", "")
MASTODON = f"""{HEAD}
actions:
  - action: mastodon_post
    channel: force_mastodon
    text: "{{{{ event.data.text }}}}"
    thread: ["We will tell you more here.", "{{{{ event.data.more }}}}"]
  - action: mastodon_post
    channel: force_mastodon
    after: mastodon_post
    text: The end
    in_reply_to: "{{{{ results.mastodon_post.url }}}}"
approval: none
"""
SENTENCES = [
    f"{phrase} is closed after a collision, and traffic is very slow on every road around it."
    for phrase in (
        "The M6 northbound",
        "The M6 southbound",
        "The A38(M)",
        "The M5 at West Bromwich",
    )
    for _ in range(2)
]
TEXT = " ".join(SENTENCES)


def chain(story, platform="x"):
    """Return the texts of a thread from its first post on, by what answers what."""
    posts = [post.shown() for post in story.sandbox.shelf.everything()]
    posts = [post for post in posts if post["platform"] == platform]
    by_answered = {post.get("in_reply_to"): post for post in posts}
    assert len(by_answered) == len(posts)  # no post is answered twice, and only one answers none
    texts, at = [], None
    while at in by_answered:
        post = by_answered[at]
        texts.append(post["text"])
        at = post["id"]
    assert len(texts) == len(posts)
    return texts


def whole(texts):
    """Check the numbers of the posts, and return what they say together."""
    ends = [f" ({n}/{len(texts)})" for n in range(1, len(texts) + 1)]
    assert all(text.endswith(end) for text, end in zip(texts, ends, strict=True))
    return " ".join(text.removesuffix(end) for text, end in zip(texts, ends, strict=True))


async def test_a_text_that_is_too_long_becomes_a_thread(story):
    await story.begins({"thread": THREAD})
    await story.receives(TEXT)
    await story.state(5, "delivered")
    texts = chain(story)
    assert len(texts) == 4
    assert whole(texts) == TEXT
    (facebook,) = story.posts("facebook")
    first = next(post for post in story.sandbox.shelf.everything() if post.text == texts[0])
    assert facebook.endswith(first.id)


async def test_a_text_that_fits_is_one_post_without_a_number(story):
    await story.begins({"thread": THREAD})
    await story.receives(SENTENCES[0])
    await story.state(2, "delivered")
    assert story.posts("x") == [SENTENCES[0]]


@pytest.mark.parametrize("fault", ["post_then_reset", "post_then_500", "truncated", "refuse"])
async def test_a_lost_answer_in_the_middle_leaves_no_post_out_and_none_twice(story, fault):
    await story.begins({"thread": HELD})
    await story.receives(TEXT)
    deliveries = await story.state(4, "held", "planned")
    fails(story, "x", "slow", count=1, seconds=1)
    await story.releases(deliveries[0])
    await story.until(lambda: story.posts("x"))
    fails(story, "x", fault, count=1)
    await story.until(lambda: len(story.posts("x")) >= 4, passing=0.5)
    await story.until(lambda: _delivered(story, 4), passing=0.5)
    assert whole(chain(story)) == TEXT


async def _delivered(story, count):
    listed = await story.deliveries(channel="force_x", state="delivered")
    return len(listed) == count


async def test_a_thread_goes_on_after_a_restart(story):
    await story.begins({"thread": THREAD})
    fails(story, "x", "http_503", seconds=60)
    await story.receives(TEXT)
    await story.until(lambda: story.logged("deferred"))
    await story.restarts()
    await story.clock.passes(minutes=2)
    await story.until(lambda: _delivered(story, 4), passing=1)
    assert whole(chain(story)) == TEXT


async def test_who_approves_a_thread_sees_all_of_it_and_is_asked_once(story):
    await story.begins({"thread": HELD})
    await story.receives(TEXT)
    first, *others = await story.state(4, "held", "planned")
    assert [each["state"] for each in others] == ["planned"] * 3
    assert [each["content"]["text"] for each in others] == first["content"]["thread"]
    assert whole([first["content"]["text"], *first["content"]["thread"]]) == TEXT
    await story.releases(first)
    await story.until(lambda: _delivered(story, 4))
    assert whole(chain(story)) == TEXT
    for row in await story.deliveries(channel="force_x"):
        assert row["content"]["in_reply_to"] is None  # what was approved stays as it was


async def test_behind_a_post_that_is_called_off_the_rest_of_its_thread_is_too(story):
    await story.begins({"thread": HELD})
    await story.receives(TEXT)
    first, *_ = await story.state(4, "held", "planned")
    status, _ = await story.asks("POST", f"/deliveries/{first['number']}/cancel?reason=wrong+road")
    assert status == 200
    _, *others = await story.state(4, "cancelled")
    reasons = {each["reason"] for each in others}
    assert all("the post before it in the thread is cancelled" in each for each in reasons)
    assert all("wrong road" in each for each in reasons)

    async def over():
        return [run for run in await story.runs() if run["state"] == "planned"]

    await story.until(over)


async def test_behind_a_post_that_is_called_off_in_the_middle_nothing_more_is_published(story):
    await story.begins(
        {"thread": HELD}, staging.CHANNELS.replace("platform: x }", "platform: x, daily_cap: 1 }")
    )
    await story.receives(TEXT)
    deliveries = await story.state(4, "held", "planned")
    await story.releases(deliveries[0])

    async def second():
        return await story.deliveries(channel="force_x", hold="daily_cap")

    (held,) = await story.until(second)
    assert held["id"] == deliveries[1]["id"]
    status, _ = await story.asks("POST", f"/deliveries/{held['number']}/cancel?reason=wrong+road")
    assert status == 200
    listed = await story.deliveries(channel="force_x")
    assert [row["state"] for row in listed] == ["delivered", *["cancelled"] * 3]
    assert listed[2]["reason"] == "the post before it in the thread is cancelled: wrong road"
    assert len(story.posts("x")) == 1


async def test_a_later_event_about_the_same_subject_waits_behind_the_whole_thread(story):
    await story.begins({"thread": THREAD})
    fails(story, "x", "http_503", seconds=30)
    await story.receives(TEXT, subject="M6")
    await story.receives("The M6 is open again", subject="M6")
    await story.until(lambda: len(story.posts("x")) == 5, passing=1)
    assert story.posts("x")[-1] == "The M6 is open again"


@pytest.mark.parametrize(("fault", "count"), [("post_then_reset", 1), ("post_then_500", 4)])
async def test_a_thread_written_out_and_a_later_answer_to_it_on_mastodon(story, fault, count):
    await story.begins({"thread": MASTODON})
    fails(story, "mastodon", fault, count=count)
    await story.receives("M6 closed", more="It is open again.")
    await story.state(4, "delivered", passing=1)
    posts = {post.text: post for post in story.sandbox.shelf.everything()}
    assert len(posts) == len(story.posts("mastodon")) == 4
    begin = posts["M6 closed"]
    assert posts["We will tell you more here."].more["in_reply_to"] == begin.id
    result = posts["We will tell you more here."].id
    assert posts["It is open again."].more["in_reply_to"] == result
    assert posts["The end"].more["in_reply_to"] == begin.id
