"""Rules as the platform keeps them: what they select, and what is done with it. The engine is a neighbour."""
