"""The threads that read PLCs: one loop each, their supervisor."""
