"""A plug-in that breaks once its message is out has published it all the same."""

from tests.stories import staging


async def test_one_that_breaks_over_a_rate_limit_has_published(story, monkeypatch):
    def broken(channel, reply):
        raise KeyError("x-rate-limit")

    monkeypatch.setattr("appealbridge.channels.x.channel.X.allowance", broken)
    await story.begins({"tweet": staging.TWEET})
    await story.receives("M6 closed")
    await story.state(1, "delivered")
    assert story.posts("x") == ["M6 closed"]
    assert story.logged("plugin_bug")
