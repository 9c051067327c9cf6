"""Blob storage: Azurite in a launcher of our own, behind a gateway that enforces identity."""
