"""What `validate` has to say, and the forms in which people, editors and CI systems read it."""
