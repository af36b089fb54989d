"""The files: PHA, RMF, ARF to arrays and back."""
