"""A folder of recipes as a large force would have them: of every sort, each about something else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bridge import CHANNEL, SETTINGS

ACCOUNTS = ("bench_mastodon", "bench_appeals")
DESKS, FEEDS = 40, 20
MATCHING = 3
"""How many recipes want the bench's events, however many there are."""

_MORE = """\
feeds:
{feeds}
appeals:
  website: {{ folder: appeals }}
lists:
  press: [desk@example-radio.example, news@example-paper.example]
people:
  bob: {{ name: Bob }}
"""

_MATCHING = """\
alias: Collisions, as told by desk {n}
triggers: [{{ trigger: webhook, webhook_id: bench }}]
conditions:
  - {{ field: $.data.severity, in: [major, critical] }}
  - {{ field: $.data.area.name, equals: Birmingham }}
variables: {{ headline: $.data.title }}
actions:
  - action: mastodon_post
    channel: bench_mastodon
    text: "Desk {n}: {{{{ headline }}}} {{{{ event.data.id }}}}"
approval: none
"""

_ROAD = """\
alias: Road closed in ward {n}
description: Drivers in ward {n} are told that a road is closed, and why.
triggers:
  - {{ trigger: webhook, webhook_id: {desk} }}
conditions:
  - {{ field: $.data.area.ward, equals: Ward {n} }}
  - {{ field: $.data.lanes_closed, above: {some} }}
variables:
  road: $.data.road
  why: "{{{{ event.data.data.reason | default('an incident') }}}}"
actions:
  - action: mastodon_post
    channel: bench_mastodon
    text: |
      {{{{ road }}}} is closed in ward {n} because of {{{{ why }}}}.
      Please use another route. {{{{ event.data.id }}}}
approval: none
publish_within: {some}h
tests:
  - name: drivers in ward {n} are told where and why
    event:
      type: road.closed
      data: {{ id: a, data: {{ road: A38, lanes_closed: 9, area: {{ ward: Ward {n} }} }} }}
    expect: [{{ text: "A38 is closed in ward {n}*" }}]
"""

_NEWS = """\
alias: News of unit {n}
description: What unit {n} writes on the website goes to its followers.
triggers:
  - {{ trigger: feed, feed: news-{feed}, on: [new, changed] }}
conditions:
  - {{ field: $.title, contains: Unit {n} }}
actions:
  - action: mastodon_post
    channel: bench_mastodon
    text: "{{{{ event.data.title | shorten(200) }}}} {{{{ event.data.link }}}} #Unit{n}"
approval: bob
publish_within: 6h
"""

_APPEAL = """\
alias: Missing in neighbourhood {n}
description: An appeal goes out at once; a reminder after three days if it is still open.
triggers:
  - {{ trigger: appeal, on: [new], kinds: [missing, witness], areas: [Neighbourhood {n}] }}
variables:
  where: "{{{{ appeal.area | default('our area') }}}}"
actions:
  - action: mastodon_post
    id: first
    channel: bench_appeals
    text: "Missing from {{{{ where }}}}: {{{{ appeal.title | shorten(300) }}}} {{{{ appeal.url }}}}"
  - wait_for: appeal.closed
    timeout: 3d
    on_timeout:
      - action: mastodon_post
        channel: bench_appeals
        text: "{{{{ appeal.title | shorten(300) }}}} is still missing. {{{{ results.first.url }}}} #{n}"
      - stop: reminded once
  - action: mastodon_post
    channel: bench_appeals
    text: "Found: {{{{ appeal.title | shorten(300) }}}}. Thank you, neighbourhood {n}."
approval: bob
"""

_WEATHER = """\
alias: Weather in district {n}
description: A warning goes to the public, by its level and by the hour.
triggers:
  - {{ trigger: webhook, webhook_id: {desk}, types: [weather.warning.{n}] }}
actions:
  - choose:
      - conditions: [{{ field: $.level, equals: red }}]
        sequence:
          - action: mastodon_post
            channel: bench_mastodon
            text: "Danger to life in district {n}: {{{{ event.data.words | plain | shorten(300) }}}}"
      - conditions: "{{{{ now.hour >= 22 or now.hour < 7 }}}}"
        sequence:
          - delay: {{ until: "07:00" }}
          - action: mastodon_post
            channel: bench_mastodon
            text: "District {n}: {{{{ event.data.words | plain | shorten(300) }}}}"
    default:
      - action: mastodon_post
        channel: bench_appeals
        text: "District {n}: {{{{ event.data.words | plain | shorten(300) }}}}"
approval: none
mode: restart
"""

_OTHERS = (_ROAD, _NEWS, _APPEAL, _WEATHER)


def recipes(count: int, *, shared: bool) -> Iterator[tuple[str, str]]:
    """
    Yield so many recipes by name, of which `MATCHING` want the bench's events.

    `shared`: all others are for the same webhook, and differ by a field.
    """
    for n in range(count):
        if n < MATCHING:
            yield f"collisions-{n}", _MATCHING.format(n=n)
            continue
        text = _ROAD if shared else _OTHERS[n % len(_OTHERS)]
        desk = "bench" if shared else f"desk-{n % DESKS}"
        yield (
            f"recipe-{n:05}",
            text.format(n=n, desk=desk, feed=n % FEEDS, some=n % 7 + 1),
        )


def write(folder: Path, port: int, sink: int, count: int, *, shared: bool = False) -> Path:
    """Make a fresh home with so many recipes; return its settings."""
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("recipes", "appeals"):
        (folder / part).mkdir(parents=True)
    accounts = "".join(CHANNEL.format(name=name, sink=sink, rate="null") for name in ACCOUNTS)
    desks = "".join(f"  desk-{n}: {{ secrets: [!secret bench_hook] }}\n" for n in range(DESKS))
    feeds = "".join(
        f"  news-{n}: {{ url: 'http://127.0.0.1:{sink}/feed/{n}', every: 1d }}\n"
        for n in range(FEEDS)
    )
    settings = folder / "appealbridge.yaml"
    text = SETTINGS.format(port=port, folder=folder, channels=accounts)
    settings.write_text(text + desks + _MORE.format(feeds=feeds))
    for name, text in recipes(count, shared=shared):
        (folder / "recipes" / f"{name}.yaml").write_text(text)
    return settings
