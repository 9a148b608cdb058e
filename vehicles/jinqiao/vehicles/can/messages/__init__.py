"""The messages of the three buses, one file a bus. Synthetic: a generic electric car."""
