"""What comes in the quiet hours waits for their end, unless it is a threat to life or a person releases it."""

from tests.stories import staging

QUIET = "\nholds: { quiet_hours: { between: ['11:00', '12:30'] } }\n"
"""A story begins at 11:06:40 in the time zone of its settings."""

THREAT = staging.TWEET.replace("force_x", "force_mastodon").replace("tweet", "mastodon_post")


async def begins(story, recipes, more=""):
    await story.begins(recipes)
    text = story.stage.config.read_text()
    story.stage.config.write_text(f"{text}{QUIET}{more}")
    await story.restarts()


async def test_a_post_waits_for_the_end_of_the_quiet_hours_and_goes_by_itself(story):
    await begins(story, {"tweet": staging.TWEET, "threat": f"{THREAT}threat_to_life: true\n"})
    await story.receives("M6 closed")
    await story.state(2, "ready", "delivered")
    await story.until(lambda: story.posts("mastodon"))
    (waiting,) = await story.until(lambda: story.deliveries(state="ready"))
    await story.settles()
    (waiting,) = await story.deliveries(state="ready")
    assert (waiting["holds"], waiting["reason"]) == (["time"], "quiet hours until 12:30 GMT")
    await story.clock.passes(hours=1)
    assert story.posts("x") == []
    await story.clock.passes(minutes=25)
    await story.state(2, "delivered", passing=1)
    assert story.posts("x") == ["M6 closed"]


async def test_a_person_may_release_it_and_others_go_on_waiting(story):
    await begins(story, {"tweet": staging.TWEET})
    for text in ("M6 closed", "M5 closed"):
        await story.receives(text)
    await story.settles()
    first, _ = await story.deliveries(state="ready")
    await story.releases(first)
    await story.state(2, "ready", "delivered", passing=1)
    await story.until(lambda: story.posts("x"))
    assert len(story.posts("x")) == 1
    (released,) = await story.until(lambda: story.deliveries(state="delivered"))
    _, trace = await story.asks("GET", f"/deliveries/{released['number']}")
    assert [each["act"] for each in trace["decisions"]] == ["release"]


async def test_people_are_told_at_once_of_what_will_expire_before_the_quiet_hours_end(story):
    people = "people:\n  dana: { email: dana@example.police.uk }\nnotices: { to: [dana] }\n"
    await begins(story, {"tweet": f"{staging.TWEET}publish_within: 30m\n"}, people)
    await story.receives("M6 closed")
    await story.until(lambda: story.posts("email"), passing=1)
    assert "publish_within ends before it may go out" in story.posts("email")[0]
    await story.until(lambda: story.deliveries(state="expired"), passing=60)
    assert story.posts("x") == []


async def test_quiet_hours_that_are_taken_out_of_the_settings_end_at_once(story):
    await begins(story, {"tweet": staging.TWEET})
    await story.receives("M6 closed")
    await story.settles()
    story.stage.config.write_text(story.stage.config.read_text().replace(QUIET, "\n"))
    await story.asks("POST", "/reload")
    await story.state(1, "delivered", passing=1)
