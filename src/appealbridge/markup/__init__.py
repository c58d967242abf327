"""Reads HTML and feeds from strangers safely, within limits."""
