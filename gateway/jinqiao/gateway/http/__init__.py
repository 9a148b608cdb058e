"""The HTTP port. Imported only where it is served."""
