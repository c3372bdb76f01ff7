"""The webhook receiver: an ASGI app that stores what Flireo sends before it says thank you."""
