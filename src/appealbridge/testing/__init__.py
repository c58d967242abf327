"""The kit for authors of plug-ins and stores: a clock, scripted servers, and contract suites."""
