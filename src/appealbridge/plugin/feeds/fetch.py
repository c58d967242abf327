"""Polls a feed once: makes a conditional request, follows redirects, and reads it in a separate process."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
from yarl import URL

from appealbridge.markup.entry import FeedEntry
from appealbridge.markup.worker_client import read_in_process
from appealbridge.model.errors import AddressNotAllowed, DeliveryError, SourceDown, TryAgain
from appealbridge.plugin.channel import Tools
from appealbridge.plugin.http.redirects import REDIRECTS, redirect_target
from appealbridge.plugin.http.reply import Reply, bare
from appealbridge.plugin.offload import Pool, offload
from appealbridge.plugin.options import FeedCredentials

SIZE_LIMIT = 10 * 1024 * 1024
HOPS = 3

FEED_READING = 1
"""Raised when a new version of the reader makes different titles, texts or links of the same feed."""

_READERS = Pool("feeds", 1)
"""The threads that wait for the processes that read feeds."""

_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1"
)
_PERMANENT = frozenset({301, 308})
_VALIDATOR = re.compile(r"[ -~]{1,1000}")
_GONE = 410
_UNCHANGED = 304


@dataclass(frozen=True, slots=True)
class FeedPoll:
    """
    The result of one poll of a feed.

    `entries` are newest first, `None` if the feed says that nothing changed; `cursor` is for the next poll; `notes` are
    for the log.
    """

    entries: Sequence[FeedEntry] | None
    cursor: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_at_once(feeds: int) -> None:
    """From now on read so many feeds at the same time, each in its own process."""
    _READERS.threads = feeds


async def read_feed(
    url: str, cursor: Mapping[str, str], tools: Tools, credentials: FeedCredentials | None = None
) -> FeedPoll:
    """
    Poll a feed once; raise `SourceDown` if it cannot be read.

    `credentials` are sent to this address only, not to another one that it redirects to.
    """
    reply, notes = await _ask(url, cursor, tools, credentials)
    if reply.status == _UNCHANGED:
        return FeedPoll(None, cursor, notes)
    content_type = reply.headers.get("Content-Type", "")
    body = hashlib.blake2b(reply.body, digest_size=16).hexdigest()
    if body == cursor.get("body"):
        # Many servers do not say that nothing has changed, and reading a feed costs far more than this.
        return FeedPoll(None, {**_validators(reply), "body": body}, notes)
    reading = await offload(_READERS, read_in_process, reply.body, reply.url or url, content_type)
    # A feed that broke off may come whole the next time with the same validators.
    cursor = {**_validators(reply), "body": body} if reading.whole else {}
    return FeedPoll(reading.entries, cursor, (*notes, *reading.notes))


def feed_identity(entry: FeedEntry) -> str:
    """Return what identifies an entry: its guid, or else its link, or else its title and date."""
    if entry.guid or entry.link:
        return short_identity(entry.guid or entry.link)
    return content_digest([entry.data.get("title"), entry.data.get("published")])


def short_identity(name: str) -> str:
    """Return a name shortened to at most 300 characters, but still unique."""
    return name if len(name) <= 300 else f"{name[:240]}…{content_digest([name])[:32]}"


def content_digest(content: object) -> str:
    """Return the hash of a JSON value. The order of its names does not matter."""
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def _ask(
    url: str, cursor: Mapping[str, str], tools: Tools, credentials: FeedCredentials | None
) -> tuple[Reply, tuple[str, ...]]:
    """Request the feed, and follow a few redirects."""
    conditions = {
        header: cursor[name]
        for name, header in (("etag", "If-None-Match"), ("modified", "If-Modified-Since"))
        if cursor.get(name)
    }
    login = {} if credentials is None else {"Authorization": credentials.header()}
    address, permanent, elsewhere = url, True, False
    notes: tuple[str, ...] = ()
    for _ in range(HOPS + 1):
        headers = {"Accept": _ACCEPT, **conditions, **({} if elsewhere else login)}
        reply = await _get(address, headers, tools, elsewhere=elsewhere)
        if reply.status not in REDIRECTS:
            return reply, notes
        address = _next(address, reply)
        elsewhere = elsewhere or _host_and_port(address) != _host_and_port(url)
        permanent = permanent and reply.status in _PERMANENT
        if permanent:
            notes = (f"the feed has moved permanently to {bare(address)}; change its address",)
    raise SourceDown(f"{bare(url)} redirects more than {HOPS} times in a row")


async def _get(url: str, headers: Mapping[str, str], tools: Tools, *, elsewhere: bool) -> Reply:
    accept = {*REDIRECTS, _UNCHANGED, _GONE}
    get = tools.http.get_outside if elsewhere else tools.http.get
    try:
        reply = await get(url, headers=headers, accept=accept, limit=SIZE_LIMIT)
    except AddressNotAllowed as failure:
        if elsewhere:
            raise SourceDown(
                f"the feed redirects to {bare(url)}: {failure.reason}; "
                "if that is right, write that address"
            ) from None
        raise SourceDown(str(failure), by_settings=True) from None
    except DeliveryError as failure:
        after = failure.after if isinstance(failure, TryAgain) else None
        raise SourceDown(str(failure), after=after) from None
    if reply.status == _GONE:
        raise SourceDown(
            f"{bare(url)} says that this feed is permanently gone (410); "
            "ask its owner for a new address, or delete the feed"
        )
    return reply


def _next(address: str, reply: Reply) -> str:
    """Return the address of a redirect; raise `SourceDown` if it must not be followed."""
    try:
        return redirect_target(address, reply)
    except ValueError as error:
        raise SourceDown(str(error)) from None


def _host_and_port(url: str) -> tuple[str | None, int | None]:
    address = URL(url)
    return address.host, address.port


def _validators(reply: Reply) -> Mapping[str, str]:
    validators = {"etag": "ETag", "modified": "Last-Modified"}
    values = {name: reply.headers.get(header, "") for name, header in validators.items()}
    return {name: value for name, value in values.items() if _VALIDATOR.fullmatch(value)}
