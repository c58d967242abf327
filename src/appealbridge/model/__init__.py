"""The values that every other part of the program uses: events, runs, deliveries and others."""
