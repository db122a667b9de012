"""How the small models that ship were trained: `python -m assistant.training`."""
