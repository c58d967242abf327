"""Wrong passwords cost time: more each time, never for good, and within a bound of memory."""

from appealbridge.engine.people import delays
from appealbridge.engine.people.delays import ACCOUNT_FREE, ADDRESS_FREE, FORGOTTEN, LONGEST, Delays


def wrong(table, account, address, now, times):
    """Return the delays that so many wrong attempts meet, each made as soon as it may be."""
    met = []
    for _ in range(times):
        wait = table.begin(account, address, now)
        met.append(wait)
        if wait:
            now += wait
            assert table.begin(account, address, now) == 0.0
    return met, now


def test_the_delay_grows_and_ends_at_a_minute():
    met, _ = wrong(Delays(), "ann", "192.0.2.1", 100.0, 12)
    assert met == [0.0] * (ACCOUNT_FREE + 1) + [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, LONGEST, LONGEST]


def test_an_account_is_delayed_from_every_address_and_others_are_not():
    table = Delays()
    _, now = wrong(table, "ann", "192.0.2.1", 0.0, ACCOUNT_FREE + 1)
    assert table.begin("ann", "192.0.2.2", now) > 0
    assert table.begin("ben", "192.0.2.1", now) == 0.0


def test_one_address_that_tries_many_accounts_is_delayed_too():
    table = Delays()
    for number in range(ADDRESS_FREE + 1):
        assert table.begin(f"user{number}", "192.0.2.1", 0.0) == 0.0
    assert table.begin("another", "192.0.2.1", 0.0) > 0
    assert table.begin("another", "192.0.2.2", 0.0) == 0.0


def test_a_network_of_ipv6_is_one_address():
    table = Delays()
    for number in range(ADDRESS_FREE + 1):
        table.begin(f"user{number}", f"2001:db8::{number:x}", 0.0)
    assert table.begin("another", "2001:db8::ffff", 0.0) > 0
    assert table.begin("another", "2001:db8:0:1::1", 0.0) == 0.0
    assert table.begin("x", "::ffff:192.0.2.1", 0.0) == table.begin("y", "192.0.2.1", 0.0) == 0.0


def test_who_logged_in_from_there_before_is_not_delayed_by_others():
    table = Delays()
    assert table.begin("ann", "192.0.2.1", 0.0) == 0.0
    table.succeeded("ann", "192.0.2.1")
    wrong(table, "ann", "198.51.100.1", 0.0, 8)
    assert table.begin("ann", "192.0.2.1", 0.0) == 0.0


def test_a_right_attempt_and_an_hour_forget_the_wrong_ones():
    table = Delays()
    _, now = wrong(table, "ann", "192.0.2.1", 0.0, 6)
    assert table.begin("ann", "192.0.2.9", now) > 0
    assert table.begin("ann", "192.0.2.9", now + FORGOTTEN + 1) == 0.0
    _, now = wrong(table, "ben", "192.0.2.1", now, 3)
    table.succeeded("ben", "192.0.2.1")
    assert wrong(table, "ben", "192.0.2.8", now, ACCOUNT_FREE)[0] == [0.0] * ACCOUNT_FREE


def test_attempts_at_once_are_not_free():
    table = Delays()
    assert [table.begin("ann", "192.0.2.1", 0.0) > 0 for _ in range(6)] == [False] * 4 + [True] * 2


def test_the_tables_have_a_bound(monkeypatch):
    monkeypatch.setattr(delays, "MOST", 50)
    table = Delays()
    for number in range(500):
        table.begin(f"user{number}", f"10.0.{number // 250}.{number % 250}", 0.0)
        table.succeeded(f"user{number}", f"10.0.{number // 250}.{number % 250}")
        table.begin(f"user{number}", "what is no address " * 9, float(number) * 100)
    sizes = [len(table._accounts.failures), len(table._addresses.failures), len(table._proven)]
    assert max(sizes) <= 50
