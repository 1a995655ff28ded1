"""What reaches the controller of the truth: detectors, and how they fall ill.

Nothing else of the city may be seen by a controller.
"""
