"""Simulated vehicles on the platform: their telemetry comes as columns and becomes packets for those who listen."""
