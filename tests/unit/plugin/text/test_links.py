import time
from importlib.resources import files

import pytest

import appealbridge.plugin.text as plugin_text
from appealbridge.plugin.text.links import links


def links_in(text, **more):
    return [text[a:b] for a, b in links(text, **more)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://example.police.uk/a/412.", ["https://example.police.uk/a/412"]),
        ("(http://a.com/b_(c))", ["http://a.com/b_(c)"]),
        ("www.gov.uk/x?y=z, then", ["www.gov.uk/x?y=z"]),
        ("HTTPS://EXAMPLE.COM", ["HTTPS://EXAMPLE.COM"]),
        ("これはexample.com中国語", ["example.com"]),
        ("https://example.com:8443/x", ["https://example.com:8443/x"]),
        ("no.hereabouts", []),
        ("me@example.com #example.com $example.com", []),
        ("a.b-c", []),
        ("http://localhost/x", []),
        ("a.co a.com a.community a.communit", ["a.co", "a.com", "a.community"]),
        ("EXAMPLE.CO.UK http://例.香港", ["EXAMPLE.CO.UK", "http://例.香港"]),
    ],
)
def test_a_link_is_what_x_makes_one_of(text, expected):
    assert links_in(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ıhttps://example.com", ["https://example.com"]),
        ("example.comı", ["example.com"]),
        ("example.ınfo", []),
        ("https://t.co/aıb", ["https://t.co/a"]),
        ("https://ılık.com/ı", ["https://ılık.com/ı"]),
    ],
)
def test_a_dotless_i_is_a_letter_of_its_own(text, expected):
    assert links_in(text) == expected


def test_every_top_level_domain_makes_a_link_in_small_and_capital_letters():
    listed = files(plugin_text).joinpath("top_level_domains.txt").read_text("utf-8")
    names = [name for line in listed.splitlines() if line[:1] != "#" for name in line.split()]
    assert len(names) > 1500
    hosts = [f"b.{name}" for name in names] + [f"B.{name.upper()}" for name in names]
    assert links_in(" and ".join(hosts)) == hosts
    assert links_in(" and ".join(f"b.{name}zq" for name in names if name.isascii())) == []


def test_with_scheme_only_what_has_one():
    assert links_in("example.com https://example.org", scheme=True) == ["https://example.org"]


@pytest.mark.parametrize(
    "text",
    ["a." * 9000, "é" * 9000 + ".", "é." * 9000, "http://a" * 4000, "http://a.com/" + "(a." * 5000],
)
def test_a_hostile_text_takes_time_in_proportion_only(text):
    begin = time.process_time()
    links(text)
    assert time.process_time() - begin < 3.0


@pytest.mark.parametrize("result", ["a." * 5000, "https://" + "a." * 5000, "é." * 5000])
def test_a_long_row_of_dots_is_no_link_and_costs_next_to_nothing(result):
    links("warm.example.com")
    begin = time.process_time()
    assert links_in(result) == []
    assert time.process_time() - begin < 0.1


def test_a_name_as_long_as_names_may_be_is_a_link():
    name = ".".join(["a" * 63] * 3) + ".example.com"
    assert links_in(f"see https://{name}/x") == [f"https://{name}/x"]
