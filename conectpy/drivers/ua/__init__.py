"""OPC UA beneath opc_ua.py: the secure channel, the session, what is read and how it is decoded."""
