"""Submit workloads to Azure Batch, follow them and fetch what they produce: `python -m jobs`."""
