"""Records that stores take and return, in addition to the model. Times are Unix seconds UTC."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from typing import Any

from appealbridge.model.attempt import Attempt
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.event import Event
from appealbridge.model.receipt import Receipt
from appealbridge.model.run import Run
from appealbridge.model.value import value
from appealbridge.model.withdrawal import Withdrawal


@value
class Arrival:
    """
    One event with everything it caused, stored together or not at all.

    A delivery given as `sending` is stored with its attempt begun; if another one goes before it, it becomes `ready`.
    """

    event: Event
    runs: Sequence[Run] = ()
    deliveries: Sequence[Delivery] = ()


@value
class PollState:
    """
    The state that a poll of a source leaves, stored together with the events of that poll.

    `seen` maps the identity of every listed item to its digest. `state` is what the engine stores about the source.
    With `anew`, everything remembered of it is forgotten first. `alarms` have a kind, a channel or source, and a text.
    A long poll is stored in several parts: only the last one is `complete`, and of the others only `seen` is stored.
    `marked` says that the source has a planning mark.
    """

    source: str
    looked_at: float
    next_look_at: float
    cursor: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    anew: bool = False
    alarms: Sequence[tuple[str, str, str]] = ()
    complete: bool = True
    marked: bool = False


@value
class PlanningMark:
    """
    Marks a source whose new items are being planned (`in_progress`), or were when a process died.

    `crashes` is how many processes in a row died while planning. The source is paused until `paused_until`.
    `hold_reason` is why its items are held, empty if they are not.
    """

    source: str
    in_progress: bool = False
    crashes: int = 0
    paused_until: float = 0.0
    hold_reason: str = ""


@value
class Accepted:
    """
    The result of storing one arrival.

    `event_id` is the id of the stored event. Of a `repeat` nothing was stored: then it is the first one's id, empty if
    that has been removed. `begun` are the ids of the deliveries that are now `sending`; the caller has to make these
    attempts. `woke_runs` says whether the event woke a run that waited, `recipes` how many recipes matched.
    """

    event_id: str
    repeat: bool
    begun: frozenset[str] = frozenset()
    woke_runs: bool = False
    recipes: int = 0


@value
class KnownKey:
    """
    The event that has a key: its id, when it was received, and its number in the order of storing.

    The id is empty and the number 0 if the event was removed since.
    """

    event_id: str
    received_at: float
    number: int = 0


@value(kw_only=True)
class Settlement:
    """
    The result of one attempt or search: the change of state, and what is stored.

    `hold` and `reason` replace the earlier ones; `due_at` and `receipt` do if they are given. `upload` is stored with
    it; with `uploads_expired` all uploads of the delivery are forgotten.
    """

    delivery_id: str
    source: State
    target: State
    at: float
    attempt: Attempt | None = None
    due_at: float | None = None
    hold: str = ""
    reason: str = ""
    receipt: Receipt | None = None
    upload: StoredUpload | None = None
    uploads_expired: bool = False


@value(kw_only=True)
class StoredUpload:
    """
    What a platform has of an image of a delivery; `number` is its place in the message, from 1.

    `published` says that it has to be removed if the delivery is withdrawn or ends unpublished. `at` is when it was
    uploaded. `ready` and `expires` are as in `Uploaded`.
    """

    delivery_id: str
    number: int
    id: str
    at: float
    url: str = ""
    ready: bool = True
    expires: float | None = None
    published: bool = False


@value(kw_only=True)
class Rendered:
    """
    The stored rendition of an image of a delivery.

    It was made from `source` for `limits`, both as texts. If it `uploads`, it has to be uploaded before its message.
    """

    delivery_id: str
    number: int
    source: str
    limits: str
    sha256: str
    media_type: str
    width: int
    height: int
    size: int
    uploads: bool


@value
class Unprepared:
    """
    A delivery whose images are to be prepared, and whether it waits for all of them.

    There have been `tries`, since `first_at`, which is `None` before the first one.
    """

    delivery: Delivery
    required: bool
    tries: int
    first_at: float | None


@value(kw_only=True)
class Preparation:
    """
    The end of a delivery's preparation: its message with its renditions, and its state from now on.

    `target` is `ready`, `held` or `failed`; a failed one can be prepared again. `made_from` is the `content_hash` of
    the delivery before: if it was corrected meanwhile, it is prepared anew.
    """

    delivery_id: str
    content: str
    content_hash: str
    target: State
    at: float
    hold: str = ""
    reason: str = ""
    made_from: str = ""


@value
class LaneRecord:
    """
    The condition of an account at its last change.

    `condition` is the engine's word for it, and `since` when it began; `alarmed` says that people have been notified.
    The platform has asked for no requests until `paused_until`.
    """

    channel: str
    condition: str
    since: float
    reason: str
    alarmed: bool
    paused_until: float


@value(kw_only=True)
class NewsSort:
    """
    Problems of one sort that nobody has been notified of, and how many there are.

    `kind` is a value from `model/notice.py`. `version` is the recipe version that caused the newest one.
    """

    kind: str
    count: int
    recipe: str = ""
    channel: str = ""
    version: str = ""


@value(kw_only=True)
class News:
    """
    One problem: a delivery, a run, or an alarm, by its `number` in its own table.

    `run_id` is empty for an alarm; `reason` says why, in the platform's words if it gave any.
    """

    kind: str
    number: int
    at: float
    reason: str
    channel: str = ""
    recipe: str = ""
    run_id: str = ""
    subject: str = ""


@value
class SourceRecord:
    """The record of a polled source; `looked_at` is `None` before its first successful poll."""

    source: str
    cursor: Mapping[str, str]
    looked_at: float | None
    next_look_at: float
    failures: int = 0
    note: str = ""
    state: Mapping[str, Any] = field(default_factory=dict)


@value
class OpenRun:
    """
    A run that may be able to plan more: its event, and its deliveries so far.

    `wakes` is how often it has been woken. If it waits, `later_events` are those of its subject after its own event, in
    order.
    """

    run: Run
    event: Event
    deliveries: Sequence[Delivery]
    wakes: int = 0
    later_events: Sequence[Event] = ()


@value
class EventPage:
    """Events in the order of storing; `number` is that of the last one, `last` that of the newest in the store."""

    events: Sequence[Event]
    number: int
    last: int


@value
class RecipeVersion:
    """One version of a recipe's text and of the templates it uses, stored while anything may need it."""

    version: str
    name: str
    text: str
    templates: Mapping[str, str] = field(default_factory=dict)


@value(kw_only=True)
class DeliveryFilter:
    """Which deliveries to list, newest first; empty fields ask for all, `before` for those with lower numbers."""

    states: Collection[State] = ()
    channel: str = ""
    subject: str = ""
    recipe: str = ""
    hold: str = ""
    event_id: str = ""
    run_id: str = ""
    since: float | None = None
    before: int = 0
    limit: int = 100


@value
class Text:
    """The content hash of a delivery, its channel, and the source of its event."""

    delivery_id: str
    channel: str
    content_hash: str
    origin: str


@value
class RecentPace:
    """Recent arrivals: events as (source, time), planned deliveries as (recipe, time), oldest first."""

    events: Sequence[tuple[str, float]]
    deliveries: Sequence[tuple[str, float]]


@value(kw_only=True)
class HoldFilter:
    """Selects untouched deliveries: those of a source's events, or of a recipe, since a time."""

    since: float
    source: str = ""
    recipe: str = ""


@value
class Backlog:
    """
    Counts of deliveries by (state, channel), without the delivered ones.

    `oldest_open_at` is the planning time of the oldest open one.
    """

    counts: Mapping[tuple[State, str], int]
    oldest_open_at: float | None


@value
class QueueStatus:
    """
    What waits on a channel.

    `next_due` is the earliest future due time of a `ready` or `unknown` delivery. `blocked` says that a `ready` and due
    delivery waits for one before it, or a `planned` one for the one it follows. `looks` says that an `unknown`
    delivery's search is due, `removals` that a removal may begin.
    """

    next_due: float | None
    blocked: bool
    looks: bool
    removals: bool = False


@value
class Over:
    """
    Selects what was over before a time.

    With `after_closure`, what is about an appeal is over only if the appeal had been closed by then, and was not opened
    again.
    """

    before: float
    after_closure: bool = False


@value
class Pruned:
    """How many events or runs a step of pruning finished, and where the next one continues, `None` at the end."""

    events: int
    then: int | None


@value(kw_only=True)
class WithdrawalOrder:
    """
    What to withdraw: that of `withdrawal`, perhaps only on some channels, or what these steps of a recipe published.

    Empty fields ask for all.
    """

    withdrawal: Withdrawal
    channels: Collection[str] = ()
    recipe: str = ""
    steps: Collection[str] = ()


@value(kw_only=True)
class Withdrawn:
    """
    What a withdrawal does: the deliveries as they were before, newest first.

    `cancelled` were not sent yet. `removing` are published. Of `awaited` the outcome is not known yet: they are removed
    once it is. Of `tasks` nobody knows whether they are published, so a person has to look. `already` are being removed
    because of an earlier withdrawal.
    """

    withdrawal: Withdrawal
    cancelled: Sequence[Delivery] = ()
    removing: Sequence[Delivery] = ()
    awaited: Sequence[Delivery] = ()
    tasks: Sequence[Delivery] = ()
    already: Sequence[Delivery] = ()


@value
class Removal:
    """A delivery that takes back a post, and the delivery of that post."""

    removal: Delivery
    post: Delivery

    @property
    def withdrawal(self) -> int:
        """The number of the withdrawal that it belongs to, which its id ends with."""
        return int(self.removal.id.rpartition("~w")[2])


@value
class Queue:
    """
    What waits on one channel: how many deliveries are open, and which goes first.

    `first` is the due time and number of the longest due delivery that is `ready` and does not wait for another, `None`
    if there is none.
    """

    channel: str
    waiting: int
    first: tuple[float, int] | None


@value(kw_only=True)
class Writing:
    """
    The state of a store's writing; `failure` is why the last transactions failed, empty if they did not.

    A transaction has waited for `waits_for` seconds while none ended. The last one ended `idle_for` seconds ago,
    successful or not.
    """

    failure: str
    waits_for: float
    idle_for: float


@value
class Space:
    """The free bytes on a store's disk, and its size in bytes."""

    free: int
    size: int


@value
class Control:
    """Where the daemon listens (`http://host:port` or `unix:/path`), what opens its API, and its process id."""

    url: str
    token: str
    pid: int
