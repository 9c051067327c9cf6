"""The Batch data plane: documents in, the service's own wire shapes out."""
