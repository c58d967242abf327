"""Plans the deliveries of a recipe for an event."""
