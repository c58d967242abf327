"""`channels`: shows the condition of the accounts, and checks their logins."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from appealbridge.cli import tables
from appealbridge.cli.client import DaemonClient
from appealbridge.cli.common import common_options, json_option
from appealbridge.cli.output import say, say_json, say_text, show, styled
from appealbridge.documents.diagnostic import fault

SECONDS = 20.0
"""How long one platform may take to answer; a check makes at most three requests."""


@click.group(
    invoke_without_command=True,
    short_help="Show how the accounts are doing; `check` logs in to them.",
)
@common_options
@click.pass_context
def channels(context: click.Context, config: Path | None, as_json: bool) -> None:
    """Show how the daemon's accounts are doing: working, down, refused, or login expired."""
    if context.invoked_subcommand is not None:
        return
    daemon = DaemonClient.of(config)
    rows = daemon.get("/channels")
    if not as_json:
        tables.say_mode(*daemon.mode())
    show(rows, as_json, tables.channels)


@channels.command(short_help="Log in to every account, and say whose each is.")
@click.argument("names", metavar="[NAME...]", nargs=-1)
@common_options
def check(config: Path | None, as_json: bool, names: tuple[str, ...]) -> None:
    """Log in to every account, or to those you name, and say whose each is. Nothing is published."""
    from appealbridge.daemon.assembly import assemble

    assembly = assemble(config)
    accounts = assembly.active.channels
    unknown = [name for name in names if name not in accounts]
    if unknown:
        raise click.UsageError(
            f"unknown channel {unknown[0]}; known: {', '.join(sorted(accounts)) or 'none'}"
        )
    chosen = {name: accounts[name] for name in names or sorted(accounts)}
    rows = asyncio.run(_check(chosen, assembly))
    if as_json:
        say_json(rows)
    else:
        tables.say_mode(assembly.active.mode)
        for row in rows:
            mark = styled("good", "green") if row["good"] else styled("bad", "red")
            limits = f"; {row['limits']}" if row["limits"] else ""
            say(f"{row['name']} ({row['platform']}): ", mark, f", {row['message']}{limits}")
        if not rows:
            say("no channels in the settings")
    if not all(row["good"] for row in rows):
        raise SystemExit(1)


@channels.command(short_help="Show what can be done on each platform.")
@json_option
def abilities(as_json: bool) -> None:
    """Show what AppealBridge can do on each platform, and on those of installed plug-ins."""
    from appealbridge.daemon.assembly import load_plugins
    from appealbridge.plugin.abilities import ABILITIES, limits_of

    registry = load_plugins()
    rows = [
        {
            "platform": channel.platform,
            "action": channel.action,
            **{name: can(channel) for name, can in ABILITIES.items()},
            "limits": limits_of(channel),
        }
        for channel in registry.channels.values()
    ]
    show(rows, as_json, tables.abilities)
    for problem in registry.broken.values():
        say_text(problem.text(), err=True)


async def _check(accounts: Mapping[str, Any], assembly: Any) -> list[dict[str, Any]]:
    from appealbridge.clock import SystemClock
    from appealbridge.engine.time_limit import TimeLimits
    from appealbridge.plugin.http.client import Http
    from appealbridge.plugin.http.session import open_session
    from appealbridge.redact import Redactor

    clean = Redactor(set(assembly.secrets())).clean
    async with open_session(policy=assembly.egress.publishing) as session:
        http = Http(session, clean, now=SystemClock().now, timeout=SECONDS)
        limits = TimeLimits(SystemClock())
        watching = asyncio.create_task(limits.run())
        checks = (_check_channel(name, bound, http, limits) for name, bound in accounts.items())
        try:
            return list(await asyncio.gather(*checks))
        finally:
            watching.cancel()


async def _check_channel(name: str, bound: Any, http: Any, limits: Any) -> dict[str, Any]:
    from appealbridge.engine.time_limit import GaveUp
    from appealbridge.model.errors import DeliveryError
    from appealbridge.plugin.abilities import limits_of
    from appealbridge.plugin.channel import Tools

    tools = Tools(http, http.now(), random.Random())  # noqa: S311 - a nonce that has to differ, not to be secret
    try:
        checking = bound.channel.check(bound.account, tools)
        message = await limits.within(3 * SECONDS, checking)
    except (DeliveryError, GaveUp) as error:
        good, message = False, str(error)
    except Exception as error:  # noqa: BLE001 - what a plug-in breaks over concerns its own account
        good, message = False, tools.clean(f"the plug-in failed: {fault(error)}")
    else:
        good, message = True, message or "this platform offers no way to check a login"
    return {
        "name": name,
        "platform": bound.channel.platform,
        "good": good,
        "message": message,
        "limits": limits_of(bound.channel),
    }
