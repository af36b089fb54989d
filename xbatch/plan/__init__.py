"""A specification to an ordered plan of steps."""
