"""HTTP plumbing shared by all planes: requests, responses, routing, rendering of errors."""
