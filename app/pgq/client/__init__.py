"""How programs submit tasks and follow them."""
