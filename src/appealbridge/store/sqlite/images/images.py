"""Stores the images of deliveries: what is to be prepared, the renditions, and what platforms have of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from math import inf
from pathlib import Path

from appealbridge.model.delivery import Delivery, Images, State
from appealbridge.store.records import (
    Preparation,
    Rendered,
    StoredUpload,
    Unprepared,
)
from appealbridge.store.sqlite.access import Connection, ReadAccess, WriteAccess, reads, writes
from appealbridge.store.sqlite.bulk import Insert, Row
from appealbridge.store.sqlite.connections import Readers
from appealbridge.store.sqlite.deliveries import find, place
from appealbridge.store.sqlite.images.media import MediaFile
from appealbridge.store.sqlite.rows import (
    STORED_DELIVERY,
    UPLOAD,
    delivery_of,
    json_list,
    names,
    time_or_none,
    upload_of,
)
from appealbridge.store.sqlite.states import (
    EDIT,
    FAILED,
    HELD,
    IS_ENDED,
    IS_OPEN,
    IS_PUBLISHED,
    PLANNED,
    STATES,
    UNKNOWN,
)
from appealbridge.store.sqlite.writer import Writer

_RENDERED = (
    "delivery_id", "number", "source", "limits", "sha256", "media_type", "width", "height", "size",
    "uploads",
)  # fmt: skip
_PREPARATION = ("delivery_id", "required", "due_at", "first_at", "tries")

_preparations = Insert("preparations", _PREPARATION, "ON CONFLICT DO NOTHING")
_images = Insert(
    "images",
    _RENDERED,
    "ON CONFLICT DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _RENDERED[2:]),
)
_WAITS = f"d.state = {PLANNED}"
_UNPREPARED = (
    f"SELECT p.required, p.tries, p.first_at, {names(STORED_DELIVERY, 'd')} FROM preparations p"
    " CROSS JOIN deliveries d ON d.id = p.delivery_id"
    f" WHERE p.due_at <= ? AND {_WAITS} ORDER BY p.due_at, d.number LIMIT ?"
)
_NEXT = (
    "SELECT min(p.due_at) FROM preparations p CROSS JOIN deliveries d ON d.id = p.delivery_id"
    f" WHERE p.due_at < 9e999 AND {_WAITS}"
)
_POSTPONE = (
    "UPDATE preparations SET due_at = :due_at, tries = tries + 1, first_at = min(first_at, :now)"
    " WHERE delivery_id = :id"
)
_COPY = (
    "INSERT INTO preparations SELECT :copy, required, due_at, first_at, tries FROM preparations"
    " WHERE delivery_id = :id"
)
_COPY_IMAGES = (
    f"INSERT INTO images ({names(_RENDERED)}) SELECT :copy, {names(_RENDERED[1:])} FROM images"
    " WHERE delivery_id = :id"
)
_HAS_PREPARATION = "SELECT EXISTS (SELECT 1 FROM preparations WHERE delivery_id = ?)"
_SAY_WHY = f"UPDATE deliveries SET reason = ? WHERE id = ? AND state = {PLANNED}"
_MESSAGE = "UPDATE deliveries SET content = ?, content_hash = ? WHERE number = ?"
# What an edit has in the end is what its post showed before.
_LEFTOVER = (
    f"SELECT {names(UPLOAD, 'u')} FROM uploads u INDEXED BY uploads_published"
    " CROSS JOIN deliveries d ON d.id = u.delivery_id"
    f" WHERE u.published = 1 AND (d.{IS_ENDED} OR d.kind = {EDIT} AND d.{IS_PUBLISHED}) LIMIT ?"
)
_WAITS_FOR = f"SELECT state, d.{IS_PUBLISHED}, d.{IS_OPEN} FROM deliveries d WHERE id = ?"
_ENDED = (
    "DELETE FROM preparations WHERE NOT EXISTS (SELECT 1 FROM deliveries d"
    f" WHERE d.id = delivery_id AND d.state IN ({PLANNED}, {HELD}, {UNKNOWN}, {FAILED}))"
)
_PAGE = 1000
"""How many pictures are looked at in one step."""

_SHOWN = "SELECT DISTINCT sha256 FROM images WHERE sha256 IN (SELECT value FROM json_each(?))"


class SqliteImageQueries(ReadAccess):
    """The `ImageQueries` in SQLite."""

    @reads
    def images(self, db: Connection, delivery_id: str) -> Sequence[Rendered]:
        return _rendered(db, "delivery_id = ?", delivery_id)


class SqliteImages(WriteAccess):
    """The `ImageStore` in SQLite."""

    def __init__(self, path: Path, readers: Readers, writer: Writer | None) -> None:
        super().__init__(path, readers, writer)
        self._media = MediaFile(path, read_only=writer is None)

    async def keep_media(self, sha256: str, data: bytes, now: float) -> None:
        await self._media.put(sha256, data, now)

    async def media(self, sha256: str) -> bytes:
        return await self._media.get(sha256)

    async def forget_media(self, before: float) -> int:
        await self._write(lambda db: db.execute(_ENDED))
        forgotten, after = 0, ""
        while old := await self._media.stored_before(before, after, _PAGE):
            unused = {*old} - await self._shown(old)
            forgotten += await self._media.forget(unused, before) if unused else 0
            after = old[-1]
        return forgotten

    @reads
    def _shown(self, db: Connection, sha256s: Sequence[str]) -> set[str]:
        return {row[0] for row in db.execute(_SHOWN, (json_list(sha256s),))}

    @reads
    def unprepared(self, db: Connection, now: float, limit: int) -> Sequence[Unprepared]:
        rows = db.execute(_UNPREPARED, (now, limit)).fetchall()
        return [
            Unprepared(delivery_of(row), bool(required), tries, time_or_none(first_at))
            for required, tries, first_at, *row in rows
        ]

    @reads
    def next_preparation(self, db: Connection) -> float | None:
        return time_or_none(db.execute(_NEXT).fetchone()[0])

    @writes
    def keep_images(self, db: Connection, images: Sequence[Rendered]) -> None:
        _images.write(db, [tuple(getattr(image, name) for name in _RENDERED) for image in images])

    @reads
    def images_of_run(self, db: Connection, run_id: str) -> Sequence[Rendered]:
        return _rendered(db, "delivery_id > ? AND delivery_id < ?", f"{run_id}.", f"{run_id}/")

    @writes
    def postpone(
        self, db: Connection, delivery_id: str, due_at: float, reason: str, now: float
    ) -> None:
        db.execute(_POSTPONE, {"id": delivery_id, "due_at": due_at, "now": now})
        db.execute(_SAY_WHY, (reason, delivery_id))

    @writes
    def prepared(self, db: Connection, preparation: Preparation) -> Delivery | None:
        before = find(db, preparation.delivery_id)
        if before.state is not State.PLANNED:
            forget_preparations(db, [before.id])
            return None
        if preparation.made_from not in ("", before.content_hash):
            db.execute("DELETE FROM images WHERE delivery_id = ?", (before.id,))
            return None
        db.execute(_MESSAGE, (preparation.content, preparation.content_hash, before.number))
        if preparation.target is State.FAILED:
            db.execute(_POSTPONE, {"id": before.id, "due_at": inf, "now": preparation.at})
        else:
            forget_preparations(db, [before.id])
        target, reason = preparation.target, preparation.reason
        if target is State.READY and before.follows:
            target, why = _after_the_one_before(db, before.follows)
            reason = why or reason
        if target is not State.PLANNED:
            due_at = before.due_at
            place(
                db, before, target, preparation.at,
                hold=preparation.hold, reason=reason, due_at=due_at,
            )  # fmt: skip
        return find(db, before.id)

    @reads
    def uploads(self, db: Connection, delivery_id: str) -> Sequence[StoredUpload]:
        select = f"SELECT {names(UPLOAD)} FROM uploads WHERE delivery_id = ? ORDER BY number"
        return [upload_of(row) for row in db.execute(select, (delivery_id,))]

    @reads
    def leftover_uploads(self, db: Connection, limit: int) -> Sequence[StoredUpload]:
        return [upload_of(row) for row in db.execute(_LEFTOVER, (limit,))]

    @writes
    def forget_upload(self, db: Connection, delivery_id: str, number: int) -> None:
        statement = "DELETE FROM uploads WHERE delivery_id = ? AND number = ?"
        db.execute(statement, (delivery_id, number))


def _after_the_one_before(db: Connection, delivery_id: str) -> tuple[State, str]:
    """Return what becomes of a prepared delivery that follows this one, and why if it is not sent."""
    state, published, is_open = db.execute(_WAITS_FOR, (delivery_id,)).fetchone()
    if published:
        return State.READY, ""
    if is_open:
        return State.PLANNED, ""
    return State.CANCELLED, f"the post before it is {STATES[state].value}"


def copy_preparation(db: Connection, delivery_id: str, copy: str) -> None:
    """Let a copy of a delivery be prepared as this one, if it has to be."""
    db.execute(_COPY, {"id": delivery_id, "copy": copy})


def copy_images(db: Connection, delivery_id: str, copy: str) -> bool:
    """Give a delivery the images of another one; return whether they are still to be prepared."""
    copy_preparation(db, delivery_id, copy)
    db.execute(_COPY_IMAGES, {"id": delivery_id, "copy": copy})
    (unprepared,) = db.execute(_HAS_PREPARATION, (copy,)).fetchone()
    return bool(unprepared)


def preparation_rows(deliveries: Iterable[Delivery]) -> list[Row]:
    """Return the rows of the preparations of new deliveries."""
    return [
        (d.id, int(d.images is Images.REQUIRED), d.due_at, inf, 0) for d in deliveries if d.images
    ]


def prepare_these(db: Connection, rows: Sequence[Row]) -> None:
    """Store that new deliveries have to be prepared."""
    _preparations.write(db, rows)


def forget_preparations(db: Connection, ids: Collection[str]) -> None:
    """Forget that these deliveries had to be prepared."""
    db.execute(
        "DELETE FROM preparations WHERE delivery_id IN (SELECT value FROM json_each(?))",
        (json_list(ids),),
    )


def _rendered(db: Connection, where: str, *keys: str) -> list[Rendered]:
    select = f"SELECT {names(_RENDERED)} FROM images WHERE {where} ORDER BY delivery_id, number"
    return [
        Rendered(**{**dict(zip(_RENDERED, row, strict=True)), "uploads": bool(row[-1])})
        for row in db.execute(select, keys)
    ]
