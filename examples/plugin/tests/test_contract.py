"""The contract suites: what AppealBridge relies on in every channel and every trigger."""

from appealbridge.testing import (
    PLANTED,
    ChannelCase,
    HttpChannelContract,
    PollerCase,
    PollerContract,
)
from appealbridge_example.channel import Outgoing
from appealbridge_example.trigger import NoticeBoard


class TestOutgoing(HttpChannelContract):
    case = ChannelCase(
        channel=Outgoing(),
        options={"max_characters": 500},
        secrets={"credentials": {"token": PLANTED}},
        message={"text": "MISSING: Aisha, 14", "link": "https://example.police.uk/a/412"},
        receipt=(201, {"id": "17", "url": "https://intranet.example.org/posts/17"}),
    )


class TestNoticeBoard(PollerContract):
    case = PollerCase(
        trigger=NoticeBoard(),
        options={"board": "city"},
        listing=(200, [{"id": "1", "title": "Road closed"}, {"id": "2", "title": "Market"}]),
    )
