"""How addresses to listen at, stores and web addresses are written."""

import pytest
from pydantic_core import PydanticCustomError

from appealbridge.settings.paths import Listen, listen, store_path, web_address


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("127.0.0.1:8080", Listen(("127.0.0.1", 8080))),
        ("0.0.0.0:0", Listen(("0.0.0.0", 0))),  # noqa: S104 - only read, never bound
        ("localhost:80", Listen(("localhost", 80))),
        ("[::1]:8080", Listen(("::1", 8080))),
        ("unix:/run/a.sock", Listen(path="/run/a.sock")),
        ("systemd", Listen()),
    ],
)
def test_an_address_to_listen_at(text, meant):
    assert listen(text) == meant
    assert listen(meant) is meant


@pytest.mark.parametrize(
    "text",
    ["", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "::1:8080",
     "unix:", "unix:a.sock", "unix:/" + "a" * 100, 8080, None, "127.0.0.1:-1", "[::1]"],
)  # fmt: skip
def test_what_is_none_is_refused_with_how_to_write_it(text):
    with pytest.raises(PydanticCustomError) as wrong:
        listen(text)
    assert wrong.value.context["cure"]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:///var/lib/bridge.db", "/var/lib/bridge.db"),
        ("sqlite:////var/lib/bridge.db", "/var/lib/bridge.db"),
        ("sqlite:///bridge.db", "bridge.db"),
        ("sqlite:///./state/bridge.db", "./state/bridge.db"),
        ("sqlite:///../bridge.db", "../bridge.db"),
    ],
)
def test_a_store_is_a_whole_path_or_one_beside_the_settings(text, path):
    assert store_path(text) == path


@pytest.mark.parametrize(
    "text",
    ["", "bridge.db", "sqlite:bridge.db", "sqlite://bridge.db", "sqlite:///", "sqlite:///a/",
     "mysql://x/y", "postgresql://x/y", "sqlite:///a\0b"],
)  # fmt: skip
def test_what_is_no_store_is_refused(text):
    with pytest.raises(PydanticCustomError):
        store_path(text)


def test_a_web_address_has_no_slash_at_its_end():
    assert web_address("https://bridge.example.police.uk/") == "https://bridge.example.police.uk"
    assert web_address("http://127.0.0.1:8090/x") == "http://127.0.0.1:8090/x"


@pytest.mark.parametrize(
    "text", ["", "x", "ftp://x", "http://", "http://x?y", "http://u:p@x", "http://x:99999", "//x"]
)
def test_what_is_no_web_address_is_refused(text):
    with pytest.raises(PydanticCustomError):
        web_address(text)
