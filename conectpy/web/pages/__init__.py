"""One module per page or endpoint."""
