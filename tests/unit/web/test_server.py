"""Where the daemon says that it listens, whoever opened the door."""

import socket

import pytest
from aiohttp import web

from appealbridge.files import socket_at
from appealbridge.web.server import serve


@pytest.fixture
def served():
    def at(**where):
        return serve(web.Application(), stop_within=1, refused=lambda *_: None, **where)

    return at


async def test_a_port_is_told_as_a_web_address(served):
    async with served(address=("127.0.0.1", 0)) as url:
        assert url.startswith("http://127.0.0.1:")


async def test_a_unix_socket_is_told_by_its_path(served, tmp_path):
    with socket_at(tmp_path / "http.sock", 0o600) as bound:
        async with served(sock=bound) as url:
            assert url == f"unix:{tmp_path}/http.sock"


async def test_a_unix_socket_that_systemd_hands_over_is_told_by_its_path(served, tmp_path):
    handed = socket.socket(socket.AF_UNIX)
    handed.bind(str(tmp_path / "door.sock"))
    handed.setblocking(False)
    async with served(address=("127.0.0.1", 0), sock=handed) as url:
        assert url == f"unix:{tmp_path}/door.sock"
