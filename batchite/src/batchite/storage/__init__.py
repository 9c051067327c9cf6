"""Durable state: an ordered key-value store over SQLite, its in-memory twin, and group commit."""
