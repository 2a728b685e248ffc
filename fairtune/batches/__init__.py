"""Samples on their way to the net: splits on a device, transforms, orders of sampling."""
