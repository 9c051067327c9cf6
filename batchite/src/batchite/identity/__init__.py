"""Who calls: a local Entra authority, shared keys, node identities, certificates, the clients' environment."""
