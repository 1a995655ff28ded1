"""Degradation curves: how long people wait when a growing part of the detectors fails, beside the fixed plan.

`jobs` says which runs that takes and keeps each as one file, `runs` plays one in the city or in SUMO,
`curves` sets them beside the fixed plan of the same place and seed, `page` and `commands` show them.
"""
