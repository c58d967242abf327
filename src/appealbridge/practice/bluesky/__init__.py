"""The practice Bluesky."""
