"""The numbers: arrays in, arrays out."""
