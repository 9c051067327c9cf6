"""The node agent: a node is a directory and a set of slots, a task is a process group started without a shell."""
