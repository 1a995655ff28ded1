"""Who travels, when and by which way: drawn for a generated city, or read from SUMO route files.

It gives `Drives` and `Walks` before the first second, and knows nothing of how they move.
"""
