"""The Flireo API as Python values, told to servers that behave and servers that do not."""
