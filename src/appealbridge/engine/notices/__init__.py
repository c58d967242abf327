"""Tells people what went wrong or waits for them."""
