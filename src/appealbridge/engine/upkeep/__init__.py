"""What is done from time to time: deliveries expire, old content is removed, and what is stuck is reported."""
