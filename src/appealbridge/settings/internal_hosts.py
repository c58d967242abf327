"""Notes about hosts in the settings that are inside the network but not allowed by `inside:`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from pydantic import BaseModel

from appealbridge.documents import Document, Problem
from appealbridge.plugin.egress import EgressPolicy, entry_for
from appealbridge.settings.model import DaemonSettings


def not_allowed(
    document: Document, daemon: DaemonSettings, options: Mapping[str, Mapping[str, BaseModel]]
) -> Iterator[Problem]:
    """
    Yield a note for each account or source whose host name is inside the network and not allowed.

    `options` has what was read, by section and name. No name is looked up here, so others may be inside as well.
    """
    policy = EgressPolicy(tuple(daemon.inside))
    for section, named in options.items():
        for name, model in named.items():
            written: Mapping[str, object] = {}
            with suppress(Exception):  # a plug-in that fails here fails again where it is used
                written = model.model_dump()
            for option, value in written.items():
                is_url = isinstance(value, str) and "://" in value
                entry = entry_for(str(value), policy) if is_url else ""
                if entry:
                    host = entry.partition(":")[0]
                    message = (
                        f"{host} is a name inside your network; AppealBridge does not connect to it"
                    )
                    cure = f'add "{entry}" to inside:'
                    yield document.problem((section, name, option), message, cure, level="note")
