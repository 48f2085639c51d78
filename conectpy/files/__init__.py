"""Files that deserve care: such as only we may read, others hold just now, or people save in many encodings."""
