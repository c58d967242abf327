import random

import pytest

from appealbridge.plugin import Tools
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.testing.channel_case import NOW
from appealbridge.testing.server import this_machine


@pytest.fixture
async def tools():
    async with open_session(policy=this_machine) as session:
        yield Tools(Http(session, str, now=lambda: NOW), NOW, random.Random(7))
