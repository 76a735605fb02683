"""Prepare whole folders of photographs."""
