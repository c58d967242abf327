"""Posts on a Mastodon account."""
