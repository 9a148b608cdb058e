"""Recordings on the command line: record live topics, convert, replay."""
