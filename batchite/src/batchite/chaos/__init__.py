"""Drills: failures on demand, at the edges of the server. Nothing here acts unless a drill was asked for."""
