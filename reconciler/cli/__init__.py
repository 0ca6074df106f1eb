"""The commands: one file a verb in `commands/`, and around them what all of them share.

Nothing here decides anything. A command reads its options, calls what is below, prints what it learned, and returns
its exit code.
"""
