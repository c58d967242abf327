"""What every store guarantees for runs that wait: they get the events about their subject, one run after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from appealbridge.model.event import Event
from appealbridge.model.run import Run, RunState
from appealbridge.store.base import Store
from appealbridge.store.records import Arrival, OpenRun, Over
from tests.store_contract.case import NOW, OpenStore, a_run, an_event

LATER = NOW + 3 * 86_400


def waiting(number: int, subject: str = "A38", **more: object) -> Arrival:
    """Return an event and its run, which waits until three days later."""
    event = an_event(number, subject=subject)
    return Arrival(event, [a_run(event, **{"wake_at": LATER, **more})])  # type: ignore[arg-type] # handed on


def comes(number: int, subject: str = "A38") -> Arrival:
    """Return an event that no recipe wants."""
    return Arrival(an_event(number, subject=subject, received_at=NOW + number))


async def woken(store: Store) -> Sequence[OpenRun]:
    """Return the runs that are awake long before their time."""
    return await store.woken_runs(LATER - 1, 10)


def over(arrival: Arrival) -> Run:
    """Return the run of an arrival as it is once it is over."""
    return replace(arrival.runs[0], state=RunState.PLANNED, wake_at=None)


def later_events(run: OpenRun) -> list[Event]:
    """Return the later events of a run."""
    return [*run.later_events]


class StoreWaitingContract:
    """Hearing, and taking turns."""

    async def test_a_run_that_waits_is_woken_by_an_event_of_its_subject(self, store: Store) -> None:
        """In the transaction that stores the event, and with the event itself."""
        await store.accept([waiting(1)])
        closed = comes(2)
        (accepted,) = await store.accept([closed])
        assert accepted.woke_runs
        (run,) = await woken(store)
        assert (run.run.id, later_events(run)) == (waiting(1).runs[0].id, [closed.event])
        assert run.run.wake_at == closed.event.received_at

    async def test_events_are_heard_in_the_order_in_which_they_came(
        self, store: Store, open_store: OpenStore
    ) -> None:
        """Those of one and the same transaction too, and after a restart."""
        await store.accept([waiting(1), comes(3), comes(2)])
        await store.accept([comes(4)])
        await store.close()
        again = await open_store()
        (run,) = await woken(again)
        await again.close()
        assert later_events(run) == [comes(3).event, comes(2).event, comes(4).event]

    async def test_nothing_else_is_heard(self, store: Store) -> None:
        """Not its own event, none that came before, of another subject or of none; nor by a run that does not wait."""
        plain = Arrival(an_event(6, subject="A38"), [a_run(an_event(6))])
        before = await store.accept([comes(2), plain, waiting(1), waiting(7, subject="")])
        after = await store.accept([comes(3, "M6"), comes(4, "")])
        assert [each.woke_runs for each in (*before, *after)] == [False] * 6
        assert await woken(store) == []

    async def test_another_senders_events_are_not_heard(self, store: Store) -> None:
        """What a stranger says about A38, or whatever he calls its type, ends nobody's wait."""
        await store.accept([waiting(1)])
        stranger = an_event(2, subject="A38", source="webhook:stranger", type="appeal.closed")
        (accepted,) = await store.accept([Arrival(stranger)])
        assert not accepted.woke_runs
        assert await woken(store) == []

    async def test_joined_sources_hear_each_other(self, store: Store) -> None:
        """As the settings say that they speak about the same things."""
        first = an_event(1, subject="A38", source="webhook:b", joined="webhook:a")
        await store.accept([Arrival(first, [a_run(first, wake_at=LATER)])])
        for number, source, joined in ((2, "webhook:c", "webhook:a"), (3, "webhook:a", "")):
            event = an_event(number, subject="A38", source=source, joined=joined)
            (accepted,) = await store.accept([Arrival(event)])
            assert accepted.woke_runs

    async def test_another_senders_runs_are_in_nobodys_way(self, store: Store) -> None:
        """Neither before them nor behind them."""
        await store.accept([waiting(1)])
        stranger = an_event(2, subject="A38", source="webhook:stranger")
        arrival = Arrival(stranger, [a_run(stranger, wake_at=LATER)])
        await store.accept([arrival])
        assert await store.runs_before(arrival.runs[0].id) == []
        await store.advance(over(waiting(1)), 0, ())
        assert await woken(store) == []

    async def test_a_repeat_is_not_heard_again(self, store: Store) -> None:
        """It is the same event."""
        await store.accept([waiting(1)])
        await store.accept([comes(2)])
        (repeat,) = await store.accept([comes(2)])
        assert (repeat.repeat, repeat.woke_runs) == (True, False)
        (run,) = await woken(store)
        assert len(later_events(run)) == 1

    async def test_a_run_stays_awake_for_an_event_that_it_has_not_seen(self, store: Store) -> None:
        """It came while the run was being planned."""
        await store.accept([waiting(1)])
        await store.accept([comes(2)])
        (run,) = await woken(store)
        await store.accept([comes(3)])
        await store.advance(replace(run.run, wake_at=LATER), run.wakes, [])
        (again,) = await woken(store)
        await store.advance(replace(run.run, wake_at=LATER), again.wakes, [])
        assert len(later_events(again)) == 2
        assert await woken(store) == []

    async def test_what_a_run_need_not_hear_is_let_go(self, store: Store) -> None:
        """The rest is kept as long as it is open."""
        await store.accept([waiting(1)])
        await store.accept([comes(2), comes(3)])
        (run,) = await woken(store)
        await store.advance(run.run, run.wakes, [], [comes(2).event.id])
        await store.accept([comes(4)])
        (again,) = await woken(store)
        assert later_events(again) == [comes(3).event, comes(4).event]

    async def test_the_marks_of_a_run_are_kept(self, store: Store) -> None:
        """Those that it has from the first, and those that it makes later."""
        marks = {"actions[0]": {"way": "then"}}
        await store.accept([waiting(1, marks=marks)])
        run = await store.run(waiting(1).runs[0].id)
        assert run.marks == marks
        more = {**marks, "actions[1]": {"until": LATER}}
        await store.advance(replace(run, marks=more), 0, [])
        assert (await store.run(run.id)).marks == more

    async def test_a_run_knows_which_ones_stand_before_it(self, store: Store) -> None:
        """The open ones of its recipe and subject that are older, the oldest first."""
        await store.accept([waiting(n) for n in (1, 2, 3)])
        await store.accept([waiting(4, "M6"), waiting(5, ""), waiting(6, "")])
        other = an_event(7, subject="A38")
        await store.accept([Arrival(other, [a_run(other, "another", wake_at=LATER)])])
        runs = [waiting(n).runs[0] for n in (1, 2, 3)]
        woken = [replace(run, wake_at=NOW + 1) for run in runs[:2]]
        assert [run.id for run in await store.runs_before(runs[2].id)] == [run.id for run in woken]
        for alone in (
            runs[0],
            waiting(4, "M6").runs[0],
            waiting(6, "").runs[0],
            a_run(other, "another"),
        ):
            assert await store.runs_before(alone.id) == []
        await store.advance(over(waiting(1)), 9, [])
        assert [run.id for run in await store.runs_before(runs[2].id)] == [runs[1].id]

    async def test_when_a_run_is_over_the_next_one_is_woken(self, store: Store) -> None:
        """Even one that was being planned meanwhile; and those of other subjects sleep on."""
        await store.accept([waiting(1), waiting(2), waiting(3), waiting(4, "M6")])
        for run in await woken(store):
            await store.advance(replace(run.run, wake_at=None), run.wakes, [])
        assert await woken(store) == []
        await store.advance(over(waiting(1)), 0, [])
        (second,) = await woken(store)
        assert second.run.id == waiting(2).runs[0].id
        await store.advance(replace(second.run, wake_at=LATER), second.wakes - 1, [])
        assert len(await woken(store)) == 1

    async def test_a_run_that_is_over_hears_nothing(self, store: Store) -> None:
        """What it heard is kept for nobody."""
        await store.accept([waiting(1)])
        await store.accept([comes(2)])
        await store.advance(over(waiting(1)), 9, [])
        (accepted,) = await store.accept([comes(3)])
        assert not accepted.woke_runs

    async def test_what_a_run_has_heard_stays_until_the_run_is_over(self, store: Store) -> None:
        """Its later steps may speak of it."""
        await store.accept([waiting(1)])
        await store.accept([comes(2)])
        await store.empty(Over(LATER))
        assert (await store.event(comes(2).event.id)).data
        await store.advance(over(waiting(1)), 9, [])
        await store.empty(Over(LATER))
        assert (await store.event(comes(2).event.id)).removed

    # -- an event that is run again -------------------------------------------------------------

    async def test_a_run_of_an_event_that_is_there_is_stored_once_and_awake(
        self, store: Store
    ) -> None:
        """However often it is asked for: the id is what makes it one."""
        event = an_event(1)
        await store.accept([Arrival(event, [a_run(event, state=RunState.FAILED)])])
        marks = {"left_out": {"tweet": [1]}}
        again = replace(a_run(event, wake_at=NOW), id=f"{a_run(event).id}~2", marks=marks)
        assert await store.run_again([again], ()) == [again]
        assert await store.run_again([again], ()) == []
        assert [run.run for run in await store.woken_runs(NOW, 10)] == [again]
        assert {run.id for run in await store.runs(event_id=event.id)} == {
            a_run(event).id, again.id,
        }  # fmt: skip

    async def test_a_run_again_that_waits_hears_what_has_come_since(self, store: Store) -> None:
        """What a stranger has said about it counts here as little as it would have then."""
        first, closed = an_event(1, subject="A38"), comes(2)
        stranger = Arrival(an_event(3, subject="A38", source="webhook:stranger"))
        await store.accept([comes(4), Arrival(first), closed, stranger, comes(5, "M6")])
        again = replace(a_run(first, wake_at=NOW), id=f"{a_run(first).id}~2")
        await store.run_again([again], [again.id])
        (run,) = await store.woken_runs(NOW, 10)
        assert later_events(run) == [closed.event]
        await store.accept([comes(6)])
        (run,) = await store.woken_runs(NOW + 6, 10)
        assert later_events(run) == [closed.event, comes(6).event]
