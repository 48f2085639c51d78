"""Files that deserve care: such as only we may read."""
