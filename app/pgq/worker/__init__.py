"""The process that runs tasks: claimer → executor → completer, with a listener, a lease keeper and a ticker."""
