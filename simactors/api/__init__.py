"""What users write: Ray's functions and decorators, on whatever backend is open."""
