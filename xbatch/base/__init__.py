"""What every layer shares: errors, digests, atomic writes. Standard library only."""
