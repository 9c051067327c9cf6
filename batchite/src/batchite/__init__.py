"""Batchite: a local Azure Batch. The library part (`batchite.autoscale`) has no dependencies."""
