"""What keeps deliveries back for a time: the stop of everything, and quiet hours."""
