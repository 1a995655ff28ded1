"""The operator's console: shows and asks, never decides.

It may import `override` (its client) and `controller.vocabulary`. It imports no
kernel, so that a first screen never waits for a compiler.
"""
