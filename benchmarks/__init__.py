"""What the product costs, each metric beside a floor or a rival, measured in the same run; see `__main__`."""
