"""What every request passes before its route: ASGI middlewares, one concern each."""
