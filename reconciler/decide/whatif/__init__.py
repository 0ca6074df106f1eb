"""What other files of people would have made of past problems, pure: recorded steps and two sets of files in.

What a step recorded is all that is known of the past. Where other files lead to something that nobody did then, what
would have come of it is unknown, and said to be (ADR 0120).
"""
