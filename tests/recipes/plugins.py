"""Small plug-ins for the tests of recipes: one of every kind, none of which can reach anything."""

from collections.abc import Iterable

from appealbridge.plugin import (
    Account,
    Channel,
    Duration,
    Event,
    Field,
    Measure,
    Options,
    Receipt,
    Registry,
    Rejected,
    Repeat,
    Threaded,
    Trigger,
)
from appealbridge.plugin.receiver import Received, Receiver
from appealbridge.recipes.parsing.catalogue import Catalogue


class Tweet(Threaded):
    text: str = Field(min_length=1, description="What it says.", examples=["Missing: …"])
    reply_to: str | None = Field(None, description="Which post it answers.", examples=["12"])
    tags: list[str] = Field([], description="Words.", examples=[["a"]])
    count: int = Field(0, description="A number.", examples=[3])


class Mail(Options):
    to: str | list[str] = Field(description="To whom.", examples=["desk@example.org"])
    subject: str = Field(min_length=1, description="The subject.", examples=["Appeal"])
    text: str | None = Field(None, description="The words.", examples=["Hello"])
    html: str | None = Field(None, description="The page.", examples=["<p>Hello</p>"])


class X(Channel[Account, Tweet]):
    platform = "x"
    action = "tweet"
    account = Account
    message = Tweet
    repeat = Repeat.FINDABLE

    async def deliver(self, account, message, delivery, tools):
        return Receipt("1")

    def measure(self, account, message):
        return Measure("text", len(message.text), 280, "characters")


class Email(Channel[Account, Mail]):
    recipient = "to"
    platform = "email"
    action = "email"
    account = Account
    message = Mail
    repeat = Repeat.NEITHER

    async def deliver(self, account, message, delivery, tools):
        return Receipt("1")

    def parts(self, account: Account, message: Mail) -> Iterable[tuple[str, Mail]]:
        if len(message.to) > 5 and not isinstance(message.to, str):
            raise Rejected("too many recipients; shorten the list")
        for address in [message.to] if isinstance(message.to, str) else message.to:
            yield address, message.model_copy(update={"to": address})


class AppealOptions(Options):
    on: list[str] = Field([], description="Which news.", examples=[["new"]])
    kinds: list[str] = Field([], description="Which kinds.", examples=[["missing"]])
    source: str = Field("", description="Which source.", examples=["website"])


class Appeal(Trigger[AppealOptions, Options]):
    name = "appeal"
    section = "appeals"
    options = AppealOptions
    source_options = Options

    def source(self, options):
        return options.source

    def accepts(self, options, event: Event):
        news = event.type.partition(".")[2]
        if options.on and news not in options.on:
            return f"news is {news}, wanted {' or '.join(options.on)}"
        kind = event.data.get("kind", "other")
        if options.kinds and kind not in options.kinds:
            return f"kind is {kind}, wanted {' or '.join(options.kinds)}"
        return ""

    def fields(self, options, source):
        known = {"title", "kind", "area", "text", "images", "images.url", "images.alt", "*"}
        return frozenset(known)


class HookOptions(Options):
    webhook_id: str = Field(description="Which webhook.", examples=["incident-desk"])
    key: str | None = Field(None, description="What repeats.", examples=["$.id"])


class HookSource(Options):
    key: str | None = Field(None, description="What repeats.", examples=["$.id"])


class Hook(Receiver[HookOptions, HookSource]):
    name = "webhook"
    section = "webhooks"
    options = HookOptions
    source_options = HookSource

    def source(self, options):
        return options.webhook_id

    def accepts(self, options, event):
        return ""

    def prove(self, source, request):
        return None

    def receive(self, source, request):
        return Received()

    def with_recipe(self, source, options):
        if options.key in (None, source.key):
            return source
        if source.key is not None:
            raise ValueError(f"key is {source.key} elsewhere and {options.key} here; settle it")
        return HookSource(key=options.key)


class FeedOptions(Options):
    url: str = Field(description="Where it is.", examples=["https://example.org/rss"])
    every: Duration = Field(300.0, gt=0, description="How often.", examples=["5m"])


class Feed(Trigger[FeedOptions, FeedOptions]):
    name = "feed"
    options = FeedOptions
    source_options = FeedOptions

    def source(self, options):
        return options.url

    def described(self, options):
        return options

    def fields(self, options, source):
        return frozenset({"title", "link", "tags", "tags.term", "tags.scheme"})

    def accepts(self, options, event):
        return ""


def registry() -> Registry:
    result = Registry()
    for plugin in (X(), Email(), Appeal(), Hook(), Feed()):
        result.add(plugin)
    return result


def catalogue(**changes) -> Catalogue:
    values = {
        "registry": registry(),
        "channels": {
            "force_x": ("x", Account()),
            "press_office": ("email", Account()),
            "custody_office": ("email", Account()),
        },
        "sources": {
            "webhooks": frozenset({"incident-desk"}),
            "appeals": frozenset({"website"}),
        },
        "lists": {"regional_press": ["a@example.org", "b@example.org"]},
        "people": frozenset({"officer_in_charge", "duty_comms"}),
        **changes,
    }
    return Catalogue(**values)
