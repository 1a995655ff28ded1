"""People on foot and in buses: kerbs and crossings, timetables, stops, and the feed that tells of buses.

It may import `movement` for the vehicles people look out for or ride in.
"""
