"""What the platform forwards to a customer's back end: its own events as the messages of its documentation (73736)."""
