"""The main job, shown on this machine: real daemon, practice platforms, throw-away store."""
