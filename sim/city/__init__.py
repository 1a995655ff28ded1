"""The city: streets, people and vehicles in arrays, moved by kernels and scheduled by SimPy.

It may import `controller` and the rest of `sim`. State lives in the arrays of `traffic`,
`walkers` and `transit`; SimPy (in `world`) says only when something happens. The controller
sees of it what `street` puts into frames, and nothing else.
"""
