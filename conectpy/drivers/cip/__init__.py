"""EtherNet/IP beneath logix.py: the connection, the tags and what is known of them, the plan of a scan."""
