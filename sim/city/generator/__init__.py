"""What draws a city from a seed: layout, junctions, right of way, programs, buses; and a file SUMO plays.

It gives `SumoNet` records, the same that the reader of SUMO networks gives, and knows no traffic.
"""
