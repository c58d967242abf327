"""The log: one line for each thing that happened, with the ids concerned."""

from appealbridge.logs.events import Level, LogEvent, Value
from appealbridge.logs.libraries import libraries
from appealbridge.logs.log import Log, final_message, standard_log
from appealbridge.logs.output import Output

__all__ = [
    "Level",
    "Log",
    "LogEvent",
    "Output",
    "Value",
    "final_message",
    "libraries",
    "standard_log",
]
