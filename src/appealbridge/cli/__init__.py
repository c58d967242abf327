"""The command line. It parses arguments, calls other parts and prints; it decides nothing."""
