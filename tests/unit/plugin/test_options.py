import pytest
from pydantic import TypeAdapter, ValidationError

from appealbridge.plugin import Address

addresses = TypeAdapter(Address)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://api.x.com", "https://api.x.com"),
        ("https://mastodon.example/", "https://mastodon.example"),
        ("http://127.0.0.1:8090/x/", "http://127.0.0.1:8090/x"),
    ],
)
def test_an_address_has_no_slash_at_its_end(given, kept):
    assert addresses.validate_python(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        "",
        "api.x.com",
        "ftp://a.example",
        "https://u:p@a.example",
        "https://a.example?x=y",
        "https://",
        "http://[",
    ],
)
def test_what_is_no_address_is_refused(given):
    with pytest.raises(ValidationError, match="give an address such as"):
        addresses.validate_python(given)
