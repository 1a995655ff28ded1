"""Readers of street networks drawn by others, each giving a `controller.junction.StreetNetwork`.

They need nothing but the standard library, numpy and `controller`.
"""
