"""The channel for posts on a Facebook Page."""
