"""New recipes and settings while the daemon runs."""

import asyncio
import threading

from appealbridge.triggers.appeal.trigger import AppealTrigger
from tests.stories import staging

UNREADABLE = """
alias: Nobody understands this
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: tweeet, channel: force_x, text: "{{ event.data.text }}" }
"""


def says(word):
    return staging.TWEET.replace("{{ event.data.text }}", f"{word}: {{{{ event.data.text }}}}")


async def test_a_reload_swaps_the_recipes(story):
    await story.begins({"tweet": says("Before")})
    await story.receives("M6 closed")
    await story.until(lambda: story.posts("x"))
    story.stage.recipe("tweet", says("After"))
    story.stage.recipe(
        "page", says("Page").replace("tweet", "facebook_post").replace("_x", "_facebook")
    )
    status, answer = await story.asks("POST", "/reload")
    assert (status, answer["new"], answer["changed"]) == (200, ["page"], ["tweet"])
    await story.receives("M6 open")
    await story.state(3, "delivered")
    assert story.posts("x") == ["Before: M6 closed", "After: M6 open"]
    assert story.posts("facebook") == ["Page: M6 open"]


async def test_a_bad_recipe_is_quarantined_and_the_others_go_on(story):
    await story.begins({"good": says("Good")})
    story.stage.recipe("bad", UNREADABLE)
    _, answer = await story.asks("POST", "/reload")
    (file,) = answer["rejected"]
    assert file.endswith("bad.yaml")
    assert any("tweeet" in problem["text"] for problem in answer["problems"])
    assert story.logged("recipe_quarantined")
    await story.receives("M6 closed")
    await story.until(lambda: story.posts("x"))
    _, recipes = await story.asks("GET", "/recipes")
    assert sorted(each["state"] for each in recipes) == ["loaded", "quarantined"]


async def test_a_recipe_with_a_slip_of_the_pen_stays_as_it_was(story):
    await story.begins({"tweet": says("Before")})
    story.stage.recipe("tweet", UNREADABLE)
    _, answer = await story.asks("POST", "/reload")
    assert (answer["kept"], len(answer["rejected"])) == (["tweet"], 1)
    assert "unchanged because of errors: tweet" in answer["summary"]
    await story.receives("M6 closed")
    await story.until(lambda: story.posts("x"))
    assert story.posts("x") == ["Before: M6 closed"]

    story.stage.recipe("tweet", says("After"))
    _, answer = await story.asks("POST", "/reload")
    assert (answer["kept"], answer["rejected"], answer["changed"]) == ([], [], ["tweet"])
    await story.receives("M6 open")
    await story.state(2, "delivered")
    assert story.posts("x")[1] == "After: M6 open"


async def test_a_recipe_that_is_taken_away_is_gone(story):
    await story.begins({"tweet": says("Before")})
    (story.stage.recipes / "tweet.yaml").unlink()
    _, answer = await story.asks("POST", "/reload")
    assert (answer["gone"], answer["loaded"]) == (["tweet"], [])
    await story.receives("M6 closed")
    await story.settles()
    assert story.posts("x") == []


async def test_who_asks_for_a_reload_is_told_of_what_was_taken_when_it_was_saved(story):
    await story.begins({"tweet": says("Before")})
    story.stage.recipe("tweet", says("After"))
    await story.bridge.reload()
    for changed in (["tweet"], []):
        _, answer = await story.asks("POST", "/reload")
        assert answer["changed"] == changed


async def test_a_reload_tells_the_same_names_where_nothing_was_taken(story):
    await story.begins({"tweet": says("Before")})
    _, taken = await story.asks("POST", "/reload")
    story.stage.config.write_text("chanels: {}")
    _, refused = await story.asks("POST", "/reload")
    assert refused.keys() == taken.keys()


async def test_settings_with_problems_change_nothing(story):
    await story.begins({"tweet": says("Before")})
    story.stage.configure(staging.CHANNELS + "force_x_two: { platform: nowhere }\n")
    story.stage.recipe("tweet", says("After"))
    _, answer = await story.asks("POST", "/reload")
    assert answer["problems"]
    assert answer["loaded"] == []
    await story.receives("M6 closed")
    await story.until(lambda: story.posts("x"))
    assert story.posts("x") == ["Before: M6 closed"]


async def test_after_a_reload_both_the_old_secrets_and_the_new_are_kept_out_of_sight(story):
    await story.begins({})
    secret = story.stage.folder / "secrets" / "hook_desk"
    old, new = secret.read_text(), "whsec_" + "bmV3IGtleSBvZiB0aGUgZGVzayB0aGF0IG5vYm9keSBrbm93cw=="
    secret.write_text(new)
    await story.asks("POST", "/reload")
    assert story.bridge.redactor.clean(f"{old} {new}") == "*** ***"


async def test_a_run_that_waits_keeps_the_version_that_began_it(story):
    before = staging.EVERYWHERE.replace("It is on X", "Before: it is on X")
    await story.begins({"everywhere": before})
    story.sandbox.faults.add("x", "http_503", None, 60)
    await story.receives("M6 closed")
    await story.until(lambda: story.logged("deferred"))

    story.stage.recipe("everywhere", before.replace("Before", "After"))
    _, answer = await story.asks("POST", "/reload")
    assert answer["changed"] == ["everywhere"]
    await story.state(4, "delivered", passing=1)
    assert story.posts("email")[0].startswith("Before: it is on X")

    await story.receives("M6 open")
    await story.state(8, "delivered", passing=0.1)
    assert story.posts("email")[1].startswith("After: it is on X")


async def test_it_keeps_that_version_across_a_restart_too(story):
    before = staging.EVERYWHERE.replace("It is on X", "Before: it is on X")
    await story.begins({"everywhere": before})
    story.sandbox.faults.add("x", "http_503", None, 60)
    await story.receives("M6 closed")
    await story.until(lambda: story.logged("deferred"))
    await story.stops()
    (story.stage.recipes / "everywhere.yaml").unlink()
    await story.starts()
    await story.state(4, "delivered", passing=1)
    assert story.posts("email")[0].startswith("Before: it is on X")


async def test_what_waits_for_a_channel_that_was_taken_out_goes_when_it_is_back(story):
    await story.begins({"tweet": says("M6")})
    story.sandbox.faults.add("x", "http_503", None, 30)
    await story.receives("closed")
    await story.until(lambda: story.logged("deferred"))
    without = staging.CHANNELS.replace("force_x: { platform: x }\n", "")
    story.stage.configure(without)
    _, answer = await story.asks("POST", "/reload")
    assert [file.rpartition("/")[2] for file in answer["rejected"]] == ["tweet.yaml"]
    await story.clock.passes(hours=1)
    await story.settles()
    assert story.posts("x") == []

    story.stage.configure(staging.CHANNELS)
    await story.asks("POST", "/reload")
    await story.state(1, "delivered", passing=1)
    assert story.posts("x") == ["M6: closed"]


async def test_a_rate_limit_survives_a_reload(story):
    await story.begins({"tweet": says("M6")})
    story.sandbox.faults.add("x", "http_429", 1, 600)
    await story.receives("closed")
    await story.until(lambda: story.logged("deferred"))
    await story.asks("POST", "/reload")
    await story.clock.passes(minutes=9)
    await story.receives("still closed")
    await story.settles()
    assert story.posts("x") == []
    await story.state(2, "delivered", passing=1)


# -- sources ------------------------------------------------------------------------------------

APPEAL = """
alias: New appeal, X
triggers: [{ trigger: appeal, source: desk }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.data.title }}" }
approval: none
"""


def slow_first_look(monkeypatch):
    """Let the first look at the folder last until it is let go; return how often one began, and what lets it go."""
    poll, begun, go_on = AppealTrigger.poll, [], threading.Event()

    async def slow(*args):
        begun.append(args)
        if len(begun) == 1:
            await asyncio.to_thread(go_on.wait, 10)
        return await poll(*args)

    monkeypatch.setattr(AppealTrigger, "poll", slow)
    return begun, go_on


async def test_a_look_goes_on_while_recipes_are_reloaded(story, monkeypatch):
    begun, go_on = slow_first_look(monkeypatch)
    story.clock.regardless = True
    await story.begins({"appeal": APPEAL})
    await story.until(lambda: begun)
    for word in ("One", "Two", "Three"):
        story.stage.recipe("appeal", APPEAL.replace("{{ event", f"{word}: {{{{ event"))
        await story.asks("POST", "/reload")
    assert len(begun) == 1
    go_on.set()
    story.clock.regardless = False
    await story.clock.rests()
    assert len(story.logged("first_look")) == 1

    story.stage.appeal("A-1", story.clock.now(), title="Missing: Aisha, 14")
    await story.state(1, "delivered", passing=5)
    assert story.posts("x") == ["Three: Missing: Aisha, 14"]


async def test_a_source_with_other_options_is_looked_at_anew(story, monkeypatch):
    begun, go_on = slow_first_look(monkeypatch)
    go_on.set()
    await story.begins({"appeal": APPEAL})
    settings = story.stage.config.read_text()
    story.stage.config.write_text(settings.replace("every: 60s", "every: 1h"))
    await story.asks("POST", "/reload")
    await story.clock.passes(minutes=2)  # the look that was due by the old options is still made
    looks = len(begun)
    await story.clock.passes(minutes=30)
    assert len(begun) == looks


async def test_a_source_that_was_taken_out_is_looked_at_no_more(story, monkeypatch):
    begun, go_on = slow_first_look(monkeypatch)
    go_on.set()
    await story.begins({"appeal": APPEAL})
    settings = story.stage.config.read_text()
    story.stage.config.write_text(settings[: settings.index("appeals:")])
    (story.stage.recipes / "appeal.yaml").unlink()
    await story.asks("POST", "/reload")
    looks = len(begun)
    await story.clock.passes(minutes=30)
    assert len(begun) == looks
