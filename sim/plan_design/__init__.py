"""Fixed plans made from demand: cycle, split, offset and order of stages for each hour of the day."""
