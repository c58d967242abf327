"""The authorities of the system are trusted, and are not read before a connection needs them."""

import ssl
import subprocess
import sys
import threading

import aiohttp
import pytest
import trustme
from aiohttp import connector

from appealbridge.model.errors import TryAgain
from appealbridge.plugin.http.authorities import SystemTrust
from tests.unit.plugin.http.test_failures import FEED, client, tls_server


@pytest.fixture
def authority(monkeypatch, tmp_path):
    """Return the only authority that the system trusts, which nobody has read yet."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    monkeypatch.setattr(connector, "_SSL_CONTEXT_VERIFIED", SystemTrust(ssl.PROTOCOL_TLS_CLIENT))
    return authority


async def test_an_authority_of_the_system_is_trusted(authority):
    async with tls_server(authority) as port, client() as http:
        reply = await http.get(f"https://localhost:{port}/")
        again = await http.get(f"https://localhost:{port}/")
    assert (reply.body, again.body) == (FEED, FEED)


async def test_no_other_authority_is_trusted(authority):
    async with tls_server(trustme.CA()) as port, client() as http:
        with pytest.raises(TryAgain, match="is not trusted"):
            await http.get(f"https://localhost:{port}/")
    assert connector._SSL_CONTEXT_VERIFIED.cert_store_stats()["x509_ca"] == 1


async def test_the_authorities_are_read_in_a_thread(authority, monkeypatch):
    readers = []

    def read(self):
        readers.append(threading.current_thread())
        self.load_default_certs()
        self.complete = True

    monkeypatch.setattr(SystemTrust, "read", read)
    async with tls_server(authority) as port, client() as http:
        await http.get(f"https://localhost:{port}/")
    assert readers[0] is not threading.main_thread()


async def test_who_connects_in_another_way_has_the_authorities_too(authority):
    async with (
        tls_server(authority) as port,
        aiohttp.ClientSession() as session,
        session.get(f"https://localhost:{port}/") as answer,
    ):
        assert await answer.read() == FEED


def printed(program):
    """Run a program in a process of its own; return what it printed, and its errors."""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    return ended.stdout, ended.stderr


def test_an_import_reads_no_authorities():
    program = (
        "import appealbridge.plugin; from aiohttp import connector\n"
        "for context in connector._SSL_CONTEXT_VERIFIED, connector._SSL_CONTEXT_UNVERIFIED:\n"
        "    print(context.cert_store_stats()['x509'], context.verify_mode.name, context.check_hostname)"
    )
    assert printed(program) == ("0 CERT_REQUIRED True\n0 CERT_NONE False\n", "")


def test_other_contexts_are_made_as_ever():
    program = (
        "import ssl; before = ssl.create_default_context().cert_store_stats()\n"
        "import appealbridge.plugin\n"
        "print(before == ssl.create_default_context().cert_store_stats())"
    )
    assert printed(program) == ("True\n", "")
