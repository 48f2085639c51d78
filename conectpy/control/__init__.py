"""How commands reach a running program: `<event file>.control`, a loopback socket, a key."""
