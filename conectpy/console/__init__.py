"""What a person sees in a terminal: command line, log, tables."""
