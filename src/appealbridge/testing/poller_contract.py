"""
What every trigger owes that polls a source over HTTP, as a suite that a plug-in's own tests inherit.

    from appealbridge.testing import PollerCase, PollerContract

    class TestRoadworks(PollerContract):
        case = PollerCase(trigger=Roadworks(), options={...}, source={...}, listing=(200, [...]))
"""

from __future__ import annotations

import asyncio
import inspect
import random
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson
import pytest

from appealbridge.clock import SystemClock
from appealbridge.model.errors import DeliveryError, SourceError
from appealbridge.plugin.channel import Tools
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.plugin.trigger import AnyPoller, Item, PolledSource, PollResult
from appealbridge.redact import Redactor
from appealbridge.testing.channel_case import NOW, PLANTED, forms_of_the_planted_secret
from appealbridge.testing.channel_contract import described, shown
from appealbridge.testing.server import (
    DAWDLE,
    HANG_UP,
    TRUNCATE,
    Answer,
    ScriptedServer,
    this_machine,
)

_TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


@dataclass(frozen=True)
class PollerCase:
    """
    One trigger, ready for the suite.

    `options` are those of a trigger in a recipe, `source` those of a source in appealbridge.yaml without its
    address, which stands under the name `address`, and its `secrets`, with `PLANTED` in them. `listing` is what
    the source answers if all is well, with at least two items.
    """

    trigger: AnyPoller
    listing: Answer
    options: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict)
    address: str = "url"

    def at(self, url: str, **changes: Any) -> Any:
        """Return the source as it is at a server."""
        options_ = {**self.source, **self.secrets, self.address: url, **changes}
        return self.trigger.source_options.model_validate(options_)

    async def poll(self, url: str, tools: Tools) -> PollResult:
        """Poll a server once."""
        return await self.trigger.poll(self.at(url), {}, tools)


class PollerContract:
    """What holds for every trigger that polls. A subclass has a `case`."""

    case: ClassVar[PollerCase]

    @pytest.fixture
    async def tools(self) -> AsyncIterator[Tools]:
        """Hand out the door to the network, which knows the planted secret."""
        async with open_session(policy=this_machine) as session:
            http = Http(session, Redactor([PLANTED]).clean, now=SystemClock().now, timeout=5.0)
            yield Tools(http, NOW, random.Random(0))  # noqa: S311 - the same in every run

    @pytest.fixture
    async def server(self) -> AsyncIterator[ScriptedServer]:
        """Start the source's server; left alone, it lists what the case says."""
        async with ScriptedServer(self.case.listing) as server:
            yield server

    def test_every_option_has_a_sentence_and_an_example(self) -> None:
        """Docs, schema and forms are made of them."""
        described(self.case.trigger.options)
        described(self.case.trigger.source_options)

    def test_the_docstring_shows_a_trigger_and_a_source_that_load(self) -> None:
        """What a reader copies first has to work."""
        trigger = self.case.trigger
        first, *others = shown(inspect.getmodule(type(trigger)))
        (entry,) = first["triggers"]
        assert entry.pop("trigger") == trigger.name
        trigger.options.model_validate(entry)
        for other in others:
            for source in other[trigger.section].values():
                trigger.source_options.model_validate(source)

    async def test_every_item_is_one_that_can_be_stored(
        self, server: ScriptedServer, tools: Tools
    ) -> None:
        """An item that cannot be stored would be lost."""
        items = await _items(self.case, server, tools)
        assert len({item.identity for item in items}) == len(items) >= 2
        for item in items:
            assert item.identity
            assert item.digest
            assert isinstance(item.subject, str)
            assert orjson.loads(orjson.dumps(item.data)) == item.data
            assert all(_TYPE.fullmatch(kind) for kind in (item.on_new, item.on_changed) if kind)

    async def test_what_is_listed_again_is_the_same(
        self, server: ScriptedServer, tools: Tools
    ) -> None:
        """A new identity publishes an item again, a new digest says that it changed."""
        first, second = [await _items(self.case, server, tools) for _ in range(2)]
        assert [(item.identity, item.digest) for item in first] == [
            (item.identity, item.digest) for item in second
        ]

    async def test_templates_are_told_the_names_that_there_are(
        self, server: ScriptedServer, tools: Tools
    ) -> None:
        """`check` finds a misspelt name only if the trigger says which there are."""
        names = self.case.trigger.fields(
            self.case.trigger.options.model_validate(self.case.options), self.case.at(server.url)
        )
        if names is None or "*" in names:
            return
        for item in await _items(self.case, server, tools):
            assert {name for name in item.data if name not in names} == set()

    def test_how_often_it_is_polled_is_no_reason_to_forget_what_was_seen(self) -> None:
        """Otherwise everything listed would be new after a change of `every`."""
        trigger, url = self.case.trigger, "http://127.0.0.1:9"
        assert issubclass(trigger.source_options, PolledSource)
        assert trigger.basis(self.case.at(url)) == trigger.basis(self.case.at(url, every=7.0))
        assert trigger.basis(self.case.at(url)) != trigger.basis(self.case.at(f"{url}/other"))

    @pytest.mark.parametrize(
        "answer",
        [401, 403, 404, 429, 500, 503, HANG_UP, TRUNCATE, (200, "<html>Hello</html>"), (200, "")],
        ids=str,
    )
    async def test_a_source_that_cannot_be_read_is_down(
        self, server: ScriptedServer, tools: Tools, answer: Answer
    ) -> None:
        """An empty list instead would be taken for what the source lists."""
        server.answers(answer, answer)  # a request that changes nothing may be made again
        with pytest.raises((SourceError, DeliveryError)):
            await self.case.poll(server.url, tools)

    async def test_retry_after_is_handed_on(self, server: ScriptedServer, tools: Tools) -> None:
        """The source knows best when it wants to see us again."""
        server.answers((503, {}, {"Retry-After": "7"}))
        with pytest.raises((SourceError, DeliveryError)) as caught:
            await self.case.poll(server.url, tools)
        assert getattr(caught.value, "after", None) == 7.0

    async def test_no_error_tells_a_secret(self, server: ScriptedServer, tools: Tools) -> None:
        """Errors are stored, logged and shown."""
        server.answers(lambda request: (400, f"{[*request.headers.items()]} {request.query}"))
        with pytest.raises((SourceError, DeliveryError)) as caught:
            await self.case.poll(server.url, tools)
        assert str(caught.value)
        assert not [form for form in forms_of_the_planted_secret() if form in str(caught.value)]

    async def test_a_cancelled_poll_leaves_no_connection(
        self, server: ScriptedServer, tools: Tools
    ) -> None:
        """Stopping the program takes all that is under way along."""
        server.answers(DAWDLE)
        polling = asyncio.create_task(self.case.poll(server.url, tools))
        await server.hears(1)
        polling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await polling
        await server.is_left()


async def _items(case: PollerCase, server: ScriptedServer, tools: Tools) -> list[Item]:
    look = await case.poll(server.url, tools)
    assert look.items is not None
    return list(look.items)
