"""Events that other systems send as signed requests."""
