"""Streets to be tested on: importers of real networks, SUMO, and the measures taken there.

It may import `controller` and `override`. libsumo is imported in `sumo_street` only,
and only when a run starts, so that everything else works without the `[sumo]` extra.
"""
