"""The calls, by what they are about: each a row's handler with the shape of its answer."""
