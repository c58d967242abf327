"""What a plug-in raises is an ordinary error: it concerns this plug-in, and not the program."""

import asyncio

import pytest

from appealbridge.plugin.containment import RaisedBaseException, contain


class PlugIn:
    def counts(self):
        raise SystemExit(3)

    def lists(self):
        yield 1
        raise SystemExit(3)

    async def delivers(self):
        raise KeyboardInterrupt

    async def waits(self, started):
        started.set()
        await asyncio.sleep(1000)

    async def waits_in_vain(self):
        waited = asyncio.ensure_future(asyncio.sleep(1000))
        waited.cancel()
        await waited

    def fails(self):
        raise KeyError("a")


contain(PlugIn)
plug_in = PlugIn()


def test_the_end_of_the_program_becomes_an_error_with_the_same_place():
    with pytest.raises(RaisedBaseException, match="SystemExit: 3") as raised:
        plug_in.counts()
    assert raised.traceback[-1].name == "counts"


def test_also_while_it_lists():
    with pytest.raises(RaisedBaseException):
        list(plug_in.lists())


async def test_also_while_it_waits():
    with pytest.raises(RaisedBaseException, match="KeyboardInterrupt"):
        await plug_in.delivers()
    with pytest.raises(RaisedBaseException, match="CancelledError"):
        await plug_in.waits_in_vain()


async def test_who_cancels_it_sees_that_it_was_cancelled():
    started = asyncio.Event()
    task = asyncio.ensure_future(plug_in.waits(started))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_an_ordinary_error_stays_what_it_is():
    with pytest.raises(KeyError):
        plug_in.fails()
