"""The log: one line for each thing that happened, with the ids concerned."""

from appealbridge.logs.libraries import libraries
from appealbridge.logs.log import Log, last_words, standard_log
from appealbridge.logs.output import Output
from appealbridge.logs.said import Level, Said, Value

__all__ = ["Level", "Log", "Output", "Said", "Value", "last_words", "libraries", "standard_log"]
