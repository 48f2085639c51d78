"""Options, typed settings, and the reader of the configuration."""
