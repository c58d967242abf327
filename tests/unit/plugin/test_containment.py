"""What a plug-in raises is an ordinary error: it concerns this plug-in, and not the program."""

import asyncio
import functools

import pytest

from appealbridge.plugin.containment import RaisedBaseException, contain


def decorated(method):
    """Hide that a method is async, or that it lists, as many decorators do."""

    @functools.wraps(method)
    def call(*args, **options):
        return method(*args, **options)

    return call


class Above:
    def inherited(self):
        raise SystemExit(3)


class PlugIn(Above):
    def counts(self):
        raise SystemExit(3)

    def lists(self):
        yield 1
        raise SystemExit(3)

    async def delivers(self):
        raise KeyboardInterrupt

    async def exits(self):
        raise GeneratorExit

    async def exits_later(self):
        await asyncio.sleep(0)
        raise GeneratorExit("later")

    async def awaits_one_that_exits(self):
        await asyncio.gather(self.exits_later())

    @decorated
    async def hidden(self):
        raise GeneratorExit

    @decorated
    def hidden_list(self):
        yield 1
        raise SystemExit(3)

    @staticmethod
    def static():
        raise SystemExit(3)

    @classmethod
    def of_the_class(cls):
        raise SystemExit(3)

    def exits_while_it_lists(self):
        yield 1
        raise GeneratorExit

    def closes(self, seen):
        try:
            yield 1
        finally:
            seen.append("closed")

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


@pytest.mark.parametrize("name", ["exits", "exits_later", "awaits_one_that_exits", "hidden"])
async def test_also_if_it_raises_what_python_raises_to_close_it(name):
    with pytest.raises(RaisedBaseException, match="GeneratorExit"):
        await getattr(plug_in, name)()


@pytest.mark.parametrize("name", ["exits_while_it_lists", "hidden_list"])
def test_also_what_ends_its_list(name):
    with pytest.raises(RaisedBaseException):
        list(getattr(plug_in, name)())


@pytest.mark.parametrize("name", ["inherited", "static", "of_the_class"])
def test_however_the_method_came_into_the_class(name):
    with pytest.raises(RaisedBaseException, match="SystemExit: 3"):
        getattr(plug_in, name)()


def test_what_is_closed_ends_without_an_error():
    seen = []
    entries = plug_in.closes(seen)
    next(entries)
    entries.close()
    assert seen == ["closed"]


async def test_what_waits_and_is_closed_ends_without_an_error():
    waiting = plug_in.waits(asyncio.Event())
    waiting.send(None)
    waiting.close()
    assert waiting.cr_frame is None


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
