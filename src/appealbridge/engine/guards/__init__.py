"""Holds deliveries for review when they exceed a rate or repeat a recent text."""
