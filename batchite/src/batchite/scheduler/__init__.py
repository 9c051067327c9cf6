"""The pure core: events in, changes and commands out. No I/O, clock, thread or randomness."""
