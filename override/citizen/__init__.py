"""The citizen at the pole: flags, the evidence for them, what safe thing is done, and what all may read."""
