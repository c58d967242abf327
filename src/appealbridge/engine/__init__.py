"""The engine: accepts events, plans and sends deliveries, and keeps track of everything that waits."""
