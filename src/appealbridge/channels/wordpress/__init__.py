"""The channel for posts on a WordPress site."""
