"""AppealBridge as it is run for real: settings, recipes, secrets from the environment, a store on the disk."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.events import SECRET
from benchmarks.program import Program, free_port, running

SETTINGS = """\
listen: 127.0.0.1:{port}
store: sqlite:///{folder}/bridge.db
recipes: recipes/
channels:
{channels}webhooks:
  bench:
    secrets: [!secret bench_hook]
"""

CHANNEL = """\
  {name}:
    platform: mastodon
    api: http://127.0.0.1:{sink}
    concurrency: 64
    rate: {rate}
    credentials: {{ access_token: !secret bench_token }}
"""

CHANNELS = ("bench_mastodon", "bench_news", "bench_traffic", "bench_appeals")
"""The accounts; the recipes post to the first of them."""

_RECIPE = """\
alias: Incident {number}
description: A collision goes to Mastodon.
triggers:
  - trigger: webhook
    webhook_id: {webhook}
conditions:
  - field: $.data.severity
    in: [{severity}]
variables:
  headline: $.data.title
actions:
  - action: mastodon_post
    channel: bench_mastodon
    text: "{{{{ headline }}}} {{{{ event.data.id }}}}"
approval: none
"""

ENVIRONMENT = {
    "APPEALBRIDGE_SECRET_BENCH_HOOK": f"whsec_{SECRET}",
    "APPEALBRIDGE_SECRET_BENCH_TOKEN": "bench-token-of-the-far-platform",
}


def write(
    folder: Path,
    port: int,
    sink: int,
    *,
    recipes: int,
    severity: str,
    channels: Sequence[str],
    rate: str,
    settings_besides: str = "",
    steps_besides: str = "",
) -> Path:
    """Make a fresh home for one run: `recipes` recipes, of which the first hears the bench's webhook."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "recipes").mkdir(parents=True)
    settings = folder / "appealbridge.yaml"
    others = "".join(
        f"  desk-{n}: {{ secrets: [!secret bench_hook] }}\n" for n in range(1, min(recipes, 20))
    )
    accounts = "".join(CHANNEL.format(name=name, sink=sink, rate=rate) for name in channels)
    text = SETTINGS.format(port=port, folder=folder, channels=accounts)
    settings.write_text(text + others + settings_besides)
    for n in range(recipes):
        webhook = "bench" if n == 0 else f"desk-{n % 19 + 1}" if recipes > 19 else f"desk-{n}"
        text = _RECIPE.format(number=n, webhook=webhook, severity=severity)
        text = text.replace("approval: none", f"{steps_besides}approval: none")
        (folder / "recipes" / f"incident-{n:04d}.yaml").write_text(text)
    return settings


@asynccontextmanager
async def bridge(
    folder: Path,
    sink: int,
    *,
    recipes: int = 1,
    severity: str = "major, critical",
    channels: Sequence[str] = CHANNELS[:1],
    rate: str = "null",
    store: Path | None = None,
    started_by: Sequence[str] = (),
    settings_besides: str = "",
    steps_besides: str = "",
) -> AsyncIterator[Program]:
    """Run the daemon in a fresh folder, on a copy of a `store`; the folder is removed after a run that went well."""
    port = free_port()
    settings = write(
        folder, port, sink, recipes=recipes, severity=severity, channels=channels, rate=rate,
        settings_besides=settings_besides, steps_besides=steps_besides,
    )  # fmt: skip
    if store is not None:
        shutil.copyfile(store, folder / "bridge.db")
    command = [
        *(started_by or [str(Path(sys.executable).with_name("appealbridge"))]),
        "run",
        "--config",
        str(settings),
    ]
    async with running(command, port, folder.with_suffix(".log"), ENVIRONMENT) as program:
        yield program
    shutil.rmtree(folder)
