"""One module per resource type: its row and the hooks that are its own."""
