"""What came of a run's expectations, for whoever asks: text at its end, JSON, JUnit XML for a CI, a page with plots.

Everything is made of `Facts`, which is what a run leaves behind; nothing here looks into one that runs.
"""
