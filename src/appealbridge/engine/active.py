"""The configuration in force: recipes, accounts, webhooks and sources. A reload replaces all of it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from appealbridge.model.people import Roster
from appealbridge.model.retention import Retention
from appealbridge.plugin.channel import Account, AnyChannel
from appealbridge.plugin.options import Options
from appealbridge.plugin.receiver import AnyReceiver
from appealbridge.plugin.recipients import NoticeRouting
from appealbridge.plugin.trigger import AnyPoller, PolledSource
from appealbridge.recipes.model.book import Book
from appealbridge.recipes.planning.approval_policy import ApprovalTimes
from appealbridge.recipes.planning.quiet_hours import QuietHours


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook: the address that others POST to, and how its senders prove who they are."""

    source: str
    receiver: AnyReceiver
    options: Options


@dataclass(frozen=True, slots=True)
class Watched:
    """One source that is polled."""

    source: str
    poller: AnyPoller
    options: PolledSource

    def same_as(self, other: Watched) -> bool:
        """Whether both are read by the same plug-in with the same options."""
        return type(self.poller) is type(other.poller) and self.options == other.options


@dataclass(frozen=True, slots=True)
class Bound:
    """One account, with the channel plug-in for its platform."""

    name: str
    channel: AnyChannel
    account: Account


@dataclass(frozen=True, slots=True)
class ActiveConfiguration:
    """
    Everything that a reload may change.

    `hooks` by webhook id, `watched` by source with the trigger's name, `channels` by account name.
    `routing` is who learns of what goes wrong, and how. `keep_free` is how many bytes of the store's
    disk are kept for what was accepted, `None` for what suits the disk. `media_folder` has the files of
    pictures. `joined` has the name that a
    source shares with those it is joined with. In `practice` every account is on the practice
    platforms. `quiet` are the times at which nothing is published. `roster` has the people and their
    roles, `public_url` the address at which they reach the pages; `control_socket` says whether the command line has a
    socket of its own. `checkpoints_to` are the people and groups who get checkpoints of the audit trail.
    """

    book: Book
    hooks: Mapping[str, Hook]
    watched: Mapping[str, Watched]
    channels: Mapping[str, Bound]
    zone: ZoneInfo
    retention: Retention
    routing: NoticeRouting = field(default_factory=NoticeRouting)
    keep_free: int | None = None
    media_folder: Path | None = None
    joined: Mapping[str, str] = field(default_factory=dict)
    practice: bool = False
    quiet: Sequence[QuietHours] = ()
    roster: Roster = field(default_factory=Roster)
    public_url: str = ""
    control_socket: bool = False
    approvals: ApprovalTimes = field(default_factory=ApprovalTimes)
    checkpoints_to: Sequence[str] = ()

    @property
    def mode(self) -> str:
        """`practice` if the accounts are on the practice platforms, otherwise `live`."""
        return "practice" if self.practice else "live"


class Configured:
    """A part of the engine that works by the configuration in force, and not before there is one."""

    _active: ActiveConfiguration | None = None

    @property
    def active(self) -> ActiveConfiguration:
        """The configuration in force."""
        if self._active is None:
            raise RuntimeError("the engine has not been started; await start() first")
        return self._active
