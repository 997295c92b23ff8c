"""The whole of it in a real Chromium: page, host, sound and face."""
