"""Remote login: a small SSH server for every node that somebody wants to enter, on loopback only."""
