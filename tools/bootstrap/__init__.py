"""Brings everything the project needs onto a machine that has Python and its package registries, and nothing else.

Standard library only. Every step says what it does and why, does nothing when its result is there, and says what to do
next when it fails. Results lie in `.venv`, in `.tools` and in the user's cache folder; nothing else is touched.
"""
