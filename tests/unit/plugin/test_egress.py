"""Which addresses are inside the network, and which of them the settings allow."""

import pytest
from pydantic import SecretStr

from appealbridge.plugin.egress import (
    EgressPolicy,
    allowed,
    check_host,
    egress_policy,
    is_internal,
)

INSIDE = [
    # this machine and networks of one's own
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3",  # noqa: S104 - never bound
    "10.1.2.3", "172.16.0.1", "172.31.255.255",
    "192.168.0.1", "100.64.0.1", "100.127.255.255", "::", "::1", "fc00::1", "fd12:3456::1", "fec0::1",
    # of one link, among them where clouds give out credentials
    "169.254.169.254", "fe80::1", "fe80::1%eth0", "febf::1",
    # to many, reserved, for documents and for measurements
    "224.0.0.1", "224.0.1.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "ff02::1", "ff0e::1",
    "192.0.0.1", "192.0.0.9", "192.0.0.170", "192.0.2.1", "198.51.100.7", "203.0.113.9", "198.18.0.1",
    "198.19.255.255", "192.88.99.1", "2001:db8::1", "3fff::1", "2001:2::1", "2001:10::1", "100::1",
    "5f00::1", "4000::1",
    # IPv4 inside IPv6
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0a00:0001", "::127.0.0.1", "::8.8.8.8",
    "::ffff:0:8.8.8.8", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8",
    "2002:7f00:1::", "2002:0a00:0001::1", "2002:a9fe:a9fe::",
    "2001:0:7f00:1::f7f7:f7f7",  # Teredo, by the server
    "2001:0:808:808::f5ff:fffe",  # Teredo, by the client, whose bits are turned round
    # what is no address
    "", "example.org", "1.2.3", "010.0.0.1x",
]  # fmt: skip
OUTSIDE = [
    "8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.1", "172.15.255.255", "172.32.0.1",
    "169.253.255.255", "192.0.1.1", "198.17.255.255", "198.20.0.1", "223.255.255.255", "9.255.255.255",
    "2606:4700::1111", "2a00:1450:4009::1", "2001:4860:4860::8888", "2001:200::1",
    "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2001:0:808:808::f7f7:f7f7",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_of_the_public_internet_is_inside(address):
    assert is_internal(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_what_is_of_the_public_internet_is_not_inside(address):
    assert not is_internal(address)


def test_nothing_inside_may_be_reached_that_nobody_allows():
    policy = EgressPolicy()
    assert policy.allows("example.org", 443, "93.184.215.14")
    assert not policy.allows("example.org", 443, "10.0.0.5")
    assert not policy.allows("10.0.0.5", 443, "10.0.0.5")
    assert not policy.allows("localhost", 443, "127.0.0.1")


@pytest.mark.parametrize(
    ("entry", "host", "port", "address", "allows"),
    [
        ("news.internal", "news.internal", 443, "10.0.0.5", True),
        ("news.internal", "News.Internal.", 80, "10.0.0.5", True),
        ("news.internal", "news.internal", 8080, "10.0.0.5", False),
        ("news.internal:8080", "news.internal", 8080, "10.0.0.5", True),
        ("news.internal:8080", "news.internal", 443, "10.0.0.5", False),
        ("news.internal", "other.internal", 443, "10.0.0.5", False),
        ("news.internal", "sub.news.internal", 443, "10.0.0.5", False),
        ("10.0.0.5", "news.internal", 443, "10.0.0.5", True),
        ("10.0.0.5", "10.0.0.5", 443, "10.0.0.5", True),
        ("10.0.0.5", "10.0.0.5", 22, "10.0.0.5", False),
        ("10.0.0.5:22", "10.0.0.5", 22, "10.0.0.5", True),
        ("10.0.0.0/8", "news.internal", 25, "10.255.0.1", True),
        ("10.0.0.0/8", "news.internal", 25, "11.0.0.1", True),  # it is public
        ("10.0.0.0/8", "news.internal", 25, "192.168.0.1", False),
        ("10.0.0.0/8:9000", "news.internal", 9000, "::ffff:10.0.0.1", True),
        ("[fd00::/8]:9000", "news.internal", 9000, "fd00::1", True),
        ("fd00::1", "[fd00::1]", 443, "fd00::1", True),
        ("münchen.internal", "xn--mnchen-3ya.internal", 443, "10.0.0.5", True),
    ],
)
def test_an_entry_allows_its_host_or_network_at_its_port(entry, host, port, address, allows):
    policy = EgressPolicy(inside=(allowed(entry),))
    assert policy.allows(host, port, address) is allows
    assert not policy.public_only().allows("news.internal", port, "10.0.0.5")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("http://news.internal", "is a web address; write a host"),
        ("10.0.0.5/8", "is not the first address of its network; write 10.0.0.0/8"),
        ("0.0.0.0/0", "is every address there is"),
        ("::/0", "is every address there is"),
        ("8.8.8.8", "is a public address, which is allowed anyway"),
        ("news.internal:", "has no port"),
        ("news.internal:0", "has no port"),
        ("news.internal:65536", "has no port"),
        ("news.internal:http", "has no port"),
        ("*.internal", "is neither a host nor a network"),
        ("two words", "is neither a host nor a network"),
        ("", "is neither a host nor a network"),
        ("[::1", "has no valid address in brackets"),
        ("[::1]8080", "has no valid address in brackets"),
        ("0x7f.1", '"0x7f.1" is the address 127.0.0.1; write it as 127.0.0.1'),
    ],
)
def test_a_wrong_entry_is_told_with_its_cure(entry, message):
    with pytest.raises(ValueError, match=message.replace("*", r"\*").replace("[", r"\[")):
        allowed(entry)


SETTINGS = {
    "api": "http://10.0.0.5:8080/v1",
    "nested": [{"url": "https://[fd00::1]/rss"}, "smtp://127.0.0.1", "http://localhost:3000"],
    "text": "see http://10.0.0.9:1/",
    "name": "https://news.internal:8443/rss",
}


@pytest.mark.parametrize(
    ("host", "port", "address", "allows"),
    [
        ("10.0.0.5", 8080, "10.0.0.5", True),
        ("10.0.0.5", 22, "10.0.0.5", False),  # another port is elsewhere
        ("10.0.0.6", 8080, "10.0.0.6", False),
        ("news.example", 8080, "10.0.0.5", False),  # not by a name that leads there
        ("fd00::1", 443, "fd00::1", True),
        ("127.0.0.1", 25, "127.0.0.1", True),
        ("localhost", 25, "127.0.0.1", False),
        ("localhost", 3000, "::1", True),
        ("localhost", 3000, "10.0.0.1", False),  # it is not this machine any more
        ("10.0.0.9", 1, "10.0.0.9", False),
        ("news.internal", 8443, "10.0.0.7", False),
    ],
)
def test_an_address_that_the_settings_write_out_is_allowed_at_its_port_alone(
    host, port, address, allows
):
    assert egress_policy([], [SETTINGS], None).allows(host, port, address) is allows


def test_in_practice_the_platforms_and_this_machine_may_be_reached_but_by_no_other_name():
    policy = egress_policy([], [], "http://practice.internal:8090")
    assert policy.allows("practice.internal", 8090, "10.0.0.5")
    assert policy.allows("practice.internal", 8025, "10.0.0.5")
    assert policy.allows("127.0.0.1", 9, "127.0.0.1")
    assert policy.allows("localhost", 9, "::1")
    assert not policy.allows("news.example", 9, "127.0.0.1")
    assert not policy.allows("10.0.0.5", 8090, "10.0.0.5")


@pytest.mark.parametrize(
    "host", ["0x7f.1", "127.1", "0177.0.0.1", "2130706433", "0x7F000001", "017700000001", "127.0.1"]
)
def test_an_address_in_disguise_is_refused_with_what_it_is(host):
    with pytest.raises(ValueError, match=r"is the address 127\.0\.[01]\.1; write it as 127"):
        check_host(host)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::1", "example.org", "1.example", "300.1", "99999999999", ""]
)
def test_other_hosts_are_in_no_disguise(host):
    check_host(host)


def test_what_can_be_told_of_a_url_without_looking_up_its_name_is_told():
    policy = egress_policy([], [SETTINGS], None)
    assert policy.refuses_written("http://10.0.0.5:8080/x") is None
    assert policy.refuses_written("https://news.internal/x") is None
    assert policy.refuses_written("http://10.0.0.5:81/x") == (
        "10.0.0.5:81 is inside your network",
        'if that is right, add "10.0.0.5:81" to inside: in appealbridge.yaml',
    )
    assert policy.refuses_written("http://localhost/x") == (
        "localhost has the address 127.0.0.1, which is inside your network",
        'if that is right, add "localhost" to inside: in appealbridge.yaml',
    )


def test_in_practice_mode_what_publishes_reaches_the_practice_platforms_and_nothing_else():
    settings = egress_policy(
        [allowed("10.0.0.5:8080")], [{"url": "http://10.0.0.6"}], "http://trainer:8090"
    )
    policy = settings.publishing()
    assert policy.allows("trainer", 8090, "10.0.0.9")
    assert not policy.allows("api.x.com", 443, "104.244.42.2")
    assert not policy.allows("10.0.0.5", 8080, "10.0.0.5")
    assert not policy.allows("10.0.0.6", 80, "10.0.0.6")
    assert not policy.allows("127.0.0.1", 25, "127.0.0.1")
    assert settings.allows("api.x.com", 443, "104.244.42.2")  # feeds are read as ever


def test_practice_platforms_on_this_machine_may_be_called_by_any_of_its_names():
    policy = egress_policy([], [], "http://localhost:8090").publishing()
    assert policy.allows("127.0.0.1", 8025, "127.0.0.1")
    assert not policy.allows("live.example", 8090, "127.0.0.1")


def test_without_practice_mode_what_publishes_has_the_policy_of_all():
    policy = egress_policy([], [], None)
    assert policy.publishing() == policy


def test_a_secret_address_in_the_settings_is_one_that_is_written_there():
    policy = egress_policy([], [{"url": SecretStr("http://127.0.0.1:8065/hooks/a")}], None)
    assert policy.allows("127.0.0.1", 8065, "127.0.0.1")
