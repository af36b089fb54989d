"""What each task does: files in, files out (native engine)."""
