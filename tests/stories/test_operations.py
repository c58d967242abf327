"""What an operator has done about deliveries: each verb, and what it refuses."""

from urllib.parse import quote

from appealbridge.practice.faults import FaultName
from tests.stories import staging

MAIL = """\
alias: Mail
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: email, id: mail, channel: press_office, to: a@example.org, subject: News, text: "{{ event.data.text }}" }
  - { action: tweet, channel: force_x, text: "{{ event.data.text }} {{ results.mail.url }}" }
approval: none
"""


async def test_a_person_who_found_the_message_confirms_it_and_later_steps_go_on(story):
    await story.begins({"mail": MAIL})
    story.sandbox.faults.add("email", FaultName.POST_THEN_RESET, 1, None)
    await story.receives("M6 closed")
    await story.state(1, "unknown", "held", passing=1)
    (held,) = await story.state(1, "held", passing=1)
    assert held["hold"] == "unknown"
    url = "https://mail.example/17"
    status, answer = await story.asks(
        "POST", f"/deliveries/{held['number']}/confirm?url={quote(url)}"
    )
    assert (status, answer["state"], answer["receipt"]["url"]) == (200, "delivered", url)
    await story.state(2, "delivered", passing=1)
    assert len(story.posts("email")) == 1
    assert story.posts("x") == [f"M6 closed {url}"]


async def test_only_what_nobody_knows_can_be_confirmed(story):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("M6 closed")
    (delivered,) = await story.state(1, "delivered")
    status, answer = await story.asks("POST", f"/deliveries/{delivered['number']}/confirm")
    assert status == 409
    assert "is delivered" in answer["detail"]


async def test_who_answers_what_was_never_asked_learns_how_it_is(story):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("M6 closed")
    (delivered,) = await story.state(1, "delivered")
    status, answer = await story.asks("GET", f"/deliveries/{delivered['number']}/question")
    assert status == 404
    assert answer["detail"] == "delivery 1 is delivered, and nothing is asked about it"


async def test_the_address_of_another_post_is_not_taken_for_that_of_its_copy(story):
    """Two posts about a subject may look alike."""
    await story.begins({"mail": MAIL.replace("  - { action: tweet", "  # - { action: tweet")})
    story.sandbox.faults.add("email", FaultName.POST_THEN_RESET, 2, None)
    for text in ("M6 closed", "M6 still closed"):
        await story.receives(text, subject="M6")
    first, second = sorted(each["number"] for each in await story.state(2, "held", passing=1))
    url = "https://mail.example/17"
    assert (await story.asks("POST", f"/deliveries/{first}/confirm?url={quote(url)}"))[0] == 200
    for same in (url, f"{url}/"):
        status, refusal = await story.asks(
            "POST", f"/deliveries/{second}/confirm?url={quote(same)}"
        )
        assert status == 409
        assert f"is the post of delivery {first};" in refusal["detail"]
    other = quote("https://mail.example/18")
    assert (await story.asks("POST", f"/deliveries/{second}/confirm?url={other}"))[0] == 200


async def test_everything_that_failed_is_tried_again_in_one_go(story):
    await story.begins({"mail": MAIL.replace("  - { action: tweet", "  # - { action: tweet")})
    story.sandbox.faults.add("email", FaultName.POST_THEN_500, 3, None)
    for number in range(4):
        await story.receives(f"M{number} closed")
    await story.state(4, "failed", "delivered")
    failed = await story.deliveries(state="failed")
    assert len(failed) == 3
    await story.clock.passes(hours=3)
    assert await story.asks("POST", f"/retry?since={story.clock.now() - 60}") == (200, [])
    status, answer = await story.asks("POST", "/retry")
    assert status == 200
    assert {each["id"] for each in answer} == {each["id"] for each in failed}
    await story.state(4, "delivered")
    assert {row["attempts"] for row in await story.deliveries()} == {1, 2}


async def test_a_time_that_is_none_is_said(story):
    await story.begins({"tweet": staging.TWEET})
    status, answer = await story.asks("POST", "/retry?since=yesterday")
    assert status == 422
    assert "Unix seconds" in answer["detail"]


async def test_the_log_says_who_released_retried_or_cancelled(story):
    await story.begins({"tweet": staging.TWEET.replace("approval: none\n", "")})
    await story.receives("M6 closed")
    await story.receives("M6 open")
    first, second = await story.state(2, "held")
    assert (await story.asks("POST", f"/deliveries/{first['number']}/release?by=ann"))[0] == 200
    assert (await story.asks("POST", f"/deliveries/{second['number']}/cancel?by=ben"))[0] == 200
    assert [each["by"] for each in story.logged("released")] == ["ann"]
    assert [each["by"] for each in story.logged("cancelled")] == ["ben"]
