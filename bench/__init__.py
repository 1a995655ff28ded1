"""Measures and compares: budgets as ratios inside one run, never wall-clock asserts in tests.

It may import everything; nothing imports it and it is never installed.
"""
