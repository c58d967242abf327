"""The channel for posts on a Mastodon account."""
