"""Networks, written once as calls of a `GraphBuilder`."""
