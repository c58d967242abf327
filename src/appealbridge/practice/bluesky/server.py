"""
The practice Bluesky: a server of accounts (a PDS) under `/bluesky/xrpc/`.

As on the real one, the client chooses a record's key, `putRecord` with `swapRecord: null` never replaces a record, and
`createRecord` with a key that is used fails with 500. It checks records by the same rules, and logins expire.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from appealbridge.clock import Clock
from appealbridge.practice.accounts import bearer_token
from appealbridge.practice.allowance import LIMIT, PostingAllowance
from appealbridge.practice.answering import ACCOUNT, Answering, Declined, answer
from appealbridge.practice.bluesky.logins import (
    ACCESS,
    REFRESH,
    BlueskyLogins,
    InvalidToken,
    Owner,
    owner_of,
)
from appealbridge.practice.bluesky.records import (
    CID,
    DID,
    HANDLE,
    POSTS,
    TID,
    InvalidRecord,
    check_post,
)
from appealbridge.practice.faults import FaultName, Faults
from appealbridge.practice.posts import PracticePost, Shelf

_API = "/bluesky/xrpc/com.atproto"
_UPLOAD_LIMIT = 5 * 1024 * 1024
_MOST_BLOBS = 100
_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"

OWNER = web.RequestKey("owner", Owner)
"""The key under which a request has its account's name and id."""


class PracticeBluesky:
    """The practice Bluesky."""

    name = "bluesky"

    def __init__(self, shelf: Shelf, faults: Faults, clock: Clock) -> None:
        self._shelf = shelf
        self._faults = faults
        self._clock = clock
        self._answering = Answering(self, faults, clock)
        self._allowance = PostingAllowance(3600)
        self._logins = BlueskyLogins(clock)
        self._blobs: dict[str, tuple[str, bytes]] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return every address of the API."""
        guard, authenticated = self._answering.guard, self._authenticated
        return [
            web.post(f"{_API}.server.createSession", guard(self._log_in, reads=True)),
            web.post(f"{_API}.server.refreshSession", guard(self._refresh, reads=True)),
            web.get(f"{_API}.server.getSession", authenticated(self._session)),
            web.post(f"{_API}.repo.putRecord", authenticated(self._put)),
            web.post(f"{_API}.repo.createRecord", authenticated(self._create)),
            web.post(f"{_API}.repo.deleteRecord", authenticated(self._delete)),
            web.post(f"{_API}.repo.uploadBlob", authenticated(self._upload)),
            web.get(f"{_API}.repo.getRecord", guard(self._get)),
            web.get(f"{_API}.repo.listRecords", guard(self._list)),
            web.get(f"{_API}.sync.getBlob", guard(self._blob)),
            web.get(f"{_API}.identity.resolveHandle", guard(self._resolve)),
            web.route("*", "/bluesky/{rest:.*}", guard(_nowhere)),
        ]

    async def stop(self, _: web.Application) -> None:
        """Leave undone what was to be done later."""
        await self._answering.stop()

    def throttled(self, seconds: float | None) -> web.Response:
        """Say that the rate limit was hit and is reset in `seconds`; `None`: do not say when."""
        headers = {}
        if seconds is not None:
            headers = _limits(3000, 300, 0, self._clock.now() + seconds)
        return _error(429, "RateLimitExceeded", "Rate Limit Exceeded", headers)

    def read_only(self) -> web.Response:
        """Say that the login may not write."""
        return _error(403, "ScopeMissingError", "Missing required scope repo:app.bsky.feed.post")

    def suspended(self) -> web.Response:
        """Say that the account was taken down."""
        return _error(403, "AccountTakedown", "Account has been taken down")

    def unavailable(self) -> web.Response:
        """Say that the service is down for now."""
        return _error(503, "ServiceUnavailable", "Service Unavailable")

    def expired(self) -> web.Response:
        """Say that the login is no longer good."""
        return _error(401, "AuthenticationRequired", "Invalid identifier or password")

    def out_of_credits(self) -> web.Response:
        """Say that the account may not write any more; Bluesky knows no credits, only moderation."""
        return self.suspended()

    def crashed(self) -> web.Response:
        """Say that something went wrong inside."""
        return _error(500, "InternalServerError", "Internal Server Error")

    def forbidden(self) -> web.Response:
        """Say that the login may not delete this record."""
        return _error(403, "ScopeMissingError", "Missing required scope repo:app.bsky.feed.post")

    # -- logins ---------------------------------------------------------------------------------

    def _authenticated(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return the handler with authentication, the active faults, and the headers of the rate limit."""

        async def identified(request: web.Request) -> web.StreamResponse:
            owner = self._owner(request, ACCESS)
            request[OWNER], request[ACCOUNT] = owner, owner.handle
            if request.method == "GET":
                return await handler(request)
            _, remaining, reset = self._allowance.spend(owner.handle, self._clock.now())
            limits = _limits(LIMIT, 3600, remaining, reset)
            try:
                response = await handler(request)
            except Declined as declined:
                declined.answer.headers.update(limits)
                raise
            response.headers.update(limits)
            return response

        return self._answering.guard(identified)

    def _owner(self, request: web.Request, scope: str) -> Owner:
        token = bearer_token(request.headers)
        if token is None:
            raise Declined(_error(401, "AuthMissing", "Authentication Required"))
        try:
            return self._logins.owner(token, scope)
        except InvalidToken as error:
            raise Declined(_error(400, error.name, str(error))) from None

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request, "identifier", "password")
        handle = str(body["identifier"])
        if broken := self._logins.throttled(handle.lower()):
            most, seconds, end = broken
            headers = _limits(most, seconds, 0, end)
            raise Declined(_error(429, "RateLimitExceeded", "Rate Limit Exceeded", headers))
        if not body["password"] or not (HANDLE.fullmatch(handle) or DID.fullmatch(handle)):
            raise Declined(self.expired())
        return self._tokens_for(owner_of(handle))

    async def _refresh(self, request: web.Request) -> web.StreamResponse:
        return self._tokens_for(self._owner(request, REFRESH))

    def _tokens_for(self, owner: Owner) -> web.Response:
        return answer(200, {**self._logins.tokens(owner), **_account(owner)})

    async def _session(self, request: web.Request) -> web.StreamResponse:
        return answer(200, _account(request[OWNER]))

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        """Answer as if there were an account at every name, but not under .invalid."""
        handle = request.query.get("handle", "").lower()
        if HANDLE.fullmatch(handle) is None:
            return self.crashed()
        if handle.endswith(".invalid"):
            return _error(400, "InvalidRequest", "Unable to resolve handle")
        return answer(200, {"did": owner_of(handle).did})

    # -- records --------------------------------------------------------------------------------

    async def _put(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request, "repo", "collection", "rkey", "record")
        key = _key(body["rkey"])
        record = self._checked(request[OWNER], body)
        uri, cid = _uri(request[OWNER], key), _cid(record)
        there = self._shelf.live(self.name, uri)
        if there is not None and there.more["cid"] == cid:
            return answer(200, {"uri": uri, "cid": cid, "validationStatus": "valid"})
        if "swapRecord" in body:
            if body["swapRecord"] is not None and not CID.fullmatch(str(body["swapRecord"])):
                message = f'Invalid CID string (got "{body["swapRecord"]}") at $.swapRecord'
                raise Declined(_error(400, "InvalidRequest", message))
            now = None if there is None else there.more["cid"]
            if body["swapRecord"] != now:
                raise Declined(_error(400, "InvalidSwap", f"Record was at {now or 'null'}"))
        if there is not None:
            self._shelf.edit(there, record["text"])
            self._shelf.mark(there, cid=cid, record=record)
            return answer(200, _committed(uri, cid))
        return self._add(request[OWNER], key, record)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request, "repo", "collection", "record")
        record = self._checked(request[OWNER], body)
        key = _key(body["rkey"]) if "rkey" in body else self._next_key()
        if self._shelf.live(self.name, _uri(request[OWNER], key)) is not None:
            raise Declined(self.crashed())
        return self._add(request[OWNER], key, record)

    def _checked(self, owner: Owner, body: dict[str, Any]) -> dict[str, Any]:
        """Return the record of a request; decline it if it breaks a rule, or is for another account."""
        _same_account(owner, body)
        record: dict[str, Any] = body["record"]
        try:
            check_post(record)
        except InvalidRecord as error:
            raise Declined(_error(400, "InvalidRequest", str(error))) from None
        blobs = _blobs_of(record)
        if blobs and self._faults.take(self.name, {FaultName.MEDIA_EXPIRED}):
            self._blobs.pop(blobs[0], None)
        for cid in blobs:
            if cid not in self._blobs:
                message = f"Could not find blob: {cid}"
                raise Declined(_error(400, "BlobNotFound", message))
        return record

    def _add(self, owner: Owner, key: str, record: dict[str, Any]) -> web.Response:
        uri, cid = _uri(owner, key), _cid(record)
        more = {"cid": cid, "record": record}
        if "reply" in record:
            more["in_reply_to"] = record["reply"]["parent"]["uri"]
        self._shelf.add(
            self.name,
            owner.handle,
            record["text"],
            post_id=uri,
            media=_media(owner, record),
            more=more,
        )
        return answer(200, _committed(uri, cid))

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request, "repo", "collection", "rkey")
        _same_account(request[OWNER], body)
        post = self._shelf.live(self.name, _uri(request[OWNER], str(body["rkey"])))
        if post is None:
            return answer(200, {})
        self._answering.delete(self._shelf, post)
        return answer(200, {"commit": _commit(post.more["cid"])})

    async def _get(self, request: web.Request) -> web.StreamResponse:
        owner = _repo(request)
        uri = _uri(owner, request.query.get("rkey", ""))
        post = self._shelf.live(self.name, uri)
        if post is None:
            raise Declined(_error(400, "RecordNotFound", f"Could not locate record: {uri}"))
        self._answering.edit_by_hand(self._shelf, post)
        return answer(200, _record(post))

    async def _list(self, request: web.Request) -> web.StreamResponse:
        owner = _repo(request)
        limit = request.query.get("limit", "50")
        most = min(100, max(1, int(limit))) if limit.isdecimal() else 50
        before = request.query.get("cursor", "~")
        posts = [
            post
            for account in self._shelf.accounts(self.name)
            if owner_of(account).did == owner.did
            for post in self._shelf.timeline(self.name, account)
            if post.id.rpartition("/")[2] < before
        ]
        page = sorted(posts, key=lambda post: post.id, reverse=True)[:most]
        cursor = {"cursor": page[-1].id.rpartition("/")[2]} if len(page) == most else {}
        return answer(200, {"records": [*map(_record, page)], **cursor})

    # -- pictures -------------------------------------------------------------------------------

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        content = bytearray()
        async for part in request.content.iter_any():
            content += part
            if len(content) > _UPLOAD_LIMIT:
                message = "request entity too large"
                raise Declined(_error(413, "PayloadTooLarge", message))
        if self._faults.take(self.name, {FaultName.MEDIA_REFUSED}):
            message = f"Wrong mimetype, or not a picture: {request.content_type}"
            raise Declined(_error(400, "InvalidMimeType", message))
        cid = _hash("bafkrei", bytes(content))
        kind = _kind(bytes(content)) or request.content_type
        self._blobs[cid] = kind, bytes(content)
        while len(self._blobs) > _MOST_BLOBS:
            del self._blobs[next(iter(self._blobs))]
        blob = {"$type": "blob", "ref": {"$link": cid}, "mimeType": kind, "size": len(content)}
        return answer(200, {"blob": blob})

    async def _blob(self, request: web.Request) -> web.StreamResponse:
        blob = self._blobs.get(request.query.get("cid", ""))
        if blob is None:
            return _error(400, "BlobNotFound", "Blob not found")
        headers = {
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        }
        return web.Response(body=blob[1], content_type=blob[0], headers=headers)

    def _next_key(self) -> str:
        time = self._shelf.number(self.name) << 10
        return "".join(_LETTERS[time >> shift & 31] for shift in range(60, -1, -5))


async def _nowhere(_: web.Request) -> web.StreamResponse:
    return _error(502, "UpstreamFailure", "Upstream service unreachable")


def _error(
    status: int, name: str, message: str, headers: dict[str, str] | None = None
) -> web.Response:
    return answer(status, {"error": name, "message": message}, headers)


async def _body(request: web.Request, *required: str) -> dict[str, Any]:
    """Return a request's JSON; decline it if it has not all of these."""
    if request.content_type != "application/json":
        message = f"Wrong request encoding (Content-Type): {request.content_type}"
        raise Declined(_error(400, "InvalidRequest", message))
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise Declined(_error(400, "SyntaxError", str(error))) from None
    for name in required:
        if not isinstance(body, dict) or name not in body:
            raise Declined(_error(400, "InvalidRequest", f'Missing required key "{name}" at $'))
    return dict(body)


def _same_account(owner: Owner, body: dict[str, Any]) -> None:
    if body["repo"] not in (owner.did, owner.handle):
        raise Declined(_error(401, "AuthenticationRequired", "Authentication Required"))
    if body["collection"] != POSTS:
        message = f"Unvalidated record: {body['collection']} is not practised"
        raise Declined(_error(400, "InvalidRequest", message))


def _key(key: Any) -> str:
    if not isinstance(key, str) or TID.fullmatch(key) is None:
        message = f'Invalid record key for {POSTS}: Invalid TID string (got "{key}") at $'
        raise Declined(_error(400, "InvalidRequest", message))
    return key


def _repo(request: web.Request) -> Owner:
    repo = request.query.get("repo", "")
    if not (DID.fullmatch(repo) or HANDLE.fullmatch(repo)):
        raise Declined(_error(400, "InvalidRequest", 'Missing required parameter "repo"'))
    return owner_of(repo)


def _account(owner: Owner) -> dict[str, Any]:
    return {"did": owner.did, "handle": owner.handle, "active": True}


def _uri(owner: Owner, key: str) -> str:
    return f"at://{owner.did}/{POSTS}/{key}"


def _record(post: PracticePost) -> dict[str, Any]:
    value = {**post.more["record"], "text": post.text}
    return {"uri": post.id, "cid": post.more["cid"], "value": value}


def _committed(uri: str, cid: str) -> dict[str, Any]:
    return {"uri": uri, "cid": cid, "commit": _commit(cid), "validationStatus": "valid"}


def _commit(cid: str) -> dict[str, str]:
    return {"cid": _hash("bafyrei", cid.encode()), "rev": "3practicerevs"}


def _cid(record: dict[str, Any]) -> str:
    return _hash("bafyrei", orjson.dumps(record, option=orjson.OPT_SORT_KEYS))


def _hash(kind: str, content: bytes) -> str:
    """Return a content id (CIDv1 with SHA-256): `bafyrei…` of a record, `bafkrei…` of bytes."""
    codec = b"\x01\x71\x12\x20" if kind == "bafyrei" else b"\x01\x55\x12\x20"
    digest = hashlib.sha256(content).digest()
    return "b" + base64.b32encode(codec + digest).decode().lower().rstrip("=")


def _blobs_of(record: dict[str, Any]) -> list[str]:
    embed = record.get("embed") or {}
    blobs = [image["image"] for image in embed.get("images", ())]
    thumb = (embed.get("external") or {}).get("thumb")
    return [blob["ref"]["$link"] for blob in [*blobs, *([thumb] if thumb else [])]]


def _media(owner: Owner, record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the wall shows under a text: pictures, or a card."""
    embed = record.get("embed") or {}

    def address(blob: dict[str, Any]) -> str:
        return f"{_API}.sync.getBlob?did={owner.did}&cid={blob['ref']['$link']}"

    media = [
        {"type": image["image"]["mimeType"], "url": address(image["image"]), "alt": image["alt"]}
        for image in embed.get("images", ())
    ]
    if card := embed.get("external"):
        media.append({"type": "link", "url": card["uri"], "title": card["title"]})
        if "thumb" in card:
            media[-1]["picture"] = address(card["thumb"])
    return media


def _kind(content: bytes) -> str:
    begins = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n": "image/png", b"RIFF": "image/webp"}
    return next((kind for begin, kind in begins.items() if content.startswith(begin)), "")


def _limits(limit: int, seconds: int, remaining: int, reset: float) -> dict[str, str]:
    return {
        "RateLimit-Limit": str(limit),
        "RateLimit-Remaining": str(remaining),
        "RateLimit-Reset": str(math.ceil(reset)),
        "RateLimit-Policy": f"{limit};w={seconds}",
    }
