"""The HTTP server: sockets, threads, streams. Knows nothing of pages."""
