"""The stand-in for Pulumi's `azure-native` provider: a process of its own between the Pulumi engine and ARM.

Pure parts: `tables` (what each type is), `paths`, `naming`, `check`, `translate`, `difference`, `drift`, `values`.
Effects: `client` (HTTP to ARM), `servicer` (gRPC from the engine), `__main__` (the process).
"""
