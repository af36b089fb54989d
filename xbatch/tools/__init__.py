"""External toolsets as engines (HEASoft, SAS)."""
