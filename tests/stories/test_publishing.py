"""From what happened to what the public reads, while nothing goes wrong on the way."""

from tests.stories import staging

APPEAL = """
alias: New appeal
triggers: [{ trigger: appeal, on: [new, updated, closed] }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.type }}: {{ appeal.title }}" }
  - { action: facebook_post, channel: force_facebook, text: "{{ appeal.title }}: {{ appeal.text }}" }
"""


async def test_a_new_appeal_waits_for_its_release_and_is_then_posted(story):
    await story.begins({"appeal": APPEAL})
    await story.until(lambda: story.logged("first_look"))

    story.stage.appeal(
        "A-1", story.clock.now(), title="Missing: Aisha, 14", text="Last seen in Digbeth."
    )
    held = await story.state(2, "held", passing=1)
    assert {each["hold"] for each in held} == {"approval"}
    await story.clock.passes(hours=20, step=1800)
    assert story.posts("x") == story.posts("facebook") == []

    for delivery in held:
        await story.releases(delivery)
    await story.state(2, "delivered")
    assert story.posts("x") == ["appeal.new: Missing: Aisha, 14"]
    assert story.posts("facebook") == ["Missing: Aisha, 14: Last seen in Digbeth."]


async def test_an_appeal_that_is_closed_and_opened_again_is_told_each_time(story):
    await story.begins({"appeal": APPEAL + "approval: none\n"})
    await story.until(lambda: story.logged("first_look"))
    values = {"title": "Missing: Aisha, 14", "text": "Last seen in Digbeth."}
    for count, change in enumerate(({}, {"status": "closed"}, {}), start=1):
        story.stage.appeal("A-1", story.clock.now(), **values, **change)
        await story.until(lambda: len(story.posts("x")) == count, passing=1)  # noqa: B023 - awaited here
    assert [text.partition(":")[0] for text in story.posts("x")] == [
        "appeal.new",
        "appeal.closed",
        "appeal.updated",
    ]


async def test_a_later_message_quotes_the_address_of_an_earlier_one(story):
    await story.begins({"everywhere": staging.EVERYWHERE})
    await story.receives("M6 closed")
    listed = await story.state(4, "delivered")
    tweet = next(row for row in listed if row["channel"] == "force_x")
    assert story.posts("email") == [f"It is on X at {tweet['receipt']['url']}"]


async def test_a_repeated_webhook_gets_the_first_id_and_changes_nothing(story):
    await story.begins({"tweet": staging.TWEET})
    status, first = await story.receives("M6 closed", message="msg_1")
    assert (status, first["recipes"]) == (202, 1)
    again = (200, {"event": first["event"]})
    await story.state(1, "delivered")
    assert await story.receives("M6 closed", message="msg_1") == again
    await story.restarts()
    assert await story.receives("M6 closed", message="msg_1") == again
    assert story.posts("x") == ["M6 closed"]


async def test_a_missing_field_fails_the_run_with_its_place_and_publishes_none_of_it(story):
    recipe = """
    alias: Incident
    triggers: [{ trigger: webhook, webhook_id: desk }]
    actions:
      - { action: facebook_post, channel: force_facebook, text: "{{ event.data.text }}" }
      - { action: tweet, channel: force_x, text: "{{ event.data.place }} closed" }
    approval: none
    """
    await story.begins({"incident": recipe})
    assert (await story.receives("M6 closed"))[0] == 202
    (run,) = await story.runs()
    assert run["state"] == "failed"
    assert "actions[1].text" in run["reason"]
    assert "place" in run["reason"]
    assert await story.deliveries() == []
    assert story.logged("run_failed")[0]["run_id"] == run["id"]


async def test_a_recipe_that_breaks_harms_no_other(story):
    """Whatever an event's values do to one recipe's expressions, the event is kept and the other recipe acts."""
    broken = {
        f"broken-{number}": f"""
        alias: Broken
        triggers: [{{ trigger: webhook, webhook_id: desk }}]
        actions:
          - {{ action: tweet, channel: force_x, text: "{expression}" }}
        approval: none
        """
        for number, expression in enumerate(
            (
                "{{ 1 // event.data.zero }}",
                "{{ event.data.text + event.data.zero }}",
                "{{ event.data.text.nothing.at.all }}",
                "{{ 'x' * 100000 }}",
                "{{ event.data.zero | shorten(3) }}",
            )
        )
    }
    await story.begins({**broken, "good": staging.TWEET})
    assert (await story.receives("M6 closed", zero=0))[0] == 202
    await story.until(lambda: story.posts("x"))
    await story.settles()
    assert story.posts("x")[-1] == "M6 closed"
    states = {run["recipe"]: run["state"] for run in await story.runs()}
    assert states.pop("good") == "planned"
    assert list(states.values()).count("failed") >= 4


async def test_messages_about_one_subject_keep_their_order_on_a_channel(story):
    await story.begins({"tweet": staging.TWEET})
    story.sandbox.faults.add("x", "http_503", 1, None)
    for text in ("M6 closed", "M6 still closed", "M6 open"):
        await story.receives(text, subject="M6")
    await story.receives("A38 closed", subject="A38")
    await story.until(lambda: len(story.posts("x")) == 4, passing=0.1)
    posts = story.posts("x")
    about_m6 = [text for text in posts if text.startswith("M6")]
    assert about_m6 == ["M6 closed", "M6 still closed", "M6 open"]
    assert posts[0] == "A38 closed"  # which waits for nobody else's subject


async def test_past_its_daily_cap_a_channel_holds_what_comes(story):
    capped = staging.CHANNELS.replace("{ platform: x }", "{ platform: x, daily_cap: 2 }")
    await story.begins({"tweet": staging.TWEET}, capped)
    for number in range(4):
        await story.receives(f"Incident {number}")
    listed = await story.state(4, "delivered", "held")
    assert [row["hold"] for row in listed].count("daily_cap") == 2
    assert len(story.posts("x")) == 2

    for delivery in listed:
        if delivery["state"] == "held":
            await story.releases(delivery)  # a person may let more out
    await story.state(4, "delivered", passing=0.1)
    assert len(story.posts("x")) == 4


async def test_what_waits_for_a_later_step_survives_a_restart(story):
    await story.begins({"everywhere": staging.EVERYWHERE})
    story.sandbox.faults.add("x", "http_503", 1, None)
    await story.receives("M6 closed")
    await story.until(lambda: story.logged("deferred"))
    await story.restarts()
    await story.state(4, "delivered", passing=0.1)
    assert len(story.posts("x")) == len(story.posts("email")) == 1
