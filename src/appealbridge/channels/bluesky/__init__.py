"""The channel for posts on Bluesky."""
