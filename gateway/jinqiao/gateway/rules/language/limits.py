"""How large a statement, and what it makes of a message, may be."""

from __future__ import annotations

__all__ = ["MAX_DEPTH", "MAX_FIELDS", "MAX_PATH", "MAX_SQL", "MAX_TEXT"]

#: Fields of a SELECT: the platform's own limit.
MAX_FIELDS = 50
#: Characters of a whole statement; ours.
MAX_SQL = 8_192
#: How deep expressions nest, parentheses that group nothing aside; ours.
MAX_DEPTH = 32
#: Steps of a path; ours. JSON from devices is bounded likewise.
MAX_PATH = 32
#: Characters of a text that a function makes; what would be longer is null. Ours: the bytes of the largest message.
MAX_TEXT = 256 * 1024
