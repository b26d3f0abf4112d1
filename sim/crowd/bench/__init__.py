"""Experiments with measured outcomes, and how fast the crowd is: ``python -m sim.crowd.bench``."""
