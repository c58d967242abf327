"""`send`: sends a signed body to a webhook and shows what came of it; tries a body without sending it."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import click

from appealbridge.cli import tables
from appealbridge.cli.common import WRONG_USE, assembly_of, common_options, fail
from appealbridge.cli.output import say, say_json, show_lines, styled
from appealbridge.clock import SystemClock
from appealbridge.documents import InvalidDocuments, Problem
from appealbridge.documents.diagnostic import did_you_mean
from appealbridge.files import read_file
from appealbridge.model.duration import written
from appealbridge.model.errors import Refused
from appealbridge.plugin.receiver import Request
from appealbridge.settings.filling import is_placeholder
from appealbridge.settings.load import address_here

WAIT_SECONDS = 5.0
"""How long to wait for the deliveries that an event causes."""

_EVERY = 0.2
_MOST_HEADERS = 50
_PLACE = re.compile(r"line (\d+) column (\d+)")
_UNDER_WAY = frozenset({"ready", "sending"})
_EXAMPLE_ID = "msg_example"

header_option = click.option(
    "--header",
    "headers",
    metavar="'NAME: VALUE'",
    multiple=True,
    help="Another header of the sender, such as 'Content-Type: application/cloudevents+json'. May be repeated.",
)


webhook_option = click.option(
    "--webhook",
    metavar="NAME",
    default="",
    help="The file is a body as the sender of this webhook sends it.",
)


@click.command(short_help="Send a body to a webhook, signed, and show what came of it.")
@click.argument("webhook", metavar="WEBHOOK")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Send nothing, and show what would come of it.")
@click.option(
    "--url",
    default="",
    help="Send to this address, such as the public one. If left out, to the daemon on this machine.",
)
@header_option
@common_options
def send(
    config: Path | None,
    as_json: bool,
    headers: tuple[str, ...],
    url: str,
    dry_run: bool,
    file: Path,
    webhook: str,
) -> None:
    """
    Send a body to a webhook as its sender would, and show what came of it.

    WEBHOOK is its name in the settings, whose secret signs the body. FILE has the body, byte for byte; - is standard
    input. It goes to the daemon of these settings and nowhere else, unless --url says so.
    """
    assembly = assembly_of(config)
    hook = hook_of(assembly, webhook)
    content = body_in(file, hook)
    extra = headers_in(headers)
    if dry_run:
        now = SystemClock().now()
        dry_run_shown(assembly, tried(assembly, webhook, file, content, extra, now), as_json)
        return
    if any(is_placeholder(value) for value in hook.options.model_dump().values()):
        names = ", ".join(sorted(assembly.settings.missing))
        fail(f"the secret of webhook {webhook} was not found here; missing: {names}")
    address, path = _target(assembly, config, webhook, url)
    signed = _signed(hook, webhook, content, extra)
    if "authorization" in signed and not _private(address):
        fail("this address is not encrypted, and the secret would be sent to it; use https://")
    mode = assembly.active.mode
    status, answered, answer = _sent(assembly, address, path, content, signed)
    caused = [] if url or status >= 400 else _caused(config, answer)
    if as_json:
        place = f"{address}{path}"
        say_json(
            {"mode": mode, "url": place, "status": status, "answer": answer}
            | {"deliveries": caused}
        )
    else:
        if not url:
            tables.say_mode(mode)
        say(f"sent to {address}{path}")
        _tell(status, answered, answer)
        if caused:
            tables.deliveries(caused)
            _what_next(caused)
    if status >= 400 or status < 200:
        raise SystemExit(1)


def hook_of(assembly: Any, webhook: str) -> Any:
    """Return a webhook of the settings; end the command if there is none of this name."""
    hook = assembly.active.hooks.get(webhook)
    if hook is None:
        known = assembly.active.hooks
        cure = did_you_mean(webhook, known) or f"known: {', '.join(sorted(known)) or 'none'}"
        fail(f"unknown webhook {webhook!r}; {cure}", WRONG_USE)
    return hook


def body_in(file: Path, hook: Any) -> bytes:
    """Return the body in a file; end the command if it is longer than the webhook accepts."""
    limit = hook.receiver.body_limit(hook.options)
    path = Path("/dev/stdin") if str(file) == "-" else file
    content = read_file(path, limit, pipes=True)
    if len(content) > limit:
        fail(f"{file}: the body may have at most {limit} bytes; send less at once")
    return content


def headers_in(texts: Sequence[str]) -> dict[str, str]:
    """Return the headers of `--header`, names in lower case."""
    if len(texts) > _MOST_HEADERS:
        raise click.BadParameter(f"give at most {_MOST_HEADERS} headers", param_hint="--header")
    headers = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if not (colon and re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name)):
            raise click.BadParameter(
                f"write it as 'Name: value', not {text!r}", param_hint="--header"
            )
        headers[name.lower()] = value.strip()
    return headers


def tried(
    assembly: Any,
    webhook: str,
    file: Path,
    content: bytes,
    headers: Mapping[str, str],
    now: float,
) -> Any:
    """Return what a body becomes; raise `InvalidDocuments` if the webhook would refuse it."""
    from appealbridge.recipes.rehearsal.body import try_body

    hook = hook_of(assembly, webhook)
    signed = hook.receiver.sign(hook.options, content, now, _EXAMPLE_ID) or {}
    everything = {"content-type": "application/json", **signed, **headers}
    request = Request(everything, content, now)
    try:
        return try_body(assembly.book, hook.source, hook.receiver, hook.options, request)
    except Refused as refused:
        problem, _, cure = str(refused).partition("; ")
        place = _PLACE.search(problem)
        line, column = map(int, place.groups()) if place else (1, 1)
        answer = f"webhook {webhook} would answer {refused.status}"
        cure = f"{cure}; {answer}" if cure else answer
        raise InvalidDocuments([Problem(str(file), line, column, "", problem, cure)]) from None


def dry_run_shown(assembly: Any, body: Any, as_json: bool) -> None:
    """Print what a body becomes, and what every recipe that wants it would post."""
    from appealbridge.recipes.rehearsal.preview import preview_of

    shown = [[preview_of(recipe, each.event) for recipe in each.recipes] for each in body.events]
    if as_json:
        events = body_json(body)
        for row, previews in zip(events["events"], shown, strict=True):
            row["previews"] = [preview.as_json() for preview in previews]
        say_json({"mode": assembly.active.mode, **events})
        return
    tables.say_mode(assembly.active.mode)
    for line in body_lines(body):
        say(line)
    for number, previews in enumerate(shown, start=1):
        for preview in previews:
            say()
            which = f", event {number}" if len(shown) > 1 else ""
            say(styled(f"{preview.recipe} would post{which}:", "bold"))
            show_lines(preview.lines)


def body_json(body: Any) -> dict[str, Any]:
    """Return what a body becomes, for programs."""
    return {
        "events": [
            {
                "type": each.event.type,
                "subject": each.event.subject,
                "key": None if each.event.key == _EXAMPLE_ID else each.event.key,
                "time": tables.iso(each.event.time),
                "hold": each.event.hold or None,
                "recipes": [recipe.name for recipe in each.recipes],
                "not_for": dict(each.others),
                "differences": list(each.differences),
            }
            for each in body.events
        ],
        "count": len(body.received.events),
        "why_none": body.received.why_none or None,
        "left_out": body.received.left_out or None,
    }


def body_lines(body: Any) -> Iterator[str]:
    """Yield lines for people about what a body becomes."""
    received = body.received
    if not received.events:
        yield f"no event: {received.why_none or 'the body has none'}"
    for number, each in enumerate(body.events, start=1):
        which = f" {number} of {len(received.events)}" if len(received.events) > 1 else ""
        yield f"event{which}"
        yield from (f"  {line}" for line in _event_lines(each))
    if len(received.events) > len(body.events):
        yield f"and {len(received.events) - len(body.events)} more events"
    if received.left_out:
        yield f"left out: {received.left_out}"


def _event_lines(each: Any) -> Iterator[str]:
    event, repeats = each.event, each.draft.repeats
    own = event.subject != event.key
    yield f"type      {event.type}"
    yield f"subject   {event.subject if own or event.key != _EXAMPLE_ID else 'the same as the key'}"
    if event.key == _EXAMPLE_ID:
        yield "key       the webhook-id header, which the sender makes anew for each message"
    elif repeats.within is not None:
        period = written(repeats.within)
        yield f"key       {event.key}, the hash of the body: the same body is a repeat for {period}"
    else:
        yield f"key       {event.key}"
    if each.draft.time is None:
        yield "time      when it arrives, since the body gives none"
    else:
        yield f"time      {tables.clock(tables.iso(event.time))}"
    if event.hold:
        yield f"held      {event.hold}"
    yield f"wanted by {', '.join(recipe.name for recipe in each.recipes) or 'no recipe'}"
    for name, why in each.others.items():
        yield f"          not {name}: {why}"
    for difference in each.differences:
        yield f"note      {difference}"


def _signed(hook: Any, webhook: str, content: bytes, extra: Mapping[str, str]) -> dict[str, str]:
    message_id = f"msg_{secrets.token_hex(12)}"
    proof = hook.receiver.sign(hook.options, content, SystemClock().now(), message_id)
    if proof is None:
        fail(f"the plug-in of webhook {webhook} does not say how to sign for it")
    return {"content-type": "application/json", **proof, **extra}


def _target(assembly: Any, config: Path | None, webhook: str, url: str) -> tuple[str, str]:
    """Return the server and the path to send to."""
    own = f"/hooks/{quote(webhook, safe='')}"
    if not url:
        return _listening(assembly, config), own
    try:
        where = urlsplit(url)
        good = where.scheme in ("http", "https") and where.hostname and not where.username
        good = bool(good) and (where.port is None or where.port > 0)
    except ValueError:
        good = False
    if not good or not url.isascii() or not url.isprintable() or " " in url:
        fail(f"--url must be http://… or https://…, not {url!r}", WRONG_USE)
    path = where.path if where.path.strip("/") else own
    return f"{where.scheme}://{where.netloc}", path + (f"?{where.query}" if where.query else "")


def _listening(assembly: Any, config: Path | None) -> str:
    """Return where the daemon of these settings listens."""
    from appealbridge.cli.client import DaemonClient

    listen = assembly.settings.daemon.listen
    if listen.path is not None:
        return f"unix:{listen.path}"
    if address := address_here(config):
        return address
    # The settings leave the address open, and the running daemon knows it.
    control = DaemonClient.of(config).store.control()
    if control is None:
        fail("no daemon is running here, and `listen:` gives no address; use --url")
    return control.url


def _private(address: str) -> bool:
    """Return whether nobody can read along on the way to an address: it is on this machine, or encrypted."""
    where = urlsplit(address)
    if where.scheme != "http":
        return True
    host = where.hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _sent(
    assembly: Any, address: str, path: str, content: bytes, headers: Mapping[str, str]
) -> tuple[int, Mapping[str, str], Any]:
    from appealbridge.cli.client import post_body

    # As for everything outside: the daemon's own address, and others inside, are reached directly.
    host = urlsplit(address).hostname
    proxy = assembly.egress.proxy_for(host) if host else None
    authorities = assembly.settings.authorities
    try:
        status, answered, body = post_body(address, path, content, headers, proxy, authorities)
    except ConnectionRefusedError:
        if proxy is not None:
            fail(f"nothing listens at {proxy}, the proxy of the settings")
        fail(f"nothing listens at {address}; start the daemon with: appealbridge run")
    except FileNotFoundError:
        fail(f"there is no socket at {address}; start the daemon with: appealbridge run")
    except PermissionError:
        fail(f"no permission to open {address}; run this as a user who may send to it")
    except (OSError, ValueError) as error:
        through = f" through the proxy {proxy}" if proxy else ""
        fail(f"{address} does not answer{through}: {error}")
    try:
        return status, answered, json.loads(body)
    except ValueError:
        return status, answered, body[:500].decode(errors="replace")


def _tell(status: int, headers: Mapping[str, str], answer: Any) -> None:
    """Print an answer in words."""
    fields = answer if isinstance(answer, dict) else {}
    ids = _ids(fields)
    if status >= 400:
        detail = fields.get("detail") or (answer if isinstance(answer, str) else "no reason given")
        say(styled(f"refused ({status})", "red"), f": {detail}")
        if status == 401:
            say(
                "if the name is right, the daemon has another secret than these settings: try appealbridge reload"
            )
        if "retry-after" in headers:
            say(f"send it again in {headers['retry-after']} seconds")
    elif 300 <= status < 400:
        say(styled(f"not accepted ({status})", "red"), ": this address leads elsewhere")
    elif not ids:
        say(f"answered ({status}): {fields.get('why') or json.dumps(answer)[:300]}")
    elif status == 200:
        say(f"repeat (200): it came before, as event {', '.join(ids)}; nothing happens again")
    else:
        say(styled(f"accepted ({status})", "green"), f": event {', '.join(ids)}, ", _wanted(fields))


def _wanted(fields: Mapping[str, Any]) -> str:
    count = fields.get("recipes")
    if not isinstance(count, int):
        return "stored"
    return f"wanted by {count or 'no'} recipe{'' if count == 1 else 's'}"


def _ids(fields: Mapping[str, Any]) -> list[str]:
    several = fields.get("events") or [fields.get("event")]
    return [each for each in several if isinstance(each, str)][:20]


def _caused(config: Path | None, answer: Any) -> list[dict[str, Any]]:
    """Return the deliveries that the events caused, after a wait for their ends; none if we may not ask."""
    import asyncio

    from appealbridge.cli.client import DaemonClient, NotAMember

    ids = _ids(answer) if isinstance(answer, dict) else []
    try:
        daemon = DaemonClient.of(config)
    except (NotAMember, PermissionError):
        return []
    if daemon.control is None:
        return []
    sleep, rows = SystemClock().sleep, list[dict[str, Any]]()
    for _ in range(int(WAIT_SECONDS / _EVERY)):
        rows = [
            row for id_ in ids for row in daemon.get("/deliveries", {"event": id_, "limit": 50})
        ]
        if not any(row["state"] in _UNDER_WAY for row in rows):
            break
        asyncio.run(sleep(_EVERY))
    return rows


def _what_next(rows: Sequence[Mapping[str, Any]]) -> None:
    """Say by which command a person lets each go that is held, for one reason after the other."""
    held = [(row, row.get("holds") or [row["hold"]]) for row in rows if row["state"] == "held"]
    to_approve = [str(row["number"]) for row, holds in held if "approval" in holds]
    if to_approve:
        first, *more = sorted(to_approve, key=int)
        also = f" (then {', '.join(more)})" if more else ""
        say(f"to read and publish it: appealbridge approve {first}{also}")
    accepted = [row["recipe"] for row, holds in held if "acceptance" in holds]
    for recipe in dict.fromkeys(accepted):
        say(f"once an admin accepts it: appealbridge recipes accept {recipe}")
    others = [
        str(row["number"]) for row, holds in held if not {"approval", "acceptance"} & {*holds}
    ]
    if others:
        say(f"to publish what is held: appealbridge release {' '.join(others)}")
