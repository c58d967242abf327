"""Images of messages: prepared before a delivery is sent or held, and uploaded before their message."""
