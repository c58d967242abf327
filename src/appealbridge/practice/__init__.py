"""Practice platforms that speak the real APIs on this machine: for the demo, training and tests."""

from appealbridge.practice.app import LISTEN, SMTP, Sandbox, build, main, serve

__all__ = ["LISTEN", "SMTP", "Sandbox", "build", "main", "serve"]
