"""Ends a command that failed, with a clear message."""

from __future__ import annotations

import errno
import traceback
from typing import NoReturn

import click

from appealbridge.cli.common import fail, fail_with
from appealbridge.documents import InvalidDocuments
from appealbridge.model.errors import AppealBridgeError
from appealbridge.terminal import visible

_CURES = {
    errno.EACCES: "run this as the user that the daemon runs as, or as root",
    errno.EPERM: "run this as the user that the daemon runs as, or as root",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path",
    errno.EISDIR: "give a file, not a folder",
    errno.ELOOP: "check the path; links are not followed here",
    errno.EADDRINUSE: "stop the other program, or give another address under `listen:`",
    errno.EEXIST: "remove it, or choose another path",
    errno.ENOSPC: "free some space on the disk",
    errno.EDQUOT: "free some space on the disk",
    errno.EROFS: "choose a place that can be written to",
    errno.EMFILE: "let this process open more files",
    errno.ENAMETOOLONG: "choose a shorter path",
}


def end_with(error: Exception) -> NoReturn:
    """End the command with a message about an error, and with a traceback if it is a fault in AppealBridge."""
    if isinstance(error, click.UsageError):
        raise click.UsageError(visible(error.format_message(), lines=True), error.ctx)
    if isinstance(error, click.ClickException):
        fail(error.format_message())
    if isinstance(error, InvalidDocuments):
        fail_with(error)
    if isinstance(error, AppealBridgeError):
        fail(str(error))
    if isinstance(error, OSError):
        fail(describe_failure(error))
    fail(
        f"this is a fault in AppealBridge; please report it with the following: {error}\n"
        + "".join(traceback.format_exception(error)).rstrip()
    )


def describe_failure(error: OSError) -> str:
    """Return an operating system's error in words, with its path and how to fix it."""
    message = visible(error.strerror or str(error) or type(error).__name__)
    places = [visible(str(name)) for name in (error.filename, error.filename2) if name is not None]
    cure = _CURES.get(error.errno or 0, "")
    where = f"{' and '.join(places)}: " if places else ""
    return f"{where}{message[:1].lower()}{message[1:]}" + (f"; {cure}" if cure else "")
