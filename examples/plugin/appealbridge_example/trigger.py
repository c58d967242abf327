"""
A notice on a notice board is new or changed.

    triggers:
      - trigger: notice_board
        board: city
        on: [new, changed]

The board, in appealbridge.yaml, is an address that lists notices as JSON, each with an `id` and a `title`:

    notice_boards:
      city: { url: https://notices.example.org/notices.json, every: 5m }
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from appealbridge.plugin import (
    Address,
    Event,
    Field,
    Item,
    Options,
    PolledSource,
    Poller,
    PollResult,
    Tools,
)
from appealbridge.plugin.feeds import content_digest


class Board(PolledSource):
    """One notice board."""

    url: Address = Field(
        description="The address of its list.",
        examples=["https://notices.example.org/notices.json"],
    )


class NoticeOptions(Options):
    """The options of the trigger in a recipe."""

    board: str = Field(
        min_length=1,
        description="The board's name under `notice_boards:` in appealbridge.yaml.",
        examples=["city"],
    )
    on: tuple[Literal["new", "changed"], ...] = Field(
        ("new",),
        min_length=1,
        description="Whether to react to new notices, changed ones, or both.",
        examples=[["new", "changed"]],
    )


class NoticeBoard(Poller[NoticeOptions, Board]):
    """Notices of a board."""

    name: ClassVar[str] = "notice_board"
    section: ClassVar[str] = "notice_boards"
    options = NoticeOptions
    source_options = Board

    def source(self, options: NoticeOptions) -> str:
        """Return the name of the board that a recipe wants."""
        return options.board

    def accepts(self, options: NoticeOptions, event: Event) -> str:
        """Return why a recipe does not want this event, empty if it does."""
        happened = event.type.removeprefix("notice.")
        wanted = " or ".join(options.on)
        return "" if happened in options.on else f"the notice is {happened}, wanted {wanted}"

    def fields(self, options: NoticeOptions, source: Board | None) -> frozenset[str]:
        """Return the names that templates can use as `event.data.NAME`."""
        return frozenset({"id", "title", "text", "link"})

    async def poll(self, source: Board, cursor: Mapping[str, str], tools: Tools) -> PollResult:
        """Read the list once; the engine knows which of its items are new."""
        reply = await tools.http.get(source.url)
        with reply.expecting("a list of notices"):
            return PollResult(items=[_item(notice) for notice in reply.json()])


def _item(notice: Any) -> Item:
    data = {name: str(notice.get(name, "")) for name in ("id", "title", "text", "link")}
    if not data["id"]:
        raise ValueError("a notice has no id")
    return Item(
        identity=data["id"],
        digest=content_digest(data),
        subject=data["id"],
        data=data,
        on_new="notice.new",
        on_changed="notice.changed",
        addresses=(data["link"],) if data["link"] else (),
    )
