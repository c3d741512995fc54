"""Many runs of one program: running it once, hunting over seeds, replaying what was found."""
