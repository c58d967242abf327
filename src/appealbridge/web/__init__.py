"""HTTP: checks the size of requests, passes them on, and answers."""
