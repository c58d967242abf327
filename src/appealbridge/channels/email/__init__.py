"""The channel for mail."""
