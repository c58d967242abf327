"""Every built-in channel is held to the contract that third parties' channels are held to."""

from appealbridge.channels.email.channel import Mail
from appealbridge.channels.facebook.channel import Facebook
from appealbridge.channels.mastodon.channel import Mastodon
from appealbridge.channels.x.channel import X
from appealbridge.plugin import TryAgain
from appealbridge.plugin.registry import BUILT_IN, load
from appealbridge.testing.channel_case import PLANTED, ChannelCase
from appealbridge.testing.channel_contract import ChannelContract
from appealbridge.testing.http_contract import HttpChannelContract
from appealbridge.testing.mail_contract import MailChannelContract


class TestX(HttpChannelContract):
    case = ChannelCase(
        channel=X(),
        options={"user_id": "2244994945", "daily_cap": 60},
        secrets={
            "credentials": {
                "consumer_key": PLANTED,
                "consumer_secret": PLANTED,
                "access_token": PLANTED,
                "access_token_secret": PLANTED,
            }
        },
        message={"text": "MISSING from Digbeth: Aisha, 14 https://example.police.uk/a/412"},
        receipt=(201, {"data": {"id": "1860000000000000001", "text": "MISSING …"}}),
        special={402: TryAgain},
    )


class TestFacebook(HttpChannelContract):
    case = ChannelCase(
        channel=Facebook(),
        options={"page_id": "123456"},
        secrets={"credentials": {"page_token": PLANTED, "app_secret": PLANTED}},
        message={"text": "MISSING: Aisha, 14", "link": "https://example.police.uk/a/412"},
        receipt=(200, {"id": "123456_789"}),
    )


class TestMastodon(HttpChannelContract):
    case = ChannelCase(
        channel=Mastodon(),
        options={"max_characters": 500},
        secrets={"credentials": {"access_token": PLANTED}},
        message={"text": "MISSING: Aisha, 14", "language": "en"},
        receipt=(200, {"id": "112233", "url": "https://mastodon.example/@force/112233"}),
    )


class TestEmail(MailChannelContract):
    case = ChannelCase(
        channel=Mail(),
        options={"sender": "Press Office <press@example.police.uk>"},
        secrets={"credentials": {"username": "press", "password": PLANTED}},
        message={"to": "desk@example.org", "subject": "Appeal: Aisha, 14", "text": "Last seen …"},
        address="smtp",
    )


def test_no_built_in_channel_escapes():
    built_in = load([name for name in BUILT_IN if ".channels." in name], third_party=False)
    suites = [*HttpChannelContract.__subclasses__(), *MailChannelContract.__subclasses__()]
    assert set(built_in.channels) == {suite.case.channel.platform for suite in suites}
    assert ChannelContract.__subclasses__() == [HttpChannelContract, MailChannelContract]
