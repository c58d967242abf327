import re

import pytest

from appealbridge.channels.mastodon.channel import Mastodon
from appealbridge.plugin import AccountRefused, Rejected, TryAgain
from appealbridge.plugin.abilities import limits_of
from appealbridge.plugin.http import Reply
from appealbridge.plugin.published import AlreadyGone, Edits, Removes, Standing, looking
from appealbridge.plugin.registry import load


def test_each_channel_says_what_it_cannot_do():
    channels = load(third_party=False).channels
    for name, channel in channels.items():
        lacks = [
            word
            for word, ability in (("withdrawn", Removes), ("edited", Edits))
            if not isinstance(channel, ability)
        ]
        lacks += [] if channel.can_find else ["searched"]
        assert re.findall(r"(\w+) \(", limits_of(channel)) == lacks, name
    assert limits_of(channels["email"]) == (
        "email cannot be withdrawn (everybody who had it gets a correction, if the recipe has one), "
        "edited (a correction follows below it) or searched (after an unclear answer a person decides)"
    )
    assert limits_of(channels["x"]) == "x cannot be edited (a correction follows as a reply)"


def test_a_post_that_is_gone_shows_no_message_not_even_one_without_words():
    wordless = Mastodon().message.model_construct(text="", spoiler_text=None)
    assert not Mastodon().shows(wordless, Standing(there=False))
    assert Mastodon().shows(wordless, Standing(there=True))


@pytest.mark.parametrize("error", [Rejected("no"), AlreadyGone("no")])
@pytest.mark.parametrize(("status", "seen_as"), [(404, AccountRefused), (400, TryAgain)])
def test_a_refusal_to_show_a_post_does_not_say_that_it_is_gone(error, status, seen_as):
    meaning = looking(lambda _: error)(Reply(status, {}, b""))
    assert type(meaning) is seen_as
    assert str(meaning) == "no"
