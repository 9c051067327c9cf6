"""What the Makefile runs: bootstrap, demo, checks. Nothing that is deployed imports it."""
