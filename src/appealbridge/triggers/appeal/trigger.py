"""
An appeal is new, updated or closed.

    triggers:
      - trigger: appeal
        on: [new, updated, closed]
        kinds: [missing, witness]

Sources of appeals are in appealbridge.yaml:

    appeals:
      website: { feed: https://www.example.police.uk/appeals/rss, every: 5m }
      desk: { folder: appeals/, every: 10s }
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import orjson

from appealbridge.model.appeal import Appeal, AppealImage, AppealStatus
from appealbridge.model.event import authored
from appealbridge.plugin import (
    Basis,
    Duration,
    Event,
    EventDraft,
    Field,
    Item,
    Options,
    PolledSource,
    Poller,
    PollResult,
    Registry,
    Tools,
    Weakness,
    in_folder,
    in_thread,
    model_validator,
)
from appealbridge.plugin.feeds import (
    FEED_READING,
    FeedAddress,
    FeedCredentials,
    FeedEntry,
    content_digest,
    feed_credentials,
    feed_identity,
    read_feed,
    short_identity,
)
from appealbridge.plugin.text import composed
from appealbridge.triggers.appeal.files import (
    KINDS,
    OTHER,
    TRIED,
    like_an_appeal,
    named_appeal,
    read_appeals,
    usual_kind,
)

FIELDS = frozenset(Appeal.model_fields) | {
    "images.url", "images.alt", "tags", "tags.term", "tags.scheme"
}  # fmt: skip


class AppealSource(PolledSource):
    """The options of a source of appeals in appealbridge.yaml."""

    feed: FeedAddress | None = Field(
        None,
        description="The address of an RSS or Atom feed of appeals.",
        examples=["https://www.example.police.uk/appeals/rss"],
    )
    folder: Path | None = Field(
        None,
        description="A folder with one file for each appeal: YAML, or Markdown that begins with YAML.",
        examples=["appeals/"],
    )
    credentials: FeedCredentials | None = feed_credentials()
    every: Duration = Field(
        60.0, gt=0, description="How long to wait between two polls.", examples=["1m"]
    )

    @model_validator(mode="after")
    def _one_place(self) -> AppealSource:
        if (self.feed is None) == (self.folder is None):
            raise ValueError("give either feed: with an address, or folder: with a path")
        if self.credentials is not None:
            if self.feed is None:
                raise ValueError("a folder has no credentials; delete them")
            self.credentials.check(self.feed)
        return self


class AppealOptions(Options):
    """The options of the trigger in a recipe."""

    on: tuple[Literal["new", "updated", "closed"], ...] = Field(
        ("new", "updated", "closed"),
        min_length=1,
        description="What must have happened to an appeal.",
        examples=[["new", "updated"]],
    )
    kinds: tuple[str, ...] = Field(
        (), description="The kinds of appeal wanted. If left out, all.", examples=[["missing"]]
    )
    areas: tuple[str, ...] = Field(
        (),
        description="The appeal's area must contain one of these, in capital or small letters. If left out, "
        "all areas.",
        examples=[["Birmingham", "Solihull"]],
    )
    source: str = Field(
        "",
        description="The source's name in appealbridge.yaml. If left out, any source.",
        examples=["website"],
    )


class AppealTrigger(Poller[AppealOptions, AppealSource]):
    """Appeals from a feed or a folder."""

    name = "appeal"
    section = "appeals"
    options = AppealOptions
    every_type = frozenset(("appeal.new", "appeal.updated", "appeal.closed"))
    source_options = AppealSource

    def source(self, options: AppealOptions) -> str:
        return options.source

    def accepts(self, options: AppealOptions, event: Event) -> str:
        change = event.type.removeprefix("appeal.")
        if change not in options.on:
            return f"appeal is {change}, wanted {' or '.join(options.on)}"
        data = event.data if isinstance(event.data, dict) else {}
        kind, area = str(data.get("kind", "")), str(data.get("area", ""))
        if options.kinds and _folded(kind) not in {_folded(pattern) for pattern in options.kinds}:
            return f"kind is {kind or 'missing'}, wanted {' or '.join(options.kinds)}"
        if options.areas and not any(
            _folded(pattern) in _folded(area) for pattern in options.areas
        ):
            return f"area is {area or 'missing'}, wanted {' or '.join(options.areas)}"
        return ""

    def doubts(self, options: AppealOptions) -> Iterator[Weakness]:
        """Yield a doubt about each kind that only a case file with the same words can have."""
        for number, kind in enumerate(options.kinds):
            if not usual_kind(kind):
                problem = f'"{kind}" is not one of the usual kinds of appeal'
                cure = f"usual are {', '.join((*KINDS, OTHER))}; a case file must say exactly this"
                yield Weakness(("kinds", number), problem, cure)

    def fields(self, options: AppealOptions, source: AppealSource | None) -> frozenset[str] | None:
        """Return the names of an appeal's data. An appeal from a file may have others."""
        others = {"*"} if source is None or source.feed is None else set()
        return FIELDS | others

    def event_in(self, name: str, content: bytes) -> EventDraft | None:
        """Return the event of a case file; raise `InvalidDocuments` with its mistakes."""
        if not like_an_appeal(name, content):
            return None
        item = _item(named_appeal(content, name, TRIED), None)
        return EventDraft(item.on_new or item.on_changed, item.subject, item.identity, item.data)

    async def poll(
        self, source: AppealSource, cursor: Mapping[str, str], tools: Tools
    ) -> PollResult:
        if source.feed is not None:
            return await _from_feed(source.feed, cursor, tools, source.credentials)
        folder = source.folder or Path()
        return await in_folder(folder, _in_folder, folder, tools.now, first=not cursor)

    def basis(self, source: AppealSource) -> Basis:
        basis = super().basis(source)
        return basis if source.feed is None else replace(basis, reading=FEED_READING)


def _in_folder(folder: Path, now: float, *, first: bool) -> PollResult:
    files, problems = read_appeals(folder, now, first=first)
    items = [
        replace(
            _item(file.appeal, file.changed),
            author=authored(file.appeal.author or "", file.owner),
        )
        for file in files
    ]
    return PollResult(items, {"looked": "yes"}, problems=problems)


async def _from_feed(
    url: str, cursor: Mapping[str, str], tools: Tools, credentials: FeedCredentials | None
) -> PollResult:
    poll = await read_feed(url, cursor, tools, credentials)
    if poll.entries is None:
        return PollResult(None, poll.cursor, notes=poll.notes)
    titled = [entry for entry in poll.entries if entry.data.get("title")]
    notes = list(poll.notes)
    if untitled := len(poll.entries) - len(titled):
        notes.append(f"{untitled} items without a title were left out")
    items = await in_thread(_listed, titled)
    if shared := len(items) - len({item.identity for item in items}):
        notes.append(f"{shared} items have the reference of another item; only the newest is used")
    return PollResult(items, poll.cursor, notes=tuple(notes))


def _listed(entries: Iterable[FeedEntry]) -> list[Item]:
    items = []
    for entry in entries:
        appeal = _appeal(entry)
        item = _item(appeal, entry.time)
        seen = [appeal.status, appeal.kind, appeal.area, entry.seen]
        by_name = bool(entry.guid) or appeal.reference != short_identity(feed_identity(entry))
        items.append(replace(item, digest=content_digest(seen), named_by_reading=not by_name))
    return items


def _folded(text: str) -> str:
    """Return a text in the form for comparison, in small letters and with composed accents."""
    return composed(text).casefold()


def _appeal(entry: FeedEntry) -> Appeal:
    """Return the appeal in a feed's entry. Schemes of its categories can be names of fields."""
    tags = entry.data["tags"]
    terms = {tag["scheme"].lower(): tag["term"] for tag in reversed(tags) if tag["scheme"]}
    fields = {
        "reference": short_identity(terms.get("reference") or feed_identity(entry)),
        "title": entry.data["title"],
        "kind": terms.get("kind", _kind(tag["term"] for tag in tags)).lower(),
        "status": _status(tags),
        "text": entry.data.get("text"),
        "body_html": entry.html,
        "url": entry.link or None,
        "area": terms.get("area") or terms.get("place"),
        "images": [AppealImage(**image) for image in entry.data["images"]],
        "tags": tags,
    }
    return Appeal.model_validate({name: value for name, value in fields.items() if value})


def _kind(terms: Iterable[str]) -> str:
    parts = {word for term in terms for word in term.lower().split()}
    return next((kind for kind in KINDS if kind in parts), OTHER)


def _status(tags: Iterable[Mapping[str, str]]) -> AppealStatus:
    closed = any(
        tag["term"].lower() == "closed" and tag["scheme"].lower() in ("", "status") for tag in tags
    )
    return AppealStatus.CLOSED if closed else AppealStatus.OPEN


def _item(appeal: Appeal, time: float | None) -> Item:
    data = appeal.model_dump(mode="json", exclude_none=True)
    closed = appeal.status is AppealStatus.CLOSED
    return Item(
        identity=appeal.reference,
        digest=content_digest(data),
        subject=appeal.reference,
        data=data,
        size=len(orjson.dumps(data)),
        # An appeal that was never seen open was never published, so its closing is not news.
        on_new="" if closed else "appeal.new",
        on_changed="appeal.closed" if closed else "appeal.updated",
        time=time,
        addresses=(appeal.url,) if appeal.url else (),
    )


def register(registry: Registry) -> None:
    """Register the trigger."""
    registry.add(AppealTrigger())
