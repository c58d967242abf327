"""What happens, and when: intake, dispatch, attempt, and all that waits in between."""
