"""
Files as a careful program reads and writes them.

Nothing is read without a bound, and nothing that is no file: a pipe in a folder of recipes would be
waited for. What is written appears whole or not at all, follows nobody's link, and has the rights
that we give it, whatever the umask.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

READ_LIMIT = 1024 * 1024
"""Bytes of a text that a person has written."""

PRIVATE = 0o600
"""The rights of what is for its owner's eyes only."""

_PART = 64 * 1024
"""Bytes per read; room for `READ_LIMIT` in one would cost more than the reading of a usual file."""

SHARED = 0o644
"""The rights of what others of the machine may read."""


def read_file(path: Path, limit: int = READ_LIMIT, *, pipes: bool = False) -> bytes:
    """
    Return a file's content, one byte more than the limit of one that is longer; raise `OSError`.

    With `pipes` it may be one, for a file that a person names on the command line.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if pipes else os.O_NONBLOCK))
    except ValueError:  # a NUL in the path
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not (stat.S_ISREG(mode) or pipes):
            raise OSError(errno.EINVAL, "this is no file", str(path))
        content = b""
        while part := os.read(handle, min(_PART, limit + 1 - len(content))):
            content += part
        return content
    finally:
        os.close(handle)


def write_file(path: Path, content: bytes, mode: int | None = None) -> None:
    """
    Write a file, or write it anew, whole and with these rights; a link of that name is replaced.

    Without a `mode` a file that was there keeps its own, and a new one is `SHARED`.
    """
    if mode is None:
        mode = _mode_of(path)
    part = path.with_name(f".{path.name}.part-{os.getpid()}")
    handle = create(part, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def create(path: Path, mode: int) -> int:
    """Make a file that only we write to, for writing; what a dead process of our number left is removed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        handle = os.open(path, flags, mode)
    except FileExistsError:
        path.unlink()
        handle = os.open(path, flags, mode)
    os.fchmod(handle, mode)
    return handle


def open_own(path: Path, flags: int, mode: int) -> int:
    """Open a file that is ours, or make it with these rights; raise `OSError` for a link, or what others wrote."""
    flags |= os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        handle = os.open(path, flags | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        handle = os.open(path, flags, mode)
    else:
        _belong_to_the_folder(handle, path)
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
            raise OSError(errno.EINVAL, "this is no file of ours", str(path))
        if about.st_uid == os.geteuid() and stat.S_IMODE(about.st_mode) != mode:
            os.fchmod(handle, mode)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _belong_to_the_folder(handle: int, path: Path) -> None:
    """Give what root makes to whom its folder belongs, or the daemon could not open it."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.fchown(handle, folder.st_uid, folder.st_gid)


@contextmanager
def socket_at(path: Path, mode: int) -> Iterator[socket.socket]:
    """
    Bind a Unix socket with these rights and remove it in the end.

    A dead one of ours that lies there is replaced. Raise `OSError` where anything else does, or where
    everybody may change what lies in its folder.
    """
    folder = path.parent.stat()
    if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        raise OSError(errno.EPERM, "everybody may write to its folder", str(path))
    _make_way(path)
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as bound:
        bound.setblocking(False)
        bound.bind(str(path))
        path.chmod(mode)  # nobody can connect before it listens
        mine = path.lstat()
        try:
            yield bound
        finally:
            with suppress(OSError):
                if path.lstat().st_ino == mine.st_ino:
                    path.unlink()


def _make_way(path: Path) -> None:
    """Remove a socket of ours that nobody listens at any more."""
    try:
        about = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(about.st_mode):
        raise OSError(errno.EEXIST, "something else lies there", str(path))
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as knocking:
        knocking.settimeout(1.0)
        try:
            knocking.connect(str(path))
        except ConnectionRefusedError:
            if about.st_uid in (os.geteuid(), path.parent.stat().st_uid) or os.geteuid() == 0:
                path.unlink()
                return
            raise OSError(errno.EPERM, "a socket of somebody else lies there", str(path)) from None
        except OSError as error:
            raise OSError(
                error.errno, f"a socket lies there ({error.strerror})", str(path)
            ) from None
    raise OSError(errno.EADDRINUSE, "another program listens there", str(path))


def is_trusted(about: os.stat_result, owners: frozenset[int]) -> bool:
    """Tell whether only these users, or root, could have written a file."""
    writable = stat.S_IWGRP | stat.S_IWOTH
    return (
        stat.S_ISREG(about.st_mode)
        and about.st_uid in {0, *owners}
        and not about.st_mode & writable
    )


def _mode_of(path: Path) -> int:
    try:
        about = os.lstat(path)
    except OSError:
        return SHARED
    return stat.S_IMODE(about.st_mode) if stat.S_ISREG(about.st_mode) else SHARED
