"""Server-side subscription: consumer groups, and which of them gets what of which product."""
