"""What `/data` says of a PLC and of a tag, key by key with its type and meaning."""
