"""Panels for any notebook front end: traits and commands here, the views in JavaScript."""
