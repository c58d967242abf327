import pytest
from pydantic import TypeAdapter, ValidationError

from appealbridge.plugin import Account, Address, SecretAddress
from appealbridge.plugin.options import address_options

addresses = TypeAdapter(Address)


@pytest.mark.parametrize(
    ("values", "stored"),
    [
        ("https://api.x.com", "https://api.x.com"),
        ("https://mastodon.example/", "https://mastodon.example"),
        ("http://127.0.0.1:8090/x/", "http://127.0.0.1:8090/x"),
    ],
)
def test_an_address_has_no_slash_at_its_end(values, stored):
    assert addresses.validate_python(values) == stored


@pytest.mark.parametrize(
    "values",
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
def test_what_is_no_address_is_refused(values):
    with pytest.raises(ValidationError, match="give an address such as"):
        addresses.validate_python(values)


secret_addresses = TypeAdapter(SecretAddress)


@pytest.mark.parametrize(
    "values", ["https://a.example/hook/x?sig=y", "http://127.0.0.1:8065/hooks/a"]
)
def test_an_address_that_is_a_secret_may_have_anything_in_it_and_is_not_shown(values):
    address = secret_addresses.validate_python(values)
    assert address.get_secret_value() == values
    assert values not in f"{address} {address!r}"


@pytest.mark.parametrize(
    "values", ["", "hook-1234", "ftp://a.example/hook-1234", "http://0x7f.1/hook-1234"]
)
def test_a_secret_that_is_no_address_is_refused(values):
    with pytest.raises(ValidationError):
        secret_addresses.validate_python(values)


def test_the_addresses_of_a_model_are_found_also_where_they_may_be_left_out():
    class Several(Account):
        api: Address = "https://a.example"
        hook: SecretAddress | None = None
        others: tuple[Address, ...] = ()
        name: str = ""

    assert address_options(Several) == {"api", "hook"}
