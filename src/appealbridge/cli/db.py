"""`db`: maintenance of the store. Only `backup` may be used while the daemon runs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from appealbridge.cli.common import common_options
from appealbridge.cli.output import same_line, say, show_line
from appealbridge.clock import SystemClock
from appealbridge.settings.load import store_of
from appealbridge.store.opening import store_at


@click.group()
def db() -> None:
    """Back up the store, make it smaller, or update it."""


@db.command(short_help="Copy the store to a new FILE and check the copy.")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@common_options
def backup(config: Path | None, as_json: bool, file: Path) -> None:
    """
    Copy the store to a new FILE and check the copy, whether or not the daemon runs.

    To restore it, stop the daemon, replace the store with the copy, remove the store's -wal and -shm files, and start
    the daemon.
    """
    store = store_at(store_of(config))
    size = store.back_up(file, SystemClock().now(), _percent if sys.stderr.isatty() else None)
    row = {"store": str(store), "file": str(file), "bytes": size}
    show_line(row, as_json, f"{file}: a complete, checked copy of {store}, {_size(size)}")


@db.command()
@common_options
def vacuum(config: Path | None, as_json: bool) -> None:
    """Rewrite the store without the data that was removed from it. Stop the daemon first."""
    store = store_at(store_of(config))
    if sys.stderr.isatty():
        say(f"{store}: this may take a minute per gigabyte", err=True)
    before, after = store.vacuum()
    row = {"store": str(store), "bytes": after, "freed": before - after}
    freed = _size(max(0, before - after))
    show_line(row, as_json, f"{store}: {freed} freed, {_size(after)} left")


@db.command()
@click.option(
    "--check", is_flag=True, help="Change nothing. Exit with 1 if the store is not up to date."
)
@common_options
def migrate(config: Path | None, as_json: bool, check: bool) -> None:
    """Update the store to this version, or make a new one. Stop the daemon first."""
    store = store_at(store_of(config))
    before, after = store.versions() if check else store.migrate()
    changed = before != after and not check
    row = {"store": str(store), "from": before, "to": after, "changed": changed}
    show_line(row, as_json, f"{store}: {_moved(before, after, check=check)}")
    if check and before != after:
        sys.exit(1)


def _moved(before: int, after: int, *, check: bool) -> str:
    if before == after:
        return f"up to date, version {after}"
    if check:
        return (
            f"version {before}, but this appealbridge needs {after}; run: appealbridge db migrate"
        )
    return (
        f"created, version {after}" if before == 0 else f"updated from version {before} to {after}"
    )


def _percent(done: int, total: int) -> None:
    same_line(f"{100 * done // max(1, total)} %")
    if done == total:
        say(err=True)


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
