"""The channel for posts on X."""
