"""What requests hold and answers look like, as the OpenAPI document shows it."""
