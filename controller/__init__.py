"""Belisha's controller: decides which signal groups may be green, and explains why.

It may know numpy, numba, networkx and msgpack (the journal only). It knows no
simulator, no socket, no screen, no wall clock and no randomness: everything it
learns about the world arrives as a `Frame` of sensor readings, everything it does
leaves as lamps, and time is an integer number of milliseconds given by the caller.
"""
