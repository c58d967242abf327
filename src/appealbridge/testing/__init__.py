"""
The kit for authors of plug-ins: contract suites to inherit, scripted servers, a clock.

It needs pytest and pytest-asyncio, with `asyncio_mode = "auto"`.
"""

import pytest

for _suite in (
    "ability_contract",
    "channel_contract",
    "http_contract",
    "image_contract",
    "mail_contract",
    "poller_contract",
):
    pytest.register_assert_rewrite(f"{__name__}.{_suite}")

from appealbridge.testing.ability_contract import (  # noqa: E402 - the suites' asserts are rewritten first
    EditsContract,
    RemovesContract,
)
from appealbridge.testing.channel_case import (  # noqa: E402
    NOW,
    PLANTED,
    PLANTED_IN_ADDRESS,
    ChannelCase,
    PublishedCase,
    UploadsCase,
    a_delivery,
)
from appealbridge.testing.clock import FakeClock  # noqa: E402
from appealbridge.testing.http_contract import HttpChannelContract  # noqa: E402
from appealbridge.testing.image_contract import (  # noqa: E402
    ImagesContract,
    PublishedUploadsContract,
    UploadsContract,
)
from appealbridge.testing.mail_contract import MailChannelContract  # noqa: E402
from appealbridge.testing.poller_contract import PollerCase, PollerContract  # noqa: E402
from appealbridge.testing.server import (  # noqa: E402
    DAWDLE,
    ENDLESS,
    HANG_UP,
    TRUNCATE,
    ScriptedServer,
)

__all__ = [
    "DAWDLE",
    "ENDLESS",
    "HANG_UP",
    "NOW",
    "PLANTED",
    "PLANTED_IN_ADDRESS",
    "TRUNCATE",
    "ChannelCase",
    "EditsContract",
    "FakeClock",
    "HttpChannelContract",
    "ImagesContract",
    "MailChannelContract",
    "PollerCase",
    "PollerContract",
    "PublishedCase",
    "PublishedUploadsContract",
    "RemovesContract",
    "ScriptedServer",
    "UploadsCase",
    "UploadsContract",
    "a_delivery",
]
