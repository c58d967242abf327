import aiohttp
import pytest

from appealbridge.testing import ScriptedServer


async def test_tests_of_plug_ins_may_use_the_earlier_name_of_requests():
    async with ScriptedServer() as server, aiohttp.ClientSession() as session:
        async with session.get(f"{server.url}/a"):
            pass
        with pytest.warns(DeprecationWarning, match=r"heard is now ScriptedServer\.requests$"):
            requests = server.heard
        assert [request.path for request in requests] == ["/a"]
        assert requests is server.requests
