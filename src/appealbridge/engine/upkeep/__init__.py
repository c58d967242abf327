"""Periodic work: expires deliveries, removes old content, and reports what is stuck."""
