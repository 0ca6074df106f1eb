"""What reports problems: payloads of monitoring tools into problem files. Pure: bytes in, reports out, no I/O.

A new sender is one file here.
"""
