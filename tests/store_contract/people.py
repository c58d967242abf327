"""What every store guarantees about people, their sessions and the tokens of systems."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appealbridge.model.actor import Actor, How
from appealbridge.model.audit import Act, Decision
from appealbridge.model.errors import IllegalMove, NotFound
from appealbridge.model.people import Credentials, LogInSession, Token, TokenScope
from appealbridge.store.base import Store
from appealbridge.store.people import MOST_SESSIONS
from tests.store_contract.case import NOW, OpenStore

DAY = 86400.0


def a_session(name: str = "h1", person: str = "ann", at: float = NOW) -> LogInSession:
    """Return a session that began now."""
    return LogInSession(hash=name, person=person, seen=at, ends=at + DAY, strong_at=at)


def a_token(name: str = "cad", hash_: str = "t1") -> Token:
    """Return a token that may read and stop."""
    scopes = frozenset({TokenScope.READ, TokenScope.STOP})
    return Token(name=name, hash=hash_, owner="ann", scopes=scopes, made_at=NOW, ends=NOW + DAY)


async def enrolled(store: Store, person: str = "ann", step: int = 7) -> None:
    """Let a person choose a password."""
    await store.give_code(person, "c1", NOW + DAY)
    fresh = Credentials(id=person, password="pw", totp="JBSWY3DP", totp_step=step, code="c1")
    assert await store.enrol(fresh, NOW)


class StorePeopleContract:
    """Part of `StoreContract`."""

    async def test_people_stay_known_and_who_is_left_out_is_removed_for_good(
        self, open_store: OpenStore
    ) -> None:
        store = await open_store()
        assert await store.keep_people(["ann", "ben"], NOW) == []
        await enrolled(store)
        await store.begin_session(a_session())
        assert await store.keep_people(["ben"], NOW + 1) == ["ann"]
        assert await store.keep_people(["ann", "ben"], NOW + 2) == []
        await store.close()
        again = await open_store()
        known = await again.people()
        assert known["ann"] == Credentials(id="ann", totp_step=7, removed_at=NOW + 1)
        assert known["ben"].removed_at is None
        assert await again.session("h1") is None
        with pytest.raises(NotFound):
            await again.give_code("ann", "c2", NOW + DAY)
        await again.close()

    async def test_a_one_time_code_works_once_and_in_time(self, store: Store) -> None:
        await store.keep_people(["ann"], NOW)
        fresh = Credentials(id="ann", password="pw", totp="JBSWY3DP", totp_step=7, code="c1")
        assert not await store.enrol(replace(fresh, code=""), NOW)
        await store.give_code("ann", "c1", NOW + 10)
        assert not await store.enrol(replace(fresh, code="c2"), NOW)
        assert not await store.enrol(fresh, NOW + 10)
        assert await store.enrol(fresh, NOW + 9)
        assert not await store.enrol(fresh, NOW + 9)
        assert (await store.people())["ann"] == replace(fresh, code="")
        with pytest.raises(NotFound):
            await store.give_code("eve", "c1", NOW + 10)

    async def test_a_reset_ends_sessions_and_takes_the_password(self, store: Store) -> None:
        await store.keep_people(["ann", "ben"], NOW)
        await enrolled(store)
        await store.begin_session(a_session())
        await store.begin_session(a_session("h2", "ben"))
        await store.give_code("ann", "c2", NOW + DAY)
        assert await store.session("h1") is not None
        await store.give_code("ann", "c3", NOW + DAY, reset=True)
        assert await store.session("h1") is None
        assert await store.session("h2") is not None
        ann = (await store.people())["ann"]
        assert (ann.password, ann.totp, ann.code) == ("", "", "c3")

    async def test_a_step_of_the_second_factor_is_used_once_and_none_before_it(
        self, store: Store
    ) -> None:
        await store.keep_people(["ann"], NOW)
        await enrolled(store, step=7)
        assert [await store.use_step("ann", step) for step in (7, 8, 8, 7, 10)] == [
            False, True, False, False, True,
        ]  # fmt: skip
        assert not await store.use_step("eve", 11)

    async def test_a_password_is_replaced_only_if_it_is_still_the_same(self, store: Store) -> None:
        await store.keep_people(["ann"], NOW)
        await enrolled(store)
        await store.new_password("ann", "other", "wrong")
        assert (await store.people())["ann"].password == "pw"
        await store.new_password("ann", "other", "pw")
        assert (await store.people())["ann"].password == "other"

    async def test_a_session_is_seen_and_ended(self, store: Store) -> None:
        await store.begin_session(a_session())
        await store.see_session("h1", NOW + 60)
        assert await store.session("h1") == replace(a_session(), seen=NOW + 60)
        await store.end_session("h1")
        await store.end_session("h1")
        assert await store.session("h1") is None

    async def test_a_person_has_so_many_sessions_and_those_that_are_over_go(
        self, store: Store
    ) -> None:
        await store.begin_session(a_session("other", "ben"))
        await store.begin_session(replace(a_session("over"), ends=NOW + 1))
        for number in range(MOST_SESSIONS + 1):
            await store.begin_session(a_session(f"h{number}", at=NOW + 2 + number))
        names = ["over", *(f"h{number}" for number in range(MOST_SESSIONS + 1))]
        there = [name for name in names if await store.session(name)]
        assert there == [f"h{number}" for number in range(1, MOST_SESSIONS + 1)]
        assert await store.session("other") is not None

    async def test_a_token_is_kept_until_it_is_revoked_and_its_name_is_used_once(
        self, store: Store
    ) -> None:
        await store.keep_token(a_token())
        with pytest.raises(IllegalMove):
            await store.keep_token(a_token(hash_="t2"))
        await store.see_token("cad", NOW + 5)
        assert await store.token("t1") == replace(a_token(), used_at=NOW + 5)
        assert await store.token("t2") is None
        revoked = await store.revoke_token("cad", NOW + 6)
        assert revoked.revoked_at == NOW + 6
        assert (await store.revoke_token("cad", NOW + 9)).revoked_at == NOW + 6
        assert await store.tokens() == [revoked]
        with pytest.raises(NotFound):
            await store.revoke_token("gone", NOW)
        with pytest.raises(IllegalMove):
            await store.keep_token(a_token(hash_="t3"))

    async def test_a_decision_about_people_and_tokens_has_its_entry_only_if_it_is_carried_out(
        self, store: Store
    ) -> None:
        def decided(act: Act, about: str) -> Decision:
            return Decision(actor=Actor("adam", How.LOG_IN), act=act, at=NOW, object=about)

        fresh = Credentials(id="ann", password="pw", totp="JBSWY3DP", totp_step=7, code="c1")
        await store.keep_people(["ann"], NOW, decided(Act.CHANGE_PEOPLE, "people"))
        await store.give_code("ann", "c1", NOW + DAY, decision=decided(Act.INVITE, "person ann"))
        with pytest.raises(NotFound):
            await store.give_code("eve", "c1", NOW, decision=decided(Act.INVITE, "person eve"))
        enrolment = decided(Act.ENROL, "person ann")
        assert [await store.enrol(fresh, NOW, enrolment) for _ in range(2)] == [True, False]
        reset = decided(Act.RESET, "person ann")
        await store.give_code("ann", "c2", NOW + DAY, reset=True, decision=reset)
        await store.keep_token(a_token(), decided(Act.MAKE_TOKEN, "token cad"))
        with pytest.raises(IllegalMove):
            await store.keep_token(a_token(), decided(Act.MAKE_TOKEN, "token cad"))
        await store.revoke_token("cad", NOW, decided(Act.REVOKE_TOKEN, "token cad"))
        with pytest.raises(NotFound):
            await store.revoke_token("gone", NOW, decided(Act.REVOKE_TOKEN, "token gone"))
        assert [(entry.act, entry.object) for entry in await store.audit()] == [
            (Act.CHANGE_PEOPLE, "people"),
            (Act.INVITE, "person ann"),
            (Act.ENROL, "person ann"),
            (Act.RESET, "person ann"),
            (Act.MAKE_TOKEN, "token cad"),
            (Act.REVOKE_TOKEN, "token cad"),
        ]
