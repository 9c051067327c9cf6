"""Command lines of Batchite."""
