"""Tries recipes out without a channel: their own tests, previews, and past events."""
