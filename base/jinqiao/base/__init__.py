"""The floor every room stands on: errors, YAML documents with positions, and what flows between the rooms.

Imports nothing of the project.
"""
