"""The product's own code on reference cases, and the page of what came out: see ``scripts/agreement.py``."""
