"""The practice WordPress."""
