"""A plan to a run: scheduler, workers, store, journal."""
