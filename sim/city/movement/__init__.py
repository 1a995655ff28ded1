"""How vehicles move, a second at a time, over arrays: following, changing lanes, giving way, departing.

It may import the records of `roads` and `trips`; it knows no controller, only lamps.
"""
