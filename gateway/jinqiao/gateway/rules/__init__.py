"""Rules: what a customer wants done with messages, written in the platform's SQL."""
