"""A login is log_in for once, kept, and renewed once; nobody else reads it."""

import asyncio
import stat

import pytest

from appealbridge.plugin import TryAgain
from appealbridge.plugin.http import Http, Logins, StaleLogin
from appealbridge.plugin.http.session import open_session
from appealbridge.testing.server import this_machine

NAME = "example https://api.example force"


class Platform:
    """Gives logins that are called token-1, token-2, …, and takes only the newest."""

    def __init__(self):
        self.log_ins = 0
        self.attempts = []

    async def renew(self, login):
        await asyncio.sleep(0)
        self.log_ins += 1
        login.begins(float(self.log_ins))
        login.tokens["access"] = f"token-{self.log_ins}"

    async def attempt(self, login):
        self.attempts.append(login.tokens["access"])
        if login.tokens["access"] != f"token-{self.log_ins}":
            raise StaleLogin("expired")
        return "done"


@pytest.fixture
def platform():
    return Platform()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "bridge.db.logins"


async def test_many_attempts_at_once_need_one_login(platform):
    logins = Logins()
    tries = [logins.use(NAME, platform.renew, platform.attempt) for _ in range(20)]
    assert set(await asyncio.gather(*tries)) == {"done"}
    assert platform.log_ins == 1


async def test_an_expired_login_is_renewed_once_for_all_attempts_at_the_same_time(platform):
    logins = Logins()
    await logins.use(NAME, platform.renew, platform.attempt)
    platform.log_ins += 1  # the platform forgets the first one
    tries = [logins.use(NAME, platform.renew, platform.attempt) for _ in range(20)]
    assert set(await asyncio.gather(*tries)) == {"done"}
    assert platform.log_ins == 3


async def test_an_attempt_is_made_twice_at_most(platform):
    async def never(login):
        platform.attempts.append(login)
        raise StaleLogin("expired")

    with pytest.raises(StaleLogin):
        await Logins().use(NAME, platform.renew, never)
    assert len(platform.attempts) == 2


async def test_a_restart_needs_no_new_login(platform, file):
    for _ in range(3):
        assert await Logins(file).use(NAME, platform.renew, platform.attempt) == "done"
    assert platform.log_ins == 1
    assert platform.attempts == ["token-1"] * 3


async def test_only_its_owner_can_read_the_file(platform, file):
    await Logins(file).use(NAME, platform.renew, platform.attempt)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == [file.name]


async def test_what_was_begun_is_kept_even_if_no_login_was_given(file):
    async def refused(login):
        login.begins(100.0)
        raise TryAgain("not now")

    with pytest.raises(TryAgain):
        await Logins(file).current(NAME, refused)
    result = []

    async def log_in(login):
        result.append(login.wait(101.0, [(1, 300.0)]))
        login.tokens["access"] = "token"

    await Logins(file).current(NAME, log_in)
    assert result == [299.0]


async def test_limits_are_kept_however_the_clock_jumps(platform):
    login = await Logins().current(NAME, platform.renew)
    login.begun = [1000.0, 1010.0]
    assert login.wait(1020.0, [(2, 60.0), (3, 3600.0)]) == 40.0
    assert login.wait(1060.0, [(2, 60.0)]) == 0.0
    assert login.wait(0.0, [(2, 60.0)]) == 60.0
    assert login.wait(1020.0, [(3, 60.0)]) == 0.0


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"a": 1}', b'{"a": {"tokens": 7}}', b"\xff"]
)
async def test_a_file_that_is_broken_is_as_good_as_none(platform, file, content):
    file.write_bytes(content)
    assert await Logins(file).use(NAME, platform.renew, platform.attempt) == "done"


async def test_a_login_is_good_although_it_cannot_be_kept(platform, tmp_path):
    logins = Logins(tmp_path / "no such folder" / "logins")
    for _ in range(2):
        assert await logins.use(NAME, platform.renew, platform.attempt) == "done"
    assert platform.log_ins == 1


async def test_tokens_are_masked_like_every_other_secret(platform):
    logins = Logins()

    async def long(login):
        login.tokens["access"] = "eyJhbGciOiJIUzI1NiJ9.long"

    async with open_session(policy=this_machine) as session:
        http = Http(session, str.strip, now=lambda: 0.0, logins=logins).reporting_to(print)
        await logins.current(NAME, long)
        assert http.clean(" a eyJhbGciOiJIUzI1NiJ9.long b ") == "a *** b"
