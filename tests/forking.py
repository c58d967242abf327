"""
Processes that need not load the program: each is forked from one that has loaded it once.

A forked process has its own id, standard files, folder, environment, umask and limits, and ends as any other does. What
differs: all modules are loaded, its hashes have the seed of the process it comes from, and this one is its parent. A
test that is about one of these, or about a start itself, starts a new process.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT

from tests.fork_server import NUMBER

ROOT = Path(__file__).parents[1]
READ_AT_START = re.compile("PYTHON|LC_|LANG|LD_|MALLOC_")
"""The variables that only a new process takes notice of."""

LIMITS = [kind for name, kind in vars(resource).items() if name.startswith("RLIMIT_")]
PIPE_BYTES = 64 * 1024
"""How much a pipe takes before anybody reads it."""


class Forked:
    """A process, with what our tests use of `asyncio.subprocess.Process`."""

    def __init__(
        self,
        pid: int,
        told: socket.socket,
        stdout: asyncio.StreamReader | None,
        stderr: asyncio.StreamReader | None,
    ) -> None:
        self.pid = pid
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        self._end = asyncio.ensure_future(self._ends(told))

    async def _ends(self, told: socket.socket) -> int:
        with told:
            self.returncode = await _told(told)
        return self.returncode

    async def wait(self) -> int:
        """Return its exit status when it has ended, or minus the signal that it died of."""
        return await asyncio.shield(self._end)

    def send_signal(self, name: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, name)

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    async def communicate(self) -> tuple[bytes, bytes]:
        """Return all that it prints, when it has ended."""
        printed = await asyncio.gather(_all(self.stdout), _all(self.stderr))
        await self.wait()
        return printed


async def start(
    *arguments: str,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    given: bytes = b"",
    stdout: int | None = None,
    stderr: int | None = None,
) -> Forked:
    """
    Start what `python ARGUMENTS` starts; `given` is all that it can read.

    Its outputs are files, or what `asyncio.create_subprocess_exec` takes; without any, those of this process.
    """
    values = os.environ if environment is None else environment
    server = _server(_read_at_start(os.environ))
    if server.environment != _read_at_start(values):
        raise ValueError("Python reads some of these variables when it starts: start it anew")
    with ExitStack() as passed:
        to_read, to_write = os.pipe()
        passed.callback(os.close, to_read)
        with os.fdopen(to_write, "wb", 0) as writing:
            assert len(given) <= PIPE_BYTES
            writing.write(given)
        out, printed = await _output(stdout, 1, passed)
        err, complained = (out, None) if stderr == STDOUT else await _output(stderr, 2, passed)
        told, telling = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        passed.enter_context(telling)
        told.setblocking(False)
        server.ask(
            (to_read, out, err, telling.fileno()),
            arguments=arguments,
            environment=dict(values),
            folder=str(folder or Path.cwd()),
            umask=_umask(),
            ignored=[
                name for name in signal.valid_signals() if signal.getsignal(name) is signal.SIG_IGN
            ],
            limits=[(kind, resource.getrlimit(kind)) for kind in LIMITS],
        )
    return Forked(await _told(told), told, printed, complained)


def run(*arguments: str, **more: object) -> subprocess.CompletedProcess[bytes]:
    """Run it to its end where there is no event loop; return what it printed."""

    async def ran() -> subprocess.CompletedProcess[bytes]:
        process = await start(*arguments, **{"stdout": PIPE, "stderr": PIPE, **more})  # type: ignore[arg-type]
        async with asyncio.timeout(100):
            stdout, stderr = await process.communicate()
        assert process.returncode is not None
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    return asyncio.run(ran())


class _Server:
    """The process that others are forked from."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self._asks, requests = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with requests:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fork_server", str(requests.fileno())],
                cwd=ROOT,
                stdin=DEVNULL,
                stdout=DEVNULL,
                pass_fds=[requests.fileno()],
            )
        atexit.register(self._end)

    def ask(self, files: tuple[int, ...], **request: object) -> None:
        socket.send_fds(self._asks, [json.dumps(request).encode()], files)

    def _end(self) -> None:
        self._asks.close()
        self._process.wait()


_servers: list[_Server] = []


def _server(environment: Mapping[str, str]) -> _Server:
    if not _servers:
        _servers.append(_Server(environment))
    return _servers[0]


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if READ_AT_START.match(name)}


def _umask() -> int:
    """Return the umask without setting it, which other threads would notice."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("Umask:")[2].split()[0], 8)


async def _output(
    wanted: int | None, inherited: int, passed: ExitStack
) -> tuple[int, asyncio.StreamReader | None]:
    """Return the file to pass on, and where to read what is written to it."""
    if wanted == DEVNULL:
        null = os.open(os.devnull, os.O_WRONLY)
        passed.callback(os.close, null)
        return null, None
    if wanted != PIPE:
        return inherited if wanted is None else wanted, None
    to_read, to_write = os.pipe()
    passed.callback(os.close, to_write)
    stream = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(to_read, "rb", 0)
    )
    return to_write, stream


async def _all(stream: asyncio.StreamReader | None) -> bytes:
    return await stream.read() if stream else b""


async def _told(told: socket.socket) -> int:
    message = await asyncio.get_running_loop().sock_recv(told, NUMBER.size)
    if not message:
        raise RuntimeError("the process that others are forked from has ended")
    (number,) = NUMBER.unpack(message)
    return int(number)
