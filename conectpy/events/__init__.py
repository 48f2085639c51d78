"""Everything about events: detector, the one writer, readers, run hours, the file."""
