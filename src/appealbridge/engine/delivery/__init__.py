"""From a stored delivery to its receipt: dispatch, lanes, attempts, retries, and how the accounts are."""
