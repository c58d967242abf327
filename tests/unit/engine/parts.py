"""The surroundings of a part of the engine in a test."""

import io
import random
from types import SimpleNamespace

from appealbridge.engine.context import EngineContext
from appealbridge.engine.report import Report
from appealbridge.logs import Log, Output
from appealbridge.metrics import Metrics


def context_of(store, clock, **more):
    """Return a context with a store and a clock; what is not given is real, or missing."""
    values = {
        "rng": random.Random(7),
        "report": Report(Log(Output(io.BytesIO(), clock.now)), Metrics()),
        "clean": lambda text: text,
    }
    missing = dict.fromkeys(("tasks", "http", "source_http", "free_space"))
    alarms = more.pop("alarms", None)
    context = EngineContext(**{**missing, **values, **more}, store=store, clock=clock)
    if alarms is not None:
        vars(context)["alarms"] = SimpleNamespace(raise_alarm=alarms)
    return context
