"""One run: a simulator process and a gateway process, the link between them, the live table and the summary."""
