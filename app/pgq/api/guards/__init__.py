"""What every request passes before its route: ASGI middlewares, one concern each.

One that only looks at a request is a plain function that gives the next one's coroutine: each layer of awaiting is
passed again whenever a request goes on.
"""
