"""Whose turn it is: one sender's things keep their order, and no other sender is in their way."""

import asyncio
import base64
import io
import json

from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.practice.faults import FaultName
from tests.stories import staging

STRANGER = """\
  stranger:
    secrets: [!secret hook_stranger]
    mapping: { type: $.type, subject: $.subject }
"""
KEYS = {"desk": staging.KEY, "stranger": b"a key that only a stranger has"}
TWEET = staging.TWEET
APPROVED = TWEET.replace("approval: none\n", "")
FOR_THE_STRANGER = TWEET.replace("webhook_id: desk", "webhook_id: stranger")
BOTH = """
triggers: [{ trigger: webhook, webhook_id: desk }, { trigger: webhook, webhook_id: stranger }]
approval: none
"""
X = 'action: tweet, channel: force_x, text: "{{ event.data.text }}'
WAITS = f"""{BOTH}
conditions: [{{ field: $.type, equals: opened }}]
actions:
  - {{ {X}" }}
  - wait_for: closed
    timeout: 3d
    on_timeout: [{{ {X}, still" }}, {{ stop: nothing came }}]
  - {{ {X}: {{{{ wait.event.data.text }}}}" }}
"""


async def begins(story, recipes, settings=""):
    """Begin with a second webhook, whose sender knows what the desk calls its things."""
    await story.begins(recipes)
    secret = story.stage.folder / "secrets" / "hook_stranger"
    secret.touch(0o600)
    secret.write_text("whsec_" + base64.b64encode(KEYS["stranger"]).decode())
    config = story.stage.config
    text = config.read_text().replace("webhooks:\n", f"webhooks:\n{STRANGER}")
    config.write_text(text + settings)
    status, answer = await story.asks("POST", "/reload")
    assert status == 200, answer


async def sends(story, text, *, by="desk", subject="RC-77", kind="incident"):
    """Send an event by one of the webhooks."""
    story.sent += 1
    message = f"msg_{by}_{story.sent}"
    event = {"type": kind, "subject": subject, "text": text}
    body = json.dumps(event).encode()
    headers = staging.signed(message, story.clock.now(), body, KEYS[by])
    url = f"{story.bridge.url}/hooks/{by}"
    async with story.session.post(url, data=io.BytesIO(body), headers=headers) as answer:
        assert answer.status == 202, await answer.text()


async def hangs(story, sending):
    """Have the platform answer so late that what is sent now stays under way."""
    story.sandbox.faults.add("x", FaultName.SLOW, 1, 30)
    await sending
    await story.until(lambda: not story.sandbox.faults.shown())


async def says(story, *arguments):
    config = str(story.stage.config)
    done = await asyncio.to_thread(CliRunner().invoke, main, [*arguments, "--config", config])
    assert done.exit_code == 0, done.output
    return done.output


JOINED = "joined_sources: [[webhook:desk, webhook:stranger]]\n"


# -- channels -----------------------------------------------------------------------------------


async def test_a_stranger_who_names_a_subject_keeps_nobody_back(story):
    await begins(story, {"desk": TWEET, "stranger": FOR_THE_STRANGER})
    await hangs(story, sends(story, "hello from elsewhere", by="stranger"))
    await sends(story, "A38 closed")
    await story.until(lambda: "A38 closed" in story.posts("x"))
    assert (await story.deliveries())[0]["state"] == "sending"
    await story.state(2, "delivered", passing=5)


async def test_what_a_stranger_has_held_keeps_nobody_back(story):
    held = APPROVED.replace("webhook_id: desk", "webhook_id: stranger")
    await begins(story, {"desk": TWEET, "stranger": held})
    await sends(story, "hello from elsewhere", by="stranger")
    await story.state(1, "held")
    await sends(story, "A38 closed")
    await story.until(lambda: story.posts("x") == ["A38 closed"])


async def test_one_senders_update_waits_for_what_it_updates_and_says_so(story):
    await begins(story, {"desk": TWEET})
    await hangs(story, sends(story, "A38 closed"))
    await sends(story, "A38 open")
    (_, update) = await story.deliveries()
    assert (update["state"], update["waits_behind"]) == ("ready", 1)
    assert "waits behind no. 1" in await says(story, "deliveries")
    assert "waits behind no. 1" in await says(story, "trace", "2")
    _, listed = await story.asks("GET", f"/runs/{update['run']}")
    assert [row["waits_behind"] for row in listed["deliveries"]] == [1]
    await story.until(lambda: len(story.posts("x")) == 2, passing=5)
    assert story.posts("x") == ["A38 closed", "A38 open"]
    assert [row["waits_behind"] for row in await story.deliveries()] == [None, None]


async def test_a_post_after_a_wait_does_not_overtake_the_one_before_it(story):
    """X is out of order for longer than the recipe waits."""
    await begins(story, {"waits": WAITS})
    story.sandbox.faults.add("x", FaultName.HTTP_503, 4, None)
    await sends(story, "A38 closed", kind="opened")
    await story.state(1, "ready")
    await story.clock.passes(seconds=1)
    await sends(story, "open", kind="closed")
    (_, update) = await story.state(2, "ready", "sending", "unknown")
    assert update["waits_behind"] == 1
    await story.until(lambda: len(story.posts("x")) == 2, passing=30)
    assert story.posts("x") == ["A38 closed", "A38 closed: open"]


async def test_joined_sources_keep_one_order(story):
    await begins(story, {"desk": TWEET, "stranger": FOR_THE_STRANGER}, JOINED)
    await hangs(story, sends(story, "A38 closed", by="stranger"))
    await sends(story, "A38 open")
    (_, update) = await story.deliveries()
    assert update["waits_behind"] == 1
    await story.until(lambda: len(story.posts("x")) == 2, passing=5)
    assert story.posts("x") == ["A38 closed", "A38 open"]


async def test_what_is_held_does_not_keep_back_what_comes_later(story):
    await begins(story, {"desk": TWEET})
    for text in ("A38 closed", "A38 closed", "A38 open to all"):
        await sends(story, text)
        await story.settles()
    await story.until(lambda: story.posts("x") == ["A38 closed", "A38 open to all"])
    states = [(row["state"], row["hold"]) for row in await story.deliveries()]
    assert states[1] == ("held", "same_text")
    assert "no. 3, a newer one about the same subject, has gone out since" in await says(
        story, "trace", "2"
    )


async def test_what_is_released_waits_for_what_is_older_and_under_way(story):
    await begins(story, {"desk": APPROVED})
    await sends(story, "A38 closed")
    await sends(story, "A38 open")
    first, second = await story.state(2, "held")
    await hangs(story, story.releases(first))
    output = await says(story, "release", str(second["number"]))
    assert output.splitlines()[-1] == "2 tweet on force_x: released, and waits behind no. 1"
    await story.until(lambda: len(story.posts("x")) == 2, passing=5)
    assert story.posts("x") == ["A38 closed", "A38 open"]


# -- the same text ------------------------------------------------------------------------------


async def test_a_stranger_who_says_it_first_silences_nobody(story):
    await begins(story, {"desk": TWEET, "stranger": FOR_THE_STRANGER})
    await sends(story, "A38 closed", by="stranger", subject="x")
    await story.state(1, "delivered")
    await sends(story, "A38 closed")
    await story.state(2, "delivered")


async def test_a_stranger_who_says_it_first_silences_nobody_after_a_restart(story):
    await begins(story, {"desk": TWEET, "stranger": FOR_THE_STRANGER})
    await sends(story, "A38 closed", by="stranger", subject="x")
    await story.state(1, "delivered")
    await story.restarts()
    await story.clock.passes(seconds=1)
    await sends(story, "A38 closed")
    await sends(story, "A38 closed", subject="another")
    listed = await story.state(3, "delivered", "held")
    assert [row["hold"] for row in listed] == [None, None, "same_text"]


async def test_joined_sources_do_not_say_the_same_twice(story):
    await begins(story, {"desk": TWEET, "stranger": FOR_THE_STRANGER}, JOINED)
    await sends(story, "A38 closed", by="stranger")
    await story.state(1, "delivered")
    await sends(story, "A38 closed")
    (_, second) = await story.state(2, "delivered", "held")
    assert second["hold"] == "same_text"


# -- runs that wait -----------------------------------------------------------------------------


async def test_a_strangers_event_ends_nobodys_wait(story):
    await begins(story, {"waits": WAITS})
    await sends(story, "RC-77", kind="opened")
    await story.until(lambda: story.posts("x") == ["RC-77"])
    await sends(story, "all is well", by="stranger", kind="closed")
    await story.settles()
    assert story.posts("x") == ["RC-77"]
    await sends(story, "closed at ten", kind="closed")
    await story.until(lambda: story.posts("x") == ["RC-77", "RC-77: closed at ten"])


async def test_joined_sources_hear_each_other(story):
    await begins(story, {"waits": WAITS}, JOINED)
    await sends(story, "RC-77", kind="opened")
    await story.until(lambda: story.posts("x") == ["RC-77"])
    await sends(story, "closed at ten", by="stranger", kind="closed")
    await story.until(lambda: story.posts("x") == ["RC-77", "RC-77: closed at ten"])


async def test_a_strangers_event_restarts_nobodys_run(story):
    await begins(story, {"waits": WAITS + "mode: restart\n"})
    await sends(story, "RC-77", kind="opened")
    await story.until(lambda: story.posts("x") == ["RC-77"])
    await sends(story, "nonsense", by="stranger", kind="opened")
    await story.until(lambda: len(story.posts("x")) == 2)
    await sends(story, "closed at ten", kind="closed")
    await story.until(lambda: "RC-77: closed at ten" in story.posts("x"))


async def test_a_strangers_run_delays_nobodys(story):
    await begins(story, {"waits": WAITS})
    await sends(story, "nonsense", by="stranger", kind="opened")
    await story.until(lambda: story.posts("x") == ["nonsense"])
    await sends(story, "RC-77", kind="opened")
    await story.until(lambda: story.posts("x") == ["nonsense", "RC-77"])


# -- retention ----------------------------------------------------------------------------------


async def test_a_strangers_word_removes_no_open_appeal(story):
    recipe = """
triggers: [{ trigger: appeal }]
actions: [{ action: tweet, channel: force_x, text: "{{ appeal.title }}" }]
approval: none
"""
    await begins(story, {"appeals": recipe}, "retention: { personal: 1d after closure }\n")
    await story.until(lambda: story.logged("first_look"), passing=1)
    story.stage.appeal("WMP-1", story.clock.now(), title="Missing: Aisha, 14")
    await story.until(lambda: story.posts("x"), passing=5)
    await sends(story, "she is found", by="stranger", subject="WMP-1", kind="appeal.closed")
    await story.clock.passes(days=3, step=1800)
    await story.until(lambda: story.logged("pruned"), passing=600)
    (appeal,) = [row for row in await story.deliveries() if row["subject"] == "WMP-1"]
    assert appeal["content"] == {"text": "Missing: Aisha, 14"} | appeal["content"]
