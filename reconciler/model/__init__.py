"""What the files mean: parse, validate, write back canonically. No Git, no network."""
