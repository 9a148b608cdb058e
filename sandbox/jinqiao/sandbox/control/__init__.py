"""What can be asked of a run over HTTP: one table of calls, and what is made from it."""
