"""The interface of a channel, which publishes messages on one platform."""

from __future__ import annotations

import base64
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

import orjson
from pydantic import Field

from appealbridge.media.values import ImageLimits, Rendition
from appealbridge.model.delivery import Delivery
from appealbridge.model.duration import Duration
from appealbridge.model.errors import Rejected
from appealbridge.model.rate import RateText
from appealbridge.model.receipt import Receipt
from appealbridge.model.value import value
from appealbridge.plugin.appearance import Appearance
from appealbridge.plugin.containment import contain
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.rate_headers import Allowance, allowance
from appealbridge.plugin.http.reply import Reply
from appealbridge.plugin.message_images import Image
from appealbridge.plugin.options import Options, Secret, address_options
from appealbridge.plugin.retry import Retry


class Repeat(StrEnum):
    """
    What happens on this platform to a delivery with an unclear outcome.

    `findable`: the account is searched for it. `idempotent`: the platform recognises our key for `key_seconds`, so a
    channel without `find` sends it again. `neither`: a person decides.
    """

    IDEMPOTENT = "idempotent"
    FINDABLE = "findable"
    NEITHER = "neither"


class WhenUnsure(StrEnum):
    """What to do if an outcome stays unclear: hold the delivery for a person, or send it again."""

    HOLD = "hold"
    SEND_AGAIN = "send_again"


class SameText(StrEnum):
    """What to do with a message that is repeated within a day: hold it for a person, or publish it."""

    HOLD = "hold"
    ALLOW = "allow"


class AltText(StrEnum):
    """Whether a picture needs an alt text: without one it is held for a person, or published."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class Account(Options):
    """
    The options of an account in appealbridge.yaml that all platforms have.

    A platform's own account model adds its credentials and its `api` address.
    """

    daily_cap: int | None = Field(
        None,
        ge=1,
        description="The largest number of posts in a day. Any more are held for a person, never dropped.",
        examples=[60],
    )
    concurrency: int = Field(
        4, ge=1, le=256, description="How many attempts may run at the same time.", examples=[4]
    )
    when_unsure: WhenUnsure = Field(
        WhenUnsure.HOLD,
        description="What to do when neither the platform nor a search of the account shows whether a "
        "message went out: hold it for a person, or send it again.",
        examples=["hold"],
    )
    same_text: SameText = Field(
        SameText.HOLD,
        description="What to do with a message that went out on this account within the last day, word for "
        "word: hold it for a person, or publish it again.",
        examples=["allow"],
    )

    alt_text: AltText = Field(
        AltText.REQUIRED,
        description="Whether a message with a picture that has no alt text is held for a person (`required`) or "
        "published (`optional`).",
        examples=["optional"],
    )
    repeat_after: Duration = Field(
        60.0,
        gt=0,
        description="How long to wait after an unclear answer before a message that is not found on the "
        "account is sent again. A slow platform may still publish it in that time.",
        examples=["60s"],
    )
    rate: RateText | None = Field(
        None,
        description="How many posts may begin in any such period; the others wait. Limits that the platform "
        "itself announces are kept anyway.",
        examples=["30 per 15m"],
    )
    retry: Retry = Field(
        Retry(),
        description="How to repeat attempts that certainly published nothing.",
        examples=[{"within": "6h", "longest": "2m"}],
    )


@value
class Measure:
    """The length of a text on its platform: `count` of at most `limit`, in `unit`."""

    field: str
    count: int
    limit: int
    unit: str

    @property
    def fits(self) -> bool:
        """Whether the platform accepts a text of this length."""
        return self.count <= self.limit


@value
class SearchResult:
    """
    The result of a search of the account.

    With a `receipt` the message is published. Without one it is certainly absent if `sure`, otherwise it is not known.
    `seen` says for people what was searched and found.
    """

    receipt: Receipt | None
    sure: bool
    seen: str


Render = Callable[[bytes, ImageLimits], Awaitable[Rendition]]
"""Makes a picture that came from outside into one within these limits, upright and without metadata."""


async def _no_images(sha256: str) -> bytes:
    raise Rejected(f"the image {sha256} is not stored any more")


async def _no_renderer(data: bytes, limits: ImageLimits) -> Rendition:
    raise Rejected("no picture can be made ready here")


@value
class Tools:
    """
    What a plug-in gets: the HTTP client, the time (Unix seconds UTC), and randomness.

    `stored` returns the bytes of a stored image by its SHA-256; plug-ins call `data_of`. No
    other picture from outside may be published than one that `render` made; it raises `Rejected` for what is none.
    """

    http: Http
    now: float
    random: random.Random
    stored: Callable[[str], Awaitable[bytes]] = _no_images
    render: Render = _no_renderer

    async def data_of(self, image: Image) -> bytes:
        """
        Return the bytes of an image's stored rendition.

        Raise `TryAgain` if the store cannot give them now, and `Rejected` if they are gone. They may be some megabytes:
        ask for them when they are needed, and keep them no longer.
        """
        return await self.stored(image.rendition.sha256)

    def clean(self, text: str) -> str:
        """Return a text without the program's secrets, for an error that does not come from `http`."""
        return self.http.clean(text)


@value
class Person:
    """Someone who gets notices, by name; `email` is empty if not known."""

    name: str
    email: str = ""


A = TypeVar("A", bound=Account)
M = TypeVar("M", bound=Options)


class Channel(ABC, Generic[A, M]):
    """
    Publishes messages on one platform. A subclass makes one attempt at a time; the engine does everything else.

    This is the life of a channel, step by step. An object has no state of its own: all methods get what they need.

    1. *Options are read.* The module's `register` function has called `registry.add(MyChannel())`. The engine builds
       one `account` model for each account in appealbridge.yaml with this `platform`, and checks each step of a recipe
       with this `action` against the `message` model. For fixed texts it calls `flaw` as well, so that `appealbridge
       check` finds a wrong address. A validator raises `ValueError`, which says what to write instead.
    2. *The account is checked.* `appealbridge channels check` calls `check`, and so does the engine after
       `LoginExpired` until the login works again.
    3. *A message is planned.* When an event fires a recipe, its templates are filled in and validated by `message`.
       `measure` says how the platform counts the text. If it is too long, the engine shortens it or splits it into a
       thread if the recipe says so, and otherwise nothing is published and a person is told. `parts` splits the message
       into deliveries, for example one for each recipient. What is stored is a message that may be delivered hours
       later, by a new version of the program.
    4. *An attempt is made.* The engine stores that it has begun, then calls `deliver`, at most `concurrency` at a time
       for each account. Make one attempt: no retry, no sleep, no log line. All requests go through `tools.http`, times
       come from `tools.now`, random numbers from `tools.random`. `delivery.id` stays the same for all attempts, so it
       can be an idempotency key.
    5. *It succeeds or fails.* Return the platform's receipt, or raise one of these. `tools.http` already raises them
       for all HTTP statuses. If the platform's answers say more than their status, pass a function as `failure`.

       - `TryAgain`: certainly not published. The engine tries again later, as `retry` says; `after` is the platform's
         own wish in seconds. With `throttled` the whole account waits.
       - `LoginExpired`: certainly not published, and the login must be renewed. The account stops.
       - `AccountRefused`: certainly not published, and the account may not publish. With `sure=False` the fault may be
         in this one message.
       - `Rejected`: the platform will never take this message. A person sees why.
       - `Unsure`: it may be published. Every other exception counts as this, and so does an attempt that takes longer
         than `time_limit` seconds: it is cancelled, so do not catch `asyncio.CancelledError`.
    6. *An unclear outcome is cleared up.* If `repeat` allows it, the engine calls `find`, after a crash as well. Return
       a `SearchResult`: with the receipt, certainly absent (`sure`), or not known. `plugin.timeline` pages through an
       account's posts and compares them. A delivery that is certainly absent is sent again after `repeat_after`; if
       nobody knows, `when_unsure` decides, by default a person.
    7. *The receipt is stored.* `id` and `url` are the results of the step (`results.<step>.url`), and `id` is what the
       next post of a thread has in `in_reply_to` (see `Threaded`). Where a person says that a message is published, the
       receipt is that of `known_receipt`, or else the address that the person gives.
    8. *A post is removed or edited, or has images.* A channel whose platform can do that inherits `Removes`, `Edits` or
       `AcceptsImages` as well (see `plugin.published` and `plugin.images`). Each has a contract suite of its own.
    9. *Rate limits are kept.* The engine calls `allowance` with each answer to a request that was to create something,
       and waits before the limit is reached.
    10. *The channel is closed.* There is nothing to do: connections belong to `tools.http`. If the settings change,
       the next attempt gets the new account.

    A channel whose messages reach one person and not the public can also send notices, see `tell`. In practice mode
    the account has the options of `practice`.

    `key_seconds` is how long an idempotent platform remembers a key, `bare_links` whether it makes a link of
    `example.com`, and `mentions` are the options of a message in which it links `@name`. `recipient` is the option that
    says whom one message is for: a correction goes to the same. `has_practice_platform` says
    that the practice platforms speak this platform's own API. Where they do not, `practice_answer` is what they answer
    to whatever the channel sends: the status, and JSON or a text, with `{id}` for the number of the post. `appearance`
    is how the pages show its posts.
    """

    platform: ClassVar[str]
    action: ClassVar[str]
    account: type[A]
    message: type[M]
    repeat: ClassVar[Repeat]
    key_seconds: ClassVar[float] = 0.0
    bare_links: ClassVar[bool] = False
    time_limit: ClassVar[float] = 300.0
    mentions: ClassVar[frozenset[str]] = frozenset({"text", "thread"})
    recipient: ClassVar[str] = ""
    has_practice_platform: ClassVar[bool] = False
    practice_answer: ClassVar[tuple[int, Any] | None] = None
    appearance: ClassVar[Appearance] = Appearance()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        contain(cls)

    @property
    def can_find(self) -> bool:
        """Whether the account can be searched for a message whose outcome is unclear."""
        return self.repeat is not Repeat.NEITHER and type(self).find is not Channel.find

    @abstractmethod
    async def deliver(self, account: A, message: M, delivery: Delivery, tools: Tools) -> Receipt:
        """Make one attempt and return the platform's receipt."""

    async def find(self, account: A, message: M, delivery: Delivery, tools: Tools) -> SearchResult:
        """Search the account for a message whose outcome is unclear."""
        return SearchResult(
            None, sure=False, seen=f"{self.platform} offers no way to search for a message"
        )

    def known_receipt(self, account: A, delivery: Delivery) -> Receipt | None:
        """Return the receipt that `deliver` returns for a delivery, if it is known beforehand; else `None`."""
        return None

    async def check(self, account: A, tools: Tools) -> str:
        """
        Return who the credentials belong to; raise `LoginExpired`, `AccountRefused` or `TryAgain`.

        Two accounts never have the same name. If the platform says in its answer to a post whose it is, `deliver` puts
        the same words into `Receipt.account`.
        """
        return ""

    def allowance(self, reply: Reply) -> Allowance | None:
        """Return the rate limit in an answer to a creating request, `None` if there is none."""
        return allowance(reply)

    def parts(self, account: A, message: M) -> Iterable[tuple[str, M]]:
        """
        Split a step's message into its deliveries, each with a word that distinguishes it.

        Raise `Rejected` if the account does not allow so many.
        """
        return [("", message)]

    def measure(self, account: A, message: M) -> Measure | None:
        """Return how the platform counts this message's text, `None` if it has no limit."""
        return None

    def flaw(self, option: str, text: str) -> str:
        """
        Return what is wrong with a fixed text or list entry in an option of the message, empty if nothing is.

        How to fix it follows after a semicolon.
        """
        return ""

    def tell(self, account: A, person: Person, title: str, text: str) -> M | None:
        """
        Return a message to one person, `None` if this channel cannot send one.

        `title` is one line, `text` has several, plain. A channel whose messages are public must return `None`.
        """
        return None

    def practice_credentials(self, name: str) -> Mapping[str, Any]:
        """
        Return well-formed credentials without access, for the account `name` in practice mode.

        By default these are the required secrets of the account, and of its option `credentials`.
        """
        values = _stand_ins(self.account, name)
        credentials = self.account.model_fields.get("credentials")
        model = None if credentials is None else credentials.annotation
        if isinstance(model, type) and issubclass(model, Options):
            values["credentials"] = _stand_ins(model, name)
        return values

    def practice(self, name: str, options: Mapping[str, Any], address: str) -> Mapping[str, Any]:
        """
        Return the account's options for the practice platforms at `address` (`http://host:port`).

        `options` are those of appealbridge.yaml, without `platform`. Those of `practice_credentials` are replaced, so
        no secret of theirs is needed. So is every `Address` and `SecretAddress`: by the practice platform of this
        channel, or else by the generic one, which keeps what it is sent and answers `practice_answer`. In practice
        mode, nothing can be sent anywhere else.
        """
        place = f"{address}/{self.platform}"
        if not self.has_practice_platform:
            place = f"{address}/generic/{self.platform}/{name}"
            if self.practice_answer is not None:
                status, answer = self.practice_answer
                encoded = base64.urlsafe_b64encode(orjson.dumps(answer)).decode().rstrip("=")
                place += f"/answer/{status}/{encoded}"
        names = address_options(self.account) | ({"api"} & self.account.model_fields.keys())
        addresses = dict.fromkeys(names, place)
        return {**options, **self.practice_credentials(name), **addresses}


def _stand_ins(model: type[Options], name: str) -> dict[str, Any]:
    """Return a value without access for each required secret."""
    fields = model.model_fields.items()
    required = (key for key, field in fields if field.annotation is Secret and field.is_required())
    return dict.fromkeys(required, f"practice-{name}")


AnyChannel = Channel[Any, Any]
