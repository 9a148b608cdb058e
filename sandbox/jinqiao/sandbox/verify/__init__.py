"""The catalogue against what was published: run every car, compare every figure, show it as a table or a page."""
