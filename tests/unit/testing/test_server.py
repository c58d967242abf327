import aiohttp

from appealbridge.testing import ScriptedServer


async def test_tests_of_plug_ins_may_use_the_earlier_name_of_requests():
    async with ScriptedServer() as server, aiohttp.ClientSession() as session:
        async with session.get(f"{server.url}/a"):
            pass
        assert [request.path for request in server.heard] == ["/a"]
        assert server.heard is server.requests
