"""Results as a reader or another program wants them: text and JSON. Decides nothing, prints nothing."""
