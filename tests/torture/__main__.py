"""
`make torture`: is an event ever lost, or published twice, whatever is killed when?

    make torture ARGS="--events 5000 --kills 200 --seed 1 --minutes 5"

The seed decides everything that the driver does: texts and subjects, how long each daemon runs, when events are sent,
when the disk fills and the clock jumps, and the order of the faults. It cannot decide in which order processes, threads
and sockets get their turn, so the same seed may need several runs to find the same fault again.

The disk fills by a limit on the size of the daemon's files (RLIMIT_FSIZE, which needs no rights):
SQLite sees EFBIG, not ENOSPC, and handles both as a write that failed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from appealbridge.clock import SystemClock
from tests.torture.play import Outcomes, Size, play

SHOWN = 40
"""How many broken promises are printed at most."""


def main() -> int:
    """Run, print the result, and return the exit status."""
    options = _arguments()
    seed = random.randrange(10**6) if options.seed is None else options.seed
    size = Size(options.events, options.kills, options.minutes * 60)
    folder = Path(tempfile.mkdtemp(prefix="appealbridge-torture-"))
    print(f"seed={seed}", flush=True)
    clock = SystemClock()
    begun = clock.monotonic()
    try:
        outcomes = asyncio.run(_played(folder, seed, size))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print(f"\nbroken off; everything is in {folder}", file=sys.stderr)
        return 1
    except BaseException:
        print(f"everything is in {folder}", file=sys.stderr)
        raise
    _tell("")
    print(f"took {clock.monotonic() - begun:.0f} s")
    _print(outcomes)
    if outcomes.wrong:
        print(f"everything is in {folder}; the same torture again: --seed {seed}")
    else:
        shutil.rmtree(folder)
    print(outcomes.summary())
    return 1 if outcomes.wrong else 0


async def _played(folder: Path, seed: int, size: Size) -> Outcomes:
    """Run, and end every process on SIGTERM as on Ctrl-C."""
    playing = asyncio.ensure_future(play(folder, seed, size, _tell))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
    return await playing


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make torture", description="Kill the daemon, and count.")
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, help="one of before, to have its torture again")
    parser.add_argument(
        "--minutes",
        type=float,
        default=5.0,
        help="how long the daemon lives in all between its kills",
    )
    return parser.parse_args()


def _print(outcomes: Outcomes) -> None:
    for text in outcomes.wrong[:SHOWN]:
        print(text)
    if len(outcomes.wrong) > SHOWN:
        print(f"… and {len(outcomes.wrong) - SHOWN} more")
    for text in outcomes.left_out:
        print(f"left out: {text}")
    print("answers:", ", ".join(f"{many} x {of}" for of, many in sorted(outcomes.answers.items())))
    print("attempts:", ", ".join(f"{of} {many}" for of, many in sorted(outcomes.attempts.items())))
    print("held:", ", ".join(f"{of} {many}" for of, many in sorted(outcomes.held.items())))
    verdict = outcomes.verdict
    print(
        f"withdrawn: {verdict.removed} removed, {verdict.from_view} of them from readers' view, "
        f"{verdict.tasks} left for a person"
    )
    print(
        f"corrected: {verdict.edited} edits, {verdict.replies} replies, {verdict.replaced} published anew"
    )
    print("refused in the platform's own words:", outcomes.verdict.refused)


def _tell(expected: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{expected:<70}")
        sys.stderr.flush()


sys.exit(main())
