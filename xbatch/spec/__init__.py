"""YAML text to a checked specification."""
