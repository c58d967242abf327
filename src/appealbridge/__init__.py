"""AppealBridge: appeals and incidents in, posts out; approved, once, in time, and taken back when the case closes."""

__version__ = "0.2.0"
