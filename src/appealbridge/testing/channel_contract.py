"""
What every channel owes to whoever relies on it, as a suite that a plug-in's own tests inherit.

    from appealbridge.testing import ChannelCase, HttpChannelContract

    class TestTweet(HttpChannelContract):
        case = ChannelCase(channel=X(), options={...}, secrets={...}, message={...})

Here stands what holds whatever the platform speaks; `http_contract` and `mail_contract` add the
rest. `tests/contract/test_channels.py` holds the built-in channels to it.
"""

from __future__ import annotations

import asyncio
import inspect
import random
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar, get_args

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from appealbridge.clock import SystemClock
from appealbridge.model.errors import DeliveryError, TryAgain, Unsure
from appealbridge.plugin.channel import Person, Tools
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.logins import Logins
from appealbridge.plugin.http.session import open_session
from appealbridge.plugin.images import AcceptsImages, PublishesUploads, UploadsImages
from appealbridge.plugin.options import Options
from appealbridge.plugin.published import Edits, Removes
from appealbridge.redact import Redactor, with_parts
from appealbridge.testing.ability_contract import EditsContract, RemovesContract
from appealbridge.testing.channel_case import (
    NOW,
    PLANTED,
    ChannelCase,
    forms_of_the_planted_secret,
)
from appealbridge.testing.image_contract import (
    ImagesContract,
    PublishedUploadsContract,
    UploadsContract,
)
from appealbridge.testing.server import this_machine

PRACTICE = "http://127.0.0.1:8090"


class ChannelContract(ABC):
    """What holds whatever the platform speaks. A subclass has a `platform` fixture and knows how to spoil it."""

    case: ClassVar[ChannelCase]
    scheme: ClassVar[str] = "http"

    @pytest.fixture
    def free_port(self) -> Iterator[int]:
        """Return a port on which nobody listens."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            yield listener.getsockname()[1]

    @pytest.fixture
    async def tools(self) -> AsyncIterator[Tools]:
        """Hand out the door to the network, which knows the planted secret."""
        async with open_session(policy=this_machine) as session:
            # Of an address that is a secret, a daemon knows no more than the address.
            known = [f"http://a.example{self.case.path}", *([PLANTED] if self.case.secrets else ())]
            secrets = with_parts(known)
            logins = Logins(first=self.case.login, about=self.case.login_about)
            now, clean = SystemClock().now, Redactor(secrets).clean
            http = Http(session, clean, now=now, timeout=5.0, logins=logins)
            yield Tools(http, NOW, random.Random(0))  # noqa: S311 - the same in every run

    @abstractmethod
    def loses_the_answer(self, platform: Any) -> None:
        """Let the platform take the next message and hang up."""

    @abstractmethod
    async def dawdles(self, platform: Any) -> None:
        """Let the platform say nothing to the next message; return once it has come."""

    @abstractmethod
    def repeats_what_it_heard(self, platform: Any) -> None:
        """Let the platform refuse the next message with all that it was sent, word for word."""

    # -- what it says of itself -----------------------------------------------------------------

    def test_each_ability_is_held_to_its_suite(self) -> None:
        """A channel that inherits an ability has tests that inherit its suite."""
        suites = {
            Removes: RemovesContract,
            Edits: EditsContract,
            AcceptsImages: ImagesContract,
            UploadsImages: UploadsContract,
            PublishesUploads: PublishedUploadsContract,
        }
        channel = self.case.channel
        has = {suite for ability, suite in suites.items() if isinstance(channel, ability)}
        assert {suite for suite in suites.values() if isinstance(self, suite)} == has

    def test_every_option_has_a_sentence_and_an_example(self) -> None:
        """Docs, schema and forms are made of them."""
        described(self.case.channel.account)
        described(self.case.channel.message)

    def test_the_docstring_shows_a_step_and_an_account_that_load(self) -> None:
        """What a reader copies first has to work."""
        channel = self.case.channel
        examples = shown(inspect.getmodule(type(channel)))
        assert len(examples) == 2, (
            "the docstring of the module must show two indented blocks of YAML: a step of a recipe, which begins with "
            "- action:, and an account with its name and platform: (see docs/plug-ins.md)"
        )
        (step,), accounts = examples
        ((name, account),) = accounts.items()
        assert (step.pop("action"), step.pop("channel")) == (channel.action, name)
        assert account.pop("platform") == channel.platform
        channel.message.model_validate(step)
        channel.account.model_validate(account)

    def test_practice_needs_no_secret_and_keeps_no_live_address(self) -> None:
        """Practice mode cannot post for real, whatever stands in appealbridge.yaml."""
        case = self.case
        live = {**case.options, **case.secrets, case.address: f"{self.scheme}://live.example:1"}
        account = case.channel.account(**case.channel.practice("force", live, PRACTICE))
        same = case.channel.account(**case.channel.practice("force", case.options, PRACTICE))
        assert account == same
        assert "//127.0.0.1:" in _revealed(getattr(account, case.address))
        assert PLANTED not in account.model_dump_json(context=None) + repr(_revealed(account))

    def test_a_message_fits_its_platform(self) -> None:
        """The case's message has to be one that the platform takes."""
        measure = self.case.channel.measure(
            self.case.account(f"{self.scheme}://127.0.0.1"), self.case.wanted()
        )
        assert measure is None or measure.fits

    def test_what_tells_a_person_is_one_message_that_fits(self) -> None:
        """Who is told that something went wrong must not be lost to a second thing that does."""
        account = self.case.account(f"{self.scheme}://127.0.0.1")
        person = Person("dana", "dana@example.org")
        message = self.case.channel.tell(account, person, "AppealBridge: it failed", "Why.\n" * 99)
        if message is not None:
            assert (
                self.case.channel.message.model_validate_json(message.model_dump_json()) == message
            )
            assert len([*self.case.channel.parts(account, message)]) == 1
            measure = self.case.channel.measure(account, message)
            assert measure is None or measure.fits

    # -- one attempt ----------------------------------------------------------------------------

    async def test_when_all_is_well_there_is_a_receipt(self, platform: Any, tools: Tools) -> None:
        """The platform's own id is what makes a withdrawal possible."""
        receipt = await self.case.deliver(platform.url, tools)
        assert receipt.id
        known = self.case.channel.known_receipt(
            self.case.account(platform.url), self.case.delivery()
        )
        assert known in (None, receipt)

    async def test_a_refused_port_is_try_again(self, free_port: int, tools: Tools) -> None:
        """Nothing was sent, so nothing can have been done."""
        with pytest.raises(TryAgain):
            await self.case.deliver(f"{self.scheme}://127.0.0.1:{free_port}", tools)

    async def test_a_lost_answer_is_unsure(self, platform: Any, tools: Tools) -> None:
        """The message may stand there."""
        self.loses_the_answer(platform)
        with pytest.raises(Unsure):
            await self.case.deliver(platform.url, tools)

    async def test_no_error_tells_a_secret(self, platform: Any, tools: Tools) -> None:
        """Errors are stored, logged and shown."""
        self.repeats_what_it_heard(platform)
        with pytest.raises(DeliveryError) as caught:
            await self.case.deliver(platform.url, tools)
        error = caught.value
        text = f"{error} {error!r} {error.__cause__!r}"
        assert str(error)
        assert not [form for form in forms_of_the_planted_secret() if form in text]

    async def test_a_cancelled_attempt_leaves_no_connection(
        self, platform: Any, tools: Tools
    ) -> None:
        """Stopping the program takes all that is under way along."""
        dawdling = asyncio.create_task(self.dawdles(platform))
        attempt = asyncio.create_task(self.case.deliver(platform.url, tools))
        await dawdling
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        await platform.is_left()


def described(model: type[BaseModel]) -> None:
    """Fail if an option has no description or no example."""
    for name, option in _fields(model):
        assert option.description, f"{name} has no description"
        assert option.examples, f"{name} has no example"


def _fields(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, option in model.model_fields.items():
        yield f"{above}{name}", option
        for inner in (option.annotation, *get_args(option.annotation)):
            if isinstance(inner, type) and issubclass(inner, Options):
                yield from _fields(inner, f"{above}{name}.")


def shown(module: Any) -> list[Any]:
    """Return the indented blocks of YAML in a module's docstring, with templates and secrets filled in."""

    class Loader(yaml.SafeLoader):
        pass

    resolvers = yaml.SafeLoader.yaml_implicit_resolvers.items()
    # `on` is a word here, and not true
    Loader.yaml_implicit_resolvers = {first: kind for first, kind in resolvers if first not in "oO"}
    Loader.add_constructor("!secret", lambda _, node: f"https://secret.invalid/{node.value}")
    blocks: list[list[str]] = []
    indented = False
    for line in inspect.cleandoc(module.__doc__ or "").splitlines():
        if line.startswith("    ") and not indented:
            blocks.append([])
        if line:
            indented = line.startswith("    ")
        if indented:
            blocks[-1].append(line)
    return [
        _filled(yaml.load("\n".join(block), Loader))  # noqa: S506 - it is a SafeLoader
        for block in blocks
    ]


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _filled(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner) for inner in value]
    # An address is a text as well, so it fits wherever a template may stand.
    return "desk@example.org" if isinstance(value, str) and "{{" in value else value


def _revealed(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {name: _revealed(getattr(value, name)) for name in type(value).model_fields}
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value
