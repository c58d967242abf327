"""The daemon: how its parts are put together, started, told to reload, and stopped."""
