"""Passwords: what will do, what a check costs, and how many are checked at once."""

import asyncio

import pytest
from argon2 import PasswordHasher, extract_parameters

from appealbridge.engine.people import passwords
from appealbridge.engine.people.passwords import AT_ONCE, MOST_WAITING, Crowded, Passwords, flaw

GOOD = "correct horse battery"


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("short", "fewer than 12"),
        ("x" * 201, "more than 200"),
        ("aaaaaaaaaaaaaa", "easy to guess"),
        ("alice.smith.alice", "easy to guess"),
        ("appealbridgepassword1", "easy to guess"),
        (GOOD, ""),
        ("Straße Übermut Öl", ""),
    ],
)
def test_a_password_is_long_and_not_the_name(password, problem):
    result = flaw(password, "alice", "Alice Smith", "alice.smith@example.police.uk")
    assert (problem in result) if problem else result == ""


async def test_a_hash_is_argon2id_with_the_work_that_the_page_says():
    result = extract_parameters(await Passwords().hash(GOOD))
    assert (result.type.name, result.memory_cost, result.time_cost) == ("ID", 32 * 1024, 3)


async def test_a_person_who_does_not_exist_costs_the_same_work():
    checks = Passwords()
    real = await checks.hash(GOOD)
    assert not await checks.right(GOOD, "")
    assert extract_parameters(checks._decoy) == extract_parameters(real)
    assert await checks.right(GOOD, real)
    assert not await checks.right("wrong", real)
    assert not await checks.right(GOOD, "what is no hash")
    assert checks.checked == 4


async def test_the_same_word_typed_on_another_keyboard_is_the_same():
    checks = Passwords()
    assert await checks.right(
        "Cafe\u0301 au lait noir", await checks.hash("Caf\u00e9 au lait noir")
    )


async def test_two_are_computed_at_once_and_too_many_are_sent_away(monkeypatch):
    hasher = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", lambda: hasher)
    checks = Passwords()
    tries = [checks.right(GOOD, "") for _ in range(MOST_WAITING + AT_ONCE + 5)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert passwords.PASSWORDS.threads == AT_ONCE == 2
    assert sum(isinstance(each, Crowded) for each in done) == 5
