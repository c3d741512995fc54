"""What holds the backends together: suites that any of them must pass."""
