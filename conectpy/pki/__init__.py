"""Certificates and trust, shared by drivers, web and console."""
