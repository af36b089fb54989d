"""One small module per verb: parsing and printing only."""
