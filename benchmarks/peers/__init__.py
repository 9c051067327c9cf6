"""Other queues of commands, each run by the interpreter of an environment of its own. They do less: no durable state of
a task, no directory, no output files, no protocol that is checked.
"""
