"""
Reads and writes files safely.

Reads are limited in size and refuse anything but a regular file: a pipe in a folder of recipes
would block forever. What is written appears whole or not at all, does not follow links, and has the
permissions given here, whatever the umask.
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
"""The largest size of a file that people write, in bytes."""

PRIVATE = 0o600
"""Permissions of files that only their owner may read."""

_PART = 64 * 1024
"""Bytes per read; room for `READ_LIMIT` in one would cost more than the reading of a usual file."""

SHARED = 0o644
"""Permissions of files that other users may read."""


def open_handle(
    path: Path, flags: int, mode: int = 0o600, *, follow: bool = True, wait: bool = True
) -> int:
    """
    Open a file for this process alone, and return its handle; raise `OSError`.

    Without `follow` it may not be a link, and without `wait` a pipe does not block. Windows has neither links nor pipes
    that a stranger could put in the way, and none of these flags; but there files are text unless they are opened as
    binary.
    """
    names = ["O_CLOEXEC", "O_BINARY"]
    names += [] if follow else ["O_NOFOLLOW"]
    names += [] if wait else ["O_NONBLOCK"]
    for name in names:
        flags |= getattr(os, name, 0)
    return os.open(path, flags, mode)


def own_user() -> int:
    """Return the number of the user that this process acts as; on Windows, where all files have it, 0."""
    return os.geteuid() if hasattr(os, "geteuid") else 0


def _set_mode(handle: int, mode: int) -> None:
    if hasattr(os, "fchmod"):
        os.fchmod(handle, mode)


def read_file(path: Path, limit: int = READ_LIMIT, *, pipes: bool = False) -> bytes:
    """
    Return a file's content, or its first `limit` + 1 bytes if it is longer; raise `OSError`.

    With `pipes` it may be a pipe, for a file that a person names on the command line.
    """
    return read_owned(path, limit, pipes=pipes)[0]


def read_owned(path: Path, limit: int = READ_LIMIT, *, pipes: bool = False) -> tuple[bytes, int]:
    """Return a file's content like `read_file`, and the number of the user to whom that file belongs."""
    try:
        handle = open_handle(path, os.O_RDONLY, wait=pipes)
    except ValueError:  # a NUL in the path
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None
    try:
        about = os.fstat(handle)
        mode = about.st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not (stat.S_ISREG(mode) or pipes):
            raise OSError(errno.EINVAL, "this is not a regular file", str(path))
        content = b""
        while part := os.read(handle, min(_PART, limit + 1 - len(content))):
            content += part
        return content, about.st_uid
    finally:
        os.close(handle)


def open_below(folder: Path, name: str) -> int:
    """
    Open a file below a folder to read it, and return its handle. No link below the folder is followed.

    Raise `ValueError` with problem and cure if the name leads out of the folder or to no regular file.
    """
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or "\0" in name or {"", ".", ".."} & {*parts}:
        raise ValueError(
            f"{name!r} is not a name below {folder}; write the file's name there, such as badge.png"
        )
    at = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        for part in parts:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            inner = os.open(part, flags, dir_fd=at)
            os.close(at)
            at = inner
        if not stat.S_ISREG(os.fstat(at).st_mode):
            raise ValueError(f"{name!r} is not a file; name a picture")
    except BaseException:
        os.close(at)
        raise
    return at


def flaw_below(folder: Path, name: str) -> tuple[str, str] | None:
    """Return what keeps a file below a folder from being read, and the cure; `None` if nothing does."""
    try:
        os.close(open_below(folder, name))
    except ValueError as flaw:
        problem, _, cure = str(flaw).partition("; ")
        return problem, cure
    except OSError as error:
        if error.errno == errno.ELOOP:
            return f"{name} is a link", "put the file itself into the folder"
        return f"{folder / name}: {error.strerror}", "put the file there"
    return None


def read_below(folder: Path, name: str, limit: int) -> bytes:
    """Return a file's content, or its first `limit` + 1 bytes; raise `OSError`, or what `open_below` raises."""
    handle = open_below(folder, name)
    with os.fdopen(handle, "rb") as file:
        return file.read(limit + 1)


def write_file(path: Path, content: bytes, mode: int | None = None) -> None:
    """
    Write or replace a file as a whole; a link with that name is replaced.

    Without a `mode` an existing file keeps its permissions, and a new one gets `SHARED`.
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
    """Create a file for writing; one left by a dead process with our process id is replaced."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        handle = open_handle(path, flags, mode, follow=False)
    except FileExistsError:
        path.unlink()
        handle = open_handle(path, flags, mode, follow=False)
    _set_mode(handle, mode)
    return handle


def open_own(path: Path, flags: int, mode: int) -> int:
    """Open a file, or create it with these permissions; raise `OSError` for a link or a hard-linked file."""
    try:
        handle = open_handle(path, flags | os.O_CREAT | os.O_EXCL, mode, follow=False)
    except FileExistsError:
        handle = open_handle(path, flags, mode, follow=False)
    else:
        _belong_to_the_folder(handle, path)
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
            raise OSError(errno.EINVAL, "this file was not made by AppealBridge", str(path))
        if about.st_uid == own_user() and stat.S_IMODE(about.st_mode) != mode:
            _set_mode(handle, mode)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _belong_to_the_folder(handle: int, path: Path) -> None:
    """Give a file that root creates to the owner of its folder, or the daemon could not open it."""
    if own_user() == 0 and hasattr(os, "fchown"):
        folder = path.parent.stat()
        os.fchown(handle, folder.st_uid, folder.st_gid)


@contextmanager
def socket_at(path: Path, mode: int) -> Iterator[socket.socket]:
    """
    Bind a Unix socket with these permissions, and remove it in the end.

    A dead socket of ours is replaced. Raise `OSError` if anything else is in its place, or if
    everyone can write to its folder.
    """
    folder = path.parent.stat()
    if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        raise OSError(errno.EPERM, "everyone can write to its folder", str(path))
    _make_way(path)
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as bound:
        bound.setblocking(False)
        bound.bind(str(path))
        path.chmod(mode)  # nobody can connect before it listens
        before = path.lstat()
        try:
            yield bound
        finally:
            with suppress(OSError):
                if path.lstat().st_ino == before.st_ino:
                    path.unlink()


def _make_way(path: Path) -> None:
    """Remove a socket of ours at which nothing listens any more."""
    try:
        about = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(about.st_mode):
        raise OSError(errno.EEXIST, "another file is in its place", str(path))
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as knocking:
        knocking.settimeout(1.0)
        try:
            knocking.connect(str(path))
        except ConnectionRefusedError:
            if about.st_uid in (own_user(), path.parent.stat().st_uid) or own_user() == 0:
                path.unlink()
                return
            raise OSError(errno.EPERM, "another user's socket is in its place", str(path)) from None
        except OSError as error:
            raise OSError(
                error.errno, f"a socket is in its place ({error.strerror})", str(path)
            ) from None
    raise OSError(errno.EADDRINUSE, "another program listens there", str(path))


def shown_path(path: Path) -> str:
    """Return a path as text, relative to the working folder if it is below it."""
    return str(path).removeprefix(f"{os.getcwd()}{os.sep}")  # noqa: PTH109 - asked for each recipe


def is_trusted(about: os.stat_result, owners: frozenset[int]) -> bool:
    """Return whether only these users or root can have written a file."""
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
