"""The layer table of docs/architecture.md, held to the code; and the code, held to the table."""

from __future__ import annotations

import ast
import graphlib
import re
import sys
from collections import Counter
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.imports import PACKAGE, files, imports, imports_of, module_name, nodes

ARCHITECTURE = Path(__file__).parents[1] / "docs" / "architecture.md"
LONGEST, LONGEST_FUNCTION, LONGEST_CLASS, MODULES = 500, 102, 316, 24
"""Lines of a file, a function and a class, and modules of a folder, at the most."""
IMPURE = {
    "aiohttp", "asyncio", "concurrent", "logging", "multiprocessing", "os", "smtplib", "socket",
    "sqlite3", "subprocess", "threading", "time", "urllib.request", "uvloop",
}  # fmt: skip


STORE = "appealbridge.store"


class Layer(NamedTuple):
    may: frozenset[str]
    must_not: frozenset[str]
    everything: bool


def ticked(cell: str) -> frozenset[str]:
    return frozenset(re.findall(r"`([\w.*]+)`", cell))


def table() -> dict[str, Layer]:
    text = ARCHITECTURE.read_text("utf-8")
    rows = text[text.index("| folder | may import | must not |") :].splitlines()
    layers = {}
    for row in rows[2:]:
        if not row.startswith("|"):
            break
        folders, may, must_not = row.strip("|").split("|")
        assert ticked(may) or may.strip() in {"nothing of ours", "all"}, row
        layer = Layer(ticked(may), ticked(must_not), everything=may.strip() == "all")
        layers |= dict.fromkeys(ticked(folders), layer)
    return layers


LAYERS = table()


def pure_parts() -> list[str]:
    section = ARCHITECTURE.read_text("utf-8").partition("## What is pure")[2].partition("\n## ")[0]
    return sorted(ticked(section))


def covers(rule: str, name: str) -> bool:
    """Whether a name of the table stands for a dotted name; `plugin.*` only for what is below."""
    if rule.endswith(".*"):
        return name.startswith(rule[:-1])
    return name == rule or name.startswith(f"{rule}.")


def wrong(folder: str, imported: str) -> str:
    """Why a file of a folder may not import this; empty if it may."""
    layer = LAYERS[folder]
    ours = imported == "appealbridge" or imported.startswith("appealbridge.")
    name = imported.removeprefix("appealbridge").removeprefix(".") if ours else imported
    if "." in name and name in layer.may:  # a door of its own in a folder that is closed otherwise
        return ""
    if any(covers(rule, name) for rule in layer.must_not):
        return f"{folder} must not import {imported}"
    if not ours or layer.everything or covers(folder, name):
        return ""
    if any(covers(rule, name) for rule in layer.may):
        return ""
    return f"{folder} may not import {imported}"


def folder_of(file: Path) -> str:
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def test_every_folder_stands_in_the_table_and_nothing_else():
    assert {folder_of(file) for file in files()} - {"__init__"} == set(LAYERS)


def test_every_name_in_the_table_is_a_folder_a_file_or_a_library_in_use():
    ours = {module_name(file).removeprefix("appealbridge.") for file in files()}
    libraries = {module.name.partition(".")[0] for file in files() for module in imports(file)}
    for layer in LAYERS.values():
        assert layer.may <= ours
        assert {rule.removesuffix(".*") for rule in layer.must_not} <= ours | libraries


@pytest.mark.parametrize("file", files(), ids=module_name)
def test_a_file_imports_what_its_folder_may(file):
    if file == PACKAGE / "__init__.py":
        assert imports(file) == ()
        return
    folder = folder_of(file)
    assert [
        f"{file.name}:{module.line}: {why}"
        for module in imports(file)
        if (why := wrong(folder, module.name))
    ] == []


SPELLINGS = {
    "import": "import appealbridge.engine.delivery.gate",
    "as": "import appealbridge.engine.delivery.gate as g",
    "from": "from appealbridge.engine.delivery.gate import gate",
    "from the package": "from appealbridge.engine import gate",
    "from the root": "from appealbridge import engine",
    "relative": "from ..engine import gate",
    "relative to the root": "from .. import engine",
    "star": "from appealbridge.engine import *",
    "inside a function": "def f():\n    from appealbridge.engine import gate",
    "for type checkers": "if TYPE_CHECKING:\n    import appealbridge.engine",
    "in a try": "try:\n    import appealbridge.engine\nexcept ImportError: pass",
    "by name": "importlib.import_module('appealbridge.engine')",
    "by relative name": "import_module('..engine', 'appealbridge.channels')",
    "by the built-in": "__import__('appealbridge.engine')",
    "the door's back rooms": "from appealbridge.plugin.http.client import Http",
    "a neighbour": "from appealbridge.channels import x",
    "a library": "import aiohttp.web as web",
    "a library's name": "from aiohttp import ClientSession",
    "the root itself": "import appealbridge",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_forbidden_import_is_seen_in_every_spelling(spelling):
    result = [*imports_of(spelling, "appealbridge.triggers.planted")]
    assert [each for each in result if wrong("triggers", each.name)]


ALLOWED = [
    "from appealbridge.plugin import Field",
    "from appealbridge.plugin.http import Http",
    "import re",
    "from .. import plugin",
]


@pytest.mark.parametrize("spelling", ALLOWED)
def test_an_allowed_import_is_let_through(spelling):
    result = [*imports_of(spelling, "appealbridge.triggers.planted")]
    assert result
    assert not [each for each in result if wrong("triggers", each.name)]


@pytest.mark.parametrize("folder", ["triggers", "channels"])
def test_plug_ins_do_not_know_their_neighbours(folder):
    near = f"appealbridge.{folder}"
    for file in files(folder):
        own = ".".join(module_name(file).split(".")[:3])
        others = [module.name for module in imports(file) if covers(near, module.name)]
        assert not [name for name in others if not covers(own, name)], file


def test_nothing_below_imports_what_stands_on_top():
    top = {folder for folder, layer in LAYERS.items() if layer.everything}
    expected = {f"appealbridge.{folder}" for folder in top}
    assert "daemon" in top
    assert [
        module_name(file)
        for file in files()
        if folder_of(file) not in top
        for module in imports(file)
        if any(covers(name, module.name) for name in expected)
    ] == []


def test_the_model_knows_only_the_standard_library_and_pydantic():
    allowed = sys.stdlib_module_names | {"pydantic", "pydantic_core", "idna", "appealbridge"}
    for file in files("model"):
        assert {module.name.partition(".")[0] for module in imports(file)} <= allowed, file.name


@pytest.mark.parametrize("part", pure_parts())
def test_a_pure_part_knows_no_loop_thread_network_or_database(part):
    assert files(part), f"{part} is not there"
    for file in files(part):
        names = {module.name for module in imports(file)}
        assert not [n for n in names if any(covers(rule, n) for rule in IMPURE)], file.name


def test_a_file_that_says_it_is_pure_is_held_to_it():
    parts = [f"appealbridge.{part}" for part in pure_parts()]
    saying = [
        module_name(file) for file in files() if "Pure" in (ast.get_docstring(nodes(file)[0]) or "")
    ]
    assert saying
    assert [name for name in saying if not any(covers(part, name) for part in parts)] == []


@cache
def calls(file: Path) -> set[str]:
    """
    Every call by the last two parts of its name: `time.time`, `asyncio.sleep`, `datetime.now`.

    `asyncio.sleep(0)` only gives others their turn, so it is left out.
    """
    result = set()
    for node in nodes(file):
        if isinstance(node, ast.Call) and ast.unparse(node) != "asyncio.sleep(0)":
            result.add(".".join(ast.unparse(node.func).split(".")[-2:]))
    return result


ASKS_THE_TIME = re.compile(
    r"time\.(time|time_ns|monotonic|monotonic_ns|perf_counter|perf_counter_ns|sleep)"
    r"|asyncio\.sleep|(datetime|dt)\.(now|utcnow)|date\.today"
)


@pytest.mark.parametrize("file", files(), ids=module_name)
def test_only_the_clock_asks_for_the_time(file):
    requested = sorted(call for call in calls(file) if ASKS_THE_TIME.fullmatch(call))
    assert (requested == []) == (file != PACKAGE / "clock.py"), requested


CONNECTS = {
    "ClientSession", "TCPConnector", "UnixConnector", "open_connection", "open_unix_connection",
    "create_connection", "create_unix_connection", "create_datagram_endpoint", "sock_connect",
    "start_connection", "connect_ex", "urlopen", "HTTPConnection", "HTTPSConnection", "SMTP", "SMTP_SSL",
    "FTP", "getaddrinfo", "gethostbyname", "socket",
}  # fmt: skip
MAY_CONNECT = {
    "appealbridge.plugin.http.session": {
        "socket",
        "sock_connect",
        "create_connection",
    },  # the one door
    "appealbridge.channels.email.smtp": {"SMTP"},  # on a socket of the door
    "appealbridge.cli.client": {
        "HTTPConnection",
        "HTTPSConnection",
        "socket",
    },  # to the daemon beside it, or where `send --url` says
    "appealbridge.demo.demo": {"ClientSession"},  # to the practice platforms that it starts
    "appealbridge.demo.live": {"ClientSession"},  # to the daemon and the platforms of the demo
    "appealbridge.files": {"socket"},  # of Unix
    "appealbridge.daemon.systemd": {"socket"},  # of Unix, and those that systemd hands over
    "appealbridge.web.server": {"socket"},  # to listen
    "appealbridge.testing.at_rest": {"socket"},  # looks at sockets that are there
    "appealbridge.testing.channel_contract": {
        "socket"
    },  # takes a port, on which it does not listen
}
LIBRARIES_THAT_CONNECT = {
    "requests", "httpx", "urllib3", "urllib.request", "http.client", "smtplib", "ftplib", "aiosmtplib", "websockets",
}  # fmt: skip


def test_only_the_one_door_connects_to_anything_outside_the_program():
    result = {
        module_name(file): {call.rpartition(".")[2] for call in calls(file)} & CONNECTS
        for file in files()
    }
    assert {name: result for name, result in result.items() if result} == MAY_CONNECT
    assert {
        module_name(file)
        for file in files()
        for module in imports(file)
        if any(covers(library, module.name) for library in LIBRARIES_THAT_CONNECT)
    } <= set(MAY_CONNECT)


def test_only_the_sqlite_store_knows_sqlite():
    inside = f"{STORE}.sqlite"
    outside = [file for file in files() if not covers(inside, module_name(file))]
    for file in outside:
        names = {module.name for module in imports(file)}
        assert "sqlite3" not in names, file.name
        if module_name(file) != f"{STORE}.opening":
            assert not [name for name in names if covers(inside, name)], file.name
        assert not re.search(r"PRAGMA|wal_checkpoint|sqlite_schema", file.read_text("utf-8")), (
            file.name
        )


def test_the_door_connects_by_one_kind_of_connector_that_is_made_once():
    """It asks the policy, at every socket, and takes a proxy from the policy alone."""
    text = (PACKAGE / "plugin" / "http" / "session.py").read_text("utf-8")
    assert text.count("(aiohttp.TCPConnector)") == 1
    assert text.count("socket.socket(family") == 1
    assert "trust_env" not in text
    assert "getproxies" not in text
    assert "proxy_for(" in text


@pytest.mark.parametrize("folder", ["triggers", "channels"])
def test_a_plug_in_neither_sleeps_nor_loops_nor_speaks(folder):
    for file in files(folder):
        for node in nodes(file):
            endless = isinstance(node, ast.While) and isinstance(node.test, ast.Constant)
            assert not endless, f"{file.name}:{node.lineno}"
        last = {call.rpartition(".")[2] for call in calls(file)}
        forbidden = {"sleep", "print", "getLogger", "create_task", "ensure_future"}
        if module_name(file) == "appealbridge.channels.email.smtp":  # reads answers while it writes
            forbidden -= {"create_task"}
        assert not last & forbidden, file.name


def lengths(*kinds: type[ast.AST]) -> dict[str, int]:
    """How many lines each function or class of the program has."""
    return {
        f"{module_name(file)}.{node.name}": node.end_lineno - node.lineno + 1
        for file in files()
        for node in nodes(file)
        if isinstance(node, kinds)
    }


def test_no_folder_has_more_modules_than_one_can_look_through():
    count = Counter(file.parent for file in files() if file.stem not in {"__init__", "__main__"})
    assert {folder.name: number for folder, number in count.items() if number > MODULES} == {}


@pytest.mark.parametrize("file", files(), ids=module_name)
def test_no_file_is_longer_than_one_idea(file):
    assert len(file.read_text("utf-8").splitlines()) <= LONGEST


def test_functions_and_classes_are_short():
    long = lengths(ast.FunctionDef, ast.AsyncFunctionDef)
    assert {name: lines for name, lines in long.items() if lines > LONGEST_FUNCTION} == {}
    assert {n: lines for n, lines in lengths(ast.ClassDef).items() if lines > LONGEST_CLASS} == {}


def test_no_two_classes_have_the_same_name():
    count = Counter(
        node.name for file in files() for node in nodes(file) if isinstance(node, ast.ClassDef)
    )
    assert [name for name, times in count.items() if times > 1] == []


def test_no_field_of_a_log_line_takes_the_place_of_its_time_level_or_event():
    taken = {"ts", "level", "event"}
    for file in files("engine") + files("daemon") + files("logs"):
        for node in nodes(file):
            if isinstance(node, ast.Call) and "LogEvent" in ast.unparse(node):
                assert not taken & {keyword.arg for keyword in node.keywords}, (
                    file.name,
                    node.lineno,
                )
            if isinstance(node, ast.Dict) and file.name == "report.py":
                names = {key.value for key in node.keys if isinstance(key, ast.Constant)}
                assert not taken & names, (file.name, node.lineno)


def test_no_modules_import_each_other_in_a_circle():
    """Neither at their top, nor inside a function, nor only for type checkers: each can be read before its users."""
    modules = {module_name(file): file for file in files()}
    above = {
        module: {
            name
            for imported in imports(file)
            if (name := _module_of(imported.name, modules)) and name != module
        }
        for module, file in modules.items()
    }
    graphlib.TopologicalSorter(above).prepare()


def _module_of(name: str, modules: Collection[str]) -> str:
    """Return the module that an imported name is in, empty if it is not one of ours."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name
