"""Who may tell the controller what, and the proof of it.

It may import `controller`, and is the only package that will ever open a socket or a
database. Nothing in it touches a lamp: every order is a lease handed to the sequencer.
"""
