"""Managers: async, without HTTP. Commands come down to them, facts go up from them as events."""
