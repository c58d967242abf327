"""The log: one line for each thing that happened, with the ids concerned."""

from appealbridge.logs.events import Level, LogEvent, Value
from appealbridge.logs.libraries import libraries
from appealbridge.logs.log import Log, last_words, standard_log
from appealbridge.logs.output import Output

__all__ = ["Level", "Log", "LogEvent", "Output", "Value", "last_words", "libraries", "standard_log"]
