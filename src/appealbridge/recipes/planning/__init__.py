"""From a recipe and an event to the deliveries that are planned."""
