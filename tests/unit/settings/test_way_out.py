"""The proxy and the private authority in the settings, and what is wrong with them."""

import ssl
from contextlib import asynccontextmanager

import pytest
import trustme
from aiohttp import web
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.daemon.assembly import assemble
from appealbridge.documents import InvalidDocuments
from tests import forking
from tests.proxying import PracticeProxy

PASSWORD = "planted-word"
ACCOUNT = """
channels:
  mastodon:
    platform: mastodon
    api: https://mastodon.example
    credentials: { access_token: !secret token }
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "token").write_text("planted-token-0123")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assembled(folder, text, **more):
    (folder / "appealbridge.yaml").write_text(text)
    return assemble(folder / "appealbridge.yaml", **more)


def problems(folder, text):
    with pytest.raises(InvalidDocuments) as invalid:
        assembled(folder, text)
    return [f"{p.line}: {p.path}: {p.problem}; {p.cure}" for p in invalid.value.problems]


def test_what_is_outside_goes_through_the_proxy_and_what_is_inside_does_not(folder):
    policy = assembled(
        folder,
        "proxy: http://proxy.internal:3128\nno_proxy: [.plain.example]\ninside: [cms.example.police.uk]\n",
    ).egress
    assert str(policy.proxy_for("api.example")) == "proxy.internal:3128"
    for host in ("www.plain.example", "cms.example.police.uk", "news.internal", "10.0.0.1"):
        assert policy.proxy_for(host) is None


def test_a_proxy_with_a_password_is_a_secret_that_is_masked(folder):
    (folder / "secrets" / "proxy").write_text(f"http://bridge:{PASSWORD}@proxy.internal:3128\n")
    assembly = assembled(folder, "proxy: !secret proxy\n")
    proxy = assembly.egress.proxy_for("api.example")
    assert (str(proxy), proxy.login) == ("proxy.internal:3128", f"bridge:{PASSWORD}")
    assert PASSWORD not in repr(assembly.egress)
    assert PASSWORD in assembly.secrets()


def test_a_password_of_the_proxy_in_the_settings_is_refused_and_not_shown(folder):
    text = f"proxy: http://bridge:{PASSWORD}@proxy.internal:3128\n"
    assert problems(folder, text) == [
        (
            "1: proxy: has a password, which must not be written here; put the whole address into a secret, write "
            "!secret proxy, and have the password changed"
        )
    ]
    shown = CliRunner().invoke(main, ["check"])
    assert shown.exit_code == 1
    assert PASSWORD not in shown.output


def test_a_secret_proxy_that_is_missing_is_a_note_for_check_only(folder):
    text = "proxy: !secret proxy\n"
    assert problems(folder, text)[0].startswith("1: proxy: secret proxy was not found; ")
    assembly = assembled(folder, text, offline=True)
    assert [note.problem for note in assembly.settings.notes] == ["secret proxy was not found"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (
            "proxy: proxy.internal:3128\n",
            "1: proxy: is not an address that begins with http://; write it as http://proxy.internal:3128",
        ),
        (
            "\nno_proxy: [a.example, 'b.example:80']\n",
            "2: no_proxy[1]: has a port, but a host is reached directly on every port; delete it",
        ),
    ],
)
def test_a_wrong_entry_is_told_with_its_place_and_cure(folder, text, values):
    assert problems(folder, text) == [values]


# -- ca_file ----------------------------------------------------------------------------------------


def test_the_authorities_of_a_file_beside_the_settings_are_trusted(folder):
    authority = trustme.CA()
    pem = authority.cert_pem.bytes()
    (folder / "ca.pem").write_bytes("# Größe\n".encode("latin-1") + pem + pem)
    assembly = assembled(folder, "ca_file: ca.pem\n")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=assembly.egress.route.authorities)
    assert len(context.get_ca_certs()) == 1
    assert assembly.egress.public_only().route.authorities


WRONG = {
    b"": "the file has no certificate in PEM; it must have a line -----BEGIN CERTIFICATE-----, which this command "
    "makes of a binary one: openssl x509 -inform der -in FILE -out FILE.pem",
    b"\x30\x82\x01": "the file has no certificate in PEM; ",
    b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n": "the file has a certificate that cannot be",
    b"-----BEGIN CERTIFICATE-----\nMIIB": "the file has a certificate that cannot be read; ",
    b"x" * 2_000_000: "the file is longer than 1 MiB; put only your own authorities into it",
}


@pytest.mark.parametrize("content", WRONG, ids=["empty", "binary", "spoilt", "cut", "long"])
def test_a_file_that_has_no_authority_is_told_with_its_place(folder, content):
    (folder / "ca.pem").write_bytes(content)
    (item,) = problems(folder, "listen: 127.0.0.1:0\nca_file: ca.pem\n")
    assert item.startswith(f"2: ca_file: {WRONG[content]}")
    shown = CliRunner().invoke(main, ["check"])
    assert shown.exit_code == 1
    assert "appealbridge.yaml:2:10" in shown.output


def test_a_file_that_cannot_be_read_is_told(folder):
    (folder / "ca.pem").mkdir()
    assert problems(folder, "ca_file: ca.pem\n") == [
        f"1: ca_file: cannot read {folder}/ca.pem: Is a directory; name a file that the daemon's user may read"
    ]


def test_a_file_that_is_missing_is_an_error_for_the_daemon_and_a_note_for_check(folder):
    text = "ca_file: ca.pem\n"
    result = f"no file {folder}/ca.pem"
    assert problems(folder, text) == [
        f"1: ca_file: {result}; create it, or fix its path; the daemon does not start without it"
    ]
    assembly = assembled(folder, text, offline=True)
    assert [(n.problem, n.level) for n in assembly.settings.notes] == [(result, "note")]


# -- as the command line uses them ------------------------------------------------------------------


@asynccontextmanager
async def served(authority):
    """Serve what `channels check` asks Mastodon, as mastodon.example; yield where."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("mastodon.example").configure_cert(context)

    async def answer(_):
        return web.json_response({"acct": "press", "scopes": ["write"]})

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def checked(folder, text):
    (folder / "appealbridge.yaml").write_text(text)
    process = await forking.start(
        *("-m", "appealbridge", "channels", "check"), folder=folder, stdout=forking.PIPE
    )
    printed, _ = await process.communicate()
    return printed.decode()


async def test_channels_check_takes_the_proxy_and_the_authority(folder):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    async with served(authority) as place, PracticeProxy({"mastodon.example:443": place}) as proxy:
        text = f"proxy: {proxy.url}\nca_file: ca.pem\n{ACCOUNT}"
        shown = await checked(folder, text)
        assert "mastodon (mastodon): good, @press" in shown
        shown = await checked(folder, text.replace("ca_file", "# ca_file"))
        assert "its certificate is not trusted" in shown
        assert set(proxy.requests) == {"CONNECT mastodon.example:443 HTTP/1.1"}
