"""Practice and live: every delivery says which it was, and what waits never changes from one to the other."""

import pytest

from appealbridge.model.errors import StoreError
from tests.stories import staging

HELD = staging.TWEET.replace("approval: none\n", "")
LIVE = "channels:\n  nothing_real: { platform: email, smtp: 'smtp://localhost:25', sender: a@example.org }\n"


def goes_live(story):
    text = story.stage.config.read_text()
    stored = [
        line for line in text.partition("channels:")[0].splitlines() if "practice:" not in line
    ]
    (story.stage.recipes / "tweet.yaml").unlink()
    story.stage.config.write_text("\n".join(stored) + f"\n{LIVE}")
    return text


async def test_a_store_with_something_waiting_does_not_change_over(story):
    await story.begins({"tweet": HELD})
    await story.receives("M6 closed")
    (held,) = await story.deliveries()
    assert held["mode"] == "practice"
    text = goes_live(story)
    _, report = await story.asks("POST", "/reload")
    assert "still wait" in report["problems"][0]["text"]
    _, mode = await story.asks("GET", "/mode")
    assert mode["mode"] == "practice"
    await story.stops()
    with pytest.raises(StoreError, match="let them go out or cancel them"):
        await story.starts()
    story.stage.config.write_text(text)
    await story.starts()
    await story.asks("POST", f"/deliveries/{held['number']}/cancel")
    goes_live_again = text.partition("channels:")[0].replace(
        f"practice: {story.stage.practice}", ""
    )
    story.stage.config.write_text(f"{goes_live_again}\n{LIVE}")
    await story.asks("POST", "/reload")
    _, mode = await story.asks("GET", "/mode")
    assert mode["mode"] == "live"
    (held,) = await story.deliveries()
    assert (held["mode"], held["state"]) == ("practice", "cancelled")
