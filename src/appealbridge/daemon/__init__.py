"""The daemon: puts its parts together, starts, reloads and stops them."""
